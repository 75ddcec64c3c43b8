// Tokenizers of older folders, which have no tokenizer.json: BERT's vocab.txt, and GPT-2's vocab.json with
// merges.txt.
//
// These files do not say how text is cut; it is what the programs did that they were written for.
#pragma once

#include <eigenformer/text/build_tokenizer.hpp>
#include <eigenformer/text/read_model.hpp>
#include <eigenformer/text/read_stages.hpp>
#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

namespace detail {

/// Lines end with "\n" or "\r\n"; an empty one at the end is none.
[[gnu::cold]] inline std::vector<std::string_view> lines_of(std::string_view content) {
  std::vector<std::string_view> out;
  while (!content.empty()) {
    const std::size_t end = (std::min)(content.find('\n'), content.size());
    std::string_view line = content.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    content.remove_prefix((std::min)(end + 1, content.size()));
  }
  return out;
}

[[gnu::cold]] inline AddedTokens special_tokens(const Vocabulary& vocabulary,
                                                std::initializer_list<const char*> names) {
  std::vector<AddedToken> tokens;
  std::vector<std::string> searched;
  for (const char* name : names) {
    const Token id = vocabulary.find(name);
    if (id == Vocabulary::none) continue;
    tokens.push_back(
        {.content = name, .id = id, .lstrip = name == std::string_view("<mask>"), .special = true});
    searched.emplace_back(name);
  }
  return AddedTokens(std::move(tokens), searched);
}

[[gnu::cold]] inline TemplatePart special_part(const Vocabulary& vocabulary, const std::string& token,
                                               const std::string& file) {
  const Token id = vocabulary.find(token);
  if (id == Vocabulary::none) fail(FileError(file, concat('"', token, "\" is not in the vocabulary")));
  return {TemplatePart::Kind::special, 0, {id}, {token}};
}

}  // namespace detail

/// BERT: one token a line, its id the number of the line from 0 on.
///
/// @param lowercase  whether the model knows lower case only
/// @throws FileError  if a token stands twice or one of [UNK], [CLS] and [SEP] is missing
[[gnu::cold]] inline Tokenizer parse_vocab_txt(std::string_view content, bool lowercase,
                                               const std::string& file) {
  Vocabulary vocabulary;
  for (const std::string_view line : detail::lines_of(content))
    if (!vocabulary.insert(line, static_cast<Token>(vocabulary.size())))
      fail(FileError(file,
                     concat("line ", vocabulary.size() + 1, ": \"", printable(line), "\" stands twice")));
  const auto parts = std::make_shared<TokenizerParts>();
  parts->added_tokens = detail::special_tokens(vocabulary, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
  set_bert_templates(parts->post_processor, detail::special_part(vocabulary, "[CLS]", file),
                     detail::special_part(vocabulary, "[SEP]", file));
  detail::add_bert_normalizer(parts->normalizer, true, true, lowercase, lowercase);
  detail::add_bert_splits(parts->pre_tokenizer);
  parts->model = std::make_unique<const WordPiece>(std::move(vocabulary), WordPieceConfig(), file);
  DecoderStep& step = parts->decoder.emplace_back();
  step.kind = DecoderStep::Kind::word_piece;
  step.pattern.string = "##";
  step.cleanup = true;
  return Tokenizer(parts);
}

/// GPT-2, and RoBERTa and BART, which are known by their <s>, </s> and <mask>.
///
/// @param vocab   vocab.json: an object from tokens to ids
/// @param merges  merges.txt: two tokens a line, after a line "#version: …"
/// @throws FileError  if either is not what it should be
[[gnu::cold]] inline Tokenizer parse_vocab_and_merges(const std::string& vocab, std::string_view merges,
                                                      const std::string& file) {
  // As if it were the model of a tokenizer.json: one parser, one set of checks.
  TokenizerJson json = parse_tokenizer_json(concat("{\"model\":{\"vocab\":", vocab, "}}"), file);
  for (const std::string_view line : detail::lines_of(merges)) {
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
      fail(FileError(file, concat("merges.txt: expected two tokens with one space between, found \"",
                                  printable(line), '"')));
    json.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  Vocabulary vocabulary = detail::read_vocabulary(json, file);
  const auto parts = std::make_shared<TokenizerParts>();
  parts->added_tokens =
      detail::special_tokens(vocabulary, {"<|endoftext|>", "<s>", "<pad>", "</s>", "<unk>", "<mask>"});
  if (vocabulary.find("<s>") != Vocabulary::none && vocabulary.find("<mask>") != Vocabulary::none) {
    set_roberta_templates(parts->post_processor, detail::special_part(vocabulary, "<s>", file),
                          detail::special_part(vocabulary, "</s>", file));
    parts->post_processor.trim_offsets = true;
  }
  detail::add_gpt2_split(parts->pre_tokenizer);
  parts->model =
      std::make_unique<const Bpe>(std::move(vocabulary), json.merges, BpeConfig{.byte_level = true}, file);
  parts->decoder.emplace_back().kind = DecoderStep::Kind::byte_level;
  return Tokenizer(parts);
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
