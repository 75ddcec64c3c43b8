// The tokenizer: text to tokens and back.
//
// A text is cut at added tokens, each part is normalized and given to the model, and the post-processor puts
// special tokens around the result. Decoding runs the tokens' strings through the decoder.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/text/encoding.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace text {
class Vocabulary;
struct TokenizerParts;
struct EncodedText;
}  // namespace text

/// Nothing is cut off and nothing is padded unless it is asked for here.
struct EncodeOptions {
  bool add_special_tokens = true;                   // what the post-processor puts around the texts
  std::optional<text::Truncation> truncation = {};  // the file's own: Tokenizer::file_options()
  std::optional<text::Padding> padding = {};
};

/// Const after construction: any number of threads may use one. Copies share their tables.
class Tokenizer {
 public:
  explicit Tokenizer(std::shared_ptr<const text::TokenizerParts> parts) : parts_(std::move(parts)) {}

  /// The ids of a text, all of them: the truncation and the padding that some files ask for are left to
  /// encode_full().
  ///
  /// @throws InputError  if the text is not UTF-8 (replace_invalid_utf8() makes it so) or longer than 1 GiB
  std::vector<Token> encode(std::string_view text, bool add_special_tokens = true) const;

  /// The ids of a text or a pair of texts, with their strings, offsets and masks.
  ///
  /// @throws InputError  as encode(); also for a text that truncation cannot cut as it is asked to
  /// @throws ConfigError  for a truncation that leaves no room
  Encoding encode_full(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                       const EncodeOptions& options = {}) const;

  /// Special tokens, truncation and padding as the tokenizer's file has them, which is what the reference
  /// engine does unasked.
  EncodeOptions file_options() const;

  /// The text of tokens. Ids without a token are left out, as the reference engine does.
  ///
  /// @param skip_special_tokens  leaves out the tokens for which is_special() holds
  std::string decode(std::span<const Token> ids, bool skip_special_tokens = true) const;

  /// Number of tokens, added ones included. Where ids have gaps, the largest id is larger than that.
  Index vocab_size() const;

  std::optional<Token> token_to_id(std::string_view token) const;
  std::optional<std::string> id_to_token(Token id) const;

  /// Whether an id is an added token that is marked special.
  bool is_special(Token id) const;

  const text::TokenizerParts& parts() const { return *parts_; }

  /// The model's own tokens, without the added ones.
  const text::Vocabulary& vocabulary() const;

 private:
  friend class TextStream;

  std::optional<std::string_view> string_of(Token id) const;
  std::optional<std::string_view> decodable(Token id, bool skip_special_tokens) const;
  text::EncodedText run(std::string_view text, bool tracked) const;

  std::shared_ptr<const text::TokenizerParts> parts_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/tokenizer.inl.hpp>
#endif
