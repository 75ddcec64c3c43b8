// The tokenizer: text to tokens and back.
//
// A text is cut at added tokens, each part is normalized and given to the model, and the post-processor puts
// special tokens around the result. Decoding runs the tokens' strings through the decoder.
#pragma once

#include <eigenformer/text/added_tokens.hpp>
#include <eigenformer/text/bpe.hpp>
#include <eigenformer/text/decoder.hpp>
#include <eigenformer/text/encoding.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/post_processor.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI {

namespace text {

/// Everything a tokenizer consists of, as its file describes it.
struct TokenizerParts {
  AddedTokens added_tokens;
  Normalizer normalizer;
  Bpe model;
  PostProcessor post_processor;
  Decoder decoder{{DecoderStep::Kind::spaces}};
};

/// What the pipeline makes of one text, before post-processing. The last three are only filled when offsets
/// are wanted.
struct EncodedText {
  std::vector<Piece> pieces;
  std::vector<std::string> tokens;
  std::vector<Span> origins;  // bytes of the text
  std::vector<Index> word_ids;
};

}  // namespace text

struct EncodeOptions {
  bool add_special_tokens = true;  // what the post-processor puts around the texts
};

/// Const after construction: any number of threads may use one. Copies share their tables.
class Tokenizer {
 public:
  explicit Tokenizer(text::TokenizerParts parts)
      : parts_(std::make_shared<const text::TokenizerParts>(std::move(parts))) {}

  /// The ids of a text.
  ///
  /// @throws InputError  if the text is not UTF-8 (replace_invalid_utf8() makes it so) or longer than 1 GiB
  std::vector<Token> encode(std::string_view text, bool add_special_tokens = true) const {
    const text::EncodedText first = run(text, false);
    std::vector<Token> ids;
    ids.reserve(first.pieces.size() + 2);
    for (const text::TemplatePart& part : parts_->post_processor.single) {
      if (part.kind == text::TemplatePart::Kind::first)
        for (const text::Piece& piece : first.pieces) ids.push_back(piece.id);
      else if (add_special_tokens)
        ids.insert(ids.end(), part.ids.begin(), part.ids.end());
    }
    return ids;
  }

  /// The ids of a text or a pair of texts, with their strings, offsets and masks.
  ///
  /// @throws InputError  as encode()
  Encoding encode_full(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                       const EncodeOptions& options = {}) const {
    const text::EncodedText first = run(text, true);
    const text::EncodedText second = pair ? run(*pair, true) : text::EncodedText{};
    const text::PostProcessor& processor = parts_->post_processor;
    Encoding encoding;
    for (const text::TemplatePart& part : pair ? processor.pair : processor.single) {
      switch (part.kind) {
        case text::TemplatePart::Kind::first: append(encoding, first, text, part.type_id); break;
        case text::TemplatePart::Kind::second: append(encoding, second, *pair, part.type_id); break;
        case text::TemplatePart::Kind::special:
          if (options.add_special_tokens) append_special(encoding, part);
      }
    }
    return encoding;
  }

  /// The text of tokens. Ids without a token are left out, as the reference engine does.
  ///
  /// @param skip_special_tokens  leaves out the tokens for which is_special() holds
  std::string decode(std::span<const Token> ids, bool skip_special_tokens = true) const {
    std::string out;
    text::Decoding decoding(parts_->decoder);
    for (const Token id : ids)
      if (const auto token = decodable(id, skip_special_tokens)) decoding.push(*token, out);
    decoding.finish(out);
    return out;
  }

  /// Number of tokens, added ones included. Where ids have gaps, the largest id is larger than that.
  Index vocab_size() const {
    Index size = parts_->model.vocabulary().size();
    for (const text::AddedToken& added : parts_->added_tokens.all())
      size += parts_->model.vocabulary().token(added.id) ? 0 : 1;
    return size;
  }

  std::optional<Token> token_to_id(std::string_view token) const {
    if (const text::AddedToken* added = parts_->added_tokens.find(std::string(token))) return added->id;
    const Token id = parts_->model.vocabulary().find(token);
    return id == text::Vocabulary::none ? std::nullopt : std::optional<Token>(id);
  }

  std::optional<std::string> id_to_token(Token id) const {
    const auto token = string_of(id);
    return token ? std::optional<std::string>(*token) : std::nullopt;
  }

  /// Whether an id is an added token that is marked special.
  bool is_special(Token id) const {
    const text::AddedToken* added = parts_->added_tokens.find(id);
    return added != nullptr && added->special;
  }

  const text::TokenizerParts& parts() const { return *parts_; }

 private:
  friend class TextStream;

  std::optional<std::string_view> string_of(Token id) const {
    if (const text::AddedToken* added = parts_->added_tokens.find(id)) return added->content;
    return parts_->model.vocabulary().token(id);
  }

  /// The string of a token that takes part in decoding.
  std::optional<std::string_view> decodable(Token id, bool skip_special_tokens) const {
    if (skip_special_tokens && is_special(id)) return std::nullopt;
    return string_of(id);
  }

  text::EncodedText run(std::string_view text, bool tracked) const {
    constexpr std::size_t limit = std::size_t{1} << 30;
    if (text.size() > limit)
      fail(InputError(
          concat("a text of ", text.size(), " bytes is longer than the ", limit, " that are allowed")));
    if (const std::size_t valid = text::utf8_valid_prefix(text); valid < text.size())
      fail(InputError(concat("the text is not UTF-8 at byte ", valid, " of ", text.size())));

    text::EncodedText out;
    Index words = 0;
    parts_->added_tokens.split(
        text, false, [&](std::size_t begin, std::size_t end, const text::AddedToken* added) {
          text::AlignedText part(text, span(begin, end), tracked);
          if (added) return append_added(out, *added, part, span(0, end - begin), words++);
          text::normalize(parts_->normalizer, part);
          parts_->added_tokens.split(part.view(), true,
                                     [&](std::size_t from, std::size_t to, const text::AddedToken* token) {
                                       if (token)
                                         return append_added(out, *token, part, span(from, to), words++);
                                       append_word(out, part, span(from, to), words++);
                                     });
        });
    return out;
  }

  static text::Span span(std::size_t begin, std::size_t end) {
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
  }

  static void append_added(text::EncodedText& out, const text::AddedToken& token,
                           const text::AlignedText& part, text::Span matched, Index word) {
    out.pieces.push_back({token.id, matched.end - matched.begin});
    if (!part.tracked()) return;
    out.tokens.emplace_back(part.view().substr(matched.begin, matched.end - matched.begin));
    out.origins.push_back(part.origin(matched));
    out.word_ids.push_back(word);
  }

  void append_word(text::EncodedText& out, const text::AlignedText& part, text::Span word,
                   Index number) const {
    const std::size_t before = out.pieces.size();
    parts_->model.encode(part.view().substr(word.begin, word.end - word.begin), out.pieces);
    if (!part.tracked()) return;
    std::uint32_t at = word.begin;
    for (std::size_t i = before; i < out.pieces.size(); ++i) {
      const text::Piece piece = out.pieces[i];
      out.tokens.emplace_back(*parts_->model.vocabulary().token(piece.id));
      out.origins.push_back(part.origin(text::Span{at, at + piece.bytes}));
      out.word_ids.push_back(number);
      at += piece.bytes;
    }
  }

  /// Appends an encoded text, its byte positions turned into code points.
  static void append(Encoding& encoding, const text::EncodedText& encoded, std::string_view original,
                     int type_id) {
    std::vector<std::uint32_t> points;  // number of code points before each byte; empty if all are one byte
    if (text::utf8_count(original) != original.size()) {
      std::uint32_t count = 0;
      points.reserve(original.size() + 1);
      for (const char byte : original) {
        count += text::is_continuation(byte) ? 0 : 1;
        points.push_back(count - 1);
      }
      points.push_back(count);
    }
    const auto position = [&](std::uint32_t byte) {
      return static_cast<Index>(points.empty() ? byte : points[byte]);
    };
    for (std::size_t i = 0; i < encoded.pieces.size(); ++i) {
      encoding.ids.push_back(encoded.pieces[i].id);
      encoding.tokens.push_back(encoded.tokens[i]);
      encoding.offsets.push_back({position(encoded.origins[i].begin), position(encoded.origins[i].end)});
      encoding.word_ids.push_back(encoded.word_ids[i]);
    }
    encoding.type_ids.resize(encoding.ids.size(), type_id);
    encoding.special_tokens_mask.resize(encoding.ids.size(), 0);
    encoding.attention_mask.resize(encoding.ids.size(), 1);
  }

  static void append_special(Encoding& encoding, const text::TemplatePart& part) {
    encoding.ids.insert(encoding.ids.end(), part.ids.begin(), part.ids.end());
    encoding.tokens.insert(encoding.tokens.end(), part.tokens.begin(), part.tokens.end());
    encoding.offsets.resize(encoding.ids.size());
    encoding.word_ids.resize(encoding.ids.size(), -1);
    encoding.type_ids.resize(encoding.ids.size(), part.type_id);
    encoding.special_tokens_mask.resize(encoding.ids.size(), 1);
    encoding.attention_mask.resize(encoding.ids.size(), 1);
  }

  std::shared_ptr<const text::TokenizerParts> parts_;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
