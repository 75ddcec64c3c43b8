// How a checkpoint's tensors are called and laid out: one table per architecture.
//
// A rule maps a path of our parameters to the tensor that holds it. "{}" stands for the layer, "{+}" for the
// layer counted from one, "{n}" for the number of layers plus one, "~" for a prefix that a checkpoint may
// lack.
#pragma once

#include <eigenformer/model/config.hpp>

#include <span>
#include <string>
#include <string_view>

namespace eigenformer::inline EIGENFORMER_ABI {

/// Which rows of a tensor, counted along its output dimension, belong to a parameter: row r is row
/// offset + r / run · period + r mod run of the tensor.
struct RowSlice {
  Index offset = 0;
  Index run = 0;  ///< 0: rows stand together
  Index period = 0;
  Index rows = 0;  ///< of the whole tensor; 0: the parameter has all of them
};

struct NameRule {
  std::string_view ours;    ///< a path, or the part before ".weight" and ".bias"
  std::string_view theirs;  ///< likewise
  bool transposed = false;  ///< stored [in, out] (GPT-2's Conv1D)
  RowSlice (*slice)(const ModelConfig&) = nullptr;
};

/// What a family's checkpoints look like.
struct NameTable {
  std::string_view prefix;  ///< what "~" stands for
  std::span<const NameRule> rules;
  std::span<const std::string_view> ignored;  ///< buffers that a checkpoint may carry: known, and not needed
};

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
inline constexpr NameTable llama{"", llama_rules, llama_ignored};

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
inline constexpr NameTable gpt2{"transformer.", gpt2_rules, gpt2_ignored};

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
inline constexpr NameTable bloom{"transformer.", bloom_rules, {}};

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
inline constexpr NameTable palm{"transformer.", palm_rules, {}};

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

/// A pattern with its placeholders filled in.
[[gnu::cold]] inline std::string fill(std::string_view pattern, std::string_view prefix, Index layer,
                                      Index n_layers) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '~') {
      out += prefix;
    } else if (pattern[i] == '{') {
      const std::string_view inside = pattern.substr(i + 1, pattern.find('}', i) - i - 1);
      out += std::to_string(inside == "n" ? n_layers + 1 : inside == "+" ? layer + 1 : layer);
      i += inside.size() + 1;
    } else {
      out += pattern[i];
    }
  }
  return out;
}

/// A tensor's name and how a parameter lies in it.
struct Place {
  std::string name;
  bool transposed = false;
  RowSlice slice;
};

/// Where a parameter of ours is to be found.
/// @throws ConfigError  for a parameter that the table does not know, which is a config of another family
[[gnu::cold]] inline Place place_of(const NameTable& table, std::string_view prefix, const std::string& path,
                                    const ModelConfig& config) {
  std::string generic = path;  // "decoder.blocks.3.attention.query.weight" → "decoder.blocks.{}.…"
  Index layer = 0;
  if (const auto at = path.find(".blocks."); at != std::string::npos) {
    const auto begin = at + 8, end = path.find('.', begin);
    layer = std::stol(path.substr(begin, end - begin));
    generic = path.substr(0, begin) + "{}" + path.substr(end);
  }
  const auto dot = generic.rfind('.');
  const std::string_view whole = generic, stem = whole.substr(0, dot);
  for (const NameRule& rule : table.rules) {
    if (rule.ours != whole && (dot == std::string::npos || rule.ours != stem)) continue;
    std::string name = fill(rule.theirs, prefix, layer, config.n_layers);
    if (rule.ours != whole) name += whole.substr(dot);
    return {std::move(name), rule.transposed, rule.slice ? rule.slice(config) : RowSlice{}};
  }
  fail(ConfigError(path, "this architecture's checkpoints have no such parameter"));
}

}  // namespace names
}  // namespace eigenformer::inline EIGENFORMER_ABI
