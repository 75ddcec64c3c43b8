// The catalog, decoders with rotary positions and parallel branches: GPT-J, GPT-NeoX, Pythia.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

namespace detail {

/// GPT-NeoX and Pythia: a norm for each branch, a quarter of each head turns, an output matrix of its own.
constexpr ModelConfig gpt_neox(Index vocab, Index layers, Index d, Index heads) {
  ModelConfig c{.vocab_size = vocab,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .d_ff = 4 * d,
                .max_positions = 2048};
  c.branches = Branches::parallel_two_norms;
  c.positions = Positions::rotary;
  c.rotary.dimensions = d / heads / 4;
  c.tied_embeddings = false;
  return c;
}

/// GPT-J: one norm for both branches, 64 dimensions of each head turn in neighbours, and biases of the
/// feed-forward layer and of the logits alone.
constexpr ModelConfig gptj(Index vocab, Index layers, Index d, Index heads) {
  ModelConfig c = gpt_neox(vocab, layers, d, heads);
  c.branches = Branches::parallel_one_norm;
  c.activation = Activation::gelu_tanh;
  c.rotary.dimensions = 64;
  c.rotary.pairing = RotaryPairing::neighbours;
  c.biases = {.query_key_value = false, .attention_out = false, .logits = true};
  return c;
}

}  // namespace detail

/// Decoders with rotary positions and parallel branches: GPT-J, GPT-NeoX, Pythia.
inline constexpr CatalogEntry gptj_neox_models[] = {
    {.name = "gpt-j-6b",
     .objective = "next word",
     .config = detail::gptj(50400, 28, 4096, 16),
     .training_tokens = 4.02e11,
     .source = "Wang & Komatsuzaki 2021; EleutherAI/gpt-j-6b, model card",
     .note = "The card prints 6,053,381,344 parameters; the published shape, and the checkpoint, have "
             "6,050,882,784. Vocabulary padded to 50,400; the tokenizer has 50,257."},
    {.name = "gpt-neox-20b",
     .objective = "next word",
     .config = detail::gpt_neox(50432, 44, 6144, 64),
     .exact_parameters = 20'554'567'680,
     .training_tokens = 4.72e11,
     .source = "Black et al. 2022 (GPT-NeoX-20B); EleutherAI/gpt-neox-20b, model card",
     .note = "Vocabulary padded to 50,432; the tokenizer has 50,257."},
    {.name = "pythia-70m",
     .objective = "next word",
     .config = detail::gpt_neox(50304, 6, 512, 8),
     .exact_parameters = 70'426'624,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-160m",
     .objective = "next word",
     .config = detail::gpt_neox(50304, 12, 768, 12),
     .exact_parameters = 162'322'944,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-410m",
     .objective = "next word",
     .config = detail::gpt_neox(50304, 24, 1024, 16),
     .exact_parameters = 405'334'016,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-1b",
     .objective = "next word",
     .config = detail::gpt_neox(50304, 16, 2048, 8),
     .exact_parameters = 1'011'781'632,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-1.4b",
     .objective = "next word",
     .config = detail::gpt_neox(50304, 24, 2048, 16),
     .exact_parameters = 1'414'647'808,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-2.8b",
     .objective = "next word",
     .config = detail::gpt_neox(50304, 32, 2560, 32),
     .exact_parameters = 2'775'208'960,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-6.9b",
     .objective = "next word",
     .config = detail::gpt_neox(50432, 32, 4096, 32),
     .exact_parameters = 6'857'302'016,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
    {.name = "pythia-12b",
     .objective = "next word",
     .config = detail::gpt_neox(50688, 36, 5120, 40),
     .exact_parameters = 11'846'072'320,
     .training_tokens = 2.99892736e11,
     .source = "Biderman et al. 2023 (Pythia) Table 1; EleutherAI/pythia"},
};

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
