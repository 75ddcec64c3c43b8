// SentencePiece's tokenizer.model, which older folders of LLaMA, T5 and others have: BPE and Unigram.
//
// What it says is put together as Hugging Face does when it converts
// such a file, so that special tokens are found in the text, which SentencePiece itself does not do.
#pragma once

#include <eigenformer/text/bpe.hpp>
#include <eigenformer/text/build_tokenizer.hpp>
#include <eigenformer/text/sentencepiece_file.hpp>
#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/unigram.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// What a file does not say: which special tokens go around a text.
struct SentencePieceEnds {
  bool bos = false, eos = false;
};

namespace detail {

/// Spaces at the ends go and runs become one (if asked for), one goes in front, and all become U+2581.
[[gnu::cold]] inline void add_sentencepiece_normalizer(const SentencePieceFile& model,
                                                       const std::string& file, Normalizer& out) {
  using Kind = NormalizerStep::Kind;
  constexpr const char* space = "\xE2\x96\x81";
  if (!model.charsmap.empty()) {
    NormalizerStep& step = out.emplace_back();
    step.kind = Kind::charsmap;
    step.map = Charsmap(model.charsmap, file + ": precompiled_charsmap");
  }
  const auto replace = [&](const char* regex, const char* content) {
    NormalizerStep& step = out.emplace_back();
    step.kind = Kind::replace;
    step.pattern.kind = Pattern::Kind::regex;
    step.pattern.regex = Regex(regex, file);
    step.content = content;
  };
  if (model.remove_extra_spaces) {
    replace(" {2,}", " ");
    replace("\\A | \\z", "");
  }
  if (model.dummy_prefix) out.emplace_back().content = space;  // a step is Kind::prepend
  if (model.escape_spaces) replace(" ", space);
}

[[gnu::cold]] inline void add_sentencepiece_decoder(bool dummy_prefix, Decoder& out) {
  using Kind = DecoderStep::Kind;
  DecoderStep& spaces = out.emplace_back();
  spaces.pattern.string = "\xE2\x96\x81";  // a step is Kind::replace
  spaces.content = " ";
  out.emplace_back().kind = Kind::byte_fallback;
  out.emplace_back().kind = Kind::fuse;
  if (!dummy_prefix) return;
  DecoderStep& strip = out.emplace_back();
  strip.kind = Kind::strip;
  strip.content = " ";
  strip.start = 1;
}

}  // namespace detail

/// The tokenizer in a tokenizer.model.
///
/// @param ends  special tokens around a text, which the file does not tell: LLaMA has <s> before it, T5 </s>
///              after it
/// @throws FileError, ConfigError  if it is no such file, or of a kind that is not supported
[[gnu::cold]] inline Tokenizer parse_sentencepiece_model(std::string_view content,
                                                         const SentencePieceEnds& ends,
                                                         const std::string& file) {
  using Type = detail::SentencePieceFile::Type;
  const detail::SentencePieceFile model = detail::read_sentencepiece_file(content, file);
  if (model.model_type != 1 && model.model_type != 2)
    fail(FileError(file, concat("models of type ", model.model_type,
                                " are not supported, only Unigram (1) and BPE (2)")));
  if (model.suffix) fail(FileError(file, "treat_whitespace_as_suffix is not supported"));
  Vocabulary vocabulary;
  std::vector<double> scores;
  std::vector<AddedToken> added;
  std::vector<std::string> searched;
  Token unk = Vocabulary::none;
  for (const auto& [piece, score, type] : model.entries) {
    const auto id = static_cast<Token>(scores.size());
    if (!vocabulary.insert(piece, id))
      fail(FileError(file, concat('"', printable(piece), "\" stands twice")));
    scores.push_back(score);
    if (type == Type::unknown) unk = id;
    if (type == Type::unknown || type == Type::control || type == Type::user_defined) {
      added.push_back({.content = piece, .id = id, .special = type != Type::user_defined});
      searched.push_back(piece);
    } else if (type != Type::normal && type != Type::byte) {
      fail(FileError(
          file, concat("piece ", id, " is of type ", static_cast<int>(type), ", which is not supported")));
    }
  }
  if (unk == Vocabulary::none) fail(FileError(file, "no piece is for what is unknown"));

  const auto parts = std::make_shared<TokenizerParts>();
  detail::add_sentencepiece_normalizer(model, file, parts->normalizer);
  detail::add_sentencepiece_decoder(model.dummy_prefix, parts->decoder);
  PostProcessor& processor = parts->post_processor;
  const auto special = [&](const std::string& token, int type_id) {
    const Token id = vocabulary.find(token);
    if (id == Vocabulary::none) fail(FileError(file, concat('"', token, "\" is not in the vocabulary")));
    return TemplatePart{TemplatePart::Kind::special, type_id, {id}, {token}};
  };
  processor.single.clear();
  processor.pair.clear();
  for (const auto kind : {TemplatePart::Kind::first, TemplatePart::Kind::second}) {
    // The second text is a segment of its own in LLaMA's template, but not in T5's.
    const int type_id = ends.bos && kind == TemplatePart::Kind::second ? 1 : 0;
    if (ends.bos) processor.pair.push_back(special("<s>", type_id));
    add_sequence(processor.pair, kind, type_id);
    if (ends.eos) processor.pair.push_back(special("</s>", type_id));
    if (kind == TemplatePart::Kind::first) processor.single = processor.pair;
  }
  parts->added_tokens = AddedTokens(std::move(added), searched);
  if (model.model_type == 2) {
    const auto merges = detail::sentencepiece_merges(model, vocabulary, file);
    BpeConfig config{.unk_token = std::string(*vocabulary.token(unk)),
                     .fuse_unk = true,
                     .byte_fallback = model.byte_fallback};
    parts->model = std::make_unique<const Bpe>(std::move(vocabulary), merges, std::move(config), file);
  } else {
    parts->model =
        std::make_unique<const Unigram>(std::move(vocabulary), std::move(scores), unk, model.byte_fallback);
  }
  return Tokenizer(parts);
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
