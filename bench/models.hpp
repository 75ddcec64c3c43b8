// The shapes that benches run, with random weights: speed does not depend on what a model has learned.
#pragma once

#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/session.hpp>

#include <vector>

namespace shapes {

namespace ef = eigenformer;

/// 110 million parameters in LLaMA's architecture (the largest of llama2.c's TinyStories models).
inline constexpr ef::ModelConfig llama_110m{
    .vocab_size = 32000,
    .d_model = 768,
    .n_layers = 12,
    .n_heads = 12,
    .d_ff = 2048,
    .max_positions = 1024,
    .norm = {.kind = ef::NormKind::rms},
    .activation = ef::Activation::silu,
    .gated = true,
    .positions = ef::Positions::rotary,
    .biases = {.query_key_value = false, .attention_out = false, .feed_forward = false}};

/// 260 thousand parameters: stories260K.
inline constexpr ef::ModelConfig llama_260k = [] {
  ef::ModelConfig c = llama_110m;
  c.vocab_size = 512;
  c.d_model = 64;
  c.n_layers = 5;
  c.n_heads = 8;
  c.n_key_value_heads = 4;
  c.d_ff = 172;
  c.max_positions = 512;
  return c;
}();

/// 15 million parameters, the smallest of llama2.c's models with words of LLaMA.
inline constexpr ef::ModelConfig llama_15m = [] {
  ef::ModelConfig c = llama_110m;
  c.d_model = 288;
  c.n_layers = 6;
  c.n_heads = 6;
  c.d_ff = 768;
  c.max_positions = 256;
  return c;
}();

/// 110 million parameters in BERT's architecture: BERT-base.
inline constexpr ef::ModelConfig bert_base{.vocab_size = 30522,
                                           .d_model = 768,
                                           .n_layers = 12,
                                           .n_heads = 12,
                                           .d_ff = 3072,
                                           .max_positions = 512,
                                           .stacks = ef::Stacks::encoder,
                                           .norm = {.epsilon = 1e-12},
                                           .norm_placement = ef::NormPlacement::after,
                                           .embedding_norm = true,
                                           .token_types = 2,
                                           .final_norm = false,
                                           .head = ef::Head::none};

/// Made on first use, kept until the program ends.
template <const ef::ModelConfig& config, template <class> class Model = ef::CausalLM,
          ef::Format format = ef::Format::f32>
const Model<float>& model() {
  static const Model<float> instance = [] {
    auto parameters = ef::random_parameters<float>(config, ef::Seed{1});
    if (format == ef::Format::bf16)
      ef::put_in_bf16_tiles(parameters);
    else if (format != ef::Format::f32)
      ef::quantise(parameters, format);
    return Model<float>(config, std::move(parameters));
  }();
  return instance;
}

/// Bytes of all parameters.
inline ef::Index bytes(const ef::Transformer<float>& parameters) {
  ef::Index sum = 0;
  ef::visit(parameters, [&](const std::string&, const auto& leaf) {
    if constexpr (requires { leaf.bytes(); })
      sum += leaf.bytes();
    else
      sum += leaf.size() * static_cast<ef::Index>(sizeof(float));
  });
  return sum;
}

/// Tokens spread over the vocabulary.
inline std::vector<ef::Token> tokens(ef::Index count, ef::Index vocabulary) {
  std::vector<ef::Token> out;
  for (ef::Index i = 0; i < count; ++i) out.push_back(static_cast<ef::Token>(i * 7919 % vocabulary));
  return out;
}

/// Multiply-adds of the matrices that every token passes, and of the output matrix once.
template <class S> double flops_per_token(const ef::CausalLM<S>& model, bool logits) {
  const ef::ModelConfig& c = model.config();
  const double output = static_cast<double>(c.vocab_size * c.d_model);
  return 2 * (static_cast<double>(ef::count(model.parameters())) - (logits ? 0 : output));
}

}  // namespace shapes
