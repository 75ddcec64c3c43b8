// Texts to hidden states by an encoder: tokens per second, and GFLOP/s of the matrix products.
#include "models.hpp"

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

/// Times one call on `batch`; tokens per second count `real` of them.
template <ef::Format format = ef::Format::f32>
void run(benchmark::State& state, const ef::TokenBatch& batch, ef::Index real, int thread_count) {
  const auto& encoder = shapes::model<shapes::bert_base, ef::Encoder, format>();
  ef::Threads threads(thread_count);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  for (auto _ : state) {
    const ef::Matrix<float> hidden = encoder(batch, run);
    benchmark::DoNotOptimize(hidden.data());
  }
  const ef::ModelConfig& c = encoder.config();
  const auto weights = static_cast<double>(c.n_layers * (4 * c.d_model * c.d_model + 2 * c.d_model * c.d_ff));
  const double flops = 2 * weights * static_cast<double>(ef::Ragged(batch).rows());
  state.SetItemsProcessed(state.iterations() * real);
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

/// `count` texts of `length` tokens each.
ef::TokenBatch equal(ef::Index count, ef::Index length) {
  return ef::TokenBatch(static_cast<std::size_t>(count),
                        shapes::tokens(length, shapes::bert_base.vocab_size));
}

template <ef::Format format> void encode(benchmark::State& state) {
  const ef::Index texts = state.range(0), length = state.range(1);
  run<format>(state, equal(texts, length), texts * length, static_cast<int>(state.range(2)));
}

/// 242 texts of 8 to 128 tokens, every length twice, in a mixed order.
ef::TokenBatch mixed() {
  ef::TokenBatch batch;
  for (ef::Index i = 0; i < 242; ++i)
    batch.push_back(shapes::tokens(8 + i * 53 % 121, shapes::bert_base.vocab_size));
  return batch;
}

enum Way { ragged, of_one_length, padded };

void encode_ragged(benchmark::State& state, Way way) {
  const ef::TokenBatch batch = mixed();
  const ef::Index real = ef::Ragged(batch).rows();
  const auto threads = static_cast<int>(state.range(0));
  switch (way) {
    case ragged: return run(state, batch, real, threads);
    case of_one_length: return run(state, equal(242, 68), real, threads);  // as many tokens
    case padded: return run(state, equal(242, 128), real, threads);
  }
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"texts", "length", "threads"})
      ->ArgsProduct({{1, 8}, {16, 128}, {1, 2}})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}
BENCHMARK(encode<ef::Format::f32>)->Name("encode/bert_base")->Apply(arguments);
BENCHMARK(encode<ef::Format::bf16>)->Name("encode/bert_base/bf16")->Apply(arguments);
BENCHMARK_CAPTURE(encode_ragged, lengths_8_to_128, ragged)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_ragged, one_length_68, of_one_length)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode_ragged, padded_to_128, padded)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
