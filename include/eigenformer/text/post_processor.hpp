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
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
