// The tokenizer of a model as downloaded: a folder's tokenizer.json, or what a GGUF file says of it.
#pragma once

#include <eigenformer/hub/gguf_tokenizer.hpp>
#include <eigenformer/text/load_tokenizer.hpp>

#include <filesystem>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The tokenizer of a folder with a tokenizer.json, of such a file, or of a GGUF file.
/// @throws FileError, ConfigError  for a file that is absent, malformed, or names what is not supported
[[gnu::cold]] inline Tokenizer load_tokenizer(const std::filesystem::path& path) {
  const std::string file = path.string();
  if (!is_gguf(file)) return load_tokenizer_json(path);
  return Tokenizer(text::build_tokenizer(hub::gguf_tokenizer(Gguf(file).metadata()), file));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
