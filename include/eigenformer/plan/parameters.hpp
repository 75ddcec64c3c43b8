// How many parameters an architecture has, part by part, from its ModelConfig alone: the same numbers that
// model/parameters.hpp allocates, without allocating them.
#pragma once

#include <eigenformer/model/config.hpp>
#include <eigenformer/plan/amounts.hpp>

namespace eigenformer::inline EIGENFORMER_ABI::plan {

/// Parameters of one block.
struct LayerParameters {
  Index attention = 0;        ///< query, key, value and output projections with their biases
  Index cross_attention = 0;  ///< the same, of a decoder that reads an encoder
  Index feed_forward = 0;
  Index norms = 0;

  constexpr Index total() const { return attention + cross_attention + feed_forward + norms; }
  constexpr bool operator==(const LayerParameters&) const = default;
};

/// Parameters of a model, part by part; the parts sum to total().
struct ParameterCount {
  Index token_embeddings = 0;  ///< [vocab_size, d_model], once where the output matrix is tied to it
  Index positions = 0;         ///< learned position tables of all stacks
  Index token_types = 0;
  Index embedding_norms = 0;
  LayerParameters encoder_layer, decoder_layer;  ///< of one block each
  Index encoder_layers = 0, decoder_layers = 0;
  Index final_norms = 0;
  Index relative_bias = 0;  ///< T5's bucket tables
  Index pooler = 0;
  Index head = 0;  ///< transform, untied output matrix, output bias

  constexpr Index blocks() const {
    return encoder_layers * encoder_layer.total() + decoder_layers * decoder_layer.total();
  }
  constexpr Index embeddings() const { return token_embeddings + positions + token_types; }
  constexpr Index total() const {
    return embeddings() + embedding_norms + blocks() + final_norms + relative_bias + pooler + head;
  }
  /// N of Kaplan et al. 2020: without vocabulary and position embeddings. An untied output matrix stays in.
  constexpr Index non_embedding() const { return total() - embeddings(); }
  constexpr bool operator==(const ParameterCount&) const = default;
};

namespace detail {

constexpr Index linear(Index out, Index in, bool bias) { return add(multiply(out, in), bias ? out : 0); }

constexpr Index norm(const ModelConfig& c) {
  return c.norm.kind == NormKind::layer && c.norm.bias ? 2 * c.d_model : c.d_model;
}

constexpr LayerParameters layer_parameters(const ModelConfig& c, bool cross) {
  const bool bias = c.biases.query_key_value;
  LayerParameters p;
  p.attention = add(add(linear(c.query_width(), c.d_model, bias),
                        multiply(2, linear(c.key_value_width(), c.d_model, bias))),
                    linear(c.d_model, c.query_width(), c.biases.attention_out));
  if (cross) p.cross_attention = p.attention;
  p.feed_forward = add(multiply(c.gated ? 2 : 1, linear(c.d_ff, c.d_model, c.biases.feed_forward)),
                       linear(c.d_model, c.d_ff, c.biases.feed_forward));
  const Index norms = (c.branches == Branches::parallel_one_norm ? 1 : 2) + (cross ? 1 : 0) +
                      (c.norm_placement == NormPlacement::both ? 2 : 0);
  p.norms = norms * norm(c);
  return p;
}

/// Adds what one stack holds around its blocks.
constexpr void add_stack(ParameterCount& p, const ModelConfig& c) {
  if (c.positions == Positions::learned)
    p.positions = add(p.positions, multiply(c.position_offset + c.max_positions, c.d_model));
  p.token_types += c.token_types * c.d_model;
  if (c.embedding_norm) p.embedding_norms += norm(c);
  if (c.final_norm) p.final_norms += norm(c);
  if (c.positions == Positions::relative_buckets) p.relative_bias += c.relative_buckets.count * c.n_heads;
}

}  // namespace detail

/// Counts every parameter of the architecture, biases, norms and tables included.
/// @throws ConfigError  for a config that does not fit together (heads that do not divide, zero sizes)
/// @throws InputError   for one with more than 2⁶³ - 1 parameters
inline ParameterCount count_parameters(const ModelConfig& config) {
  validate(config);
  ParameterCount p;
  const Index d = config.d_model;
  p.token_embeddings = detail::multiply(config.vocab_size, d);
  if (config.stacks != Stacks::decoder) {
    const ModelConfig encoder = config.stacks == Stacks::encoder ? config : config.encoder();
    p.encoder_layers = encoder.n_layers;
    p.encoder_layer = detail::layer_parameters(encoder, false);
    detail::multiply(p.encoder_layers, p.encoder_layer.total());
    detail::add_stack(p, encoder);
  }
  if (config.stacks != Stacks::encoder) {
    p.decoder_layers = config.n_layers;
    p.decoder_layer = detail::layer_parameters(config, config.stacks == Stacks::encoder_decoder);
    detail::multiply(p.decoder_layers, p.decoder_layer.total());
    detail::add_stack(p, config);
  }
  if (config.pooler) p.pooler = detail::linear(d, d, true);
  if (config.head != Head::none) {
    const bool words = config.head == Head::words || config.head == Head::masked_words;
    const Index out = words ? config.vocab_size : config.n_labels;
    if (config.head == Head::masked_words) p.head += detail::linear(d, d, true) + detail::norm(config);
    if (!words || !config.tied_embeddings) p.head = detail::add(p.head, detail::multiply(out, d));
    if (config.biases.logits) p.head += out;
  }
  return p;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::plan
