// One row of x by the columns of w: y[j] = Σₖ x[k] · w[j, k], each sum in the order of dot_kernel.hpp.
//
// Every weight is read once and used once, so that only the way they come counts. Sums are independent of
// each other but each is a chain of additions, which takes four cycles a link: several columns go side by
// side.
#pragma once

#include <eigenformer/core/epilogue.hpp>
#include <eigenformer/core/lanes.hpp>

#include <algorithm>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace detail {

/// What is asked of memory while columns are added up.
enum class Ahead {
  nothing,
  sequence,  ///< what lies behind these columns, one address after the other
  streams,   ///< further on in each column, and towards its end the first of the columns behind these
  columns,   ///< the columns behind these, each where its neighbour is read
};

inline constexpr int cache_line = 64;

/// How far ahead these ask, in bytes: `sequence` behind the columns, `streams` within each.
inline constexpr Index sequence_lead = 2048, stream_lead = 1024;

/// Columns of so many bytes are streams of their own.
inline constexpr Index long_column = 3072;

/// Asks for bytes [from, from + count) behind p: every line of two, as memory gives the other one with it.
template <int count> EIGEN_ALWAYS_INLINE void prefetch_pairs(const void* p, Index from) {
  lanes::unroll<count / (2 * cache_line)>(
      [&](auto i) EIGENFORMER_INLINE { lanes::prefetch_close(p, from + i * 2 * cache_line); });
}

/// sums[j] = x · column j as vectors, for J columns; `ends` are the last N numbers of x, zeros where they
/// were counted before.
template <class S, int N, int J, Ahead ahead, class T>
EIGEN_ALWAYS_INLINE void sum_columns(const S* x, const S* ends, const T* w, Index w_stride, Index k,
                                     lanes::Packet<S, N>* sums) {
  constexpr Index number = sizeof(T);
  constexpr int vector_bytes = N * static_cast<int>(sizeof(T));
  constexpr int steps = ahead == Ahead::sequence  ? (std::max)(1, 2 * cache_line / (J * vector_bytes))
                        : ahead == Ahead::streams ? (std::max)(1, cache_line / vector_bytes)
                                                  : 1;
  lanes::Packet<S, N> totals[J];
  lanes::unroll<J>([&](auto j) EIGENFORMER_INLINE { totals[j] = lanes::zero<S, N>(); });
  const auto add = [&](const S* row, const T* columns) EIGENFORMER_INLINE {
    const lanes::Packet<S, N> factor = lanes::load_once<S, N>(row);
    lanes::unroll<J>([&](auto j) EIGENFORMER_INLINE {
      const lanes::Packet<S, N> weights = lanes::load_as<S, N>(columns + j * w_stride);
      totals[j] = lanes::pmadd(factor, weights, totals[j]);
    });
  };
  Index at = 0;
  const auto add_until = [&](Index end, Index next) EIGENFORMER_INLINE {
    for (; at + steps * N <= end; at += steps * N) {
      if constexpr (ahead == Ahead::sequence)
        prefetch_pairs<steps * J * vector_bytes>(w, next + at * J * number);
      else if constexpr (ahead != Ahead::nothing)
        lanes::unroll<J>([&](auto j) EIGENFORMER_INLINE {
          if constexpr (ahead == Ahead::streams)
            lanes::prefetch_close(w + at + j * w_stride, next);
          else
            lanes::prefetch(w + at + j * w_stride, next);
        });
      lanes::unroll<steps>([&](auto i) EIGENFORMER_INLINE { add(x + at + i * N, w + at + i * N); });
    }
  };
  const Index columns_on = J * w_stride * number;
  if constexpr (ahead == Ahead::streams) {
    add_until(k - stream_lead / number, stream_lead);
    add_until(k, stream_lead + columns_on - k * number);
  } else {
    add_until(k, ahead == Ahead::sequence ? columns_on + sequence_lead : columns_on);
  }
  if constexpr (steps > 1)
    for (; at + N <= k; at += N) add(x + at, w + at);
  if (at < k) add(ends, w + k - N);
  lanes::unroll<J>([&](auto j) EIGENFORMER_INLINE { sums[j] = totals[j]; });
}

/// All columns, J side by side.
template <class S, int N, int J, Ahead ahead, class T>
void dot_columns(const S* x, const S* ends, const T* w, Index w_stride, Index columns, Index k,
                 const Epilogue<S>& epilogue, S* y) {
  constexpr int group = (std::max)(N, J);
  lanes::Packet<S, N> sums[group];
  S out[group];
  for (Index first = 0; first < columns; first += group) {
    const Index count = (std::min)(Index{group}, columns - first);
    const T* const from = w + first * w_stride;
    Index j = 0;
    for (; j + J <= count; j += J)
      sum_columns<S, N, J, ahead>(x, ends, from + j * w_stride, w_stride, k, sums + j);
    if constexpr (J > 4)
      for (; j + 4 <= count; j += 4)
        sum_columns<S, N, 4, Ahead::nothing>(x, ends, from + j * w_stride, w_stride, k, sums + j);
    for (; j < count; ++j)
      sum_columns<S, N, 1, Ahead::nothing>(x, ends, from + j * w_stride, w_stride, k, sums + j);
    for (; j % N > 0; ++j) sums[j] = lanes::zero<S, N>();  // lanes are added up N vectors at a time
    for (Index i = 0; i < j; i += N) lanes::store<S, N>(out + i, lanes::sums<S, N>(sums + i));
    epilogue.from(first).write(out, count, y + first);
  }
}

/// y [columns] = x [k] · wᵀ through an epilogue, w [columns, k], k ≥ N. What is asked for ahead was measured
/// on a Xeon of 2 GHz (AVX-512), for weights in the second- and third-level cache and in memory. The
/// processor sees a long column as a stream, and several streams come faster than one. It does not see short
/// ones, but they lie one behind the other, and are asked for as they lie. Both ask for the first-level
/// cache: a request to the second costs as much, and gives nothing where the weights are there already.
template <class S, int N, class T>
[[gnu::noinline]] void dot_row(const S* x, const T* w, Index w_stride, Index columns, Index k,
                               const Epilogue<S>& epilogue, S* y) {
  constexpr int many = N * sizeof(S) >= 64 ? 4 : 8;
  S ends[N];
  for (Index l = 0; l < N; ++l) ends[l] = l < N - k % N ? S(0) : x[k - N + l];
  const auto with = [&]<int J, Ahead ahead>() {
    dot_columns<S, N, J, ahead>(x, ends, w, w_stride, columns, k, epilogue, y);
  };
  if (k * static_cast<Index>(sizeof(T)) >= long_column)
    with.template operator()<4, Ahead::streams>();
  else if (w_stride == k)
    with.template operator()<many, Ahead::sequence>();
  else
    with.template operator()<8, Ahead::columns>();
}

}  // namespace detail
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
