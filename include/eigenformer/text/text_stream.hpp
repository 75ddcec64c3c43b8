// Text from tokens as they come, whole characters only.
#pragma once

#include <eigenformer/text/tokenizer.hpp>

#include <memory>
#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace text {
class Decoding;
}  // namespace text

/// Decodes tokens one by one.
///
/// Invariant: what push() returned for the tokens of a list, one after another, and then finish(), is
/// decode() of the list. What a later token may still change is held back: part of a character, a run of byte
/// tokens (which becomes U+FFFD as a whole when it is not UTF-8) until another token follows, and the last
/// word of decoders that treat it differently. The work of a push does not depend on how many tokens came
/// before.
class TextStream {
 public:
  explicit TextStream(Tokenizer tokenizer, bool skip_special_tokens = true);
  TextStream(const TextStream& other);
  TextStream(TextStream&&) noexcept;
  TextStream& operator=(TextStream other) noexcept;
  ~TextStream();

  /// The text that has become certain with this token; often a word, sometimes nothing.
  std::string push(Token token);

  /// What is still held back. Afterwards a new list can begin.
  std::string finish();

 private:
  Tokenizer tokenizer_;  // keeps alive what decoding_ refers to
  std::unique_ptr<text::Decoding> decoding_;
  bool skip_special_tokens_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/text_stream.inl.hpp>
#endif
