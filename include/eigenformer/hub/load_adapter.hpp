// Adapters from a folder as peft writes them: adapter_config.json and adapter_model.safetensors.
#pragma once

#include <eigenformer/model/each_model.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Loads adapters onto a model, in place of any that it has. A matrix that peft sees as one, and that is
/// several here (fused queries, keys and values), gets one adapter a part; those that save_adapter wrote come
/// back to the bit.
/// @param model_folder  where the model itself comes from: its config.json names its family
/// @throws FileError, ConfigError, ShapeError  with the file and the tensor or field, also for an adapter of
///         another model; the model is then as it was
template <class Model>
void load_adapter(Model& model, const std::string& folder, const std::string& model_folder);

#define EIGENFORMER_LOAD_ADAPTER(Model, S) \
  void load_adapter<Model>(Model&, const std::string&, const std::string&)
EIGENFORMER_ONCE_EACH_MODEL(load, EIGENFORMER_LOAD_ADAPTER);
#undef EIGENFORMER_LOAD_ADAPTER

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/load_adapter.inl.hpp>
#endif
