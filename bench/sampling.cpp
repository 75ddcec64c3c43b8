// Drawing one token from a row of float logits: tokens per second, and the logits read as GB/s.
//
// Three shapes of logits: "flat", uniform in [-1, 1], where a nucleus holds most of the vocabulary; "spread",
// normal with deviation 2; "peaked", normal with deviation 4, where it holds few tokens, as after training.
#include <eigenformer/generate/sampler.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

enum Shape : int { flat, spread, peaked };

Eigen::RowVectorXf make_logits(ef::Index vocabulary, int shape) {
  const ef::Random random(ef::Seed{1});
  Eigen::RowVectorXf logits(vocabulary);
  for (ef::Index i = 0; i < vocabulary; ++i) {
    const auto at = static_cast<std::uint64_t>(i);
    logits(i) = static_cast<float>(shape == flat ? 2 * random.uniform(at) - 1
                                                 : random.normal(at) * (shape == spread ? 2 : 4));
  }
  return logits;
}

void draw(benchmark::State& state, const ef::GenerationConfig& config) {
  const Eigen::RowVectorXf logits = make_logits(state.range(0), static_cast<int>(state.range(1)));
  std::vector<ef::Token> history;
  for (ef::Index i = 0; i < 500; ++i) history.push_back(static_cast<ef::Token>(i * 61 % state.range(0)));
  ef::Sampler sampler(config);
  for (auto _ : state) benchmark::DoNotOptimize(sampler(logits, history));
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * logits.size() * static_cast<ef::Index>(sizeof(float)));
  const char* const shapes[] = {"flat", "spread", "peaked"};
  state.SetLabel(shapes[state.range(1)]);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"vocabulary", "shape"})
      ->ArgsProduct({{32000, 128256}, {flat, spread, peaked}})
      ->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(draw, greedy, {.temperature = 0})->Apply(arguments);
BENCHMARK_CAPTURE(draw, temperature, {.temperature = 0.8})->Apply(arguments);
BENCHMARK_CAPTURE(draw, top_k_40_top_p, {.temperature = 0.8, .top_k = 40, .top_p = 0.95})->Apply(arguments);
BENCHMARK_CAPTURE(draw, top_p, {.temperature = 0.8, .top_p = 0.95})->Apply(arguments);
BENCHMARK_CAPTURE(draw, min_p, {.temperature = 0.8, .min_p = 0.05})->Apply(arguments);
BENCHMARK_CAPTURE(draw, typical, {.typical_p = 0.9})->Apply(arguments);
BENCHMARK_CAPTURE(draw, penalties, {.temperature = 0.8, .top_k = 40, .repetition_penalty = 1.2})
    ->Apply(arguments);

}  // namespace
