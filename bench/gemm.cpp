// The product y = x · wᵀ in the shapes of a model, by the library and by Eigen's own expression: GFLOP/s.
// In bfloat16 too, with weights in tiles, where the processor has a unit for it. "peak" is a loop of fused
// multiply-adds in registers: what the core can do at all.
#include <eigenformer/core/product.hpp>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

void rate(benchmark::State& state, double flops) {
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void peak(benchmark::State& state) {
  constexpr int chains = 16, steps = 1000;
  using ef::lanes::Packet;
  Packet<float> sums[chains];
  for (auto& sum : sums) sum = ef::lanes::broadcast<float>(1.0f);
  const Packet<float> x = ef::lanes::broadcast<float>(0.5f);
  for (auto _ : state) {
    for (int i = 0; i < steps; ++i)
      ef::lanes::unroll<chains>([&](auto c) { sums[c] = ef::lanes::pmadd(sums[c], x, x); });
    benchmark::DoNotOptimize(sums);
  }
  rate(state, 2.0 * chains * steps * ef::lanes::count<float>);
}

template <class Format> ef::Weight<float> weight(ef::Index rows, ef::Index columns) {
  const ef::Matrix<float> values = ef::Matrix<float>::Random(rows, columns);
  const auto stored = std::make_shared<std::vector<Format>>();
  for (ef::Index i = 0; i < values.size(); ++i) stored->push_back(Format(values.data()[i]));
  return ef::Weight<float>::borrow(ef::format_of<Format>, stored->data(), rows, columns, stored);
}

void product_with(benchmark::State& state, const ef::Weight<float>& w, bool eigen_products = false) {
  const ef::Index rows = state.range(0), in = state.range(1), out = state.range(2);
  const ef::Matrix<float> x = ef::Matrix<float>::Random(rows, in);
  ef::Matrix<float> y(rows, out);
  ef::Threads threads(static_cast<int>(state.range(3)));
  ef::Workspace workspace;
  ef::Run run{threads, workspace, false, eigen_products};
  for (auto _ : state) {
    ef::product<float>(run, w, x, {}, y);
    benchmark::DoNotOptimize(y.data());
  }
  rate(state, 2.0 * static_cast<double>(rows * in * out));
}

template <class Format> void product(benchmark::State& state) {
  product_with(state, weight<Format>(state.range(2), state.range(1)));
}

void bf16_tiles(benchmark::State& state) {
  if (ef::fastest_bf16_form() == ef::Bf16Form::portable) return state.SkipWithError("no unit for bfloat16");
  const ef::Matrix<float> values = ef::Matrix<float>::Random(state.range(2), state.range(1));
  product_with(state, ef::Weight<float>::bf16_tiles(values.rows(), values.cols(), [&](ef::Index r) {
                 return values.data() + r * values.cols();
               }));
}

/// The same product by the library's switch.
void eigen_products(benchmark::State& state) {
  product_with(state, weight<float>(state.range(2), state.range(1)), true);
}

void eigen(benchmark::State& state) {
  const ef::Index rows = state.range(0), in = state.range(1), out = state.range(2);
  const ef::Matrix<float> w = ef::Matrix<float>::Random(out, in), x = ef::Matrix<float>::Random(rows, in);
  ef::Matrix<float> y(rows, out);
  for (auto _ : state) {
    y.noalias() = x * w.transpose();
    benchmark::DoNotOptimize(y.data());
  }
  rate(state, 2.0 * static_cast<double>(rows * in * out));
}

void arguments(benchmark::internal::Benchmark* bench, const std::vector<std::int64_t>& threads) {
  bench->ArgNames({"rows", "in", "out", "threads"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (const auto& [in, out] :
       {std::pair{768, 768}, {768, 2048}, {2048, 768}, {768, 32000}, {2048, 2048}, {64, 172}})
    for (const int rows : {1, 2, 4, 8, 16, 64, 128, 512})
      for (const std::int64_t count : threads) {
        if (out > 10000 && rows > 16) continue;
        bench->Args({rows, in, out, count});
      }
}
void one_and_two(benchmark::internal::Benchmark* bench) { arguments(bench, {1, 2}); }
void one(benchmark::internal::Benchmark* bench) { arguments(bench, {1}); }

BENCHMARK(peak);
BENCHMARK(product<float>)->Apply(one_and_two);
BENCHMARK(product<ef::bfloat16>)->Apply(one);
BENCHMARK(product<ef::half>)->Apply(one);
BENCHMARK(bf16_tiles)->Apply(one_and_two);
BENCHMARK(eigen_products)->Apply(one_and_two);
BENCHMARK(eigen)->Apply(one);

}  // namespace
