// A model's adapters as a folder that peft opens: adapter_config.json and adapter_model.safetensors.
#pragma once

#include <eigenformer/model/each_model.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct AdapterSaveOptions {
  /// The folder that the base comes from, whose config.json names its family. Empty: the first family that
  /// fits.
  std::string source = {};
  /// What adapter_config.json calls the base; empty: the source.
  std::string base_model = {};
};

/// Writes a model's adapters, and its head of classes with them, to a folder, which is made where it is not
/// there; the base is not written. They load again to the bit with load_adapter, and open in peft.
/// @throws ConfigError  for a model without adapters or of no family, an adapter of a matrix that the family
///                      lacks, or adapters of different scales on parts of what is one matrix there
/// @throws FileError    for what cannot be written
template <class Model>
void save_adapter(const Model& model, const std::string& folder, const AdapterSaveOptions& options = {});

#define EIGENFORMER_SAVE_ADAPTER(Model, S) \
  void save_adapter<Model>(const Model&, const std::string&, const AdapterSaveOptions&)
EIGENFORMER_ONCE_EACH_MODEL(save, EIGENFORMER_SAVE_ADAPTER);
#undef EIGENFORMER_SAVE_ADAPTER

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/save_adapter.inl.hpp>
#endif
