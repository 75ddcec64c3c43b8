// Matrices [rows, columns] of bfloat16 in the order of matrix units: 16 rows side by side, columns in pairs.
//
// A tile is 16 rows, a panel, by 32 columns: 16 pairs of columns, each pair for all 16 rows, as AMX's
// TDPBF16PS and AVX-512's VDPBF16PS want their second operand (Intel's Software Developer's Manual, volume
// 2). The tiles of a panel follow one another.
#pragma once

#include <eigenformer/core/number_format.hpp>

#include <cstring>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Where the numbers of such a matrix lie. Rows and columns beyond the matrix hold zeros.
struct Bf16Tiles {
  static constexpr Index panel = 16;  ///< rows of a tile
  static constexpr Index depth = 32;  ///< columns of a tile
  static constexpr Index tile = panel * depth;

  Index rows = 0, columns = 0;

  constexpr Index panels() const { return (rows + panel - 1) / panel; }
  constexpr Index tiles() const { return (columns + depth - 1) / depth; }  ///< of a panel
  constexpr Index bytes() const { return panels() * tiles() * tile * static_cast<Index>(sizeof(bfloat16)); }

  /// The first number of panel p.
  const bfloat16* panel_of(const void* data, Index p) const {
    return static_cast<const bfloat16*>(data) + p * tiles() * tile;
  }

  void clear(void* data) const { std::memset(data, 0, static_cast<std::size_t>(bytes())); }

  /// Writes x [columns], floats or bfloat16, as row `row`.
  template <class T> void put_row(void* data, Index row, const T* x) const {
    auto* const to = static_cast<bfloat16*>(data);
    for (Index c = 0; c < columns; ++c) {
      if constexpr (std::is_same_v<T, bfloat16>)
        to[at(row, c)] = x[c];
      else
        to[at(row, c)] = bfloat16(x[c]);
    }
  }

  /// out[0, columns): row `row` as numbers again.
  template <class S> void get_row(const void* data, Index row, S* out) const {
    const auto* const from = static_cast<const bfloat16*>(data);
    for (Index c = 0; c < columns; ++c) out[c] = S(static_cast<float>(from[at(row, c)]));
  }

 private:
  constexpr Index at(Index row, Index column) const {
    return row / panel * tiles() * tile + column / 2 * 2 * panel + row % panel * 2 + column % 2;
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
