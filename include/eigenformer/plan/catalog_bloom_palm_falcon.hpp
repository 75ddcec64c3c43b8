// The catalog, decoders with ALiBi or parallel branches: BLOOM, BloombergGPT, PaLM, Falcon.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

/// BLOOM and BloombergGPT: ALiBi, and a norm after the embeddings.
constexpr ModelConfig bloom(Index vocab, Index layers, Index d, Index heads) {
  return {.vocab_size = vocab,
          .d_model = d,
          .n_layers = layers,
          .n_heads = heads,
          .d_ff = 4 * d,
          .max_positions = 2048,
          .activation = Activation::gelu_tanh,
          .positions = Positions::alibi,
          .embedding_norm = true};
}

/// PaLM: parallel branches with one norm, multi-query attention, gated feed-forward, no biases.
constexpr ModelConfig palm(Index layers, Index d, Index heads) {
  ModelConfig c{.vocab_size = 256000,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .n_key_value_heads = 1,
                .head_size = 256,
                .d_ff = 4 * d,
                .max_positions = 2048};
  c.norm.bias = false;
  c.branches = Branches::parallel_one_norm;
  c.activation = Activation::silu;
  c.gated = true;
  c.positions = Positions::rotary;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  return c;
}

/// Falcon: parallel branches, few key/value heads, no biases but those of the norms.
constexpr ModelConfig falcon(Index layers, Index d, Index heads, Index key_value_heads, bool tied) {
  ModelConfig c{.vocab_size = 65024,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .n_key_value_heads = key_value_heads,
                .d_ff = 4 * d,
                .max_positions = 2048};
  c.branches = key_value_heads == 1 ? Branches::parallel_one_norm : Branches::parallel_two_norms;
  c.positions = Positions::rotary;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  c.tied_embeddings = tied;
  return c;
}

}  // namespace detail

/// Decoders with ALiBi or parallel branches: BLOOM, BloombergGPT, PaLM, Falcon.
inline constexpr CatalogEntry bloom_palm_falcon_models[] = {
    {.name = "bloom-560m",
     .objective = "next word",
     .config = detail::bloom(250880, 24, 1024, 16),
     .exact_parameters = 559'214'592,
     .training_tokens = 3.41e11,
     .source = "BigScience 2022; model cards"},
    {.name = "bloom-1b1",
     .objective = "next word",
     .config = detail::bloom(250880, 24, 1536, 16),
     .exact_parameters = 1'065'314'304,
     .training_tokens = 3.41e11,
     .source = "BigScience 2022; model cards"},
    {.name = "bloom-1b7",
     .objective = "next word",
     .config = detail::bloom(250880, 24, 2048, 16),
     .exact_parameters = 1'722'408'960,
     .training_tokens = 3.41e11,
     .source = "BigScience 2022; model cards"},
    {.name = "bloom-3b",
     .objective = "next word",
     .config = detail::bloom(250880, 30, 2560, 32),
     .training_tokens = 3.41e11,
     .source = "BigScience 2022; model cards"},
    {.name = "bloom-7b1",
     .objective = "next word",
     .config = detail::bloom(250880, 30, 4096, 32),
     .exact_parameters = 7'069'016'064,
     .training_tokens = 3.41e11,
     .source = "BigScience 2022; model cards"},
    {.name = "bloom-176b",
     .objective = "next word",
     .config = detail::bloom(250880, 70, 14336, 112),
     .training_tokens = 3.66e11,
     .source = "BigScience 2022; model cards",
     .note = "Vocabulary padded to 250,880; the tokenizer has 250,680."},
    {.name = "palm-8b",
     .objective = "next word",
     .config = detail::palm(32, 4096, 16),
     .training_tokens = 7.8e11,
     .training_flops = 4.29e22,
     .source = "Chowdhery et al. 2022 (PaLM) sec. 2, Table 1; vocabulary \"256k\""},
    {.name = "palm-62b",
     .objective = "next word",
     .config = detail::palm(64, 8192, 32),
     .training_tokens = 7.95e11,
     .training_flops = 3.08e23,
     .source = "Chowdhery et al. 2022 (PaLM) sec. 2, Table 1; vocabulary \"256k\""},
    {.name = "palm-540b",
     .objective = "next word",
     .config = detail::palm(118, 18432, 48),
     .training_tokens = 7.8e11,
     .training_flops = 2.56e24,
     .source = "Chowdhery et al. 2022 (PaLM) sec. 2, Table 1; vocabulary \"256k\"",
     .note = "Heads × head size differs from d_model: formulas in d_model alone miscount attention."},
    {.name = "bloomberggpt-50b",
     .objective = "next word",
     .config = detail::bloom(131072, 70, 7680, 40),
     .exact_parameters = 50'558'868'480,
     .training_tokens = 5.69e11,
     .training_flops = 2.36e23,
     .source = "Wu et al. 2023 (BloombergGPT) Table 4, sec. 3, Appendix A",
     .note = "569B of 709B tokens were seen. The printed FLOPs include recomputation; 6ND gives 1.73e23."},
    {.name = "falcon-7b",
     .objective = "next word",
     .config = detail::falcon(32, 4544, 71, 1, true),
     .exact_parameters = 6'921'720'704,
     .training_tokens = 1.5e12,
     .source = "Almazrouei et al. 2023"},
    {.name = "falcon-40b",
     .objective = "next word",
     .config = detail::falcon(60, 8192, 128, 8, true),
     .exact_parameters = 41'303'293'952,
     .training_tokens = 1e12,
     .source = "Almazrouei et al. 2023"},
    {.name = "falcon-180b",
     .objective = "next word",
     .config = detail::falcon(80, 14848, 232, 8, false),
     .exact_parameters = 179'522'565'120,
     .training_tokens = 3.5e12,
     .source = "Almazrouei et al. 2023"},
};

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
