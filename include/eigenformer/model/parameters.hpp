// All parameters of a transformer as plain structs, and the shape of each for a config.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/random.hpp>
#include <eigenformer/nn/block.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// One stack of blocks with what stands around it.
template <class S> struct Stack {
  Weight<S> positions;    ///< [position_offset + max_positions, d_model], learned positions only
  Weight<S> token_types;  ///< [token_types, d_model]
  Norm<S> embedding_norm;
  std::vector<Block<S>> blocks;
  Norm<S> final_norm;
  Weight<S> relative_bias;  ///< [buckets, heads], shared by the blocks (T5)

  static void members(auto& self, auto&& visit) {
    visit("positions", self.positions);
    visit("token_types", self.token_types);
    visit("embedding_norm", self.embedding_norm);
    visit("blocks", self.blocks);
    visit("final_norm", self.final_norm);
    visit("relative_bias", self.relative_bias);
  }
};

/// What turns hidden states into answers; see Head in model/config.hpp.
template <class S> struct HeadParameters {
  Linear<S> pooler;     ///< [d_model, d_model]
  Linear<S> transform;  ///< [d_model, d_model], of masked words
  Norm<S> transform_norm;
  Linear<S> output;  ///< [vocab_size or n_labels, d_model]; no weight where embeddings are tied

  static void members(auto& self, auto&& visit) {
    visit("pooler", self.pooler);
    visit("transform", self.transform);
    visit("transform_norm", self.transform_norm);
    visit("output", self.output);
  }
};

/// Encoder, decoder, or both; the stack that a model lacks has no blocks.
template <class S> struct Transformer {
  Weight<S> tokens;  ///< [vocab_size, d_model]
  Stack<S> encoder;
  Stack<S> decoder;
  HeadParameters<S> head;

  static void members(auto& self, auto&& visit) {
    visit("tokens", self.tokens);
    visit("encoder", self.encoder);
    visit("decoder", self.decoder);
    visit("head", self.head);
  }
};

namespace detail {

/// Walks over the parameters that an architecture needs: f(path, leaf, rows, columns).
template <class S, class F> struct ShapeWalk {
  const ModelConfig& config;
  F& f;

  void vector(const std::string& path, RowVector<S>& leaf, Index size) const {
    f(path, leaf, Index{1}, size);
  }
  void linear(const std::string& path, Linear<S>& p, Index out, Index in, bool bias) const {
    f(path + ".weight", p.weight, out, in);
    if (bias) vector(path + ".bias", p.bias, out);
  }
  void norm(const std::string& path, Norm<S>& p) const {
    vector(path + ".weight", p.weight, config.d_model);
    if (config.norm.kind == NormKind::layer && config.norm.bias)
      vector(path + ".bias", p.bias, config.d_model);
  }
  void attention(const std::string& path, Attention<S>& p) const {
    const bool bias = config.biases.query_key_value;
    linear(path + ".query", p.query, config.query_width(), config.d_model, bias);
    linear(path + ".key", p.key, config.key_value_width(), config.d_model, bias);
    linear(path + ".value", p.value, config.key_value_width(), config.d_model, bias);
    linear(path + ".out", p.out, config.d_model, config.query_width(), config.biases.attention_out);
  }
  void block(const std::string& path, Block<S>& p, bool cross) const {
    const bool both = config.norm_placement == NormPlacement::both;
    norm(path + ".attention_norm", p.attention_norm);
    attention(path + ".attention", p.attention);
    if (both) norm(path + ".attention_post_norm", p.attention_post_norm);
    if (cross) {
      norm(path + ".cross_norm", p.cross_norm);
      attention(path + ".cross", p.cross);
    }
    if (config.branches != Branches::parallel_one_norm)
      norm(path + ".feed_forward_norm", p.feed_forward_norm);
    const bool bias = config.biases.feed_forward;
    if (config.gated)
      linear(path + ".feed_forward.gate", p.feed_forward.gate, config.d_ff, config.d_model, bias);
    linear(path + ".feed_forward.up", p.feed_forward.up, config.d_ff, config.d_model, bias);
    linear(path + ".feed_forward.down", p.feed_forward.down, config.d_model, config.d_ff, bias);
    if (both) norm(path + ".feed_forward_post_norm", p.feed_forward_post_norm);
  }
  void stack(const std::string& path, Stack<S>& p, bool cross) const {
    if (config.positions == Positions::learned)
      f(path + ".positions", p.positions, config.position_offset + config.max_positions, config.d_model);
    if (config.token_types) f(path + ".token_types", p.token_types, config.token_types, config.d_model);
    if (config.embedding_norm) norm(path + ".embedding_norm", p.embedding_norm);
    p.blocks.resize(static_cast<std::size_t>(config.n_layers));
    for (std::size_t i = 0; i < p.blocks.size(); ++i) block(concat(path, ".blocks.", i), p.blocks[i], cross);
    if (config.final_norm) norm(path + ".final_norm", p.final_norm);
    if (config.positions == Positions::relative_buckets)
      f(path + ".relative_bias", p.relative_bias, config.relative_buckets.count, config.n_heads);
  }
  void head(HeadParameters<S>& p) const {
    const Index d = config.d_model;
    if (config.pooler) linear("head.pooler", p.pooler, d, d, true);
    if (config.head == Head::none) return;
    if (config.head == Head::masked_words) {
      linear("head.transform", p.transform, d, d, true);
      norm("head.transform_norm", p.transform_norm);
    }
    const bool words = config.head == Head::words || config.head == Head::masked_words;
    const Index out = words ? config.vocab_size : config.n_labels;
    if (!words || !config.tied_embeddings) f("head.output.weight", p.output.weight, out, d);
    if (config.biases.logits) vector("head.output.bias", p.output.bias, out);
  }
};

}  // namespace detail

/// Calls f(path, leaf, rows, columns) for every parameter that the config's architecture has, in the order of
/// their declaration, and sizes the lists of blocks. A leaf is a Weight [rows, columns] or a RowVector [1,
/// columns]; its path is the one that visit() gives.
/// @throws ConfigError  for a config that does not fit together
template <class S, class F> void for_each_shape(Transformer<S>& p, const ModelConfig& config, F&& f) {
  validate(config);
  f(std::string("tokens"), p.tokens, config.vocab_size, config.d_model);
  if (config.stacks != Stacks::decoder) {
    const ModelConfig encoder = config.stacks == Stacks::encoder ? config : config.encoder();
    detail::ShapeWalk<S, F>{encoder, f}.stack("encoder", p.encoder, false);
  }
  const detail::ShapeWalk<S, F> walk{config, f};
  if (config.stacks != Stacks::encoder)
    walk.stack("decoder", p.decoder, config.stacks == Stacks::encoder_decoder);
  walk.head(p.head);
}

/// Parameters of the config's shapes, all zero: a gradient, or a moment of an optimiser.
template <class S> Transformer<S> zero_parameters(const ModelConfig& config) {
  Transformer<S> p;
  for_each_shape(p, config, [](const std::string&, auto& leaf, Index rows, Index columns) {
    if constexpr (requires { leaf.format(); })
      leaf = Weight<S>(rows, columns);
    else
      leaf = RowVector<S>::Zero(columns);
  });
  return p;
}

/// Random parameters: matrices normal with deviation 0.02 (Radford et al. 2019), norms one, biases zero. The
/// same seed gives the same numbers on every machine.
template <class S> Transformer<S> random_parameters(const ModelConfig& config, Seed seed) {
  Transformer<S> p;
  std::uint64_t stream = 0;
  for_each_shape(p, config, [&](const std::string& path, auto& leaf, Index rows, Index columns) {
    if constexpr (requires { leaf.format(); }) {
      const Random random(seed, stream);
      Matrix<S> values(rows, columns);
      for (Index i = 0; i < values.size(); ++i)
        values.data()[i] = S(0.02 * random.normal(static_cast<std::uint64_t>(i)));
      leaf = Weight<S>(std::move(values));
    } else {
      const bool scale = path.ends_with("norm.weight");
      leaf = RowVector<S>::Constant(columns, S(scale ? 1.0 - config.norm.offset : 0.0));
    }
    ++stream;
  });
  return p;
}

/// Whether products read this weight; the tables that are looked up alone (positions, token types, relative
/// biases) are small, and stay as they are when a model is quantised or put into tiles.
inline bool can_quantise(const std::string& path) { return path == "tokens" || path.ends_with(".weight"); }

namespace detail {
/// Replaces each weight that products read by f(weight).
template <class F> void replace_weights(Transformer<float>& p, const F& f) {
  visit(p, [&](const std::string& path, auto& leaf) {
    if constexpr (requires { leaf.format(); })
      if (!leaf.empty() && can_quantise(path)) leaf = f(leaf);
  });
}
}  // namespace detail

/// Converts the matrices of a model to int8 or int4 (see quantised.hpp), with a scale for 32 neighbours of a
/// row or one for all of it.
/// @throws InputError  for a number that is not finite, or another format
inline void quantise(Transformer<float>& p, Format format, bool one_scale_a_row = false) {
  detail::replace_weights(p, [&](const Weight<float>& w) {
    return Weight<float>::quantised(format, w.rows(), w.cols(), w.row_reader(), one_scale_a_row);
  });
}

/// Converts the matrices of a model to bfloat16 in the order of matrix units (see bf16_tiles.hpp). Products
/// are faster so where fastest_bf16_form is not portable, and slower elsewhere.
inline void put_in_bf16_tiles(Transformer<float>& p) {
  detail::replace_weights(p, [](const Weight<float>& w) { return w.in_bf16_tiles(); });
}

EIGENFORMER_ONCE(model, Transformer<float> zero_parameters<float>(const ModelConfig&));
EIGENFORMER_ONCE(model, Transformer<double> zero_parameters<double>(const ModelConfig&));
EIGENFORMER_ONCE(model, Transformer<float> random_parameters<float>(const ModelConfig&, Seed));
EIGENFORMER_ONCE(model, Transformer<double> random_parameters<double>(const ModelConfig&, Seed));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
