#include <eigenformer/plan.hpp>

#include <doctest/doctest.h>

namespace plan_flops {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using ef::Index;

TEST_CASE("layers and logits sum to the forward pass, of two FLOPs a weight and token beside the scores") {
  for (const plan::CatalogEntry& entry : plan::catalog()) {
    if (!entry.disclosed() || entry.family() == "encoder-decoder") continue;
    INFO(entry.name);
    const plan::FlopOptions o{.config = entry.config, .tokens = 300};
    plan::ForwardFlops sum;
    for (Index layer = 0; layer < entry.config.n_layers; ++layer) sum += plan::layer_forward_flops(o, layer);
    const plan::ForwardFlops all = plan::forward_flops(o);
    CHECK(sum.blocks() == all.blocks());
    CHECK(sum.logits == 0);
    double weights = 0;
    plan::for_each_tensor(entry.config, [&](const plan::TensorShape& t) {
      if (t.projection != plan::Projection::none) weights += static_cast<double>(t.parameters());
    });
    CHECK(all.blocks() - all.scores - all.mixing == doctest::Approx(2 * 300 * weights));
  }
}

TEST_CASE("an encoder-decoder's blocks are counted with cross-attention and both lengths") {
  const ef::ModelConfig c = plan::published("bart-base").config;
  const plan::ForwardFlops f = plan::forward_flops({.config = c, .tokens = 7, .source_tokens = 11});
  const double d = 768;
  CHECK(f.cross_attention == 6 * (2 * 7 * d * 2 * d + 2 * 11 * d * 2 * d + 4 * 7 * 11 * d));
  CHECK(f.scores == 6 * 2 * d * (7 * 7 + 11 * 11));
  CHECK(f.feed_forward == 6 * 2 * d * 4 * d * 2 * (7 + 11));
}

TEST_CASE("pairs of queries and keys in a window are those of a loop over tokens, but for the diagonal") {
  ef::ModelConfig c = plan::published("mistral-7b").config;
  c.n_layers = 1;
  for (const Index window : {5, 40, 100}) {
    for (const Index tokens : {4, 40, 90}) {
      c.window = window;
      double pairs = 0;
      for (Index i = 0; i < tokens; ++i) pairs += static_cast<double>((std::min)(i + 1, window));
      const auto half = plan::ScoreCount::causal_half;
      const double scores = plan::forward_flops({.config = c, .tokens = tokens, .scores = half}).scores;
      const double counted = scores / 2 / static_cast<double>(c.query_width());
      CHECK(counted == doctest::Approx(pairs - 0.5 * static_cast<double>((std::min)(window, tokens))));
    }
  }
}

TEST_CASE("the exact count, Megatron's and PaLM's agree where their assumptions hold") {
  const plan::FlopOptions o{.config = plan::published("gpt3-175b").config, .tokens = 2048};
  const auto megatron = [](plan::Recompute recompute) {
    return doctest::Approx(plan::megatron_step_flops({.n_layers = 96,
                                                      .d_model = 12288,
                                                      .vocab_size = 50257,
                                                      .tokens = 2048,
                                                      .recompute = recompute}))
        .epsilon(1e-12);
  };
  CHECK(plan::training_flops(o) == megatron(plan::Recompute::none));
  CHECK(plan::training_flops(o, plan::Recompute::full) == megatron(plan::Recompute::full));
  // The printed s/3h counts the recomputed scores three times; once is what is computed.
  const plan::ForwardFlops f = plan::forward_flops(o);
  CHECK(plan::training_flops(o, plan::Recompute::selective) + 2 * (f.scores + f.mixing) ==
        megatron(plan::Recompute::selective));
  CHECK(plan::training_flops(o) == plan::forward_flops(o).total() + plan::backward_flops(o));
  CHECK(plan::backward_flops(o) == 2 * plan::forward_flops(o).total());
  // PaLM counts 6 for each parameter: also for biases, norms and positions, 0.02% here.
  const double palm = plan::palm_flops_per_token(
      {.parameters = 174'604'259'328.0, .n_layers = 96, .n_heads = 96, .head_size = 128, .tokens = 2048});
  CHECK(palm / (plan::training_flops(o) / 2048) == doctest::Approx(1).epsilon(3e-4));
}

TEST_CASE("utilisation: the hardware's exceeds the model's by what is computed again") {
  const plan::FlopOptions o{.config = plan::published("gpt3-175b").config, .tokens = 2048};
  const auto u = plan::training_utilisation(o, plan::Recompute::full, 140e3, 1024, 312e12);
  CHECK(u.model == doctest::Approx(plan::training_flops(o) / 2048 * 140e3 / 1024 / 312e12));
  CHECK(u.hardware / u.model == doctest::Approx(4.0 / 3).epsilon(0.01));
  const auto none = plan::training_utilisation(o, plan::Recompute::none, 140e3, 1024, 312e12);
  CHECK(none.hardware == none.model);
}

TEST_CASE("days and energy of a cluster") {
  const plan::Device& a100 = plan::device("A100-80GB");
  const auto t = plan::training_time({.flops = 3.14e23,
                                      .devices = 1024,
                                      .flops_per_second = 0.5 * a100.peak_flops_per_second,
                                      .watts = a100.watts,
                                      .overhead = 1.1});
  CHECK(t.days() == doctest::Approx(3.14e23 / (1024 * 156e12) / 86400));
  CHECK(t.device_hours == doctest::Approx(t.days() * 24 * 1024));
  CHECK(t.kilowatt_hours == doctest::Approx(t.device_hours * 0.4 * 1.1));
}

TEST_CASE("a decode step reads weights and cache once, and a long prompt is bound by arithmetic") {
  plan::GenerationTimeOptions o{.config = plan::published("llama-2-7b").config,
                                .device = plan::device("A100-80GB"),
                                .prompt_tokens = 2000,
                                .answer_tokens = 100};
  const auto t = plan::generation_time(o);
  const double weights = 2.0 * 6'738'415'616, cache = 2.0 * 2 * 32 * 4096 * 2050;
  CHECK(t.decode.memory_seconds == doctest::Approx((weights + cache) / 2039e9));
  CHECK(t.decode.memory_bound());
  CHECK_FALSE(t.prefill.memory_bound());
  CHECK(t.total_seconds == doctest::Approx(t.prefill.seconds() + 99 * t.decode.seconds()));
  o.sequences = 16;
  CHECK(plan::generation_time(o).tokens_per_second > 5 * t.tokens_per_second);
  o.device = {.name = "own", .peak_flops_per_second = 1e12, .bytes_per_second = 1e11};
  CHECK(plan::generation_time(o).prefill.compute_seconds > 100 * t.prefill.compute_seconds);
  CHECK_THROWS_AS(plan::generation_time({.config = plan::published("bert-base-cased").config,
                                         .device = plan::device("A100-80GB"),
                                         .prompt_tokens = 1}),
                  ef::InputError);
}

}  // namespace plan_flops
