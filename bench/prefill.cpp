// Computing a prompt: tokens per second to the first logits, and GFLOP/s of the matrix products.
#include "models.hpp"

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

template <const ef::ModelConfig& config, ef::Format format> void prefill(benchmark::State& state) {
  const ef::Index length = state.range(0);
  const auto& model = shapes::model<config, ef::CausalLM, format>();
  ef::Threads threads(static_cast<int>(state.range(1)));
  const std::vector<ef::Token> prompt = shapes::tokens(length, config.vocab_size);
  ef::Session<float> session(model, threads, {.capacity = length});
  for (auto _ : state) {
    session.truncate(0);
    session.feed(prompt);
    benchmark::DoNotOptimize(session.logits().data());
  }
  state.SetItemsProcessed(state.iterations() * length);
  const double flops = shapes::flops_per_token(model, false) * static_cast<double>(length);
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"tokens", "threads"})
      ->ArgsProduct({{16, 128, 512}, {1, 2}})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}
BENCHMARK(prefill<shapes::llama_110m, ef::Format::f32>)->Name("prefill/llama_110m")->Apply(arguments);
BENCHMARK(prefill<shapes::llama_110m, ef::Format::bf16>)->Name("prefill/llama_110m/bf16")->Apply(arguments);
BENCHMARK(prefill<shapes::llama_110m, ef::Format::int8>)->Name("prefill/llama_110m/int8")->Apply(arguments);
BENCHMARK(prefill<shapes::llama_110m, ef::Format::int4>)->Name("prefill/llama_110m/int4")->Apply(arguments);
BENCHMARK(prefill<shapes::llama_260k, ef::Format::f32>)->Name("prefill/llama_260k")->Apply(arguments);

}  // namespace
