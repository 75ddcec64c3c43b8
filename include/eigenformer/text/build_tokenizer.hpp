// The parts of a tokenizer from the content of a tokenizer.json.
#pragma once

#include <eigenformer/text/read_model.hpp>
#include <eigenformer/text/read_post_processor.hpp>
#include <eigenformer/text/read_stages.hpp>
#include <eigenformer/text/tokenizer_json.hpp>
#include <eigenformer/text/tokenizer_parts.hpp>

#include <memory>
#include <string>

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

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
