// The definitions of load_tokenizer.hpp.
#pragma once

#include <eigenformer/text/build_tokenizer.hpp>
#include <eigenformer/text/load_tokenizer.hpp>

#include <filesystem>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM Tokenizer parse_tokenizer(std::string content, const std::string& file) {
  const auto parts = text::build_tokenizer(text::parse_tokenizer_json(content, file), file);
  parts->json = std::move(content);
  return Tokenizer(parts);
}

EIGENFORMER_ROOM Tokenizer load_tokenizer_json(const std::string& path) {
  const std::string file = std::filesystem::is_directory(path) ? path + "/tokenizer.json" : path;
  return parse_tokenizer(text::read_file(file), file);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
