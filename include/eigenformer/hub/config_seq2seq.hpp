// config.json of the sequence-to-sequence families as a ModelConfig.
#pragma once

#include <eigenformer/hub/config_fields.hpp>

#include <cmath>

namespace eigenformer::inline EIGENFORMER_ABI::hub {

/// feed_forward_proj of T5: "relu", "gated-gelu", …
[[gnu::cold]] inline void t5_feed_forward(const JsonFields& json, ModelConfig& c) {
  std::string name = json.text("feed_forward_proj", "relu");
  c.gated = name.starts_with("gated-");
  if (c.gated) name.erase(0, 6);
  if (c.gated && name == "gelu")
    c.activation = Activation::gelu_tanh;  // published checkpoints say "gelu" and mean its tanh form
  else if (!activation_named(name, c.activation))
    json.refuse("feed_forward_proj", concat("unknown activation \"", name, "\""));
}

[[gnu::cold]] inline ModelConfig t5(const JsonFields& json) {
  ModelConfig c;
  c.stacks = Stacks::encoder_decoder;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer("d_model");
  c.encoder_layers = json.integer("num_layers");
  c.n_layers = json.integer("num_decoder_layers", c.encoder_layers);
  c.n_heads = json.integer("num_heads");
  c.head_size = json.integer("d_kv");
  c.d_ff = json.integer("d_ff");
  c.max_positions = json.integer("n_positions", 512);  // T5 itself has no limit; this is the trained window
  c.norm = {.kind = NormKind::rms, .epsilon = json.number("layer_norm_epsilon", 1e-6)};
  t5_feed_forward(json, c);
  c.positions = Positions::relative_buckets;
  c.relative_buckets = {.count = json.integer("relative_attention_num_buckets", 32),
                        .max_distance = json.integer("relative_attention_max_distance", 128)};
  c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
  c.score_scale = 1.0;
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  if (c.tied_embeddings) c.logits_scale = 1.0 / std::sqrt(static_cast<double>(c.d_model));
  c.decoder_start_token = json.has("decoder_start_token_id") ? json.token("decoder_start_token_id") : 0;
  return c;
}

[[gnu::cold]] inline ModelConfig bart(const JsonFields& json) {
  for (const char* const variant : {"normalize_before", "add_final_layer_norm", "static_position_embeddings"})
    if (json.boolean(variant, false)) json.refuse(variant, "must be false");
  if (!json.boolean("normalize_embedding", true)) json.refuse("normalize_embedding", "must be true");
  ModelConfig c;
  c.stacks = Stacks::encoder_decoder;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer("d_model");
  c.encoder_layers = json.integer("encoder_layers");
  c.n_layers = json.integer("decoder_layers");
  c.encoder_heads = json.integer("encoder_attention_heads");
  c.n_heads = json.integer("decoder_attention_heads");
  c.encoder_d_ff = json.integer("encoder_ffn_dim");
  c.d_ff = json.integer("decoder_ffn_dim");
  c.max_positions = json.integer("max_position_embeddings", 1024);
  c.position_offset = 2;
  c.norm = {.kind = NormKind::layer, .epsilon = 1e-5};
  c.norm_placement = NormPlacement::after;
  c.activation = activation(json, "activation_function", "gelu");
  c.embedding_norm = true;
  if (json.boolean("scale_embedding", false)) c.embedding_scale = std::sqrt(static_cast<double>(c.d_model));
  c.final_norm = false;
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  c.decoder_start_token = json.has("decoder_start_token_id") ? json.token("decoder_start_token_id") : 2;
  return c;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::hub
