// The definition of load_tokenizer.hpp.
#pragma once

#include <eigenformer/hub/gguf_tokenizer.hpp>
#include <eigenformer/hub/load_tokenizer.hpp>
#include <eigenformer/text/build_tokenizer.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM Tokenizer load_tokenizer(const std::string& path) {
  if (!is_gguf(path)) return load_tokenizer_json(path);
  return Tokenizer(text::build_tokenizer(hub::gguf_tokenizer(Gguf(path).metadata()), path));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
