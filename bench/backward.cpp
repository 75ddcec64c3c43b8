// The backward pass of each building block, in the shape of train_step: 3,072 rows of width 384, sequences of
// 256. What multiplies matrices reports GFLOP/s, what goes over elements the bytes that it must read and
// write.
#include <eigenformer/model/config.hpp>
#include <eigenformer/nn/attention_backward.hpp>
#include <eigenformer/nn/feed_forward.hpp>
#include <eigenformer/nn/norm.hpp>
#include <eigenformer/train/loss.hpp>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;
using ef::Index;
using Matrix = ef::Matrix<float>;

namespace {

constexpr Index sequences = 12, length = 256, rows = sequences * length, width = 384, inner = 4 * width,
                heads = 6;
const ef::ModelConfig config{.vocab_size = 512,
                             .d_model = width,
                             .n_layers = 1,
                             .n_heads = heads,
                             .d_ff = inner,
                             .max_positions = length,
                             .activation = ef::Activation::gelu_tanh};

/// Threads and scratch memory.
struct Machine {
  ef::Threads threads;
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  explicit Machine(const benchmark::State& state) : threads(static_cast<int>(state.range(0))) {}
};

void flops(benchmark::State& state, Index multiply_adds) {
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(multiply_adds),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

template <class P> ef::Linear<float> linear(Index out, Index in, P&& values) {
  return {ef::Weight<float>(Matrix(values(out, in))), ef::RowVector<float>::Zero(out), {}};
}
Matrix random(Index r, Index c) { return Matrix::Random(r, c) * 0.1f; }
Matrix zero(Index r, Index c) { return Matrix::Zero(r, c); }

void input_gradient(benchmark::State& state) {
  Machine machine(state);
  const auto w = linear(inner, width, random);
  const Matrix dy = random(rows, inner);
  Matrix dx = zero(rows, width);
  for (auto _ : state) ef::product_input_gradient<float>(machine.run, w.weight, dy, dx);
  flops(state, rows * width * inner);
}

void weight_gradient(benchmark::State& state) {
  Machine machine(state);
  const Matrix dy = random(rows, inner), x = random(rows, width);
  Matrix dw = zero(inner, width);
  for (auto _ : state) ef::product_weight_gradient<float>(machine.run, dy, x, dw);
  flops(state, rows * width * inner);
}

/// The same two by Eigen, for comparison.
void input_gradient_eigen(benchmark::State& state) {
  const Matrix w = random(inner, width), dy = random(rows, inner);
  Matrix dx = zero(rows, width);
  for (auto _ : state) dx.noalias() += dy * w;
  flops(state, rows * width * inner);
}

void weight_gradient_eigen(benchmark::State& state) {
  const Matrix dy = random(rows, inner), x = random(rows, width);
  Matrix dw = zero(inner, width);
  for (auto _ : state) dw.noalias() += dy.transpose() * x;
  flops(state, rows * width * inner);
}

void feed_forward(benchmark::State& state) {
  Machine machine(state);
  const ef::FeedForward<float> p{{}, linear(inner, width, random), linear(width, inner, random)};
  ef::FeedForward<float> grad{{}, linear(inner, width, zero), linear(width, inner, zero)};
  ef::FeedForwardSaved<float> saved;
  const Matrix x = random(rows, width), dy = random(rows, width);
  Matrix y(rows, width), dx = zero(rows, width);
  ef::forward<float>(p, config, machine.run, x, y, false, &saved);
  for (auto _ : state) ef::backward<float>(p, config, machine.run, saved, x, dy, dx, grad);
  flops(state, 4 * rows * width * inner);
}

void attention(benchmark::State& state) {  // of queries and keys of one sequence, the causal half
  Machine machine(state);
  const ef::AttentionRule<float> rule = ef::attention_rule<float>(config, 0, true, ef::ScoreBias<float>{});
  std::vector<ef::AttentionSequence<float>> forwards;
  std::vector<ef::AttentionRows> backwards;
  const Matrix q = random(rows, width), dy = random(rows, width);
  Matrix memory(2 * rows, width);
  memory << random(rows, width), random(rows, width);
  std::vector<const void*> pages;
  for (Index s = 0; s < sequences; ++s) pages.push_back(memory.data() + s * length * width);
  for (Index s = 0; s < sequences; ++s) {
    forwards.push_back(
        {s * length,
         length,
         0,
         {&pages[static_cast<std::size_t>(s)], length, 0, rows * width, width, width / heads, length}});
    backwards.push_back({s * length, length, s * length, length});
  }
  ef::AttentionSaved<float> saved;
  saved.keep(q, memory.topRows(rows), memory.bottomRows(rows), heads);
  saved.mixed.resize(rows, width);
  ef::attend<float>(rule, machine.run, forwards, q, saved.mixed, saved.statistics.data());
  Matrix dq = zero(rows, width), dk = zero(rows, width), dv = zero(rows, width);
  for (auto _ : state) ef::attend_backward<float>(rule, machine.run, backwards, saved, dy, dq, dk, dv);
  flops(state, 5 * rows * (length + 1) / 2 * width);
}

void norm(benchmark::State& state) {
  Machine machine(state);
  const ef::Norm<float> p{ef::RowVector<float>::Ones(width), ef::RowVector<float>::Zero(width)};
  ef::Norm<float> grad{ef::RowVector<float>::Zero(width), ef::RowVector<float>::Zero(width)};
  const Matrix x = random(rows, width), dy = random(rows, width);
  Matrix dx = zero(rows, width);
  for (auto _ : state) ef::backward<float>(p, config.norm, machine.run, x, dy, dx, grad);
  state.SetBytesProcessed(state.iterations() * 4 * rows * width * static_cast<Index>(sizeof(float)));
}

void word_loss(benchmark::State& state) {  // forward and backward, with tied embeddings
  Machine machine(state);
  auto p = ef::random_parameters<float>(config, ef::Seed{1}), grad = ef::zero_parameters<float>(config);
  const Matrix x = random(rows, width);
  Matrix dx = zero(rows, width);
  const std::vector<ef::Token> labels(static_cast<std::size_t>(rows), 7);
  for (auto _ : state) ef::word_loss<float>(p, config, machine.run, x, labels, {}, dx, &grad);
  flops(state, 3 * rows * width * config.vocab_size);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK(input_gradient)->Name("backward/input_gradient")->Apply(arguments);
BENCHMARK(input_gradient_eigen)->Name("backward/input_gradient/eigen")->Unit(benchmark::kMillisecond);
BENCHMARK(weight_gradient)->Name("backward/weight_gradient")->Apply(arguments);
BENCHMARK(weight_gradient_eigen)->Name("backward/weight_gradient/eigen")->Unit(benchmark::kMillisecond);
BENCHMARK(feed_forward)->Name("backward/feed_forward")->Apply(arguments);
BENCHMARK(attention)->Name("backward/attention")->Apply(arguments);
BENCHMARK(norm)->Name("backward/norm")->Apply(arguments);
BENCHMARK(word_loss)->Name("backward/word_loss")->Apply(arguments);

}  // namespace
