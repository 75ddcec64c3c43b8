// The catalog, decoders of the GPT line: GPT-2, GPT-3, OPT, Megatron-Turing, Gopher, Chinchilla.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

/// GPT-2 and GPT-3: norms before the branches, learned positions, biases everywhere.
constexpr ModelConfig gpt(Index layers, Index d, Index heads, Index window) {
  return {.vocab_size = 50257,
          .d_model = d,
          .n_layers = layers,
          .n_heads = heads,
          .d_ff = 4 * d,
          .max_positions = window,
          .activation = Activation::gelu_tanh};
}

/// GPT-3 XL: 16 heads of 128 where the table prints 24.
constexpr ModelConfig gpt3_xl() { return gpt(24, 2048, 16, 2048); }

/// A model of which only the context window is public.
constexpr ModelConfig undisclosed(Index window) { return {.max_positions = window}; }

/// OPT: GPT with ReLU and two spare rows of positions.
constexpr ModelConfig opt(Index layers, Index d, Index heads) {
  ModelConfig c = gpt(layers, d, heads, 2048);
  c.vocab_size = 50272;
  c.activation = Activation::relu;
  c.position_offset = 2;
  return c;
}

/// OPT-350M: norms after the branches, none at the end.
constexpr ModelConfig opt_350m() {
  ModelConfig c = opt(24, 1024, 16);
  c.norm_placement = NormPlacement::after;
  c.final_norm = false;
  return c;
}

/// Megatron-Turing: GPT without a last norm, as Narayanan et al. 2021 count it.
constexpr ModelConfig megatron(Index layers, Index d, Index heads) {
  ModelConfig c = gpt(layers, d, heads, 2048);
  c.vocab_size = 51200;
  c.final_norm = false;
  return c;
}

/// Gopher and Chinchilla: GPT with relative positions of Transformer-XL, which stand outside of the config.
constexpr ModelConfig gopher(Index layers, Index d, Index heads) {
  ModelConfig c = gpt(layers, d, heads, 2048);
  c.vocab_size = 32000;
  c.positions = Positions::none;
  return c;
}

}  // namespace detail

/// Decoders of the GPT line: GPT-2, GPT-3, OPT, Megatron-Turing, Gopher, Chinchilla.
inline constexpr CatalogEntry gpt_models[] = {
    {.name = "gpt2",
     .objective = "next word",
     .config = detail::gpt(12, 768, 12, 1024),
     .exact_parameters = 124'439'808,
     .source = "Radford et al. 2019; openai/gpt-2",
     .note = "Table 2 of the paper prints 117M, a miscount."},
    {.name = "gpt2-medium",
     .objective = "next word",
     .config = detail::gpt(24, 1024, 16, 1024),
     .source = "Radford et al. 2019; openai/gpt-2",
     .note = "Table 2 of the paper prints 345M, a miscount."},
    {.name = "gpt2-large",
     .objective = "next word",
     .config = detail::gpt(36, 1280, 20, 1024),
     .exact_parameters = 774'030'080,
     .source = "Radford et al. 2019; openai/gpt-2",
     .note = "Table 2 of the paper prints 762M, a miscount."},
    {.name = "gpt2-xl",
     .objective = "next word",
     .config = detail::gpt(48, 1600, 25, 1024),
     .source = "Radford et al. 2019; openai/gpt-2",
     .note = "Table 2 of the paper prints 1542M, a miscount."},
    {.name = "distilgpt2",
     .objective = "next word, distilled from GPT-2",
     .config = detail::gpt(6, 768, 12, 1024),
     .exact_parameters = 81'912'576,
     .source = "distilbert/distilgpt2, model card; Sanh et al. 2019",
     .note = "The card prints 82M."},
    {.name = "gpt3-small",
     .objective = "next word",
     .config = detail::gpt(12, 768, 12, 2048),
     .training_tokens = 3e11,
     .training_flops = 2.25e20,
     .source = "Brown et al. 2020 Tables 2.1, D.1"},
    {.name = "gpt3-medium",
     .objective = "next word",
     .config = detail::gpt(24, 1024, 16, 2048),
     .training_tokens = 3e11,
     .training_flops = 6.41e20,
     .source = "Brown et al. 2020 Tables 2.1, D.1"},
    {.name = "gpt3-large",
     .objective = "next word",
     .config = detail::gpt(24, 1536, 16, 2048),
     .training_tokens = 3e11,
     .training_flops = 1.37e21,
     .source = "Brown et al. 2020 Tables 2.1, D.1"},
    {.name = "gpt3-xl",
     .objective = "next word",
     .config = detail::gpt3_xl(),
     .training_tokens = 3e11,
     .training_flops = 2.38e21,
     .source = "Brown et al. 2020 Tables 2.1, D.1",
     .note = "Table 2.1 prints 24 heads of 128, which is 3,072 and not d_model 2,048; only an inner width of "
             "2,048 gives the count of Table D.1. 24 does not divide it; counted with 16 heads."},
    {.name = "gpt3-2.7b",
     .objective = "next word",
     .config = detail::gpt(32, 2560, 32, 2048),
     .training_tokens = 3e11,
     .training_flops = 4.77e21,
     .source = "Brown et al. 2020 Tables 2.1, D.1"},
    {.name = "gpt3-6.7b",
     .objective = "next word",
     .config = detail::gpt(32, 4096, 32, 2048),
     .training_tokens = 3e11,
     .training_flops = 1.2e22,
     .source = "Brown et al. 2020 Tables 2.1, D.1"},
    {.name = "gpt3-13b",
     .objective = "next word",
     .config = detail::gpt(40, 5120, 40, 2048),
     .training_tokens = 3e11,
     .training_flops = 2.31e22,
     .source = "Brown et al. 2020 Tables 2.1, D.1",
     .note = "Table 2.1 prints d_model 5140 (40*128 = 5120). 5120 gives 12,853.4M = Table D.1's 12,850M; "
             "5140 gives 12,952.9M. Treat 5140 as a misprint."},
    {.name = "gpt3-175b",
     .objective = "next word",
     .config = detail::gpt(96, 12288, 96, 2048),
     .training_tokens = 3e11,
     .training_flops = 3.14e23,
     .source = "Brown et al. 2020 Tables 2.1, D.1",
     .note = "174.6B; often said 175B."},
    {.name = "gpt-4",
     .objective = "next word",
     .config = detail::undisclosed(8192),
     .source = "OpenAI 2023, GPT-4 Technical Report",
     .note =
         "No parameter count is published: none is given here. Also offered with a window of 32,768 tokens."},
    {.name = "chinchilla-70b",
     .objective = "next word",
     .config = detail::gopher(80, 8192, 64),
     .training_tokens = 1.4e12,
     .training_flops = 5.76e23,
     .source = "Hoffmann et al. 2022 Table 4; count model of karpathy/nanoGPT scaling_laws.ipynb",
     .note = "Relative positions of Transformer-XL (d² + 2d a layer) are outside of the config. FLOPs "
             "differ: 5.76e23 is the unit that Hoffmann et al. use; 6ND is 5.88e23.",
     .outside_of_config = 5'370'019'840},
    {.name = "gopher-280b",
     .objective = "next word",
     .config = detail::gopher(80, 16384, 128),
     .training_tokens = 3e11,
     .training_flops = 6.31e23,
     .source = "Rae et al. 2021 Table 1; Hoffmann et al. 2022 Table 4",
     .note = "Relative positions of Transformer-XL (d² + 2d a layer) are outside of the config. RMSNorm in "
             "the paper; counted as two vectors a norm. FLOPs differ: 5.04e23 by 6ND, 5.76e23 in Hoffmann et "
             "al., 6.31e23 in its Appendix F.",
     .outside_of_config = 21'477'457'920},
    {.name = "mt-nlg-530b",
     .objective = "next word",
     .config = detail::megatron(105, 20480, 128),
     .training_tokens = 2.7e11,
     .source = "Smith et al. 2022; Narayanan et al. 2021",
     .note = "Counted without a last norm (Narayanan et al. 2021 Eq. 2), vocabulary 51,200."},
    {.name = "opt-125m",
     .objective = "next word",
     .config = detail::opt(12, 768, 12),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-1.3b",
     .objective = "next word",
     .config = detail::opt(24, 2048, 32),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-2.7b",
     .objective = "next word",
     .config = detail::opt(32, 2560, 32),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-6.7b",
     .objective = "next word",
     .config = detail::opt(32, 4096, 32),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-13b",
     .objective = "next word",
     .config = detail::opt(40, 5120, 40),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-30b",
     .objective = "next word",
     .config = detail::opt(48, 7168, 56),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-66b",
     .objective = "next word",
     .config = detail::opt(64, 9216, 72),
     .training_tokens = 1.8e11,
     .source = "Zhang et al. 2022 (OPT) Table 1"},
    {.name = "opt-175b",
     .objective = "next word",
     .config = detail::opt(96, 12288, 96),
     .training_tokens = 3e11,
     .source = "Zhang et al. 2022 (OPT) Table 1",
     .note = "Paper: 180B-token corpus; learning-rate schedule runs to 300B tokens. Sources disagree which "
             "is \"the\" training length."},
    {.name = "opt-350m",
     .objective = "next word",
     .config = detail::opt_350m(),
     .source = "Zhang et al. 2022; HF OPT-350m configuration (word_embed_proj_dim 512, post-LN)",
     .note = "Embeddings of width 512 with a projection in and out, norms after the branches: the difference "
             "is outside of the config.",
     .outside_of_config = -24'690'688},
};

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
