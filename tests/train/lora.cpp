// Training adapters over a frozen base.
#include "support/finite_differences.hpp"
#include "support/lively.hpp"
#include "support/lively_lora.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/parameter_bits.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/train/lora.hpp>
#include <eigenformer/train/optimizer.hpp>

#include <doctest/doctest.h>

namespace train_lora {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::some_tokens;

namespace {

ef::ModelConfig smooth(ef::ModelConfig config) {
  if (config.activation == ef::Activation::relu) config.activation = ef::Activation::gelu;
  return config;
}

/// Gradients of adapters against slopes of the loss, and against the whole matrices' gradients:
/// dA = scale · Bᵀ dW and dB = scale · dW Aᵀ.
template <class Loss> void check(ef::Transformer<double>& p, const ef::ModelConfig& config, Loss&& loss) {
  ef::TrainingMemory<double> memory;
  auto grad = ef::lora_gradient(p, ef::adapts_head(config));
  auto whole = ef::zero_parameters<double>(config);
  loss(memory, &grad);
  loss(memory, &whole);
  const auto leaves = ef::lora_leaves(p, ef::adapts_head(config));
  const auto slopes = ef::lora_leaves(grad, ef::adapts_head(config));
  REQUIRE(leaves.size() == slopes.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    CAPTURE(leaves[i].path);
    CHECK(leaves[i].path == slopes[i].path);
    CHECK(support::gradient_error(
              leaves[i].values, slopes[i].values, leaves[i].size(),
              [&] { return loss(memory, nullptr).mean(); }, 17) < 1e-8);
  }
  std::vector<const ef::LowRank<double>*> adapters, gradients;
  std::vector<ef::Matrix<double>> full;
  ef::for_each_linear(p, [&](const auto&, const auto& l) { adapters.push_back(&l.lora); });
  ef::for_each_linear(grad, [&](const auto&, const auto& l) { gradients.push_back(&l.lora); });
  ef::for_each_linear(whole, [&](const auto&, const auto& l) { full.push_back(l.weight.dense()); });
  REQUIRE(full.size() == adapters.size());
  Index compared = 0;
  for (std::size_t i = 0; i < full.size(); ++i) {
    const ef::LowRank<double>& a = *adapters[i];
    if (a.empty()) continue;
    CHECK(support::distance<double>(gradients[i]->a.values(), a.scale * a.b.values().transpose() * full[i]) <
          1e-12);
    CHECK(support::distance<double>(gradients[i]->b.values(), a.scale * full[i] * a.a.values().transpose()) <
          1e-12);
    ++compared;
  }
  CHECK(compared > 0);
}

/// All parameters but the adapters, to the bit.
std::map<std::string, std::string> bits_of_base(const ef::Transformer<float>& p) {
  return support::bits_of(p, [](const std::string& path) { return path.find(".lora.") == path.npos; });
}

}  // namespace

TEST_CASE("the gradient of every adapter of every axis is the slope of the loss") {
  Machine machine(2);
  const ef::TokenBatch batch{some_tokens(9, 61), some_tokens(1, 61, 2), some_tokens(6, 61, 3)};
  for (const tiny::Named& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig config = smooth(named.config);
    auto model = support::lively<double>(config);
    ef::add_lora(model.parameters(), {.rank = 3, .alpha = 1.5, .targets = {"all"}});
    support::enliven_lora(model.parameters());
    check(model.parameters(), config, [&](auto& memory, ef::Transformer<double>* grad) {
      return ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, machine.run, memory, grad);
    });
  }
}

TEST_CASE("so is that of encoders' and encoder-decoders' adapters, cross-attention and heads included") {
  Machine machine(2);
  const ef::TokenBatch sources{some_tokens(7, 31), some_tokens(4, 31, 2)},
      targets{some_tokens(5, 31, 3), some_tokens(6, 31, 4)};
  for (const tiny::Named& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    auto model = support::lively<double, ef::Seq2Seq>(named.config);
    ef::add_lora(model.parameters(), {.rank = 2, .alpha = 1, .targets = {"all"}});
    support::enliven_lora(model.parameters());
    check(model.parameters(), named.config, [&](auto& memory, ef::Transformer<double>* grad) {
      return ef::loss_and_gradient(model, sources, targets, ef::next_tokens(targets), {}, machine.run, memory,
                                   grad);
    });
  }
  auto classifier = support::lively<double, ef::Classifier>(tiny::bert());
  ef::add_lora(classifier.parameters(), {.rank = 2, .alpha = 1});
  support::enliven_lora(classifier.parameters());
  const std::vector<ef::Token> labels{2, 0};
  check(classifier.parameters(), classifier.config(), [&](auto& memory, ef::Transformer<double>* grad) {
    return ef::loss_and_gradient<double>(classifier, sources, {}, labels, {}, machine.run, memory, grad);
  });
}

TEST_CASE("training adapters lowers the loss, keeps every bit of the base, and needs memory for them alone") {
  Machine machine(2);
  const ef::TokenBatch batch{some_tokens(9, 61), some_tokens(12, 61, 2), some_tokens(6, 61, 3)};
  for (const ef::Format format : {ef::Format::f32, ef::Format::bf16, ef::Format::int8, ef::Format::int4}) {
    CAPTURE(ef::name_of(format));
    auto model = support::lively<float>(tiny::decoders()[1].config);
    ef::Transformer<float>& p = model.parameters();
    if (ef::is_quantised(format)) ef::quantise(p, format);
    std::vector<std::vector<ef::bfloat16>> stored;
    if (format == ef::Format::bf16)
      ef::visit(p, [&](const std::string&, auto& leaf) {
        if constexpr (requires { leaf.format(); }) {
          if (leaf.empty()) return;
          auto& values = stored.emplace_back();
          for (Index i = 0; i < leaf.size(); ++i) values.emplace_back(leaf.values().data()[i]);
          leaf =
              ef::Weight<float>::borrow(ef::Format::bf16, values.data(), leaf.rows(), leaf.cols(), nullptr);
        }
      });
    ef::add_lora(p, {.rank = 4, .targets = {"all"}});
    const auto base = bits_of_base(p);

    ef::TrainingMemory<float> memory;
    auto grad = ef::lora_gradient(p, false);
    CHECK(ef::count(grad) == ef::count_lora(p));  // the base has no gradient
    const auto parameters = ef::lora_leaves(p, false), gradient = ef::lora_leaves(grad, false);
    ef::Optimizer<float> adam(ef::AdamW{});
    double first = 0, last = 0;
    for (int step = 0; step < 60; ++step) {
      for (const auto& leaf : gradient) std::fill(leaf.values, leaf.values + leaf.size(), 0.0f);
      last =
          ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, machine.run, memory, &grad).mean();
      if (step == 0) first = last;
      adam.step(machine.run, parameters, gradient, 1e-2);
    }
    CHECK(last < 0.5 * first);
    CHECK(bits_of_base(p) == base);
    Index moments = 0;
    for (const auto& state : adam.states()) moments += state.first.size() + state.second.size();
    CHECK(moments == 2 * ef::count_lora(p));  // nor moments
  }
}

}  // namespace train_lora
