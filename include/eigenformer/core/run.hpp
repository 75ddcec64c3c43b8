// What every computation is given: who works, where intermediate results go, and in what arithmetic.
#pragma once

#include <eigenformer/core/threads.hpp>
#include <eigenformer/core/workspace.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct Run {
  Threads& threads;
  Workspace& workspace;
  /// Products of floats, and their gradients, round their factors to bfloat16 (bf16_product.hpp).
  bool bf16_products = false;
  /// Products with weights, and their gradients, go to Eigen's own expressions, y.noalias() = x *
  /// w.transpose(): those of float and double with weights stored as such (eigen_product.hpp). Weights in
  /// other formats, attention, and what bf16_products takes keep their kernels. A row's last bits then depend
  /// on the batch and on the number of threads, and Eigen allocates memory. OpenMP's threads are never used.
  bool eigen_products = false;
};

/// f(run) on the calling thread alone, with scratch memory of its own.
template <class F> auto alone(F&& f) {
  Threads threads(1);
  Workspace workspace;
  Run run{threads, workspace};
  return f(run);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
