// The tensor names of GGUF files (llama.cpp's gguf-py/gguf/constants.py), and how its converter lays tensors
// out: matrices always [out, in], fused queries, keys and values one after the other, the rows of LLaMA's
// queries and keys in the order that its rotary embedding wants, and Gemma's norms with one added.
#pragma once

#include <eigenformer/hub/names_decoders.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace names {

/// Rows of a head so that columns j and j + size/2, which turn together, are neighbours.
inline RowSlice woven_heads(const ModelConfig& c) { return {0, 0, 0, 0, c.head_width()}; }

inline constexpr NameRule gguf_llama_rules[] = {
    {"tokens", "token_embd.weight"},
    {"decoder.blocks.{}.attention_norm", "blk.{}.attn_norm"},
    {"decoder.blocks.{}.attention.query", "blk.{}.attn_q", false, woven_heads},
    {"decoder.blocks.{}.attention.key", "blk.{}.attn_k", false, woven_heads},
    {"decoder.blocks.{}.attention.value", "blk.{}.attn_v"},
    {"decoder.blocks.{}.attention.out", "blk.{}.attn_output"},
    {"decoder.blocks.{}.feed_forward_norm", "blk.{}.ffn_norm"},
    {"decoder.blocks.{}.feed_forward.gate", "blk.{}.ffn_gate"},
    {"decoder.blocks.{}.feed_forward.up", "blk.{}.ffn_up"},
    {"decoder.blocks.{}.feed_forward.down", "blk.{}.ffn_down"},
    {"decoder.final_norm", "output_norm"},
    {"head.output", "output"}};
inline constexpr std::string_view gguf_llama_ignored[] = {"rope_freqs.weight",  // in the config already
                                                          "blk.{}.attn_rot_embd.weight"};
inline constexpr NameTable gguf_llama{"", gguf_llama_rules, gguf_llama_ignored};

/// Qwen2 and Gemma: as LLaMA, with the rows of Hugging Face.
inline constexpr NameRule gguf_qwen2_rules[] = {
    {"tokens", "token_embd.weight"},
    {"decoder.blocks.{}.attention_norm", "blk.{}.attn_norm"},
    {"decoder.blocks.{}.attention.query", "blk.{}.attn_q"},
    {"decoder.blocks.{}.attention.key", "blk.{}.attn_k"},
    {"decoder.blocks.{}.attention.value", "blk.{}.attn_v"},
    {"decoder.blocks.{}.attention.out", "blk.{}.attn_output"},
    {"decoder.blocks.{}.attention_post_norm", "blk.{}.post_attention_norm"},
    {"decoder.blocks.{}.feed_forward_norm", "blk.{}.ffn_norm"},
    {"decoder.blocks.{}.feed_forward.gate", "blk.{}.ffn_gate"},
    {"decoder.blocks.{}.feed_forward.up", "blk.{}.ffn_up"},
    {"decoder.blocks.{}.feed_forward.down", "blk.{}.ffn_down"},
    {"decoder.blocks.{}.feed_forward_post_norm", "blk.{}.post_ffw_norm"},
    {"decoder.final_norm", "output_norm"},
    {"head.output", "output"}};
inline constexpr NameTable gguf_qwen2{"", gguf_qwen2_rules, gguf_llama_ignored};
inline constexpr NameTable gguf_gemma{
    .prefix = "", .rules = gguf_qwen2_rules, .ignored = gguf_llama_ignored, .norms_with_offset = true};

/// GPT-2, GPT-NeoX and BLOOM.
inline constexpr NameRule gguf_fused_rules[] = {
    {"tokens", "token_embd.weight"},
    {"decoder.positions", "position_embd.weight"},
    {"decoder.embedding_norm", "token_embd_norm"},
    {"decoder.blocks.{}.attention_norm", "blk.{}.attn_norm"},
    {"decoder.blocks.{}.attention.query", "blk.{}.attn_qkv", false, thirds<0>},
    {"decoder.blocks.{}.attention.key", "blk.{}.attn_qkv", false, thirds<1>},
    {"decoder.blocks.{}.attention.value", "blk.{}.attn_qkv", false, thirds<2>},
    {"decoder.blocks.{}.attention.out", "blk.{}.attn_output"},
    {"decoder.blocks.{}.feed_forward_norm", "blk.{}.ffn_norm"},
    {"decoder.blocks.{}.feed_forward.up", "blk.{}.ffn_up"},
    {"decoder.blocks.{}.feed_forward.down", "blk.{}.ffn_down"},
    {"decoder.final_norm", "output_norm"},
    {"head.output", "output"}};
inline constexpr NameTable gguf_fused{"", gguf_fused_rules, {}};

}  // namespace names
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
