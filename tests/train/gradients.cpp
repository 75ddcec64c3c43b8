// Gradients of whole models of every axis, against differences of their losses.
#include "support/finite_differences.hpp"
#include "support/lively.hpp"
#include "support/machine.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/train/gradient.hpp>

#include <doctest/doctest.h>

namespace train_gradients {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::some_tokens;

namespace {

constexpr Index step = 41;  // which numbers of a parameter are compared

/// `loss(memory, grad)` of a model with these parameters: its gradient against its slopes, and with
/// recomputation.
template <class F> void check(ef::Transformer<double>& parameters, const ef::ModelConfig& config, F&& loss) {
  ef::TrainingMemory<double> memory, small;
  auto grad = ef::zero_parameters<double>(config), again = ef::zero_parameters<double>(config);
  loss(memory, &grad);
  CHECK(support::parameters_error(
            parameters, grad, [&] { return loss(memory, nullptr).mean(); }, step) < 1e-8);
  small.recompute = true;
  loss(small, &again);
  CHECK(small.decoder.blocks.size() + small.encoder.blocks.size() <= 2);
  double worst = 0;
  ef::visit(again, [&](const std::string&, auto& leaf) {
    for (Index i = 0; i < leaf.size(); ++i) support::numbers(leaf)[i] *= -1;
  });
  loss(memory, &again);  // gradients are added: what is left of grad − again is zero
  ef::visit(again, [&](const std::string&, auto& leaf) {
    for (Index i = 0; i < leaf.size(); ++i) worst = (std::max)(worst, std::abs(support::numbers(leaf)[i]));
  });
  CHECK(worst < 1e-13);
}

/// relu has no slope at its kink, which differences step over.
ef::ModelConfig smooth(ef::ModelConfig config) {
  if (config.activation == ef::Activation::relu) config.activation = ef::Activation::gelu;
  return config;
}

}  // namespace

TEST_CASE("the gradient of a decoder of every axis is the slope of its loss") {
  Machine machine(2);
  const ef::TokenBatch batch{some_tokens(9, 61), some_tokens(1, 61, 2), some_tokens(6, 61, 3)};
  for (const tiny::Named& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig config = smooth(named.config);
    auto model = support::lively<double>(config);
    const auto labels = ef::next_tokens(batch);
    CHECK(labels.size() == 16);
    CHECK(labels[8] == ef::ignored_label);
    CHECK(labels[9] == ef::ignored_label);
    CHECK(labels[10] == batch[2][1]);
    check(model.parameters(), config, [&](auto& memory, ef::Transformer<double>* grad) {
      return ef::loss_and_gradient(model, batch, labels, {.label_smoothing = 0.05}, machine.run, memory,
                                   grad);
    });
  }
}

TEST_CASE("the gradient of an encoder with each of its heads is the slope of its loss") {
  Machine machine(2);
  const ef::TokenBatch batch{some_tokens(7, 31), some_tokens(4, 31, 2)},
      types{{0, 0, 0, 1, 1, 1, 1}, {1, 0, 0, 1}};
  ef::ModelConfig base{.vocab_size = 31,
                       .d_model = 12,
                       .n_layers = 2,
                       .n_heads = 2,
                       .d_ff = 20,
                       .max_positions = 16,
                       .stacks = ef::Stacks::encoder};
  base.norm_placement = ef::NormPlacement::after;
  base.embedding_norm = true;
  base.final_norm = false;
  base.token_types = 2;
  base.n_labels = 3;
  for (const auto head : {ef::Head::masked_words, ef::Head::text_classes, ef::Head::token_classes})
    for (const bool buckets : {false, true}) {
      CAPTURE(static_cast<int>(head));
      CAPTURE(buckets);
      ef::ModelConfig config = base;
      config.head = head;
      config.biases.logits = true;
      config.pooler = head == ef::Head::text_classes;
      if (buckets) {
        config.positions = ef::Positions::relative_buckets;
        config.relative_buckets = {.count = 8, .max_distance = 12};
      }
      auto parameters = ef::random_parameters<double>(config, ef::Seed{3});
      support::enliven(parameters);
      std::vector<ef::Token> labels(head == ef::Head::text_classes ? 2 : 11, ef::ignored_label);
      labels[0] = 2;
      if (labels.size() > 2) labels[5] = labels[9] = 1;
      const auto with = [&](auto& model) {
        check(model.parameters(), config, [&](auto& memory, ef::Transformer<double>* grad) {
          return ef::loss_and_gradient(model, batch, types, labels, {}, machine.run, memory, grad);
        });
      };
      ef::Encoder<double> model(config, std::move(parameters));
      with(model);
    }
  ef::ModelConfig bare = base;
  bare.head = ef::Head::none;
  const ef::Encoder<double> model(bare, ef::Seed{1});
  ef::TrainingMemory<double> memory;
  CHECK_THROWS_AS(ef::loss_and_gradient(model, batch, {}, {}, {}, machine.run, memory, nullptr),
                  ef::ConfigError);
}

TEST_CASE("the gradient of an encoder-decoder is the slope of its loss, through both stacks") {
  Machine machine(2);
  const ef::TokenBatch sources{some_tokens(5, 31), some_tokens(8, 31, 2)},
      targets{some_tokens(6, 31, 3), some_tokens(3, 31, 4)};
  ef::ModelConfig base{.vocab_size = 31,
                       .d_model = 12,
                       .n_layers = 2,
                       .n_heads = 2,
                       .d_ff = 20,
                       .max_positions = 16,
                       .stacks = ef::Stacks::encoder_decoder};
  base.encoder_layers = 1;
  base.encoder_d_ff = 14;
  for (const auto placement : {ef::NormPlacement::before, ef::NormPlacement::after, ef::NormPlacement::both})
    for (const auto positions :
         {ef::Positions::learned, ef::Positions::rotary, ef::Positions::relative_buckets}) {
      CAPTURE(static_cast<int>(placement));
      CAPTURE(static_cast<int>(positions));
      ef::ModelConfig config = base;
      config.norm_placement = placement;
      config.positions = positions;
      config.relative_buckets = {.count = 8, .max_distance = 12};
      ef::Seq2Seq<double> model(config, ef::Seed{3});
      support::enliven(model.parameters());
      std::vector<ef::Token> labels(9, 4);
      labels[3] = labels[7] = ef::ignored_label;
      check(model.parameters(), config, [&](auto& memory, ef::Transformer<double>* grad) {
        return ef::loss_and_gradient(model, sources, targets, labels, {}, machine.run, memory, grad);
      });
    }
}

TEST_CASE("what is empty in a gradient is frozen, and the rest stays as it was") {
  Machine machine;
  const auto config = tiny::decoders()[0].config;
  auto model = support::lively<double>(config);
  const ef::TokenBatch batch{some_tokens(9, 61)};
  ef::TrainingMemory<double> memory;
  auto whole = ef::zero_parameters<double>(config), part = ef::zero_parameters<double>(config);
  part.tokens = ef::Weight<double>();
  part.decoder.positions = ef::Weight<double>();
  part.decoder.blocks[1] = ef::Block<double>();
  ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, machine.run, memory, &whole);
  ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, machine.run, memory, &part);
  CHECK(part.tokens.empty());
  CHECK(part.decoder.blocks[1].attention.query.weight.empty());
  const auto& a = whole.decoder.blocks[0].attention.key.weight;
  CHECK(a.values() == part.decoder.blocks[0].attention.key.weight.values());
  CHECK(a.values().norm() > 0);
}

}  // namespace train_gradients
