// ModelConfig: one transformer, described by its axes. BERT, GPT-2, BLOOM, PaLM, LLaMA, T5 and BART are
// values of this struct; no code below ever asks which of them it serves.
//
// Plain numbers and enums only (a structural type): a config can be a constant expression, a template
// argument, and the input of the calculators, which need no Eigen.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/types.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// layer: Ba et al. 2016, "Layer Normalization"; rms: Zhang & Sennrich 2019, "Root Mean Square Layer Norm…".
enum class NormKind { layer, rms };

/// before: x + f(norm(x)) (GPT-2, LLaMA); after: norm(x + f(x)) (BERT, BART); both: x + norm(f(norm(x)))
/// (Gemma 2).
enum class NormPlacement { before, after, both };

/// What the residual connection adds to: the block's input, or its normed input (BLOOM's option).
enum class ResidualSource { input, normed };

/// How attention and feed-forward join: one after the other, or side by side with one norm (PaLM, GPT-J) or a
/// norm each (GPT-NeoX).
enum class Branches { sequential, parallel_one_norm, parallel_two_norms };

/// gelu: Hendrycks & Gimpel 2016 by the error function; gelu_tanh: its tanh form; gelu_quick: x·σ(1.702x);
/// relu_squared: So et al. 2021 (Primer).
enum class Activation { gelu, gelu_tanh, gelu_quick, relu, relu_squared, silu, mish, tanh, sigmoid };

/// sinusoidal: Vaswani et al. 2017; rotary: Su et al. 2021; alibi: Press et al. 2021; relative_buckets:
/// Raffel et al. 2020 (T5).
enum class Positions { none, learned, sinusoidal, rotary, alibi, relative_buckets };

/// Which columns of a head turn together: j and j + size/2 (LLaMA, GPT-NeoX), or 2j and 2j + 1 (GPT-J).
enum class RotaryPairing { halves, neighbours };

/// How rotary frequencies are stretched for windows longer than the trained one. linear: Chen et al. 2023;
/// dynamic: NTK-aware, base grown with the length; yarn: Peng et al. 2023; llama3: by wavelength (LLaMA 3.1).
enum class RotaryScaling { none, linear, dynamic, yarn, llama3 };

/// Which stacks a model has.
enum class Stacks { decoder, encoder, encoder_decoder };

/// What turns hidden states into answers: words (causal and sequence-to-sequence models), masked words
/// (BERT's transform and tied decoder), one label a text, one label a token, or nothing.
enum class Head { none, words, masked_words, text_classes, token_classes };

constexpr const char* name_of(Head head) {
  switch (head) {
    case Head::none: return "nothing";
    case Head::words: return "words";
    case Head::masked_words: return "masked words";
    case Head::text_classes: return "classes of texts";
    case Head::token_classes: return "classes of tokens";
  }
  return "?";
}

/// A published or user-made transformer. Sizes that are 0 have the default that their comment names.
struct ModelConfig {
  Index vocab_size = 0;
  Index d_model = 0;            ///< width of the hidden states
  Index n_layers = 0;           ///< blocks; of the decoder where there are two stacks
  Index n_heads = 0;            ///< query heads
  Index n_key_value_heads = 0;  ///< 0: n_heads (multi-head); 1: multi-query; between: grouped queries
  Index head_size = 0;          ///< 0: d_model / n_heads
  Index d_ff = 0;               ///< inner width of the feed-forward layer
  Index max_positions = 0;      ///< context window: prompt and new tokens together

  Stacks stacks = Stacks::decoder;
  Index encoder_layers = 0;       ///< of encoder_decoder: 0 is n_layers
  Index encoder_heads = 0;        ///< 0: n_heads
  Index encoder_d_ff = 0;         ///< 0: d_ff
  Token decoder_start_token = 0;  ///< what a target of encoder_decoder begins with

  struct Norm {
    NormKind kind = NormKind::layer;
    double epsilon = 1e-5;
    bool bias = true;     ///< of layer norms; an RMS norm has none
    double offset = 0.0;  ///< added to the stored weight (1: Gemma)
    constexpr bool operator==(const Norm&) const = default;
  } norm{};
  NormPlacement norm_placement = NormPlacement::before;
  ResidualSource residual_source = ResidualSource::input;
  Branches branches = Branches::sequential;

  Activation activation = Activation::gelu;
  bool gated = false;  ///< down(act(gate(x)) · up(x)), Shazeer 2020; otherwise down(act(up(x)))

  Positions positions = Positions::learned;
  Index position_offset = 0;  ///< rows before position 0 in a learned table (BART, OPT: 2)
  struct Rotary {
    double base = 10000.0;
    Index dimensions = 0;  ///< columns of a head that turn; 0: all
    RotaryPairing pairing = RotaryPairing::halves;
    RotaryScaling scaling = RotaryScaling::none;
    double factor = 1.0;
    Index original_max_positions = 0;  ///< trained window; 0: max_positions
    double attention_factor = 0.0;     ///< yarn: multiplies cosine and sine; 0: 0.1·ln(factor) + 1
    double beta_fast = 32.0;  ///< yarn: rotations over the trained window above which nothing changes
    double beta_slow = 1.0;   ///< yarn: and below which a frequency is divided by factor
    double low_frequency_factor = 1.0;  ///< llama3: as above, by wavelength
    double high_frequency_factor = 4.0;
    constexpr bool operator==(const Rotary&) const = default;
  } rotary{};
  struct RelativeBuckets {
    Index count = 32;
    Index max_distance = 128;
    constexpr bool operator==(const RelativeBuckets&) const = default;
  } relative_buckets{};

  struct Biases {
    bool query_key_value = true;
    bool attention_out = true;
    bool feed_forward = true;
    bool logits = false;
    constexpr bool operator==(const Biases&) const = default;
  } biases{};
  double score_scale = 0.0;  ///< multiplies q·k; 0: 1/√head_size; 1: T5
  double score_cap = 0.0;    ///< cap·tanh(score/cap); 0: none (Gemma 2: 50)
  Index window = 0;          ///< keys a query sees, itself included; 0: all before it (Mistral: 4096)
  Index window_every = 1;    ///< the window holds in layers 0, n, 2n, …: 2 is every second layer (Gemma 2)

  bool embedding_norm = false;   ///< a norm right after the embeddings (BERT, BLOOM, BART)
  double embedding_scale = 1.0;  ///< multiplies token embeddings (Gemma, scaled BART: √d_model)
  Index token_types = 0;         ///< rows of the token-type table (BERT: 2)
  bool final_norm = true;        ///< after the last block
  bool tied_embeddings = true;   ///< the output matrix is the embedding table
  double logits_scale = 1.0;     ///< multiplies logits (T5 with tied embeddings: 1/√d_model)
  double logits_cap = 0.0;       ///< cap·tanh(logit/cap); 0: none
  Head head = Head::words;
  bool pooler = false;  ///< act(linear(first token)) (BERT)
  Activation pooler_activation = Activation::tanh;
  Index n_labels = 0;  ///< of text_classes and token_classes

  // Resolved sizes.
  constexpr Index key_value_heads() const { return n_key_value_heads ? n_key_value_heads : n_heads; }
  constexpr Index head_width() const { return head_size ? head_size : (n_heads ? d_model / n_heads : 0); }
  constexpr Index query_width() const { return n_heads * head_width(); }
  constexpr Index key_value_width() const { return key_value_heads() * head_width(); }
  constexpr Index rotary_dimensions() const { return rotary.dimensions ? rotary.dimensions : head_width(); }
  constexpr bool windowed(Index layer) const { return window > 0 && layer % window_every == 0; }

  /// The config of the encoder stack of an encoder-decoder, as one of its own.
  constexpr ModelConfig encoder() const {
    ModelConfig e = *this;
    e.stacks = Stacks::encoder;
    e.n_layers = encoder_layers ? encoder_layers : n_layers;
    if (encoder_heads && encoder_heads != n_heads) {
      e.n_heads = encoder_heads;
      e.n_key_value_heads = 0;
    }
    e.d_ff = encoder_d_ff ? encoder_d_ff : d_ff;
    return e;
  }

  constexpr bool operator==(const ModelConfig&) const = default;
};

namespace detail {

inline void require(bool ok, const char* field, const std::string& why) {
  if (!ok) fail(ConfigError(field, why));
}

/// Sizes are bounded so that no product of two of them can overflow.
inline void require_size(Index value, const char* field, Index least) {
  require(value >= least, field, concat("must be at least ", least, ", is ", value));
  require(value <= (Index{1} << 31), field, concat("is too large: ", value));
}

}  // namespace detail

/// Checks that the sizes fit together.
/// @throws ConfigError  the first field that does not, its value, and what it must agree with
inline void validate(const ModelConfig& c) {
  using detail::require;
  using detail::require_size;
  require_size(c.vocab_size, "vocab_size", 1);
  require_size(c.d_model, "d_model", 1);
  require_size(c.n_layers, "n_layers", 1);
  require_size(c.n_heads, "n_heads", 1);
  require_size(c.n_key_value_heads, "n_key_value_heads", 0);
  require_size(c.head_size, "head_size", 0);
  require_size(c.d_ff, "d_ff", 1);
  require_size(c.max_positions, "max_positions", 1);
  require_size(c.encoder_layers, "encoder_layers", 0);
  require_size(c.encoder_heads, "encoder_heads", 0);
  require_size(c.encoder_d_ff, "encoder_d_ff", 0);
  require(c.decoder_start_token >= 0 && c.decoder_start_token < c.vocab_size, "decoder_start_token",
          concat(c.decoder_start_token, " is outside the vocabulary of ", c.vocab_size));
  require(c.head_size || c.d_model % c.n_heads == 0, "n_heads",
          concat(c.n_heads, " heads do not divide d_model ", c.d_model, ", and no head_size is given"));
  require(c.n_heads % c.key_value_heads() == 0, "n_key_value_heads",
          concat(c.key_value_heads(), " key/value heads do not divide ", c.n_heads, " heads"));
  require_size(c.query_width(), "head_size", 1);
  require(c.norm.epsilon > 0 && c.norm.epsilon < 1, "norm.epsilon",
          concat("must lie in (0, 1), is ", c.norm.epsilon));
  require_size(c.window, "window", 0);
  require_size(c.window_every, "window_every", 1);
  require_size(c.position_offset, "position_offset", 0);
  require_size(c.token_types, "token_types", 0);
  require_size(c.n_labels, "n_labels", 0);
  require(c.score_scale >= 0, "score_scale", concat("must not be negative, is ", c.score_scale));
  require(c.score_cap >= 0, "score_cap", concat("must not be negative, is ", c.score_cap));
  require(c.logits_cap >= 0, "logits_cap", concat("must not be negative, is ", c.logits_cap));
  if (c.positions == Positions::rotary) {
    require(c.rotary.base > 0, "rotary.base", concat("must be positive, is ", c.rotary.base));
    require(c.rotary_dimensions() % 2 == 0 && c.rotary_dimensions() > 0, "rotary.dimensions",
            concat("must be even and positive, is ", c.rotary_dimensions()));
    require(c.rotary_dimensions() <= c.head_width(), "rotary.dimensions",
            concat(c.rotary_dimensions(), " exceeds the head size ", c.head_width()));
    require(c.rotary.factor > 0, "rotary.factor", concat("must be positive, is ", c.rotary.factor));
    require_size(c.rotary.original_max_positions, "rotary.original_max_positions", 0);
    require(c.rotary.scaling != RotaryScaling::llama3 ||
                c.rotary.high_frequency_factor > c.rotary.low_frequency_factor,
            "rotary.high_frequency_factor",
            concat("must exceed the low one: ", c.rotary.high_frequency_factor, " against ",
                   c.rotary.low_frequency_factor));
  }
  if (c.positions == Positions::relative_buckets) {
    require_size(c.relative_buckets.count, "relative_buckets.count", 4);
    require(c.relative_buckets.max_distance > c.relative_buckets.count / 2, "relative_buckets.max_distance",
            concat("must exceed half the bucket count, is ", c.relative_buckets.max_distance));
  }
  require(c.residual_source == ResidualSource::input || c.norm_placement == NormPlacement::before,
          "residual_source", "the normed input exists only where norms stand before the branches");
  require(c.branches == Branches::sequential || c.norm_placement == NormPlacement::before, "branches",
          "parallel branches need norms before them");
  require(c.branches == Branches::sequential || c.residual_source == ResidualSource::input, "residual_source",
          "parallel branches add to the block's input");
  require(c.branches == Branches::sequential || c.stacks != Stacks::encoder_decoder, "branches",
          "parallel branches leave no place for cross-attention");
  const bool classes = c.head == Head::text_classes || c.head == Head::token_classes;
  require(!classes || c.n_labels > 0, "n_labels", concat("a classifier needs at least 1, has ", c.n_labels));
  if (c.stacks == Stacks::encoder_decoder && c.encoder_heads) {
    require(c.head_size || c.d_model % c.encoder_heads == 0, "encoder_heads",
            concat(c.encoder_heads, " heads do not divide d_model ", c.d_model));
  }
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
