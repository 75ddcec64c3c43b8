// What a host program may be like: it defines min and max, and includes the library in two translation units.
#include "min_max.hpp"
#include "other.hpp"
#include <eigenformer/hub.hpp>

#include <cstdio>

namespace ef = eigenformer;

int main() {
  const ef::CausalLM<float> model(config, ef::Seed{1});
  const ef::Matrix<float> here = model({{1, 2, 3}}), there = logits_elsewhere(model);
  if (here != there) return 1;
  try {
    ef::load_causal_lm<float>("/nowhere");
  } catch (const ef::FileError& error) {
    std::puts(error.what());
    return 0;
  }
  return 1;
}
