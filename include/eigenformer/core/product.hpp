// The matrix product of forward passes: y = x · wᵀ + bias, split over output columns.
//
// Every output is one dot product of a kernel (dot_kernel.hpp, quantised_kernel.hpp, bf16_kernel.hpp), so the
// number of threads and the other rows of the batch never show in the bits. Run::eigen_products hands
// products to Eigen instead, without that promise.
#pragma once

#include <eigenformer/core/bf16_product.hpp>
#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/dot_kernel.hpp>
#include <eigenformer/core/eigen_product.hpp>
#include <eigenformer/core/quantised_product.hpp>
#include <eigenformer/core/run.hpp>
#include <eigenformer/core/weight.hpp>

#include <algorithm>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// y [rows, out] = x [rows, in] · wᵀ through an epilogue (bias, addition to y), w [out, in] in any format.
template <class S>
void product(Run& run, const Weight<S>& w, View<S> x, const Epilogue<S>& epilogue, Out<S> y) {
  eigen_assert(x.cols() == w.cols() && "x has as many columns as w");
  eigen_assert(y.rows() == x.rows() && y.cols() == w.rows() && "y is [rows of x, rows of w]");
  if constexpr (std::is_same_v<S, float>) {
    if (w.tiled() || (run.bf16_products && !w.packed())) return bf16_product(run, w, x, epilogue, y);
    if (is_quantised(w.format())) return quantised_product(run, w, x, epilogue, y);
  }
  constexpr Index worth_a_thread = 1 << 15;  // multiply-adds that take about as long as waking a thread
  const Index rows = x.rows(), columns = w.rows(), k = w.cols();
  const Index grain = 16;  // columns of y that lie in one line of a cache
  const Index tasks = std::clamp(rows * columns * k / worth_a_thread, Index{1},
                                 (std::min)(Index{run.threads.count()}, (columns + grain - 1) / grain));
  const Index scratch_size = dot_scratch<S>(rows, k);
  const Workspace::Frame frame(run.workspace);
  S* const scratch = run.workspace.take<S>(tasks * scratch_size);
  w.with_elements([&](const auto* elements) {
    run.threads.parallel_for(tasks, [&](Index task, int) {
      const Index begin = columns / grain * task / tasks * grain;
      const Index end = task + 1 == tasks ? columns : columns / grain * (task + 1) / tasks * grain;
      if constexpr (detail::eigen_multiplies<S, std::remove_cvref_t<decltype(*elements)>>)
        if (run.eigen_products) {
          const detail::EigenFactor<S> part(elements + begin * k, end - begin, k, Eigen::OuterStride<>(k));
          return detail::eigen_multiply<S>(x, part.transpose(), epilogue.from(begin), y.data() + begin,
                                           y.outerStride());
        }
      dot_kernel(x.data(), x.outerStride(), elements + begin * k, k, rows, end - begin, k,
                 epilogue.from(begin), y.data() + begin, y.outerStride(), scratch + task * scratch_size);
    });
  });
}

EIGENFORMER_ONCE(core, void product<float>(Run&, const Weight<float>&, View<float>, const Epilogue<float>&,
                                           Out<float>));
EIGENFORMER_ONCE(core, void product<double>(Run&, const Weight<double>&, View<double>,
                                            const Epilogue<double>&, Out<double>));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
