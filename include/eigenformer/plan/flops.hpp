// Floating-point operations of forward, backward and training, from the architecture and by the published
// formulas. A multiplication and an addition are two FLOPs.
//
// The formulas differ by what they count; each is a function or an option of its own name:
//   6·N·D            Kaplan et al. 2020 section 2.1: no attention scores
//   6·N + 12·L·H·Q·T Chowdhery et al. 2022 (PaLM) appendix B: scores over the whole sequence
//   72·B·L·s·h²·(…)  Narayanan et al. 2021 appendix, model FLOPs; 96 with full recomputation
//   causal half      scores above the diagonal are not counted (Megatron-LM today, Dao et al. 2022)
#pragma once

#include <eigenformer/plan/parameters.hpp>
#include <eigenformer/plan/recompute.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// Whether attention scores that a causal mask hides are counted.
enum class ScoreCount { whole, causal_half };

struct FlopOptions {
  ModelConfig config{};
  Index tokens = 0;         ///< of one sequence
  Index source_tokens = 0;  ///< of the encoder of an encoder-decoder; 0: tokens
  ScoreCount scores = ScoreCount::whole;
};

/// FLOPs of a forward pass over one sequence, part by part: of one block, or of all and the head.
struct ForwardFlops {
  double query_key_value = 0;  ///< projections
  double scores = 0;           ///< queries · keys
  double mixing = 0;           ///< probabilities · values
  double attention_out = 0;
  double cross_attention = 0;  ///< all four of the above, of cross-attention
  double feed_forward = 0;
  double logits = 0;  ///< and the transform before masked words

  double attention() const { return query_key_value + scores + mixing + attention_out; }
  double blocks() const { return attention() + cross_attention + feed_forward; }
  double total() const { return blocks() + logits; }
  /// The part that grows with the square of the sequence, of the whole.
  double score_share() const { return (scores + mixing) / total(); }
  ForwardFlops& operator+=(const ForwardFlops& f) {
    query_key_value += f.query_key_value, scores += f.scores, mixing += f.mixing;
    attention_out += f.attention_out, cross_attention += f.cross_attention;
    feed_forward += f.feed_forward, logits += f.logits;
    return *this;
  }
};

namespace detail {

/// One block of a config's own stack: an encoder's where it is one.
inline ForwardFlops block_flops(const FlopOptions& o, Index layer) {
  const ModelConfig& c = o.config;
  const bool causal = c.stacks != Stacks::encoder && o.scores == ScoreCount::causal_half;
  const double tokens = static_cast<double>(o.tokens), d = static_cast<double>(c.d_model);
  const double q = static_cast<double>(c.query_width()), kv = static_cast<double>(c.key_value_width());
  const double keys = c.windowed(layer) ? (std::min)(tokens, static_cast<double>(c.window)) : tokens;
  // A causal query sees half of the sequence on average, but a full window once there are as many before it.
  const double pairs = causal ? keys * (tokens - keys / 2) : tokens * keys;
  ForwardFlops f;
  f.query_key_value = 2 * tokens * d * (q + 2 * kv);
  f.scores = f.mixing = 2 * pairs * q;
  f.attention_out = 2 * tokens * q * d;
  f.feed_forward = 2 * tokens * d * static_cast<double>(c.d_ff) * (c.gated ? 3 : 2);
  if (c.stacks == Stacks::encoder_decoder) {
    const double source = o.source_tokens ? static_cast<double>(o.source_tokens) : tokens;
    f.cross_attention = 2 * tokens * d * 2 * q + 2 * source * d * 2 * kv + 4 * tokens * source * q;
  }
  return f;
}

inline void check(const FlopOptions& o) {
  validate(o.config);
  require_positive(o.tokens, "tokens");
  require_not_negative(o.source_tokens, "source_tokens");
}

}  // namespace detail

/// FLOPs of the matrix products of one block in a forward pass; of a decoder's where there are two stacks.
/// @throws ConfigError, InputError  for sizes that are not positive, and a layer that is not there
inline ForwardFlops layer_forward_flops(const FlopOptions& o, Index layer) {
  detail::check(o);
  if (layer < 0 || layer >= o.config.n_layers)
    fail(InputError(concat("layer ", layer, " of ", o.config.n_layers, " does not exist")));
  return detail::block_flops(o, layer);
}

/// FLOPs of the matrix products of one forward pass; norms, softmax and activations are left out, as in the
/// published formulas (below 1% at published sizes).
/// @throws ConfigError, InputError  for sizes that are not positive
inline ForwardFlops forward_flops(const FlopOptions& o) {
  detail::check(o);
  const ModelConfig& c = o.config;
  ForwardFlops f;
  for (Index layer = 0; layer < c.n_layers; ++layer) f += detail::block_flops(o, layer);
  if (c.stacks == Stacks::encoder_decoder) {
    const FlopOptions source{.config = c.encoder(), .tokens = o.source_tokens ? o.source_tokens : o.tokens};
    for (Index layer = 0; layer < source.config.n_layers; ++layer) f += detail::block_flops(source, layer);
  }
  const double tokens = static_cast<double>(o.tokens), d = static_cast<double>(c.d_model);
  if (c.head == Head::masked_words) f.logits += 2 * tokens * d * d;
  if (c.head == Head::words || c.head == Head::masked_words)
    f.logits += 2 * tokens * d * static_cast<double>(c.vocab_size);
  if (c.head == Head::token_classes) f.logits += 2 * tokens * d * static_cast<double>(c.n_labels);
  return f;
}

/// FLOPs of the backward pass over one sequence: twice the forward pass, and what is computed again:
/// attention scores and their mixing, or all blocks.
inline double backward_flops(const FlopOptions& o, Recompute recompute = Recompute::none) {
  const ForwardFlops f = forward_flops(o);
  const double again = recompute == Recompute::full        ? f.blocks()
                       : recompute == Recompute::selective ? f.scores + f.mixing
                                                           : 0.0;
  return 2 * f.total() + again;
}

/// FLOPs of training on one sequence, forward and backward. Without recomputation they are the model's FLOPs
/// (MFU), with it the hardware's (HFU).
inline double training_flops(const FlopOptions& o, Recompute recompute = Recompute::none) {
  return forward_flops(o).total() + backward_flops(o, recompute);
}

/// C = 6·N·D. @param flops_per_parameter  6 for training, 2 for inference, 3 where half of the parameters see
/// a token (T5 in Brown et al. 2020, table D.1), 8 with full recomputation (Narayanan et al. 2021, Eq. 4)
inline double dense_flops(double parameters, double tokens, double flops_per_parameter = 6.0) {
  detail::require_positive(parameters, "parameters");
  detail::require_positive(tokens, "tokens");
  detail::require_positive(flops_per_parameter, "flops_per_parameter");
  return flops_per_parameter * parameters * tokens;
}

struct PalmFlopOptions {
  double parameters = 0;
  Index n_layers = 0;
  Index n_heads = 0;
  Index head_size = 0;
  Index tokens = 0;  ///< of one sequence
  ScoreCount scores = ScoreCount::whole;
};

/// Training FLOPs for each token: 6·N + 12·L·H·Q·T (Chowdhery et al. 2022, appendix B).
inline double palm_flops_per_token(const PalmFlopOptions& o) {
  detail::require_positive(o.parameters, "parameters");
  detail::require_positive(o.n_layers, "n_layers");
  detail::require_positive(o.n_heads, "n_heads");
  detail::require_positive(o.head_size, "head_size");
  detail::require_positive(o.tokens, "tokens");
  const double pairs = static_cast<double>(o.n_layers) * static_cast<double>(o.n_heads) *
                       static_cast<double>(o.head_size) * static_cast<double>(o.tokens);
  return 6 * o.parameters + (o.scores == ScoreCount::causal_half ? 6 : 12) * pairs;
}

struct MegatronFlopOptions {
  Index n_layers = 0;
  Index d_model = 0;
  Index vocab_size = 0;
  Index tokens = 0;                       ///< s: of one sequence
  double sequences = 1;                   ///< B: of the global batch
  Recompute recompute = Recompute::none;  ///< none: model FLOPs
};

/// FLOPs of one step of a GPT: 72·B·L·s·h²·(1 + s/6h + V/12hL); with scores recomputed s/3h (Korthikanti et
/// al. 2022, appendix A, which so counts them three times again; training_flops() counts them once); with
/// full recomputation 96·B·L·s·h²·(1 + s/6h + V/16hL) (Narayanan et al. 2021, Eq. 3).
inline double megatron_step_flops(const MegatronFlopOptions& o) {
  detail::require_positive(o.n_layers, "n_layers");
  detail::require_positive(o.d_model, "d_model");
  detail::require_not_negative(o.vocab_size, "vocab_size");
  detail::require_positive(o.tokens, "tokens");
  detail::require_positive(o.sequences, "sequences");
  const double l = static_cast<double>(o.n_layers), h = static_cast<double>(o.d_model),
               s = static_cast<double>(o.tokens);
  const double v = static_cast<double>(o.vocab_size);
  const bool forward = o.recompute == Recompute::full;
  const double scores = s / ((o.recompute == Recompute::selective ? 3.0 : 6.0) * h);
  return (forward ? 96.0 : 72.0) * o.sequences * l * s * h * h *
         (1 + scores + v / ((forward ? 16.0 : 12.0) * h * l));
}

/// Forward FLOPs for each token by Kaplan et al. 2020, table 1: 2·N + 2·n_layer·n_ctx·d_attn, N without
/// embeddings. (Half of PaLM's count for attention.)
inline double kaplan_forward_flops_per_token(double non_embedding_parameters, Index n_layers, Index tokens,
                                             Index attention_width) {
  detail::require_positive(non_embedding_parameters, "non_embedding_parameters");
  return 2 * non_embedding_parameters + 2.0 * static_cast<double>(n_layers) * static_cast<double>(tokens) *
                                            static_cast<double>(attention_width);
}

/// Hoffmann et al. 2022, appendix F: FLOPs of training on one sequence, softmax included. Their table A4 is
/// reproduced only without the embedding and logit terms that the appendix lists.
inline double chinchilla_sequence_flops(const FlopOptions& o, bool embeddings_and_logits) {
  validate(o.config);
  detail::require_positive(o.tokens, "tokens");
  const ModelConfig& c = o.config;
  const double s = static_cast<double>(o.tokens), d = static_cast<double>(c.d_model),
               q = static_cast<double>(c.query_width());
  const double heads = static_cast<double>(c.n_heads), vocab = static_cast<double>(c.vocab_size);
  const double attention = 6 * s * d * q + 2 * s * s * q + 3 * heads * s * s + 2 * s * s * q + 2 * s * q * d;
  const double block = attention + 4 * s * d * static_cast<double>(c.d_ff);
  return 3 * (static_cast<double>(c.n_layers) * block + (embeddings_and_logits ? 4 * s * vocab * d : 0.0));
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
