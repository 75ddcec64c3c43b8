#include <eigenformer/plan.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

namespace plan_splits {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using ef::Index;

namespace {

plan::SplitInferenceOptions split(const char* model, Index devices) {
  return {.inference = {.config = plan::published(model).config}, .devices = devices};
}

double bytes(const plan::SplitInferenceOptions& o) { return plan::split_inference_memory(o).total_bytes(); }

}  // namespace

TEST_CASE("70 billion parameters in Q4_0 on two devices are 40 blocks each, by arithmetic on paper") {
  plan::SplitInferenceOptions o = split("llama-2-70b", 2);
  o.inference.weights = plan::storage_format("Q4_0");
  const plan::InferenceMemory m = plan::split_inference_memory(o);
  // A block: queries and outputs 8,192², keys and values 8,192 × 1,024, three matrices 8,192 × 28,672, two
  // norms. The second device has the output matrix, as large as the first one's embeddings, and the last
  // norm.
  const double block = 2.0 * 8192 * 8192 + 2.0 * 8192 * 1024 + 3.0 * 8192 * 28672 + 2.0 * 8192;
  CHECK(m.weight_bytes == doctest::Approx((40 * block + 32000.0 * 8192 + 8192) * 18 / 32).epsilon(1e-12));
  CHECK(m.cache_bytes == 40.0 * 2 * 1024 * 2 * 4096);  // 40 layers, keys and values, 8 heads of 128, 2 bytes
  CHECK(m.total_bytes() < 0.9 * 24e9);                 // so it fits two cards of 24 GB
  o.inference.weights = plan::storage_format("Q8_0");
  CHECK(bytes(o) > 0.9 * 24e9);
}

TEST_CASE("one device holds what inference_memory() says, and untied parts add up to it") {
  for (const char* model : {"gpt2", "llama-2-7b", "t5-small", "bert-base-uncased", "falcon-7b"}) {
    CAPTURE(model);
    const auto o = split(model, 1);
    CHECK(bytes(o) == plan::inference_memory(o.inference).total_bytes());
    const plan::InferenceMemory whole = plan::inference_memory(o.inference);
    plan::detail::InferencePart sum{};
    for (const auto& part : plan::detail::inference_parts(o.inference)) sum += part;
    CHECK(sum.cache_bytes == whole.cache_bytes);
    const ef::ModelConfig& c = o.inference.config;
    const bool words = c.head == ef::Head::words || c.head == ef::Head::masked_words;
    const double again = words && c.tied_embeddings  // the output matrix, held once more
                             ? 2.0 * static_cast<double>(plan::count_parameters(c).token_embeddings)
                             : 0.0;
    CHECK(sum.weight_bytes == doctest::Approx(whole.weight_bytes + again).epsilon(1e-12));
  }
}

TEST_CASE("the fullest device holds as little as any division of the parts into runs allows") {
  for (const char* model : {"gpt2", "t5-small", "bert-base-uncased"}) {
    for (const Index sequences : {1, 50}) {
      plan::SplitInferenceOptions o = split(model, 3);
      o.inference.sequences = sequences;
      CAPTURE(model);
      const auto parts = plan::detail::inference_parts(o.inference);
      const auto run = [&](std::size_t from, std::size_t to) {
        double sum = 0;
        for (std::size_t i = from; i < to; ++i) sum += parts[i].total_bytes();
        return sum;
      };
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t first = 0; first <= parts.size(); ++first)
        for (std::size_t second = first; second <= parts.size(); ++second)
          least =
              (std::min)(least, (std::max)({run(0, first), run(first, second), run(second, parts.size())}));
      const plan::InferenceMemory m = plan::split_inference_memory(o);
      CHECK(m.weight_bytes + m.cache_bytes == doctest::Approx(least).epsilon(1e-9));
    }
  }
}

TEST_CASE("more devices never hold more each, and beyond a device a part nothing changes") {
  for (const char* model : {"llama-2-7b", "t5-small"}) {
    const Index most = plan::most_inference_devices(split(model, 1).inference.config);
    double before = std::numeric_limits<double>::infinity();
    for (Index devices = 2; devices <= most; ++devices) {
      const double now = bytes(split(model, devices));
      CHECK(now <= before * (1 + 1e-9));
      before = now;
    }
    CHECK(bytes(split(model, most + 100)) == before);
  }
}

TEST_CASE("the fewest devices, the largest batch and the longest context fit, and one more would not") {
  const double room = 0.9 * 24e9;
  plan::SplitInferenceOptions o = split("llama-2-70b", 2);
  o.devices = plan::fewest_inference_devices(o, room);
  CHECK(bytes(o) <= room);
  --o.devices;
  CHECK(bytes(o) > room);
  ++o.devices;
  plan::SplitInferenceOptions larger = o;
  const auto with = [&](Index sequences) {
    larger.inference.sequences = larger.inference.rows = sequences;
    return bytes(larger);
  };
  const Index batch = plan::largest_batch(o, room);
  CHECK(with(batch) <= room);
  CHECK(with(batch + 1) > room);
  o.inference.sequences = o.inference.rows = batch + 1;
  const Index tokens = plan::longest_context(o, room);
  o.inference.tokens = tokens;
  CHECK(bytes(o) <= room);
  o.inference.tokens = tokens + 1;
  CHECK(bytes(o) > room);
  CHECK_THROWS_WITH_AS(plan::fewest_inference_devices(split("llama-2-70b", 1), 1e9),
                       doctest::Contains("one block alone exceeds"), ef::InputError);
  CHECK_THROWS_AS(plan::split_inference_memory(split("gpt2", 0)), ef::InputError);
}

TEST_CASE("an encoder computes all rows of its texts at once, a decoder one of each sequence") {
  const ef::ModelConfig bert = plan::published("bert-base-uncased").config;
  const ef::ModelConfig gpt2 = plan::published("gpt2").config;
  CHECK(plan::pass_rows(gpt2, 1024, 3) == 3);
  CHECK(plan::pass_rows(bert, 512, 3) == 3 * 512);
  // 4 bytes × 512 rows × (4 hidden states of 768, and 3,072 between the feed-forward matrices) a text
  const double room = 1e9, text = 4.0 * 512 * (4 * 768 + 3072);
  const double weights = plan::inference_memory({.config = bert}).weight_bytes;
  CHECK(plan::largest_batch({.config = bert}, room) ==
        static_cast<Index>(std::floor((room - weights) / text)));
}

TEST_CASE("devices share base and adapters of LoRA, and each has its own activations") {
  const ef::ModelConfig c = plan::published("llama-2-7b").config;
  const plan::AdapterMemoryOptions alone{.config = c, .activation_bytes = 1e9};
  plan::AdapterMemoryOptions shared = alone;
  shared.devices = 4;
  const plan::TrainingMemory one = plan::adapter_training_memory(alone),
                             four = plan::adapter_training_memory(shared);
  CHECK(four.model_state_bytes() == doctest::Approx(one.model_state_bytes() / 4));
  CHECK(four.activation_bytes == 1e9);
  // On paper: 32 blocks of two adapters of 16 × (4,096 + 4,096) in FP32 with gradient and two moments.
  const double adapters = 32.0 * 2 * 16 * 8192, base = 2.0 * 6738415616.0;
  CHECK(one.model_state_bytes() == doctest::Approx(base + 16 * adapters).epsilon(1e-12));
}

TEST_CASE("the leanest strategy needs no more than any that the search names, and says whether it fits") {
  const plan::TrainingJob job{.config = plan::published("llama-7b").config, .sequences = 64};
  const plan::Cluster cluster{.devices = 8, .memory_bytes = 80e9};
  const plan::RatedStrategy leanest = plan::leanest_strategy(job, cluster);
  const plan::StrategyChoice choice = plan::best_strategy(job, cluster);
  CHECK(leanest.fits);
  CHECK(leanest.cost.memory.total_bytes() <= choice.best.cost.memory.total_bytes());
  for (const plan::RatedStrategy& r : choice.others)
    CHECK(leanest.cost.memory.total_bytes() <= r.cost.memory.total_bytes());
  CHECK_FALSE(plan::leanest_strategy(job, {.devices = 8, .memory_bytes = 1e9}).fits);
  CHECK_THROWS_WITH_AS(
      plan::leanest_strategy({.config = job.config, .sequences = 5}, {.devices = 37, .memory_bytes = 80e9}),
      doctest::Contains("no strategy divides 37 devices"), ef::InputError);
}

TEST_CASE("a search for the fewest devices ends at once where no number of them is enough") {
  // One sequence's activations alone exceed a device, however many devices share the weights.
  const plan::TrainingJob job{.config = plan::published("gpt2").config};
  CHECK_THROWS_WITH_AS(plan::fewest_devices(job, {.memory_bytes = 1e6}),
                       doctest::Contains("no strategy fits: the leanest needs"), ef::InputError);
}

TEST_CASE("the data that a size wants is that of the budget whose optimum the size is") {
  for (const double flops : {1e19, 1e21, 5.76e23}) {
    for (const plan::ParametricLaw& law :
         {plan::besiroglu, plan::chinchilla_printed, plan::chinchilla_unrounded}) {
      const plan::ComputeOptimum o = plan::chinchilla_optimal({flops, law});
      const plan::ComputeOptimum back = plan::chinchilla_optimal_data(o.parameters, law);
      CHECK(back.tokens == doctest::Approx(o.tokens).epsilon(1e-9));
      CHECK(back.loss == doctest::Approx(o.loss).epsilon(1e-12));
    }
    for (const plan::PowerLawOptimum& law : {plan::chinchilla_approach_1, plan::chinchilla_approach_2}) {
      const plan::ComputeOptimum o = plan::power_law_optimal(flops, law);
      CHECK(plan::power_law_optimal_data(o.parameters, law).tokens ==
            doctest::Approx(o.tokens).epsilon(1e-9));
    }
    const plan::Kaplan kaplan;
    const double pf_days = flops / plan::flops_per_pf_day;
    CHECK(kaplan.budget_of_size(kaplan.optimal_parameters(pf_days)) ==
          doctest::Approx(pf_days).epsilon(1e-9));
  }
  // No other data reach that loss for less compute with a size that is a little larger or smaller.
  const plan::ComputeOptimum o = plan::chinchilla_optimal_data(1.3e9);
  for (const double factor : {0.9, 1.1})
    CHECK(plan::compute_overhead(plan::besiroglu, 6 * 1.3e9 * o.tokens, 1.3e9 * factor) > 1);
  CHECK_THROWS_AS(plan::chinchilla_optimal_data(0), ef::InputError);
}

TEST_CASE("money is hours of devices times their price") {
  // 1e21 FLOPs at 1e14 a second: 1e7 seconds of one device, whatever their number.
  for (const double devices : {1.0, 8.0, 1000.0}) {
    const plan::TrainingTime t =
        plan::training_time({.flops = 1e21, .devices = devices, .flops_per_second = 1e14});
    CHECK(t.cost(3.6) == doctest::Approx(1e4));
  }
  CHECK_THROWS_AS(plan::TrainingTime{}.cost(0), ef::InputError);
  // Half an hour for 4 answers of 250 tokens at 2 an hour is 1 for 1,000 tokens.
  plan::GenerationTime t;
  t.total_seconds = 1800;
  CHECK(t.cost_of_a_million(2, 250, 4) == doctest::Approx(1000));
  CHECK_THROWS_AS(t.cost_of_a_million(2, 0, 4), ef::InputError);
}

}  // namespace plan_splits
