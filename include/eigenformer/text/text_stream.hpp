// Text from tokens as they come, whole characters only.
#pragma once

#include <eigenformer/text/tokenizer.hpp>

#include <string>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Decodes tokens one by one.
///
/// Invariant: what push() returned for the tokens of a list, one after another, and then finish(), is
/// decode() of the list. What a later token may still change is held back: part of a character, a run of byte
/// tokens (which becomes U+FFFD as a whole when it is not UTF-8) until another token follows, and the last
/// word of decoders that treat it differently. The work of a push does not depend on how many tokens came
/// before.
class TextStream {
 public:
  explicit TextStream(Tokenizer tokenizer, bool skip_special_tokens = true)
      : tokenizer_(std::move(tokenizer)),
        decoding_(tokenizer_.parts().decoder),
        skip_special_tokens_(skip_special_tokens) {}

  /// The text that has become certain with this token; often a word, sometimes nothing.
  std::string push(Token token) {
    std::string out;
    if (const auto string = tokenizer_.decodable(token, skip_special_tokens_)) decoding_.push(*string, out);
    return out;
  }

  /// What is still held back. Afterwards a new list can begin.
  std::string finish() {
    std::string out;
    decoding_.finish(out);
    return out;
  }

 private:
  Tokenizer tokenizer_;  // keeps alive what decoding_ refers to
  text::Decoding decoding_;
  bool skip_special_tokens_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
