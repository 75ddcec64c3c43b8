// How long idle threads stay awake, from sleeping at once to spinning for two milliseconds: decode and a
// prompt on 1 and 2 threads, from 0.26 to 110 million parameters.
#include "models.hpp"

#include <chrono>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

/// `rows` tokens a step: 1 is decoding, more a prompt.
template <const ef::ModelConfig& config> void threads(benchmark::State& state) {
  constexpr ef::Index length = 128;
  const auto& model = shapes::model<config>();
  ef::Threads threads(static_cast<int>(state.range(0)), std::chrono::microseconds(state.range(1)));
  const ef::Index rows = state.range(2);
  ef::Session<float> session(model, threads, {.capacity = length});
  const std::vector<ef::Token> tokens = shapes::tokens(length, config.vocab_size);
  ef::Index at = 0;
  for (auto _ : state) {
    if (at + rows > length) session.truncate(at = 0);
    session.feed({tokens.data() + at, static_cast<std::size_t>(rows)});
    at += rows;
    benchmark::DoNotOptimize(session.logits().data());
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"threads", "spin_us", "rows"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (const ef::Index rows : {1, 16}) {
    bench->Args({1, 0, rows});
    for (const ef::Index spin : {0, 2, 20, 100, 200, 2000}) bench->Args({2, spin, rows});
  }
}
BENCHMARK(threads<shapes::llama_260k>)->Name("threads/llama_260k")->Apply(arguments);
BENCHMARK(threads<shapes::llama_15m>)->Name("threads/llama_15m")->Apply(arguments);
BENCHMARK(threads<shapes::llama_110m>)->Name("threads/llama_110m")->Apply(arguments);

}  // namespace
