// The metadata of a GGUF file as the config.json that Hugging Face has for the same model, so that one reader
// knows what the fields of an architecture mean. What llama.cpp writes for each is in its
// convert_hf_to_gguf.py, what it takes for what is absent in its llama-model.cpp.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/gguf.hpp>
#include <eigenformer/hub/names_gguf.hpp>
#include <eigenformer/nn/position.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// A JSON text, and what messages call it.
struct ConfigText {
  Json json;
  std::string file;
};

/// The fields of one file: those of its architecture go without its name.
class GgufFields {
 public:
  explicit GgufFields(const Gguf& file)
      : file_(file), architecture_(file.metadata().text("general.architecture")) {}

  const Gguf& file() const { return file_; }
  const std::string& architecture() const { return architecture_; }

  std::string key(const char* field) const { return concat(architecture_, ".", field); }
  bool has(const char* field) const { return metadata().has(key(field)); }
  Index integer(const char* field) const {
    const Index value = metadata().integer(key(field));
    if (!detail::is_moderate(value)) refuse(field, concat("is too large: ", value));
    return value;
  }
  Index integer(const char* field, Index otherwise) const { return has(field) ? integer(field) : otherwise; }
  double number(const char* field) const { return metadata().number(key(field)); }
  double number(const char* field, double otherwise) const {
    return metadata().number(key(field), otherwise);
  }
  bool boolean(const char* field, bool otherwise) const { return metadata().boolean(key(field), otherwise); }
  std::string text(const char* field, const char* otherwise) const {
    return metadata().text(key(field), otherwise);
  }
  [[noreturn]] void refuse(const char* field, const std::string& why) const {
    metadata().refuse(key(field), why);
  }

  Index vocabulary() const { return file_.shape("token_embd.weight").front(); }
  bool tied() const { return !file_.has_tensor("output.weight"); }
  /// @throws ConfigError  for more layers than there are tensors, before memory is taken for them
  Index layers() const {
    const Index layers = integer("block_count");
    if (std::cmp_greater(layers, file_.tensor_count()))
      refuse("block_count", concat("is ", layers, ", where the file has ", file_.tensor_count(), " tensors"));
    return layers;
  }
  Index heads() const { return integer("attention.head_count"); }
  Index key_value_heads() const { return integer("attention.head_count_kv", heads()); }
  /// Columns of a head. @throws ConfigError  where there are none, or those of keys and of values differ
  Index head_width() const {
    const Index heads = this->heads(), width = integer("embedding_length");
    if (heads < 1) refuse("attention.head_count", concat("must be at least 1, is ", heads));
    const Index key = integer("attention.key_length", width / heads);
    if (key < 1)
      refuse(has("attention.key_length") ? "attention.key_length" : "embedding_length",
             concat("leaves a head ", key, " columns"));
    if (const Index value = integer("attention.value_length", key); value != key)
      refuse("attention.value_length", concat("must be that of the keys, ", key, ", is ", value));
    return key;
  }

 private:
  const GgufMetadata& metadata() const { return file_.metadata(); }

  const Gguf& file_;
  std::string architecture_;
};

/// rope_scaling of config.json; null where there is none.
[[gnu::cold]] inline Json gguf_rope_scaling(const GgufFields& f) {
  const std::string type = f.text("rope.scaling.type", "none");
  if (type == "none") return nullptr;
  Json out{{"rope_type", type}, {"factor", f.number("rope.scaling.factor")}};
  if (f.has("rope.scaling.original_context_length"))
    out["original_max_position_embeddings"] = f.integer("rope.scaling.original_context_length");
  if (type == "yarn") {
    if (f.has("rope.scaling.attn_factor")) out["attention_factor"] = f.number("rope.scaling.attn_factor");
    out["beta_fast"] = f.number("rope.scaling.yarn_beta_fast", 32.0);
    out["beta_slow"] = f.number("rope.scaling.yarn_beta_slow", 1.0);
  } else if (type != "linear") {
    f.refuse("rope.scaling.type", concat("\"", printable(type), "\" is not known, only linear and yarn are"));
  }
  return out;
}

/// LLaMA and what is like it: Mistral, Qwen2, Gemma.
[[gnu::cold]] inline Json gguf_llama(const GgufFields& f) {
  if (f.integer("expert_count", 0) > 0) f.refuse("expert_count", "mixtures of experts are not read");
  if (f.integer("rope.dimension_count", f.head_width()) != f.head_width())
    f.refuse("rope.dimension_count", concat("must be the width of a head, ", f.head_width(), ", is ",
                                            f.integer("rope.dimension_count")));
  return {{"model_type", "llama"},
          {"vocab_size", f.vocabulary()},
          {"hidden_size", f.integer("embedding_length")},
          {"num_hidden_layers", f.layers()},
          {"num_attention_heads", f.heads()},
          {"num_key_value_heads", f.key_value_heads()},
          {"head_dim", f.head_width()},
          {"intermediate_size", f.integer("feed_forward_length")},
          {"max_position_embeddings", f.integer("context_length")},
          {"rms_norm_eps", f.number("attention.layer_norm_rms_epsilon")},
          {"rope_theta", f.number("rope.freq_base", 10000.0)},
          {"rope_scaling", gguf_rope_scaling(f)},
          {"attention_bias", f.file().has_tensor("blk.0.attn_output.bias")},
          {"mlp_bias", f.file().has_tensor("blk.0.ffn_up.bias")},
          {"tie_word_embeddings", f.tied()}};
}

/// A window makes a Mistral of it, in Hugging Face's eyes.
[[gnu::cold]] inline Json gguf_llama_or_mistral(const GgufFields& f) {
  Json out = gguf_llama(f);
  if (const Index window = f.integer("attention.sliding_window", 0); window > 0) {
    out["model_type"] = "mistral";
    out["sliding_window"] = window;
  }
  return out;
}

[[gnu::cold]] inline Json gguf_qwen2(const GgufFields& f) {
  Json out = gguf_llama(f);
  out["model_type"] = "qwen2";
  return out;
}

[[gnu::cold]] inline Json gguf_gemma(const GgufFields& f) {
  Json out = gguf_llama(f);
  out["model_type"] = "gemma";
  out["hidden_activation"] = "gelu_pytorch_tanh";
  return out;
}

[[gnu::cold]] inline Json gguf_gemma2(const GgufFields& f) {
  Json out = gguf_gemma(f);
  out["model_type"] = "gemma2";
  out["attn_logit_softcapping"] = f.number("attn_logit_softcapping", 50.0);
  out["final_logit_softcapping"] = f.number("final_logit_softcapping", 30.0);
  out["sliding_window"] = f.integer("attention.sliding_window", 4096);
  // The file does not tell query_pre_attn_scalar: of the published models only the one of 46 layers (27B) has
  // another than the width of a head.
  const Index width = f.head_width();
  out["query_pre_attn_scalar"] = f.layers() == 46 ? f.integer("embedding_length") / f.heads() : width;
  if (f.has("attention.scale"))
    out["query_pre_attn_scalar"] = 1.0 / (f.number("attention.scale") * f.number("attention.scale"));
  return out;
}

[[gnu::cold]] inline Json gguf_gpt2(const GgufFields& f) {
  return {{"model_type", "gpt2"},
          {"vocab_size", f.vocabulary()},
          {"n_embd", f.integer("embedding_length")},
          {"n_layer", f.layers()},
          {"n_head", f.heads()},
          {"n_inner", f.integer("feed_forward_length")},
          {"n_positions", f.integer("context_length")},
          {"layer_norm_epsilon", f.number("attention.layer_norm_epsilon")},
          {"tie_word_embeddings", f.tied()}};
}

[[gnu::cold]] inline Json gguf_gpt_neox(const GgufFields& f) {
  return {{"model_type", "gpt_neox"},
          {"vocab_size", f.vocabulary()},
          {"hidden_size", f.integer("embedding_length")},
          {"num_hidden_layers", f.layers()},
          {"num_attention_heads", f.heads()},
          {"intermediate_size", f.integer("feed_forward_length")},
          {"max_position_embeddings", f.integer("context_length")},
          {"layer_norm_eps", f.number("attention.layer_norm_epsilon")},
          {"use_parallel_residual", f.boolean("use_parallel_residual", true)},
          {"attention_bias", f.file().has_tensor("blk.0.attn_output.bias")},
          {"rotary_pct", rotary_part(f.integer("rope.dimension_count"), f.head_width())},
          {"rope_theta", f.number("rope.freq_base", 10000.0)},
          {"rotary_emb_base", f.number("rope.freq_base", 10000.0)},
          {"rope_scaling", gguf_rope_scaling(f)},
          {"tie_word_embeddings", f.tied()}};
}

[[gnu::cold]] inline Json gguf_bloom(const GgufFields& f) {
  const Index width = f.integer("embedding_length");
  if (f.integer("feed_forward_length", 4 * width) != 4 * width)
    f.refuse("feed_forward_length",
             concat("must be 4 times embedding_length, is ", f.integer("feed_forward_length")));
  return {{"model_type", "bloom"},
          {"vocab_size", f.vocabulary()},
          {"hidden_size", width},
          {"n_layer", f.layers()},
          {"n_head", f.heads()},
          {"seq_length", f.integer("context_length")},
          {"layer_norm_epsilon", f.number("attention.layer_norm_epsilon")},
          {"tie_word_embeddings", f.tied()}};
}

/// An architecture of llama.cpp that the library has.
struct GgufFamily {
  const char* architecture;
  Json (*config)(const GgufFields&);
  const NameTable* names;
};
inline constexpr GgufFamily gguf_families[] = {{"llama", gguf_llama_or_mistral, &names::gguf_llama},
                                               {"qwen2", gguf_qwen2, &names::gguf_qwen2},
                                               {"gemma", gguf_gemma, &names::gguf_gemma},
                                               {"gemma2", gguf_gemma2, &names::gguf_gemma},
                                               {"gpt2", gguf_gpt2, &names::gguf_fused},
                                               {"gptneox", gguf_gpt_neox, &names::gguf_fused},
                                               {"bloom", gguf_bloom, &names::gguf_fused}};

/// @throws ConfigError  for an architecture that the library does not load
[[gnu::cold]] inline const GgufFamily& gguf_family(const Gguf& file) {
  const std::string architecture = file.metadata().text("general.architecture");
  std::string known;
  for (const GgufFamily& family : gguf_families) {
    if (architecture == family.architecture) return family;
    known += concat(known.empty() ? "" : ", ", family.architecture);
  }
  file.metadata().refuse(
      "general.architecture",
      concat("\"", printable(architecture), "\" is not one of those that the library loads: ", known));
}

/// What rope_freqs.weight says: divisors of the rotary frequencies. They are those of LLaMA 3.1 and later,
/// whose parameters the file does not tell; others are refused.
[[gnu::cold]] inline void read_frequency_divisors(const Gguf& file, const GgufFields& f, Json& config) {
  constexpr const char* name = "rope_freqs.weight";
  if (!file.has_tensor(name)) return;
  const TensorView tensor = file.tensor(name);
  const std::vector<double> divisors = tensor.values<double>();
  double largest = 1;
  for (const double divisor : divisors) largest = (std::max)(largest, divisor);
  if (largest > 1)
    config["rope_scaling"] = {
        {"rope_type", "llama3"},
        {"factor", largest},
        {"low_freq_factor", 1.0},
        {"high_freq_factor", 4.0},
        {"original_max_position_embeddings", f.integer("rope.scaling.original_context_length", 8192)}};
  ModelConfig scaled = read_config(JsonFields(config, file.file())).model, plain = scaled;
  plain.rotary.scaling = RotaryScaling::none;
  if (std::cmp_not_equal(divisors.size(), scaled.rotary_dimensions() / 2))
    tensor.refuse(concat("has ", divisors.size(), " numbers, expected ", scaled.rotary_dimensions() / 2));
  std::vector<double> slowed(divisors.size()), free(divisors.size());
  inverse_frequencies(scaled, 0, slowed);
  inverse_frequencies(plain, 0, free);
  for (std::size_t i = 0; i < divisors.size(); ++i)
    if (!(std::abs(divisors[i] * slowed[i] / free[i] - 1) < 1e-4))  // they were computed in float
      tensor.refuse(concat("number ", i, " is ", divisors[i], ", ", free[i] / slowed[i],
                           " was expected: this scaling of rotary frequencies is not known"));
}

/// The tokens of a generation_config.json.
[[gnu::cold]] inline Json gguf_generation(const GgufMetadata& metadata) {
  Json out = Json::object(), ends = Json::array();
  const auto put = [&](const char* key, const char* name) {
    if (metadata.has(key)) out[name] = metadata.integer(key);
  };
  put("tokenizer.ggml.bos_token_id", "bos_token_id");
  put("tokenizer.ggml.padding_token_id", "pad_token_id");
  for (const char* const key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"})
    if (metadata.has(key))
      if (const Json id = metadata.integer(key); std::find(ends.begin(), ends.end(), id) == ends.end())
        ends.push_back(id);
  if (!ends.empty()) out["eos_token_id"] = ends.size() == 1 ? ends[0] : ends;
  return out;
}

/// The config.json of a file's model.
/// @throws ConfigError, FileError  for an architecture that the library does not load, and fields that are
///         absent, of the wrong type, or cannot be
[[gnu::cold]] inline Json gguf_config(const Gguf& file) {
  const GgufFields fields(file);
  Json config = gguf_family(file).config(fields);
  if (config.contains("rope_theta")) read_frequency_divisors(file, fields, config);
  config.update(gguf_generation(file.metadata()));
  return config;
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
