// Normalizers, pre-tokenizers and decoders, from their description in a tokenizer.json.
//
// A component or setting that is not supported is refused by name.
#pragma once

#include <eigenformer/text/decoder.hpp>
#include <eigenformer/text/json_node.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/pre_tokenizer.hpp>
#include <eigenformer/text/unicode_scripts.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace detail {

/// The value that a name in the file stands for; names without one are refused.
template <class T, std::size_t n>
[[gnu::cold]] T find_name(const std::pair<std::string_view, T> (&names)[n], const std::string& name,
                          const JsonNode& node) {
  for (const auto& [known, value] : names)
    if (name == known) return value;
  node.refuse_value(name);
}

/// What a pattern takes to compile may grow faster than its length. Those of published tokenizers have a few
/// hundred bytes.
inline constexpr std::size_t longest_pattern = 16 * 1024;

[[gnu::cold]] inline Pattern read_pattern(const JsonNode& node) {
  Pattern out;
  if (node["Regex"].is_null()) {
    out.string = node["String"].nonempty_string();
    return out;
  }
  const std::string& pattern = node["Regex"].string();
  if (pattern.size() > longest_pattern)
    node["Regex"].refuse(
        concat("has ", pattern.size(), " bytes, more than the ", longest_pattern, " of a pattern"));
  if (const auto scanner = scanner_for(pattern)) {
    out.kind = Pattern::Kind::scanner;
    out.scanner = *scanner;
  } else {
    out.kind = Pattern::Kind::regex;
    out.regex = Regex(pattern, node["Regex"].name());
  }
  return out;
}

[[gnu::cold]] inline void add_bert_normalizer(Normalizer& out, bool clean, bool chinese, bool strip_accents,
                                              bool lowercase) {
  using Kind = NormalizerStep::Kind;
  const auto add = [&](Kind kind) { out.emplace_back().kind = kind; };
  if (clean) add(Kind::clean);
  if (chinese) add(Kind::pad_chinese);
  if (strip_accents) {
    add(Kind::nfd);
    add(Kind::strip_bert_marks);
  }
  if (lowercase) add(Kind::lowercase);
}

[[gnu::cold]] inline void read_normalizer(const JsonNode& node, Normalizer& out) {
  using Kind = NormalizerStep::Kind;
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["normalizers"].elements()) read_normalizer(step, out);
    return;
  }
  if (type == "BertNormalizer") {
    const bool lowercase = node["lowercase"].flag(true);
    return add_bert_normalizer(out, node["clean_text"].flag(true), node["handle_chinese_chars"].flag(true),
                               node["strip_accents"].flag(lowercase), lowercase);
  }
  constexpr std::pair<std::string_view, Kind> kinds[] = {{"NFC", Kind::nfc},
                                                         {"NFD", Kind::nfd},
                                                         {"NFKC", Kind::nfkc},
                                                         {"NFKD", Kind::nfkd},
                                                         {"Lowercase", Kind::lowercase},
                                                         {"StripAccents", Kind::strip_accents},
                                                         {"ByteLevel", Kind::byte_level},
                                                         {"Nmt", Kind::nmt},
                                                         {"Prepend", Kind::prepend},
                                                         {"Strip", Kind::strip},
                                                         {"Precompiled", Kind::charsmap},
                                                         {"Replace", Kind::replace}};
  NormalizerStep& step = out.emplace_back();
  step.kind = find_name(kinds, type, node["type"]);
  if (step.kind == Kind::prepend) {
    step.content = node["prepend"].string();
  } else if (step.kind == Kind::strip) {
    step.left = node["strip_left"].flag(true);
    step.right = node["strip_right"].flag(true);
  } else if (step.kind == Kind::charsmap) {
    const std::string map = node["precompiled_charsmap"].string(), name = node["precompiled_charsmap"].name();
    if (!map.empty()) step.map = Charsmap(decode_base64(map, name), name);
  } else if (step.kind == Kind::replace) {
    step.pattern = read_pattern(node["pattern"]);
    step.content = node["content"].string();
  }
}

[[gnu::cold]] inline PreTokenizerStep& add_split(PreTokenizer& out, Pattern::Kind kind,
                                                 SplitBehavior behavior) {
  PreTokenizerStep& step = out.emplace_back();
  step.pattern.kind = kind;
  step.behavior = behavior;
  return step;
}

[[gnu::cold]] inline void add_gpt2_split(PreTokenizer& out) {
  add_split(out, Pattern::Kind::scanner, SplitBehavior::isolated).pattern.scanner = Scanner::gpt2;
}

[[gnu::cold]] inline void add_bert_splits(PreTokenizer& out) {
  add_split(out, Pattern::Kind::white_space, SplitBehavior::removed);
  add_split(out, Pattern::Kind::punctuation, SplitBehavior::isolated);
}

[[gnu::cold]] inline SplitBehavior read_behavior(const JsonNode& node) {
  constexpr std::pair<std::string_view, SplitBehavior> names[] = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  return find_name(names, node.string(), node);
}

[[gnu::cold]] inline void read_metaspace(const JsonNode& node, PreTokenizer& out) {
  using Prepend = PreTokenizerStep::Prepend;
  constexpr std::pair<std::string_view, Prepend> names[] = {
      {"always", Prepend::always}, {"first", Prepend::first}, {"never", Prepend::never}};
  const JsonNode scheme = node["prepend_scheme"];
  PreTokenizerStep& step = out.emplace_back();
  step.kind = PreTokenizerStep::Kind::metaspace;
  step.replacement = node["replacement"].nonempty_string();
  step.prepend = node["add_prefix_space"].flag(true) ? Prepend::always : Prepend::never;
  if (!scheme.is_null()) step.prepend = find_name(names, scheme.string(), scheme);
  if (node["split"].flag(true))
    add_split(out, Pattern::Kind::string, SplitBehavior::merged_with_next).pattern.string =
        node["replacement"].string();
}

[[gnu::cold]] inline void read_pre_tokenizer(const JsonNode& node, PreTokenizer& out) {
  using Kind = PreTokenizerStep::Kind;
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["pretokenizers"].elements()) read_pre_tokenizer(step, out);
  } else if (type == "ByteLevel") {
    if (node["add_prefix_space"].flag(true)) out.emplace_back().kind = Kind::space;
    if (node["use_regex"].flag(true)) add_gpt2_split(out);
    out.emplace_back().kind = Kind::byte_level;
  } else if (type == "BertPreTokenizer") {
    add_bert_splits(out);
  } else if (type == "Metaspace") {
    read_metaspace(node, out);
  } else if (type == "Split") {
    PreTokenizerStep& step = out.emplace_back();
    step.pattern = read_pattern(node["pattern"]);
    step.behavior = read_behavior(node["behavior"]);
    step.invert = node["invert"].flag(false);
  } else if (type == "Whitespace") {
    add_split(out, Pattern::Kind::words, SplitBehavior::removed).invert = true;
  } else if (type == "WhitespaceSplit") {
    add_split(out, Pattern::Kind::white_space, SplitBehavior::removed);
  } else if (type == "Digits") {
    const bool one = node["individual_digits"].flag(false);
    add_split(out, one ? Pattern::Kind::digit : Pattern::Kind::digits, SplitBehavior::isolated);
  } else if (type == "Punctuation") {
    const JsonNode behavior = node["behavior"];
    add_split(out, Pattern::Kind::punctuation,
              behavior.is_null() ? SplitBehavior::isolated : read_behavior(behavior));
  } else if (type == "CharDelimiterSplit") {
    add_split(out, Pattern::Kind::string, SplitBehavior::removed).pattern.string =
        node["delimiter"].nonempty_string();
  } else if (type == "UnicodeScripts") {
    PreTokenizerStep& step = add_split(out, Pattern::Kind::regex, SplitBehavior::removed);
    step.pattern.regex = Regex(script_runs(), node.name());
    step.invert = true;
  } else {
    node["type"].refuse_value(type);
  }
}

[[gnu::cold]] inline void read_decoder(const JsonNode& node, Decoder& out) {
  using Kind = DecoderStep::Kind;
  const std::string type = node["type"].string();
  if (type == "Sequence") {
    for (const JsonNode& step : node["decoders"].elements()) read_decoder(step, out);
    return;
  }
  constexpr std::pair<std::string_view, Kind> kinds[] = {{"Replace", Kind::replace},
                                                         {"ByteFallback", Kind::byte_fallback},
                                                         {"Fuse", Kind::fuse},
                                                         {"ByteLevel", Kind::byte_level},
                                                         {"WordPiece", Kind::word_piece},
                                                         {"Metaspace", Kind::metaspace},
                                                         {"BPEDecoder", Kind::bpe_suffix},
                                                         {"CTC", Kind::ctc},
                                                         {"Strip", Kind::strip}};
  DecoderStep& step = out.emplace_back();
  step.kind = find_name(kinds, type, node["type"]);
  if (step.kind == Kind::replace) {
    step.pattern = read_pattern(node["pattern"]);
    step.content = node["content"].string();
  } else if (step.kind == Kind::byte_level) {
    out.emplace_back().kind = Kind::fuse;
  } else if (step.kind == Kind::word_piece) {
    step.pattern.string = node["prefix"].nonempty_string();
    step.cleanup = node["cleanup"].flag(true);
  } else if (step.kind == Kind::metaspace) {
    const JsonNode scheme = node["prepend_scheme"];
    const bool prefix = scheme.is_null() ? node["add_prefix_space"].flag(true) : scheme.string() != "never";
    step.pattern.string = node["replacement"].nonempty_string();
    step.content = prefix ? "" : " ";
  } else if (step.kind == Kind::bpe_suffix) {
    step.pattern.string = node["suffix"].nonempty_string();
  } else if (step.kind == Kind::ctc) {
    step.pattern.string = node["pad_token"].nonempty_string();
    step.content = node["word_delimiter_token"].nonempty_string();
    step.cleanup = node["cleanup"].flag(true);
  } else if (step.kind == Kind::strip) {
    constexpr std::int64_t most = 1 << 20;
    step.content = node["content"].nonempty_string();
    step.start = static_cast<Index>(node["start"].integer(most));
    step.stop = static_cast<Index>(node["stop"].integer(most));
  }
}

}  // namespace detail
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
