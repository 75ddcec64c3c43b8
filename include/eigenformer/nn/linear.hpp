// Linear layer: y = x · Wᵀ + b.
//
// Every backward function of this library adds: to the gradient of its input, and to the gradients of its
// parameters, which stand in the same struct. A gradient that is empty is not computed: the parameter is
// frozen.
#pragma once

#include <eigenformer/core/members.hpp>
#include <eigenformer/core/product.hpp>
#include <eigenformer/core/product_backward.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

template <class S> struct Linear {
  Weight<S> weight;   ///< [out, in]
  RowVector<S> bias;  ///< [out], or empty

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

/// y [rows, out] = x [rows, in] · Wᵀ + b
template <class S> void forward(const Linear<S>& p, Run& run, View<S> x, Out<S> y) {
  product(run, p.weight, x, {.bias = p.bias.size() ? p.bias.data() : nullptr}, y);
}

/// y += x · Wᵀ + b: the branch joins its residual on the way out of the product.
template <class S> void forward_add(const Linear<S>& p, Run& run, View<S> x, Out<S> y) {
  product(run, p.weight, x, {.bias = p.bias.size() ? p.bias.data() : nullptr, .add = true}, y);
}

/// db += Σ dy, rows added in their order.
template <class S> void bias_gradient(Run& run, View<S> dy, RowVector<S>& d_bias) {
  if (d_bias.size() == 0) return;
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

/// dx += dy · W, dW += dyᵀ · x, db += Σ dy, for x [rows, in] and dy [rows, out]
template <class S>
void backward(const Linear<S>& p, Run& run, View<S> x, View<S> dy, Out<S> dx, Linear<S>& grad) {
  product_input_gradient<S>(run, p.weight, dy, dx);
  parameter_gradient<S>(run, x, dy, grad);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
