// Post-processors: how one or two tokenized texts and the special tokens around them make the model's input.
//
// Whatever it is called in the file, a post-processor is two templates: one for a single text, one for a
// pair.
#pragma once

#include <eigenformer/core/types.hpp>

#include <string>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI::text {

struct TemplatePart {
  enum class Kind { first, second, special };  // the first text, the second text, or special tokens
  Kind kind;
  int type_id = 0;
  std::vector<Token> ids = {};           // if special
  std::vector<std::string> tokens = {};  // their strings
};

using Template = std::vector<TemplatePart>;

struct PostProcessor {
  Template single{{TemplatePart::Kind::first, 0}};
  Template pair{{TemplatePart::Kind::first, 0}, {TemplatePart::Kind::second, 1}};
  bool trim_offsets = false;      // the offsets of a token leave out its white space
  bool add_prefix_space = false;  // but not the space put before the text
};

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

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
