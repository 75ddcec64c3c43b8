// The catalog, encoder-decoders: T5, FLAN-T5, mT5, BART.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

/// T5: relative position buckets, RMS norms, no biases. One table of buckets a stack.
constexpr ModelConfig t5(Index layers, Index d, Index heads, Index head_size, Index d_ff) {
  ModelConfig c{.vocab_size = 32128,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .head_size = head_size,
                .d_ff = d_ff,
                .max_positions = 512,
                .stacks = Stacks::encoder_decoder};
  c.norm.kind = NormKind::rms;
  c.activation = Activation::relu;
  c.positions = Positions::relative_buckets;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  c.score_scale = 1.0;
  return c;
}

/// T5 1.1, FLAN-T5 and mT5: gated GELU, and an output matrix of its own.
constexpr ModelConfig t5_v11(Index layers, Index d, Index heads, Index d_ff, Index vocab = 32128) {
  ModelConfig c = t5(layers, d, heads, 64, d_ff);
  c.vocab_size = vocab;
  c.activation = Activation::gelu_tanh;
  c.gated = true;
  c.tied_embeddings = false;
  return c;
}

/// BART: norms after the branches and after the embeddings, learned positions in both stacks.
constexpr ModelConfig bart(Index layers, Index d, Index heads) {
  ModelConfig c{.vocab_size = 50265,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .d_ff = 4 * d,
                .max_positions = 1024,
                .stacks = Stacks::encoder_decoder};
  c.norm_placement = NormPlacement::after;
  c.position_offset = 2;
  c.embedding_norm = true;
  c.final_norm = false;
  return c;
}

}  // namespace detail

/// Encoder-decoders: T5, FLAN-T5, mT5, BART.
inline constexpr CatalogEntry encoder_decoder_models[] = {
    {.name = "t5-small",
     .objective = "span corruption",
     .config = detail::t5(6, 512, 8, 64, 2048),
     .exact_parameters = 60'506'624,
     .training_tokens = 1e12,
     .training_flops = 1.8e20,
     .source = "Raffel et al. 2019 sec. 3.7",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "Relative positions: 512 tokens in training, no fixed limit. The paper prints 60M."},
    {.name = "t5-base",
     .objective = "span corruption",
     .config = detail::t5(12, 768, 12, 64, 3072),
     .exact_parameters = 222'903'552,
     .training_tokens = 1e12,
     .training_flops = 6.6e20,
     .source = "Raffel et al. 2019 sec. 3.7",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "Relative positions: 512 tokens in training, no fixed limit. The paper prints 220M."},
    {.name = "t5-large",
     .objective = "span corruption",
     .config = detail::t5(24, 1024, 16, 64, 4096),
     .exact_parameters = 737'668'096,
     .training_tokens = 1e12,
     .training_flops = 2.31e21,
     .source = "Raffel et al. 2019 sec. 3.7",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "Relative positions: 512 tokens in training, no fixed limit. The paper prints 770M for 737.7M."},
    {.name = "t5-3b",
     .objective = "span corruption",
     .config = detail::t5(24, 1024, 32, 128, 16384),
     .exact_parameters = 2'851'598'336,
     .training_tokens = 1e12,
     .training_flops = 9e21,
     .source = "Raffel et al. 2019 sec. 3.7",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "Relative positions: 512 tokens in training, no fixed limit. The paper prints 3B (2.8B)."},
    {.name = "t5-11b",
     .objective = "span corruption",
     .config = detail::t5(24, 1024, 128, 128, 65536),
     .exact_parameters = 11'307'321'344,
     .training_tokens = 1e12,
     .training_flops = 3.3e22,
     .source = "Raffel et al. 2019 sec. 3.7",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "Relative positions: 512 tokens in training, no fixed limit. The paper prints 11B."},
    {.name = "flan-t5-small",
     .objective = "span corruption, then instructions",
     .config = detail::t5_v11(8, 512, 6, 1024),
     .training_flops = 1.8e20,
     .source = "Chung et al. 2022 (FLAN) Table 2; T5 v1.1 configuration",
     .note = "Relative positions: 512 tokens in training, no fixed limit."},
    {.name = "flan-t5-base",
     .objective = "span corruption, then instructions",
     .config = detail::t5_v11(12, 768, 12, 2048),
     .training_flops = 6.6e20,
     .source = "Chung et al. 2022 (FLAN) Table 2; T5 v1.1 configuration",
     .note = "Relative positions: 512 tokens in training, no fixed limit."},
    {.name = "flan-t5-large",
     .objective = "span corruption, then instructions",
     .config = detail::t5_v11(24, 1024, 16, 2816),
     .exact_parameters = 783'150'080,
     .training_flops = 2.3e21,
     .source = "Chung et al. 2022 (FLAN) Table 2; T5 v1.1 configuration",
     .note = "Relative positions: 512 tokens in training, no fixed limit."},
    {.name = "flan-t5-xl",
     .objective = "span corruption, then instructions",
     .config = detail::t5_v11(24, 2048, 32, 5120),
     .training_flops = 9e21,
     .source = "Chung et al. 2022 (FLAN) Table 2; T5 v1.1 configuration",
     .note = "Relative positions: 512 tokens in training, no fixed limit."},
    {.name = "flan-t5-xxl",
     .objective = "span corruption, then instructions",
     .config = detail::t5_v11(24, 4096, 64, 10240),
     .training_flops = 3.3e22,
     .source = "Chung et al. 2022 (FLAN) Table 2; T5 v1.1 configuration",
     .note = "Relative positions: 512 tokens in training, no fixed limit."},
    {.name = "mt5-small",
     .objective = "span corruption",
     .config = detail::t5_v11(8, 512, 6, 1024, 250112),
     .exact_parameters = 300'176'768,
     .training_tokens = 1e12,
     .source = "Xue et al. 2020 (mT5) sections 3.2, 4; google/mt5-small",
     .note = "Relative positions: 1,024 tokens in training, no fixed limit. The paper prints 300M."},
    {.name = "mt5-base",
     .objective = "span corruption",
     .config = detail::t5_v11(12, 768, 12, 2048, 250112),
     .exact_parameters = 582'401'280,
     .training_tokens = 1e12,
     .source = "Xue et al. 2020 (mT5) sections 3.2, 4; google/mt5-base",
     .note = "Relative positions: 1,024 tokens in training, no fixed limit. The paper prints 580M."},
    {.name = "mt5-large",
     .objective = "span corruption",
     .config = detail::t5_v11(24, 1024, 16, 2816, 250112),
     .exact_parameters = 1'229'581'312,
     .training_tokens = 1e12,
     .source = "Xue et al. 2020 (mT5) sections 3.2, 4; google/mt5-large",
     .note = "Relative positions: 1,024 tokens in training, no fixed limit. The paper prints 1.2B."},
    {.name = "mt5-xl",
     .objective = "span corruption",
     .config = detail::t5_v11(24, 2048, 32, 5120, 250112),
     .exact_parameters = 3'742'619'648,
     .training_tokens = 1e12,
     .source = "Xue et al. 2020 (mT5) sections 3.2, 4; google/mt5-xl",
     .note = "Relative positions: 1,024 tokens in training, no fixed limit. The paper prints 3.7B."},
    {.name = "mt5-xxl",
     .objective = "span corruption",
     .config = detail::t5_v11(24, 4096, 64, 10240, 250112),
     .exact_parameters = 12'921'057'280,
     .training_tokens = 1e12,
     .source = "Xue et al. 2020 (mT5) sections 3.2, 4; google/mt5-xxl",
     .note = "Relative positions: 1,024 tokens in training, no fixed limit. The paper prints 13B."},
    {.name = "bart-base",
     .objective = "denoising",
     .config = detail::bart(6, 768, 12),
     .source = "Lewis et al. 2019 (BART) section 2; facebook/bart-base"},
    {.name = "bart-large",
     .objective = "denoising",
     .config = detail::bart(12, 1024, 16),
     .source = "Lewis et al. 2019 (BART) section 2; facebook/bart-large"},
};

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
