// Where a model's adapters stand in a file of Hugging Face's peft: each of its modules with those matrices of
// ours that are parts of it (queries, keys and values may be one module there).
//
// peft calls the tensors of module M "base_model.model.M.lora_A.weight" [rank, in] and ".lora_B.weight"
// [out, rank], and those of a module that is trained in full "base_model.model.M.weight" and ".bias".
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/model/lora.hpp>

#include <map>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

inline constexpr std::string_view adapter_prefix = "base_model.model.";
/// In the metadata of a file: which of our matrices the ranks of a module belong to, "path:rank,path:rank".
inline constexpr std::string_view adapter_parts = "eigenformer.parts.";

/// One of our matrices as a part of a module.
template <class L> struct AdapterPart {
  std::string path;  ///< ours, without ".weight"
  L* linear = nullptr;
  RowSlice slice;

  /// The row of the module's matrix that holds row r of ours.
  Index row(Index r) const { return slice.row(r); }
};

/// A module: its parts in the order of our parameters, and how many rows they take together.
template <class L> struct AdapterModule {
  std::vector<AdapterPart<L>> parts;
  Index rows = 0;
  bool transposed = false;
};

/// The modules that stand for linear layers, by peft's names; of the blocks, or of the head.
/// @param prefix  what "~" stands for in the table
template <class P> auto adapter_modules(P& parameters, const HubConfig& config, std::string_view prefix) {
  using L = std::remove_reference_t<decltype((parameters.head.output))>;
  std::map<std::string, AdapterModule<L>> modules;
  for_each_linear(parameters, [&](const std::string& path, L& linear) {
    if (linear.weight.empty()) return;
    const auto place = names::find_place(*config.names, prefix, path + ".weight", config.model,
                                         [](const std::string&) { return false; });
    if (!place || !place->name.ends_with(".weight")) return;
    auto& module = modules[place->name.substr(0, place->name.size() - 7)];
    module.parts.push_back({path, &linear, place->slice});
    module.rows = place->slice.rows ? place->slice.rows : linear.weight.rows();
    module.transposed = place->transposed;
  });
  return modules;
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
