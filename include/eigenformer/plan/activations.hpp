// Activations that the backward pass needs, from the architecture: Korthikanti et al. 2022, "Reducing
// Activation Recomputation in Large Transformer Models", section 4, with their h, 4h and a replaced by the
// widths of any config. For a GPT block without recomputation it gives their s·b·h·(34 + 5·a·s/h) bytes.
#pragma once

#include <eigenformer/plan/parameters.hpp>
#include <eigenformer/plan/recompute.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

struct ActivationOptions {
  ModelConfig config{};
  Index tokens = 0;         ///< s: of one sequence
  Index micro_batch = 1;    ///< b: sequences in one pass
  Index source_tokens = 0;  ///< of the encoder of an encoder-decoder; 0: tokens
  Recompute recompute = Recompute::none;
  Index tensor_parallel = 1;
  bool sequence_parallel = false;  ///< what tensor parallelism leaves whole is split over the sequence
  double bytes_per_activation = 2;
  bool dropout = true;  ///< masks of one byte a number are kept too
};

namespace detail {

inline void check(const ActivationOptions& o) {
  validate(o.config);
  require_positive(o.tokens, "tokens");
  require_positive(o.micro_batch, "micro_batch");
  require_not_negative(o.source_tokens, "source_tokens");
  require_positive(o.tensor_parallel, "tensor_parallel");
  require_positive(o.bytes_per_activation, "bytes_per_activation");
  const auto require_division = [&](Index heads) {
    if (heads % o.tensor_parallel != 0)
      fail(InputError(concat("tensor_parallel ", o.tensor_parallel, " does not divide ", heads, " heads")));
  };
  require_division(o.config.n_heads);
  if (o.config.stacks == Stacks::encoder_decoder) require_division(o.config.encoder().n_heads);
}

/// Width of keys on all devices of tensor parallelism together: each holds whole heads, so that fewer heads
/// than devices are there more than once.
inline double split_key_value_width(const ModelConfig& c, Index tensor_parallel) {
  const Index each = (c.key_value_heads() + tensor_parallel - 1) / tensor_parallel;
  return static_cast<double>(each) * static_cast<double>(tensor_parallel) *
         static_cast<double>(c.head_width());
}

/// Bytes for each row that tensor parallelism leaves whole, and that it splits; and for each score.
struct RowBytes {
  double whole = 0, split = 0, score = 0;
};

inline RowBytes row_bytes(const ActivationOptions& o, const ModelConfig& c) {
  const double e = o.bytes_per_activation, mask = o.dropout ? 1.0 : 0.0;
  const double d = static_cast<double>(c.d_model), q = static_cast<double>(c.query_width());
  const double kv = split_key_value_width(c, o.tensor_parallel), ff = static_cast<double>(c.d_ff);
  RowBytes r;
  const bool shared_norm = c.branches == Branches::parallel_one_norm;
  r.whole = e * d * (shared_norm ? 1 : 2)    // inputs of the norms
            + e * d * (shared_norm ? 1 : 2)  // inputs of query/key/value and of the feed-forward layer
            + 2 * mask * d;                  // after attention and after the feed-forward layer
  if (c.norm_placement == NormPlacement::both) r.whole += 2 * e * d;
  r.split = e * (2 * q + 2 * kv)           // queries, keys, values, input of the output projection
            + e * ff * (c.gated ? 4 : 2);  // around the activation: in and out; gate, up, act(gate), product
  r.score = 2 * e + mask;                  // softmax, its dropped copy, and the mask
  if (!o.dropout) r.score = e;
  return r;
}

}  // namespace detail

/// Bytes of one block of a stack on one device.
/// @param cross_tokens  tokens of the source that the block's cross-attention reads; 0: it has none
inline double activation_bytes_per_layer(const ActivationOptions& o, const ModelConfig& stack,
                                         Index cross_tokens = 0) {
  const double s = static_cast<double>(o.tokens), b = static_cast<double>(o.micro_batch);
  const double t = static_cast<double>(o.tensor_parallel), outside = o.sequence_parallel ? t : 1.0;
  const double e = o.bytes_per_activation, d = static_cast<double>(stack.d_model);
  if (o.recompute == Recompute::full) return e * s * b * d / outside;
  const detail::RowBytes row = detail::row_bytes(o, stack);
  const double scores = o.recompute == Recompute::none ? row.score * static_cast<double>(stack.n_heads) : 0.0;
  double bytes = s * b * (row.whole / outside + (row.split + scores * s) / t);
  if (cross_tokens > 0) {
    const double source = static_cast<double>(cross_tokens);
    const double q = static_cast<double>(stack.query_width());
    const double kv = detail::split_key_value_width(stack, o.tensor_parallel);
    bytes += s * b * ((2 * e + (o.dropout ? 1.0 : 0.0)) * d / outside + (2 * e * q + scores * source) / t) +
             source * b * 2 * e * kv / t;
  }
  return bytes;
}

/// Bytes of one micro-batch on one device of tensor parallelism, all blocks and what stands around them: the
/// dropout mask of the embeddings, the input of the last norm and of the output matrix, and logits in FP32
/// (Korthikanti et al. 2022, section 4.3). Where a pipeline splits the layers, its first stage keeps as many
/// micro-batches as there are stages, which is the same number again.
/// @throws ConfigError, InputError  for sizes that are not positive and heads that do not divide
inline double activation_bytes(const ActivationOptions& o) {
  detail::check(o);
  const ModelConfig& c = o.config;
  double bytes = 0;
  const Index source = o.source_tokens ? o.source_tokens : o.tokens;
  if (c.stacks != Stacks::decoder) {
    const ModelConfig encoder = c.stacks == Stacks::encoder ? c : c.encoder();
    ActivationOptions of_encoder = o;
    if (c.stacks == Stacks::encoder_decoder) of_encoder.tokens = source;
    bytes += static_cast<double>(encoder.n_layers) * activation_bytes_per_layer(of_encoder, encoder);
  }
  if (c.stacks != Stacks::encoder)
    bytes += static_cast<double>(c.n_layers) *
             activation_bytes_per_layer(o, c, c.stacks == Stacks::encoder_decoder ? source : 0);
  const double rows = static_cast<double>(o.tokens) * static_cast<double>(o.micro_batch);
  const double t = static_cast<double>(o.tensor_parallel), d = static_cast<double>(c.d_model);
  bytes +=
      rows * d * ((o.dropout ? 1.0 : 0.0) + 2 * o.bytes_per_activation) / (o.sequence_parallel ? t : 1.0);
  if (c.head == Head::words || c.head == Head::masked_words)
    bytes += rows * 4.0 * static_cast<double>(c.vocab_size) / t;
  return bytes;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
