// Builds a tokenizer from the tokenizer.json of a model's folder.
//
// A component or setting that is not supported is refused by name: a tokenizer that loads does what its file
// says.
#pragma once

#include <eigenformer/text/read_model.hpp>
#include <eigenformer/text/read_post_processor.hpp>
#include <eigenformer/text/read_stages.hpp>
#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace text {

/// The parts of the tokenizer that a tokenizer.json describes.
/// @throws FileError, ConfigError  if it names something that is not supported
[[gnu::cold]] inline std::shared_ptr<TokenizerParts> build_tokenizer(const TokenizerJson& json,
                                                                     const std::string& file) {
  const JsonNode root(json.root, file);
  const JsonNode model = root["model"];
  const auto parts = std::make_shared<TokenizerParts>();
  if (const auto node = root["normalizer"]; !node.is_null()) detail::read_normalizer(node, parts->normalizer);
  PreTokenizer& pre_tokenizer = parts->pre_tokenizer;
  if (const auto node = root["pre_tokenizer"]; !node.is_null())
    detail::read_pre_tokenizer(node, pre_tokenizer);
  // Byte-pair encoding takes the bytes themselves, which spares writing them in the byte alphabet.
  const bool bytes = !pre_tokenizer.empty() &&
                     pre_tokenizer.back().kind == PreTokenizerStep::Kind::byte_level &&
                     detail::model_type(json, model) == "BPE" && !model["byte_fallback"].flag(false);
  if (bytes) pre_tokenizer.pop_back();
  if (const auto node = root["decoder"]; !node.is_null())
    detail::read_decoder(node, parts->decoder);
  else
    parts->decoder.emplace_back().kind = DecoderStep::Kind::spaces;
  parts->model = detail::read_model(json, model, bytes, file);
  parts->added_tokens =
      detail::read_added_tokens(root["added_tokens"], parts->model->vocabulary(), parts->normalizer, file);
  detail::read_post_processor(root["post_processor"], parts->post_processor);
  if (const auto node = root["truncation"]; !node.is_null())
    parts->truncation = detail::read_truncation(node);
  if (const auto node = root["padding"]; !node.is_null()) parts->padding = detail::read_padding(node);
  return parts;
}

}  // namespace text

/// Reads the content of a tokenizer.json.
///
/// @param file  its name, for messages
/// @throws FileError, ConfigError  if it is not one, or names something that is not supported
[[gnu::cold]] inline Tokenizer parse_tokenizer(std::string content, const std::string& file) {
  const auto parts = text::build_tokenizer(text::parse_tokenizer_json(content, file), file);
  parts->json = std::move(content);
  return Tokenizer(parts);
}

/// The tokenizer of a folder with a tokenizer.json, or of such a file. Folders that have vocab.txt, or
/// vocab.json and merges.txt, instead: load_older_tokenizer (text/load_older_tokenizer.hpp). GGUF files:
/// load_tokenizer (hub/load_tokenizer.hpp).
/// @throws FileError, ConfigError  for a file that is absent, malformed, or names what is not supported
[[gnu::cold]] inline Tokenizer load_tokenizer_json(const std::filesystem::path& path) {
  const std::filesystem::path file = std::filesystem::is_directory(path) ? path / "tokenizer.json" : path;
  return parse_tokenizer(text::read_file(file), file.string());
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
