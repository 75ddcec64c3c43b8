// y[r, c] += Σᵢ p[r, i] · v[i, c]: lanes along the columns of v, one weight of p broadcast to all of them.
//
// Attention mixes values with it, which may be stored in fewer bits than p and y. Each sum adds i = 0, 1, 2,
// … one after the other whatever the tile, so a row has the same bits alone and in company.
#pragma once

#include <eigenformer/core/lanes.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// R rows and D vectors of N columns, in registers over all i.
template <class S, int N, int R, int D, class T>
EIGEN_ALWAYS_INLINE void mix_tile(const S* p, Index p_stride, const T* v, Index v_stride, Index n, S* y,
                                  Index y_stride) {
  lanes::Packet<S, N> sums[R * D];
  lanes::unroll<R * D>(
      [&](auto t) EIGENFORMER_INLINE { sums[t] = lanes::load<S, N>(y + t / D * y_stride + t % D * N); });
  for (Index i = 0; i < n; ++i) {
    lanes::Packet<S, N> values[D];
    lanes::unroll<D>(
        [&](auto d) EIGENFORMER_INLINE { values[d] = lanes::load_once<S, N>(v + i * v_stride + d * N); });
    lanes::unroll<R>([&](auto r) EIGENFORMER_INLINE {
      const lanes::Packet<S, N> weight = lanes::broadcast<S, N>(p[r * p_stride + i]);
      lanes::unroll<D>([&](auto d) EIGENFORMER_INLINE {
        sums[r * D + d] = lanes::pmadd(weight, values[d], sums[r * D + d]);
      });
    });
  }
  lanes::unroll<R * D>(
      [&](auto t) EIGENFORMER_INLINE { lanes::store<S, N>(y + t / D * y_stride + t % D * N, sums[t]); });
}

/// All rows, for as many columns as N lanes divide; the rest with fewer lanes. Values in fewer bits, which
/// wide heads alone have, do without the forms in between: each costs every program its compile time.
template <class S, int N, class T>
void mix_columns(const S* p, Index p_stride, const T* v, Index v_stride, Index rows, Index n, Index columns,
                 S* y, Index y_stride) {
  Index c = 0;
  const auto tiles = [&]<int D>(std::integral_constant<int, D>) {
    for (; c + D * N <= columns; c += D * N) {
      Index r = 0;
      for (; r + 4 <= rows; r += 4)
        mix_tile<S, N, 4, D>(p + r * p_stride, p_stride, v + c, v_stride, n, y + r * y_stride + c, y_stride);
      if constexpr (std::is_same_v<S, T>)
        for (; r + 2 <= rows; r += 2)
          mix_tile<S, N, 2, D>(p + r * p_stride, p_stride, v + c, v_stride, n, y + r * y_stride + c,
                               y_stride);
      for (; r < rows; ++r)
        mix_tile<S, N, 1, D>(p + r * p_stride, p_stride, v + c, v_stride, n, y + r * y_stride + c, y_stride);
    }
  };
  constexpr int widest = lanes::registers >= 32 ? 4 : 2;  // 4 · widest sums stay in them
  tiles(std::integral_constant<int, widest>{});
  tiles(std::integral_constant<int, 1>{});
  if (c == columns) return;
  if constexpr (std::is_same_v<S, T> && N / 2 >= lanes::fewest<S> && N > 1) {
    mix_columns<S, N / 2>(p, p_stride, v + c, v_stride, rows, n, columns - c, y + c, y_stride);
  } else {
    for (Index r = 0; r < rows; ++r)
      for (Index i = 0; i < n; ++i)
        for (Index rest = c; rest < columns; ++rest)
          y[r * y_stride + rest] += p[r * p_stride + i] * lanes::element_as<S>(v[i * v_stride + rest]);
  }
}

}  // namespace detail

/// y [rows, columns] += p [rows, n] · v [n, columns]; strides are between rows, in elements.
template <class S, class T>
void mix_kernel(const S* p, Index p_stride, const T* v, Index v_stride, Index rows, Index n, Index columns,
                S* y, Index y_stride) {
  detail::mix_columns<S, lanes::count<S>>(p, p_stride, v, v_stride, rows, n, columns, y, y_stride);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
