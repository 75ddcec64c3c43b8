// What a model folder says about itself.
#pragma once

#include <eigenformer/core/number_format.hpp>
#include <eigenformer/model/config.hpp>

#include <optional>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct NameTable;

/// What a model folder says about itself.
struct HubConfig {
  std::string model_type;
  ModelConfig model;
  const NameTable* names = nullptr;
  std::vector<std::string> labels;  ///< of an encoder's classes
  std::optional<Format> stored;     ///< int8 or int4: matrices are stored so (stored_quantised.hpp)
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
