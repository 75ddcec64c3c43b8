// The config without Eigen.
#include <eigenformer/model/config.hpp>

int main() {
  constexpr eigenformer::ModelConfig config{.vocab_size = 50257, .d_model = 768, .n_heads = 12};
  static_assert(config.head_width() == 64);
  return config.key_value_heads() == 12 ? 0 : 1;
}
