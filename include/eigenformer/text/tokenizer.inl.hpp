// How a tokenizer works: the definitions of tokenizer.hpp.
#pragma once

#include <eigenformer/text/assemble.hpp>
#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/tokenizer_parts.hpp>

#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace text {
namespace detail {

inline Span span(std::size_t begin, std::size_t end) {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

inline void append_added(EncodedText& out, const AddedToken& token, const AlignedText& part, Span matched,
                         Index word) {
  out.pieces.push_back({token.id, matched.end - matched.begin});
  if (!part.tracked()) return;
  out.tokens.emplace_back(part.view().substr(matched.begin, matched.end - matched.begin));
  out.origins.push_back(part.origin(matched));
  out.word_ids.push_back(word);
}

/// The strings and origins of the pieces of a word, from piece `before` on.
inline void describe_pieces(const TokenModel& model, EncodedText& out, std::size_t before,
                            const AlignedText& part, Span word, Index number) {
  std::uint32_t at = word.begin;
  for (std::size_t i = before; i < out.pieces.size(); ++i) {
    const Piece piece = out.pieces[i];
    const Span covered{at - piece.back, at + piece.bytes};
    out.tokens.emplace_back(model.is_unknown(piece.id)
                                ? part.view().substr(covered.begin, covered.end - covered.begin)
                                : *model.vocabulary().token(piece.id));
    out.origins.push_back(part.origin(covered));
    out.word_ids.push_back(number);
    at = covered.end;
  }
}

inline void append_words(const TokenModel& model, EncodedText& out, const AlignedText& part,
                         const std::vector<Word>& words, Index& number) {
  for (const Word& word : words) {
    if (word.added) {
      append_added(out, *word.added, part, word.span, number++);
      continue;
    }
    if (word.span.begin == word.span.end) continue;
    const std::size_t before = out.pieces.size();
    model.encode(part.view().substr(word.span.begin, word.span.end - word.span.begin), out.pieces);
    if (part.tracked()) describe_pieces(model, out, before, part, word.span, number);
    ++number;
  }
}

}  // namespace detail
}  // namespace text

EIGENFORMER_ROOM text::EncodedText Tokenizer::run(std::string_view text, bool tracked) const {
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
        text::AlignedText part(text, text::detail::span(begin, end), tracked);
        if (added)
          return text::detail::append_added(out, *added, part, text::detail::span(0, end - begin), number++);
        text::normalize(parts_->normalizer, part);
        words.clear();
        parts_->added_tokens.split(part.view(), true,
                                   [&](std::size_t from, std::size_t to, const text::AddedToken* token) {
                                     words.push_back({text::detail::span(from, to), token});
                                   });
        text::pre_tokenize(parts_->pre_tokenizer, part, words);
        text::detail::append_words(*parts_->model, out, part, words, number);
      });
  return out;
}

EIGENFORMER_ROOM std::vector<Token> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
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

EIGENFORMER_ROOM Encoding Tokenizer::encode_full(std::string_view text, std::optional<std::string_view> pair,
                                                 const EncodeOptions& options) const {
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

EIGENFORMER_ROOM EncodeOptions Tokenizer::file_options() const {
  return {.truncation = parts_->truncation, .padding = parts_->padding};
}

EIGENFORMER_ROOM std::string Tokenizer::decode(std::span<const Token> ids, bool skip_special_tokens) const {
  std::string out;
  text::Decoding decoding(parts_->decoder);
  for (const Token id : ids)
    if (const auto token = decodable(id, skip_special_tokens)) decoding.push(*token, out);
  decoding.finish(out);
  return out;
}

EIGENFORMER_ROOM Index Tokenizer::vocab_size() const {
  Index size = vocabulary().size();
  for (const text::AddedToken& added : parts_->added_tokens.all())
    size += vocabulary().token(added.id) ? 0 : 1;
  return size;
}

EIGENFORMER_ROOM std::optional<Token> Tokenizer::token_to_id(std::string_view token) const {
  if (const text::AddedToken* added = parts_->added_tokens.find(token)) return added->id;
  const Token id = vocabulary().find(token);
  return id == text::Vocabulary::none ? std::nullopt : std::optional<Token>(id);
}

EIGENFORMER_ROOM std::optional<std::string> Tokenizer::id_to_token(Token id) const {
  const auto token = string_of(id);
  return token ? std::optional<std::string>(*token) : std::nullopt;
}

EIGENFORMER_ROOM bool Tokenizer::is_special(Token id) const {
  const text::AddedToken* added = parts_->added_tokens.find(id);
  return added != nullptr && added->special;
}

EIGENFORMER_ROOM const text::Vocabulary& Tokenizer::vocabulary() const { return parts_->model->vocabulary(); }

EIGENFORMER_ROOM std::optional<std::string_view> Tokenizer::string_of(Token id) const {
  if (const text::AddedToken* added = parts_->added_tokens.find(id)) return added->content;
  return vocabulary().token(id);
}

/// The string of a token that takes part in decoding.
EIGENFORMER_ROOM std::optional<std::string_view> Tokenizer::decodable(Token id,
                                                                      bool skip_special_tokens) const {
  if (skip_special_tokens && is_special(id)) return std::nullopt;
  return string_of(id);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
