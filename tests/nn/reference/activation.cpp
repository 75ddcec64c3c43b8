#include "nn/named_activations.hpp"
#include "nn/reference/torch.hpp"

#include <doctest/doctest.h>

namespace nn_reference_activation {

namespace ef = eigenformer;
using ef::Index;

TEST_CASE_TEMPLATE("activations and their slopes are those of PyTorch and transformers", S, float, double) {
  const ef::SafeTensors file = torch::open("activations");
  const auto x = file.at("x").values<S>();
  const auto n = static_cast<Index>(x.size());
  for (const support::NamedActivation& activation : support::activations) {
    const auto& name = activation.name;
    const ef::Activation kind = activation.kind;
    CAPTURE(name);
    ef::Matrix<S> y(1, n), slope(1, n);
    ef::activate(kind, n, x.data(), y.data());
    ef::activation_slope(kind, n, x.data(), slope.data());
    // transformers writes the constant of gelu_fast with ten digits
    const double allowed = name == "gelu_fast" ? 2e-10 : 1e-14;
    const double most = sizeof(S) == 8 ? allowed : 5e-6;
    const auto expected = [&](const std::string& what) {
      return torch::rows_of<double>(file.at(name + what), 0, 1);
    };
    CHECK(support::distance<S>(y, expected(".y")) < most);
    CHECK(support::distance<S>(slope, expected(".dy_dx")) < most);
  }
}

}  // namespace nn_reference_activation
