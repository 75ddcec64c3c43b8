// Matrix products in bfloat16 with sums in float, split over panels of output columns: with a weight that
// lies in tiles, and with matrices that are put into tiles for one product, as a training step's are.
#pragma once

#include <eigenformer/core/bf16_kernel.hpp>
#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/core/weight.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

namespace detail {

/// Numbers to round that are worth a thread.
inline constexpr Index rounding_worth_a_thread = 1 << 14;

/// to[0, 32 · tiles) = x[0, columns) to the nearest bfloat16, then zeros.
inline void round_row(const float* x, Index columns, Index tiles, bfloat16* to) {
  const Index whole = columns / Bf16Tiles::depth * Bf16Tiles::depth;
  for (Index c = 0; c < whole; c += Bf16Tiles::depth)
    for (Index i = 0; i < Bf16Tiles::depth; ++i) to[c + i] = bfloat16(x[c + i]);
  for (Index c = whole; c < tiles * Bf16Tiles::depth; ++c) to[c] = c < columns ? bfloat16(x[c]) : bfloat16();
}

/// x [rows, columns] as left factor: rounded, in the caller's frame of the workspace.
inline const bfloat16* rounded(Run& run, View<float> x) {
  const Index tiles = Bf16Tiles{.columns = x.cols()}.tiles(), width = tiles * Bf16Tiles::depth;
  bfloat16* const to = run.workspace.take<bfloat16>(x.rows() * width);
  run.threads.slices(x.rows(), rounding_worth_a_thread / (std::max)(x.cols(), Index{1}) + 1,
                     [&](Index begin, Index end) {
                       for (Index r = begin; r < end; ++r)
                         round_row(x.data() + r * x.outerStride(), x.cols(), tiles, to + r * width);
                     });
  return to;
}

/// xᵀ as left factor.
inline const bfloat16* rounded_transpose(Run& run, View<float> x) {
  const Index width = Bf16Tiles{.columns = x.rows()}.tiles() * Bf16Tiles::depth;
  bfloat16* const to = run.workspace.take<bfloat16>(x.cols() * width);
  run.threads.slices(x.cols(), rounding_worth_a_thread / (std::max)(x.rows(), Index{1}) + 1,
                     [&](Index begin, Index end) {
                       constexpr Index strip = 16;  // columns whose lines stay in the first-level cache
                       for (Index first = begin; first < end; first += strip) {
                         const Index last = (std::min)(end, first + strip);
                         for (Index i = 0; i < width; ++i)
                           for (Index c = first; c < last; ++c)
                             to[c * width + i] = i < x.rows() ? bfloat16(x(i, c)) : bfloat16();
                       }
                     });
  return to;
}

/// Tiles [rows, columns] of the numbers at(row, column), as right factor.
template <class At> const bfloat16* tiles_of(Run& run, const Bf16Tiles& layout, const At& at) {
  constexpr Index panel = Bf16Tiles::panel, depth = Bf16Tiles::depth, tile = Bf16Tiles::tile;
  bfloat16* const to = run.workspace.take<bfloat16>(layout.panels() * layout.tiles() * tile);
  run.threads.slices(layout.panels(), rounding_worth_a_thread / (layout.tiles() * tile + 1) + 1,
                     [&](Index begin, Index end) {
                       for (Index p = begin; p < end; ++p)
                         for (Index t = 0; t < layout.tiles(); ++t) {
                           bfloat16* const here = to + (p * layout.tiles() + t) * tile;
                           const Index r0 = p * panel, c0 = t * depth;
                           if (r0 + panel <= layout.rows && c0 + depth <= layout.columns) {
                             for (Index c = 0; c < depth; c += 2)
                               for (Index r = 0; r < panel; ++r) {
                                 here[c * panel + 2 * r] = bfloat16(at(r0 + r, c0 + c));
                                 here[c * panel + 2 * r + 1] = bfloat16(at(r0 + r, c0 + c + 1));
                               }
                             continue;
                           }
                           for (Index c = 0; c < depth; ++c)
                             for (Index r = 0; r < panel; ++r)
                               here[c / 2 * 2 * panel + 2 * r + c % 2] =
                                   r0 + r < layout.rows && c0 + c < layout.columns
                                       ? bfloat16(at(r0 + r, c0 + c))
                                       : bfloat16();
                         }
                     });
  return to;
}

/// y [rows, n] = x [rows, k] · wᵀ through an epilogue: x as left factor, w [n, k] in tiles.
inline void multiply_bf16(Run& run, Bf16Form form, const bfloat16* x, Index rows, const void* w,
                          const Bf16Tiles& layout, const Epilogue<float>& epilogue, Out<float> y) {
  constexpr Index worth_a_thread = 1 << 17;  // multiply-adds that take about as long as waking a thread
  constexpr Index row_strip = 128;           // their part of x stays in the second-level cache
  constexpr Index tile_block = 16;           // tiles of two panels fill two thirds of the first-level cache
  constexpr Index panel = Bf16Tiles::panel, strip = 6;  // panels whose sums are held at a time
  const Index width = layout.tiles() * Bf16Tiles::depth;
  const Index strips = (layout.panels() + strip - 1) / strip;
  const Index tasks = std::clamp(rows * layout.rows * layout.columns / worth_a_thread, Index{1},
                                 (std::min)(Index{run.threads.count()}, (std::max)(strips, Index{1})));
  const Index height = (std::min)(rows, row_strip);
  const Workspace::Frame frame(run.workspace);
  float* const scratch = run.workspace.take<float>(tasks * height * strip * panel);
  run.threads.parallel_for(tasks, [&](Index task, int) {
    float* const sums = scratch + task * height * strip * panel;
    for (Index row = 0; row < rows; row += row_strip)
      for (Index s = strips * task / tasks; s < strips * (task + 1) / tasks; ++s) {
        const Index first = s * strip, panels = (std::min)(strip, layout.panels() - first);
        Bf16Block block{.x = x + row * width,
                        .x_stride = width,
                        .rows = (std::min)(row_strip, rows - row),
                        .w = layout.panel_of(w, first),
                        .w_stride = layout.tiles() * Bf16Tiles::tile,
                        .panels = panels,
                        .sums = sums,
                        .sums_stride = panels * panel};
        for (Index t = 0; t < layout.tiles(); t += block.tiles) {
          block.tiles = (std::min)(tile_block, layout.tiles() - t);
          bf16_block(form, block);
          block.x += block.tiles * Bf16Tiles::depth;
          block.w += block.tiles * Bf16Tiles::tile;
          block.carried = true;
        }
        const Index columns = (std::min)(panels * panel, layout.rows - first * panel);
        for (Index r = 0; r < block.rows; ++r) {
          float* const to = y.data() + (row + r) * y.outerStride() + first * panel;
          const float* const from = sums + r * block.sums_stride;
          for (Index c = 0; c < columns; ++c) {
            const float sum = epilogue.bias ? from[c] + epilogue.bias[first * panel + c] : from[c];
            to[c] = epilogue.add ? to[c] + sum : sum;
          }
        }
      }
  });
}

}  // namespace detail

/// y [rows, out] = x [rows, in] · wᵀ through an epilogue, w [out, in]: both are rounded to bfloat16 where
/// they are not, sums are floats.
inline void bf16_product(Run& run, const Weight<float>& w, View<float> x, const Epilogue<float>& epilogue,
                         Out<float> y, Bf16Form form = fastest_bf16_form()) {
  const Workspace::Frame frame(run.workspace);
  const Bf16Tiles layout = w.tiles();
  const bfloat16* const left = detail::rounded(run, x);
  const void* right = w.packed_data();
  if (!w.tiled())
    right = w.with_elements([&](const auto* elements) -> const void* {
      return detail::tiles_of(run, layout, [&](Index r, Index c) {
        return lanes::element_as<float>(elements[r * layout.columns + c]);
      });
    });
  detail::multiply_bf16(run, form, left, x.rows(), right, layout, epilogue, y);
}

/// dx [rows, in] += dy [rows, out] · W in bfloat16, w [out, in] not packed.
inline void bf16_input_gradient(Run& run, const Weight<float>& w, View<float> dy, Out<float> dx,
                                Bf16Form form = fastest_bf16_form()) {
  const Workspace::Frame frame(run.workspace);
  const Bf16Tiles layout{w.cols(), w.rows()};
  const bfloat16* const left = detail::rounded(run, dy);
  const bfloat16* const right = w.with_elements([&](const auto* elements) {
    return detail::tiles_of(run, layout, [&](Index r, Index c) {
      return lanes::element_as<float>(elements[c * layout.rows + r]);
    });
  });
  detail::multiply_bf16(run, form, left, dy.rows(), right, layout, {.add = true}, dx);
}

/// dW [out, in] += dyᵀ · x in bfloat16, for dy [rows, out] and x [rows, in].
inline void bf16_weight_gradient(Run& run, View<float> dy, View<float> x, Out<float> dw,
                                 Bf16Form form = fastest_bf16_form()) {
  const Workspace::Frame frame(run.workspace);
  const Bf16Tiles layout{x.cols(), x.rows()};
  const bfloat16* const left = detail::rounded_transpose(run, dy);
  const float* const from = x.data();
  const Index stride = x.outerStride();
  const bfloat16* const right =
      detail::tiles_of(run, layout, [=](Index r, Index c) { return from[c * stride + r]; });
  detail::multiply_bf16(run, form, left, dy.cols(), right, layout, {.add = true}, dw);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
