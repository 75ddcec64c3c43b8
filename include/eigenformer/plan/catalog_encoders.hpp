// The catalog, encoders: BERT, RoBERTa, DistilBERT.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer::inline EIGENFORMER_ABI::plan {

namespace detail {

/// BERT: norms after the branches, learned positions, a pooler.
constexpr ModelConfig bert(Index vocab, Index layers, Index d, Index heads, Index types, Index offset) {
  ModelConfig c{.vocab_size = vocab,
                .d_model = d,
                .n_layers = layers,
                .n_heads = heads,
                .d_ff = 4 * d,
                .max_positions = 512,
                .stacks = Stacks::encoder};
  c.norm.epsilon = 1e-12;
  c.norm_placement = NormPlacement::after;
  c.position_offset = offset;
  c.embedding_norm = true;
  c.token_types = types;
  c.final_norm = false;
  c.head = Head::none;
  c.pooler = true;
  return c;
}

/// DistilBERT: without token types and pooler.
constexpr ModelConfig distilbert() {
  ModelConfig c = bert(30522, 6, 768, 12, 0, 0);
  c.pooler = false;
  return c;
}

}  // namespace detail

/// Encoders: BERT, RoBERTa, DistilBERT.
inline constexpr CatalogEntry encoder_models[] = {
    {.name = "bert-base-uncased",
     .objective = "masked words, next sentence",
     .config = detail::bert(30522, 12, 768, 12, 2, 0),
     .exact_parameters = 109'482'240,
     .training_flops = 1.64e20,
     .source = "Devlin et al. 2018, sec. 3 (L=12,H=768,A=12, 110M)",
     .note =
         "The paper's 110M is the rounded 109.5M (encoder+pooler) or 110.1M (with both pre-training heads)."},
    {.name = "bert-base-cased",
     .objective = "masked words, next sentence",
     .config = detail::bert(28996, 12, 768, 12, 2, 0),
     .exact_parameters = 108'310'272,
     .source = "Devlin et al. 2018 sec. 3; google-bert/bert-base-cased"},
    {.name = "bert-large-uncased",
     .objective = "masked words, next sentence",
     .config = detail::bert(30522, 24, 1024, 16, 2, 0),
     .training_flops = 5.33e20,
     .source = "Devlin et al. 2018, sec. 3 (340M)",
     .note = "The paper prints 340M."},
    {.name = "roberta-base",
     .objective = "masked words",
     .config = detail::bert(50265, 12, 768, 12, 1, 2),
     .exact_parameters = 124'645'632,
     .training_flops = 1.5e21,
     .source = "Liu et al. 2019 (RoBERTa)",
     .note = "514 position rows = 512 + padding offset 2."},
    {.name = "roberta-large",
     .objective = "masked words",
     .config = detail::bert(50265, 24, 1024, 16, 1, 2),
     .training_flops = 4.26e21,
     .source = "Liu et al. 2019 (RoBERTa)",
     .note = "The paper prints 355M."},
    {.name = "distilbert-base-uncased",
     .objective = "masked words, distilled from BERT",
     .config = detail::distilbert(),
     .source = "Sanh et al. 2019 (DistilBERT)",
     .note = "The paper prints 66M."},
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::plan
