// The matrix product with a quantised weight, split over panels of output columns.
#pragma once

#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/quantised_kernel.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/core/weight.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// y [rows, out] = x [rows, in] · wᵀ through an epilogue, for an int8 or int4 w [out, in].
inline void quantised_product(Run& run, const Weight<float>& w, View<float> x,
                              const Epilogue<float>& epilogue, Out<float> y) {
  constexpr Index worth_a_thread = 1 << 17;  // multiply-adds that take about as long as waking a thread
  const Index rows = x.rows(), columns = w.rows();
  const QuantisedLayout layout = w.layout();
  const QuantisedForm form = fastest_form();

  const Workspace::Frame frame(run.workspace);
  const Index groups = rows * layout.groups();
  const QuantisedRows q{run.workspace.take<std::int8_t>(groups * quantised_group),
                        run.workspace.take<float>(groups), run.workspace.take<std::int32_t>(groups),
                        layout.groups()};
  const Index grain = (Index{1 << 14} / (std::max)(x.cols(), Index{1}) + 8) / 8 * 8;  // in whole tiles
  run.threads.slices(rows, grain, [&](Index begin, Index end) {
    quantise_rows(x.data() + begin * x.outerStride(), x.outerStride(), end - begin, x.cols(),
                  zero_of(w.format()), q.from(begin));
  });

  const Index tasks = std::clamp(rows * w.size() / worth_a_thread, Index{1},
                                 (std::min)(Index{run.threads.count()}, layout.panels()));
  run.threads.parallel_for(tasks, [&](Index task, int) {
    const Index last = layout.panels() * (task + 1) / tasks;
    for (Index p = layout.panels() * task / tasks; p < last; ++p) {
      const Index first = p * QuantisedLayout::panel, n = (std::min)(QuantisedLayout::panel, columns - first);
      quantised_panel(form, layout, w.packed_data(), p, q, rows, [&](Index r, const float* sums) {
        epilogue.from(first).write(sums, n, y.data() + r * y.outerStride() + first);
      });
    }
  });
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
