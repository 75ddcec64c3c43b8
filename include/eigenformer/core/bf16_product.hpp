// Matrix products in bfloat16 with sums in float, split over panels of output columns: with a weight that
// lies in tiles, and with matrices that are made factors for one product, as a training step's are.
#pragma once

#include <eigenformer/core/bf16_factor.hpp>
#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/weight.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// A product: x as left factor, w in tiles, y of as many columns as w has rows.
struct Bf16Product {
  const bfloat16* x;
  Index rows;
  const void* w;
  Bf16Tiles layout;
  Epilogue<float> epilogue;
  float* y;
  Index y_stride;

  /// The block of `count` rows from `row` on, the first of a panel, by `panels` from `panel` on.
  Bf16Block block(Index row, Index count, Index panel, Index panels) const {
    const Index panel_size = layout.tiles() * Bf16Tiles::tile;
    return {.x = x + row / Bf16Tiles::panel * panel_size,
            .x_stride = panel_size,
            .rows = (std::min)(count, rows - row),
            .w = layout.panel_of(w, panel),
            .w_stride = panel_size,
            .panels = panels,
            .tiles = layout.tiles()};
  }
  float* target(Index row, Index panel) const { return y + row * y_stride + panel * Bf16Tiles::panel; }
  /// How many columns of y `panels` from `panel` on have.
  Index columns(Index panel, Index panels) const {
    return (std::min)(panels * Bf16Tiles::panel, layout.rows - panel * Bf16Tiles::panel);
  }
};

/// Panels [first, last) of w by all rows: strips of `strip` panels by 128 rows, whose part of x stays in the
/// second-level cache, along 16 tiles at a time.
struct Bf16Strips {
  static constexpr Index strip = 6, rows = 128, depth = 16;
  Bf16Form form;

  Index scratch_size(Index count) const { return (std::min)(count, rows) * strip * Bf16Tiles::panel; }

  void compute(const Bf16Product& p, Index first, Index last, float* sums) const {
    for (Index row = 0; row < p.rows; row += rows)
      for (Index panel = first; panel < last; panel += strip) {
        const Index panels = (std::min)(strip, last - panel), columns = p.columns(panel, panels);
        Bf16Block block = p.block(row, rows, panel, panels);
        block.sums = sums;
        block.sums_stride = panels * Bf16Tiles::panel;
        Index t = 0;
        do {  // once where there is nothing to add up, as the sums have to be written
          block.tiles = (std::min)(depth, p.layout.tiles() - t);
          bf16_block(form, block);
          block.x += block.tiles * Bf16Tiles::tile;
          block.w += block.tiles * Bf16Tiles::tile;
          block.carried = true;
          t += block.tiles;
        } while (t < p.layout.tiles());
        for (Index r = 0; r < block.rows; ++r)
          p.epilogue.from(panel * Bf16Tiles::panel)
              .write(sums + r * block.sums_stride, columns, p.target(row + r, panel));
      }
  }
};

#ifdef EIGENFORMER_X86_KERNELS

/// Panels [first, last) of w by all rows, by AMX: as many sums as its registers hold along the whole length,
/// which begin with the bias and go to y at once where they can, as what a tile register has written is not
/// to be read soon. Two panels of w pass the rows of x that stay in the second-level cache.
struct Bf16AmxStrips {
  static constexpr Index strip = 2, rows = 2 * Bf16Tiles::panel;

  Index scratch_size(Index) const { return rows * strip * Bf16Tiles::panel; }

  void compute(const Bf16Product& p, Index first, Index last, float* scratch) const {
    const x86::AmxRegisters registers(bf16_registers);
    const Index step = cached_rows(p.layout);
    for (Index begin = 0; begin < p.rows; begin += step)
      for (Index panel = first; panel < last; panel += strip) {
        const Index panels = (std::min)(strip, last - panel), end = (std::min)(p.rows, begin + step);
        const bool more_panels = panel + panels < last, more_rows = end < p.rows;
        Bf16Ahead ahead(p.layout.panel_of(p.w, more_panels ? panel + panels : first),
                        more_panels || more_rows ? strip : 0, (end - begin + rows - 1) / rows);
        for (Index row = begin; row < end; row += rows) compute(p, row, panel, panels, ahead, scratch);
      }
  }

 private:
  static Index cached_rows(const Bf16Tiles& layout) {
    constexpr Index numbers = 384 * 1024, most = 512;
    const Index width = (std::max)(layout.tiles(), Index{1}) * Bf16Tiles::depth;
    return std::clamp(numbers / width / rows * rows, rows, most);
  }

  static void compute(const Bf16Product& p, Index row, Index panel, Index panels, Bf16Ahead& ahead,
                      float* scratch) {
    const Index columns = p.columns(panel, panels), width = panels * Bf16Tiles::panel;
    Bf16Ends ends{p.epilogue.from(panel * Bf16Tiles::panel).bias, p.target(row, panel), p.y_stride};
    if (ends.bias && columns < width) {  // it has no more, and is read before the sums are written there
      std::copy_n(ends.bias, columns, scratch);
      ends.bias = scratch;
    }
    Bf16Block block = p.block(row, rows, panel, panels);
    const bool direct = !p.epilogue.add && block.rows % Bf16Tiles::panel == 0 && columns == width;
    block.sums = direct ? ends.y : scratch;
    block.sums_stride = direct ? ends.y_stride : width;
    bf16_block_amx(block, ends, ahead);
    for (Index r = 0; r < block.rows && !direct; ++r)
      Epilogue<float>{.add = p.epilogue.add}.write(scratch + r * width, columns, ends.y + r * ends.y_stride);
  }
};

#endif

/// A product whose panels are split over threads, by whole strips.
template <class Strips> void multiply_strips(Run& run, const Bf16Product& p, const Strips& strips) {
  constexpr Index worth_a_thread = 1 << 17;  // multiply-adds that take about as long as waking a thread
  const Index count = (p.layout.panels() + Strips::strip - 1) / Strips::strip;
  const Index tasks = std::clamp(p.rows * p.layout.rows * p.layout.columns / worth_a_thread, Index{1},
                                 (std::min)(Index{run.threads.count()}, (std::max)(count, Index{1})));
  const Workspace::Frame frame(run.workspace);
  const Index scratch_size = strips.scratch_size(p.rows);
  float* const scratch = run.workspace.take<float>(tasks * scratch_size);
  run.threads.parallel_for(tasks, [&](Index task, int) {
    const Index first = count * task / tasks * Strips::strip;
    const Index last = (std::min)(count * (task + 1) / tasks * Strips::strip, p.layout.panels());
    strips.compute(p, first, last, scratch + task * scratch_size);
  });
}

/// y [rows, n] = x [rows, k] · wᵀ through an epilogue: x as left factor, w [n, k] in tiles.
inline void multiply_bf16(Run& run, Bf16Form form, const bfloat16* x, Index rows, const void* w,
                          const Bf16Tiles& layout, const Epilogue<float>& epilogue, Out<float> y) {
  const Bf16Product product{x, rows, w, layout, epilogue, y.data(), y.outerStride()};
#ifdef EIGENFORMER_X86_KERNELS
  if (form == Bf16Form::amx) return multiply_strips(run, product, Bf16AmxStrips{});
#endif
  multiply_strips(run, product, Bf16Strips{form});
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

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
