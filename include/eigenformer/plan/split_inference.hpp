// Inference of one model on several devices, which hold its blocks one after the other, whole blocks each, as
// llama.cpp and Accelerate split a model by layers: a device has the weights and the cached keys and values
// of its blocks, and the activations of one pass.
#pragma once

#include <eigenformer/plan/memory.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

struct SplitInferenceOptions {
  InferenceMemoryOptions inference{};
  Index devices = 1;  ///< more than the model has parts hold nothing
};

namespace detail {

/// What cannot be divided between devices: the tables before the blocks, a block, the head.
struct InferencePart {
  double weight_bytes = 0;
  double cache_bytes = 0;

  double total_bytes() const { return weight_bytes + cache_bytes; }
  InferencePart& operator+=(const InferencePart& p) {
    weight_bytes += p.weight_bytes, cache_bytes += p.cache_bytes;
    return *this;
  }
};

/// The parts in the order in which a pass goes through them. An output matrix that is tied to the embeddings
/// is there again beside the head, which another device holds.
inline std::vector<InferencePart> inference_parts(const InferenceMemoryOptions& o) {
  const ModelConfig& c = o.config;
  const ParameterCount count = count_parameters(c);
  const Index tokens = o.tokens ? o.tokens : c.max_positions;
  const auto weights = [&](Index parameters) {
    return static_cast<double>(parameters) * o.weights.bytes_per_value();
  };
  std::vector<InferencePart> parts{
      {.weight_bytes = weights(count.embeddings() + count.embedding_norms + count.relative_bias)}};
  for (Index layer = 0; layer < count.encoder_layers; ++layer)
    parts.push_back({.weight_bytes = weights(count.encoder_layer.total())});
  for (Index layer = 0; layer < count.decoder_layers; ++layer) {
    KeyValueCacheOptions cache = cache_of(c, tokens);
    cache.n_layers = 1;
    cache.windowed_layers = c.windowed(layer) ? 1 : 0;
    cache.sequences = o.sequences;
    cache.format = o.cache;
    if (c.stacks == Stacks::encoder_decoder) cache.source_tokens = tokens;
    parts.push_back({.weight_bytes = weights(count.decoder_layer.total()),
                     .cache_bytes = static_cast<double>(key_value_cache_bytes(cache))});
  }
  const bool words = c.head == Head::words || c.head == Head::masked_words;
  parts.push_back({.weight_bytes = weights(count.final_norms + count.pooler + count.head +
                                           (words && c.tied_embeddings ? count.token_embeddings : 0))});
  return parts;
}

/// The part that the fullest device gets where each takes parts up to `limit` bytes, and how many devices
/// that takes.
struct Packing {
  InferencePart fullest{};
  Index devices = 0;
};
inline Packing pack(const std::vector<InferencePart>& parts, double limit) {
  Packing p{.fullest = {}, .devices = 1};
  InferencePart now{};
  for (const InferencePart& part : parts) {
    if (now.total_bytes() > 0 && now.total_bytes() + part.total_bytes() > limit) ++p.devices, now = {};
    now += part;
    if (now.total_bytes() > p.fullest.total_bytes()) p.fullest = now;
  }
  return p;
}

}  // namespace detail

/// The most devices that a model can be split over.
inline Index most_inference_devices(const ModelConfig& config) {
  const ParameterCount count = count_parameters(config);
  return count.encoder_layers + count.decoder_layers + 2;
}

/// Memory of the fullest device, where the parts are divided so that it holds as little as can be.
/// @throws InputError, WindowError, ConfigError  as inference_memory(), and for no device
inline InferenceMemory split_inference_memory(const SplitInferenceOptions& o) {
  detail::require_positive(o.devices, "devices");
  InferenceMemory memory = inference_memory(o.inference);
  if (o.devices == 1) return memory;
  const std::vector<detail::InferencePart> parts = detail::inference_parts(o.inference);
  double low = 0, high = 0;
  for (const detail::InferencePart& part : parts)
    low = (std::max)(low, part.total_bytes()), high += part.total_bytes();
  for (int i = 0; i < 100 && high - low > 0.5; ++i) {
    const double middle = (low + high) / 2;
    (detail::pack(parts, middle).devices <= o.devices ? high : low) = middle;
  }
  if (detail::pack(parts, low).devices <= o.devices) high = low;
  const detail::Packing packing = detail::pack(parts, high);
  memory.weight_bytes = packing.fullest.weight_bytes;
  memory.cache_bytes = packing.fullest.cache_bytes;
  return memory;
}

/// The fewest devices that hold a model to answer with (o.devices is not read).
/// @throws InputError  where a single block is too large for a device
inline Index fewest_inference_devices(SplitInferenceOptions o, double device_bytes) {
  detail::require_positive(device_bytes, "device_bytes");
  const Index most = most_inference_devices(o.inference.config);
  for (o.devices = 1; o.devices <= most; ++o.devices)
    if (split_inference_memory(o).total_bytes() <= device_bytes) return o.devices;
  fail(InputError(concat("one block alone exceeds ", bytes_text(device_bytes), " of a device")));
}

/// The most sequences that the devices answer at once, as largest_batch() for one.
inline Index largest_batch(SplitInferenceOptions o, double device_bytes) {
  detail::require_positive(device_bytes, "device_bytes");
  if (o.inference.tokens == 0) o.inference.tokens = o.inference.config.max_positions;
  return detail::most_that_fits(
      [&](Index sequences) {
        o.inference.sequences = sequences;
        o.inference.rows = pass_rows(o.inference.config, o.inference.tokens, sequences);
        return split_inference_memory(o).total_bytes() <= device_bytes;
      },
      Index{1} << 40, "sequence", device_bytes);
}

/// The most tokens of a sequence on the devices, at most the window, as longest_context() for one.
inline Index longest_context(SplitInferenceOptions o, double device_bytes) {
  detail::require_positive(device_bytes, "device_bytes");
  return detail::most_that_fits(
      [&](Index tokens) {
        o.inference.tokens = tokens;
        o.inference.rows = pass_rows(o.inference.config, tokens, o.inference.sequences);
        return split_inference_memory(o).total_bytes() <= device_bytes;
      },
      o.inference.config.max_positions, "token", device_bytes);
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
