// GGUF files of the reference folders, as llama.cpp's converter makes them: its names, its order of rows, its
// metadata.
#pragma once

#include "fixtures.hpp"
#include "support/gguf_file.hpp"
#include <eigenformer/hub/json.hpp>
#include <eigenformer/hub/safetensors.hpp>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gguf_models {

namespace ef = eigenformer;
using gguf_file::Type;
using gguf_file::Writer;

/// A tensor in floats.
struct Numbers {
  ef::Index rows = 0, columns = 0;  ///< of a vector: one row
  bool vector = false;
  std::vector<float> values;

  /// Row r becomes row `from(r)` of what it was.
  template <class From> Numbers reordered(From&& from) const {
    Numbers out = *this;
    for (ef::Index r = 0; r < rows_of(); ++r)
      std::copy_n(values.data() + from(r) * width(), width(), out.values.data() + r * width());
    return out;
  }
  Numbers transposed() const {
    Numbers out{columns, rows, false, std::vector<float>(values.size())};
    for (ef::Index r = 0; r < rows; ++r)
      for (ef::Index c = 0; c < columns; ++c)
        out.values[static_cast<std::size_t>(c * rows + r)] =
            values[static_cast<std::size_t>(r * columns + c)];
    return out;
  }
  ef::Index rows_of() const { return vector ? columns : rows; }  // of a bias: its numbers
  ef::Index width() const { return vector ? 1 : columns; }
};

/// Rows of each head's two halves in turn.
inline Numbers woven(const Numbers& x, ef::Index heads) {
  const ef::Index size = x.rows_of() / heads, half = size / 2;
  return x.reordered([=](ef::Index r) { return r / size * size + r % size % 2 * half + r % size / 2; });
}
/// From query, key and value of each head side by side to all queries, all keys, all values.
inline Numbers sorted(const Numbers& x, ef::Index heads) {
  const ef::Index size = x.rows_of() / heads / 3;
  return x.reordered([=](ef::Index r) {
    const ef::Index part = r / (heads * size), head = r / size % heads;
    return (head * 3 + part) * size + r % size;
  });
}

/// What a name of Hugging Face becomes: the parts of names, the first that fits.
using Names = std::vector<std::pair<std::string, std::string>>;
inline const Names llama_names{{"model.embed_tokens", "token_embd"},
                               {"model.norm", "output_norm"},
                               {"lm_head", "output"},
                               {"model.layers.", "blk."},
                               {"self_attn.q_proj", "attn_q"},
                               {"self_attn.k_proj", "attn_k"},
                               {"self_attn.v_proj", "attn_v"},
                               {"self_attn.o_proj", "attn_output"},
                               {"mlp.gate_proj", "ffn_gate"},
                               {"mlp.up_proj", "ffn_up"},
                               {"mlp.down_proj", "ffn_down"},
                               {"input_layernorm", "attn_norm"},
                               {"post_attention_layernorm", "ffn_norm"}};
inline const Names gemma2_names = [] {
  Names names = llama_names;
  names.back().second = "post_attention_norm";
  names.emplace_back("pre_feedforward_layernorm", "ffn_norm");
  names.emplace_back("post_feedforward_layernorm", "post_ffw_norm");
  return names;
}();
inline const Names gpt2_names{
    {"transformer.", ""},           {"wte", "token_embd"},  {"wpe", "position_embd"},
    {"ln_f", "output_norm"},        {"h.", "blk."},         {"attn.c_attn", "attn_qkv"},
    {"attn.c_proj", "attn_output"}, {"mlp.c_fc", "ffn_up"}, {"mlp.c_proj", "ffn_down"},
    {"ln_1", "attn_norm"},          {"ln_2", "ffn_norm"}};
inline const Names neox_names{{"gpt_neox.", ""},
                              {"embed_in", "token_embd"},
                              {"embed_out", "output"},
                              {"final_layer_norm", "output_norm"},
                              {"layers.", "blk."},
                              {"attention.query_key_value", "attn_qkv"},
                              {"attention.dense", "attn_output"},
                              {"mlp.dense_h_to_4h", "ffn_up"},
                              {"mlp.dense_4h_to_h", "ffn_down"},
                              {"input_layernorm", "attn_norm"},
                              {"post_attention_layernorm", "ffn_norm"}};
inline const Names bloom_names{{"transformer.", ""},
                               {"word_embeddings_layernorm", "token_embd_norm"},
                               {"word_embeddings", "token_embd"},
                               {"ln_f", "output_norm"},
                               {"h.", "blk."},
                               {"self_attention.query_key_value", "attn_qkv"},
                               {"self_attention.dense", "attn_output"},
                               {"mlp.dense_h_to_4h", "ffn_up"},
                               {"mlp.dense_4h_to_h", "ffn_down"},
                               {"input_layernorm", "attn_norm"},
                               {"post_attention_layernorm", "ffn_norm"}};

inline std::string renamed(std::string name, const Names& names) {
  for (const auto& [theirs, ours] : names)
    if (const auto at = name.find(theirs);
        at == 0 || (at != name.npos && name[at - 1] == '.'))  // whole parts of a name
      name.replace(at, theirs.size(), ours);
  return name;
}

/// How a family is converted.
struct Family {
  std::string architecture;
  const Names& names;
  bool rms = true;  ///< the norms and the names of sizes are LLaMA's
};
inline Family family(const std::string& model_type) {
  if (model_type == "llama" || model_type == "mistral") return {"llama", llama_names};
  if (model_type == "qwen2") return {"qwen2", llama_names};
  if (model_type == "gemma") return {"gemma", llama_names};
  if (model_type == "gemma2") return {"gemma2", gemma2_names};
  if (model_type == "gpt2") return {"gpt2", gpt2_names, false};
  if (model_type == "gpt_neox") return {"gptneox", neox_names, false};
  REQUIRE(model_type == "bloom");
  return {"bloom", bloom_names, false};
}

/// Metadata of a config.json.
inline void put_config(Writer& out, const ef::Json& c, const std::string& a) {
  const auto size = [&](const char* ours, std::initializer_list<const char*> theirs) {
    for (const char* const key : theirs)
      if (c.contains(key) && c[key].is_number()) return out.u32(a + "." + ours, c[key].get<std::uint32_t>());
  };
  const auto real = [&](const char* ours, std::initializer_list<const char*> theirs) {
    for (const char* const key : theirs)
      if (c.contains(key) && c[key].is_number()) return out.f32(a + "." + ours, c[key].get<float>());
  };
  out.text("general.architecture", a);
  size("embedding_length", {"hidden_size", "n_embd"});
  size("block_count", {"num_hidden_layers", "n_layer"});
  size("feed_forward_length", {"intermediate_size", "n_inner"});
  size("attention.head_count", {"num_attention_heads", "n_head"});
  size("attention.head_count_kv", {"num_key_value_heads"});
  size("attention.key_length", {"head_dim"});
  size("attention.value_length", {"head_dim"});
  size("attention.sliding_window", {"sliding_window"});
  size("context_length", {"max_position_embeddings", "n_positions", "seq_length"});
  real("attention.layer_norm_rms_epsilon", {"rms_norm_eps"});
  real("attention.layer_norm_epsilon", {"layer_norm_epsilon", "layer_norm_eps"});
  real("rope.freq_base", {"rope_theta"});
  real("attn_logit_softcapping", {"attn_logit_softcapping"});
  real("final_logit_softcapping", {"final_logit_softcapping"});
  if (a == "bloom") {
    out.u32("bloom.context_length", 2048);
    out.u32("bloom.feed_forward_length", 4 * c["hidden_size"].get<std::uint32_t>());
  }
  if (a == "gptneox") {
    out.boolean("gptneox.use_parallel_residual", c["use_parallel_residual"].get<bool>());
    const auto head = c["hidden_size"].get<float>() / c["num_attention_heads"].get<float>();
    out.u32("gptneox.rope.dimension_count", static_cast<std::uint32_t>(c["rotary_pct"].get<float>() * head));
  }
  if (c.contains("query_pre_attn_scalar"))
    out.f32(a + ".attention.scale", 1 / std::sqrt(c["query_pre_attn_scalar"].get<float>()));
  if (c.contains("rope_scaling") && c["rope_scaling"].is_object())
    out.u32(a + ".rope.scaling.original_context_length",
            c["rope_scaling"]["original_max_position_embeddings"].get<std::uint32_t>());
  out.u32("tokenizer.ggml.bos_token_id", c["bos_token_id"].get<std::uint32_t>());
  out.u32("tokenizer.ggml.eos_token_id", c["eos_token_id"].get<std::uint32_t>());
}

/// rope_freqs.weight of a llama3 scaling, by the formula of LLaMA 3.1's reference code.
inline std::vector<float> frequency_divisors(const ef::Json& c) {
  const ef::Json& scaling = c["rope_scaling"];
  const auto number = [&](const char* key) { return scaling[key].get<float>(); };
  const int size = c["head_dim"].get<int>();
  const float trained = number("original_max_position_embeddings"), factor = number("factor");
  const float longest = trained / number("low_freq_factor"), shortest = trained / number("high_freq_factor");
  std::vector<float> out;
  for (int i = 0; i < size; i += 2) {
    const float frequency =
        1 / std::pow(c["rope_theta"].get<float>(), static_cast<float>(i) / static_cast<float>(size));
    const float wavelength = 2 * 3.14159265f / frequency;
    const float smooth = (trained / wavelength - number("low_freq_factor")) /
                         (number("high_freq_factor") - number("low_freq_factor"));
    out.push_back(wavelength < shortest  ? 1
                  : wavelength > longest ? factor
                                         : 1 / ((1 - smooth) / factor + smooth));
  }
  return out;
}

/// The tensors of a folder as llama.cpp has them, by its names.
inline std::map<std::string, Numbers> converted(const std::string& folder) {
  const ef::Json config = ef::read_json(folder + "/config.json");
  const auto type = config["model_type"].get<std::string>();
  const Family f = family(type);
  const auto number = [&](const char* key, const char* other) {
    return config[config.contains(key) ? key : other].get<ef::Index>();
  };
  const ef::Index heads = number("num_attention_heads", "n_head");
  std::map<std::string, Numbers> out;
  const ef::SafeTensors tensors = ef::open_folder(folder);
  for (const auto& [name, tensor] : tensors.tensors()) {
    if (!tensor.format() || name.ends_with(".attn.bias") || name.ends_with("masked_bias") ||
        name.ends_with("inv_freq"))
      continue;
    if (config.value("tie_word_embeddings", false) && name == "lm_head.weight") continue;
    const bool vector = tensor.shape.size() == 1;
    Numbers x{vector ? 1 : tensor.shape[0], tensor.shape.back(), vector, tensor.values<float>()};
    const std::string ours = renamed(name, f.names);
    if (f.architecture == "llama" && ours.find("attn_q.") != ours.npos) x = woven(x, heads);
    if (f.architecture == "llama" && ours.find("attn_k.") != ours.npos)
      x = woven(x, config["num_key_value_heads"].get<ef::Index>());
    if (type == "gpt2" && !vector && ours.starts_with("blk.")) x = x.transposed();
    if ((type == "gpt_neox" || type == "bloom") && ours.find("attn_qkv") != ours.npos) x = sorted(x, heads);
    if (type.starts_with("gemma") && ours.ends_with("norm.weight"))
      for (float& value : x.values) value += 1;
    out.emplace(ours, std::move(x));
  }
  return out;
}

inline void put_tensor(Writer& out, const std::string& name, const Numbers& x, Type type) {
  const auto coded = gguf_file::code(x.vector ? Type::f32 : type, x.values);
  std::vector<std::uint64_t> sizes{static_cast<std::uint64_t>(x.columns)};
  if (!x.vector) sizes.push_back(static_cast<std::uint64_t>(x.rows));
  out.tensor(name, sizes, static_cast<std::uint32_t>(x.vector ? Type::f32 : type), coded.bytes);
}

/// A reference folder's model; matrices in a type, vectors in floats.
inline Writer model(const std::string& folder, Type type = Type::f32) {
  const ef::Json config = ef::read_json(folder + "/config.json");
  Writer out;
  put_config(out, config, family(config["model_type"].get<std::string>()).architecture);
  if (config.contains("rope_scaling") && config["rope_scaling"].is_object()) {
    const std::vector<float> divisors = frequency_divisors(config);
    put_tensor(out, "rope_freqs.weight", {1, static_cast<ef::Index>(divisors.size()), true, divisors},
               Type::f32);
  }
  for (const auto& [name, x] : converted(folder)) put_tensor(out, name, x, type);
  return out;
}

}  // namespace gguf_models
