// Parallel training strategies: bytes on each device, bytes each device sends in a step, the pipeline's idle
// share, and the search for the smallest cluster and the best strategy.
#pragma once

#include <eigenformer/plan/memory.hpp>

namespace eigenformer::inline EIGENFORMER_ABI::plan {

/// Bytes that each device sends in a ring all-reduce of a message: reduce-scatter and all-gather, (n-1)/n of
/// it each (Thakur et al. 2005; Rajbhandari et al. 2019, section 7.1).
inline double all_reduce_bytes(double message_bytes, Index devices) {
  detail::require_not_negative(message_bytes, "message_bytes");
  detail::require_positive(devices, "devices");
  return 2 * message_bytes * static_cast<double>(devices - 1) / static_cast<double>(devices);
}

/// Bytes that each device sends in a step of data parallelism (Rajbhandari et al. 2019, section 7): stages 0
/// to 2 send what an all-reduce of the gradients sends; stage 3 gathers the weights once more, 1.5 times as
/// much.
inline double data_parallel_bytes(double weight_bytes, Index devices, int zero_stage) {
  detail::require_between(zero_stage, 0, 3, "zero_stage");
  return all_reduce_bytes(weight_bytes, devices) * (zero_stage == 3 ? 1.5 : 1.0);
}

/// Numbers that tensor parallelism sends for a block of `hidden_values` = sequence · d_model and one
/// micro-batch, with recomputation: two all-reduces forward, two in the recomputation and two backward, each
/// a reduce-scatter and an all-gather. Partitioned checkpoints add one all-gather (Rajbhandari et al. 2019,
/// section 8).
struct TensorParallelTraffic {
  double values = 0;
  double partitioned_checkpoints = 0;
};
constexpr TensorParallelTraffic tensor_parallel_traffic(double hidden_values) {
  return {12 * hidden_values, hidden_values};
}

/// Idle time of a pipeline (Narayanan et al. 2021, section 2.2): (p-1)/(m·v) of the ideal time.
struct PipelineBubble {
  double over_ideal = 0;
  double share_of_total() const { return over_ideal / (1 + over_ideal); }
};

/// @param interleave  v: chunks of layers that each stage holds
/// @param n_layers    to check that every stage has a layer; 0: not checked
/// @throws InputError  for more stages (times chunks) than layers, and numbers that are not positive
inline PipelineBubble pipeline_bubble(Index stages, Index microbatches, Index interleave = 1,
                                      Index n_layers = 0) {
  detail::require_positive(stages, "stages");
  detail::require_positive(microbatches, "microbatches");
  detail::require_positive(interleave, "interleave");
  detail::require_not_negative(n_layers, "n_layers");
  const Index chunks = detail::multiply(stages, interleave);
  if (n_layers > 0 && chunks > n_layers)
    fail(InputError(concat(chunks, " pipeline stages for ", n_layers, " layers: some would have none")));
  return {static_cast<double>(stages - 1) / static_cast<double>(microbatches) /
          static_cast<double>(interleave)};
}

/// How a model and its batch are spread over devices.
struct Strategy {
  Index data_parallel = 1;
  int zero_stage = 0;       ///< 0: DDP; 3: FSDP's full shard
  Index shard_devices = 0;  ///< of data_parallel: FSDP's hybrid shard; 0: all
  Index tensor_parallel = 1;
  Index pipeline_parallel = 1;

  constexpr Index devices() const {
    return detail::multiply(data_parallel, tensor_parallel, pipeline_parallel);
  }
};

/// "ZeRO-3 × 64, tensor × 8, pipeline × 2".
inline std::string strategy_text(const Strategy& s) {
  std::string text = s.zero_stage == 0 ? concat("DDP × ", s.data_parallel)
                                       : concat("ZeRO-", s.zero_stage, " × ", s.data_parallel);
  if (s.shard_devices) text += concat(" in shards of ", s.shard_devices);
  if (s.tensor_parallel > 1) text += concat(", tensor × ", s.tensor_parallel);
  if (s.pipeline_parallel > 1) text += concat(", pipeline × ", s.pipeline_parallel);
  return text;
}

/// The work that a strategy spreads.
struct TrainingJob {
  ModelConfig config{};
  TrainingPrecision precision = mixed_adam;
  Index tokens = 0;       ///< of one sequence; 0: the context window
  Index sequences = 1;    ///< of the global batch
  Index micro_batch = 1;  ///< sequences of one pass on one device
  Recompute recompute = Recompute::selective;
  double bytes_per_activation = 2;
};

/// What a strategy needs: bytes of the fullest device, and traffic and idle share of a step.
struct StrategyCost {
  Strategy strategy;
  TrainingMemory memory;
  double data_parallel_bytes = 0;  ///< sent by a device in a step
  double tensor_parallel_bytes = 0;
  double pipeline_bytes = 0;
  double bubble_share = 0;

  double communication_bytes() const { return data_parallel_bytes + tensor_parallel_bytes + pipeline_bytes; }
};

/// Memory and traffic of a strategy. Stages hold equal shares of all parameters; the first one keeps
/// activations of as many micro-batches as there are stages, or as the batch has (1F1B, Narayanan et al.
/// 2021). Tensor parallelism all-reduces two activations a layer forward and two backward (Shoeybi et al.
/// 2019), with sequence parallelism.
/// @throws InputError  for more stages than layers, heads that do not divide, a batch that does not divide
inline StrategyCost strategy_cost(const TrainingJob& job, const Strategy& s) {
  detail::require_positive(job.sequences, "sequences");
  detail::require_positive(job.micro_batch, "micro_batch");
  detail::require_positive(s.data_parallel, "data_parallel");
  const Index parameters = count_parameters(job.config).total();
  const Index layers = job.config.n_layers +
                       (job.config.stacks == Stacks::encoder_decoder ? job.config.encoder().n_layers : 0);
  const Index tokens = job.tokens ? job.tokens : job.config.max_positions;
  const Index at_once = detail::multiply(s.data_parallel, job.micro_batch);
  if (job.sequences % at_once != 0)
    fail(
        InputError(concat("a batch of ", job.sequences, " sequences cannot be divided into micro-batches of ",
                          job.micro_batch, " on ", s.data_parallel, " devices")));
  const Index microbatches = job.sequences / at_once;
  StrategyCost cost{.strategy = s, .memory = {}};
  cost.bubble_share = pipeline_bubble(s.pipeline_parallel, microbatches, 1, layers).share_of_total();
  const double in_flight = static_cast<double>((std::min)(s.pipeline_parallel, microbatches));
  const double activations = activation_bytes({.config = job.config,
                                               .tokens = tokens,
                                               .micro_batch = job.micro_batch,
                                               .recompute = job.recompute,
                                               .tensor_parallel = s.tensor_parallel,
                                               .sequence_parallel = s.tensor_parallel > 1,
                                               .bytes_per_activation = job.bytes_per_activation}) *
                             in_flight / static_cast<double>(s.pipeline_parallel);
  cost.memory = training_memory({.parameters = parameters,
                                 .precision = job.precision,
                                 .zero_stage = s.zero_stage,
                                 .devices = s.data_parallel,
                                 .shard_devices = s.shard_devices,
                                 .tensor_parallel = s.tensor_parallel,
                                 .pipeline_parallel = s.pipeline_parallel,
                                 .activation_bytes = activations});
  const double slice = static_cast<double>(parameters) * job.precision.weights /
                       static_cast<double>(s.tensor_parallel) / static_cast<double>(s.pipeline_parallel);
  cost.data_parallel_bytes = data_parallel_bytes(slice, s.data_parallel, s.zero_stage);
  const double hidden = static_cast<double>(tokens) * static_cast<double>(job.micro_batch) *
                        static_cast<double>(job.config.d_model) * job.bytes_per_activation;
  const double per_stage = static_cast<double>(layers) / static_cast<double>(s.pipeline_parallel);
  cost.tensor_parallel_bytes =
      4 * per_stage * static_cast<double>(microbatches) * all_reduce_bytes(hidden, s.tensor_parallel);
  if (s.pipeline_parallel > 1) cost.pipeline_bytes = 2 * static_cast<double>(microbatches) * hidden;
  return cost;
}

/// A cluster of equal devices.
struct Cluster {
  Index devices = 1;
  double memory_bytes = 0;     ///< of one device
  Index devices_per_node = 8;  ///< tensor parallelism stays within a node, where links are fast
  double usable_share = 0.9;   ///< the rest goes to the runtime, fragments and communication buffers
};

/// The strategy chosen, and why it is better than the ones tried before it.
struct StrategyChoice {
  StrategyCost cost;
  std::string reason;
};

/// Every strategy that fills the cluster and fits a device, and among them the one with the least idle share
/// and traffic: bubble first (in steps of a percent), then bytes sent, then the lower ZeRO stage.
/// @throws InputError  where none fits, with the least memory that any of them needs
inline StrategyChoice best_strategy(const TrainingJob& job, const Cluster& cluster) {
  detail::require_positive(cluster.devices, "devices");
  detail::require_positive(cluster.memory_bytes, "memory_bytes");
  detail::require_positive(cluster.devices_per_node, "devices_per_node");
  detail::require_between(cluster.usable_share, 0.01, 1, "usable_share");
  validate(job.config);
  const double room = cluster.memory_bytes * cluster.usable_share;
  const Index layers = job.config.n_layers;
  StrategyChoice best;
  double least_bytes = std::numeric_limits<double>::infinity();
  Index tried = 0, fitting = 0;
  for (Index tensor = 1; tensor <= (std::min)(cluster.devices_per_node, cluster.devices); tensor *= 2) {
    if (cluster.devices % tensor != 0 || job.config.n_heads % tensor != 0) continue;
    for (Index pipeline = 1; pipeline <= (std::min)(layers, cluster.devices / tensor); ++pipeline) {
      if (cluster.devices / tensor % pipeline != 0 || layers % pipeline != 0) continue;
      const Index data = cluster.devices / tensor / pipeline;
      if (job.sequences % (data * job.micro_batch) != 0) continue;
      for (int stage = 0; stage <= (data > 1 ? 3 : 0); ++stage) {
        if (pipeline > 1 && stage > 1)
          continue;  // gathering or scattering for every micro-batch undoes the pipeline's gain
        const StrategyCost cost = strategy_cost(job, {.data_parallel = data,
                                                      .zero_stage = stage,
                                                      .tensor_parallel = tensor,
                                                      .pipeline_parallel = pipeline});
        ++tried;
        least_bytes = (std::min)(least_bytes, cost.memory.total_bytes());
        if (cost.memory.total_bytes() > room) continue;
        const auto rank = [](const StrategyCost& c) {
          return std::array<double, 3>{std::round(c.bubble_share * 100), c.communication_bytes(),
                                       static_cast<double>(c.strategy.zero_stage)};
        };
        if (fitting++ == 0 || rank(cost) < rank(best.cost)) best.cost = cost;
      }
    }
  }
  if (tried == 0)
    fail(InputError(concat("no strategy divides ", cluster.devices, " devices, ", layers, " layers and ",
                           job.sequences, " sequences")));
  if (fitting == 0)
    fail(InputError(concat("no strategy fits: the leanest needs ", bytes_text(least_bytes),
                           " a device, usable are ", bytes_text(room))));
  best.reason =
      concat(fitting, " of ", tried, " strategies fit ", bytes_text(room), " a device; this one idles ",
             std::round(best.cost.bubble_share * 1000) / 10, "% and sends ",
             bytes_text(best.cost.communication_bytes()), " a device and step, the least of them");
  return best;
}

/// The smallest number of devices, among powers of two, on which any strategy fits, and that strategy. The
/// batch grows to one micro-batch a device where it is smaller.
/// @throws InputError  where not even 131,072 devices are enough
inline StrategyChoice fewest_devices(TrainingJob job, Cluster cluster) {
  for (Index devices = 1; devices <= 131072; devices *= 2) {
    cluster.devices = devices;
    job.sequences = (std::max)(job.sequences, detail::multiply(devices, job.micro_batch));
    try {
      return best_strategy(job, cluster);
    } catch (const InputError&) {
      if (devices == 131072) throw;
    }
  }
  fail(InputError("no number of devices was tried"));
}

/// The largest micro-batch whose training step fits a device with a strategy.
/// @throws InputError  where not even one sequence fits
inline Index largest_micro_batch(TrainingJob job, const Strategy& strategy, double memory_bytes) {
  detail::require_positive(memory_bytes, "memory_bytes");
  const auto fits = [&](Index micro_batch) {
    job.micro_batch = micro_batch;
    job.sequences = detail::multiply(micro_batch, strategy.data_parallel, strategy.pipeline_parallel);
    return strategy_cost(job, strategy).memory.total_bytes() <= memory_bytes;
  };
  if (!fits(1)) fail(InputError(concat("not even one sequence fits ", bytes_text(memory_bytes))));
  Index low = 1, high = 2;
  while (high < (Index{1} << 30) && fits(high)) low = high, high *= 2;
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::plan
