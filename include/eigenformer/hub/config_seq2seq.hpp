// config.json of the sequence-to-sequence families as a ModelConfig.
#pragma once

#include <eigenformer/hub/config_fields.hpp>

#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// feed_forward_proj of T5: "relu", "gated-gelu", … What transformers makes of it and writes beside it,
/// dense_act_fn and is_gated_act, counts more there, and so here.
[[gnu::cold]] inline void t5_feed_forward(const JsonFields& json, ModelConfig& c) {
  std::string name = json.text("feed_forward_proj", "relu");
  c.gated = name.starts_with("gated-");
  if (c.gated) name.erase(0, 6);
  if (c.gated && name == "gelu") name = "gelu_new";  // published checkpoints mean its tanh form
  name = json.text("dense_act_fn", name);
  c.gated = json.boolean("is_gated_act", c.gated);
  if (!activation_named(name, c.activation))
    json.refuse(json.has("dense_act_fn") ? "dense_act_fn" : "feed_forward_proj",
                concat("unknown activation \"", name, "\""));
}

/// What the decoder's states are multiplied by before a matrix that the embeddings share.
[[gnu::cold]] inline double t5_logits_scale(const ModelConfig& c) {
  return 1.0 / std::sqrt(static_cast<double>(c.d_model));
}

[[gnu::cold]] inline ModelConfig t5(const JsonFields& json) {
  refuse_fields(json, refused::t5);
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
  // transformers 5 shares the matrix in every T5, and has another field for whether the states are scaled
  if (json.boolean("scale_decoder_outputs", c.tied_embeddings)) c.logits_scale = t5_logits_scale(c);
  c.decoder_start_token = json.has("decoder_start_token_id") ? json.token("decoder_start_token_id") : 0;
  return c;
}

/// T5 whose states are scaled before the shared matrix by transformers 4 alone, where they are at all.
[[gnu::cold]] inline ModelConfig mt5(const JsonFields& json) {
  ModelConfig c = t5(json);
  const bool of_version_4 = json.text("transformers_version", "").starts_with("4.");
  c.logits_scale = of_version_4 && c.tied_embeddings ? t5_logits_scale(c) : 1.0;
  return c;
}

[[gnu::cold]] inline ModelConfig bart(const JsonFields& json) {
  refuse_fields(json, refused::bart);
  ModelConfig c;
  c.stacks = Stacks::encoder_decoder;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer("d_model");
  c.encoder_layers = json.integer("encoder_layers");
  // transformers 5 takes it for the encoder's layers; distilled models still have their teacher's, which is
  // more
  if (const Index all = json.integer("num_hidden_layers", c.encoder_layers); all < c.encoder_layers)
    json.refuse("num_hidden_layers",
                concat("is ", all, ", less than encoder_layers, ", c.encoder_layers, ": make them equal"));
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

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
