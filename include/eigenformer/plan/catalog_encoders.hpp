// The catalog, encoders: BERT, DistilBERT, RoBERTa and its like in other languages.
#pragma once

#include <eigenformer/plan/catalog_entry.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

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

/// Encoders: BERT, DistilBERT, RoBERTa and its like in other languages.
inline constexpr CatalogEntry encoder_models[] = {
    {.name = "bert-base-uncased",
     .objective = "masked words, next sentence",
     .config = detail::bert(30522, 12, 768, 12, 2, 0),
     .exact_parameters = 109'482'240,
     .training_flops = 1.64e20,
     .source = "Devlin et al. 2018, sec. 3 (L=12,H=768,A=12, 110M)",
     .training_source = "Brown et al. 2020 Table D.1",
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
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "The paper prints 340M, Brown et al. 355M; the encoder with its pooler has 335.1M."},
    {.name = "roberta-base",
     .objective = "masked words",
     .config = detail::bert(50265, 12, 768, 12, 1, 2),
     .exact_parameters = 124'645'632,
     .training_flops = 1.5e21,
     .source = "Liu et al. 2019 (RoBERTa)",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "514 position rows = 512 + padding offset 2."},
    {.name = "roberta-large",
     .objective = "masked words",
     .config = detail::bert(50265, 24, 1024, 16, 1, 2),
     .training_flops = 4.26e21,
     .source = "Liu et al. 2019 (RoBERTa)",
     .training_source = "Brown et al. 2020 Table D.1",
     .note = "The paper prints 355M."},
    {.name = "xlm-roberta-base",
     .objective = "masked words",
     .config = detail::bert(250002, 12, 768, 12, 1, 2),
     .exact_parameters = 278'043'648,
     .source = "Conneau et al. 2019 (XLM-R) Table 5; FacebookAI/xlm-roberta-base",
     .note = "The paper prints 270M."},
    {.name = "xlm-roberta-large",
     .objective = "masked words",
     .config = detail::bert(250002, 24, 1024, 16, 1, 2),
     .exact_parameters = 559'890'432,
     .source = "Conneau et al. 2019 (XLM-R) Table 5; FacebookAI/xlm-roberta-large",
     .note = "The paper prints 550M."},
    {.name = "camembert-base",
     .objective = "masked words",
     .config = detail::bert(32005, 12, 768, 12, 1, 2),
     .exact_parameters = 110'621'952,
     .source = "Martin et al. 2019 (CamemBERT) section 5; almanach/camembert-base",
     .note = "The paper prints 110M."},
    {.name = "distilbert-base-uncased",
     .objective = "masked words, distilled from BERT",
     .config = detail::distilbert(),
     .source = "Sanh et al. 2019 (DistilBERT)",
     .note = "The paper prints 66M."},
};

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
