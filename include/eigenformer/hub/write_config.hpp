// A ModelConfig as config.json of Hugging Face: the inverse of config_decoders.hpp, config_encoders.hpp and
// config_seq2seq.hpp, one short function for each of theirs. What fits is not decided here: a family is right
// where what it wrote reads back as the same model (save_config.hpp).
#pragma once

#include <eigenformer/hub/config.hpp>

#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// A number as JSON: whole where it is, as it stands in the files of others.
[[gnu::cold]] inline Json json_number(double x) {
  if (x == std::round(x) && std::abs(x) < 1e15) return static_cast<Index>(x);
  return x;
}

/// The name that transformers has for an activation.
[[gnu::cold]] inline const char* activation_name(Activation activation) {
  switch (activation) {
    case Activation::gelu: return "gelu";
    case Activation::gelu_tanh: return "gelu_new";
    case Activation::gelu_quick: return "quick_gelu";
    case Activation::relu: return "relu";
    case Activation::relu_squared: return "relu2";
    case Activation::silu: return "silu";
    case Activation::mish: return "mish";
    case Activation::tanh: return "tanh";
    case Activation::sigmoid: return "sigmoid";
  }
  return "";
}

/// rope_scaling, or null.
[[gnu::cold]] inline Json rope_scaling(const ModelConfig& c) {
  const ModelConfig::Rotary& r = c.rotary;
  switch (r.scaling) {
    case RotaryScaling::none: break;
    case RotaryScaling::linear: return {{"rope_type", "linear"}, {"factor", r.factor}};
    case RotaryScaling::dynamic: return {{"rope_type", "dynamic"}, {"factor", r.factor}};
    case RotaryScaling::yarn: {
      Json scaling{{"rope_type", "yarn"},
                   {"factor", r.factor},
                   {"beta_fast", r.beta_fast},
                   {"beta_slow", r.beta_slow}};
      if (r.attention_factor != 0.0) scaling["attention_factor"] = r.attention_factor;
      if (r.original_max_positions) scaling["original_max_position_embeddings"] = r.original_max_positions;
      return scaling;
    }
    case RotaryScaling::llama3:
      return {{"rope_type", "llama3"},
              {"factor", r.factor},
              {"low_freq_factor", r.low_frequency_factor},
              {"high_freq_factor", r.high_frequency_factor},
              {"original_max_position_embeddings", r.original_max_positions}};
  }
  return nullptr;
}

/// What llama, its cousins and GPT-NeoX call by the same names.
[[gnu::cold]] inline Json write_rotary_decoder(const ModelConfig& c) {
  const bool dynamic = c.rotary.scaling == RotaryScaling::dynamic && c.rotary.original_max_positions;
  return {{"vocab_size", c.vocab_size},
          {"hidden_size", c.d_model},
          {"num_hidden_layers", c.n_layers},
          {"num_attention_heads", c.n_heads},
          {"intermediate_size", c.d_ff},
          {"max_position_embeddings", dynamic ? c.rotary.original_max_positions : c.max_positions},
          {"hidden_act", activation_name(c.activation)},
          {"attention_bias", c.biases.query_key_value},
          {"rope_theta", c.rotary.base},
          {"rope_scaling", rope_scaling(c)},
          {"tie_word_embeddings", c.tied_embeddings}};
}

[[gnu::cold]] inline Json write_llama(const ModelConfig& c) {
  Json json = write_rotary_decoder(c);
  json["num_key_value_heads"] = c.key_value_heads();
  if (c.head_size) json["head_dim"] = c.head_size;
  json["rms_norm_eps"] = c.norm.epsilon;
  json["mlp_bias"] = c.biases.feed_forward;
  return json;
}

[[gnu::cold]] inline Json write_mistral(const ModelConfig& c) {
  Json json = write_llama(c);
  json["sliding_window"] = c.window ? Json(c.window) : Json(nullptr);
  return json;
}

[[gnu::cold]] inline Json write_qwen2(const ModelConfig& c) {
  Json json = write_llama(c);
  json.erase("attention_bias");  // it has its biases without being told
  json.erase("mlp_bias");
  json["use_sliding_window"] = false;
  return json;
}

[[gnu::cold]] inline Json write_gemma(const ModelConfig& c) {
  Json json = write_llama(c);
  json["head_dim"] = c.head_width();  // transformers' default is 256, whatever the heads
  const char* const name = c.activation == Activation::gelu_tanh
                               ? "gelu_pytorch_tanh"  // as it is known there
                               : activation_name(c.activation);
  json["hidden_act"] = json["hidden_activation"] = name;
  return json;
}

[[gnu::cold]] inline Json write_gemma2(const ModelConfig& c) {
  Json json = write_gemma(c);
  const double width = static_cast<double>(c.head_width());
  const double scalar = c.score_scale == 0.0 ? width : 1.0 / (c.score_scale * c.score_scale);
  const double whole = std::round(scalar);
  json["query_pre_attn_scalar"] = json_number(1.0 / std::sqrt(whole) == c.score_scale ? whole : scalar);
  json["attn_logit_softcapping"] = c.score_cap != 0.0 ? Json(c.score_cap) : Json(nullptr);
  json["final_logit_softcapping"] = c.logits_cap != 0.0 ? Json(c.logits_cap) : Json(nullptr);
  json["sliding_window"] = c.window ? Json(c.window) : Json(nullptr);
  return json;
}

[[gnu::cold]] inline Json write_gpt_neox(const ModelConfig& c) {
  Json json = write_rotary_decoder(c);
  json["layer_norm_eps"] = c.norm.epsilon;
  json["use_parallel_residual"] = c.branches == Branches::parallel_two_norms;
  json["rotary_emb_base"] = c.rotary.base;  // what rope_theta was called before
  json["rotary_pct"] = rotary_part(c.rotary_dimensions(), c.head_width());
  return json;
}

/// What GPT-2 and GPT-J call by the same names.
[[gnu::cold]] inline Json write_gpt(const ModelConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"n_embd", c.d_model},
          {"n_layer", c.n_layers},
          {"n_head", c.n_heads},
          {"n_inner", c.d_ff},
          {"n_positions", c.max_positions},
          {"layer_norm_epsilon", c.norm.epsilon},
          {"activation_function", activation_name(c.activation)},
          {"tie_word_embeddings", c.tied_embeddings}};
}

[[gnu::cold]] inline Json write_gptj(const ModelConfig& c) {
  Json json = write_gpt(c);
  json["rotary_dim"] = c.rotary_dimensions();
  return json;
}

[[gnu::cold]] inline Json write_opt(const ModelConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"hidden_size", c.d_model},
          {"word_embed_proj_dim", c.d_model},
          {"num_hidden_layers", c.n_layers},
          {"num_attention_heads", c.n_heads},
          {"ffn_dim", c.d_ff},
          {"max_position_embeddings", c.max_positions},
          {"activation_function", activation_name(c.activation)},
          {"enable_bias", c.biases.query_key_value},
          {"do_layer_norm_before", true},
          {"_remove_final_layer_norm", !c.final_norm},
          {"tie_word_embeddings", c.tied_embeddings}};
}

[[gnu::cold]] inline Json write_bloom(const ModelConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"hidden_size", c.d_model},
          {"n_layer", c.n_layers},
          {"n_head", c.n_heads},
          {"seq_length", c.max_positions},
          {"layer_norm_epsilon", c.norm.epsilon},
          {"apply_residual_connection_post_layernorm", c.residual_source == ResidualSource::normed},
          {"tie_word_embeddings", c.tied_embeddings}};
}

[[gnu::cold]] inline Json write_palm(const ModelConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"dim", c.d_model},
          {"depth", c.n_layers},
          {"heads", c.n_heads},
          {"dim_head", c.head_width()},
          {"ff_dim", c.d_ff},
          {"max_position_embeddings", c.max_positions},
          {"layer_norm_eps", c.norm.epsilon},
          {"logit_scale", c.logits_scale},
          {"rope_theta", c.rotary.base},
          {"rope_scaling", rope_scaling(c)}};
}

[[gnu::cold]] inline Json write_bert(const ModelConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"hidden_size", c.d_model},
          {"num_hidden_layers", c.n_layers},
          {"num_attention_heads", c.n_heads},
          {"intermediate_size", c.d_ff},
          {"max_position_embeddings", c.max_positions},
          {"layer_norm_eps", c.norm.epsilon},
          {"hidden_act", activation_name(c.activation)},
          {"type_vocab_size", (std::max)(c.token_types, Index{1})},  // theirs always have a table
          {"position_embedding_type", "absolute"},
          {"tie_word_embeddings", c.tied_embeddings}};
}

[[gnu::cold]] inline Json write_roberta(const ModelConfig& c) {
  Json json = write_bert(c);
  json["pad_token_id"] = c.position_offset - 1;
  json["max_position_embeddings"] = c.max_positions + c.position_offset;
  return json;
}

[[gnu::cold]] inline Json write_distilbert(const ModelConfig& c) {
  return {{"vocab_size", c.vocab_size},
          {"dim", c.d_model},
          {"n_layers", c.n_layers},
          {"n_heads", c.n_heads},
          {"hidden_dim", c.d_ff},
          {"max_position_embeddings", c.max_positions},
          {"activation", activation_name(c.activation)},
          {"sinusoidal_pos_embds", false},
          {"tie_word_embeddings", c.tied_embeddings}};
}

/// What T5 and mT5 say alike.
[[gnu::cold]] inline Json write_t5_like(const ModelConfig& c) {
  const bool gated_gelu = c.gated && c.activation == Activation::gelu_tanh;  // see t5_feed_forward
  return {{"vocab_size", c.vocab_size},
          {"d_model", c.d_model},
          {"d_kv", c.head_width()},
          {"d_ff", c.d_ff},
          {"num_heads", c.n_heads},
          {"num_layers", c.encoder().n_layers},
          {"num_decoder_layers", c.n_layers},
          {"n_positions", c.max_positions},
          {"layer_norm_epsilon", c.norm.epsilon},
          {"feed_forward_proj",
           concat(c.gated ? "gated-" : "", gated_gelu ? "gelu" : activation_name(c.activation))},
          {"dense_act_fn", activation_name(c.activation)},
          {"is_gated_act", c.gated},
          {"relative_attention_num_buckets", c.relative_buckets.count},
          {"relative_attention_max_distance", c.relative_buckets.max_distance},
          {"tie_word_embeddings", c.tied_embeddings},
          {"is_encoder_decoder", true},
          {"decoder_start_token_id", c.decoder_start_token}};
}

[[gnu::cold]] inline Json write_t5(const ModelConfig& c) {
  Json json = write_t5_like(c);
  const bool scaled = c.logits_scale != 1.0;
  if (scaled != c.tied_embeddings) json["scale_decoder_outputs"] = scaled;  // unknown to transformers 4
  return json;
}

[[gnu::cold]] inline Json write_mt5(const ModelConfig& c) {
  Json json = write_t5_like(c);
  if (c.logits_scale != 1.0) json["transformers_version"] = "4.46.3";  // of its kind, see mt5
  return json;
}

[[gnu::cold]] inline Json write_bart(const ModelConfig& c) {
  const ModelConfig encoder = c.encoder();
  return {{"vocab_size", c.vocab_size},
          {"d_model", c.d_model},
          {"encoder_layers", encoder.n_layers},
          {"decoder_layers", c.n_layers},
          {"encoder_attention_heads", encoder.n_heads},
          {"decoder_attention_heads", c.n_heads},
          {"encoder_ffn_dim", encoder.d_ff},
          {"decoder_ffn_dim", c.d_ff},
          {"max_position_embeddings", c.max_positions},
          {"activation_function", activation_name(c.activation)},
          {"scale_embedding", c.embedding_scale != 1.0},
          {"tie_word_embeddings", c.tied_embeddings},
          {"is_encoder_decoder", true},
          {"decoder_start_token_id", c.decoder_start_token}};
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
