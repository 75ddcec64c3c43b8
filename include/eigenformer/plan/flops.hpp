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

namespace eigenformer::inline EIGENFORMER_ABI::plan {

/// Whether attention scores that a causal mask hides are counted.
enum class ScoreCount { whole, causal_half };

struct FlopOptions {
  ModelConfig config{};
  Index tokens = 0;         ///< of one sequence
  Index source_tokens = 0;  ///< of the encoder of an encoder-decoder; 0: tokens
  ScoreCount scores = ScoreCount::whole;
};

/// FLOPs of one forward pass over one sequence, part by part; all layers of a part together.
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
};

namespace detail {

inline void add_flops(ForwardFlops& f, const ModelConfig& c, double tokens, double source, bool causal) {
  const double n = static_cast<double>(c.n_layers), d = static_cast<double>(c.d_model);
  const double q = static_cast<double>(c.query_width()), kv = static_cast<double>(c.key_value_width());
  for (Index layer = 0; layer < c.n_layers; ++layer) {
    const double window = c.windowed(layer) ? (std::min)(tokens, static_cast<double>(c.window)) : tokens;
    const double pairs = tokens * window * (causal ? 0.5 : 1.0);
    f.scores += 2 * pairs * q;
    f.mixing += 2 * pairs * q;
  }
  f.query_key_value += n * 2 * tokens * d * (q + 2 * kv);
  f.attention_out += n * 2 * tokens * q * d;
  f.feed_forward += n * 2 * tokens * d * static_cast<double>(c.d_ff) * (c.gated ? 3 : 2);
  if (source > 0)
    f.cross_attention += n * (2 * tokens * d * 2 * q + 2 * source * d * 2 * kv + 4 * tokens * source * q);
}

}  // namespace detail

/// FLOPs of the matrix products of one forward pass; norms, softmax and activations are left out, as in the
/// published formulas (below 1% at published sizes).
/// @throws ConfigError, InputError  for sizes that are not positive
inline ForwardFlops forward_flops(const FlopOptions& o) {
  validate(o.config);
  detail::require_positive(o.tokens, "tokens");
  detail::require_not_negative(o.source_tokens, "source_tokens");
  const ModelConfig& c = o.config;
  const double tokens = static_cast<double>(o.tokens);
  const double source = o.source_tokens ? static_cast<double>(o.source_tokens) : tokens;
  const bool both = c.stacks == Stacks::encoder_decoder;
  ForwardFlops f;
  if (c.stacks != Stacks::decoder)
    detail::add_flops(f, both ? c.encoder() : c, both ? source : tokens, 0, false);
  if (c.stacks != Stacks::encoder)
    detail::add_flops(f, c, tokens, both ? source : 0, o.scores == ScoreCount::causal_half);
  const double d = static_cast<double>(c.d_model);
  if (c.head == Head::masked_words) f.logits += 2 * tokens * d * d;
  if (c.head == Head::words || c.head == Head::masked_words)
    f.logits += 2 * tokens * d * static_cast<double>(c.vocab_size);
  if (c.head == Head::token_classes) f.logits += 2 * tokens * d * static_cast<double>(c.n_labels);
  return f;
}

/// FLOPs of training on one sequence: the backward pass costs two forward ones; full recomputation one more.
inline double training_flops(const FlopOptions& o, bool full_recomputation = false) {
  return forward_flops(o).total() * (full_recomputation ? 4.0 : 3.0);
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

/// What the Megatron formulas count as recomputed: nothing (model FLOPs), attention scores alone, or a whole
/// forward pass.
enum class Recomputed { nothing, scores, forward };

struct MegatronFlopOptions {
  Index n_layers = 0;
  Index d_model = 0;
  Index vocab_size = 0;
  Index tokens = 0;      ///< s: of one sequence
  double sequences = 1;  ///< B: of the global batch
  Recomputed recomputed = Recomputed::nothing;
};

/// FLOPs of one step of a GPT: 72·B·L·s·h²·(1 + s/6h + V/12hL); with scores recomputed s/3h (Korthikanti et
/// al. 2022, appendix A); with full recomputation 96·B·L·s·h²·(1 + s/6h + V/16hL) (Narayanan et al. 2021, Eq.
/// 3).
inline double megatron_step_flops(const MegatronFlopOptions& o) {
  detail::require_positive(o.n_layers, "n_layers");
  detail::require_positive(o.d_model, "d_model");
  detail::require_not_negative(o.vocab_size, "vocab_size");
  detail::require_positive(o.tokens, "tokens");
  detail::require_positive(o.sequences, "sequences");
  const double l = static_cast<double>(o.n_layers), h = static_cast<double>(o.d_model),
               s = static_cast<double>(o.tokens);
  const double v = static_cast<double>(o.vocab_size);
  const bool forward = o.recomputed == Recomputed::forward;
  const double scores = s / ((o.recomputed == Recomputed::scores ? 3.0 : 6.0) * h);
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

}  // namespace eigenformer::inline EIGENFORMER_ABI::plan
