// One published model as the catalog states it.
#pragma once

#include <eigenformer/plan/parameters.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// A published model: its architecture and what its authors say about its training. 0 means not published.
struct CatalogEntry {
  std::string_view name;
  std::string_view objective;  ///< what it was trained to predict
  ModelConfig config{};        ///< of a model whose shape is not public: only max_positions
  Index exact_parameters = 0;  ///< the published count to the last parameter
  double training_tokens = 0;
  double training_flops = 0;  ///< as published, by the convention of its source
  std::string_view source{};  ///< of the architecture, and of all else unless the next says otherwise
  std::string_view training_source{};  ///< of tokens and FLOPs, where another one states them
  std::string_view note{};             ///< where figures disagree, and what no ModelConfig can say
  Index outside_of_config = 0;         ///< parameters that no axis of ModelConfig describes; negative: fewer

  constexpr bool disclosed() const { return config.d_model > 0; }
  constexpr Index context_tokens() const { return config.max_positions; }
  constexpr std::string_view family() const {
    if (!disclosed()) return "decoder";
    switch (config.stacks) {
      case Stacks::encoder: return "encoder";
      case Stacks::encoder_decoder: return "encoder-decoder";
      case Stacks::decoder: break;
    }
    return "decoder";
  }
};

/// The parameters of a published model, counted from its architecture.
/// @throws InputError  where the architecture is not public
inline Index parameters_of(const CatalogEntry& entry) {
  if (!entry.disclosed())
    fail(InputError(concat(entry.name, ": neither architecture nor parameter count is published")));
  return count_parameters(entry.config).total() + entry.outside_of_config;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
