// Low-rank adapters: LoRA (Hu et al. 2021) and QLoRA (Dettmers et al. 2023): how many parameters they train,
// and the memory of training them over a frozen base.
#pragma once

#include <eigenformer/plan/memory.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// Which matrices of a block get an adapter.
struct AdapterTargets {
  bool query = true, key = false, value = true, out = false;
  bool gate = false, up = false, down = false;

  static constexpr AdapterTargets all() { return {true, true, true, true, true, true, true}; }
  constexpr bool has(Projection projection) const {
    switch (projection) {
      case Projection::none: break;
      case Projection::query: return query;
      case Projection::key: return key;
      case Projection::value: return value;
      case Projection::out: return out;
      case Projection::gate: return gate;
      case Projection::up: return up;
      case Projection::down: return down;
    }
    return false;
  }
};

/// Parameters of rank-r adapters: r·(in + out) for each matrix, in every block (cross-attention included).
/// @throws InputError  for a rank that is not positive or exceeds the smaller side of a matrix
inline Index adapter_parameters(const ModelConfig& config, Index rank, const AdapterTargets& targets = {}) {
  detail::require_positive(rank, "rank");
  Index all = 0;
  for_each_tensor(config, [&](const TensorShape& t) {
    if (!targets.has(t.projection)) return;
    const Index most = (std::min)(t.rows, t.columns);
    if (rank > most)
      fail(InputError(concat("rank ", rank, " exceeds the smaller side of a matrix, which is ", most)));
    all = detail::add(all, detail::multiply(t.copies, rank, t.rows + t.columns));
  });
  return all;
}

struct AdapterMemoryOptions {
  ModelConfig config{};
  Index rank = 16;
  AdapterTargets targets{};
  StorageFormat base = storage_format("F16");         ///< of the blocks' matrices; QLoRA: "NF4-DQ"
  StorageFormat base_others = storage_format("F16");  ///< of embeddings, norms and head, which QLoRA leaves
  TrainingPrecision precision = fp32_adam;            ///< of the adapters
  double activation_bytes = 0;  ///< of the whole model: backward runs through the frozen base too
  Index devices = 1;            ///< that share base and adapters as FSDP does (ZeRO stage 3)
};

/// Memory of training adapters on one device: the frozen base without gradients and moments, and the adapters
/// with them, each device its share of both; activations are each device's own.
inline TrainingMemory adapter_training_memory(const AdapterMemoryOptions& o) {
  TrainingMemory m = training_memory({.parameters = adapter_parameters(o.config, o.rank, o.targets),
                                      .precision = o.precision,
                                      .zero_stage = 3,
                                      .devices = o.devices,
                                      .activation_bytes = o.activation_bytes});
  m.weight_bytes += weight_bytes(o.config, o.base, o.base_others) / static_cast<double>(o.devices);
  return m;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
