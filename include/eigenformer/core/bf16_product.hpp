// Matrix products in bfloat16 with sums in float, split over panels of output columns: with a weight that
// lies in tiles, and with matrices that are made factors for one product, as a training step's are.
#pragma once

#include <eigenformer/core/bf16_factor.hpp>
#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/weight.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

namespace detail {

/// How a form walks through a product: while `near_rows` of x stay in the second-level cache, by blocks of
/// `rows` by `panels` of w, along `tiles` tiles at a time.
struct Bf16Walk {
  Index near_rows, rows, panels, tiles;
};

inline Bf16Walk bf16_walk(Bf16Form form, const Bf16Tiles& w) {
  if (form != Bf16Form::amx)
    return {128, 128, 6, 16};  // 16 tiles of two panels fill two thirds of the first-level cache
  // As many sums as AMX's registers hold, along the whole length. Two panels of w pass while x stays.
  constexpr Index rows = 2 * Bf16Tiles::panel, near_numbers = 384 * 1024, most = 512;
  const Index width = (std::max)(w.tiles(), Index{1}) * Bf16Tiles::depth;
  return {std::clamp(near_numbers / width / rows * rows, rows, most), rows, 2, w.tiles()};
}

/// y [rows, n] = x [rows, k] · wᵀ through an epilogue: x as left factor, w [n, k] in tiles.
inline void multiply_bf16(Run& run, Bf16Form form, const bfloat16* x, Index rows, const void* w,
                          const Bf16Tiles& layout, const Epilogue<float>& epilogue, Out<float> y) {
  constexpr Index worth_a_thread = 1 << 17;  // multiply-adds that take about as long as waking a thread
  constexpr Index panel = Bf16Tiles::panel;
  const Bf16Walk walk = bf16_walk(form, layout);
  const Index panel_size = layout.tiles() * Bf16Tiles::tile;
  const Index strips = (layout.panels() + walk.panels - 1) / walk.panels;
  const Index tasks = std::clamp(rows * layout.rows * layout.columns / worth_a_thread, Index{1},
                                 (std::min)(Index{run.threads.count()}, (std::max)(strips, Index{1})));
  const Index sums_size = walk.rows * walk.panels * panel;
  const Workspace::Frame frame(run.workspace);
  float* const scratch = run.workspace.take<float>(tasks * sums_size);
  run.threads.parallel_for(tasks, [&](Index task, int) {
    const Bf16Unit unit(form);
    for (Index near = 0; near < rows; near += walk.near_rows)
      for (Index s = strips * task / tasks; s < strips * (task + 1) / tasks; ++s) {
        const Index first = s * walk.panels, panels = (std::min)(walk.panels, layout.panels() - first);
        const Index columns = (std::min)(panels * panel, layout.rows - first * panel);
        const Index end = (std::min)(rows, near + walk.near_rows);
        Bf16Ahead ahead(layout.panel_of(w, first + panels), panels, (end - near + walk.rows - 1) / walk.rows);
        for (Index row = near; row < end; row += walk.rows) {
          Bf16Block block{.x = x + row / panel * panel_size,
                          .x_stride = panel_size,
                          .rows = (std::min)(walk.rows, end - row),
                          .w = layout.panel_of(w, first),
                          .w_stride = panel_size,
                          .panels = panels,
                          .sums = scratch + task * sums_size,
                          .sums_stride = panels * panel,
                          .target = y.data() + row * y.outerStride() + first * panel,
                          .target_stride = y.outerStride()};
          for (Index t = 0; t < layout.tiles(); t += block.tiles) {
            block.tiles = (std::min)(walk.tiles, layout.tiles() - t);
            unit.compute(block, ahead);
            block.x += block.tiles * Bf16Tiles::tile;
            block.w += block.tiles * Bf16Tiles::tile;
            block.carried = true;
          }
          for (Index r = 0; r < block.rows; ++r)
            epilogue.from(first * panel)
                .write(block.sums + r * block.sums_stride, columns, block.target + r * block.target_stride);
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
