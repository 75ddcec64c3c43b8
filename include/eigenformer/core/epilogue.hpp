// What happens to the sums of a product on their way to its result.
#pragma once

#include <eigenformer/core/lanes.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// What happens to a sum on its way to y: y = sum + bias, or y += sum + bias.
template <class S> struct Epilogue {
  const S* bias = nullptr;  ///< [columns] or none
  bool add = false;

  /// That of the columns from `column` on.
  Epilogue from(Index column) const { return {bias ? bias + column : nullptr, add}; }

  /// The first `columns` sums of a row, to y.
  void write(const S* sums, Index columns, S* y) const {
    Index j = 0;
    for (; j + lanes::count<S> <= columns; j += lanes::count<S>) {
      auto sum = lanes::load(sums + j);
      if (bias) sum = lanes::padd(sum, lanes::load(bias + j));
      lanes::store(y + j, add ? lanes::padd(lanes::load(y + j), sum) : sum);
    }
    for (; j < columns; ++j) write(sums[j], j, y[j]);
  }

  /// One sum, to y in column j.
  void write(S sum, Index j, S& y) const {
    if (bias) sum += bias[j];
    y = add ? y + sum : sum;
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
