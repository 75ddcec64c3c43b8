// The matrix products of backward passes: dx += dy · W and dW += dyᵀ · x, split over output rows.
//
// Both are sums over rows that lie one below the other, so lanes go along the columns (mix_kernel.hpp): each
// output adds its terms one after the other, whatever the blocks, the rows beside it and the number of
// threads. Blocks of the right factor are copied to where a tile finds them in the first-level cache; stored
// weights become scalars on the way.
#pragma once

#include <eigenformer/core/bf16_product.hpp>
#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/eigen_product.hpp>
#include <eigenformer/core/mix_kernel.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/core/weight.hpp>

#include <algorithm>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

inline constexpr Index sum_block = 128;  // terms of each sum that are added at a time
inline constexpr Index mix_rows = 256;   // output rows that a copied block serves

/// Columns of a copied block: four vectors, what a tile of mix_kernel takes.
template <class S> inline constexpr Index mix_columns_block = 4 * lanes::count<S>;

/// to[r, i] = from[i, r] for `rows` × n values, a few rows at a time so that they stay in the first-level
/// cache.
template <class S> void transpose(const S* from, Index stride, Index rows, Index n, S* to) {
  constexpr Index strip = 16;
  for (Index first = 0; first < rows; first += strip)
    for (Index i = 0; i < n; ++i)
      for (Index r = first; r < (std::min)(rows, first + strip); ++r) to[r * n + i] = from[i * stride + r];
}

/// How many values of scratch memory mix_blocks wants.
template <class S> inline constexpr Index mix_scratch = (sum_block + mix_rows) * mix_columns_block<S>;

/// y [rows, columns] += p [rows, terms] · v [terms, columns]. left(r, rows, i, n) gives rows r … of p's
/// columns i …, as a pointer and the stride between rows; v's rows are v_stride apart. `scratch` holds
/// mix_scratch values.
template <class S, class T, class Left>
void mix_blocks(Index rows, Index terms, Index columns, Left&& left, const T* v, Index v_stride, S* y,
                Index y_stride, S* scratch) {
  constexpr Index width = mix_columns_block<S>;
  S* const block = scratch;                     // of v
  S* const edge = scratch + sum_block * width;  // of y, where columns end within a vector
  for (Index i = 0; i < terms; i += sum_block)
    for (Index r = 0; r < rows; r += mix_rows) {
      const Index n = (std::min)(sum_block, terms - i), height = (std::min)(mix_rows, rows - r);
      const auto [p, p_stride] = left(r, height, i, n);
      for (Index c = 0; c < columns; c += width) {
        const Index m = (std::min)(width, columns - c);
        const bool whole = m % lanes::count<S> == 0;
        const Index stride = whole ? m : width;
        for (Index k = 0; k < n; ++k) {
          lanes::convert(v + (i + k) * v_stride + c, m, block + k * stride);
          std::fill(block + k * stride + m, block + (k + 1) * stride, S(0));
        }
        S* const corner = y + r * y_stride + c;
        if (whole) {
          mix_kernel(p, p_stride, block, stride, height, n, m, corner, y_stride);
          continue;
        }
        for (Index k = 0; k < height; ++k) {
          std::copy_n(corner + k * y_stride, m, edge + k * width);
          std::fill(edge + k * width + m, edge + (k + 1) * width, S(0));
        }
        mix_kernel(p, p_stride, block, stride, height, n, width, edge, width);
        for (Index k = 0; k < height; ++k) std::copy_n(edge + k * width, m, corner + k * y_stride);
      }
    }
}

/// body(first row, rows, scratch) for parts of `rows` output rows, one a thread; `scratch` holds
/// scratch_size values. `work` counts multiply-adds.
template <class S, class Body>
void split_rows(Run& run, Index rows, Index work, Index scratch_size, Body&& body) {
  constexpr Index worth_a_thread = 1 << 15, grain = 4;  // rows of a tile
  const Index tasks = std::clamp(work / worth_a_thread, Index{1},
                                 (std::min)(Index{run.threads.count()}, (rows + grain - 1) / grain));
  const Workspace::Frame frame(run.workspace);
  S* const scratch = run.workspace.take<S>(tasks * scratch_size);
  run.threads.parallel_for(tasks, [&](Index task, int) {
    const Index begin = rows / grain * task / tasks * grain;
    const Index end = task + 1 == tasks ? rows : rows / grain * (task + 1) / tasks * grain;
    body(begin, end - begin, scratch + task * scratch_size);
  });
}

}  // namespace detail

namespace detail {

/// dx += dy's columns [begin, begin + n) · w, for n rows of w [n, in] from `elements` on.
template <class S, class T>
void add_input_gradient(Run& run, const T* elements, Index begin, Index n, Index in, View<S> dy, Out<S> dx) {
  split_rows<S>(run, dy.rows(), dy.rows() * n * in, mix_scratch<S>, [&](Index first, Index rows, S* scratch) {
    const S* const p = dy.data() + first * dy.outerStride() + begin;
    if constexpr (eigen_multiplies<S, T>)
      if (run.eigen_products) {
        const EigenFactor<S> left(p, rows, n, Eigen::OuterStride<>(dy.outerStride()));
        const EigenFactor<S> right(elements, n, in, Eigen::OuterStride<>(in));
        return eigen_multiply<S>(left, right, {.add = true}, dx.data() + first * dx.outerStride(),
                                 dx.outerStride());
      }
    const auto left = [&](Index r, Index, Index i, Index) {
      return std::pair{p + r * dy.outerStride() + i, dy.outerStride()};
    };
    mix_blocks(rows, n, in, left, elements, in, dx.data() + first * dx.outerStride(), dx.outerStride(),
               scratch);
  });
}

}  // namespace detail

/// dx [rows, in] += dy [rows, out] · W, w [out, in] in any format: the gradient of product()'s input. A
/// packed w is read a block of rows at a time, and the rounding of product()'s input is passed over (the
/// straight-through estimator of Bengio et al. 2013).
template <class S> void product_input_gradient(Run& run, const Weight<S>& w, View<S> dy, Out<S> dx) {
  eigen_assert(dy.cols() == w.rows() && "dy has as many columns as w has rows");
  eigen_assert(dx.rows() == dy.rows() && dx.cols() == w.cols() && "dx is [rows of dy, columns of w]");
  if constexpr (std::is_same_v<S, float>)
    if (run.bf16_products && !w.packed()) return bf16_input_gradient(run, w, dy, dx);
  const Index out = w.rows(), in = w.cols();
  if (w.packed()) {
    const Workspace::Frame frame(run.workspace);
    S* const block = run.workspace.take<S>((std::min)(out, detail::sum_block) * in);
    for (Index first = 0; first < out; first += detail::sum_block) {
      const Index n = (std::min)(detail::sum_block, out - first);
      run.threads.slices(n, Index{1 << 14} / in + 1, [&](Index begin, Index end) {
        for (Index r = begin; r < end; ++r) w.row(first + r, block + r * in);
      });
      detail::add_input_gradient<S>(run, block, first, n, in, dy, dx);
    }
    return;
  }
  w.with_elements(
      [&](const auto* elements) { detail::add_input_gradient<S>(run, elements, 0, out, in, dy, dx); });
}

/// dW [out, in] += dyᵀ · x for dy [rows, out] and x [rows, in]: the gradient of product()'s weight.
template <class S> void product_weight_gradient(Run& run, View<S> dy, View<S> x, Out<S> dw) {
  eigen_assert(dy.rows() == x.rows() && "dy has as many rows as x");
  eigen_assert(dw.rows() == dy.cols() && dw.cols() == x.cols() && "dw is [columns of dy, columns of x]");
  if constexpr (std::is_same_v<S, float>)
    if (run.bf16_products) return bf16_weight_gradient(run, dy, x, dw);
  const Index rows = dy.rows(), out = dy.cols(), in = x.cols();
  constexpr Index turned_size = detail::mix_rows * detail::sum_block;
  detail::split_rows<S>(
      run, out, rows * out * in, turned_size + detail::mix_scratch<S>,
      [&](Index first, Index height, S* scratch) {
        if constexpr (std::is_floating_point_v<S>)
          if (run.eigen_products)
            return detail::eigen_multiply<S>(dy.middleCols(first, height).transpose(), x, {.add = true},
                                             dw.data() + first * dw.outerStride(), dw.outerStride());
        const auto left = [&](Index r, Index part, Index i, Index n) {
          detail::transpose(dy.data() + i * dy.outerStride() + first + r, dy.outerStride(), part, n, scratch);
          return std::pair{static_cast<const S*>(scratch), n};
        };
        detail::mix_blocks(height, rows, in, left, x.data(), x.outerStride(),
                           dw.data() + first * dw.outerStride(), dw.outerStride(), scratch + turned_size);
      });
}

EIGENFORMER_ONCE(core,
                 void product_input_gradient<float>(Run&, const Weight<float>&, View<float>, Out<float>));
EIGENFORMER_ONCE(core,
                 void product_input_gradient<double>(Run&, const Weight<double>&, View<double>, Out<double>));
EIGENFORMER_ONCE(core, void product_weight_gradient<float>(Run&, View<float>, View<float>, Out<float>));
EIGENFORMER_ONCE(core, void product_weight_gradient<double>(Run&, View<double>, View<double>, Out<double>));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
