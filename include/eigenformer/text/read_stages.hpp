// Normalizers, pre-tokenizers and decoders, from their description in a tokenizer.json.
//
// A component or setting that is not supported is refused by name.
#pragma once

#include <eigenformer/text/decoder.hpp>
#include <eigenformer/text/json_node.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/pre_tokenizer.hpp>

#include <optional>
#include <string>
#include <utility>

namespace eigenformer::inline EIGENFORMER_ABI::text::detail {

[[gnu::cold]] inline Normalizer bert_normalizer(bool clean, bool chinese, bool strip_accents,
                                                bool lowercase) {
  using Kind = NormalizerStep::Kind;
  Normalizer out;
  if (clean) out.push_back({.kind = Kind::clean});
  if (chinese) out.push_back({.kind = Kind::pad_chinese});
  if (strip_accents) {
    out.push_back({.kind = Kind::nfd});
    out.push_back({.kind = Kind::strip_bert_marks});
  }
  if (lowercase) out.push_back({.kind = Kind::lowercase});
  return out;
}

[[gnu::cold]] inline void read_normalizer(const JsonNode& node, Normalizer& out) {
  using Kind = NormalizerStep::Kind;
  const std::string type = node["type"].string();
  constexpr std::pair<const char*, Kind> plain[] = {{"NFC", Kind::nfc},
                                                    {"NFD", Kind::nfd},
                                                    {"NFKC", Kind::nfkc},
                                                    {"NFKD", Kind::nfkd},
                                                    {"Lowercase", Kind::lowercase},
                                                    {"StripAccents", Kind::strip_accents},
                                                    {"ByteLevel", Kind::byte_level},
                                                    {"Nmt", Kind::nmt}};
  for (const auto& [name, kind] : plain)
    if (type == name) return out.push_back({.kind = kind});
  if (type == "Sequence") {
    for (const JsonNode& step : node["normalizers"].elements()) read_normalizer(step, out);
  } else if (type == "BertNormalizer") {
    const bool lowercase = node["lowercase"].flag(true);
    const Normalizer steps =
        bert_normalizer(node["clean_text"].flag(true), node["handle_chinese_chars"].flag(true),
                        node["strip_accents"].flag(lowercase), lowercase);
    out.insert(out.end(), steps.begin(), steps.end());
  } else if (type == "Prepend") {
    out.push_back({.kind = Kind::prepend, .content = node["prepend"].string()});
  } else if (type == "Strip") {
    out.push_back({.kind = Kind::strip,
                   .left = node["strip_left"].flag(true),
                   .right = node["strip_right"].flag(true)});
  } else if (type == "Precompiled") {
    const std::string map = node["precompiled_charsmap"].string(), name = type + ".precompiled_charsmap";
    if (!map.empty())
      out.push_back({.kind = Kind::charsmap, .map = Charsmap(decode_base64(map, name), name)});
  } else if (type == "Replace") {
    const JsonNode pattern = node["pattern"];
    if (!pattern["Regex"].is_null())
      out.push_back({.kind = Kind::replace_regex,
                     .content = node["content"].string(),
                     .regex = Regex(pattern["Regex"].string())});
    else
      out.push_back({.kind = Kind::replace,
                     .pattern = pattern["String"].nonempty_string(),
                     .content = node["content"].string()});
  } else {
    node.refuse_type(type);
  }
}

[[gnu::cold]] inline SplitBehavior read_behavior(const JsonNode& node) {
  constexpr std::pair<const char*, SplitBehavior> names[] = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  const std::string behavior = node.string();
  for (const auto& [name, value] : names)
    if (behavior == name) return value;
  node.refuse(concat("\"", behavior, "\" is not supported"));
}

[[gnu::cold]] inline Pattern read_pattern(const JsonNode& node) {
  if (node["Regex"].is_null()) return node["String"].nonempty_string();
  const std::string pattern = node["Regex"].string();
  if (const auto scanner = scanner_for(pattern)) return *scanner;
  return Regex(pattern);
}

[[gnu::cold]] inline PreTokenizerStep split_step(Pattern pattern, SplitBehavior behavior,
                                                 bool invert = false) {
  return {.kind = PreTokenizerStep::Kind::split,
          .pattern = std::move(pattern),
          .behavior = behavior,
          .invert = invert};
}

[[gnu::cold]] inline void read_metaspace(const JsonNode& node, PreTokenizer& out) {
  using Prepend = PreTokenizerStep::Prepend;
  const std::string replacement = node["replacement"].nonempty_string();
  Prepend prepend = node["add_prefix_space"].flag(true) ? Prepend::always : Prepend::never;
  if (const JsonNode scheme = node["prepend_scheme"]; !scheme.is_null()) {
    const std::string name = scheme.string();
    if (name != "always" && name != "first" && name != "never")
      scheme.refuse(concat("\"", name, "\" is not supported"));
    prepend = name == "always" ? Prepend::always : name == "first" ? Prepend::first : Prepend::never;
  }
  out.push_back({.kind = PreTokenizerStep::Kind::metaspace, .replacement = replacement, .prepend = prepend});
  if (node["split"].flag(true)) out.push_back(split_step(replacement, SplitBehavior::merged_with_next));
}

[[gnu::cold]] inline void read_pre_tokenizer(const JsonNode& node, PreTokenizer& out) {
  using Kind = PreTokenizerStep::Kind;
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["pretokenizers"].elements()) read_pre_tokenizer(step, out);
  } else if (type == "ByteLevel") {
    if (node["add_prefix_space"].flag(true)) out.push_back({.kind = Kind::space});
    if (node["use_regex"].flag(true)) out.push_back(split_step(Scanner::gpt2, SplitBehavior::isolated));
    out.push_back({.kind = Kind::byte_level});
  } else if (type == "BertPreTokenizer") {
    out.push_back(split_step(CharacterClass::white_space, SplitBehavior::removed));
    out.push_back(split_step(CharacterClass::punctuation, SplitBehavior::isolated));
  } else if (type == "Metaspace") {
    read_metaspace(node, out);
  } else if (type == "Split") {
    out.push_back(split_step(read_pattern(node["pattern"]), read_behavior(node["behavior"]),
                             node["invert"].flag(false)));
  } else if (type == "Whitespace") {
    out.push_back(split_step(CharacterClass::word, SplitBehavior::removed, true));
  } else if (type == "WhitespaceSplit") {
    out.push_back(split_step(CharacterClass::white_space, SplitBehavior::removed));
  } else if (type == "Digits") {
    const bool one = node["individual_digits"].flag(false);
    out.push_back(one ? split_step(CharacterClass::one_digit, SplitBehavior::isolated)
                      : split_step(CharacterClass::digits, SplitBehavior::isolated));
  } else if (type == "Punctuation") {
    const JsonNode behavior = node["behavior"];
    out.push_back(split_step(CharacterClass::punctuation,
                             behavior.is_null() ? SplitBehavior::isolated : read_behavior(behavior)));
  } else if (type == "CharDelimiterSplit") {
    out.push_back(split_step(node["delimiter"].nonempty_string(), SplitBehavior::removed));
  } else {
    node.refuse_type(type);
  }
}

[[gnu::cold]] inline void read_decoder(const JsonNode& node, Decoder& out) {
  using Kind = DecoderStep::Kind;
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["decoders"].elements()) read_decoder(step, out);
  } else if (type == "Replace") {
    const JsonNode pattern = node["pattern"];
    if (!pattern["Regex"].is_null())
      out.push_back({.kind = Kind::replace_regex,
                     .content = node["content"].string(),
                     .regex = Regex(pattern["Regex"].string())});
    else
      out.push_back({.kind = Kind::replace,
                     .pattern = pattern["String"].nonempty_string(),
                     .content = node["content"].string()});
  } else if (type == "ByteFallback") {
    out.push_back({.kind = Kind::byte_fallback});
  } else if (type == "Fuse") {
    out.push_back({.kind = Kind::fuse});
  } else if (type == "ByteLevel") {
    out.push_back({.kind = Kind::byte_level});
    out.push_back({.kind = Kind::fuse});
  } else if (type == "WordPiece") {
    out.push_back({.kind = Kind::word_piece,
                   .pattern = node["prefix"].nonempty_string(),
                   .cleanup = node["cleanup"].flag(true)});
  } else if (type == "Metaspace") {
    const bool prefix = node["prepend_scheme"].is_null() ? node["add_prefix_space"].flag(true)
                                                         : node["prepend_scheme"].string() != "never";
    out.push_back({.kind = Kind::metaspace,
                   .pattern = node["replacement"].nonempty_string(),
                   .content = prefix ? "" : " "});
  } else if (type == "BPEDecoder") {
    out.push_back({.kind = Kind::bpe_suffix, .pattern = node["suffix"].nonempty_string()});
  } else if (type == "Strip") {
    constexpr std::int64_t most = 1 << 20;
    out.push_back({.kind = Kind::strip,
                   .content = node["content"].nonempty_string(),
                   .start = static_cast<Index>(node["start"].integer(most)),
                   .stop = static_cast<Index>(node["stop"].integer(most))});
  } else {
    node.refuse_type(type);
  }
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::text::detail
