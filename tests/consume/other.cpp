#include "other.hpp"

#include <eigenformer/hub.hpp>

eigenformer::Matrix<float> logits_elsewhere(const eigenformer::CausalLM<float>& model) {
  return model({{1, 2, 3}});
}
