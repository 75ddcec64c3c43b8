// Linear layer: y = x · Wᵀ + b.
#pragma once

#include <eigenformer/core/members.hpp>
#include <eigenformer/core/product.hpp>

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

}  // namespace eigenformer::inline EIGENFORMER_ABI
