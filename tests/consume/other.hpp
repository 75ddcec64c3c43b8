#pragma once

#include <eigenformer/model/causal_lm.hpp>

inline constexpr eigenformer::ModelConfig config{
    .vocab_size = 30, .d_model = 16, .n_layers = 2, .n_heads = 2, .d_ff = 32, .max_positions = 8};

eigenformer::Matrix<float> logits_elsewhere(const eigenformer::CausalLM<float>& model);
