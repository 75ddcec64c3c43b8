// What a chat template may use up.
#pragma once

#include <eigenformer/version.hpp>

#include <cstddef>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

/// How much a template may do. A conversation of a megabyte needs well under a tenth of each.
struct Limits {
  std::size_t text_bytes = std::size_t{1} << 24;  // of the output, and of any string on the way
  std::size_t steps = 10'000'000;                 // parts of the template evaluated, values looked at
  int levels = 500;                               // of evaluation within evaluation
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
