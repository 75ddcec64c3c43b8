// Small configs that between them take every axis of ModelConfig through its values.
#pragma once

#include <eigenformer/model/config.hpp>

#include <string>
#include <vector>

namespace tiny {

namespace ef = eigenformer;

struct Named {
  std::string name;
  ef::ModelConfig config;
};

inline std::vector<Named> decoders() {
  const ef::ModelConfig base{
      .vocab_size = 61, .d_model = 24, .n_layers = 3, .n_heads = 4, .d_ff = 40, .max_positions = 200};
  std::vector<Named> all;
  const auto add = [&](const std::string& name, const auto& change) {
    ef::ModelConfig config = base;
    change(config);
    all.push_back({name, config});
  };
  using C = ef::ModelConfig;
  add("as GPT-2", [](C& c) { c.activation = ef::Activation::gelu_tanh; });
  add("as LLaMA, grouped", [](C& c) {
    c.norm = {.kind = ef::NormKind::rms, .epsilon = 1e-6};
    c.n_key_value_heads = 2;
    c.activation = ef::Activation::silu;
    c.gated = true;
    c.positions = ef::Positions::rotary;
    c.biases = {.query_key_value = false, .attention_out = false, .feed_forward = false};
    c.tied_embeddings = false;
  });
  add("as PaLM", [](C& c) {
    c.norm.bias = false;
    c.n_key_value_heads = 1;
    c.head_size = 10;
    c.branches = ef::Branches::parallel_one_norm;
    c.activation = ef::Activation::silu;
    c.gated = true;
    c.positions = ef::Positions::rotary;
  });
  add("as BLOOM", [](C& c) {
    c.positions = ef::Positions::alibi;
    c.embedding_norm = true;
    c.residual_source = ef::ResidualSource::normed;
  });
  add("as GPT-NeoX", [](C& c) {
    c.branches = ef::Branches::parallel_two_norms;
    c.positions = ef::Positions::rotary;
    c.rotary.dimensions = 4;
  });
  add("as GPT-J, neighbours turn", [](C& c) {
    c.branches = ef::Branches::parallel_one_norm;
    c.positions = ef::Positions::rotary;
    c.rotary.pairing = ef::RotaryPairing::neighbours;
    c.rotary.base = 500;
  });
  add("as Gemma 2", [](C& c) {
    c.norm = {.kind = ef::NormKind::rms, .offset = 1.0};
    c.norm_placement = ef::NormPlacement::both;
    c.gated = true;
    c.activation = ef::Activation::gelu_tanh;
    c.positions = ef::Positions::rotary;
    c.embedding_scale = 4.9;
    c.head_size = 8;
    c.score_cap = 2.0;
    c.logits_cap = 3.0;
    c.window = 5;
    c.window_every = 2;
  });
  add("norms after, windowed, sinusoidal", [](C& c) {
    c.norm_placement = ef::NormPlacement::after;
    c.final_norm = false;
    c.positions = ef::Positions::sinusoidal;
    c.window = 7;
    c.activation = ef::Activation::relu;
  });
  add("relative buckets, scaled logits, no scale of scores", [](C& c) {
    c.norm = {.kind = ef::NormKind::rms};
    c.positions = ef::Positions::relative_buckets;
    c.relative_buckets = {.count = 8, .max_distance = 20};
    c.score_scale = 1.0;
    c.logits_scale = 0.2;
    c.biases.logits = true;
  });
  add("no positions, offset table, odd sizes", [](C& c) {
    c.position_offset = 2;
    c.d_model = 35;
    c.n_heads = 5;
    c.d_ff = 17;
    c.activation = ef::Activation::mish;
  });
  return all;
}

inline ef::ModelConfig bert() {
  return {.vocab_size = 61,
          .d_model = 24,
          .n_layers = 3,
          .n_heads = 4,
          .d_ff = 40,
          .max_positions = 200,
          .stacks = ef::Stacks::encoder,
          .norm_placement = ef::NormPlacement::after,
          .embedding_norm = true,
          .token_types = 2,
          .final_norm = false,
          .n_labels = 3};
}

inline std::vector<Named> seq2seq() {
  const ef::ModelConfig t5{
      .vocab_size = 61,
      .d_model = 24,
      .n_layers = 3,
      .n_heads = 4,
      .head_size = 5,
      .d_ff = 40,
      .max_positions = 200,
      .stacks = ef::Stacks::encoder_decoder,
      .encoder_layers = 2,
      .norm = {.kind = ef::NormKind::rms},
      .gated = true,
      .positions = ef::Positions::relative_buckets,
      .relative_buckets = {.count = 8, .max_distance = 20},
      .biases = {.query_key_value = false, .attention_out = false, .feed_forward = false},
      .score_scale = 1.0};
  const ef::ModelConfig bart{.vocab_size = 61,
                             .d_model = 24,
                             .n_layers = 2,
                             .n_heads = 4,
                             .d_ff = 40,
                             .max_positions = 200,
                             .stacks = ef::Stacks::encoder_decoder,
                             .encoder_layers = 3,
                             .encoder_heads = 6,
                             .encoder_d_ff = 32,
                             .norm_placement = ef::NormPlacement::after,
                             .position_offset = 2,
                             .biases = {.logits = true},
                             .embedding_norm = true,
                             .embedding_scale = 4.9,
                             .final_norm = false};
  return {{"as T5", t5}, {"as BART", bart}};
}

}  // namespace tiny
