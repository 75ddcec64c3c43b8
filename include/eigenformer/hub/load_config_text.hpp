// The text of a model's config.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/gguf_config.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// The text of a model's config.json, or what stands for it in a GGUF file.
[[gnu::cold]] inline ConfigText load_config_text(const std::string& path) {
  if (is_gguf(path)) return {gguf_config(Gguf(path)), path};
  const std::string file = path + "/config.json";
  return {read_json(file), file};
}

}  // namespace hub

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
