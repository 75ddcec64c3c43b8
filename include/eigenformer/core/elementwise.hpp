// Passes over the elements of a row. A value's bits never depend on where in the row or in memory it stands:
// whole vectors and the rest at the end take the same instructions.
#pragma once

#include <eigenformer/core/lanes.hpp>

#include <algorithm>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// `n` values at `from`, followed by zeros up to a whole vector.
template <class S> const S* padded(const S* from, Index n, S* to) {
  for (Index l = 0; l < lanes::count<S>; ++l) to[l] = l < n ? from[l] : S(0);
  return to;
}

}  // namespace detail

/// y[i] = f(x[i], more[i]…) for n elements; f takes and returns lanes::Vector<S>. y may be one of the inputs.
/// The elements at the end go through the same code as all others, padded to a whole vector.
template <class S, class F, class... Rows> void map(Index n, S* y, F&& f, const S* x, const Rows*... more) {
  constexpr Index L = lanes::count<S>;
  constexpr std::size_t inputs = 1 + sizeof...(Rows);
  const S* from[inputs] = {x, more...};
  S ends[inputs][L], out[L];
  for (Index i = 0; i < n; i += L) {
    const bool whole = i + L <= n;
    const S* at[inputs];
    for (std::size_t r = 0; r < inputs; ++r)
      at[r] = whole ? from[r] + i : detail::padded(from[r] + i, n - i, ends[r]);
    [&]<std::size_t... r>(std::index_sequence<r...>) {
      lanes::store<S>(whole ? y + i : out, f(lanes::Vector<S>(lanes::load<S>(at[r]))...).v);
    }
    (std::make_index_sequence<inputs>{});
    if (!whole) std::copy(out, out + (n - i), y + i);
  }
}

/// Σ f(x[i]), in one order; f of zero must be zero.
template <class S, class F> S sum_of(Index n, const S* x, F&& f) {
  constexpr Index L = lanes::count<S>;
  lanes::Vector<S> total(S(0));
  S end[L];
  for (Index i = 0; i < n; i += L) {
    const S* const at = i + L <= n ? x + i : detail::padded(x + i, n - i, end);
    total = total + f(lanes::Vector<S>(lanes::load<S>(at)));
  }
  return lanes::sum<S>(total.v);
}

/// The largest of n ≥ 1 elements.
template <class S> S largest(Index n, const S* x) {
  constexpr Index L = lanes::count<S>;
  Index i = 1;
  S most = x[0];
  if (n >= L) {
    lanes::Vector<S> many(lanes::load<S>(x));
    for (i = L; i + L <= n; i += L) many = larger(many, lanes::Vector<S>(lanes::load<S>(x + i)));
    most = lanes::largest<S>(many.v);
  }
  for (; i < n; ++i) most = (std::max)(most, x[i]);
  return most;
}

/// 1 / (1 + e⁻ˣ)
template <class S> lanes::Vector<S> sigmoid(const lanes::Vector<S>& x) {
  return lanes::Vector<S>(S(1)) / (lanes::Vector<S>(S(1)) + exp(-x));
}

/// The normal distribution's Φ(x) = erfc(−x/√2)/2. In float by Abramowitz & Stegun 7.1.26 (absolute error
/// below 3e-7, rounding included), otherwise by the standard library.
template <class S> lanes::Vector<S> normal_cdf(const lanes::Vector<S>& x) {
  using V = lanes::Vector<S>;
  if constexpr (std::is_same_v<S, float>) {
    const V z = larger(x, -x) * V(0.70710678118654752f);
    const V t = V(1.0f) / (V(1.0f) + V(0.3275911f) * z);
    const V poly =
        t * (V(0.254829592f) +
             t * (V(-0.284496736f) + t * (V(1.421413741f) + t * (V(-1.453152027f) + t * V(1.061405429f)))));
    const V tail = V(0.5f) * poly * exp(-(z * z));  // Φ(−|x|)
    return select_less(x, V(0.0f), tail, V(1.0f) - tail);
  } else {
    return x.each([](const S& s) {
      using std::erfc;
      return erfc(-s * S(0.70710678118654752440)) * S(0.5);
    });
  }
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
