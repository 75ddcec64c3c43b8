// One token after the other, 256 from an empty context: tokens per second, and the weights read as GB/s. With
// several sessions the weights pass through memory once for all of them. `f16_cache`: keys and values in
// half.
#include "models.hpp"

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

template <const ef::ModelConfig& config, ef::Format format, ef::Format cache = ef::Format::f32>
void decode(benchmark::State& state) {
  constexpr ef::Index length = 256;
  const auto& model = shapes::model<config, ef::CausalLM, format>();
  ef::Threads threads(static_cast<int>(state.range(0)));
  const auto count = static_cast<std::size_t>(state.range(1));
  std::vector<ef::Session<float>> sessions;
  std::vector<ef::Session<float>*> all;
  sessions.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(&sessions.emplace_back(model, threads,
                                         ef::SessionOptions{.capacity = length, .cache_format = cache}));
  const std::vector<ef::Token> tokens = shapes::tokens(length, config.vocab_size);
  for (auto _ : state) {  // from an empty context to a full one, so that every run has the same mean
    for (auto& session : sessions) session.truncate(0);
    for (const ef::Token& token : tokens) {
      const std::vector<std::span<const ef::Token>> next(count, {&token, 1});
      ef::feed_together<float>(all, next);
    }
    benchmark::DoNotOptimize(sessions[0].logits().data());
  }
  state.SetItemsProcessed(state.iterations() * length * static_cast<std::int64_t>(count));
  state.SetBytesProcessed(state.iterations() * length * shapes::bytes(model.parameters()));
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"threads", "sessions"})
      ->ArgsProduct({{1, 2}, {1, 4, 16}})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}
BENCHMARK(decode<shapes::llama_110m, ef::Format::f32>)->Name("decode/llama_110m")->Apply(arguments);
BENCHMARK(decode<shapes::llama_110m, ef::Format::bf16>)->Name("decode/llama_110m/bf16")->Apply(arguments);
BENCHMARK(decode<shapes::llama_110m, ef::Format::int8>)->Name("decode/llama_110m/int8")->Apply(arguments);
BENCHMARK(decode<shapes::llama_110m, ef::Format::int4>)->Name("decode/llama_110m/int4")->Apply(arguments);
BENCHMARK(decode<shapes::llama_110m, ef::Format::int8, ef::Format::f16>)
    ->Name("decode/llama_110m/int8/f16_cache")
    ->Apply(arguments);
BENCHMARK(decode<shapes::llama_110m, ef::Format::int4, ef::Format::f16>)
    ->Name("decode/llama_110m/int4/f16_cache")
    ->Apply(arguments);
BENCHMARK(decode<shapes::llama_260k, ef::Format::f32>)->Name("decode/llama_260k")->Apply(arguments);

}  // namespace
