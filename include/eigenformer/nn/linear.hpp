// Linear layer: y = x · Wᵀ + b, and beside it a low-rank adapter where one was added.
//
// Every backward function of this library adds: to the gradient of its input, and to the gradients of its
// parameters, which stand in the same struct. A gradient that is empty is not computed: the parameter is
// frozen.
#pragma once

#include <eigenformer/core/members.hpp>
#include <eigenformer/core/product.hpp>
#include <eigenformer/core/product_backward.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A change of low rank beside a matrix: y += scale · (x Aᵀ) Bᵀ. Hu et al. 2021, "LoRA". Without an adapter
/// both matrices are empty.
template <class S> struct LowRank {
  Weight<S> a;     ///< [rank, in]
  Weight<S> b;     ///< [out, rank]
  S scale = S(1);  ///< alpha / rank; no parameter

  static void members(auto& self, auto&& visit) {
    visit("a", self.a);
    visit("b", self.b);
  }

  bool empty() const { return a.empty(); }
  Index rank() const { return a.rows(); }
};

template <class S> struct Linear {
  Weight<S> weight;   ///< [out, in]
  RowVector<S> bias;  ///< [out], or empty
  LowRank<S> lora;    ///< empty where the matrix has no adapter

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
    visit("lora", self.lora);
  }
};

namespace detail {

/// `out` becomes scale · x · wᵀ.
template <class S> void scaled_product(Run& run, const Weight<S>& w, View<S> x, S scale, Out<S> out) {
  product(run, w, x, {}, out);
  out *= scale;
}

}  // namespace detail

/// y [rows, out] += scale · (x [rows, in] · Aᵀ) · Bᵀ
template <class S> void forward_add(const LowRank<S>& p, Run& run, View<S> x, Out<S> y) {
  const Workspace::Frame frame(run.workspace);
  auto inner = run.workspace.matrix<S>(x.rows(), p.rank());
  detail::scaled_product<S>(run, p.a, x, p.scale, inner);
  product<S>(run, p.b, inner, {.add = true}, y);
}

/// y [rows, out] = x [rows, in] · Wᵀ + b (+ the adapter's part)
template <class S> void forward(const Linear<S>& p, Run& run, View<S> x, Out<S> y) {
  eigen_assert((p.bias.size() == 0 || p.bias.size() == p.weight.rows()) &&
               "a bias is as long as its weight has rows");
  product(run, p.weight, x, {.bias = p.bias.size() ? p.bias.data() : nullptr}, y);
  if (!p.lora.empty()) forward_add<S>(p.lora, run, x, y);
}

/// y += x · Wᵀ + b: the branch joins its residual on the way out of the product.
template <class S> void forward_add(const Linear<S>& p, Run& run, View<S> x, Out<S> y) {
  eigen_assert((p.bias.size() == 0 || p.bias.size() == p.weight.rows()) &&
               "a bias is as long as its weight has rows");
  product(run, p.weight, x, {.bias = p.bias.size() ? p.bias.data() : nullptr, .add = true}, y);
  if (!p.lora.empty()) forward_add<S>(p.lora, run, x, y);
}

/// db += Σ dy, rows added in their order.
template <class S> void bias_gradient(Run& run, View<S> dy, RowVector<S>& d_bias) {
  if (d_bias.size() == 0) return;
  eigen_assert(d_bias.size() == dy.cols() && "a bias is as long as dy has columns");
  run.threads.slices(dy.cols(), Index{1 << 10}, [&](Index begin, Index end) {
    for (Index r = 0; r < dy.rows(); ++r) {
      const S* const row = dy.data() + r * dy.outerStride();
      for (Index c = begin; c < end; ++c) d_bias[c] += row[c];
    }
  });
}

/// dW += dyᵀ · x, db += Σ dy, for a caller that has no use for the gradient of x.
template <class S> void parameter_gradient(Run& run, View<S> x, View<S> dy, Linear<S>& grad) {
  if (!grad.weight.empty()) product_weight_gradient<S>(run, dy, x, grad.weight.values());
  bias_gradient<S>(run, dy, grad.bias);
}

/// With t = scale · dy · B:  dx += t · A,  dA += tᵀ · x,  dB += scale · dyᵀ · (x · Aᵀ).
template <class S>
void backward(const LowRank<S>& p, Run& run, View<S> x, View<S> dy, Out<S> dx, LowRank<S>& grad) {
  const Workspace::Frame frame(run.workspace);
  auto inner = run.workspace.matrix<S>(x.rows(), p.rank());
  auto d_inner = run.workspace.matrix<S>(x.rows(), p.rank());
  d_inner.setZero();
  product_input_gradient<S>(run, p.b, dy, d_inner);
  d_inner *= p.scale;
  product_input_gradient<S>(run, p.a, d_inner, dx);
  if (!grad.a.empty()) product_weight_gradient<S>(run, d_inner, x, grad.a.values());
  if (grad.b.empty()) return;
  detail::scaled_product<S>(run, p.a, x, p.scale, inner);
  product_weight_gradient<S>(run, dy, inner, grad.b.values());
}

/// dx += dy · W, dW += dyᵀ · x, db += Σ dy, for x [rows, in] and dy [rows, out]; and the adapter's part.
template <class S>
void backward(const Linear<S>& p, Run& run, View<S> x, View<S> dy, Out<S> dx, Linear<S>& grad) {
  product_input_gradient<S>(run, p.weight, dy, dx);
  parameter_gradient<S>(run, x, dy, grad);
  if (!p.lora.empty()) backward<S>(p.lora, run, x, dy, dx, grad.lora);
}

/// Calls f(path, linear) for every Linear in a struct of parameters, in the order of their declaration.
template <class P, class F> void for_each_linear(P& parameters, F&& f, const std::string& path = "") {
  using Plain = std::remove_const_t<P>;
  if constexpr (requires { parameters.lora; }) {
    f(path, parameters);
  } else if constexpr (detail::IsVector<Plain>::value) {
    for (std::size_t i = 0; i < parameters.size(); ++i)
      for_each_linear(parameters[i], f, concat(path, '.', i));
  } else if constexpr (!detail::IsLeaf<Plain>::value) {
    Plain::members(parameters, [&](const char* name, auto& member) {
      for_each_linear(member, f, path.empty() ? std::string(name) : concat(path, '.', name));
    });
  }
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
