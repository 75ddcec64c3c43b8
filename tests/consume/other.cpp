#include "other.hpp"

#include <eigenformer/hub.hpp>

eigenformer::Matrix<float> logits_elsewhere() {
  return eigenformer::CausalLM<float>(config, eigenformer::Seed{1})({{1, 2, 3}});
}
