// Time and energy: training days of a cluster, utilisation, and the roofline of prefill and decoding.
#pragma once

#include <eigenformer/plan/devices.hpp>
#include <eigenformer/plan/flops.hpp>
#include <eigenformer/plan/memory.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

inline void check(const Device& device) {
  require_positive(device.peak_flops_per_second, "peak_flops_per_second");
  require_positive(device.bytes_per_second, "bytes_per_second");
}

}  // namespace detail

/// The share of the devices' peak that useful work takes. With model FLOPs it is MFU (Chowdhery et al. 2022,
/// section 4.1), with recomputation counted too HFU.
inline double flops_utilisation(double flops, double seconds, double devices, double peak_flops_per_second) {
  detail::require_positive(flops, "flops");
  detail::require_positive(seconds, "seconds");
  detail::require_positive(devices, "devices");
  detail::require_positive(peak_flops_per_second, "peak_flops_per_second");
  return flops / seconds / devices / peak_flops_per_second;
}

struct Utilisation {
  double model = 0;     ///< MFU: of the FLOPs that the model needs
  double hardware = 0;  ///< HFU: of those that are computed, some of them twice
};

/// Utilisation of a training run measured at so many tokens a second on all devices together, by the exact
/// FLOPs of its architecture. @throws InputError  for numbers that are not positive
inline Utilisation training_utilisation(const FlopOptions& o, Recompute recompute, double tokens_per_second,
                                        double devices, double peak_flops_per_second) {
  detail::require_positive(tokens_per_second, "tokens_per_second");
  const double seconds = static_cast<double>(o.tokens) / tokens_per_second;
  return {flops_utilisation(training_flops(o), seconds, devices, peak_flops_per_second),
          flops_utilisation(training_flops(o, recompute), seconds, devices, peak_flops_per_second)};
}

struct TrainingTimeOptions {
  double flops = 0;  ///< of the whole training, by a convention of flops.hpp
  double devices = 1;
  double flops_per_second =
      0;                ///< achieved by one device: its peak times the utilisation of the same convention
  double watts = 0;     ///< of one device with its share of the host; 0: no energy is computed
  double overhead = 1;  ///< PUE: power of the building over that of the devices
};

struct TrainingTime {
  double seconds = 0;
  double device_hours = 0;
  double kilowatt_hours = 0;

  double days() const { return seconds / 86400.0; }
  /// What the devices cost, in the currency of the price of one for an hour.
  double cost(double price_per_device_hour) const {
    detail::require_positive(price_per_device_hour, "price_per_device_hour");
    return device_hours * price_per_device_hour;
  }
};

/// @throws InputError  for numbers that are not positive
inline TrainingTime training_time(const TrainingTimeOptions& o) {
  detail::require_positive(o.flops, "flops");
  detail::require_positive(o.devices, "devices");
  detail::require_positive(o.flops_per_second, "flops_per_second");
  detail::require_not_negative(o.watts, "watts");
  detail::require_positive(o.overhead, "overhead");
  const double seconds = o.flops / (o.devices * o.flops_per_second);
  const double device_hours = seconds * o.devices / 3600.0;
  return {.seconds = seconds,
          .device_hours = device_hours,
          .kilowatt_hours = device_hours * o.watts * o.overhead / 1000.0};
}

struct PassOptions {
  Device device{};
  double flops = 0;  ///< of the pass
  double bytes = 0;  ///< read and written: weights once, the cache of every sequence
};

struct PassTime {
  double compute_seconds = 0;
  double memory_seconds = 0;

  double seconds() const { return (std::max)(compute_seconds, memory_seconds); }
  bool memory_bound() const { return memory_seconds >= compute_seconds; }
};

/// The roofline's lower bound of a pass: the slower of arithmetic at peak and memory at full bandwidth.
inline PassTime pass_time(const PassOptions& o) {
  detail::check(o.device);
  detail::require_not_negative(o.flops, "flops");
  detail::require_not_negative(o.bytes, "bytes");
  return {.compute_seconds = o.flops / o.device.peak_flops_per_second,
          .memory_seconds = o.bytes / o.device.bytes_per_second};
}

struct GenerationTimeOptions {
  ModelConfig config{};
  Device device{};
  StorageFormat weights = storage_format("F16");
  StorageFormat cache = storage_format("F16");
  Index prompt_tokens = 0;
  Index answer_tokens = 1;
  Index sequences = 1;
};

struct GenerationTime {
  PassTime prefill;          ///< the prompts, to the first token
  PassTime decode;           ///< one step in the middle of the answer: one token for each sequence
  double total_seconds = 0;  ///< prefill and all steps

  double tokens_per_second = 0;  ///< of all sequences, in decoding

  /// What a million tokens of answers cost, prompts included: the device's time over what it wrote.
  double cost_of_a_million(double price_per_device_hour, Index answer_tokens, Index sequences) const {
    detail::require_positive(price_per_device_hour, "price_per_device_hour");
    detail::require_positive(answer_tokens, "answer_tokens");
    detail::require_positive(sequences, "sequences");
    return total_seconds / 3600.0 * price_per_device_hour /
           (static_cast<double>(answer_tokens) * static_cast<double>(sequences)) * 1e6;
  }
};

/// Prefill and decode of a decoder at the roofline; real programs reach 50-90% of it.
/// @throws InputError  for an encoder, and for more tokens than the window holds
inline GenerationTime generation_time(const GenerationTimeOptions& o) {
  detail::require_positive(o.prompt_tokens, "prompt_tokens");
  detail::require_positive(o.answer_tokens, "answer_tokens");
  detail::require_positive(o.sequences, "sequences");
  if (o.config.stacks != Stacks::decoder) fail(InputError("generation_time() needs a decoder"));
  const Index tokens = detail::add(o.prompt_tokens, o.answer_tokens);
  const InferenceMemory memory = inference_memory({.config = o.config,
                                                   .weights = o.weights,
                                                   .cache = o.cache,
                                                   .tokens = tokens,
                                                   .sequences = o.sequences});
  const double sequences = static_cast<double>(o.sequences);
  const Index middle = o.prompt_tokens + o.answer_tokens / 2;
  const auto cache_bytes = [&](Index tokens_so_far) {
    KeyValueCacheOptions cache = cache_of(o.config, tokens_so_far);
    cache.sequences = o.sequences;
    cache.format = o.cache;
    return static_cast<double>(key_value_cache_bytes(cache));
  };
  const ForwardFlops one = forward_flops({.config = o.config, .tokens = 1});
  const ForwardFlops prompt_flops =
      forward_flops({.config = o.config, .tokens = o.prompt_tokens, .scores = ScoreCount::causal_half});
  double keys = 0;  // that the token in the middle sees, all layers together
  for (Index layer = 0; layer < o.config.n_layers; ++layer)
    keys += static_cast<double>(o.config.windowed(layer) ? (std::min)(middle, o.config.window) : middle);
  const double step_flops =
      one.total() - one.scores - one.mixing + 4 * keys * static_cast<double>(o.config.query_width());
  GenerationTime t;
  t.prefill = pass_time({.device = o.device,
                         .flops = sequences * (prompt_flops.blocks() + one.logits),
                         .bytes = memory.weight_bytes + cache_bytes(o.prompt_tokens)});
  t.decode = pass_time({.device = o.device,
                        .flops = sequences * step_flops,
                        .bytes = memory.weight_bytes + cache_bytes(middle)});
  t.total_seconds = t.prefill.seconds() + static_cast<double>(o.answer_tokens - 1) * t.decode.seconds();
  t.tokens_per_second = sequences / t.decode.seconds();
  return t;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
