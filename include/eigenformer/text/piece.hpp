// What a tokenizer's model makes of a word: tokens with the bytes they cover.
#pragma once

#include <eigenformer/core/types.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// One token and the number of bytes of the (normalized) word it covers. The pieces of a word follow one
/// another from its first byte on; where several stand for the same bytes, the first has them all, and the
/// others reach back over them.
struct Piece {
  Token id;
  std::uint32_t bytes;
  std::uint32_t back = 0;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
