// Tokenizers of older folders, which have SentencePiece's tokenizer.model (LLaMA) or spiece.model (T5),
// vocab.json and merges.txt (GPT-2), or vocab.txt (BERT), and no tokenizer.json. Apart from
// load_tokenizer.hpp, as few programs need them and they take time to compile.
#pragma once

#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/older_files.hpp>
#include <eigenformer/text/sentencepiece_model.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The tokenizer of a folder in whichever form it has: tokenizer.json where there is one.
///
/// What older files do not say is read from tokenizer_config.json: do_lower_case (for vocab.txt; true where
/// it is absent), add_bos_token and add_eos_token (for SentencePiece; where they are absent, <s> goes before
/// a text for a tokenizer.model, as with LLaMA, and </s> after it for a spiece.model, as with T5).
/// @throws as load_tokenizer_json()
[[gnu::cold]] inline Tokenizer load_older_tokenizer(const std::filesystem::path& path) {
  const bool folder = std::filesystem::is_directory(path);
  const auto has = [&](const char* name) { return folder && std::filesystem::exists(path / name); };
  if (!folder || has("tokenizer.json")) return load_tokenizer_json(path);
  const std::string config_file = (path / "tokenizer_config.json").string();
  text::TokenizerJson config;
  config.root = nlohmann::json::object();
  if (has("tokenizer_config.json"))
    config = text::parse_tokenizer_json(text::read_file(config_file), config_file);
  const text::JsonNode root(config.root, config_file);
  for (const char* name : {"tokenizer.model", "spiece.model"}) {
    if (!has(name)) continue;
    const bool llama = name == std::string_view("tokenizer.model");
    const text::SentencePieceEnds ends{.bos = root["add_bos_token"].flag(llama),
                                       .eos = root["add_eos_token"].flag(!llama)};
    return text::parse_sentencepiece_model(text::read_file(path / name), ends, (path / name).string());
  }
  if (has("vocab.json") && has("merges.txt"))
    return text::parse_vocab_and_merges(text::read_file(path / "vocab.json"),
                                        text::read_file(path / "merges.txt"), path.string());
  if (has("vocab.txt"))
    return text::parse_vocab_txt(text::read_file(path / "vocab.txt"), root["do_lower_case"].flag(true),
                                 (path / "vocab.txt").string());
  return load_tokenizer_json(path);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
