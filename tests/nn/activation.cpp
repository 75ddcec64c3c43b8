#include "nn/named_activations.hpp"
#include "support/matrices.hpp"

#include <doctest/doctest.h>

namespace nn_activation {

namespace ef = eigenformer;
using ef::Index;

TEST_CASE_TEMPLATE("activations far from zero are finite and have their limits", S, float, double) {
  const S far[] = {S(-1e4), S(1e4)};
  for (const support::NamedActivation& activation : support::activations) {
    const auto& name = activation.name;
    const ef::Activation kind = activation.kind;
    CAPTURE(name);
    S y[2], slope[2];
    ef::activate(kind, 2, far, y);
    ef::activation_slope(kind, 2, far, slope);
    const bool bounded = kind == ef::Activation::tanh || kind == ef::Activation::sigmoid;
    const bool squared = kind == ef::Activation::relu_squared;
    CHECK(std::abs(y[0] - S(kind == ef::Activation::tanh ? -1 : 0)) < S(1e-30));
    CHECK(y[1] == (bounded ? S(1) : squared ? S(1e4) * S(1e4) : S(1e4)));
    CHECK(std::abs(slope[0]) < S(1e-30));
    CHECK(slope[1] == (bounded ? S(0) : squared ? S(2e4) : S(1)));
  }
}

TEST_CASE_TEMPLATE("a gate multiplies the activation, whichever input is written over", S, float, double) {
  for (const Index n : {1, 7, 16, 33}) {
    const auto gate = support::random_matrix<S>(1, n, 1), up = support::random_matrix<S>(1, n, 2);
    ef::Matrix<S> expected(1, n), over_gate = gate, over_up = up;
    ef::activate(ef::Activation::silu, n, gate.data(), expected.data());
    expected = expected.cwiseProduct(up).eval();
    ef::activate_gated(ef::Activation::silu, n, over_gate.data(), up.data(), over_gate.data());
    ef::activate_gated(ef::Activation::silu, n, gate.data(), over_up.data(), over_up.data());
    CHECK(support::same_bits<S>(over_gate, expected));
    CHECK(support::same_bits<S>(over_up, expected));
  }
}

}  // namespace nn_activation
