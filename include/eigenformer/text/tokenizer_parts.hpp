// What a tokenizer consists of: the stages that its file describes.
#pragma once

#include <eigenformer/text/added_tokens.hpp>
#include <eigenformer/text/decoder.hpp>
#include <eigenformer/text/encoding.hpp>
#include <eigenformer/text/model.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/post_processor.hpp>
#include <eigenformer/text/pre_tokenizer.hpp>

#include <memory>
#include <optional>
#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// Everything a tokenizer consists of, as its file describes it.
struct TokenizerParts {
  AddedTokens added_tokens = {};
  Normalizer normalizer = {};
  PreTokenizer pre_tokenizer = {};
  std::unique_ptr<const TokenModel> model = {};  // not null
  PostProcessor post_processor = {};
  Decoder decoder = {};
  std::optional<Truncation> truncation = {};  // what the file would have done to texts: see EncodeOptions
  std::optional<Padding> padding = {};
  std::string json = {};  // the file itself, to be saved beside a model
};

}  // namespace text

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
