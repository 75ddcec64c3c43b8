// How many parameters an architecture has, from its ModelConfig alone: a walk over the tensors that
// model/parameters.hpp would allocate, and what the calculators sum over it. Nothing is allocated here.
#pragma once

#include <eigenformer/model/config.hpp>
#include <eigenformer/plan/amounts.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// The part of a model that a tensor belongs to.
enum class Part {
  token_embeddings,
  positions,
  token_types,
  embedding_norms,
  attention,
  cross_attention,
  feed_forward,
  norms,  ///< of the blocks
  final_norms,
  relative_bias,
  pooler,
  head
};

/// Which matrix of a block a tensor is; none outside of the blocks, and for biases and norms.
enum class Projection { none, query, key, value, out, gate, up, down };

/// The shape of one parameter tensor, [rows, columns], which every block of its stack has once.
struct TensorShape {
  Part part{};
  Projection projection = Projection::none;
  bool matrix = true;    ///< false: a bias, or a vector of a norm, [1, columns]
  bool encoder = false;  ///< of the encoder's stack
  Index rows = 0, columns = 0;
  Index copies = 1;  ///< blocks that have one

  constexpr Index size() const { return detail::multiply(rows, columns); }
  constexpr Index parameters() const { return detail::multiply(copies, size()); }
};

namespace detail {

/// Calls f(TensorShape) for the tensors of one stack, or of what stands around the stacks.
template <class F> struct TensorWalk {
  const ModelConfig& c;
  bool encoder;
  F& f;

  void matrix(Part part, Index rows, Index columns, Index copies = 1,
              Projection projection = Projection::none) const {
    f(TensorShape{part, projection, true, encoder, rows, columns, copies});
  }
  void vector(Part part, Index columns, Index copies = 1) const {
    f(TensorShape{part, Projection::none, false, encoder, 1, columns, copies});
  }
  void linear(Part part, Index out, Index in, bool bias, Index copies = 1,
              Projection projection = Projection::none) const {
    matrix(part, out, in, copies, projection);
    if (bias) vector(part, out, copies);
  }
  void norms(Part part, Index count = 1, Index copies = 1) const {
    const bool bias = c.norm.kind == NormKind::layer && c.norm.bias;
    for (Index i = 0; i < count * (bias ? 2 : 1); ++i) vector(part, c.d_model, copies);
  }
  void attention(Part part) const {
    const Index n = c.n_layers, d = c.d_model;
    const bool bias = c.biases.query_key_value;
    linear(part, c.query_width(), d, bias, n, Projection::query);
    linear(part, c.key_value_width(), d, bias, n, Projection::key);
    linear(part, c.key_value_width(), d, bias, n, Projection::value);
    linear(part, d, c.query_width(), c.biases.attention_out, n, Projection::out);
  }
  void stack(bool cross) const {
    if (c.positions == Positions::learned)
      matrix(Part::positions, c.position_offset + c.max_positions, c.d_model);
    if (c.token_types > 0) matrix(Part::token_types, c.token_types, c.d_model);
    if (c.embedding_norm) norms(Part::embedding_norms);
    attention(Part::attention);
    if (cross) attention(Part::cross_attention);
    const bool bias = c.biases.feed_forward;
    if (c.gated) linear(Part::feed_forward, c.d_ff, c.d_model, bias, c.n_layers, Projection::gate);
    linear(Part::feed_forward, c.d_ff, c.d_model, bias, c.n_layers, Projection::up);
    linear(Part::feed_forward, c.d_model, c.d_ff, bias, c.n_layers, Projection::down);
    norms(Part::norms,
          (c.branches == Branches::parallel_one_norm ? 1 : 2) + (cross ? 1 : 0) +
              (c.norm_placement == NormPlacement::both ? 2 : 0),
          c.n_layers);
    if (c.final_norm) norms(Part::final_norms);
    if (c.positions == Positions::relative_buckets)
      matrix(Part::relative_bias, c.relative_buckets.count, c.n_heads);
  }
  void head() const {
    const Index d = c.d_model;
    if (c.pooler) linear(Part::pooler, d, d, true);
    if (c.head == Head::none) return;
    const bool words = c.head == Head::words || c.head == Head::masked_words;
    const Index out = words ? c.vocab_size : c.n_labels;
    if (c.head == Head::masked_words) {
      linear(Part::head, d, d, true);
      norms(Part::head);
    }
    if (!words || !c.tied_embeddings) matrix(Part::head, out, d);
    if (c.biases.logits) vector(Part::head, out);
  }
};

}  // namespace detail

/// Calls f(TensorShape) for every parameter tensor of the architecture, those of equal blocks once.
/// @throws ConfigError  for a config that does not fit together (heads that do not divide, zero sizes)
template <class F> void for_each_tensor(const ModelConfig& config, F&& f) {
  validate(config);
  const detail::TensorWalk<F> around{config, false, f};
  around.matrix(Part::token_embeddings, config.vocab_size, config.d_model);
  if (config.stacks != Stacks::decoder) {
    const ModelConfig encoder = config.stacks == Stacks::encoder ? config : config.encoder();
    detail::TensorWalk<F>{encoder, true, f}.stack(false);
  }
  if (config.stacks != Stacks::encoder) around.stack(config.stacks == Stacks::encoder_decoder);
  around.head();
}

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

/// Counts every parameter of the architecture, biases, norms and tables included.
/// @throws ConfigError  for a config that does not fit together (heads that do not divide, zero sizes)
/// @throws InputError   for one with more than 2⁶³ - 1 parameters
inline ParameterCount count_parameters(const ModelConfig& config) {
  ParameterCount p;
  Index all = 0;
  for_each_tensor(config, [&](const TensorShape& t) {
    all = detail::add(all, t.parameters());
    LayerParameters& layer = t.encoder ? p.encoder_layer : p.decoder_layer;
    switch (t.part) {
      case Part::token_embeddings: p.token_embeddings += t.size(); break;
      case Part::positions: p.positions += t.size(); break;
      case Part::token_types: p.token_types += t.size(); break;
      case Part::embedding_norms: p.embedding_norms += t.size(); break;
      case Part::attention: layer.attention += t.size(); break;
      case Part::cross_attention: layer.cross_attention += t.size(); break;
      case Part::feed_forward: layer.feed_forward += t.size(); break;
      case Part::norms: layer.norms += t.size(); break;
      case Part::final_norms: p.final_norms += t.size(); break;
      case Part::relative_bias: p.relative_bias += t.size(); break;
      case Part::pooler: p.pooler += t.size(); break;
      case Part::head: p.head += t.size(); break;
    }
    if (t.part == Part::norms) (t.encoder ? p.encoder_layers : p.decoder_layers) = t.copies;
  });
  return p;
}

/// The same for a model that is loaded or being trained: any type with a config().
template <class Model>
requires requires(const Model& model) {
  { model.config() } -> std::convertible_to<const ModelConfig&>;
}
ParameterCount count_parameters(const Model& model) { return count_parameters(model.config()); }

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
