// The matrix product in bfloat16, split over panels of output columns.
#pragma once

#include <eigenformer/core/bf16_kernel.hpp>
#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/core/weight.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

/// to[0, 32 · tiles) = x[0, columns) to the nearest bfloat16, then zeros.
inline void round_row(const float* x, Index columns, Index tiles, bfloat16* to) {
  const Index whole = columns / Bf16Tiles::depth * Bf16Tiles::depth;
  for (Index c = 0; c < whole; c += Bf16Tiles::depth)
    for (Index i = 0; i < Bf16Tiles::depth; ++i) to[c + i] = bfloat16(x[c + i]);
  for (Index c = whole; c < tiles * Bf16Tiles::depth; ++c) to[c] = c < columns ? bfloat16(x[c]) : bfloat16();
}

/// y [rows, out] = x [rows, in] · wᵀ through an epilogue, for a w [out, in] in tiles: x is rounded to
/// bfloat16, sums are floats.
inline void bf16_product(Run& run, const Weight<float>& w, View<float> x, const Epilogue<float>& epilogue,
                         Out<float> y, Bf16Form form = fastest_bf16_form()) {
  constexpr Index worth_a_thread = 1 << 17;  // multiply-adds that take about as long as waking a thread
  constexpr Index row_block = 128;           // their part of x stays in the second-level cache
  constexpr Index tile_block = 16;           // tiles of two panels fill two thirds of the first-level cache
  constexpr Index panel = Bf16Tiles::panel, strip = 6;  // panels whose sums are held at a time
  const Index rows = x.rows();
  const Bf16Tiles layout = w.tiles();
  const Index width = layout.tiles() * Bf16Tiles::depth;

  const Workspace::Frame frame(run.workspace);
  bfloat16* const rounded = run.workspace.take<bfloat16>(rows * width);
  run.threads.slices(rows, Index{1 << 14} / (std::max)(x.cols(), Index{1}) + 1, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r)
      round_row(x.data() + r * x.outerStride(), x.cols(), layout.tiles(), rounded + r * width);
  });

  const Index strips = (layout.panels() + strip - 1) / strip;
  const Index tasks =
      std::clamp(rows * w.size() / worth_a_thread, Index{1}, (std::min)(Index{run.threads.count()}, strips));
  const Index height = (std::min)(rows, row_block);
  float* const scratch = run.workspace.take<float>(tasks * height * strip * panel);
  run.threads.parallel_for(tasks, [&](Index task, int) {
    float* const sums = scratch + task * height * strip * panel;
    for (Index row = 0; row < rows; row += row_block)
      for (Index s = strips * task / tasks; s < strips * (task + 1) / tasks; ++s) {
        const Index first = s * strip, panels = (std::min)(strip, layout.panels() - first);
        Bf16Block block{.x = rounded + row * width,
                        .x_stride = width,
                        .rows = (std::min)(row_block, rows - row),
                        .w = layout.panel_of(w.packed_data(), first),
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
        const Index columns = (std::min)(panels * panel, w.rows() - first * panel);
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

}  // namespace eigenformer::inline EIGENFORMER_ABI
