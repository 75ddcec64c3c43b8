// The tokenizer: text to tokens and back.
//
// A text is cut at added tokens, each part is normalized and given to the model, and the post-processor puts
// special tokens around the result. Decoding runs the tokens' strings through the decoder.
#pragma once

#include <eigenformer/text/added_tokens.hpp>
#include <eigenformer/text/assemble.hpp>
#include <eigenformer/text/decoder.hpp>
#include <eigenformer/text/encoding.hpp>
#include <eigenformer/text/model.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/post_processor.hpp>
#include <eigenformer/text/pre_tokenizer.hpp>

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

/// Everything a tokenizer consists of, as its file describes it.
struct TokenizerParts {
  AddedTokens added_tokens = {};
  Normalizer normalizer = {};
  PreTokenizer pre_tokenizer = {};
  std::unique_ptr<const TokenModel> model = {};  // not null
  PostProcessor post_processor = {};
  Decoder decoder = {};
  std::optional<Truncation> truncation = {};  // what the file would have done to texts: see EncodeOptions
  std::optional<Padding> padding = {};
  std::string json = {};  // the file itself, to be saved beside a model
};

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
  /// @throws InputError  as encode(); also for a text that truncation cannot cut as it is asked to
  /// @throws ConfigError  for a truncation that leaves no room
  Encoding encode_full(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                       const EncodeOptions& options = {}) const {
    const text::PostProcessor& processor = parts_->post_processor;
    Encoding first = text::describe(run(text, true), text, processor);
    std::optional<Encoding> second;
    if (pair) second = text::describe(run(*pair, true), *pair, processor);
    Encoding encoding =
        text::assemble(first, second ? &*second : nullptr, processor,
                       options.truncation ? &*options.truncation : nullptr, options.add_special_tokens);
    if (options.padding) text::pad(encoding, *options.padding);
    return encoding;
  }

  /// Special tokens, truncation and padding as the tokenizer's file has them, which is what the reference
  /// engine does unasked.
  EncodeOptions file_options() const {
    return {.truncation = parts_->truncation, .padding = parts_->padding};
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
    Index size = vocabulary().size();
    for (const text::AddedToken& added : parts_->added_tokens.all())
      size += vocabulary().token(added.id) ? 0 : 1;
    return size;
  }

  std::optional<Token> token_to_id(std::string_view token) const {
    if (const text::AddedToken* added = parts_->added_tokens.find(token)) return added->id;
    const Token id = vocabulary().find(token);
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

  /// The model's own tokens, without the added ones.
  const text::Vocabulary& vocabulary() const { return parts_->model->vocabulary(); }

 private:
  friend class TextStream;

  std::optional<std::string_view> string_of(Token id) const {
    if (const text::AddedToken* added = parts_->added_tokens.find(id)) return added->content;
    return vocabulary().token(id);
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
    const std::size_t expected = text.size() / 3;  // tokens, of most texts
    out.pieces.reserve(expected);
    if (tracked) {
      out.tokens.reserve(expected);
      out.origins.reserve(expected);
      out.word_ids.reserve(expected);
    }
    Index number = 0;
    std::vector<text::Word> words;
    parts_->added_tokens.split(
        text, false, [&](std::size_t begin, std::size_t end, const text::AddedToken* added) {
          text::AlignedText part(text, span(begin, end), tracked);
          if (added) return append_added(out, *added, part, span(0, end - begin), number++);
          text::normalize(parts_->normalizer, part);
          words.clear();
          parts_->added_tokens.split(part.view(), true,
                                     [&](std::size_t from, std::size_t to, const text::AddedToken* token) {
                                       words.push_back({span(from, to), token});
                                     });
          text::pre_tokenize(parts_->pre_tokenizer, part, words);
          append_words(out, part, words, number);
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

  void append_words(text::EncodedText& out, const text::AlignedText& part,
                    const std::vector<text::Word>& words, Index& number) const {
    for (const text::Word& word : words) {
      if (word.added) {
        append_added(out, *word.added, part, word.span, number++);
        continue;
      }
      if (word.span.begin == word.span.end) continue;
      const std::size_t before = out.pieces.size();
      parts_->model->encode(part.view().substr(word.span.begin, word.span.end - word.span.begin), out.pieces);
      if (part.tracked()) describe(out, before, part, word.span, number);
      ++number;
    }
  }

  /// The strings and origins of the pieces of a word, from piece `before` on.
  void describe(text::EncodedText& out, std::size_t before, const text::AlignedText& part, text::Span word,
                Index number) const {
    std::uint32_t at = word.begin;
    for (std::size_t i = before; i < out.pieces.size(); ++i) {
      const text::Piece piece = out.pieces[i];
      const text::Span covered{at - piece.back, at + piece.bytes};
      out.tokens.emplace_back(parts_->model->is_unknown(piece.id)
                                  ? part.view().substr(covered.begin, covered.end - covered.begin)
                                  : *vocabulary().token(piece.id));
      out.origins.push_back(part.origin(covered));
      out.word_ids.push_back(number);
      at = covered.end;
    }
  }

  std::shared_ptr<const text::TokenizerParts> parts_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
