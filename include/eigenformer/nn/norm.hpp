// Layer norm and RMS norm of every row: the only header that knows norm kinds.
//   layer:  y = (x − mean(x)) / √(var(x) + ε) · (weight + offset) + bias      Ba, Kiros & Hinton 2016
//   rms:    y = x / √(mean(x²) + ε) · (weight + offset)                       Zhang & Sennrich 2019
#pragma once

#include <eigenformer/core/elementwise.hpp>
#include <eigenformer/core/members.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/model/config.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

template <class S> struct Norm {
  RowVector<S> weight;  ///< [width]; empty: no norm stands here
  RowVector<S> bias;    ///< [width], or empty

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

namespace detail {

/// A row less its mean, or for rms the row itself, and what makes its mean square one.
template <class S> struct CentredRow {
  const S* x;
  S scale;  ///< 1/√(mean square + ε)
};

/// `room` holds n values, and may be x.
template <class S> CentredRow<S> centre_row(const ModelConfig::Norm& config, Index n, const S* x, S* room) {
  using V = lanes::Vector<S>;
  using std::sqrt;
  const S size = S(static_cast<double>(n));
  if (config.kind == NormKind::layer) {
    const V mean(sum_of(n, x, [](const V& v) { return v; }) / size);
    map(
        n, room, [&](const V& v) { return v - mean; }, x);
    x = room;
  }
  const S square = sum_of(n, x, [](const V& v) { return v * v; }) / size;
  return {x, S(1) / sqrt(square + S(config.epsilon))};
}

template <class S>
void norm_row(const Norm<S>& p, const ModelConfig::Norm& config, Index n, const S* x, S* y) {
  using V = lanes::Vector<S>;
  const CentredRow<S> row = centre_row(config, n, x, y);
  const V scale(row.scale), offset(S(config.offset));
  if (p.bias.size())
    map(
        n, y, [&](const V& v, const V& w, const V& b) { return v * scale * (w + offset) + b; }, row.x,
        p.weight.data(), p.bias.data());
  else
    map(
        n, y, [&](const V& v, const V& w) { return v * scale * (w + offset); }, row.x, p.weight.data());
}

}  // namespace detail

/// y [rows, width] = norm of each row of x; y may be x.
template <class S>
void forward(const Norm<S>& p, const ModelConfig::Norm& config, Run& run, View<S> x, Out<S> y) {
  eigen_assert(p.weight.size() == x.cols() && (p.bias.size() == 0 || p.bias.size() == x.cols()) &&
               "a norm is as wide as x");
  eigen_assert(y.rows() == x.rows() && y.cols() == x.cols() && "y has the shape of x");
  const Index grain = (std::max)(Index{1}, Index{1 << 14} / x.cols());  // rows that are worth a thread
  run.threads.slices(x.rows(), grain, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      detail::norm_row(p, config, x.cols(), x.data() + r * x.outerStride(), y.data() + r * y.outerStride());
  });
}

namespace detail {

/// One row's part of backward(Norm). `scratch` holds 3n values.
template <class S>
void norm_row_backward(const Norm<S>& p, const ModelConfig::Norm& config, Index n, const S* x, const S* dy,
                       S* dx, S* weight_gradient, S* bias_gradient, S* scratch) {
  S *const unit = scratch, *const g = scratch + n, *const product = g + n;
  using V = lanes::Vector<S>;
  const S size = S(static_cast<double>(n));
  const CentredRow<S> row = centre_row(config, n, x, unit);
  const V scale(row.scale), offset(S(config.offset));
  map(
      n, unit, [&](const V& v) { return v * scale; }, row.x);
  if (weight_gradient)
    map(
        n, weight_gradient, [](const V& w, const V& d, const V& u) { return w + d * u; }, weight_gradient, dy,
        unit);
  if (bias_gradient)
    map(
        n, bias_gradient, [](const V& b, const V& d) { return b + d; }, bias_gradient, dy);
  map(
      n, g, [&](const V& d, const V& w) { return d * (w + offset); }, dy, p.weight.data());
  const V shift(config.kind == NormKind::layer ? sum_of(n, g, [](const V& v) { return v; }) / size : S(0));
  map(
      n, product, [](const V& v, const V& u) { return v * u; }, g, unit);
  const V slope(sum_of(n, product, [](const V& v) { return v; }) / size);
  map(
      n, dx, [&](const V& d, const V& v, const V& u) { return d + scale * (v - shift - u * slope); }, dx, g,
      unit);
}

}  // namespace detail

/// dx += the gradient of norm(x), for x and dy [rows, width]. With x̂ the normed row before its weight and
/// g = dy · (weight + offset):
///   layer:  dx += (g − mean(g) − x̂ · mean(g · x̂)) / √(var(x) + ε)      rms: the same without mean(g)
/// The parameters' sums over rows are added in slices of a fixed number of rows, in their order.
template <class S>
void backward(const Norm<S>& p, const ModelConfig::Norm& config, Run& run, View<S> x, View<S> dy, Out<S> dx,
              Norm<S>& grad) {
  eigen_assert(p.weight.size() == x.cols() && (p.bias.size() == 0 || p.bias.size() == x.cols()) &&
               "a norm is as wide as x");
  eigen_assert(dy.rows() == x.rows() && dy.cols() == x.cols() && "dy has the shape of x");
  eigen_assert(dx.rows() == x.rows() && dx.cols() == x.cols() && "dx has the shape of x");
  constexpr Index slice = 64;
  const Index width = x.cols(), slices = (x.rows() + slice - 1) / slice;
  const Workspace::Frame frame(run.workspace);
  auto sums = run.workspace.matrix<S>(2 * slices, width);  // of weight and bias, a row each per slice
  auto scratch = run.workspace.matrix<S>(3 * slices, width);
  sums.setZero();
  run.threads.parallel_for(slices, [&](Index s, int) {
    S* const weight = grad.weight.size() ? sums.data() + 2 * s * width : nullptr;
    S* const bias = grad.bias.size() ? sums.data() + (2 * s + 1) * width : nullptr;
    for (Index r = s * slice; r < (std::min)(x.rows(), (s + 1) * slice); ++r)
      detail::norm_row_backward(p, config, width, x.data() + r * x.outerStride(),
                                dy.data() + r * dy.outerStride(), dx.data() + r * dx.outerStride(), weight,
                                bias, scratch.data() + 3 * s * width);
  });
  for (Index s = 0; s < slices; ++s) {
    if (grad.weight.size()) grad.weight += sums.row(2 * s);
    if (grad.bias.size()) grad.bias += sums.row(2 * s + 1);
  }
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
