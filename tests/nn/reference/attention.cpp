#include "nn/reference/torch.hpp"
#include "support/machine.hpp"

#include <doctest/doctest.h>

namespace nn_reference_attention {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;

namespace {

/// One of the `mha-*` files: outputs, and probabilities per head, of both elements of the batch.
template <class S> void check_module(const std::string& name, bool causal) {
  CAPTURE(name);
  Machine machine;
  const ef::SafeTensors file = torch::open(name);
  const ef::Attention<S> p = torch::attention<S>(file, "state.");
  const auto* const padding = file.find("input.key_padding_mask");
  ef::AttentionRule<S> rule = torch::rule<S>(4, 48);
  rule.causal = causal;
  ef::Matrix<S> added;
  const auto* const mask = file.find("input.attn_mask");
  if (mask && !causal) {
    added = torch::rows_of<S>(*mask, 0, 9);
    rule.added = added.data();
  }
  for (Index b = 0; b < 2; ++b) {
    const auto keys = torch::unpadded(torch::item<S>(file.at("input.key"), b), padding, b);
    const auto values = torch::unpadded(torch::item<S>(file.at("input.value"), b), padding, b);
    ef::Matrix<S> y(9, 48);
    std::vector<ef::Matrix<S>> probabilities;
    torch::attend<S>(p, rule, machine.run, torch::item<S>(file.at("input.query"), b), keys, values, y, false,
                     &probabilities);
    CHECK(support::distance<S>(y, torch::item<double>(file.at("output.output"), b)) <
          support::tolerance<S>());
    for (Index h = 0; h < 4; ++h) {
      // padded keys have no column of ours, and probability 0 in the reference
      const ef::Matrix<double> reference = torch::item<double>(file.at("output.weights"), b * 4 + h);
      const ef::Matrix<double> expected =
          torch::unpadded<double>(reference.transpose(), padding, b).transpose();
      CHECK(support::distance<S>(probabilities[static_cast<std::size_t>(h)], expected) <
            support::tolerance<S>());
      CHECK(expected.sum() == doctest::Approx(9));
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("multi-head attention is that of PyTorch", S, float, double) {
  check_module<S>("mha-self-padding", false);
  check_module<S>("mha-self-causal", true);
  check_module<S>("mha-self-added-mask", false);
  check_module<S>("mha-cross", false);
  check_module<S>("mha-no-bias", false);
  check_module<S>("mha-kdim-vdim", false);
}

}  // namespace nn_reference_attention
