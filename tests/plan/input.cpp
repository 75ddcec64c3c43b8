#include <eigenformer/plan.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

namespace plan_input {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;

TEST_CASE("an unknown name is answered with the nearest known one") {
  CHECK_THROWS_WITH_AS(plan::published("lama-7b"),
                       "unknown model 'lama-7b'; the nearest known one is 'llama-7b'", ef::InputError);
  CHECK_THROWS_WITH_AS(plan::published("BERT-base"), doctest::Contains("bert-base-uncased"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::storage_format("Q4K"), doctest::Contains("'Q4_K'"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::storage_format("Q44"), doctest::Contains("'Q4_0'"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::float_format("FP17"), doctest::Contains("'FP16'"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::device("H1000"), doctest::Contains("H100-80GB"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::conversion("INT4-128"), doctest::Contains("'INT4-G128'"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::training_precision("fp32-adams"), doctest::Contains("'fp32-adam'"),
                       ef::InputError);
}

TEST_CASE("sizes that are zero or negative are refused by name") {
  CHECK_THROWS_WITH_AS(plan::training_memory({.parameters = 0}), "parameters must be positive, is 0",
                       ef::InputError);
  CHECK_THROWS_WITH_AS(plan::training_memory({.parameters = 1, .devices = -2}),
                       "devices must be positive, is -2", ef::InputError);
  CHECK_THROWS_WITH_AS(plan::training_memory({.parameters = 1, .zero_stage = 4}),
                       "zero_stage must lie between 0 and 3, is 4", ef::InputError);
  CHECK_THROWS_WITH_AS(
      plan::training_memory({.parameters = 1, .zero_stage = 3, .devices = 8, .shard_devices = 3}),
      "shard_devices 3 does not divide the 8 devices", ef::InputError);
  CHECK_THROWS_WITH_AS(plan::training_memory({.parameters = 1, .devices = 8, .shard_devices = 4}),
                       doctest::Contains("shard_devices needs a zero_stage"), ef::InputError);
  CHECK_THROWS_AS(plan::chinchilla_optimal({.compute_flops = 0}), ef::InputError);
  CHECK_THROWS_AS(plan::chinchilla_optimal({.compute_flops = std::numeric_limits<double>::quiet_NaN()}),
                  ef::InputError);
  CHECK_THROWS_AS(plan::dense_flops(-1, 5), ef::InputError);
  CHECK_THROWS_AS(
      plan::key_value_cache_bytes({.n_layers = 2, .key_value_heads = 0, .head_size = 64, .tokens = 1}),
      ef::InputError);
  CHECK_THROWS_AS(plan::pass_time({.device = {}, .flops = 1}), ef::InputError);
  CHECK_THROWS_AS(plan::tokens_for_loss(plan::besiroglu, 1e9, 1.8), ef::InputError);
  CHECK_THROWS_AS(plan::fit_power({{1, 2}, {1, 3}}), ef::InputError);
  CHECK_THROWS_AS(plan::windows_needed(100, 64, 64), ef::InputError);
  CHECK_THROWS_AS(plan::nf4_index(1.5), ef::InputError);
}

TEST_CASE("heads that do not divide and stages without layers are refused") {
  ef::ModelConfig c = plan::published("gpt2").config;
  CHECK_THROWS_WITH_AS(plan::activation_bytes({.config = c, .tokens = 8, .tensor_parallel = 5}),
                       "tensor_parallel 5 does not divide 12 heads", ef::InputError);
  CHECK_THROWS_WITH_AS(plan::pipeline_bubble(13, 4, 1, 12),
                       "13 pipeline stages for 12 layers: some would have none", ef::InputError);
  ef::ModelConfig bart = plan::published("bart-base").config;
  bart.encoder_heads = 16;
  CHECK_THROWS_WITH_AS(plan::activation_bytes({.config = bart, .tokens = 8, .tensor_parallel = 3}),
                       "tensor_parallel 3 does not divide 16 heads", ef::InputError);
  CHECK_THROWS_WITH_AS(plan::strategy_cost({.config = c, .sequences = 13}, {.pipeline_parallel = 13}),
                       "13 pipeline stages for 12 layers: some would have none", ef::InputError);
  CHECK_THROWS_WITH_AS(plan::strategy_cost({.config = c, .sequences = 6}, {.data_parallel = 4}),
                       doctest::Contains("batch of 6 sequences"), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::inference_memory({.config = c, .tokens = 1025}),
                       "1025 tokens exceed the context window of 1024", ef::WindowError);
  c.n_heads = 7;
  CHECK_THROWS_AS(plan::count_parameters(c), ef::ConfigError);
  CHECK_THROWS_AS(plan::activation_bytes({.config = c, .tokens = 8}), ef::ConfigError);
}

TEST_CASE("a trillion parameters on a hundred thousand devices do not overflow, and what would is refused") {
  const auto m =
      plan::training_memory({.parameters = 1'000'000'000'000, .zero_stage = 3, .devices = 100'000});
  CHECK(m.total_bytes() == doctest::Approx(1.6e8));
  const ef::Index tokens = 1 << 20;
  const ef::ModelConfig trillion{.vocab_size = 256'000,
                                 .d_model = 25'600,
                                 .n_layers = 128,
                                 .n_heads = 160,
                                 .d_ff = 4 * 25'600,
                                 .max_positions = tokens};
  const ef::Index parameters = plan::count_parameters(trillion).total();
  CHECK(parameters > 1'000'000'000'000);
  CHECK(plan::training_flops({.config = trillion, .tokens = tokens}) > 6e12 * static_cast<double>(tokens));
  CHECK(std::isfinite(plan::activation_bytes({.config = trillion, .tokens = tokens, .micro_batch = 4096})));
  plan::KeyValueCacheOptions cache = plan::cache_of(trillion, tokens);
  cache.sequences = 100'000;
  CHECK(plan::key_value_cache_bytes(cache) == 2 * 128 * ef::Index{25'600} * 2 * tokens * 100'000);
  const plan::InferenceMemoryOptions answers{.config = trillion, .sequences = 100'000, .rows = 100'000};
  CHECK(plan::inference_memory(answers).total_bytes() > 1e18);
  CHECK(plan::training_time({.flops = 1e30, .devices = 100'000, .flops_per_second = 4e14}).days() > 0);

  plan::TrainingJob job{.config = trillion, .tokens = 2048, .sequences = 200'000, .micro_batch = 0};
  const plan::StrategyChoice choice = plan::best_strategy(job, {.devices = 100'000, .memory_bytes = 80e9});
  CHECK(choice.best.cost.strategy.devices() == 100'000);
  CHECK(choice.best.fits);
  CHECK(std::isfinite(choice.best.time.total_seconds()));
  CHECK(choice.best.cost.communication_bytes() > 0);

  constexpr ef::Index huge = ef::Index{1} << 62;
  ef::ModelConfig c = trillion;
  c.n_layers = c.d_model = c.d_ff = ef::Index{1} << 31;
  c.n_heads = 1;
  CHECK_THROWS_WITH_AS(plan::count_parameters(c), doctest::Contains("too large to count"), ef::InputError);
  job.micro_batch = huge;
  CHECK_THROWS_WITH_AS(plan::best_strategy(job, {.devices = 8, .memory_bytes = 80e9}),
                       doctest::Contains("too large to count"), ef::InputError);
  CHECK_THROWS_AS(plan::strategy_cost(job, {.data_parallel = huge}), ef::InputError);
  CHECK_THROWS_AS(plan::free_tokens({.window = 1, .fixed_tokens = huge, .answer_tokens = huge}),
                  ef::InputError);
  cache.sequences = huge;
  CHECK_THROWS_AS(plan::key_value_cache_bytes(cache), ef::InputError);
}

TEST_CASE("amounts are printed with their units") {
  CHECK(plan::bytes_text(24e9) == "24.00 GB (22.35 GiB)");
  CHECK(plan::grouped(124439808) == "124,439,808");
  CHECK(plan::count_text(1.4e12) == "1.40T");
}

TEST_CASE("the optimum of a budget is cheaper than any other size of the same loss") {
  for (const plan::ParametricLaw& law :
       {plan::chinchilla_printed, plan::chinchilla_unrounded, plan::besiroglu}) {
    const auto o = plan::chinchilla_optimal({.compute_flops = 5.76e23, .law = law});
    CHECK(plan::compute_overhead(law, 5.76e23, o.parameters) == doctest::Approx(1));
    CHECK(plan::compute_overhead(law, 5.76e23, o.parameters * 2) > 1.01);
    CHECK(plan::compute_overhead(law, 5.76e23, o.parameters / 2) > 1.01);
  }
}

TEST_CASE("too small a model, and too large a one, cost what a search over tokens finds") {
  const double flops = 1e22;
  for (const plan::ParametricLaw& law : {plan::chinchilla_printed, plan::besiroglu}) {
    const auto best = plan::chinchilla_optimal({.compute_flops = flops, .law = law});
    for (const double factor : {0.5, 0.8, 1.5, 3.0}) {
      const double parameters = best.parameters * factor;
      double few = 1e6,
             many = 1e18;  // loss falls with tokens: halve until the tokens of the same loss are found
      for (int i = 0; i < 200; ++i) {
        const double middle = std::sqrt(few * many);
        const double loss =
            law.e + law.a / std::pow(parameters, law.alpha) + law.b / std::pow(middle, law.beta);
        (loss > best.loss ? few : many) = middle;
      }
      CHECK(plan::compute_overhead(law, flops, parameters) == doctest::Approx(6 * parameters * few / flops));
    }
  }
}

TEST_CASE("a training step of impossible sizes is refused by name") {
  const ef::ModelConfig gpt2 = plan::published("gpt2").config;
  const auto peak = [&](ef::Index rows, ef::Index longest, ef::Index counted) {
    return plan::training_step_memory(
        {.kept = {.config = gpt2, .rows = rows}, .longest = longest, .counted_labels = counted});
  };
  CHECK(peak(64, 32, 0).total_bytes() > 0);
  CHECK_THROWS_WITH_AS(peak(0, 32, 0), "rows must be positive, is 0", ef::InputError);
  CHECK_THROWS_WITH_AS(peak(64, 0, 0), "longest must be positive, is 0", ef::InputError);
  CHECK_THROWS_AS(peak(64, 32, 65), ef::InputError);
  CHECK_THROWS_WITH_AS(peak(ef::Index{1} << 50, 32, 0), doctest::Contains("too large to count"),
                       ef::InputError);
  CHECK_THROWS_WITH_AS(
      plan::key_value_cache_bytes(
          {.n_layers = 1, .key_value_heads = 1, .head_size = 1, .tokens = 1, .page_tokens = 0}),
      "page_tokens must be positive, is 0", ef::InputError);
  CHECK_THROWS_AS(plan::adapter_parameters(gpt2, 0), ef::InputError);
  CHECK_THROWS_WITH_AS(plan::adapter_parameters(gpt2, 769),
                       "rank 769 exceeds the smaller side of a matrix, which is 768", ef::InputError);
  CHECK_THROWS_AS(plan::zero3_offload_memory({.parameters = 0}), ef::InputError);
}

}  // namespace plan_input
