// Memory of weights, of training (weights, gradients, optimiser states) and of inference.
//
// How many bytes a parameter takes is a convention; each account has a name and its source. Which one a
// program follows depends on where it keeps gradients and master weights, so none is called *the* right one.
#pragma once

#include <eigenformer/plan/activations.hpp>
#include <eigenformer/plan/key_value_cache.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// Bytes for each parameter while training.
struct TrainingPrecision {
  std::string_view name;
  double weights = 0;                    ///< that forward and backward read
  double gradients = 0;                  ///< all copies of them
  double optimizer = 0;                  ///< master weights and moments
  double activations_and_temporary = 0;  ///< a rule of thumb; 0: counted by activations.hpp
  std::string_view source{};
  double factored_state = 0;  ///< for each of adafactor_states(), which only an architecture tells

  constexpr double total() const { return weights + gradients + optimizer + activations_and_temporary; }
};

inline constexpr TrainingPrecision fp32_adam{
    "fp32-adam", 4, 4, 8, 0, "weights 4, gradients 4, two moments 8: exact for FP32 Adam"};
inline constexpr TrainingPrecision fp32_adam_table{
    "fp32-adam-table",
    4,
    4,
    8,
    8,
    "the widely copied table: 24 bytes, 8 of them a flat allowance for activations and temporary memory"};
inline constexpr TrainingPrecision mixed_adam{
    "mixed-adam-fp16-grads", 2, 2, 12, 0, "Rajbhandari et al. 2019 (ZeRO) section 3.1: K = 12"};
inline constexpr TrainingPrecision mixed_adam_fp32_gradients{
    "mixed-adam-fp32-grads", 2, 4, 12, 0, "Megatron-LM: gradients accumulate in FP32"};
inline constexpr TrainingPrecision mixed_adam_two_gradients{
    "mixed-adam-fp16-and-fp32-grads",
    2,
    6,
    12,
    0,
    "DeepSpeed stage_1_and_2.py: FP16 gradients and an FP32 copy"};
inline constexpr TrainingPrecision mixed_adam_8bit{
    "mixed-8bit-adam-fp16-grads",
    2,
    2,
    6,
    0,
    "Dettmers et al. 2021: two 8-bit moments beside the FP32 master weights; block scales apart"};
inline constexpr TrainingPrecision fp32_sgd{"fp32-sgd", 4, 4, 0, 0, "weights and gradients alone"};
inline constexpr TrainingPrecision fp32_sgd_momentum{"fp32-sgd-momentum", 4, 4, 4, 0, "one momentum"};
inline constexpr TrainingPrecision fp32_adafactor{
    "fp32-adafactor",
    4,
    4,
    0,
    0,
    "Shazeer & Stern 2018: a matrix keeps one number a row and a column; adafactor_states() counts them",
    4};
inline constexpr TrainingPrecision training_precisions[] = {fp32_adam,
                                                            fp32_adam_table,
                                                            mixed_adam,
                                                            mixed_adam_fp32_gradients,
                                                            mixed_adam_two_gradients,
                                                            mixed_adam_8bit,
                                                            fp32_sgd,
                                                            fp32_sgd_momentum,
                                                            fp32_adafactor};

/// @throws InputError  for an unknown name, with the nearest known one
inline const TrainingPrecision& training_precision(std::string_view name) {
  return detail::find_named(training_precisions, name, "training precision");
}

/// Bytes of `parameters` weights in a storage format, as if every matrix row were whole blocks.
inline double weight_bytes(Index parameters, const StorageFormat& format) {
  detail::require_positive(parameters, "parameters");
  return static_cast<double>(parameters) * format.bytes_per_value();
}

/// Bytes of a model whose blocks' matrices are stored in one format and all else (embeddings, norms, biases
/// and head) in another, as quantised checkpoints are.
inline double weight_bytes(const ModelConfig& config, const StorageFormat& block_matrices,
                           const StorageFormat& others) {
  double bytes = 0;
  for_each_tensor(config, [&](const TensorShape& t) {
    const StorageFormat& format = t.projection == Projection::none ? others : block_matrices;
    bytes += static_cast<double>(t.parameters()) * format.bytes_per_value();
  });
  return bytes;
}

/// Numbers that Adafactor keeps of second moments: rows + columns of a matrix, all of a bias or a norm
/// (Shazeer & Stern 2018, section 3).
inline Index adafactor_states(const ModelConfig& config) {
  Index numbers = 0;
  for_each_tensor(config, [&](const TensorShape& t) {
    numbers = detail::add(numbers, detail::multiply(t.copies, t.matrix ? t.rows + t.columns : t.size()));
  });
  return numbers;
}

struct TrainingMemoryOptions {
  Index parameters = 0;
  TrainingPrecision precision = mixed_adam;
  int zero_stage = 0;  ///< 0: DDP; 1: optimiser split; 2: gradients too; 3: weights too (FSDP's full shard)
  Index devices = 1;   ///< of data parallelism: each holds the same slice of the model
  Index shard_devices = 0;  ///< of them, how many share one copy (FSDP's hybrid shard); 0: all
  Index tensor_parallel = 1;
  Index pipeline_parallel = 1;
  Index adafactor_states = 0;   ///< of the whole model, where the precision has factored states
  double activation_bytes = 0;  ///< of one device, from activations.hpp
};

/// Bytes that one device holds, part by part.
struct TrainingMemory {
  double weight_bytes = 0;
  double gradient_bytes = 0;
  double optimizer_bytes = 0;
  double activation_bytes = 0;  ///< and temporary memory, where the precision names an allowance for it

  double model_state_bytes() const { return weight_bytes + gradient_bytes + optimizer_bytes; }
  double total_bytes() const { return model_state_bytes() + activation_bytes; }
};

namespace detail {

/// How many of the devices of data parallelism share one copy.
inline Index shard_of(Index devices, Index shard_devices, int zero_stage) {
  require_positive(devices, "devices");
  require_not_negative(shard_devices, "shard_devices");
  if (shard_devices == 0) return devices;
  if (zero_stage == 0) fail(InputError("shard_devices needs a zero_stage of 1 to 3: stage 0 shares nothing"));
  if (devices % shard_devices != 0)
    fail(InputError(concat("shard_devices ", shard_devices, " does not divide the ", devices, " devices")));
  return shard_devices;
}

}  // namespace detail

/// Memory of one device in training (Rajbhandari et al. 2019, section 5 and figure 1): stage 1 divides the
/// optimiser's states by the number of devices, stage 2 the gradients too, stage 3 the weights too. Tensor
/// and pipeline parallelism divide all of them first.
/// @throws InputError  for sizes that are not positive, a stage beyond 3, shards that do not divide the
/// devices
inline TrainingMemory training_memory(const TrainingMemoryOptions& o) {
  detail::require_positive(o.parameters, "parameters");
  detail::require_positive(o.tensor_parallel, "tensor_parallel");
  detail::require_positive(o.pipeline_parallel, "pipeline_parallel");
  detail::require_between(o.zero_stage, 0, 3, "zero_stage");
  detail::require_not_negative(o.activation_bytes, "activation_bytes");
  detail::require_not_negative(o.adafactor_states, "adafactor_states");
  const Index shards = detail::shard_of(o.devices, o.shard_devices, o.zero_stage);
  const double slices = static_cast<double>(o.tensor_parallel) * static_cast<double>(o.pipeline_parallel);
  const double parameters = static_cast<double>(o.parameters) / slices;
  const double factored = static_cast<double>(o.adafactor_states) / slices * o.precision.factored_state;
  const auto share = [&](int stage) { return o.zero_stage >= stage ? static_cast<double>(shards) : 1.0; };
  return {.weight_bytes = parameters * o.precision.weights / share(3),
          .gradient_bytes = parameters * o.precision.gradients / share(2),
          .optimizer_bytes = (parameters * o.precision.optimizer + factored) / share(1),
          .activation_bytes = o.activation_bytes + parameters * o.precision.activations_and_temporary};
}

/// The most parameters whose training fits `device_bytes` with the strategy of `o` (its parameters are not
/// read). @throws InputError  where not even the activations fit
inline Index largest_trainable(double device_bytes, TrainingMemoryOptions o) {
  detail::require_positive(device_bytes, "device_bytes");
  const double room = device_bytes - o.activation_bytes;
  if (room <= 0)
    fail(InputError(concat("activations of ", o.activation_bytes, " bytes leave no room in ", device_bytes)));
  o.activation_bytes = 0;
  o.adafactor_states = 0;
  o.parameters = Index{1} << 40;  // memory grows in proportion
  const double each = training_memory(o).total_bytes() / static_cast<double>(o.parameters);
  return static_cast<Index>(std::floor(room / each * (1 + 1e-15)));
}

/// Bytes of Adam's two moments in 8 bits with an FP32 absolute maximum a block (Dettmers et al. 2021, section
/// 2).
inline double adam_8bit_state_bytes(Index parameters, Index block_size = 2048) {
  detail::require_positive(parameters, "parameters");
  detail::require_positive(block_size, "block_size");
  return 2.0 * static_cast<double>(parameters) * (1.0 + 4.0 / static_cast<double>(block_size));
}

/// Memory of a model that answers, one device.
struct InferenceMemory {
  double weight_bytes = 0;
  double cache_bytes = 0;
  double activation_bytes =
      0;  ///< the widest moment of one pass: a row's inner layers, and its logits in FP32

  double total_bytes() const { return weight_bytes + cache_bytes + activation_bytes; }
};

struct InferenceMemoryOptions {
  ModelConfig config{};
  StorageFormat weights = storage_format("F16");
  StorageFormat cache = storage_format("F16");
  Index tokens = 0;  ///< prompt and answer of each sequence; 0: the context window
  Index sequences = 1;
  Index rows = 1;  ///< token rows that one pass computes: 1 · sequences in decoding, the prompt's in prefill
  double bytes_per_activation = 4;
};

/// The peak of inference: weights, a full cache, and the widest block of one pass.
/// @throws InputError  for more tokens than the window, and sizes that are not positive
inline InferenceMemory inference_memory(const InferenceMemoryOptions& o) {
  const Index parameters = count_parameters(o.config).total();
  const Index tokens = o.tokens ? o.tokens : o.config.max_positions;
  detail::require_positive(tokens, "tokens");
  detail::require_positive(o.sequences, "sequences");
  detail::require_positive(o.rows, "rows");
  if (tokens > o.config.max_positions)
    fail(WindowError(o.config.max_positions, tokens,
                     concat(tokens, " tokens exceed the context window of ", o.config.max_positions)));
  InferenceMemory memory{.weight_bytes = plan::weight_bytes(parameters, o.weights)};
  if (o.config.stacks != Stacks::encoder) {
    KeyValueCacheOptions cache = cache_of(o.config, tokens);
    cache.sequences = o.sequences;
    cache.format = o.cache;
    if (o.config.stacks == Stacks::encoder_decoder) cache.source_tokens = tokens;
    memory.cache_bytes = static_cast<double>(key_value_cache_bytes(cache));
  }
  const double rows = static_cast<double>(o.rows);
  const double attention = static_cast<double>(2 * o.config.query_width() + 2 * o.config.key_value_width());
  const double feed_forward = static_cast<double>((o.config.gated ? 2 : 1) * o.config.d_ff);
  const double logits = o.config.head == Head::words ? 4.0 * static_cast<double>(o.config.vocab_size) *
                                                           static_cast<double>(o.sequences)
                                                     : 0.0;
  // Hidden states around a branch: its input, its result and what they are added to, as this library holds
  // them.
  const double around = o.config.branches == Branches::sequential ? 4.0 : 5.0;
  memory.activation_bytes =
      rows * o.bytes_per_activation *
          (around * static_cast<double>(o.config.d_model) + (std::max)(attention, feed_forward)) +
      logits;
  return memory;
}

/// Token rows of the widest pass of inference: one of each sequence in decoding, whole texts where an encoder
/// reads them.
inline Index pass_rows(const ModelConfig& config, Index tokens, Index sequences) {
  return config.stacks == Stacks::decoder ? sequences : detail::multiply(tokens, sequences);
}

/// The most sequences of o.tokens that one device answers at once (o.sequences and o.rows are not read).
/// @throws InputError  where not even one fits
inline Index largest_batch(InferenceMemoryOptions o, double device_bytes) {
  detail::require_positive(device_bytes, "device_bytes");
  if (o.tokens == 0) o.tokens = o.config.max_positions;
  return detail::most_that_fits(
      [&](Index sequences) {
        o.sequences = sequences;
        o.rows = pass_rows(o.config, o.tokens, sequences);
        return inference_memory(o).total_bytes() <= device_bytes;
      },
      Index{1} << 40, "sequence", device_bytes);
}

/// The most tokens, prompt and answer together, that o.sequences can have on one device; at most the window
/// (o.tokens and o.rows are not read). @throws InputError  where not even one fits
inline Index longest_context(InferenceMemoryOptions o, double device_bytes) {
  detail::require_positive(device_bytes, "device_bytes");
  return detail::most_that_fits(
      [&](Index tokens) {
        o.tokens = tokens;
        o.rows = pass_rows(o.config, tokens, o.sequences);
        return inference_memory(o).total_bytes() <= device_bytes;
      },
      o.config.max_positions, "token", device_bytes);
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
