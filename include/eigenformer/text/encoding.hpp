// The result of encoding with everything beside the ids.
#pragma once

#include <eigenformer/core/types.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Code points [begin, end) of the original text.
struct Offset {
  Index begin = 0, end = 0;
  bool operator==(const Offset&) const = default;
};

/// All vectors have one element a token.
struct Encoding {
  std::vector<Token> ids;
  std::vector<std::string> tokens;
  std::vector<Offset> offsets;  // into the text or, for tokens of the second text, into that; special: 0, 0
  std::vector<int> type_ids;    // which segment, as the post-processor says
  std::vector<int> special_tokens_mask;  // 1: put there by the post-processor or by padding
  std::vector<int> attention_mask;       // 0: padding
  std::vector<Index> word_ids;           // which word of its text; -1: none
  std::vector<Encoding> overflowing;     // what was cut off, in pieces of the same form

  Index size() const { return static_cast<Index>(ids.size()); }
};

namespace text {

/// What happens to texts that are too long for the model.
struct Truncation {
  enum class Strategy { longest_first, only_first, only_second };
  Index max_length = 0;  // of the whole input, special tokens included
  Strategy strategy = Strategy::longest_first;
  Index stride = 0;   // tokens that what is cut off repeats of what came before
  bool left = false;  // cut off at the front
};

/// How inputs are made longer.
struct Padding {
  Index length = 0;  // 0: only to a multiple
  Index multiple = 1;
  bool left = false;
  Token id = 0;
  int type_id = 0;
  std::string token = "[PAD]";
};

}  // namespace text

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
