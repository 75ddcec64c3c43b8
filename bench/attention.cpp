// Attention over cached keys and values: GFLOP/s (scores and mixing, the causal half only), and the cache
// read as GB/s where one token is decoded.
#include <eigenformer/nn/attention.hpp>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

void attention(benchmark::State& state) {
  const ef::Index queries = state.range(0), keys = state.range(1), heads = state.range(2),
                  key_value_heads = state.range(3), size = state.range(4);
  ef::Threads threads(static_cast<int>(state.range(5)));
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::Index width = key_value_heads * size;
  const ef::Matrix<float> q = ef::Matrix<float>::Random(queries, heads * size);
  const ef::Matrix<float> memory = ef::Matrix<float>::Random(2 * keys, width);
  ef::Matrix<float> y(queries, heads * size);
  const void* const page = memory.data();
  const ef::AttentionSequence<float> sequence{
      0, queries, keys - queries, {&page, keys, 0, keys * width, width, size, keys}};
  const ef::AttentionRule<float> rule{
      .heads = heads, .key_value_heads = key_value_heads, .head_size = size, .scale = 0.125f};
  for (auto _ : state) {
    ef::attend<float>(rule, run, {&sequence, 1}, q, y);
    benchmark::DoNotOptimize(y.data());
  }
  double pairs = 0;
  for (ef::Index i = 0; i < queries; ++i) pairs += static_cast<double>(keys - queries + i + 1);
  state.counters["GFLOP/s"] = benchmark::Counter(4e-9 * pairs * static_cast<double>(heads * size),
                                                 benchmark::Counter::kIsIterationInvariantRate);
  state.SetBytesProcessed(state.iterations() * memory.size() * static_cast<ef::Index>(sizeof(float)));
  state.SetItemsProcessed(state.iterations() * queries);
}

BENCHMARK(attention)
    ->ArgNames({"queries", "keys", "heads", "key_value_heads", "size", "threads"})
    ->Args({1, 512, 12, 12, 64, 1})
    ->Args({1, 4096, 12, 12, 64, 1})
    ->Args({1, 4096, 12, 12, 64, 2})
    ->Args({1, 4096, 32, 8, 128, 1})
    ->Args({1, 256, 8, 4, 8, 1})
    ->Args({128, 128, 12, 12, 64, 1})
    ->Args({512, 512, 12, 12, 64, 1})
    ->Args({512, 512, 12, 12, 64, 2})
    ->Args({512, 2048, 32, 8, 128, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
