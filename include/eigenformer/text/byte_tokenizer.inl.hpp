// The definition of byte_tokenizer.hpp.
#pragma once

#include <eigenformer/text/byte_alphabet.hpp>
#include <eigenformer/text/byte_tokenizer.hpp>
#include <eigenformer/text/load_tokenizer.hpp>

#include <utility>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM Tokenizer byte_tokenizer(const std::vector<std::string>& special_tokens) {
  using OrderedJson = nlohmann::ordered_json;
  OrderedJson vocabulary = OrderedJson::object(), added = OrderedJson::array();
  for (int byte = 0; byte < 256; ++byte)
    vocabulary[text::byte_character(static_cast<unsigned char>(byte))] = byte;
  for (std::size_t i = 0; i < special_tokens.size(); ++i)
    added.push_back({{"id", 256 + i},
                     {"content", special_tokens[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  const OrderedJson bytes{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  const OrderedJson file{{"version", "1.0"},
                         {"truncation", nullptr},
                         {"padding", nullptr},
                         {"added_tokens", std::move(added)},
                         {"normalizer", nullptr},
                         {"pre_tokenizer", bytes},
                         {"post_processor", nullptr},
                         {"decoder", bytes},
                         {"model",
                          {{"type", "BPE"},
                           {"dropout", nullptr},
                           {"unk_token", nullptr},
                           {"continuing_subword_prefix", nullptr},
                           {"end_of_word_suffix", nullptr},
                           {"fuse_unk", false},
                           {"byte_fallback", false},
                           {"vocab", std::move(vocabulary)},
                           {"merges", OrderedJson::array()}}}};
  return parse_tokenizer(file.dump(), "the byte tokenizer");
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
