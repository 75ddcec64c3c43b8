// Dropout within whole models: gradients against differences of the loss under the same masks.
#include "support/finite_differences.hpp"
#include "support/lively.hpp"
#include "support/machine.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/train/gradient.hpp>
#include <eigenformer/train/leaf.hpp>

#include <doctest/doctest.h>

namespace train_dropout {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::some_tokens;
using Parameters = ef::Transformer<double>;

namespace {

const ef::DropoutPass usual{{.embeddings = 0.1, .attention = 0.25, .branches = 0.2}, ef::Seed{11}, 3};

/// `loss(run, memory, grad)` of a model with these parameters: its gradient under dropout against its slopes;
/// the same bits on other threads and with recomputation; and no dropout without a gradient.
template <class F> void check(Parameters& parameters, const ef::ModelConfig& config, F&& loss) {
  Machine machine(2), alone(1);
  ef::TrainingMemory<double> memory;
  memory.dropout = usual;
  auto grad = ef::zero_parameters<double>(config), spare = ef::zero_parameters<double>(config);
  const double whole = loss(machine.run, memory, nullptr).mean();
  const double dropped = loss(machine.run, memory, &grad).mean();
  CHECK(whole != dropped);
  CHECK(support::parameters_error(
            parameters, grad, [&] { return loss(machine.run, memory, &spare).mean(); }, 41) < 1e-8);

  ef::TrainingMemory<double> other;
  other.dropout = usual;
  other.recompute = true;
  auto again = ef::zero_parameters<double>(config);
  CHECK(loss(alone.run, other, &again).mean() == dropped);
  const auto a = ef::leaves<double>(grad), b = ef::leaves<double>(again);
  bool same = true;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (Index k = 0; k < a[i].size(); ++k) same = same && a[i].values[k] == b[i].values[k];
  CHECK(same);

  memory.dropout.number = 4;
  CHECK(loss(machine.run, memory, &spare).mean() != dropped);
  memory.dropout.rates = {};
  CHECK(loss(machine.run, memory, &spare).mean() == whole);
  for (double ef::DropoutRates::*const rate :
       {&ef::DropoutRates::embeddings, &ef::DropoutRates::attention, &ef::DropoutRates::branches}) {
    memory.dropout.rates = {};
    memory.dropout.rates.*rate = 0.2;
    CHECK(loss(machine.run, memory, &spare).mean() != whole);
    memory.dropout.rates.*rate = 1;
    CHECK_THROWS_AS(loss(machine.run, memory, &spare), ef::ConfigError);
  }
}

ef::ModelConfig smooth(ef::ModelConfig config) {
  if (config.activation == ef::Activation::relu) config.activation = ef::Activation::gelu;
  return config;
}

}  // namespace

TEST_CASE("with dropout the gradient of a decoder of every axis is the slope of its loss") {
  const ef::TokenBatch batch{some_tokens(9, 61), some_tokens(1, 61, 2), some_tokens(6, 61, 3)};
  for (const tiny::Named& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig config = smooth(named.config);
    auto model = support::lively<double>(config);
    check(model.parameters(), config, [&](ef::Run& run, auto& memory, Parameters* grad) {
      return ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, run, memory, grad);
    });
  }
}

TEST_CASE("with dropout the gradients of an encoder and of encoder-decoders are those slopes") {
  const ef::TokenBatch batch{some_tokens(9, 61), some_tokens(7, 61, 3)},
      sources{some_tokens(5, 61), some_tokens(8, 61, 2)};
  ef::ModelConfig bert = tiny::bert();
  bert.head = ef::Head::masked_words;
  auto parameters = ef::random_parameters<double>(bert, ef::Seed{3});
  support::enliven(parameters);
  ef::Encoder<double> encoder(bert, std::move(parameters));
  check(encoder.parameters(), bert, [&](ef::Run& run, auto& memory, Parameters* grad) {
    return ef::loss_and_gradient(encoder, batch, {}, ef::next_tokens(batch), {}, run, memory, grad);
  });
  for (const tiny::Named& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    ef::ModelConfig config = named.config;
    config.score_scale = 0.2;  // T5's scores as they are bend the loss more than differences can follow
    auto model = support::lively<double, ef::Seq2Seq>(config);
    check(model.parameters(), config, [&](ef::Run& run, auto& memory, Parameters* grad) {
      return ef::loss_and_gradient(model, sources, batch, ef::next_tokens(batch), {}, run, memory, grad);
    });
  }
}

TEST_CASE("attention drops across blocks of queries and keys as the definition does") {
  constexpr Index rows = 150, size = 4;  // two blocks of keys, five of queries
  ef::ModelConfig config{.vocab_size = 7, .d_model = 2 * size, .n_layers = 1, .n_heads = 2, .d_ff = 8};
  ef::AttentionRule<double> rule = ef::attention_rule<double>(config, 0, true, ef::ScoreBias<double>{});
  rule.drop = usual.at(ef::DropoutPlace::attention, true, 0);
  using M = ef::Matrix<double>;
  const auto random = [&](std::uint64_t stream) {
    M m(rows, 2 * size);
    const ef::Random numbers(ef::Seed{1}, stream);
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = numbers.normal(static_cast<std::uint64_t>(i));
    return m;
  };
  const M q = random(1);
  M memory(2 * rows, 2 * size);
  memory << random(2), random(3);
  const void* page = memory.data();
  const ef::AttentionSequence<double> sequence{
      0, rows, 0, {&page, rows, 0, rows * 2 * size, 2 * size, size, rows}};
  Machine machine(2);
  M y(rows, 2 * size), expected(rows, 2 * size);
  ef::attend<double>(rule, machine.run, {&sequence, 1}, q, y);
  for (Index head = 0; head < 2; ++head) {
    M p = ef::attention_probabilities<double>(rule, sequence, q, head);
    for (Index r = 0; r < rows; ++r) rule.drop.apply(r * 2 + head, 0, rows, p.row(r).data());
    expected.middleCols(head * size, size) = p * memory.bottomRows(rows).middleCols(head * size, size);
  }
  CHECK((y - expected).cwiseAbs().maxCoeff() < 1e-13);
  CHECK(y.cwiseAbs().maxCoeff() > 0.1);
}

}  // namespace train_dropout
