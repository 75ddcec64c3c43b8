// The tensor names of the sequence-to-sequence families' checkpoints.
#pragma once

#include <eigenformer/hub/names.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace names {

constexpr bool gated(const ModelConfig& c) { return c.gated; }
constexpr bool plain(const ModelConfig& c) { return !c.gated; }

inline constexpr NameRule t5_rules[] = {
    {"tokens", "shared.weight"},
    {"tokens", "encoder.embed_tokens.weight"},
    {"tokens", "decoder.embed_tokens.weight"},
    {"encoder.relative_bias", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"},
    {"encoder.blocks.{}.attention_norm", "encoder.block.{}.layer.0.layer_norm"},
    {"encoder.blocks.{}.attention.query", "encoder.block.{}.layer.0.SelfAttention.q"},
    {"encoder.blocks.{}.attention.key", "encoder.block.{}.layer.0.SelfAttention.k"},
    {"encoder.blocks.{}.attention.value", "encoder.block.{}.layer.0.SelfAttention.v"},
    {"encoder.blocks.{}.attention.out", "encoder.block.{}.layer.0.SelfAttention.o"},
    {"encoder.blocks.{}.feed_forward_norm", "encoder.block.{}.layer.1.layer_norm"},
    {"encoder.blocks.{}.feed_forward.gate", "encoder.block.{}.layer.1.DenseReluDense.wi_0"},
    {"encoder.blocks.{}.feed_forward.up", "encoder.block.{}.layer.1.DenseReluDense.wi_1", gated},
    {"encoder.blocks.{}.feed_forward.up", "encoder.block.{}.layer.1.DenseReluDense.wi", plain},
    {"encoder.blocks.{}.feed_forward.down", "encoder.block.{}.layer.1.DenseReluDense.wo"},
    {"encoder.final_norm", "encoder.final_layer_norm"},
    {"decoder.relative_bias", "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"},
    {"decoder.blocks.{}.attention_norm", "decoder.block.{}.layer.0.layer_norm"},
    {"decoder.blocks.{}.attention.query", "decoder.block.{}.layer.0.SelfAttention.q"},
    {"decoder.blocks.{}.attention.key", "decoder.block.{}.layer.0.SelfAttention.k"},
    {"decoder.blocks.{}.attention.value", "decoder.block.{}.layer.0.SelfAttention.v"},
    {"decoder.blocks.{}.attention.out", "decoder.block.{}.layer.0.SelfAttention.o"},
    {"decoder.blocks.{}.cross_norm", "decoder.block.{}.layer.1.layer_norm"},
    {"decoder.blocks.{}.cross.query", "decoder.block.{}.layer.1.EncDecAttention.q"},
    {"decoder.blocks.{}.cross.key", "decoder.block.{}.layer.1.EncDecAttention.k"},
    {"decoder.blocks.{}.cross.value", "decoder.block.{}.layer.1.EncDecAttention.v"},
    {"decoder.blocks.{}.cross.out", "decoder.block.{}.layer.1.EncDecAttention.o"},
    {"decoder.blocks.{}.feed_forward_norm", "decoder.block.{}.layer.2.layer_norm"},
    {"decoder.blocks.{}.feed_forward.gate", "decoder.block.{}.layer.2.DenseReluDense.wi_0"},
    {"decoder.blocks.{}.feed_forward.up", "decoder.block.{}.layer.2.DenseReluDense.wi_1", gated},
    {"decoder.blocks.{}.feed_forward.up", "decoder.block.{}.layer.2.DenseReluDense.wi", plain},
    {"decoder.blocks.{}.feed_forward.down", "decoder.block.{}.layer.2.DenseReluDense.wo"},
    {"decoder.final_norm", "decoder.final_layer_norm"},
    {"head.output", "lm_head"}};
/// T5's first release has a table of distances to the source that nothing reads.
inline constexpr std::string_view t5_ignored[] = {
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};
inline constexpr NameCopy t5_copies[] = {{"encoder.embed_tokens.weight", "shared.weight", false},
                                         {"decoder.embed_tokens.weight", "shared.weight", false},
                                         {"lm_head.weight", "shared.weight"}};
inline constexpr NameTable t5{"", t5_rules, t5_ignored, t5_copies};

inline constexpr NameRule bart_rules[] = {
    {"tokens", "~shared.weight"},
    {"tokens", "~encoder.embed_tokens.weight"},
    {"tokens", "~decoder.embed_tokens.weight"},
    {"encoder.positions", "~encoder.embed_positions.weight"},
    {"encoder.embedding_norm", "~encoder.layernorm_embedding"},
    {"encoder.blocks.{}.attention.query", "~encoder.layers.{}.self_attn.q_proj"},
    {"encoder.blocks.{}.attention.key", "~encoder.layers.{}.self_attn.k_proj"},
    {"encoder.blocks.{}.attention.value", "~encoder.layers.{}.self_attn.v_proj"},
    {"encoder.blocks.{}.attention.out", "~encoder.layers.{}.self_attn.out_proj"},
    {"encoder.blocks.{}.attention_norm", "~encoder.layers.{}.self_attn_layer_norm"},
    {"encoder.blocks.{}.feed_forward.up", "~encoder.layers.{}.fc1"},
    {"encoder.blocks.{}.feed_forward.down", "~encoder.layers.{}.fc2"},
    {"encoder.blocks.{}.feed_forward_norm", "~encoder.layers.{}.final_layer_norm"},
    {"decoder.positions", "~decoder.embed_positions.weight"},
    {"decoder.embedding_norm", "~decoder.layernorm_embedding"},
    {"decoder.blocks.{}.attention.query", "~decoder.layers.{}.self_attn.q_proj"},
    {"decoder.blocks.{}.attention.key", "~decoder.layers.{}.self_attn.k_proj"},
    {"decoder.blocks.{}.attention.value", "~decoder.layers.{}.self_attn.v_proj"},
    {"decoder.blocks.{}.attention.out", "~decoder.layers.{}.self_attn.out_proj"},
    {"decoder.blocks.{}.attention_norm", "~decoder.layers.{}.self_attn_layer_norm"},
    {"decoder.blocks.{}.cross.query", "~decoder.layers.{}.encoder_attn.q_proj"},
    {"decoder.blocks.{}.cross.key", "~decoder.layers.{}.encoder_attn.k_proj"},
    {"decoder.blocks.{}.cross.value", "~decoder.layers.{}.encoder_attn.v_proj"},
    {"decoder.blocks.{}.cross.out", "~decoder.layers.{}.encoder_attn.out_proj"},
    {"decoder.blocks.{}.cross_norm", "~decoder.layers.{}.encoder_attn_layer_norm"},
    {"decoder.blocks.{}.feed_forward.up", "~decoder.layers.{}.fc1"},
    {"decoder.blocks.{}.feed_forward.down", "~decoder.layers.{}.fc2"},
    {"decoder.blocks.{}.feed_forward_norm", "~decoder.layers.{}.final_layer_norm"},
    {"head.output.bias", "final_logits_bias"},
    {"head.output", "lm_head"}};
inline constexpr NameCopy bart_copies[] = {{"~encoder.embed_tokens.weight", "~shared.weight", false},
                                           {"~decoder.embed_tokens.weight", "~shared.weight", false},
                                           {"lm_head.weight", "~shared.weight"}};
inline constexpr NameTable bart{"model.", bart_rules, {}, bart_copies};

}  // namespace names
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
