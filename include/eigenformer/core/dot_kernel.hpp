// y[r, j] = Σₖ x[r, k] · w[j, k]: lanes along k, weights read as they are stored, in any format.
//
// Each sum has one order whatever tile it is computed in: lane l adds k = l, l + L, l + 2L, …, then the lanes
// are halved. So a row has the same bits alone and in company, in a prompt and in a decode step, for any
// number of threads. Nothing of the weights is packed: with one row they pass at the speed of memory, with
// many rows a few columns of them stay in the first-level cache while packed rows of x stream past.
#pragma once

#include <eigenformer/core/dot_row.hpp>
#include <eigenformer/core/epilogue.hpp>
#include <eigenformer/core/lanes.hpp>

#include <algorithm>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// Rows that are packed at a time: at the usual widths they fit the second-level cache.
inline constexpr Index row_block = 64;

/// Columns that a tile of rows goes through while it is in the first-level cache, at most.
inline constexpr Index column_block = 96;

/// And fewer where they are long: 768 KiB of weights of type T, which stay in a second-level cache of 1 MiB
/// for the next tile of rows (measured at k = 3072: 215 against 205 GFLOP/s of 260). Whole tiles of three or
/// four columns.
template <class T> constexpr Index columns_of_block(Index k) {
  const Index bytes = k * static_cast<Index>(sizeof(T));
  return std::clamp((Index{768} << 10) / bytes / 12 * 12, Index{24}, column_block);
}

/// The longest part of a sum that goes through those columns at once: eight rows of floats are then three
/// quarters of a first-level cache of 32 KiB.
inline constexpr Index depth_block = 768;

/// R rows by J columns: as many sums as the registers hold beside what is being loaded. Flat tiles for few
/// rows and short sums; tall ones read a weight half as often (measured on 1024 × 768 × 3072: 100 against 89
/// GFLOP/s of 116).
template <int R, int J> struct Tile {};
template <int N> using FlatTile = Tile<4, (std::max)(1, N / 4)>;
template <int N> using TallTile = std::conditional_t<(lanes::registers >= 32), Tile<8, 3>, FlatTile<N>>;

/// How many values pack_rows writes for R rows of k columns.
template <int N, int R> constexpr Index packed_size(Index k) { return (k / N + 1) * N * R; }

/// x [rows ≤ R, k] as tiles read it: for every N columns those of all rows side by side, then the last N
/// columns again, with zeros where they were counted before (k need not be a multiple of N). Missing rows are
/// zero.
template <class S, int N, int R> void pack_rows(const S* x, Index stride, Index rows, Index k, S* packed) {
  for (Index at = 0; at + N <= k; at += N)
    for (Index r = 0; r < R; ++r, packed += N)
      lanes::store<S, N>(packed, r < rows ? lanes::load<S, N>(x + r * stride + at) : lanes::zero<S, N>());
  for (Index r = 0; r < R; ++r)
    for (Index l = 0; l < N; ++l, ++packed)
      *packed = r < rows && l >= N - k % N ? x[r * stride + k - N + l] : S(0);
}

/// totals[j · R + r] += rows r · columns j, one vector of each. The columns that come behind these are asked
/// for meanwhile, as memory sees short streams otherwise.
template <class S, int N, int R, int J, class T>
EIGEN_ALWAYS_INLINE void accumulate_step(const S* rows, const T* columns, Index w_stride,
                                         lanes::Packet<S, N> (&totals)[R * J]) {
  const Index ahead = J * w_stride * static_cast<Index>(sizeof(T));
  lanes::Packet<S, N> wide[J];
  lanes::unroll<J>([&](auto j) EIGENFORMER_INLINE {
    lanes::prefetch(columns + j * w_stride, ahead);
    wide[j] = lanes::load_once<S, N>(columns + j * w_stride);
  });
  lanes::unroll<R>([&](auto r) EIGENFORMER_INLINE {
    const lanes::Packet<S, N> row = lanes::load_once<S, N>(rows + r * N);
    lanes::unroll<J>([&](auto j) EIGENFORMER_INLINE {
      totals[j * R + r] = lanes::pmadd(row, wide[j], totals[j * R + r]);
    });
  });
}

/// Accumulates R · J sums as vectors, sum j · R + r at its place, on top of those `carried` if any. `ends`
/// are the last N columns as pack_rows writes them.
template <class S, int N, class T, int R, int J>
EIGEN_ALWAYS_INLINE void accumulate(const S* x, const S* ends, const T* w, Index w_stride, Index k,
                                    const lanes::Packet<S, N>* carried, lanes::Packet<S, N>* sums) {
  lanes::Packet<S, N> totals[R * J];
  lanes::unroll<R * J>([&](auto i)
                           EIGENFORMER_INLINE { totals[i] = carried ? carried[i] : lanes::zero<S, N>(); });
  Index at = 0;
  for (; at + N <= k; at += N, x += R * N) accumulate_step<S, N, R, J>(x, w + at, w_stride, totals);
  if (at < k) accumulate_step<S, N, R, J>(ends, w + k - N, w_stride, totals);
  lanes::unroll<R * J>([&](auto i) EIGENFORMER_INLINE { sums[i] = totals[i]; });
}

/// out[i] is the sum of the lanes of sums[i], for i < n. Up to N values behind them may be written over.
template <class S, int N, int n> EIGEN_ALWAYS_INLINE void add_lanes(const lanes::Packet<S, N>* sums, S* out) {
  constexpr int together = n / N * N;
  for (int i = 0; i < together; i += N) lanes::store<S, N>(out + i, lanes::sums<S, N>(sums + i));
  if constexpr (n - together > 1 && n - together >= N / 2) {
    lanes::Packet<S, N> last[N];
    lanes::unroll<N>([&](auto i) EIGENFORMER_INLINE {
      if constexpr (together + i < n)
        last[i] = sums[together + i];
      else
        last[i] = lanes::zero<S, N>();
    });
    lanes::store<S, N>(out + together, lanes::sums<S, N>(last));
  } else {
    for (int i = together; i < n; ++i) out[i] = lanes::sum<S, N>(sums[i]);
  }
}

/// out[j · R + r] = Σₖ x[r, k] · w[j, k], and what was carried; as add_lanes writes.
template <class S, int N, class T, int R, int J>
EIGEN_ALWAYS_INLINE void dot_tile(const S* x, const S* ends, const T* w, Index w_stride, Index k,
                                  const lanes::Packet<S, N>* carried, S* out) {
  lanes::Packet<S, N> sums[R * J];
  accumulate<S, N, T, R, J>(x, ends, w, w_stride, k, carried, sums);
  add_lanes<S, N, R * J>(sums, out);
}

/// f(first column, its number of columns as a type), from the widest tiles to the narrowest.
template <int widest, class F> EIGEN_ALWAYS_INLINE void for_tiles(Index columns, const F& f) {
  Index j = 0;
  const auto tiles = [&]<int J>(std::integral_constant<int, J> width) EIGENFORMER_INLINE {
    for (; j + J <= columns; j += J) f(j, width);
  };
  tiles(std::integral_constant<int, widest>{});
  if constexpr (widest > 4) tiles(std::integral_constant<int, 4>{});
  if constexpr (widest > 1) tiles(std::integral_constant<int, 1>{});
}

/// y [rows ≤ R, columns] from sums [columns, R]: square blocks of them turned (measured on the scores of a
/// head of 64 numbers: 153 instead of 137 GFLOP/s).
template <class S, int R>
void write_rows(const S* sums, Index rows, Index columns, const Epilogue<S>& epilogue, S* y, Index y_stride) {
  Index j = 0;
  if constexpr (R >= lanes::fewest<S> && R <= lanes::count<S>) {
    using lanes::padd;
    for (; j + R <= columns; j += R) {
      lanes::Packet<S, R> turned[R];
      lanes::transpose<S, R>(sums + j * R, turned);
      const auto bias = epilogue.bias ? lanes::load<S, R>(epilogue.bias + j) : lanes::zero<S, R>();
      for (Index r = 0; r < rows; ++r) {
        S* const to = y + r * y_stride + j;
        const auto sum = epilogue.bias ? padd(turned[r], bias) : turned[r];
        lanes::store<S, R>(to, epilogue.add ? padd(lanes::load<S, R>(to), sum) : sum);
      }
    }
  }
  for (; j < columns; ++j)
    for (Index r = 0; r < rows; ++r) epilogue.write(sums[j * R + r], j, y[r * y_stride + j]);
}

/// y [rows ≤ R, columns ≤ column_block] from R packed rows. Long sums are carried from one part of their
/// length to the next, lane by lane.
template <class S, int N, class T, int R, int widest>
void dot_rows(const S* x, const S* ends, const T* w, Index w_stride, Index rows, Index columns, Index k,
              const Epilogue<S>& epilogue, S* y, Index y_stride) {
  lanes::Packet<S, N> carried[R * column_block];
  S sums[R * column_block + N];
  const Index parts = (k + depth_block - 1) / depth_block;
  const Index depth = (k + parts * N - 1) / (parts * N) * N;
  Index done = 0;
  for (; done + depth < k; done += depth)
    for_tiles<widest>(columns, [&]<int J>(Index j, std::integral_constant<int, J>) EIGENFORMER_INLINE {
      accumulate<S, N, T, R, J>(x + done * R, ends, w + j * w_stride + done, w_stride, depth,
                                done > 0 ? carried + j * R : nullptr, carried + j * R);
    });
  for_tiles<widest>(columns, [&]<int J>(Index j, std::integral_constant<int, J>) EIGENFORMER_INLINE {
    dot_tile<S, N, T, R, J>(x + done * R, ends, w + j * w_stride + done, w_stride, k - done,
                            done > 0 ? carried + j * R : nullptr, sums + j * R);
  });
  write_rows<S, R>(sums, rows, columns, epilogue, y, y_stride);
}

/// The plain loop, for rows shorter than any vector and for scalars that are no machine numbers.
template <class S, class T>
inline void dot_short(const S* x, Index x_stride, const T* w, Index w_stride, Index rows, Index columns,
                      Index k, const Epilogue<S>& epilogue, S* y, Index y_stride) {
  for (Index r = 0; r < rows; ++r, x += x_stride, y += y_stride)
    for (Index j = 0; j < columns; ++j) {
      S sum(0);
      for (Index i = 0; i < k; ++i) sum += x[i] * lanes::element_as<S>(w[j * w_stride + i]);
      epilogue.write(sum, j, y[j]);
    }
}

/// All rows, packed R at a time and `row_block` together.
template <class S, int N, class T, int R, int J>
void dot_blocks(Tile<R, J>, const S* x, Index x_stride, const T* w, Index w_stride, Index rows, Index columns,
                Index k, const Epilogue<S>& epilogue, S* y, Index y_stride, S* scratch) {
  const Index packed = packed_size<N, R>(k), height = R, block = columns_of_block<T>(k);
  for (Index first = 0; first < rows; first += row_block) {
    const Index last = (std::min)(rows, first + row_block);
    for (Index r = first; r < last; r += R)
      pack_rows<S, N, R>(x + r * x_stride, x_stride, (std::min)(height, last - r), k,
                         scratch + (r - first) / R * packed);
    for (Index j = 0; j < columns; j += block)
      for (Index r = first; r < last; r += R) {
        const S* const tile = scratch + (r - first) / R * packed;
        dot_rows<S, N, T, R, J>(tile, tile + packed - N * R, w + j * w_stride, w_stride,
                                (std::min)(height, last - r), (std::min)(block, columns - j), k,
                                epilogue.from(j), y + r * y_stride + j, y_stride);
      }
  }
}

/// Chooses the tile; one row has a kernel of its own. Two rows share a flat one while sums are long, as loads
/// of weights are what counts then, and have one of their own while they are short, as adding up the lanes
/// does.
template <class S, int N, class T>
void dot_lanes(const S* x, Index x_stride, const T* w, Index w_stride, Index rows, Index columns, Index k,
               const Epilogue<S>& epilogue, S* y, Index y_stride, S* scratch) {
  if (rows == 1) return dot_row<S, N>(x, w, w_stride, columns, k, epilogue, y);
  const auto with = [&](auto tile) {
    dot_blocks<S, N, T>(tile, x, x_stride, w, w_stride, rows, columns, k, epilogue, y, y_stride, scratch);
  };
  const bool long_sums = k > 8 * N;
  if constexpr (std::is_same_v<S, T>)
    if (rows == 2 && !long_sums) return with(Tile<2, (std::max)(1, N / 2)>{});
  if constexpr (N == lanes::count<S>)
    if (rows > 4 && long_sums) return with(TallTile<N>{});
  with(FlatTile<N>{});
}

}  // namespace detail

/// How many values of scratch memory dot_kernel wants.
template <class S> constexpr Index dot_scratch(Index rows, Index k) {
  constexpr int tile = 8;
  if (rows == 1) return 0;
  const Index tiles = ((std::min)(rows, detail::row_block) + tile - 1) / tile;
  return tiles * detail::packed_size<lanes::count<S>, tile>(k);
}

/// y [rows, columns] = x [rows, k] · wᵀ, w [columns, k], through an epilogue. Strides are between rows, in
/// elements; `scratch` holds dot_scratch(rows, k) values.
template <class S, class T>
void dot_kernel(const S* x, Index x_stride, const T* w, Index w_stride, Index rows, Index columns, Index k,
                const Epilogue<S>& epilogue, S* y, Index y_stride, S* scratch) {
  const auto with = [&]<int N>(std::integral_constant<int, N>, const auto& narrower) {
    if constexpr (N > 1) {
      if (k >= N)
        return detail::dot_lanes<S, N>(x, x_stride, w, w_stride, rows, columns, k, epilogue, y, y_stride,
                                       scratch);
      // Heads alone are that narrow. Those stored in fewer bits take the plain loop.
      if constexpr (std::is_same_v<S, T> && N / 2 >= lanes::fewest<S>)
        return narrower(std::integral_constant<int, N / 2>{}, narrower);
    }
    detail::dot_short(x, x_stride, w, w_stride, rows, columns, k, epilogue, y, y_stride);
  };
  with(std::integral_constant<int, lanes::count<S>>{}, with);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
