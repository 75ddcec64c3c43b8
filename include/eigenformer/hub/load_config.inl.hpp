// The definition of load_config.hpp.
#pragma once

#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/load_config_text.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM HubConfig load_config(const std::string& path) {
  const hub::ConfigText text = hub::load_config_text(path);
  return read_config(JsonFields(text.json, text.file));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
