// The chat template of a model as downloaded: a folder's, or the one inside a GGUF file.
#pragma once

#include <eigenformer/text/chat_template.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// The chat template of a folder (see load_chat_template) or of a GGUF file.
/// @throws FileError, ConfigError  if there is none, or it needs what is not supported
ChatTemplate chat_template_of(const std::string& path);

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/load_chat_template.inl.hpp>
#endif
