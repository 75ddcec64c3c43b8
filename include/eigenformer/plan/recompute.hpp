// Which activations a training step drops in the forward pass and computes again in the backward pass.
#pragma once

#include <eigenformer/version.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// none: keep all; selective: recompute scores, softmax and their dropout (Korthikanti et al. 2022); full:
/// keep a block's input alone (Chen et al. 2016).
enum class Recompute { none, selective, full };

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
