// Products by Eigen's own expressions, for Run::eigen_products.
//
// Where a program is built with OpenMP, Eigen gives a large product to OpenMP's threads, unless the type of
// the result says that it has few rows. So results are written a few rows at a time, in every build: their
// threads are those of the run alone.
#pragma once

#include <eigenformer/core/epilogue.hpp>

#include <algorithm>
#include <type_traits>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace detail {

/// A result of so few rows is never split by Eigen.
inline constexpr Index eigen_rows = 32;

template <class S>
using EigenRows =
    Eigen::Map<Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor, eigen_rows, Eigen::Dynamic>,
               Eigen::Unaligned, Eigen::OuterStride<>>;

template <class S> using EigenFactor = Eigen::Map<const Matrix<S>, Eigen::Unaligned, Eigen::OuterStride<>>;

/// y [rows of left, columns of right] = left · right through an epilogue; rows of y are y_stride apart.
template <class S, class Left, class Right>
void eigen_multiply(const Left& left, const Right& right, const Epilogue<S>& epilogue, S* y, Index y_stride) {
  for (Index r = 0; r < left.rows(); r += eigen_rows) {
    const Index n = (std::min)(eigen_rows, left.rows() - r);
    EigenRows<S> out(y + r * y_stride, n, right.cols(), Eigen::OuterStride<>(y_stride));
    if (epilogue.add)
      out.noalias() += left.middleRows(r, n) * right;
    else
      out.noalias() = left.middleRows(r, n) * right;
    if (epilogue.bias) out.rowwise() += Eigen::Map<const RowVector<S>>(epilogue.bias, right.cols());
  }
}

/// Whether Eigen's products can take weights of type T beside scalars S.
template <class S, class T>
inline constexpr bool eigen_multiplies = std::is_same_v<S, T>&& std::is_floating_point_v<S>;

}  // namespace detail
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
