// Layer norm and RMS norm of every row: the only header that knows norm kinds.
//   layer:  y = (x − mean(x)) / √(var(x) + ε) · (weight + offset) + bias      Ba, Kiros & Hinton 2016
//   rms:    y = x / √(mean(x²) + ε) · (weight + offset)                       Zhang & Sennrich 2019
#pragma once

#include <eigenformer/core/elementwise.hpp>
#include <eigenformer/core/members.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/model/config.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

template <class S> struct Norm {
  RowVector<S> weight;  ///< [width]; empty: no norm stands here
  RowVector<S> bias;    ///< [width], or empty

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

namespace detail {

template <class S>
void norm_row(const Norm<S>& p, const ModelConfig::Norm& config, Index n, const S* x, S* y) {
  using V = lanes::Vector<S>;
  using std::sqrt;
  const S size = S(static_cast<double>(n));
  S mean(0);
  if (config.kind == NormKind::layer) {
    mean = sum_of(n, x, [](const V& v) { return v; }) / size;
    map(
        n, y, [&](const V& v) { return v - V(mean); }, x);
    x = y;
  }
  const S square = sum_of(n, x, [](const V& v) { return v * v; }) / size;
  const V scale(S(1) / sqrt(square + S(config.epsilon)));
  const V offset(S(config.offset));
  if (p.bias.size())
    map(
        n, y, [&](const V& v, const V& w, const V& b) { return v * scale * (w + offset) + b; }, x,
        p.weight.data(), p.bias.data());
  else
    map(
        n, y, [&](const V& v, const V& w) { return v * scale * (w + offset); }, x, p.weight.data());
}

}  // namespace detail

/// y [rows, width] = norm of each row of x; y may be x.
template <class S>
void forward(const Norm<S>& p, const ModelConfig::Norm& config, Run& run, View<S> x, Out<S> y) {
  const Index grain = (std::max)(Index{1}, Index{1 << 14} / x.cols());  // rows that are worth a thread
  run.threads.slices(x.rows(), grain, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      detail::norm_row(p, config, x.cols(), x.data() + r * x.outerStride(), y.data() + r * y.outerStride());
  });
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
