// Memory of ZeRO-3 where optimiser states or weights move to the host.
#pragma once

#include <eigenformer/plan/amounts.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// ZeRO-3 with offloading, as DeepSpeed's estimator counts (stage3.py,
/// estimate_zero3_model_states_mem_needs): 18 bytes a parameter, FP32 for the largest layer.
struct OffloadOptions {
  double parameters = 0;
  double largest_layer_parameters = 0;
  Index devices_per_node = 1;
  Index nodes = 1;
  bool offload_optimizer = true;
  bool offload_parameters = true;  ///< needs offload_optimizer
  bool partitioned_init = true;    ///< DeepSpeed's zero_init: no process builds the whole model first
  double buffer_factor = 1.5;
};

struct OffloadMemory {
  double host_bytes = 0;    ///< of one node
  double device_bytes = 0;  ///< of one device
};

inline OffloadMemory zero3_offload_memory(const OffloadOptions& o) {
  detail::require_positive(o.parameters, "parameters");
  detail::require_positive(o.largest_layer_parameters, "largest_layer_parameters");
  detail::require_positive(o.devices_per_node, "devices_per_node");
  detail::require_positive(o.nodes, "nodes");
  if (o.offload_parameters && !o.offload_optimizer)
    fail(InputError("offload_parameters needs offload_optimizer"));
  const double per_node = static_cast<double>(o.devices_per_node), nodes = static_cast<double>(o.nodes);
  const double shares = per_node * nodes, layer = 4 * o.largest_layer_parameters;
  const double whole = 4 * per_node * o.parameters;  // every process builds it in FP32
  OffloadMemory m;
  if (!o.offload_optimizer) {
    m.device_bytes = layer + std::floor(18 * o.parameters / shares);
    m.host_bytes = (o.partitioned_init ? layer * per_node : whole) * o.buffer_factor;
    return m;
  }
  const double states = (o.offload_parameters ? 18.0 : 16.0) * o.parameters / nodes;
  m.device_bytes = layer + (o.offload_parameters ? 0.0 : std::floor(2 * o.parameters / shares));
  m.host_bytes = (o.partitioned_init ? states : (std::max)(whole, states)) * o.buffer_factor;
  return m;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
