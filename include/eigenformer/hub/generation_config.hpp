// What a model folder says about generation: its end tokens, and how its makers sample from it.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/generate/config.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// From generation_config.json, or where there is none from config.json: eos_token_id (a number or a list),
/// forced tokens, n-grams that may not repeat, beams, and the sampling settings where do_sample is true. All
/// else has its default. A GGUF file tells its end tokens alone.
/// @throws FileError, ConfigError  with the file and the field
GenerationConfig load_generation_config(const std::string& folder);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/generation_config.inl.hpp>
#endif
