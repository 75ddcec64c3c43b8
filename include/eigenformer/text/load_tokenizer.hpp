// Builds a tokenizer from the tokenizer.json of a model's folder.
//
// A component or setting that is not supported is refused by name: a tokenizer that loads does what its file
// says.
#pragma once

#include <eigenformer/text/tokenizer.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Reads the content of a tokenizer.json.
///
/// @param file  its name, for messages
/// @throws FileError, ConfigError  if it is not one, or names something that is not supported
Tokenizer parse_tokenizer(std::string content, const std::string& file);

/// The tokenizer of a folder with a tokenizer.json, or of such a file. Folders that have vocab.txt, or
/// vocab.json and merges.txt, instead: load_older_tokenizer (text/load_older_tokenizer.hpp). GGUF files:
/// load_tokenizer (hub/load_tokenizer.hpp).
/// @throws FileError, ConfigError  for a file that is absent, malformed, or names what is not supported
Tokenizer load_tokenizer_json(const std::string& path);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/load_tokenizer.inl.hpp>
#endif
