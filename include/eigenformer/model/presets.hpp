// Configs of the architectures that models are trained from scratch in, from a handful of sizes.
#pragma once

#include <eigenformer/model/config.hpp>

#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace presets {

struct Sizes {
  Index vocab_size = 257;
  Index layers = 4;           ///< of each stack
  Index width = 128;          ///< d_model
  Index heads = 4;            ///< query heads
  Index key_value_heads = 0;  ///< of llama; 0: as many as heads
  Index feed_forward = 0;     ///< inner width; 0: 4 · width, of gated ones 8/3 · width, rounded up to 16
  Index window = 256;         ///< tokens
};

namespace detail {

inline ModelConfig sized(const Sizes& s, bool gated = false) {
  const Index gated_width = ((8 * s.width + 2) / 3 + 15) / 16 * 16;
  ModelConfig c;
  c.vocab_size = s.vocab_size;
  c.d_model = s.width;
  c.n_layers = s.layers;
  c.n_heads = s.heads;
  c.d_ff = s.feed_forward ? s.feed_forward : gated ? gated_width : 4 * s.width;
  c.max_positions = s.window;
  c.gated = gated;
  return c;
}

}  // namespace detail

/// Radford et al. 2019.
inline ModelConfig gpt2(const Sizes& s) {
  ModelConfig c = detail::sized(s);
  c.activation = Activation::gelu_tanh;
  return c;
}

/// Touvron et al. 2023; embeddings are tied, as small models of this kind have them.
inline ModelConfig llama(const Sizes& s) {
  ModelConfig c = detail::sized(s, true);
  c.n_key_value_heads = s.key_value_heads;
  c.norm = {.kind = NormKind::rms, .epsilon = 1e-5};
  c.activation = Activation::silu;
  c.positions = Positions::rotary;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  return c;
}

/// Devlin et al. 2019, with the head that fills masks; change `head` and `n_labels` for another.
inline ModelConfig bert(const Sizes& s) {
  ModelConfig c = detail::sized(s);
  c.stacks = Stacks::encoder;
  c.norm = {.kind = NormKind::layer, .epsilon = 1e-12};
  c.norm_placement = NormPlacement::after;
  c.biases.logits = true;
  c.embedding_norm = true;
  c.token_types = 2;
  c.final_norm = false;
  c.head = Head::masked_words;
  return c;
}

/// Raffel et al. 2020, the first version: relu, tied embeddings.
inline ModelConfig t5(const Sizes& s) {
  ModelConfig c = detail::sized(s);
  c.stacks = Stacks::encoder_decoder;
  c.head_size = s.heads ? s.width / s.heads : 0;
  c.norm = {.kind = NormKind::rms, .epsilon = 1e-6};
  c.activation = Activation::relu;
  c.positions = Positions::relative_buckets;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  c.score_scale = 1.0;
  c.logits_scale = 1.0 / std::sqrt(static_cast<double>(s.width));
  return c;
}

/// Lewis et al. 2020.
inline ModelConfig bart(const Sizes& s) {
  ModelConfig c = detail::sized(s);
  c.stacks = Stacks::encoder_decoder;
  c.position_offset = 2;
  c.norm = {.kind = NormKind::layer, .epsilon = 1e-5};
  c.norm_placement = NormPlacement::after;
  c.embedding_norm = true;
  c.final_norm = false;
  return c;
}

}  // namespace presets
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
