// Low-rank adapters: LoRA (Hu et al. 2021) and QLoRA (Dettmers et al. 2023): how many parameters they train,
// and the memory of training them over a frozen base.
#pragma once

#include <eigenformer/plan/memory.hpp>

namespace eigenformer::inline EIGENFORMER_ABI::plan {

/// Which matrices of a block get an adapter.
struct AdapterTargets {
  bool query = true, key = false, value = true, out = false;
  bool gate = false, up = false, down = false;

  static constexpr AdapterTargets all() { return {true, true, true, true, true, true, true}; }
};

/// Parameters of rank-r adapters: r·(in + out) for each matrix, in every block (cross-attention included).
/// @throws InputError  for a rank that is not positive or exceeds d_model
inline Index adapter_parameters(const ModelConfig& config, Index rank, const AdapterTargets& targets = {}) {
  validate(config);
  detail::require_positive(rank, "rank");
  if (rank > config.d_model) fail(InputError(concat("rank ", rank, " exceeds d_model ", config.d_model)));
  const auto stack = [&](const ModelConfig& c, Index attentions) {
    const Index d = c.d_model, q = c.query_width(), kv = c.key_value_width(), ff = c.d_ff;
    const Index attention = (targets.query ? d + q : 0) + (targets.key ? d + kv : 0) +
                            (targets.value ? d + kv : 0) + (targets.out ? q + d : 0);
    const Index feed_forward =
        (targets.gate && c.gated ? d + ff : 0) + (targets.up ? d + ff : 0) + (targets.down ? ff + d : 0);
    return detail::multiply(c.n_layers, rank, attentions * attention + feed_forward);
  };
  switch (config.stacks) {
    case Stacks::encoder: return stack(config, 1);
    case Stacks::encoder_decoder: return detail::add(stack(config.encoder(), 1), stack(config, 2));
    case Stacks::decoder: break;
  }
  return stack(config, 1);
}

struct AdapterMemoryOptions {
  ModelConfig config{};
  Index rank = 16;
  AdapterTargets targets{};
  double base_bits_per_parameter = 16;      ///< QLoRA: nf4_bits_per_value(true)
  TrainingPrecision precision = fp32_adam;  ///< of the adapters
  double activation_bytes = 0;              ///< of the whole model: backward runs through the frozen base too
};

/// Memory of training adapters: the frozen base without gradients and moments, and the adapters with them.
inline TrainingMemory adapter_training_memory(const AdapterMemoryOptions& o) {
  detail::require_positive(o.base_bits_per_parameter, "base_bits_per_parameter");
  TrainingMemory m = training_memory({.parameters = adapter_parameters(o.config, o.rank, o.targets),
                                      .precision = o.precision,
                                      .activation_bytes = o.activation_bytes});
  m.weight_bytes += static_cast<double>(count_parameters(o.config).total()) * o.base_bits_per_parameter / 8;
  return m;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::plan
