// Models whose every parameter matters, and tokens to feed them.
#pragma once

#include <eigenformer/model/causal_lm.hpp>

#include <vector>

namespace support {

namespace ef = eigenformer;

inline std::vector<ef::Token> some_tokens(ef::Index count, ef::Index vocabulary, ef::Index seed = 1) {
  std::vector<ef::Token> out;
  for (ef::Index i = 0; i < count; ++i)
    out.push_back(static_cast<ef::Token>((i * i * 7 + i * 13 + seed * 31) % vocabulary));
  return out;
}

/// Moves every parameter away from its initial value, so that no norm or bias is trivial.
template <class S> void enliven(ef::Transformer<S>& parameters) {
  std::uint64_t stream = 1000;
  ef::visit(parameters, [&](const std::string&, auto& leaf) {
    const ef::Random random(ef::Seed{6}, ++stream);
    S* const values = [&] {
      if constexpr (requires { leaf.format(); })
        return leaf.values().data();
      else
        return leaf.data();
    }();
    for (ef::Index i = 0; i < leaf.size(); ++i)
      values[i] += S(0.2 * random.normal(static_cast<std::uint64_t>(i)));
  });
}

/// A model of this config with such parameters.
template <class S, template <class> class Model = ef::CausalLM>
Model<S> lively(const ef::ModelConfig& config) {
  Model<S> model(config, ef::Seed{5});
  enliven(model.parameters());
  return model;
}

}  // namespace support
