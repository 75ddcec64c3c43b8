// The calculators of the installed package, without Eigen: its target links nothing.
#include <eigenformer/plan.hpp>

int main() {
  constexpr eigenformer::ModelConfig config{.vocab_size = 50257, .d_model = 768, .n_heads = 12};
  static_assert(config.head_width() == 64);
#if defined(EIGEN_WORLD_VERSION)
  return 1;
#else
  return eigenformer::plan::catalog().empty() ? 1 : 0;
#endif
}
