// Row-major matrices, one token a row, and the views that functions take.
//
// Row-major because a weight is stored [out, in] by Hugging Face: a mapped file is then used in place, a
// token's activations are contiguous, and a head is a block of neighbouring columns.
#pragma once

#include <eigenformer/core/types.hpp>

#include <type_traits>

#include <Eigen/Core>

static_assert(EIGEN_VERSION_AT_LEAST(3, 4, 0), "eigenformer needs Eigen 3.4 or newer");

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

static_assert(std::is_same_v<Index, Eigen::Index>, "Eigen must be built with its default index type");

/// [rows, columns], row after row.
template <class S> using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// [columns]
template <class S> using RowVector = Eigen::Matrix<S, 1, Eigen::Dynamic, Eigen::RowMajor>;

/// A matrix to read: a Matrix, a Map of one, or a block of columns. Never deduces S, so matrices convert to
/// it.
template <class S> using View = Eigen::Ref<const Matrix<std::type_identity_t<S>>, 0, Eigen::OuterStride<>>;

/// A matrix to write.
template <class S> using Out = Eigen::Ref<Matrix<std::type_identity_t<S>>, 0, Eigen::OuterStride<>>;

/// A row to read, and a row to write.
template <class S> using RowView = Eigen::Ref<const RowVector<std::type_identity_t<S>>>;
template <class S> using RowOut = Eigen::Ref<RowVector<std::type_identity_t<S>>>;

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
