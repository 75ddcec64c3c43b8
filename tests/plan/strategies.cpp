#include <eigenformer/plan.hpp>

#include <cmath>
#include <set>

#include <doctest/doctest.h>

namespace plan_strategies {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using ef::Index;

namespace {

/// Messages that a device sends in a step of data parallelism.
double sent(plan::DataParallelOptions o) {
  o.message_bytes = 1e9;
  return plan::data_parallel_traffic(o).total_bytes() / 1e9;
}

}  // namespace

TEST_CASE("data parallelism sends an all-reduce, FSDP half as much again, stages 2 and 3 each micro-batch") {
  const double share = 63.0 / 64;  // a ring of 64
  for (const int stage : {0, 1, 2})
    CHECK(sent({.devices = 64, .zero_stage = stage}) == doctest::Approx(2 * share));
  CHECK(sent({.devices = 64, .zero_stage = 3}) == doctest::Approx(3 * share));
  for (const int stage : {0, 1})
    CHECK(sent({.devices = 64, .zero_stage = stage, .micro_batches = 8}) == doctest::Approx(2 * share));
  CHECK(sent({.devices = 64, .zero_stage = 2, .micro_batches = 8}) == doctest::Approx(9 * share));
  CHECK(sent({.devices = 64, .zero_stage = 3, .micro_batches = 8}) == doctest::Approx(24 * share));
  CHECK(sent({.devices = 1, .zero_stage = 3}) == 0);
}

TEST_CASE("hybrid shards send within their group, and an all-reduce of their share between groups") {
  const plan::DataParallelTraffic t =
      plan::data_parallel_traffic({.message_bytes = 1e9, .devices = 64, .zero_stage = 3, .shard_devices = 8});
  CHECK(t.within_shard_bytes == doctest::Approx(3e9 * 7 / 8));
  CHECK(t.between_shard_bytes == doctest::Approx(2e9 / 8 * 7 / 8));
  // A group that is everything is a full shard.
  CHECK(sent({.devices = 64, .zero_stage = 3, .shard_devices = 64}) ==
        sent({.devices = 64, .zero_stage = 3}));
  const auto memory = plan::training_memory(
      {.parameters = 1'000'000'000, .zero_stage = 3, .devices = 64, .shard_devices = 8});
  CHECK(memory.total_bytes() == doctest::Approx(16e9 / 8));
}

TEST_CASE("tensor and pipeline parallelism divide states, and send activations") {
  const plan::TrainingJob job{.config = plan::published("gpt3-175b").config, .sequences = 64};
  const plan::StrategyCost cost = plan::strategy_cost(job, {.tensor_parallel = 8, .pipeline_parallel = 16});
  const double parameters = static_cast<double>(plan::count_parameters(job.config).total());
  CHECK(cost.memory.model_state_bytes() == doctest::Approx(16 * parameters / 128));
  CHECK(cost.micro_batches == 64);
  CHECK(cost.bubble.over_ideal == doctest::Approx(15.0 / 64));
  const double hidden = 2048.0 * 12288 * 2;  // bytes of an activation
  // 6 of 96 layers on a stage, two sums forward and two backward, 2 · 7/8 of the message each, 64 times
  CHECK(cost.tensor_parallel_bytes == doctest::Approx(6 * 4 * 2 * 7.0 / 8 * hidden * 64));
  CHECK(cost.pipeline_bytes == doctest::Approx(2 * 64 * hidden / 8));
  CHECK(cost.data_parallel.total_bytes() == 0);
  // PaLM's branches share one sum; full recomputation makes three of two.
  plan::TrainingJob palm{.config = plan::published("palm-540b").config, .sequences = 4};
  const plan::Strategy tensor{.tensor_parallel = 4};
  const double selective = plan::strategy_cost(palm, tensor).tensor_parallel_bytes;
  CHECK(selective == doctest::Approx(118.0 * 2 * 2 * 3 / 4 * 2048 * 18432 * 2 * 4));
  palm.recompute = plan::Recompute::full;
  CHECK(plan::strategy_cost(palm, tensor).tensor_parallel_bytes == doctest::Approx(1.5 * selective));
}

TEST_CASE("strategies are called by the names that people search for") {
  CHECK(plan::strategy_text({}) == "one device");
  CHECK(plan::strategy_text({.data_parallel = 8}) == "DDP × 8");
  CHECK(plan::strategy_text({.data_parallel = 8, .zero_stage = 2}) == "ZeRO-2 × 8");
  CHECK(plan::strategy_text({.data_parallel = 64, .zero_stage = 3, .shard_devices = 8}) ==
        "FSDP hybrid shard (ZeRO-3) × 64 in shards of 8");
  CHECK(plan::strategy_text({.tensor_parallel = 8, .pipeline_parallel = 2}) == "tensor × 8, pipeline × 2");
}

TEST_CASE("few key/value heads are there once for each device of tensor parallelism") {
  ef::ModelConfig c = plan::published("llama-2-7b").config;
  c.head = ef::Head::none;
  const auto bytes = [&](Index heads, Index tensor) {
    c.n_key_value_heads = heads;
    return plan::activation_bytes({.config = c,
                                   .tokens = 128,
                                   .recompute = plan::Recompute::selective,
                                   .tensor_parallel = tensor,
                                   .sequence_parallel = true});
  };
  CHECK(bytes(8, 8) / bytes(8, 1) == doctest::Approx(1.0 / 8));
  CHECK(bytes(1, 8) == doctest::Approx(bytes(8, 8)));  // each device holds one head anyhow
  CHECK(bytes(1, 1) < bytes(8, 1));
}

TEST_CASE("the time of a step counts each byte on the link that it takes") {
  const plan::TrainingJob job{.config = plan::published("gpt2-xl").config, .sequences = 64};
  const plan::Cluster cluster{.devices = 16, .memory_bytes = 80e9};
  const auto time = [&](const plan::Strategy& s) {
    return plan::step_time(job, plan::strategy_cost(job, s), cluster);
  };
  const plan::StepTime t = time({.data_parallel = 16});
  const double sequence = plan::training_flops({.config = job.config, .tokens = 1024}, job.recompute);
  CHECK(t.compute_seconds == doctest::Approx(sequence * 64 / 16 / 125e12));
  CHECK(t.idle_seconds == 0);
  const double weights = 2.0 * static_cast<double>(plan::count_parameters(job.config).total());
  CHECK(t.communication_seconds == doctest::Approx(2 * weights * 15 / 16 / 25e9));  // the ring leaves a node
  CHECK(time({.data_parallel = 8}).communication_seconds == doctest::Approx(2 * weights * 7 / 8 / 300e9));
  const plan::StepTime piped = time({.data_parallel = 4, .pipeline_parallel = 4});
  CHECK(piped.idle_seconds == doctest::Approx(piped.compute_seconds * 3 / 16));
  CHECK(piped.total_seconds() == piped.compute_seconds + piped.idle_seconds + piped.communication_seconds);
}

TEST_CASE("the best strategy fits, is the fastest of all that do, and says what stood beside it") {
  for (const char* model : {"llama-7b", "gpt3-13b", "t5-11b", "bert-large-uncased"}) {
    CAPTURE(model);
    const plan::TrainingJob job{.config = plan::published(model).config, .sequences = 256, .micro_batch = 0};
    const plan::Cluster cluster{.devices = 64, .memory_bytes = 80e9};
    const double room = 0.9 * 80e9;
    const plan::StrategyChoice choice = plan::best_strategy(job, cluster);
    const double seconds = choice.best.time.total_seconds();
    CHECK(choice.best.cost.strategy.devices() == 64);
    CHECK(choice.best.cost.memory.total_bytes() <= room);
    CHECK(choice.reason.find("step is the shortest") != std::string::npos);
    bool fits = true;
    std::set<std::string> names;
    for (const plan::RatedStrategy& r : choice.others) {
      names.insert(plan::strategy_text(r.cost.strategy));
      CHECK((fits || !r.fits));  // those that do not fit come last
      fits = r.fits;
      CHECK((!r.fits || r.time.total_seconds() >= seconds));
      CHECK(r.fits == (r.cost.memory.total_bytes() <= room));
    }
    CHECK(names.size() == choice.others.size());
    CHECK(names.size() >= 4);
    // None that divides and fits is faster, whatever its micro-batch.
    for (Index tensor = 1; tensor <= 8; tensor *= 2)
      for (Index pipeline = 1; pipeline <= 64 / tensor; pipeline *= 2)
        for (int stage = 0; stage <= (pipeline > 1 ? 1 : 3); ++stage)
          for (Index micro_batch = 1; micro_batch <= 256; micro_batch *= 2) {
            plan::TrainingJob one = job;
            one.micro_batch = micro_batch;
            const Index data = 64 / tensor / pipeline;
            if (job.layers() % pipeline || job.config.n_heads % tensor || 256 % (data * micro_batch))
              continue;
            const auto cost = plan::strategy_cost(one, {data, data > 1 ? stage : 0, 0, tensor, pipeline});
            if (cost.memory.total_bytes() > room) continue;
            CHECK(plan::step_time(one, cost, cluster).total_seconds() >= seconds * (1 - 1e-12));
          }
  }
}

TEST_CASE("hybrid shards grow to several nodes where one does not hold a copy") {
  const plan::TrainingJob job{.config = plan::published("llama-65b").config, .sequences = 512};
  const plan::StrategyChoice choice = plan::best_strategy(job, {.devices = 512, .memory_bytes = 80e9});
  const auto hybrid =
      std::find_if(choice.others.begin(), choice.others.end(), [](const plan::RatedStrategy& r) {
        return r.cost.strategy.shard_devices > 8 && r.cost.strategy.tensor_parallel == 1;
      });
  REQUIRE(hybrid != choice.others.end());
  CHECK(hybrid->fits);
  const double room = 0.9 * 80e9;  // half of the shard is too small, or it would have sent less
  plan::Strategy half = hybrid->cost.strategy;
  half.shard_devices /= 2;
  CHECK(plan::strategy_cost(job, half).memory.total_bytes() > room);
}

TEST_CASE("where nothing fits, the least that is needed is named; where nothing divides, what") {
  plan::TrainingJob job{.config = plan::published("llama-7b").config, .sequences = 256};
  CHECK_THROWS_WITH_AS(plan::best_strategy(job, {.devices = 1, .memory_bytes = 80e9}),
                       doctest::Contains("no strategy fits: the leanest needs"), ef::InputError);
  job.sequences = 5;
  CHECK_THROWS_WITH_AS(plan::best_strategy(job, {.devices = 37, .memory_bytes = 80e9}),
                       doctest::Contains("no strategy divides 37 devices, 32 layers and 5 sequences"),
                       ef::InputError);
  CHECK_THROWS_WITH_AS(plan::best_strategy(job, {.devices = 4, .memory_bytes = 80e9, .devices_per_node = 0}),
                       "devices_per_node must be positive, is 0", ef::InputError);
}

TEST_CASE("the fewest devices are the fewest: on every smaller number nothing fits") {
  for (const auto& [name, memory_bytes] :
       {std::pair("llama-7b", 80e9), {"llama-7b", 24e9}, {"gpt2-xl", 12e9}, {"llama-13b", 80e9}}) {
    const std::string model = name;
    CAPTURE(model);
    plan::TrainingJob job{.config = plan::published(model).config, .tokens = 512};
    const plan::StrategyChoice fewest = plan::fewest_devices(job, {.memory_bytes = memory_bytes});
    const Index devices = fewest.best.cost.strategy.devices();
    CAPTURE(devices);
    CHECK(devices > 1);
    CHECK(fewest.best.fits);
    for (Index less = 1; less < devices; ++less) {
      if (devices > 8 && less > 8 && less % 8 != 0) continue;  // beyond a node, whole nodes
      job.sequences = less;
      CHECK_THROWS_WITH_AS(plan::best_strategy(job, {.devices = less, .memory_bytes = memory_bytes}),
                           doctest::Contains("no strategy"), ef::InputError);
    }
  }
  const auto small =
      plan::fewest_devices({.config = plan::published("gpt2").config, .tokens = 64}, {.memory_bytes = 80e9});
  CHECK(small.best.cost.strategy.devices() == 1);
}

TEST_CASE("the largest batch, context, micro-batch and model fit, and one more does not") {
  const ef::ModelConfig c = plan::published("llama-7b").config;
  const plan::TrainingJob job{.config = c};
  const plan::Strategy zero3{.data_parallel = 16, .zero_stage = 3};
  const auto training = [&](Index micro_batch) {
    plan::TrainingJob one = job;
    one.micro_batch = micro_batch;
    return plan::strategy_cost(one, zero3).memory.total_bytes();
  };
  const Index micro_batch = plan::largest_micro_batch(job, zero3, 80e9);
  CHECK(training(micro_batch) <= 80e9);
  CHECK(training(micro_batch + 1) > 80e9);

  const auto states = [&](Index parameters) {
    return plan::training_memory({.parameters = parameters, .zero_stage = 2, .devices = 8}).total_bytes();
  };
  const Index parameters = plan::largest_trainable(80e9, {.zero_stage = 2, .devices = 8});
  CHECK(states(parameters) <= 80e9);
  CHECK(states(parameters + 10) > 80e9);

  const auto inference = [&](Index tokens, Index sequences) {
    return plan::inference_memory({.config = c, .tokens = tokens, .sequences = sequences, .rows = sequences})
        .total_bytes();
  };
  const Index batch = plan::largest_batch({.config = c, .tokens = 1000}, 24e9);
  CHECK(inference(1000, batch) <= 24e9);
  CHECK(inference(1000, batch + 1) > 24e9);
  const Index context = plan::longest_context({.config = c, .sequences = 10, .rows = 10}, 20e9);
  CHECK(inference(context, 10) <= 20e9);
  CHECK(inference(context + 1, 10) > 20e9);
  CHECK(plan::longest_context({.config = c}, 80e9) == 2048);  // the window ends it
  CHECK_THROWS_WITH_AS(plan::largest_batch({.config = c}, 10e9),
                       doctest::Contains("not even one sequence fits"), ef::InputError);
}

}  // namespace plan_strategies
