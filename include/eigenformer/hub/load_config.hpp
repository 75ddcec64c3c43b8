// What a model says about itself: the config.json of a folder, or the metadata of a GGUF file.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/hub/hub_config.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Reads a folder's config.json, or the like of it in a GGUF file.
/// @throws FileError    if there is none, or it is not JSON
/// @throws ConfigError  as read_config
HubConfig load_config(const std::string& path);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/load_config.inl.hpp>
#endif
