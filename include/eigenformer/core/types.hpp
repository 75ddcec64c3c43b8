// The few scalar types that every header shares. Nothing here needs Eigen.
#pragma once

#include <eigenformer/version.hpp>

#include <cstddef>
#include <cstdint>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Signed size and position; the same type as Eigen::Index by default.
using Index = std::ptrdiff_t;

/// The id of a token in a vocabulary; ids below 0 are never valid.
using Token = std::int32_t;

/// What random weights are drawn from. A type of its own, so that a seed is never mistaken for a size.
struct Seed {
  std::uint64_t value = 0;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
