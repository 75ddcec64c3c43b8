// config.json of Hugging Face as a ModelConfig: one short function per architecture.
#pragma once

#include <eigenformer/hub/json.hpp>
#include <eigenformer/hub/names.hpp>

#include <algorithm>
#include <string>

namespace eigenformer::inline EIGENFORMER_ABI {

/// What a model folder says about itself.
struct HubConfig {
  std::string model_type;
  ModelConfig model;
  const NameTable* names = nullptr;
};

namespace hub {

/// @throws ConfigError  for an activation that the library does not have
[[gnu::cold]] inline Activation activation(const JsonFields& json, const char* key,
                                           const std::string& otherwise) {
  const std::string name = json.text(key, otherwise);
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return Activation::gelu_tanh;
  if (name == "quick_gelu") return Activation::gelu_quick;
  if (name == "relu") return Activation::relu;
  if (name == "relu2") return Activation::relu_squared;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "mish") return Activation::mish;
  if (name == "tanh") return Activation::tanh;
  if (name == "sigmoid") return Activation::sigmoid;
  json.refuse(key, concat("unknown activation \"", name, "\""));
}

/// rope_theta and rope_scaling; windows that a scaling extends are extended here.
[[gnu::cold]] inline void rotary(const JsonFields& json, ModelConfig& c) {
  c.positions = Positions::rotary;
  c.rotary.base = json.number("rope_theta", 10000.0);
  if (!json.has("rope_scaling")) return;
  const JsonFields scaling = json.fields("rope_scaling");
  const std::string type = scaling.text(scaling.has("rope_type") ? "rope_type" : "type");
  if (type == "default") return;
  c.rotary.factor = scaling.number("factor");
  c.rotary.original_max_positions = scaling.integer("original_max_position_embeddings", 0);
  const auto extended = [&](Index trained) {
    return (std::max)(c.max_positions, static_cast<Index>(static_cast<double>(trained) * c.rotary.factor));
  };
  if (type == "linear") {
    c.rotary.scaling = RotaryScaling::linear;
  } else if (type == "dynamic") {
    c.rotary.scaling = RotaryScaling::dynamic;
    c.rotary.original_max_positions = c.max_positions;
    c.max_positions = extended(c.max_positions);
  } else if (type == "yarn") {
    c.rotary.scaling = RotaryScaling::yarn;
    c.rotary.attention_factor = scaling.number("attention_factor", 0.0);
    c.rotary.beta_fast = scaling.number("beta_fast", 32.0);
    c.rotary.beta_slow = scaling.number("beta_slow", 1.0);
    if (c.rotary.original_max_positions) c.max_positions = extended(c.rotary.original_max_positions);
  } else if (type == "llama3") {
    c.rotary.scaling = RotaryScaling::llama3;
    c.rotary.low_frequency_factor = scaling.number("low_freq_factor");
    c.rotary.high_frequency_factor = scaling.number("high_freq_factor");
  } else {
    scaling.refuse("rope_type", concat("unknown rotary scaling \"", type, "\""));
  }
}

[[gnu::cold]] inline ModelConfig llama(const JsonFields& json) {
  ModelConfig c;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer("hidden_size");
  c.n_layers = json.integer("num_hidden_layers");
  c.n_heads = json.integer("num_attention_heads");
  c.n_key_value_heads = json.integer("num_key_value_heads", c.n_heads);
  c.head_size = json.integer("head_dim", 0);
  c.d_ff = json.integer("intermediate_size");
  c.max_positions = json.integer("max_position_embeddings", 2048);
  c.norm = {.kind = NormKind::rms, .epsilon = json.number("rms_norm_eps", 1e-6)};
  c.activation = activation(json, "hidden_act", "silu");
  c.gated = true;
  const bool bias = json.boolean("attention_bias", false);
  c.biases = {
      .query_key_value = bias, .attention_out = bias, .feed_forward = json.boolean("mlp_bias", false)};
  c.tied_embeddings = json.boolean("tie_word_embeddings", false);
  rotary(json, c);
  return c;
}

[[gnu::cold]] inline ModelConfig gpt2(const JsonFields& json) {
  if (!json.boolean("scale_attn_weights", true)) json.refuse("scale_attn_weights", "must be true");
  if (json.boolean("scale_attn_by_inverse_layer_idx", false))
    json.refuse("scale_attn_by_inverse_layer_idx", "must be false");
  ModelConfig c;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer("n_embd");
  c.n_layers = json.integer("n_layer");
  c.n_heads = json.integer("n_head");
  c.d_ff = json.integer("n_inner", 4 * c.d_model);
  c.max_positions = json.integer("n_positions", 1024);
  c.norm = {.kind = NormKind::layer, .epsilon = json.number("layer_norm_epsilon", 1e-5)};
  c.activation = activation(json, "activation_function", "gelu_new");
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  return c;
}

[[gnu::cold]] inline ModelConfig bloom(const JsonFields& json) {
  ModelConfig c;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer(json.has("n_embed") ? "n_embed" : "hidden_size");
  c.n_layers = json.integer(json.has("num_hidden_layers") ? "num_hidden_layers" : "n_layer");
  c.n_heads = json.integer(json.has("num_attention_heads") ? "num_attention_heads" : "n_head");
  c.d_ff = 4 * c.d_model;
  c.max_positions =
      json.integer("seq_length", 2048);  // ALiBi itself has no limit; this is the trained window
  c.norm = {.kind = NormKind::layer, .epsilon = json.number("layer_norm_epsilon", 1e-5)};
  c.activation = Activation::gelu_tanh;
  c.positions = Positions::alibi;
  c.embedding_norm = true;
  if (json.boolean("apply_residual_connection_post_layernorm", false))
    c.residual_source = ResidualSource::normed;
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  return c;
}

[[gnu::cold]] inline ModelConfig palm(const JsonFields& json) {
  ModelConfig c;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer("dim");
  c.n_layers = json.integer("depth");
  c.n_heads = json.integer("heads");
  c.n_key_value_heads = 1;
  c.head_size = json.integer("dim_head");
  c.d_ff = json.integer("ff_dim");
  c.max_positions = json.integer("max_position_embeddings", 2048);
  c.norm = {.kind = NormKind::layer, .epsilon = json.number("layer_norm_eps", 1e-5), .bias = false};
  c.branches = Branches::parallel_one_norm;
  c.activation = Activation::silu;
  c.gated = true;
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  c.logits_scale = json.number("logit_scale", 1.0);
  rotary(json, c);
  return c;
}

struct Family {
  const char* model_type;
  ModelConfig (*config)(const JsonFields&);
  const NameTable* names;
};
inline constexpr Family families[] = {{"llama", llama, &names::llama},
                                      {"gpt2", gpt2, &names::gpt2},
                                      {"bloom", bloom, &names::bloom},
                                      {"palm", palm, &names::palm}};

}  // namespace hub

/// Reads a folder's config.json.
/// @throws FileError    if there is none, or it is not JSON
/// @throws ConfigError  for an unknown model_type, or a field that is absent, of the wrong type, or cannot be
[[gnu::cold]] inline HubConfig load_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json value = read_json(path);
  const JsonFields json(value, path);
  const std::string type = json.text("model_type");
  std::string known;
  for (const hub::Family& family : hub::families) {
    if (type == family.model_type) {
      HubConfig config{type, family.config(json), family.names};
      try {
        validate(config.model);
      } catch (const ConfigError& error) {
        fail(ConfigError(path, error.what()));
      }
      return config;
    }
    known += concat(known.empty() ? "" : ", ", family.model_type);
  }
  json.refuse("model_type", concat("\"", type, "\" is not one of those that the library loads: ", known));
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
