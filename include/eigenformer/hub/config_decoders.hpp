// config.json of the decoder families as a ModelConfig.
#pragma once

#include <eigenformer/hub/config_fields.hpp>

#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

[[gnu::cold]] inline ModelConfig llama(const JsonFields& json) {
  ModelConfig c = sizes(json, "hidden_size", "num_hidden_layers", "num_attention_heads");
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
  check_whole_heads(json, c);
  return c;
}

/// The window of a class that has one of 4,096 where its config does not speak of it; null: none.
[[gnu::cold]] inline Index window_of_class(const JsonFields& json) {
  return json.integer("sliding_window", json.contains("sliding_window") ? 0 : 4096);
}

/// LLaMA with a window on the keys that a query sees.
[[gnu::cold]] inline ModelConfig mistral(const JsonFields& json) {
  ModelConfig c = llama(json);
  c.window = window_of_class(json);
  check_layer_types(json, c);  // transformers takes a Mistral that has them for a Ministral
  return c;
}

/// LLaMA with biases on queries, keys and values.
[[gnu::cold]] inline ModelConfig qwen2(const JsonFields& json) {
  refuse_fields(json, refused::qwen2);
  ModelConfig c = llama(json);
  c.biases.query_key_value = true;
  check_layer_types(json, c);
  return c;
}

/// LLaMA with a gated gelu, norms that are stored less one, and embeddings scaled by √d_model.
[[gnu::cold]] inline ModelConfig gemma_like(const JsonFields& json) {
  ModelConfig c = llama(json);
  if (!c.head_size) c.head_size = 256;  // of the class, whatever the heads
  // "hidden_act" of published checkpoints says "gelu" where the model was trained with its tanh form
  c.activation = activation(json, "hidden_activation", "gelu_pytorch_tanh");
  c.norm.offset = 1.0;
  c.embedding_scale = std::sqrt(static_cast<double>(c.d_model));
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  return c;
}

/// Transformers 4 reads hidden_activation alone, 5 hidden_act: they may not say different things.
[[gnu::cold]] inline ModelConfig gemma(const JsonFields& json) {
  ModelConfig c = gemma_like(json);
  const std::string newer = json.text("hidden_act", ""), older = json.text("hidden_activation", "");
  if (!newer.empty() && newer != older && activation(json, "hidden_act", "") != c.activation &&
      !(newer == "gelu" && c.activation == Activation::gelu_tanh))
    json.refuse("hidden_act", concat("is \"", newer, "\", where hidden_activation ",
                                     older.empty() ? "is absent" : concat("is \"", older, "\""),
                                     ": versions of transformers read one or the other; make them equal"));
  return c;
}

/// Gemma with norms on both sides of each branch, soft caps, and a window in every second layer.
[[gnu::cold]] inline ModelConfig gemma2(const JsonFields& json) {
  ModelConfig c = gemma_like(json);
  c.norm_placement = NormPlacement::both;
  // what is absent is as in the published models, what is null is off
  const auto cap = [&](const char* key, double published) {
    return json.number(key, json.contains(key) ? 0.0 : published);
  };
  c.score_scale =
      1.0 / std::sqrt(json.contains("query_pre_attn_scalar") ? json.number("query_pre_attn_scalar") : 256.0);
  c.score_cap = cap("attn_logit_softcapping", 50.0);
  c.logits_cap = cap("final_logit_softcapping", 30.0);
  c.window = window_of_class(json);
  c.window_every = 2;
  check_layer_types(json, c);
  return c;
}

[[gnu::cold]] inline ModelConfig gpt_neox(const JsonFields& json) {
  ModelConfig c = sizes(json, "hidden_size", "num_hidden_layers", "num_attention_heads");
  c.d_ff = json.integer("intermediate_size");
  c.max_positions = json.integer("max_position_embeddings", 2048);
  c.norm = {.kind = NormKind::layer, .epsilon = json.number("layer_norm_eps", 1e-5)};
  if (json.boolean("use_parallel_residual", true)) c.branches = Branches::parallel_two_norms;
  c.activation = activation(json, "hidden_act", "gelu");
  const bool bias = json.boolean("attention_bias", true);
  c.biases = {.query_key_value = bias, .attention_out = bias};
  c.tied_embeddings = json.boolean("tie_word_embeddings", false);
  rotary(json, c, "rotary_emb_base");
  if (const double theta = json.number("rope_theta", c.rotary.base); theta != c.rotary.base)
    json.refuse("rope_theta", concat("is ", theta,
                                     ", but the base of GPT-NeoX stands in rotary_emb_base or "
                                     "rope_parameters, which say ",
                                     c.rotary.base, ": make them equal"));
  const char* const key = rotary_key(json);
  const bool within = key && json.fields(key).has("partial_rotary_factor");
  c.rotary.dimensions = within
                            ? rotary_columns(json.fields(key), "partial_rotary_factor", 0.25, c.head_width())
                            : rotary_columns(json, "rotary_pct", 0.25, c.head_width());
  return c;
}

[[gnu::cold]] inline ModelConfig gptj(const JsonFields& json) {
  ModelConfig c = sizes(json, "n_embd", "n_layer", "n_head");
  c.d_ff = json.integer("n_inner", 4 * c.d_model);
  c.max_positions = json.integer("n_positions", 2048);
  c.norm = {.kind = NormKind::layer, .epsilon = json.number("layer_norm_epsilon", 1e-5)};
  c.branches = Branches::parallel_one_norm;
  c.activation = activation(json, "activation_function", "gelu_new");
  c.biases = {.query_key_value = false, .attention_out = false, .logits = true};
  c.positions = Positions::rotary;
  c.rotary.dimensions = json.integer("rotary_dim", 64);
  c.rotary.pairing = RotaryPairing::neighbours;
  c.tied_embeddings = json.boolean("tie_word_embeddings", false);
  return c;
}

[[gnu::cold]] inline ModelConfig opt(const JsonFields& json) {
  ModelConfig c = sizes(json, "hidden_size", "num_hidden_layers", "num_attention_heads");
  if (json.integer("word_embed_proj_dim", c.d_model) != c.d_model)
    json.refuse("word_embed_proj_dim", "must equal hidden_size");
  refuse_fields(json, refused::opt);
  c.d_ff = json.integer("ffn_dim");
  c.max_positions = json.integer("max_position_embeddings", 2048);
  c.position_offset = 2;
  c.norm = {.kind = NormKind::layer, .epsilon = 1e-5};
  c.activation = activation(json, "activation_function", "relu");
  const bool bias = json.boolean("enable_bias", true);
  c.biases = {.query_key_value = bias, .attention_out = bias, .feed_forward = bias};
  c.final_norm = !json.boolean("_remove_final_layer_norm", false);
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  return c;
}

[[gnu::cold]] inline ModelConfig gpt2(const JsonFields& json) {
  refuse_fields(json, refused::gpt2);
  ModelConfig c = sizes(json, "n_embd", "n_layer", "n_head");
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
  ModelConfig c = sizes(json, "dim", "depth", "heads");
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

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
