// What a model says about itself: the config.json of a folder, or the metadata of a GGUF file.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/gguf_config.hpp>

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

/// Reads a folder's config.json, or the like of it in a GGUF file.
/// @throws FileError    if there is none, or it is not JSON
/// @throws ConfigError  as read_config
[[gnu::cold]] inline HubConfig load_config(const std::string& path) {
  const hub::ConfigText text = hub::load_config_text(path);
  return read_config(JsonFields(text.json, text.file));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
