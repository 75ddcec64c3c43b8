// Matrix products in bfloat16 with sums in float, split over panels of output columns: with a weight that
// lies in tiles, and with matrices that are made factors for one product, as a training step's are.
#pragma once

#include <eigenformer/core/bf16_factor.hpp>
#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/weight.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

namespace detail {

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
  const bfloat16* const left = detail::bf16_factor<Bf16Side::left, Bf16Order::along>(
      run, form, x.data(), x.outerStride(), x.rows(), x.cols());
  const void* right = w.packed_data();
  if (!w.tiled())
    right = w.with_elements([&](const auto* elements) -> const void* {
      return detail::bf16_factor<Bf16Side::right, Bf16Order::along>(run, form, elements, w.cols(), w.rows(),
                                                                    w.cols());
    });
  detail::multiply_bf16(run, form, left, x.rows(), right, w.tiles(), epilogue, y);
}

/// dx [rows, in] += dy [rows, out] · W in bfloat16, w [out, in] not packed.
inline void bf16_input_gradient(Run& run, const Weight<float>& w, View<float> dy, Out<float> dx,
                                Bf16Form form = fastest_bf16_form()) {
  const Workspace::Frame frame(run.workspace);
  const bfloat16* const left = detail::bf16_factor<Bf16Side::left, Bf16Order::along>(
      run, form, dy.data(), dy.outerStride(), dy.rows(), dy.cols());
  const bfloat16* const right = w.with_elements([&](const auto* elements) {
    return detail::bf16_factor<Bf16Side::right, Bf16Order::across>(run, form, elements, w.cols(), w.cols(),
                                                                   w.rows());
  });
  detail::multiply_bf16(run, form, left, dy.rows(), right, {w.cols(), w.rows()}, {.add = true}, dx);
}

/// dW [out, in] += dyᵀ · x in bfloat16, for dy [rows, out] and x [rows, in].
inline void bf16_weight_gradient(Run& run, View<float> dy, View<float> x, Out<float> dw,
                                 Bf16Form form = fastest_bf16_form()) {
  const Workspace::Frame frame(run.workspace);
  const bfloat16* const left = detail::bf16_factor<Bf16Side::left, Bf16Order::across>(
      run, form, dy.data(), dy.outerStride(), dy.cols(), dy.rows());
  const bfloat16* const right = detail::bf16_factor<Bf16Side::right, Bf16Order::across>(
      run, form, x.data(), x.outerStride(), x.cols(), x.rows());
  detail::multiply_bf16(run, form, left, dy.cols(), right, {x.cols(), x.rows()}, {.add = true}, dw);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
