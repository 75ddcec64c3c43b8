#include "support/machine.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/plan.hpp>
#include <eigenformer/train/gradient.hpp>
#include <eigenformer/train/leaf.hpp>
#include <eigenformer/train/optimizer.hpp>

#include <doctest/doctest.h>

namespace train_measured_memory {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using ef::Index;
using S = float;

// The members that own memory are walked: an allocator's total also holds lists and paddings, and cannot tell
// a gradient from a moment. measured_step.cpp counts the allocator's bytes, and that nothing else is held.
namespace {

Index held(const ef::Matrix<S>& m) { return m.size() * static_cast<Index>(sizeof(S)); }

Index held(const ef::AttentionSaved<S>& a) {
  return held(a.query) + held(a.key) + held(a.value) + held(a.mixed) + held(a.statistics);
}

Index held(const ef::StackSaved<S>& stack) {
  Index bytes = held(stack.embedded) + held(stack.last);
  for (const auto& input : stack.inputs) bytes += held(input);
  for (const auto& b : stack.blocks) {
    for (const auto* branch : {&b.attention_branch, &b.cross_branch, &b.feed_forward_branch})
      bytes += held(branch->input) + held(branch->inner);
    bytes += held(b.attention) + held(b.cross) + held(b.feed_forward.gate) + held(b.feed_forward.up);
  }
  return bytes;
}

Index held(ef::Transformer<S>& parameters) {
  Index bytes = 0;
  for (const auto& leaf : ef::leaves<S>(parameters)) bytes += leaf.size() * static_cast<Index>(sizeof(S));
  return bytes;
}

/// What an optimiser keeps after a step.
Index states_held(const ef::OptimizerConfig& config, ef::Run& run, ef::Transformer<S>& parameters,
                  ef::Transformer<S>& grad) {
  ef::Optimizer<S> optimizer(config);
  optimizer.step(run, ef::leaves<S>(parameters), ef::leaves<S>(grad), 1e-3);
  Index bytes = 0;
  for (const auto& state : optimizer.states()) bytes += held(state.first) + held(state.second);
  return bytes;
}

const ef::TokenBatch batch = {{3, 1, 4, 1, 5, 9, 2}, {6, 5, 3}, {8, 9, 7, 9}};
const ef::TokenBatch sources = {{2, 7, 1}, {8, 2, 8, 1, 8}, {2, 8}};
constexpr Index rows = 14, source_rows = 10;

/// One step of training with and without recomputation, against the calculators.
template <class Model, class Step> void check_step(Model& model, Index source, Step&& step) {
  const ef::ModelConfig& config = model.config();
  auto grad = ef::zero_parameters<S>(config);
  const Index parameters = plan::count_parameters(config).total();
  CHECK(held(model.parameters()) == 4 * parameters);
  CHECK(held(grad) == 4 * parameters);
  CHECK(plan::count_parameters(model).total() == parameters);
  for (const bool recompute : {false, true}) {
    CAPTURE(recompute);
    support::Machine machine(1);
    ef::TrainingMemory<S> memory;
    memory.recompute = recompute;
    step(machine.run, memory, &grad);
    CHECK(states_held(ef::AdamW{}, machine.run, model.parameters(), grad) == 8 * parameters);
    CHECK(states_held(ef::Sgd{}, machine.run, model.parameters(), grad) == 4 * parameters);
    CHECK(states_held(ef::Adafactor{}, machine.run, model.parameters(), grad) ==
          4 * plan::adafactor_states(config));
    CHECK(held(memory.encoder) + held(memory.decoder) ==
          plan::kept_activation_bytes(
              {.config = config, .rows = rows, .source_rows = source, .recompute = recompute}));
  }
}

}  // namespace

TEST_CASE(
    "weights, gradients, moments and kept activations of decoders are what the calculators say, to the "
    "byte") {
  for (const auto& [kind, config] : tiny::decoders()) {
    const std::string name = kind;
    CAPTURE(name);
    ef::CausalLM<S> model(config, ef::Seed{1});
    check_step(model, 0, [&](ef::Run& run, auto& memory, auto* grad) {
      ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, run, memory, grad);
    });
  }
}

TEST_CASE("those of encoder-decoders are, too") {
  for (const auto& [kind, config] : tiny::seq2seq()) {
    const std::string name = kind;
    CAPTURE(name);
    ef::Seq2Seq<S> model(config, ef::Seed{1});
    check_step(model, source_rows, [&](ef::Run& run, auto& memory, auto* grad) {
      ef::loss_and_gradient(model, sources, batch, ef::next_tokens(batch), {}, run, memory, grad);
    });
  }
}

TEST_CASE("those of an encoder are, too") {
  ef::ModelConfig config = tiny::bert();
  config.head = ef::Head::masked_words;
  ef::Encoder<S> model(config, ef::random_parameters<S>(config, ef::Seed{1}));
  check_step(model, 0, [&](ef::Run& run, auto& memory, auto* grad) {
    ef::loss_and_gradient(model, batch, {}, ef::next_tokens(batch), {}, run, memory, grad);
  });
}

}  // namespace train_measured_memory
