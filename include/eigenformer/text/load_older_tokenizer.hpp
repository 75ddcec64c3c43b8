// Tokenizers of older folders, which have vocab.txt (BERT), or vocab.json and merges.txt (GPT-2), and no
// tokenizer.json. Apart from load_tokenizer.hpp, as few programs need them and they take time to compile.
#pragma once

#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/older_files.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

/// The tokenizer of a folder in whichever form it has: tokenizer.json where there is one.
/// @throws as load_tokenizer()
[[gnu::cold]] inline Tokenizer load_older_tokenizer(const std::filesystem::path& path) {
  const bool folder = std::filesystem::is_directory(path);
  const auto has = [&](const char* name) { return folder && std::filesystem::exists(path / name); };
  if (!has("tokenizer.json") && has("vocab.json") && has("merges.txt"))
    return text::parse_vocab_and_merges(text::read_file(path / "vocab.json"),
                                        text::read_file(path / "merges.txt"), path.string());
  if (!has("tokenizer.json") && has("vocab.txt")) {
    bool lowercase = true;
    if (has("tokenizer_config.json")) {
      const std::string file = (path / "tokenizer_config.json").string();
      const text::TokenizerJson config = text::parse_tokenizer_json(text::read_file(file), file);
      lowercase = text::JsonNode(config.root, file)["do_lower_case"].flag(true);
    }
    return text::parse_vocab_txt(text::read_file(path / "vocab.txt"), lowercase,
                                 (path / "vocab.txt").string());
  }
  return load_tokenizer(path);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
