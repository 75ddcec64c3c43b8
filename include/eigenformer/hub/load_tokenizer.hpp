// The tokenizer of a model as downloaded: a folder's tokenizer.json, or what a GGUF file says of it.
#pragma once

#include <eigenformer/text/load_tokenizer.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The tokenizer of a folder with a tokenizer.json, of such a file, or of a GGUF file.
/// @throws FileError, ConfigError  for a file that is absent, malformed, or names what is not supported
Tokenizer load_tokenizer(const std::string& path);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/load_tokenizer.inl.hpp>
#endif
