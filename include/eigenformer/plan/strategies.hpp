// Parallel training strategies: bytes on each device, bytes each device sends in a step, and the pipeline's
// idle share. Which of them is best on a cluster is plan/cluster.hpp.
#pragma once

#include <eigenformer/plan/memory.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// Bytes that each device sends in a ring all-reduce of a message: reduce-scatter and all-gather, (n-1)/n of
/// it each (Thakur et al. 2005; Rajbhandari et al. 2019, section 7.1).
inline double all_reduce_bytes(double message_bytes, Index devices) {
  detail::require_not_negative(message_bytes, "message_bytes");
  detail::require_positive(devices, "devices");
  return 2 * message_bytes * static_cast<double>(devices - 1) / static_cast<double>(devices);
}

/// Data parallelism of one slice of a model.
struct DataParallelOptions {
  double message_bytes = 0;  ///< of the slice's weights, or of its gradients, taken as equal
  Index devices = 1;
  int zero_stage = 0;
  Index shard_devices = 0;  ///< of them, how many share one copy (FSDP's hybrid shard); 0: all
  Index micro_batches = 1;  ///< of one step
};

/// Bytes that each device sends in a step.
struct DataParallelTraffic {
  double within_shard_bytes = 0;   ///< to the devices that share a copy with it, or all of DDP
  double between_shard_bytes = 0;  ///< to its like in other shards

  double total_bytes() const { return within_shard_bytes + between_shard_bytes; }
};

/// Rajbhandari et al. 2019, section 7: stages 0 and 1 reduce gradients once a step, as much as an all-reduce
/// sends; stage 2 reduces them for every micro-batch, where they are scattered; stage 3 gathers the weights
/// for every forward and backward pass beside, 1.5 times an all-reduce. Shards that are not all devices agree
/// on gradients once a step (Zhao et al. 2023, PyTorch FSDP, section 3.2).
/// @throws InputError  for sizes that are not positive, a stage beyond 3, shards that do not divide
inline DataParallelTraffic data_parallel_traffic(const DataParallelOptions& o) {
  detail::require_between(o.zero_stage, 0, 3, "zero_stage");
  detail::require_positive(o.micro_batches, "micro_batches");
  const Index shard = detail::shard_of(o.devices, o.shard_devices, o.zero_stage);
  const double pass = all_reduce_bytes(o.message_bytes, shard) / 2;  // one gathering or scattering
  const double micro_batches = static_cast<double>(o.micro_batches);
  const double passes = o.zero_stage < 2 ? 2 : o.zero_stage == 2 ? micro_batches + 1 : 3 * micro_batches;
  return {passes * pass, all_reduce_bytes(o.message_bytes / static_cast<double>(shard), o.devices / shard)};
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

/// "FSDP full shard (ZeRO-3) × 64, tensor × 8", "tensor × 8, pipeline × 2", "one device".
inline std::string strategy_text(const Strategy& s) {
  std::string text;
  const auto part = [&](const char* name, Index devices) {
    if (devices > 1) text += concat(text.empty() ? "" : ", ", name, " × ", devices);
  };
  part(s.zero_stage == 0      ? "DDP"
       : s.zero_stage == 1    ? "ZeRO-1"
       : s.zero_stage == 2    ? "ZeRO-2"
       : s.shard_devices == 0 ? "FSDP full shard (ZeRO-3)"
                              : "FSDP hybrid shard (ZeRO-3)",
       s.data_parallel);
  if (s.shard_devices) text += concat(" in shards of ", s.shard_devices);
  part("tensor", s.tensor_parallel);
  part("pipeline", s.pipeline_parallel);
  return text.empty() ? "one device" : text;
}

/// The work that a strategy spreads.
struct TrainingJob {
  ModelConfig config{};
  TrainingPrecision precision = mixed_adam;
  Index tokens = 0;       ///< of one sequence; 0: the context window
  Index sequences = 0;    ///< of the global batch; 0: one micro-batch for each device
  Index micro_batch = 1;  ///< sequences of one pass on one device; 0: best_strategy() tries powers of two
  Recompute recompute = Recompute::selective;
  double bytes_per_activation = 2;

  constexpr Index sequence_tokens() const { return tokens ? tokens : config.max_positions; }
  /// All blocks, of both stacks where there are two.
  constexpr Index layers() const {
    return detail::add(config.n_layers,
                       config.stacks == Stacks::encoder_decoder ? config.encoder().n_layers : 0);
  }
};

/// What a strategy needs: bytes of the fullest device, and traffic and idle share of a step.
struct StrategyCost {
  Strategy strategy;
  TrainingMemory memory;
  Index micro_batch = 1;                ///< sequences of one pass on one device
  Index micro_batches = 1;              ///< that each device computes in a step
  DataParallelTraffic data_parallel{};  ///< what a device sends in a step, as the next two
  double tensor_parallel_bytes = 0;
  double pipeline_bytes = 0;
  PipelineBubble bubble{};

  double communication_bytes() const {
    return data_parallel.total_bytes() + tensor_parallel_bytes + pipeline_bytes;
  }
};

namespace detail {

/// Sums of activations over tensor-parallel devices in one forward pass: one for each branch of each block.
inline double sums_of_branches(const ModelConfig& c) {
  const double branches = c.branches == Branches::sequential ? 2 : 1,
               layers = static_cast<double>(c.n_layers);
  if (c.stacks != Stacks::encoder_decoder) return branches * layers;
  return sums_of_branches(c.encoder()) + 3 * layers;
}

}  // namespace detail

/// Memory and traffic of a strategy. Stages hold equal shares of all parameters; the first one keeps
/// activations of as many micro-batches as there are stages, or as the batch has (1F1B, Narayanan et al.
/// 2021). Tensor parallelism all-reduces an activation for each branch of a layer, forward and backward
/// (Shoeybi et al. 2019), and once more where blocks are computed twice, with sequence parallelism.
/// @throws InputError  for more stages than layers, heads that do not divide, a batch that does not divide
inline StrategyCost strategy_cost(const TrainingJob& job, const Strategy& s) {
  detail::require_not_negative(job.sequences, "sequences");
  detail::require_positive(job.micro_batch, "micro_batch");
  detail::require_positive(s.data_parallel, "data_parallel");
  detail::require_positive(s.tensor_parallel, "tensor_parallel");
  detail::require_positive(s.pipeline_parallel, "pipeline_parallel");
  const Index parameters = count_parameters(job.config).total(), tokens = job.sequence_tokens();
  const Index at_once = detail::multiply(s.data_parallel, job.micro_batch);
  const Index sequences = job.sequences ? job.sequences : detail::multiply(s.devices(), job.micro_batch);
  if (sequences % at_once != 0)
    fail(InputError(concat("a batch of ", sequences, " sequences cannot be divided into micro-batches of ",
                           job.micro_batch, " on ", s.data_parallel, " devices")));
  StrategyCost cost{
      .strategy = s, .memory = {}, .micro_batch = job.micro_batch, .micro_batches = sequences / at_once};
  cost.bubble = pipeline_bubble(s.pipeline_parallel, cost.micro_batches, 1, job.layers());
  const double tensor = static_cast<double>(s.tensor_parallel);
  const double pipeline = static_cast<double>(s.pipeline_parallel);
  const double in_flight = static_cast<double>((std::min)(s.pipeline_parallel, cost.micro_batches));
  const double activations = activation_bytes({.config = job.config,
                                               .tokens = tokens,
                                               .micro_batch = job.micro_batch,
                                               .recompute = job.recompute,
                                               .tensor_parallel = s.tensor_parallel,
                                               .sequence_parallel = s.tensor_parallel > 1,
                                               .bytes_per_activation = job.bytes_per_activation}) *
                             in_flight / pipeline;
  cost.memory = training_memory(
      {.parameters = parameters,
       .precision = job.precision,
       .zero_stage = s.zero_stage,
       .devices = s.data_parallel,
       .shard_devices = s.shard_devices,
       .tensor_parallel = s.tensor_parallel,
       .pipeline_parallel = s.pipeline_parallel,
       .adafactor_states = job.precision.factored_state > 0 ? adafactor_states(job.config) : 0,
       .activation_bytes = activations});
  cost.data_parallel = data_parallel_traffic(
      {.message_bytes = static_cast<double>(parameters) * job.precision.weights / tensor / pipeline,
       .devices = s.data_parallel,
       .zero_stage = s.zero_stage,
       .shard_devices = s.shard_devices,
       .micro_batches = cost.micro_batches});
  const double micro_batches = static_cast<double>(cost.micro_batches);
  const double hidden = static_cast<double>(tokens) * static_cast<double>(job.micro_batch) *
                        static_cast<double>(job.config.d_model) * job.bytes_per_activation;
  cost.tensor_parallel_bytes = (job.recompute == Recompute::full ? 3 : 2) *
                               detail::sums_of_branches(job.config) / pipeline * micro_batches *
                               all_reduce_bytes(hidden, s.tensor_parallel);
  if (s.pipeline_parallel > 1) cost.pipeline_bytes = 2 * micro_batches * hidden / tensor;
  return cost;
}

/// The largest micro-batch whose training step fits a device with a strategy.
/// @throws InputError  where not even one sequence fits
inline Index largest_micro_batch(TrainingJob job, const Strategy& strategy, double device_bytes) {
  detail::require_positive(device_bytes, "device_bytes");
  return detail::most_that_fits(
      [&](Index micro_batch) {
        job.micro_batch = micro_batch;
        job.sequences = detail::multiply(micro_batch, strategy.data_parallel, strategy.pipeline_parallel);
        return strategy_cost(job, strategy).memory.total_bytes() <= device_bytes;
      },
      Index{1} << 30, "sequence", device_bytes);
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
