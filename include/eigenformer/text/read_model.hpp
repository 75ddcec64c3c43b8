// Models, their vocabularies, and added tokens, from their description in a tokenizer.json.
#pragma once

#include <eigenformer/text/added_tokens.hpp>
#include <eigenformer/text/bpe.hpp>
#include <eigenformer/text/json_node.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>
#include <eigenformer/text/unigram.hpp>
#include <eigenformer/text/word_level.hpp>
#include <eigenformer/text/word_piece.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace detail {

/// Ids may have gaps, but a table from ids to tokens must not be much larger than the file that asks for it.
[[gnu::cold]] inline Token checked_id(std::int64_t id, std::size_t tokens, const std::string& token,
                                      const std::string& file) {
  const std::int64_t limit = (std::min<std::int64_t>)((std::numeric_limits<Token>::max)(),
                                                      1'000'000 + 16 * static_cast<std::int64_t>(tokens));
  if (id < 0 || id >= limit)
    fail(FileError(file, concat("token \"", token, "\" has id ", id, ", which is not between 0 and ",
                                limit - 1, ", the most for ", tokens, " tokens")));
  return static_cast<Token>(id);
}

[[gnu::cold]] inline Vocabulary read_vocabulary(const TokenizerJson& json, const std::string& file) {
  Vocabulary out;
  for (const auto& [token, id] : json.vocabulary) {
    if (out.insert(token, checked_id(id, json.vocabulary.size(), token, file))) continue;
    if (out.find(token) != Vocabulary::none)
      fail(FileError(file, concat("model.vocab: \"", token, "\" stands twice")));
    fail(FileError(file, concat("model.vocab: \"", token, "\" and \"", *out.token(static_cast<Token>(id)),
                                "\" both have id ", id)));
  }
  return out;
}

/// @param byte_level  whether the model gets bytes where its vocabulary has characters of the byte alphabet
[[gnu::cold]] inline std::unique_ptr<const TokenModel> read_bpe(const TokenizerJson& json,
                                                                const JsonNode& model, bool byte_level,
                                                                const std::string& file) {
  if (!model["dropout"].is_null())
    model["dropout"].refuse("dropout is not supported: it makes encoding random");
  BpeConfig config{.unk_token = model["unk_token"].string_or_empty(),
                   .continuing_subword_prefix = model["continuing_subword_prefix"].string_or_empty(),
                   .end_of_word_suffix = model["end_of_word_suffix"].string_or_empty(),
                   .fuse_unk = model["fuse_unk"].flag(false),
                   .byte_fallback = model["byte_fallback"].flag(false),
                   .ignore_merges = model["ignore_merges"].flag(false),
                   .byte_level = byte_level};
  return std::make_unique<const Bpe>(read_vocabulary(json, file), json.merges, std::move(config),
                                     file + ": model");
}

[[gnu::cold]] inline std::unique_ptr<const TokenModel> read_word_piece(const TokenizerJson& json,
                                                                       const JsonNode& model,
                                                                       const std::string& file) {
  constexpr std::int64_t most = 1 << 30;
  WordPieceConfig config;
  if (!model["unk_token"].is_null()) config.unk_token = model["unk_token"].string();
  if (!model["continuing_subword_prefix"].is_null())
    config.continuing_subword_prefix = model["continuing_subword_prefix"].string();
  if (!model["max_input_chars_per_word"].is_null())
    config.max_input_chars_per_word = static_cast<Index>(model["max_input_chars_per_word"].integer(most));
  return std::make_unique<const WordPiece>(read_vocabulary(json, file), std::move(config), file + ": model");
}

[[gnu::cold]] inline std::unique_ptr<const TokenModel> read_unigram(const JsonNode& model) {
  Vocabulary vocabulary;
  std::vector<double> scores;
  for (const JsonNode& entry : model["vocab"].elements()) {
    const std::vector<JsonNode> pair = entry.elements();
    if (pair.size() != 2) entry.refuse("expected a token and its score");
    if (!vocabulary.insert(pair[0].string(), static_cast<Token>(scores.size())))
      entry.refuse(concat("\"", pair[0].string(), "\" stands twice"));
    scores.push_back(pair[1].number());
  }
  Token unk = Vocabulary::none;
  if (!model["unk_id"].is_null()) {
    unk = model["unk_id"].token();
    if (static_cast<std::size_t>(unk) >= scores.size())
      model["unk_id"].refuse(concat(unk, " is not the id of one of ", scores.size(), " tokens"));
  }
  return std::make_unique<const Unigram>(std::move(vocabulary), std::move(scores), unk,
                                         model["byte_fallback"].flag(false));
}

/// The type of a model; old files do not name it, its fields tell.
[[gnu::cold]] inline std::string model_type(const TokenizerJson& json, const JsonNode& model) {
  if (!model["type"].is_null()) return model["type"].string();
  if (!json.merges.empty()) return "BPE";
  if (model["vocab"].is_array()) return "Unigram";
  return model["continuing_subword_prefix"].is_null() ? "WordLevel" : "WordPiece";
}

[[gnu::cold]] inline std::unique_ptr<const TokenModel> read_model(const TokenizerJson& json,
                                                                  const JsonNode& model, bool byte_level,
                                                                  const std::string& file) {
  const std::string type = model_type(json, model);
  if (type == "BPE") return read_bpe(json, model, byte_level, file);
  if (type == "WordPiece") return read_word_piece(json, model, file);
  if (type == "Unigram") return read_unigram(model);
  if (type == "WordLevel")
    return std::make_unique<const WordLevel>(read_vocabulary(json, file),
                                             model["unk_token"].string_or_empty());
  model["type"].refuse_value(type);
}

/// The content of a token as it looks in normalized text.
[[gnu::cold]] inline std::string normalized_content(const Normalizer& normalizer,
                                                    const std::string& content) {
  AlignedText text(content, {0, static_cast<std::uint32_t>(content.size())}, false);
  normalize(normalizer, text);
  return std::string(text.view());
}

/// The added tokens. One whose content is in the model's vocabulary has the id it has there.
[[gnu::cold]] inline AddedTokens read_added_tokens(const JsonNode& node, const Vocabulary& vocabulary,
                                                   const Normalizer& normalizer, const std::string& file) {
  if (node.is_null()) return {};
  std::vector<AddedToken> tokens;
  std::vector<std::string> searched;
  Vocabulary seen;
  const auto elements = node.elements();
  for (const JsonNode& element : elements) {
    AddedToken token{.content = element["content"].nonempty_string(),
                     .id = element["id"].token(),
                     .single_word = element["single_word"].flag(false),
                     .lstrip = element["lstrip"].flag(false),
                     .rstrip = element["rstrip"].flag(false),
                     .normalized = element["normalized"].flag(false),
                     .special = element["special"].flag(false)};
    const Token known = vocabulary.find(token.content);
    if (known != Vocabulary::none)
      token.id = known;
    else if (const auto other = vocabulary.token(token.id))
      element.refuse(
          concat("\"", token.content, "\" has id ", token.id, ", which is that of \"", *other, '"'));
    checked_id(token.id, elements.size() + static_cast<std::size_t>(vocabulary.size()), token.content, file);
    if (seen.find(token.content) != Vocabulary::none)
      element.refuse(concat('"', token.content, "\" stands twice"));
    if (!seen.insert(token.content, token.id)) element.refuse(concat("id ", token.id, " stands twice"));
    searched.push_back(token.normalized ? normalized_content(normalizer, token.content) : token.content);
    tokens.push_back(std::move(token));
  }
  return AddedTokens(std::move(tokens), searched);
}

}  // namespace detail
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
