// The definition of load_older_tokenizer.hpp.
#pragma once

#include <eigenformer/text/load_older_tokenizer.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/older_files.hpp>
#include <eigenformer/text/sentencepiece_model.hpp>

#include <filesystem>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM Tokenizer load_older_tokenizer(const std::string& folder_or_file) {
  const std::filesystem::path path = folder_or_file;
  const bool folder = std::filesystem::is_directory(path);
  const auto has = [&](const char* name) { return folder && std::filesystem::exists(path / name); };
  if (!folder || has("tokenizer.json")) return load_tokenizer_json(folder_or_file);
  const std::string config_file = (path / "tokenizer_config.json").string();
  text::TokenizerJson config;
  config.root = nlohmann::json::object();
  if (has("tokenizer_config.json"))
    config = text::parse_tokenizer_json(text::read_file(config_file), config_file);
  const text::JsonNode root(config.root, config_file);
  for (const char* model : {"tokenizer.model", "spiece.model"}) {
    if (!has(model)) continue;
    const bool llama = model == std::string_view("tokenizer.model");
    const text::SentencePieceEnds ends{.bos = root["add_bos_token"].flag(llama),
                                       .eos = root["add_eos_token"].flag(!llama)};
    return text::parse_sentencepiece_model(text::read_file(path / model), ends, (path / model).string());
  }
  if (has("vocab.json") && has("merges.txt"))
    return text::parse_vocab_and_merges(text::read_file(path / "vocab.json"),
                                        text::read_file(path / "merges.txt"), path.string());
  if (has("vocab.txt"))
    return text::parse_vocab_txt(text::read_file(path / "vocab.txt"), root["do_lower_case"].flag(true),
                                 (path / "vocab.txt").string());
  return load_tokenizer_json(folder_or_file);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
