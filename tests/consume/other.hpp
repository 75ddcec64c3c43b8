#pragma once

#include <eigenformer/core/matrix.hpp>
#include <eigenformer/model/config.hpp>

inline constexpr eigenformer::ModelConfig config{
    .vocab_size = 30, .d_model = 16, .n_layers = 2, .n_heads = 2, .d_ff = 32, .max_positions = 8};

eigenformer::Matrix<float> logits_elsewhere();
