// Bytes of the key/value cache of generation: multi-head, grouped or multi-query attention, sliding windows,
// and any storage format.
#pragma once

#include <eigenformer/plan/parameters.hpp>
#include <eigenformer/plan/quantised.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

struct KeyValueCacheOptions {
  Index n_layers = 0;
  Index key_value_heads = 0;  ///< fewer than query heads in grouped and multi-query attention
  Index head_size = 0;
  Index tokens = 0;           ///< prompt and answer of one sequence
  Index sequences = 1;        ///< of the batch
  Index window = 0;           ///< keys kept by a windowed layer; 0: no layer has a window
  Index windowed_layers = 0;  ///< how many layers have it
  Index source_tokens = 0;    ///< of an encoder-decoder: tokens of the source, cached for cross-attention
  Index page_tokens = 1;      ///< memory comes in pages of this many tokens of a sequence
  StorageFormat format = storage_format("F16");
};

/// The cache options of an architecture for one sequence of `tokens` tokens.
/// @throws ConfigError  for a config that does not fit together
/// @throws InputError   for an encoder alone, which keeps no cache
inline KeyValueCacheOptions cache_of(const ModelConfig& config, Index tokens) {
  validate(config);
  if (config.stacks == Stacks::encoder) fail(InputError("an encoder alone keeps no key/value cache"));
  KeyValueCacheOptions o{.n_layers = config.n_layers,
                         .key_value_heads = config.key_value_heads(),
                         .head_size = config.head_width(),
                         .tokens = tokens,
                         .window = config.window};
  for (Index layer = 0; layer < config.n_layers; ++layer) o.windowed_layers += config.windowed(layer) ? 1 : 0;
  return o;
}

/// What this library sets aside (model/key_values.hpp): pages of 128 tokens in FP32, which all layers share,
/// so that a windowed layer keeps all tokens too.
/// @throws ConfigError, InputError  as cache_of()
inline KeyValueCacheOptions paged_cache_of(const ModelConfig& config, Index tokens, Index source_tokens = 0) {
  KeyValueCacheOptions o = cache_of(config, tokens);
  o.window = 0;
  o.source_tokens = source_tokens;
  o.page_tokens = 128;
  o.format = storage_format("F32");
  return o;
}

/// Bytes: 2 (keys and values) · heads · head size · tokens kept, summed over layers and sequences.
/// @throws InputError  for sizes that are not positive, and rows that the format's blocks do not divide
inline Index key_value_cache_bytes(const KeyValueCacheOptions& o) {
  detail::require_positive(o.n_layers, "n_layers");
  detail::require_positive(o.key_value_heads, "key_value_heads");
  detail::require_positive(o.head_size, "head_size");
  detail::require_positive(o.tokens, "tokens");
  detail::require_positive(o.sequences, "sequences");
  detail::require_not_negative(o.window, "window");
  detail::require_not_negative(o.source_tokens, "source_tokens");
  detail::require_positive(o.page_tokens, "page_tokens");
  detail::require_between(static_cast<double>(o.windowed_layers), 0, static_cast<double>(o.n_layers),
                          "windowed_layers");
  using detail::add, detail::multiply;
  const auto whole_pages = [&](Index tokens) {
    return multiply(tokens / o.page_tokens + (tokens % o.page_tokens ? 1 : 0), o.page_tokens);
  };
  const Index all = whole_pages(o.tokens);
  const Index kept = o.window > 0 ? whole_pages((std::min)(o.window, o.tokens)) : all;
  const Index windowed = o.window > 0 ? o.windowed_layers : 0;
  const Index positions = add(add(multiply(windowed, kept), multiply(o.n_layers - windowed, all)),
                              multiply(o.n_layers, whole_pages(o.source_tokens)));
  return matrix_bytes(o.format, multiply(Index{2}, positions, o.sequences),
                      multiply(o.key_value_heads, o.head_size));
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
