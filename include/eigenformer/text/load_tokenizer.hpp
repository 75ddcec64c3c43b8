// Builds a tokenizer from the tokenizer.json of a model's folder.
//
// A component or setting that is not supported is refused by name: a tokenizer that loads does what its file
// says.
#pragma once

#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI {

namespace text::detail {

/// A place in the file: a value, and its name for messages.
class JsonNode {
 public:
  JsonNode(const nlohmann::json* value, const std::string& file, std::string name)
      : value_(value), file_(&file), name_(std::move(name)) {}

  [[noreturn]] void refuse(const std::string& why) const {
    fail(FileError(*file_, concat(name_, ": ", why)));
  }
  [[noreturn]] void refuse_type(const std::string& type) const {
    refuse(concat("type \"", type, "\" is not supported"));
  }

  /// Whether it is null or absent.
  bool is_null() const { return value_ == nullptr || value_->is_null(); }

  JsonNode operator[](const std::string& key) const {
    if (value_ == nullptr || !value_->is_object()) refuse("expected an object");
    const auto found = value_->find(key);
    return {found == value_->end() ? nullptr : &*found, *file_, name_.empty() ? key : name_ + "." + key};
  }

  std::vector<JsonNode> elements() const {
    if (value_ == nullptr || !value_->is_array()) refuse("expected an array");
    std::vector<JsonNode> out;
    for (std::size_t i = 0; i < value_->size(); ++i)
      out.emplace_back(&(*value_)[i], *file_, concat(name_, '[', i, ']'));
    return out;
  }

  std::string string() const {
    if (value_ == nullptr || !value_->is_string()) refuse("expected a string");
    return value_->get<std::string>();
  }
  /// A string, or "" for null and absent.
  std::string string_or_empty() const { return is_null() ? std::string() : string(); }
  std::string nonempty_string() const {
    std::string out = string();
    if (out.empty()) refuse("expected a string that is not empty");
    return out;
  }
  bool flag(bool otherwise) const {
    if (is_null()) return otherwise;
    if (!value_->is_boolean()) refuse("expected true or false");
    return value_->get<bool>();
  }
  /// An integer from 0 to `largest`.
  std::int64_t integer(std::int64_t largest) const {
    if (value_ == nullptr || !value_->is_number_integer()) refuse("expected an integer");
    if (!value_->is_number_unsigned()) refuse(concat(value_->get<std::int64_t>(), " is negative"));
    const auto number = value_->get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(largest)) refuse(concat(number, " is larger than ", largest));
    return static_cast<std::int64_t>(number);
  }
  Token token() const { return static_cast<Token>(integer((std::numeric_limits<Token>::max)())); }

 private:
  const nlohmann::json* value_;  // null: absent
  const std::string* file_;
  std::string name_;
};

inline std::string literal_pattern(const JsonNode& pattern) {
  if (!pattern["Regex"].is_null()) pattern.refuse("a Regex is not supported here");
  return pattern["String"].nonempty_string();
}

inline void read_normalizer(const JsonNode& node, Normalizer& out) {
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["normalizers"].elements()) read_normalizer(step, out);
  } else if (type == "Prepend") {
    out.push_back({NormalizerStep::Kind::prepend, "", node["prepend"].string()});
  } else if (type == "Replace") {
    out.push_back(
        {NormalizerStep::Kind::replace, literal_pattern(node["pattern"]), node["content"].string()});
  } else {
    node.refuse_type(type);
  }
}

inline void read_decoder(const JsonNode& node, Decoder& out) {
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["decoders"].elements()) read_decoder(step, out);
  } else if (type == "Replace") {
    out.push_back({.kind = DecoderStep::Kind::replace,
                   .pattern = literal_pattern(node["pattern"]),
                   .content = node["content"].string()});
  } else if (type == "ByteFallback") {
    out.push_back({.kind = DecoderStep::Kind::byte_fallback});
  } else if (type == "Fuse") {
    out.push_back({.kind = DecoderStep::Kind::fuse});
  } else if (type == "Strip") {
    constexpr std::int64_t most = 1 << 20;
    out.push_back({.kind = DecoderStep::Kind::strip,
                   .content = node["content"].nonempty_string(),
                   .start = static_cast<Index>(node["start"].integer(most)),
                   .stop = static_cast<Index>(node["stop"].integer(most))});
  } else {
    node.refuse_type(type);
  }
}

inline TemplatePart read_template_part(const JsonNode& node, const JsonNode& special_tokens) {
  const auto type_id = [](const JsonNode& part) {
    return static_cast<int>(part["type_id"].integer(1 << 20));
  };
  if (const JsonNode sequence = node["Sequence"]; !sequence.is_null()) {
    const std::string id = sequence["id"].string();
    if (id != "A" && id != "B") sequence.refuse(concat("id \"", id, "\" is neither A nor B"));
    return {id == "A" ? TemplatePart::Kind::first : TemplatePart::Kind::second, type_id(sequence)};
  }
  const JsonNode special = node["SpecialToken"];
  const JsonNode described = special_tokens[special["id"].string()];
  TemplatePart part{TemplatePart::Kind::special, type_id(special)};
  for (const JsonNode& id : described["ids"].elements()) part.ids.push_back(id.token());
  for (const JsonNode& token : described["tokens"].elements()) part.tokens.push_back(token.string());
  if (part.ids.size() != part.tokens.size())
    described.refuse(concat(part.ids.size(), " ids, but ", part.tokens.size(), " tokens"));
  return part;
}

inline Template read_template(const JsonNode& node, const JsonNode& special_tokens, bool pair) {
  Template out;
  Index first = 0, second = 0;
  for (const JsonNode& part : node.elements()) {
    out.push_back(read_template_part(part, special_tokens));
    first += out.back().kind == TemplatePart::Kind::first ? 1 : 0;
    second += out.back().kind == TemplatePart::Kind::second ? 1 : 0;
  }
  if (first != 1 || second != (pair ? 1 : 0))
    node.refuse(pair ? "expected the sequences A and B once each" : "expected the sequence A once, and no B");
  return out;
}

inline PostProcessor read_post_processor(const JsonNode& node) {
  PostProcessor out;
  if (node.is_null()) return out;
  const std::string type = node["type"].string();
  if (type != "TemplateProcessing") node.refuse_type(type);
  out.single = read_template(node["single"], node["special_tokens"], false);
  out.pair = read_template(node["pair"], node["special_tokens"], true);
  return out;
}

/// Ids may have gaps, but a table from ids to tokens must not be much larger than the file that asks for it.
inline Token checked_id(std::int64_t id, std::size_t tokens, const std::string& token,
                        const std::string& file) {
  const std::int64_t limit = (std::min<std::int64_t>)((std::numeric_limits<Token>::max)(),
                                                      1'000'000 + 16 * static_cast<std::int64_t>(tokens));
  if (id < 0 || id >= limit)
    fail(FileError(file, concat("token \"", token, "\" has id ", id, ", which is not between 0 and ",
                                limit - 1, ", the most for ", tokens, " tokens")));
  return static_cast<Token>(id);
}

inline Vocabulary read_vocabulary(const TokenizerJson& json, const std::string& file) {
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

inline Bpe read_bpe(const TokenizerJson& json, const JsonNode& model, const std::string& file) {
  if (!model["dropout"].is_null())
    model["dropout"].refuse("dropout is not supported: it makes encoding random");
  return Bpe(read_vocabulary(json, file), json.merges,
             {.unk_token = model["unk_token"].string_or_empty(),
              .continuing_subword_prefix = model["continuing_subword_prefix"].string_or_empty(),
              .end_of_word_suffix = model["end_of_word_suffix"].string_or_empty(),
              .fuse_unk = model["fuse_unk"].flag(false),
              .byte_fallback = model["byte_fallback"].flag(false),
              .ignore_merges = model["ignore_merges"].flag(false)},
             file + ": model");
}

/// The content of a token as it looks in normalized text.
inline std::string normalized_content(const Normalizer& normalizer, const std::string& content) {
  AlignedText text(content, {0, static_cast<std::uint32_t>(content.size())}, false);
  normalize(normalizer, text);
  return std::string(text.view());
}

/// The added tokens. One whose content is in the model's vocabulary has the id it has there.
inline AddedTokens read_added_tokens(const JsonNode& node, const Vocabulary& vocabulary,
                                     const Normalizer& normalizer, const std::string& file) {
  if (node.is_null()) return {};
  std::vector<AddedToken> tokens;
  std::vector<std::string> searched;
  std::set<std::string> contents;
  std::set<Token> ids;
  const auto elements = node.elements();
  for (const JsonNode& element : elements) {
    if (element["single_word"].flag(false)) element["single_word"].refuse("true is not supported");
    AddedToken token{.content = element["content"].nonempty_string(),
                     .id = element["id"].token(),
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
    if (!contents.insert(token.content).second) element.refuse(concat('"', token.content, "\" stands twice"));
    if (!ids.insert(token.id).second) element.refuse(concat("id ", token.id, " stands twice"));
    searched.push_back(token.normalized ? normalized_content(normalizer, token.content) : token.content);
    tokens.push_back(std::move(token));
  }
  return AddedTokens(std::move(tokens), searched);
}

}  // namespace text::detail

/// Reads the content of a tokenizer.json.
///
/// @param file  its name, for messages
/// @throws FileError, ConfigError  if it is not one, or names something that is not supported
inline Tokenizer parse_tokenizer(const std::string& content, const std::string& file) {
  const text::TokenizerJson json = text::parse_tokenizer_json(content, file);
  const text::detail::JsonNode root(&json.root, file, "");
  for (const char* setting : {"truncation", "padding", "pre_tokenizer"})
    if (!root[setting].is_null()) root[setting].refuse("it is not supported");
  const text::detail::JsonNode model = root["model"];
  // Old files do not say what their model is; merges make it byte-pair encoding.
  const std::string type =
      model["type"].is_null() && !json.merges.empty() ? std::string("BPE") : model["type"].string();
  if (type != "BPE") model.refuse_type(type);

  text::Normalizer normalizer;
  if (!root["normalizer"].is_null()) text::detail::read_normalizer(root["normalizer"], normalizer);
  text::Decoder decoder;
  if (!root["decoder"].is_null())
    text::detail::read_decoder(root["decoder"], decoder);
  else
    decoder.push_back({.kind = text::DecoderStep::Kind::spaces});
  text::Bpe bpe = text::detail::read_bpe(json, model, file);
  text::AddedTokens added =
      text::detail::read_added_tokens(root["added_tokens"], bpe.vocabulary(), normalizer, file);
  return Tokenizer({.added_tokens = std::move(added),
                    .normalizer = std::move(normalizer),
                    .model = std::move(bpe),
                    .post_processor = text::detail::read_post_processor(root["post_processor"]),
                    .decoder = std::move(decoder)});
}

/// Loads the tokenizer of a model.
///
/// @param path  a folder with a tokenizer.json, or the file itself
/// @throws FileError, ConfigError  if it cannot be read, or names something that is not supported
inline Tokenizer load_tokenizer(const std::filesystem::path& path) {
  const std::filesystem::path file = std::filesystem::is_directory(path) ? path / "tokenizer.json" : path;
  return parse_tokenizer(text::read_file(file), file.string());
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
