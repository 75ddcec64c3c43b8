// The tensor names of the encoder families' checkpoints, with and without the family's prefix.
#pragma once

#include <eigenformer/hub/names.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace names {

inline constexpr NameRule bert_rules[] = {
    {"tokens", "~embeddings.word_embeddings.weight"},
    {"encoder.positions", "~embeddings.position_embeddings.weight"},
    {"encoder.token_types", "~embeddings.token_type_embeddings.weight"},
    {"encoder.embedding_norm", "~embeddings.LayerNorm"},
    {"encoder.blocks.{}.attention.query", "~encoder.layer.{}.attention.self.query"},
    {"encoder.blocks.{}.attention.key", "~encoder.layer.{}.attention.self.key"},
    {"encoder.blocks.{}.attention.value", "~encoder.layer.{}.attention.self.value"},
    {"encoder.blocks.{}.attention.out", "~encoder.layer.{}.attention.output.dense"},
    {"encoder.blocks.{}.attention_norm", "~encoder.layer.{}.attention.output.LayerNorm"},
    {"encoder.blocks.{}.feed_forward.up", "~encoder.layer.{}.intermediate.dense"},
    {"encoder.blocks.{}.feed_forward.down", "~encoder.layer.{}.output.dense"},
    {"encoder.blocks.{}.feed_forward_norm", "~encoder.layer.{}.output.LayerNorm"}};
inline constexpr NameRule bert_heads[] = {
    {"head.pooler", "~pooler.dense"},
    {"head.transform", "cls.predictions.transform.dense"},
    {"head.transform_norm", "cls.predictions.transform.LayerNorm"},
    {"head.output.weight", "cls.predictions.decoder.weight", Head::masked_words},
    {"head.output.bias", "cls.predictions.bias", Head::masked_words},
    {"head.output", "classifier"}};
/// Buffers, and the heads for the next sentence and for answers within a text, which the library lacks.
inline constexpr std::string_view bert_ignored[] = {
    "~embeddings.position_ids",  "~embeddings.token_type_ids", "cls.seq_relationship.weight",
    "cls.seq_relationship.bias", "qa_outputs.weight",          "qa_outputs.bias"};
inline constexpr NameCopy bert_copies[] = {
    {"cls.predictions.decoder.weight", "~embeddings.word_embeddings.weight"},
    {"cls.predictions.decoder.bias", "cls.predictions.bias", false}};
inline constexpr NameTable bert{"bert.", bert_rules, bert_ignored, bert_copies, bert_heads};

// RoBERTa's blocks are called as BERT's; its text classifier has a pooler of its own.
inline constexpr NameRule roberta_heads[] = {
    {"head.pooler", "classifier.dense", Head::text_classes},
    {"head.output", "classifier.out_proj", Head::text_classes},
    {"head.pooler", "~pooler.dense"},
    {"head.transform", "lm_head.dense"},
    {"head.transform_norm", "lm_head.layer_norm"},
    {"head.output.weight", "lm_head.decoder.weight", Head::masked_words},
    {"head.output.bias", "lm_head.bias", Head::masked_words},
    {"head.output", "classifier"}};
inline constexpr NameCopy roberta_copies[] = {
    {"lm_head.decoder.weight", "~embeddings.word_embeddings.weight"},
    {"lm_head.decoder.bias", "lm_head.bias", false}};
inline constexpr NameTable roberta{"roberta.", bert_rules, bert_ignored, roberta_copies, roberta_heads};

inline constexpr NameRule distilbert_rules[] = {
    {"tokens", "~embeddings.word_embeddings.weight"},
    {"encoder.positions", "~embeddings.position_embeddings.weight"},
    {"encoder.embedding_norm", "~embeddings.LayerNorm"},
    {"encoder.blocks.{}.attention.query", "~transformer.layer.{}.attention.q_lin"},
    {"encoder.blocks.{}.attention.key", "~transformer.layer.{}.attention.k_lin"},
    {"encoder.blocks.{}.attention.value", "~transformer.layer.{}.attention.v_lin"},
    {"encoder.blocks.{}.attention.out", "~transformer.layer.{}.attention.out_lin"},
    {"encoder.blocks.{}.attention_norm", "~transformer.layer.{}.sa_layer_norm"},
    {"encoder.blocks.{}.feed_forward.up", "~transformer.layer.{}.ffn.lin1"},
    {"encoder.blocks.{}.feed_forward.down", "~transformer.layer.{}.ffn.lin2"},
    {"encoder.blocks.{}.feed_forward_norm", "~transformer.layer.{}.output_layer_norm"}};
inline constexpr NameRule distilbert_heads[] = {{"head.pooler", "pre_classifier", Head::text_classes},
                                                {"head.transform", "vocab_transform"},
                                                {"head.transform_norm", "vocab_layer_norm"},
                                                {"head.output", "vocab_projector", Head::masked_words},
                                                {"head.output", "classifier"}};
inline constexpr NameCopy distilbert_copies[] = {
    {"vocab_projector.weight", "~embeddings.word_embeddings.weight"}};
inline constexpr NameTable distilbert{"distilbert.", distilbert_rules, bert_ignored, distilbert_copies,
                                      distilbert_heads};

}  // namespace names
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
