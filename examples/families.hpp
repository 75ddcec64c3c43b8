// The architectures that training from scratch knows: what each can be trained for, and its tokenizer.
#pragma once

#include "corpus.hpp"
#include <eigenformer/model/presets.hpp>
#include <eigenformer/text/byte_tokenizer.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/train_tokenizer.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace example {

/// An architecture, what it can be trained for (the usual first), and the tokenizer that goes with it.
struct Family {
  std::vector<std::string> objectives;
  ef::ModelConfig (*config)(const ef::presets::Sizes&);
  ef::TokenizerModel tokenizer;
  std::vector<std::string> special_tokens;
};

inline const std::map<std::string, Family>& families() {
  using enum ef::TokenizerModel;
  static const std::map<std::string, Family> all{
      {"gpt2", {{"causal"}, ef::presets::gpt2, byte_level_bpe, {"<|endoftext|>"}}},
      {"llama", {{"causal"}, ef::presets::llama, byte_level_bpe, {"<|endoftext|>"}}},
      {"bert",
       {{"masked", "classify"},
        ef::presets::bert,
        word_piece,
        {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}}},
      {"t5", {{"spans", "pairs"}, ef::presets::t5, unigram, {"<pad>", "</s>", "<unk>"}}},
      {"bart",
       {{"denoise", "pairs"},
        ef::presets::bart,
        byte_level_bpe,
        {"<s>", "<pad>", "</s>", "<unk>", "<mask>"}}}};
  return all;
}

/// Fills in what was left open of family and objective, each by the other. For pairs that is BART: its
/// positions let small models copy from the source after a few hundred steps, where T5's need thousands.
/// @throws ConfigError  for two that do not go together
inline const Family& complete(std::string& name, std::string& objective) {
  if (name.empty()) {
    const std::map<std::string, std::string> usual{
        {"masked", "bert"}, {"classify", "bert"}, {"spans", "t5"}, {"pairs", "bart"}, {"denoise", "bart"}};
    const auto at = usual.find(objective);
    name = at == usual.end() ? "llama" : at->second;
  }
  const Family& family = families().at(name);
  const auto& can = family.objectives;
  if (objective.empty()) objective = can.front();
  if (std::find(can.begin(), can.end(), objective) == can.end()) {
    std::string list;
    for (const std::string& each : can) list += (list.empty() ? "" : ", ") + each;
    ef::fail(
        ef::ConfigError("--objective", ef::concat(name, " is trained for ", list, ", not for ", objective)));
  }
  return family;
}

/// A tokenizer of the family's kind, trained on the files of a corpus.
inline ef::Tokenizer trained_tokenizer(const Family& family, ef::Index vocab_size,
                                       const std::vector<std::string>& files) {
  ef::TokenizerTrainer trainer(
      {.model = family.tokenizer, .vocab_size = vocab_size, .special_tokens = family.special_tokens});
  for (const std::string& file : files) {
    if (!is_json_lines(file)) {
      trainer.add_file(file);
      continue;
    }
    for (const ef::TextRecord& record : ef::read_json_lines(file)) {
      trainer.add(record.text);
      if (record.pair) trainer.add(*record.pair);
    }
  }
  return ef::parse_tokenizer(trainer.train(), "the trained tokenizer");
}

}  // namespace example
