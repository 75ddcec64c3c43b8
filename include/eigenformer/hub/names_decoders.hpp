// The tensor names of the decoder families' checkpoints.
#pragma once

#include <eigenformer/hub/names.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace names {

/// Query, key and value (part 0, 1, 2) one after the other.
template <int part> RowSlice thirds(const ModelConfig& c) {
  const Index q = c.query_width(), kv = c.key_value_width();
  return {part == 0 ? 0 : q + (part - 1) * kv, 0, 0, q + 2 * kv};
}

/// Query, key and value of each head side by side.
template <int part> RowSlice by_head(const ModelConfig& c) {
  const Index d = c.head_width();
  return {part * d, d, 3 * d, 3 * c.query_width()};
}

inline constexpr NameRule llama_rules[] = {
    {"tokens", "model.embed_tokens.weight"},
    {"decoder.blocks.{}.attention_norm", "model.layers.{}.input_layernorm"},
    {"decoder.blocks.{}.attention.query", "model.layers.{}.self_attn.q_proj"},
    {"decoder.blocks.{}.attention.key", "model.layers.{}.self_attn.k_proj"},
    {"decoder.blocks.{}.attention.value", "model.layers.{}.self_attn.v_proj"},
    {"decoder.blocks.{}.attention.out", "model.layers.{}.self_attn.o_proj"},
    {"decoder.blocks.{}.feed_forward_norm", "model.layers.{}.post_attention_layernorm"},
    {"decoder.blocks.{}.feed_forward.gate", "model.layers.{}.mlp.gate_proj"},
    {"decoder.blocks.{}.feed_forward.up", "model.layers.{}.mlp.up_proj"},
    {"decoder.blocks.{}.feed_forward.down", "model.layers.{}.mlp.down_proj"},
    {"decoder.final_norm", "model.norm"},
    {"head.output", "lm_head"}};
inline constexpr std::string_view llama_ignored[] = {"model.layers.{}.self_attn.rotary_emb.inv_freq"};
inline constexpr NameCopy llama_copies[] = {{"lm_head.weight", "model.embed_tokens.weight"}};
inline constexpr NameTable llama{"", llama_rules, llama_ignored, llama_copies};

inline constexpr NameRule gemma2_rules[] = {
    {"tokens", "model.embed_tokens.weight"},
    {"decoder.blocks.{}.attention_norm", "model.layers.{}.input_layernorm"},
    {"decoder.blocks.{}.attention.query", "model.layers.{}.self_attn.q_proj"},
    {"decoder.blocks.{}.attention.key", "model.layers.{}.self_attn.k_proj"},
    {"decoder.blocks.{}.attention.value", "model.layers.{}.self_attn.v_proj"},
    {"decoder.blocks.{}.attention.out", "model.layers.{}.self_attn.o_proj"},
    {"decoder.blocks.{}.attention_post_norm", "model.layers.{}.post_attention_layernorm"},
    {"decoder.blocks.{}.feed_forward_norm", "model.layers.{}.pre_feedforward_layernorm"},
    {"decoder.blocks.{}.feed_forward.gate", "model.layers.{}.mlp.gate_proj"},
    {"decoder.blocks.{}.feed_forward.up", "model.layers.{}.mlp.up_proj"},
    {"decoder.blocks.{}.feed_forward.down", "model.layers.{}.mlp.down_proj"},
    {"decoder.blocks.{}.feed_forward_post_norm", "model.layers.{}.post_feedforward_layernorm"},
    {"decoder.final_norm", "model.norm"},
    {"head.output", "lm_head"}};
inline constexpr NameTable gemma2{"", gemma2_rules, llama_ignored, llama_copies};

inline constexpr NameRule gpt_neox_rules[] = {
    {"tokens", "~embed_in.weight"},
    {"decoder.blocks.{}.attention_norm", "~layers.{}.input_layernorm"},
    {"decoder.blocks.{}.attention.query", "~layers.{}.attention.query_key_value", false, by_head<0>},
    {"decoder.blocks.{}.attention.key", "~layers.{}.attention.query_key_value", false, by_head<1>},
    {"decoder.blocks.{}.attention.value", "~layers.{}.attention.query_key_value", false, by_head<2>},
    {"decoder.blocks.{}.attention.out", "~layers.{}.attention.dense"},
    {"decoder.blocks.{}.feed_forward_norm", "~layers.{}.post_attention_layernorm"},
    {"decoder.blocks.{}.feed_forward.up", "~layers.{}.mlp.dense_h_to_4h"},
    {"decoder.blocks.{}.feed_forward.down", "~layers.{}.mlp.dense_4h_to_h"},
    {"decoder.final_norm", "~final_layer_norm"},
    {"head.output", "embed_out"}};
inline constexpr std::string_view gpt_neox_ignored[] = {"~layers.{}.attention.bias",
                                                        "~layers.{}.attention.masked_bias",
                                                        "~layers.{}.attention.rotary_emb.inv_freq"};
inline constexpr NameCopy gpt_neox_copies[] = {{"embed_out.weight", "~embed_in.weight"}};
inline constexpr NameTable gpt_neox{"gpt_neox.", gpt_neox_rules, gpt_neox_ignored, gpt_neox_copies};

inline constexpr NameRule gptj_rules[] = {{"tokens", "~wte.weight"},
                                          {"decoder.blocks.{}.attention_norm", "~h.{}.ln_1"},
                                          {"decoder.blocks.{}.attention.query", "~h.{}.attn.q_proj"},
                                          {"decoder.blocks.{}.attention.key", "~h.{}.attn.k_proj"},
                                          {"decoder.blocks.{}.attention.value", "~h.{}.attn.v_proj"},
                                          {"decoder.blocks.{}.attention.out", "~h.{}.attn.out_proj"},
                                          {"decoder.blocks.{}.feed_forward.up", "~h.{}.mlp.fc_in"},
                                          {"decoder.blocks.{}.feed_forward.down", "~h.{}.mlp.fc_out"},
                                          {"decoder.final_norm", "~ln_f"},
                                          {"head.output", "lm_head"}};
inline constexpr std::string_view gptj_ignored[] = {"~h.{}.attn.bias", "~h.{}.attn.masked_bias"};
inline constexpr NameTable gptj{"transformer.", gptj_rules, gptj_ignored};

inline constexpr NameRule opt_rules[] = {
    {"tokens", "~decoder.embed_tokens.weight"},
    {"decoder.positions", "~decoder.embed_positions.weight"},
    {"decoder.blocks.{}.attention_norm", "~decoder.layers.{}.self_attn_layer_norm"},
    {"decoder.blocks.{}.attention.query", "~decoder.layers.{}.self_attn.q_proj"},
    {"decoder.blocks.{}.attention.key", "~decoder.layers.{}.self_attn.k_proj"},
    {"decoder.blocks.{}.attention.value", "~decoder.layers.{}.self_attn.v_proj"},
    {"decoder.blocks.{}.attention.out", "~decoder.layers.{}.self_attn.out_proj"},
    {"decoder.blocks.{}.feed_forward_norm", "~decoder.layers.{}.final_layer_norm"},
    {"decoder.blocks.{}.feed_forward.up", "~decoder.layers.{}.fc1"},
    {"decoder.blocks.{}.feed_forward.down", "~decoder.layers.{}.fc2"},
    {"decoder.final_norm", "~decoder.final_layer_norm"},
    {"head.output", "lm_head"}};
inline constexpr NameCopy opt_copies[] = {{"lm_head.weight", "~decoder.embed_tokens.weight"}};
inline constexpr NameTable opt{"model.", opt_rules, {}, opt_copies};

inline constexpr NameRule gpt2_rules[] = {
    {"tokens", "~wte.weight"},
    {"decoder.positions", "~wpe.weight"},
    {"decoder.blocks.{}.attention_norm", "~h.{}.ln_1"},
    {"decoder.blocks.{}.attention.query", "~h.{}.attn.c_attn", true, thirds<0>},
    {"decoder.blocks.{}.attention.key", "~h.{}.attn.c_attn", true, thirds<1>},
    {"decoder.blocks.{}.attention.value", "~h.{}.attn.c_attn", true, thirds<2>},
    {"decoder.blocks.{}.attention.out", "~h.{}.attn.c_proj", true},
    {"decoder.blocks.{}.feed_forward_norm", "~h.{}.ln_2"},
    {"decoder.blocks.{}.feed_forward.up", "~h.{}.mlp.c_fc", true},
    {"decoder.blocks.{}.feed_forward.down", "~h.{}.mlp.c_proj", true},
    {"decoder.final_norm", "~ln_f"},
    {"head.output", "lm_head"}};
inline constexpr std::string_view gpt2_ignored[] = {"~h.{}.attn.bias", "~h.{}.attn.masked_bias"};
inline constexpr NameCopy gpt2_copies[] = {{"lm_head.weight", "~wte.weight"}};
inline constexpr NameTable gpt2{"transformer.", gpt2_rules, gpt2_ignored, gpt2_copies};

inline constexpr NameRule bloom_rules[] = {
    {"tokens", "~word_embeddings.weight"},
    {"decoder.embedding_norm", "~word_embeddings_layernorm"},
    {"decoder.blocks.{}.attention_norm", "~h.{}.input_layernorm"},
    {"decoder.blocks.{}.attention.query", "~h.{}.self_attention.query_key_value", false, by_head<0>},
    {"decoder.blocks.{}.attention.key", "~h.{}.self_attention.query_key_value", false, by_head<1>},
    {"decoder.blocks.{}.attention.value", "~h.{}.self_attention.query_key_value", false, by_head<2>},
    {"decoder.blocks.{}.attention.out", "~h.{}.self_attention.dense"},
    {"decoder.blocks.{}.feed_forward_norm", "~h.{}.post_attention_layernorm"},
    {"decoder.blocks.{}.feed_forward.up", "~h.{}.mlp.dense_h_to_4h"},
    {"decoder.blocks.{}.feed_forward.down", "~h.{}.mlp.dense_4h_to_h"},
    {"decoder.final_norm", "~ln_f"},
    {"head.output", "lm_head"}};
inline constexpr NameCopy bloom_copies[] = {{"lm_head.weight", "~word_embeddings.weight"}};
inline constexpr NameTable bloom{"transformer.", bloom_rules, {}, bloom_copies};

inline constexpr NameRule palm_rules[] = {{"tokens", "~wte.weight"},
                                          {"decoder.blocks.{}.attention_norm", "~h.{}.norm"},
                                          {"decoder.blocks.{}.attention.query", "~h.{}.attn.q_proj"},
                                          {"decoder.blocks.{}.attention.key", "~h.{}.attn.k_proj"},
                                          {"decoder.blocks.{}.attention.value", "~h.{}.attn.v_proj"},
                                          {"decoder.blocks.{}.attention.out", "~h.{}.attn.out_proj"},
                                          {"decoder.blocks.{}.feed_forward.gate", "~h.{}.mlp.gate_proj"},
                                          {"decoder.blocks.{}.feed_forward.up", "~h.{}.mlp.up_proj"},
                                          {"decoder.blocks.{}.feed_forward.down", "~h.{}.mlp.down_proj"},
                                          {"decoder.final_norm", "~ln_f"}};
inline constexpr NameTable palm{"transformer.", palm_rules, {}, gpt2_copies};

/// The names of the PyTorch re-implementation: one matrix for queries, key, value, up and gate.
template <int part> RowSlice palm_fused(const ModelConfig& c) {
  const Index q = c.query_width(), kv = c.key_value_width();
  const Index offsets[] = {0, q, q + kv, q + 2 * kv, q + 2 * kv + c.d_ff};
  return {offsets[part], 0, 0, q + 2 * kv + 2 * c.d_ff};
}
inline constexpr NameRule palm_pytorch_rules[] = {
    {"tokens", "0.weight"},
    {"decoder.blocks.{}.attention_norm.weight", "{+}.fn.norm.gamma"},
    {"decoder.blocks.{}.attention.query", "{+}.fn.fused_attn_ff_proj", false, palm_fused<0>},
    {"decoder.blocks.{}.attention.key", "{+}.fn.fused_attn_ff_proj", false, palm_fused<1>},
    {"decoder.blocks.{}.attention.value", "{+}.fn.fused_attn_ff_proj", false, palm_fused<2>},
    {"decoder.blocks.{}.feed_forward.up", "{+}.fn.fused_attn_ff_proj", false, palm_fused<3>},
    {"decoder.blocks.{}.feed_forward.gate", "{+}.fn.fused_attn_ff_proj", false, palm_fused<4>},
    {"decoder.blocks.{}.attention.out", "{+}.fn.attn_out"},
    {"decoder.blocks.{}.feed_forward.down", "{+}.fn.ff_out.1"},
    {"decoder.final_norm.weight", "{n}.gamma"}};
inline constexpr std::string_view palm_pytorch_ignored[] = {"{+}.fn.norm.beta", "{+}.fn.rotary_emb.inv_freq",
                                                            "{n}.beta"};
inline constexpr NameTable palm_pytorch{"", palm_pytorch_rules, palm_pytorch_ignored};

}  // namespace names
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
