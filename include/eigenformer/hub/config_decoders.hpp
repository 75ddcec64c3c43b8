// config.json of the decoder families as a ModelConfig.
#pragma once

#include <eigenformer/hub/config_fields.hpp>

#include <cmath>

namespace eigenformer::inline EIGENFORMER_ABI::hub {

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
  return c;
}

/// LLaMA with a window on the keys that a query sees.
[[gnu::cold]] inline ModelConfig mistral(const JsonFields& json) {
  ModelConfig c = llama(json);
  c.window = json.integer("sliding_window", 0);
  return c;
}

/// LLaMA with biases on queries, keys and values.
[[gnu::cold]] inline ModelConfig qwen2(const JsonFields& json) {
  if (json.boolean("use_sliding_window", false)) json.refuse("use_sliding_window", "must be false");
  ModelConfig c = llama(json);
  c.biases.query_key_value = true;
  return c;
}

/// LLaMA with a gated gelu, norms that are stored less one, and embeddings scaled by √d_model.
[[gnu::cold]] inline ModelConfig gemma(const JsonFields& json) {
  ModelConfig c = llama(json);
  // "hidden_act" of published checkpoints says "gelu" where the model was trained with its tanh form
  c.activation = activation(json, "hidden_activation", "gelu_pytorch_tanh");
  c.norm.offset = 1.0;
  c.embedding_scale = std::sqrt(static_cast<double>(c.d_model));
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  return c;
}

/// Gemma with norms on both sides of each branch, soft caps, and a window in every second layer.
[[gnu::cold]] inline ModelConfig gemma2(const JsonFields& json) {
  ModelConfig c = gemma(json);
  c.norm_placement = NormPlacement::both;
  c.score_scale = 1.0 / std::sqrt(json.number("query_pre_attn_scalar", static_cast<double>(c.head_width())));
  c.score_cap = json.number("attn_logit_softcapping", 0.0);
  c.logits_cap = json.number("final_logit_softcapping", 0.0);
  c.window = json.integer("sliding_window", 0);
  c.window_every = 2;
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
  rotary(json, c);
  if (!json.has("rope_theta")) c.rotary.base = json.number("rotary_emb_base", 10000.0);
  c.rotary.dimensions = rotary_columns(json, "rotary_pct", 0.25, c.head_width());
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
  if (!json.boolean("do_layer_norm_before", true)) json.refuse("do_layer_norm_before", "must be true");
  if (!json.boolean("layer_norm_elementwise_affine", true))
    json.refuse("layer_norm_elementwise_affine", "must be true");
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
  if (!json.boolean("scale_attn_weights", true)) json.refuse("scale_attn_weights", "must be true");
  if (json.boolean("scale_attn_by_inverse_layer_idx", false))
    json.refuse("scale_attn_by_inverse_layer_idx", "must be false");
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

}  // namespace eigenformer::inline EIGENFORMER_ABI::hub
