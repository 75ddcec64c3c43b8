// The tokenizer inside a GGUF file as the tokenizer.json that Hugging Face has for the same model.
//
// The file holds the tokens with their kinds, and a name for how texts are cut. What the names of
// tokenizer.ggml.pre stand for is in llama.cpp's llama-vocab.cpp, with the patterns of the original files;
// names are refused here whose original file is not known to do the same.
#pragma once

#include <eigenformer/hub/gguf.hpp>
#include <eigenformer/text/scanner.hpp>
#include <eigenformer/text/sentencepiece_file.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// Tokens by their ids.
struct GgufTokens {
  using Kind = text::detail::SentencePieceFile::Type;
  std::vector<std::string> tokens;
  std::vector<Kind> kinds;
  bool has(Kind kind) const { return std::find(kinds.begin(), kinds.end(), kind) != kinds.end(); }
  std::size_t size() const { return tokens.size(); }
};

/// @throws ConfigError  for tokens that are not UTF-8, and lists that do not go together
[[gnu::cold]] inline GgufTokens read_gguf_tokens(const GgufMetadata& metadata) {
  using Kind = GgufTokens::Kind;
  constexpr const char* list = "tokenizer.ggml.tokens";
  constexpr const char* types = "tokenizer.ggml.token_type";
  GgufTokens out;
  for (const std::string_view token : metadata.strings(list)) {
    if (text::utf8_valid_prefix(token) < token.size())
      metadata.refuse(list, concat("token ", out.size(), " is not UTF-8"));
    out.tokens.emplace_back(token);
  }
  out.kinds.assign(out.size(), Kind::normal);
  if (metadata.has(types)) {
    const std::vector<Index> kinds = metadata.integers(types);
    if (kinds.size() != out.size())
      metadata.refuse(types, concat("has ", kinds.size(), " elements, there are ", out.size(), " tokens"));
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] < 1 || kinds[i] > 6) metadata.refuse(types, concat("token ", i, " is of type ", kinds[i]));
      out.kinds[i] = static_cast<Kind>(kinds[i]);
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out.tokens[i].empty()) out.kinds[i] = Kind::unused;
  return out;
}

/// A special token that the metadata name; none where they do not.
[[gnu::cold]] inline std::optional<std::size_t> gguf_special(const GgufMetadata& metadata,
                                                             const GgufTokens& tokens, const char* name) {
  const std::string key = concat("tokenizer.ggml.", name, "_token_id");
  if (!metadata.has(key)) return std::nullopt;
  const Index id = metadata.integer(key);
  if (id < 0 || std::cmp_greater_equal(id, tokens.size()))
    metadata.refuse(key, concat(id, " is none of the ", tokens.size(), " tokens"));
  return static_cast<std::size_t>(id);
}

/// What goes around a text: its beginning, its end, both or nothing.
[[gnu::cold]] inline nlohmann::json gguf_post_processor(const GgufMetadata& metadata,
                                                        const GgufTokens& tokens, bool bos_by_default) {
  using nlohmann::json;
  json special = json::object(), single = json::array(), pair = json::array();
  const auto add = [&](const char* key, const char* name, bool otherwise, unsigned segment) {
    if (!metadata.boolean(key, otherwise)) return;
    const auto id = gguf_special(metadata, tokens, name);
    if (!id) metadata.refuse(key, concat("there is no tokenizer.ggml.", name, "_token_id"));
    const std::string& token = tokens.tokens[*id];
    special[token] = {{"id", token}, {"ids", {*id}}, {"tokens", {token}}};
    pair.push_back({{"SpecialToken", {{"id", token}, {"type_id", segment}}}});
  };
  for (const unsigned segment : {0u, 1u}) {
    add("tokenizer.ggml.add_bos_token", "bos", bos_by_default, segment);
    pair.push_back({{"Sequence", {{"id", segment ? "B" : "A"}, {"type_id", segment}}}});
    add("tokenizer.ggml.add_eos_token", "eos", false, segment);
    if (segment == 0) single = pair;
  }
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

/// The vocabulary and the added tokens.
/// @param in_normalized  whether tokens of the user are looked for in the normalized text
[[gnu::cold]] inline text::TokenizerJson gguf_vocabulary(const GgufTokens& tokens, bool in_normalized) {
  using Kind = GgufTokens::Kind;
  text::TokenizerJson out;
  nlohmann::json added = nlohmann::json::array();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Kind kind = tokens.kinds[i];
    if (kind == Kind::unused) continue;
    out.vocabulary.emplace_back(tokens.tokens[i], static_cast<std::int64_t>(i));
    if (kind == Kind::unknown || kind == Kind::control || kind == Kind::user_defined)
      added.push_back({{"id", i},
                       {"content", tokens.tokens[i]},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", in_normalized && kind == Kind::user_defined},
                       {"special", kind != Kind::user_defined}});
  }
  out.root = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", added}};
  return out;
}

/// tokenizer.ggml.model "llama": SentencePiece's byte-pair encoding, whose order of merges is that of scores.
[[gnu::cold]] inline text::TokenizerJson gguf_sentencepiece(const GgufMetadata& metadata) {
  using nlohmann::json;
  using Kind = GgufTokens::Kind;
  constexpr const char* space = "\xE2\x96\x81";
  constexpr const char* list = "tokenizer.ggml.scores";
  const GgufTokens tokens = read_gguf_tokens(metadata);
  const std::vector<double> scores = metadata.numbers(list);
  if (scores.size() != tokens.size())
    metadata.refuse(list, concat("has ", scores.size(), " elements, there are ", tokens.size(), " tokens"));
  text::Vocabulary vocabulary;
  text::detail::SentencePieceFile model;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens.kinds[i] == Kind::unused) continue;
    if (!(scores[i] - scores[i] == 0)) metadata.refuse(list, concat("token ", i, " has ", scores[i]));
    vocabulary.insert(tokens.tokens[i], static_cast<Token>(i));
    model.entries.push_back({tokens.tokens[i], scores[i], tokens.kinds[i]});
  }
  // SentencePiece finds tokens of the user where spaces are U+2581 already (Gemma has runs of them); where a
  // text gets one in front, a token in tokenizer.json would get one too.
  const bool prefix = metadata.boolean("tokenizer.ggml.add_space_prefix", true);
  text::TokenizerJson out = gguf_vocabulary(tokens, !prefix);
  out.merges = text::detail::sentencepiece_merges(model, vocabulary, metadata.file());

  const json replace{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}};
  json normalizers = json::array(), decoders = json::array();
  if (prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", space}});
  normalizers.push_back(replace);
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", space}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1u}, {"stop", 0u}});
  json& root = out.root;
  root["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
  root["pre_tokenizer"] = nullptr;
  root["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  root["post_processor"] = gguf_post_processor(metadata, tokens, true);
  root["model"] = {{"type", "BPE"}, {"fuse_unk", true}, {"byte_fallback", tokens.has(Kind::byte)}};
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens.kinds[i] == Kind::unknown) root["model"]["unk_token"] = tokens.tokens[i];
  return out;
}

/// How texts are cut before byte-level encoding.
struct GgufSplit {
  const char* name;
  std::string_view pattern;  ///< empty: GPT-2's, which the byte-level step has itself
  bool digits = false;       ///< each digit alone, before
  bool nfc = false;          ///< composed characters (Unicode's NFC), before
  bool ignore_merges = false, bos = false;
};
inline constexpr std::string_view llama3_split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view qwen2_split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view bloom_split =
    " ?[^(\\s|[.,!?\xE2\x80\xA6\xE3\x80\x82\xEF\xBC\x8C\xE3\x80\x81\xE0\xA5\xA4\xDB\x94\xD8\x8C])]+";
inline constexpr std::string_view tekken_split =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr GgufSplit gguf_splits[] = {{"gpt-2", ""},
                                            {"llama-bpe", llama3_split, false, false, true, true},
                                            {"llama3", llama3_split, false, false, true, true},
                                            {"llama-v3", llama3_split, false, false, true, true},
                                            {"qwen2", qwen2_split, false, true},
                                            {"bloom", bloom_split},
                                            {"smollm", "", true},
                                            {"starcoder", "", true},
                                            {"refact", "", true},
                                            {"tekken", tekken_split, false, false, true, true}};

/// @throws ConfigError  for a name that is not known
[[gnu::cold]] inline const GgufSplit& gguf_split(const GgufMetadata& metadata) {
  constexpr const char* key = "tokenizer.ggml.pre";
  std::string known;
  // Files from before the key was there tell only by their architecture.
  const std::string name = metadata.text(key, metadata.text("general.architecture") == "gpt2" ? "gpt-2" : "");
  for (const GgufSplit& split : gguf_splits) {
    if (name == split.name) return split;
    known += concat(known.empty() ? "" : ", ", split.name);
  }
  if (name.empty()) metadata.refuse(key, "is missing: how the model cuts texts is not known");
  metadata.refuse(key,
                  concat("\"", printable(name), "\" is not one of those that the library knows: ", known));
}

/// tokenizer.ggml.model "gpt2": byte-level byte-pair encoding.
[[gnu::cold]] inline text::TokenizerJson gguf_byte_level(const GgufMetadata& metadata) {
  using nlohmann::json;
  constexpr const char* list = "tokenizer.ggml.merges";
  const GgufTokens tokens = read_gguf_tokens(metadata);
  const GgufSplit& split = gguf_split(metadata);
  text::TokenizerJson out = gguf_vocabulary(tokens, false);
  for (const std::string_view merge : metadata.strings(list)) {
    const std::size_t cut = merge.find(' ');
    if (cut == merge.npos || merge.find(' ', cut + 1) != merge.npos ||
        text::utf8_valid_prefix(merge) < merge.size())
      metadata.refuse(list, concat("number ", out.merges.size(),
                                   " is not two tokens with a space between: \"", printable(merge), "\""));
    out.merges.emplace_back(merge.substr(0, cut), merge.substr(cut + 1));
  }
  json steps = json::array();
  if (split.digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  if (!split.pattern.empty())
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", split.pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  const json byte_level{{"type", "ByteLevel"},
                        {"add_prefix_space", false},
                        {"trim_offsets", false},
                        {"use_regex", split.pattern.empty()}};
  steps.push_back(byte_level);
  json& root = out.root;
  root["normalizer"] = split.nfc ? json{{"type", "NFC"}} : json();
  root["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
  root["decoder"] = byte_level;
  root["post_processor"] = {{"type", "Sequence"},
                            {"processors", {byte_level, gguf_post_processor(metadata, tokens, split.bos)}}};
  root["model"] = {{"type", "BPE"}, {"ignore_merges", split.ignore_merges}};
  return out;
}

/// The tokenizer.json of a file.
/// @throws ConfigError  for a tokenizer of a kind that the library does not read from GGUF files, and fields
///                      that are absent, of the wrong type, or do not go together
[[gnu::cold]] inline text::TokenizerJson gguf_tokenizer(const GgufMetadata& metadata) {
  const std::string model = metadata.text("tokenizer.ggml.model");
  if (model == "llama") return gguf_sentencepiece(metadata);
  if (model == "gpt2") return gguf_byte_level(metadata);
  metadata.refuse(
      "tokenizer.ggml.model",
      concat("\"", printable(model), "\" is not one of those that the library reads: llama, gpt2"));
}

/// The same as the text of a file.
[[gnu::cold]] inline std::string text_of(text::TokenizerJson tokenizer) {
  nlohmann::json& model = tokenizer.root["model"];
  model["vocab"] = nlohmann::json::object();
  model["merges"] = nlohmann::json::array();
  for (auto& [token, id] : tokenizer.vocabulary) model["vocab"][token] = id;
  for (auto& [left, right] : tokenizer.merges) model["merges"].push_back({left, right});
  return tokenizer.root.dump(1) + "\n";
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
