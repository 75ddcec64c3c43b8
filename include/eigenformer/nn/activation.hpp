// Activations and their slopes: the only header that knows them.
#pragma once

#include <eigenformer/core/elementwise.hpp>
#include <eigenformer/model/config.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// x · Φ(x), Hendrycks & Gimpel 2016, "Gaussian Error Linear Units".
struct Gelu {
  template <class S> auto value(const lanes::Vector<S>& x) const { return x * normal_cdf(x); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    using V = lanes::Vector<S>;
    return normal_cdf(x) + x * V(S(0.39894228040143267794)) * exp(V(S(-0.5)) * x * x);  // Φ(x) + x φ(x)
  }
};

/// x · (1 + tanh(√(2/π)(x + 0.044715 x³))) / 2, the same paper's approximation.
struct GeluTanh {
  template <class S> static auto inner(const lanes::Vector<S>& x) {
    using V = lanes::Vector<S>;
    return V(S(0.79788456080286535588)) * x * (V(S(1)) + V(S(0.044715)) * x * x);
  }
  template <class S> auto value(const lanes::Vector<S>& x) const {
    using V = lanes::Vector<S>;
    return V(S(0.5)) * x * (V(S(1)) + tanh(inner(x)));
  }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    using V = lanes::Vector<S>;
    const V t = tanh(inner(x)), one(S(1));
    const V inner_slope = V(S(0.79788456080286535588)) * (one + V(S(3 * 0.044715)) * x * x);
    return V(S(0.5)) * (one + t) + V(S(0.5)) * x * (one - t * t) * inner_slope;
  }
};

/// x · σ(1.702 x), the same paper's faster approximation.
struct GeluQuick {
  template <class S> auto value(const lanes::Vector<S>& x) const {
    return x * sigmoid(lanes::Vector<S>(S(1.702)) * x);
  }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    using V = lanes::Vector<S>;
    const V s = sigmoid(V(S(1.702)) * x);
    return s + V(S(1.702)) * x * s * (V(S(1)) - s);
  }
};

struct Relu {
  template <class S> auto value(const lanes::Vector<S>& x) const { return larger(x, lanes::Vector<S>(S(0))); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    return x.each([](const S& v) { return S(v > S(0) ? 1 : 0); });
  }
};

/// max(x, 0)², So et al. 2021 (Primer).
struct ReluSquared {
  template <class S> auto value(const lanes::Vector<S>& x) const { return Relu{}.value(x) * Relu{}.value(x); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    return lanes::Vector<S>(S(2)) * Relu{}.value(x);
  }
};

/// x · σ(x), Elfwing et al. 2017; also known as swish.
struct Silu {
  template <class S> auto value(const lanes::Vector<S>& x) const { return x * sigmoid(x); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    using V = lanes::Vector<S>;
    const V s = sigmoid(x);
    return s * (V(S(1)) + x * (V(S(1)) - s));
  }
};

/// x · tanh(ln(1 + eˣ)), Misra 2019. With n = eˣ(eˣ + 2), tanh(ln(1 + eˣ)) = n / (n + 2).
struct Mish {
  template <class S> static auto softplus_tanh(const lanes::Vector<S>& x) {
    using V = lanes::Vector<S>;
    const V e = exp(smaller(x, V(S(20))));  // beyond 20 the quotient is 1 in every format
    const V n = e * (e + V(S(2)));
    return n / (n + V(S(2)));
  }
  template <class S> auto value(const lanes::Vector<S>& x) const { return x * softplus_tanh(x); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    using V = lanes::Vector<S>;
    const V t = softplus_tanh(x);
    return t + x * (V(S(1)) - t * t) * sigmoid(x);
  }
};

struct Tanh {
  template <class S> auto value(const lanes::Vector<S>& x) const { return tanh(x); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    const lanes::Vector<S> t = tanh(x);
    return lanes::Vector<S>(S(1)) - t * t;
  }
};

struct Sigmoid {
  template <class S> auto value(const lanes::Vector<S>& x) const { return sigmoid(x); }
  template <class S> auto slope(const lanes::Vector<S>& x) const {
    const lanes::Vector<S> s = sigmoid(x);
    return s * (lanes::Vector<S>(S(1)) - s);
  }
};

/// Calls f with the activation's functions: the one switch.
template <class F> decltype(auto) with_activation(Activation kind, F&& f) {
  switch (kind) {
    case Activation::gelu: return f(Gelu{});
    case Activation::gelu_tanh: return f(GeluTanh{});
    case Activation::gelu_quick: return f(GeluQuick{});
    case Activation::relu: return f(Relu{});
    case Activation::relu_squared: return f(ReluSquared{});
    case Activation::silu: return f(Silu{});
    case Activation::mish: return f(Mish{});
    case Activation::tanh: return f(Tanh{});
    case Activation::sigmoid: break;
  }
  return f(Sigmoid{});
}

/// Elements that are worth a thread.
inline constexpr Index activation_grain = 1 << 12;

}  // namespace detail

/// y[i] = act(x[i]) for n elements; y may be x.
template <class S> void activate(Activation kind, Index n, const S* x, S* y) {
  detail::with_activation(kind, [&](auto act) {
    map(
        n, y, [&](const lanes::Vector<S>& v) { return act.value(v); }, x);
  });
}

/// y[i] = d act(x) / dx at x[i].
template <class S> void activation_slope(Activation kind, Index n, const S* x, S* y) {
  detail::with_activation(kind, [&](auto act) {
    map(
        n, y, [&](const lanes::Vector<S>& v) { return act.slope(v); }, x);
  });
}

/// d[i] *= d act(x) / dx at x[i]: the gradient of an activation's input from that of its output.
template <class S> void activation_backward(Activation kind, Index n, const S* x, S* d) {
  detail::with_activation(kind, [&](auto act) {
    map(
        n, d, [&](const lanes::Vector<S>& v, const lanes::Vector<S>& g) { return act.slope(v) * g; }, x, d);
  });
}

/// y[i] = act(gate[i]) · up[i], Shazeer 2020, "GLU Variants Improve Transformer"; y may be gate or up.
template <class S> void activate_gated(Activation kind, Index n, const S* gate, const S* up, S* y) {
  detail::with_activation(kind, [&](auto act) {
    map(
        n, y, [&](const lanes::Vector<S>& g, const lanes::Vector<S>& u) { return act.value(g) * u; }, gate,
        up);
  });
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
