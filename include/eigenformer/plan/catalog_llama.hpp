// The catalog, decoders of the LLaMA line: LLaMA, Mistral, TinyLlama, Qwen, Gemma.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

/// LLaMA: RMS norms, rotary positions, gated feed-forward, no biases, its own output matrix.
constexpr ModelConfig llama(Index vocab, Index layers, Index d, Index heads, Index key_value_heads,
                            Index d_ff, Index window, double rotary_base = 1e4) {
  ModelConfig c{.vocab_size = vocab,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .n_key_value_heads = key_value_heads,
                .d_ff = d_ff,
                .max_positions = window};
  c.norm.kind = NormKind::rms;
  c.activation = Activation::silu;
  c.gated = true;
  c.positions = Positions::rotary;
  c.rotary.base = rotary_base;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  c.tied_embeddings = false;
  return c;
}

/// LLaMA 3.1 and 3.2: rotary frequencies stretched by wavelength from the 8,192 tokens of LLaMA 3.
constexpr ModelConfig llama31(Index layers, Index d, Index heads, Index d_ff, double factor = 8,
                              bool tied = false) {
  ModelConfig c = llama(128256, layers, d, heads, 8, d_ff, 131072, 5e5);
  c.tied_embeddings = tied;
  c.rotary.scaling = RotaryScaling::llama3;
  c.rotary.factor = factor;
  c.rotary.original_max_positions = 8192;
  return c;
}

/// Mistral: LLaMA with a sliding window of 4,096 keys.
constexpr ModelConfig mistral() {
  ModelConfig c = llama(32000, 32, 4096, 32, 8, 14336, 8192);
  c.window = 4096;
  return c;
}

/// Qwen2: LLaMA with biases on query, key and value.
constexpr ModelConfig qwen2(Index vocab, Index layers, Index d, Index heads, Index key_value_heads,
                            Index d_ff, bool tied) {
  ModelConfig c = llama(vocab, layers, d, heads, key_value_heads, d_ff, 32768, 1e6);
  c.biases.query_key_value = true;
  c.tied_embeddings = tied;
  return c;
}

/// Gemma: LLaMA with tied embeddings, heads of 256, GELU and 1 + weight in the norms.
constexpr ModelConfig gemma(Index layers, Index d, Index heads, Index key_value_heads, Index d_ff,
                            Index head_size = 256) {
  ModelConfig c = llama(256000, layers, d, heads, key_value_heads, d_ff, 8192);
  c.head_size = head_size;
  c.norm.offset = 1.0;
  c.activation = Activation::gelu_tanh;
  c.tied_embeddings = true;
  return c;
}

/// Gemma 2: Gemma with norms on both sides, soft caps, and a window in every second layer.
constexpr ModelConfig gemma2(Index layers, Index d, Index heads, Index key_value_heads, Index d_ff,
                             Index head_size = 256) {
  ModelConfig c = gemma(layers, d, heads, key_value_heads, d_ff, head_size);
  c.norm_placement = NormPlacement::both;
  c.score_cap = 50;
  c.logits_cap = 30;
  c.window = 4096;
  c.window_every = 2;
  return c;
}

}  // namespace detail

/// Decoders of the LLaMA line: LLaMA, Mistral, TinyLlama, Qwen, Gemma.
inline constexpr CatalogEntry llama_models[] = {
    {.name = "llama-7b",
     .objective = "next word",
     .config = detail::llama(32000, 32, 4096, 32, 32, 11008, 2048),
     .exact_parameters = 6'738'415'616,
     .training_tokens = 1e12,
     .source = "Touvron et al. 2023a Table 2"},
    {.name = "llama-13b",
     .objective = "next word",
     .config = detail::llama(32000, 40, 5120, 40, 40, 13824, 2048),
     .training_tokens = 1e12,
     .source = "Touvron et al. 2023a Table 2"},
    {.name = "llama-33b",
     .objective = "next word",
     .config = detail::llama(32000, 60, 6656, 52, 52, 17920, 2048),
     .training_tokens = 1.4e12,
     .source = "Touvron et al. 2023a Table 2"},
    {.name = "llama-65b",
     .objective = "next word",
     .config = detail::llama(32000, 80, 8192, 64, 64, 22016, 2048),
     .exact_parameters = 65'285'660'672,
     .training_tokens = 1.4e12,
     .source = "Touvron et al. 2023a Table 2",
     .note = "Trained at 2,048 tokens; the 4,096 often said is LLaMA 2."},
    {.name = "llama-2-7b",
     .objective = "next word",
     .config = detail::llama(32000, 32, 4096, 32, 32, 11008, 4096),
     .exact_parameters = 6'738'415'616,
     .training_tokens = 2e12,
     .source = "Touvron et al. 2023b"},
    {.name = "llama-2-13b",
     .objective = "next word",
     .config = detail::llama(32000, 40, 5120, 40, 40, 13824, 4096),
     .exact_parameters = 13'015'864'320,
     .training_tokens = 2e12,
     .source = "Touvron et al. 2023b"},
    {.name = "llama-2-70b",
     .objective = "next word",
     .config = detail::llama(32000, 80, 8192, 64, 8, 28672, 4096),
     .training_tokens = 2e12,
     .source = "Touvron et al. 2023b"},
    {.name = "llama-3-8b",
     .objective = "next word",
     .config = detail::llama(128256, 32, 4096, 32, 8, 14336, 8192, 5e5),
     .training_tokens = 1.5e13,
     .source = "Llama 3 herd paper (Dubey et al. 2024) Table 3",
     .note = "Pre-training corpus of over 15T tokens."},
    {.name = "llama-3-70b",
     .objective = "next word",
     .config = detail::llama(128256, 80, 8192, 64, 8, 28672, 8192, 5e5),
     .training_tokens = 1.5e13,
     .source = "Llama 3 herd paper (Dubey et al. 2024) Table 3",
     .note = "Pre-training corpus of over 15T tokens."},
    {.name = "llama-3.1-8b",
     .objective = "next word",
     .config = detail::llama31(32, 4096, 32, 14336),
     .exact_parameters = 8'030'261'248,
     .training_tokens = 1.5e13,
     .source = "Llama 3 herd paper (Dubey et al. 2024) Table 3"},
    {.name = "llama-3.1-70b",
     .objective = "next word",
     .config = detail::llama31(80, 8192, 64, 28672),
     .exact_parameters = 70'553'706'496,
     .training_tokens = 1.5e13,
     .source = "Llama 3 herd paper (Dubey et al. 2024) Table 3"},
    {.name = "llama-3.1-405b",
     .objective = "next word",
     .config = detail::llama31(126, 16384, 128, 53248),
     .exact_parameters = 405'853'388'800,
     .training_tokens = 1.56e13,
     .training_flops = 3.8e25,
     .source = "Llama 3 herd paper (Dubey et al. 2024) Table 3"},
    {.name = "llama-3.2-1b",
     .objective = "next word",
     .config = detail::llama31(16, 2048, 32, 8192, 32, true),
     .exact_parameters = 1'235'814'400,
     .training_tokens = 9e12,
     .source = "Meta 2024, Llama 3.2 model card",
     .note = "Up to 9T tokens, after pruning LLaMA 3.1 8B."},
    {.name = "llama-3.2-3b",
     .objective = "next word",
     .config = detail::llama31(28, 3072, 24, 8192, 32, true),
     .exact_parameters = 3'212'749'824,
     .training_tokens = 9e12,
     .source = "Meta 2024, Llama 3.2 model card",
     .note = "Up to 9T tokens, after pruning LLaMA 3.1 8B."},
    {.name = "mistral-7b",
     .objective = "next word",
     .config = detail::mistral(),
     .exact_parameters = 7'241'732'096,
     .source = "Jiang et al. 2023 (Mistral 7B) Table 1"},
    {.name = "tinyllama-1.1b",
     .objective = "next word",
     .config = detail::llama(32000, 22, 2048, 32, 4, 5632, 2048),
     .exact_parameters = 1'100'048'384,
     .training_tokens = 3e12,
     .source = "Zhang et al. 2024 (TinyLlama)"},
    {.name = "qwen2.5-0.5b",
     .objective = "next word",
     .config = detail::qwen2(151936, 24, 896, 14, 2, 4864, true),
     .exact_parameters = 494'032'768,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "qwen2.5-1.5b",
     .objective = "next word",
     .config = detail::qwen2(151936, 28, 1536, 12, 2, 8960, true),
     .exact_parameters = 1'543'714'304,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "qwen2.5-3b",
     .objective = "next word",
     .config = detail::qwen2(151936, 36, 2048, 16, 2, 11008, true),
     .exact_parameters = 3'085'938'688,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "qwen2.5-7b",
     .objective = "next word",
     .config = detail::qwen2(152064, 28, 3584, 28, 4, 18944, false),
     .exact_parameters = 7'615'616'512,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "qwen2.5-14b",
     .objective = "next word",
     .config = detail::qwen2(152064, 48, 5120, 40, 8, 13824, false),
     .exact_parameters = 14'770'033'664,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "qwen2.5-32b",
     .objective = "next word",
     .config = detail::qwen2(152064, 64, 5120, 40, 8, 27648, false),
     .exact_parameters = 32'763'876'352,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "qwen2.5-72b",
     .objective = "next word",
     .config = detail::qwen2(152064, 80, 8192, 64, 8, 29568, false),
     .exact_parameters = 72'706'203'648,
     .training_tokens = 1.8e13,
     .source = "Qwen Team 2024 (Qwen2.5) Table 1"},
    {.name = "gemma-2b",
     .objective = "next word",
     .config = detail::gemma(18, 2048, 8, 1, 16384),
     .exact_parameters = 2'506'172'416,
     .training_tokens = 3e12,
     .source = "Gemma Team 2024 Tables 1, 2"},
    {.name = "gemma-7b",
     .objective = "next word",
     .config = detail::gemma(28, 3072, 16, 16, 24576),
     .exact_parameters = 8'537'680'896,
     .training_tokens = 6e12,
     .source = "Gemma Team 2024 Tables 1, 2",
     .note = "8.54B with embeddings."},
    {.name = "gemma-2-2b",
     .objective = "next word",
     .config = detail::gemma2(26, 2304, 8, 4, 9216),
     .exact_parameters = 2'614'341'888,
     .training_tokens = 2e12,
     .source = "Gemma Team 2024b (Gemma 2) Table 1"},
    {.name = "gemma-2-9b",
     .objective = "next word",
     .config = detail::gemma2(42, 3584, 16, 8, 14336),
     .exact_parameters = 9'241'705'984,
     .training_tokens = 8e12,
     .source = "Gemma Team 2024b (Gemma 2) Tables 1, 2"},
    {.name = "gemma-2-27b",
     .objective = "next word",
     .config = detail::gemma2(46, 4608, 32, 16, 36864, 128),
     .exact_parameters = 27'227'128'320,
     .training_tokens = 1.3e13,
     .source = "Gemma Team 2024b (Gemma 2) Tables 1, 2"},
};

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
