// Preference alignment: pairs, their losses, and models whose preference turns.
#include "support/finite_differences.hpp"
#include "support/lively.hpp"
#include "support/lively_lora.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/train/preference.hpp>
#include <eigenformer/train/trainer.hpp>

#include <numbers>

#include <doctest/doctest.h>

namespace train_preference {

namespace ef = eigenformer;
using ef::Index;
using ef::PreferenceLoss;
using support::Machine;
using support::some_tokens;

namespace {

constexpr PreferenceLoss kinds[] = {PreferenceLoss::dpo, PreferenceLoss::ipo, PreferenceLoss::simpo,
                                    PreferenceLoss::orpo};

std::vector<ef::PreferencePair> some_pairs() {
  return {{some_tokens(4, 61), some_tokens(3, 61, 2), some_tokens(5, 61, 3)},
          {some_tokens(1, 61, 4), some_tokens(2, 61, 5), some_tokens(1, 61, 6)},
          {some_tokens(6, 61, 7), some_tokens(1, 61, 8), some_tokens(4, 61, 9)}};
}

std::vector<const ef::PreferencePair*> pointers(const std::vector<ef::PreferencePair>& pairs) {
  std::vector<const ef::PreferencePair*> out;
  for (const auto& pair : pairs) out.push_back(&pair);
  return out;
}

/// Σ ln p(token | all before it), from the whole matrix of logits.
double log_probability(const ef::CausalLM<double>& model, ef::Run& run, std::vector<ef::Token> prompt,
                       const std::vector<ef::Token>& answer) {
  const std::size_t first = prompt.size();
  prompt.insert(prompt.end(), answer.begin(), answer.end());
  const ef::Matrix<double> logits = model({prompt}, run);
  double sum = 0;
  for (std::size_t i = first; i < prompt.size(); ++i) {
    const auto row = logits.row(static_cast<Index>(i) - 1);
    const double highest = row.maxCoeff();
    sum += row[prompt[i]] - highest - std::log((row.array() - highest).exp().sum());
  }
  return sum;
}

}  // namespace

TEST_CASE("losses of pairs are the published formulas, and their slopes those of the loss") {
  ef::PairScores s{{-3.2, 4}, {-2.5, 3}, -3.0, -2.9};
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const double h = 0.3 * ((-3.2 + 3.0) - (-2.5 + 2.9));
  CHECK(ef::pair_loss({.beta = 0.3}, s).loss == doctest::Approx(-std::log(sigmoid(h))).epsilon(1e-14));
  CHECK(ef::pair_loss({.beta = 0.3, .label_smoothing = 0.1}, s).loss ==
        doctest::Approx(-0.9 * std::log(sigmoid(h)) - 0.1 * std::log(sigmoid(-h))).epsilon(1e-14));
  CHECK(ef::pair_loss({.loss = PreferenceLoss::ipo, .beta = 0.3}, s).loss ==
        doctest::Approx(std::pow(h / 0.3 - 1 / 0.6, 2)).epsilon(1e-14));
  const double lengths = 0.3 * (-3.2 / 4 + 2.5 / 3);
  CHECK(ef::pair_loss({.loss = PreferenceLoss::simpo, .beta = 0.3, .margin = 0.2}, s).loss ==
        doctest::Approx(-std::log(sigmoid(lengths - 0.2))).epsilon(1e-14));
  const double pc = std::exp(-0.8), pr = std::exp(-2.5 / 3);
  const double ratio = std::log(pc / (1 - pc)) - std::log(pr / (1 - pr));
  CHECK(ef::pair_loss({.loss = PreferenceLoss::orpo, .beta = 0.3}, s).loss ==
        doctest::Approx(0.8 - 0.3 * std::log(sigmoid(ratio))).epsilon(1e-14));
  for (const PreferenceLoss kind : kinds)
    for (const double smoothing : {0.0, 0.2}) {
      if (smoothing > 0 && kind != PreferenceLoss::dpo) continue;
      const ef::PreferenceOptions o{.loss = kind, .beta = 0.7, .label_smoothing = smoothing};
      const ef::PairLoss found = ef::pair_loss(o, s);
      const auto f = [&] { return ef::pair_loss(o, s).loss; };
      CHECK(std::abs(found.d_chosen - support::slope(s.chosen.log_probability, f)) < 1e-10);
      CHECK(std::abs(found.d_rejected - support::slope(s.rejected.log_probability, f)) < 1e-10);
    }
  s.chosen.log_probability = -4000;  // far from overflow's reach
  CHECK(ef::pair_loss({.beta = 1}, s).loss == doctest::Approx(3997.4));
  CHECK(std::isfinite(ef::pair_loss({.loss = PreferenceLoss::simpo}, s).d_chosen));
  s.chosen.log_probability = s.rejected.log_probability = 0;  // as float has it for answers known by heart
  const ef::PairLoss certain = ef::pair_loss({.loss = PreferenceLoss::orpo}, s);
  CHECK(std::isfinite(certain.loss));
  CHECK(std::isfinite(certain.d_chosen));
  CHECK(std::isfinite(certain.d_rejected));
}

TEST_CASE("log-probabilities of answers are those of the definition, and at the start the loss is ln 2") {
  Machine machine(2);
  auto model = support::lively<double>(tiny::decoders()[1].config);
  auto pairs = some_pairs();
  ef::set_reference(model, pairs, machine.run);
  for (const auto& pair : pairs) {
    CHECK(std::abs(pair.reference_chosen - log_probability(model, machine.run, pair.prompt, pair.chosen)) <
          1e-10);
    CHECK(std::abs(pair.reference_rejected -
                   log_probability(model, machine.run, pair.prompt, pair.rejected)) < 1e-10);
  }
  ef::add_lora(model.parameters(), {.rank = 2});  // new adapters are the base still
  ef::TrainingMemory<double> memory;
  const auto report = ef::preference_loss_and_gradient<double>(model, pointers(pairs), {.beta = 0.4}, 0,
                                                               machine.run, memory, nullptr);
  CHECK(report.pairs == 3);
  CHECK(std::abs(report.loss - std::numbers::ln2) < 1e-12);
  CHECK(std::abs(report.margin) < 1e-12);
}

TEST_CASE("the gradient of every preference loss is its slope, in the whole model and in adapters") {
  Machine machine(2);
  auto model = support::lively<double>(tiny::decoders()[6].config);  // whose logits are capped
  auto pairs = some_pairs();
  ef::set_reference(model, pairs, machine.run);
  ef::add_lora(model.parameters(), {.rank = 2, .alpha = 1, .targets = {"all"}});
  support::enliven_lora(model.parameters());
  ef::TrainingMemory<double> memory;
  for (const PreferenceLoss kind : kinds) {
    const ef::PreferenceOptions o{.loss = kind, .beta = 0.3};
    const auto loss = [&](ef::Transformer<double>* grad) {
      return ef::preference_loss_and_gradient<double>(model, pointers(pairs), o, 0, machine.run, memory, grad)
          .loss;
    };
    auto whole = ef::zero_parameters<double>(model.config());
    loss(&whole);
    auto adapters = ef::lora_gradient(model.parameters(), false);
    loss(&adapters);
    const auto p = ef::leaves<double>(model.parameters()), g = ef::leaves<double>(whole);
    for (std::size_t i = 0; i < p.size(); ++i)
      CHECK(support::gradient_error(
                p[i].values, g[i].values, g[i].size(), [&] { return loss(nullptr); }, 211) < 1e-8);
    const auto a = ef::lora_leaves(model.parameters(), false), da = ef::lora_leaves(adapters, false);
    for (std::size_t i = 0; i < a.size(); ++i)
      CHECK(support::gradient_error(
                a[i].values, da[i].values, a[i].size(), [&] { return loss(nullptr); }, 23) < 1e-8);
  }
}

TEST_CASE("a model's preference turns when it is trained, by adapters or as a whole, in parts or at once") {
  const ef::ModelConfig config = tiny::decoders()[1].config;
  for (const bool lora : {false, true})
    for (const PreferenceLoss kind : kinds) {
      CAPTURE(lora);
      Machine machine(2);
      auto model = support::lively<float>(config);
      auto pairs = some_pairs();
      ef::set_reference(model, pairs, machine.run);
      for (auto& pair : pairs)  // so that all of them are preferred the wrong way round at first
        if (pair.reference_chosen / static_cast<double>(pair.chosen.size()) >
            pair.reference_rejected / static_cast<double>(pair.rejected.size())) {
          std::swap(pair.chosen, pair.rejected);
          std::swap(pair.reference_chosen, pair.reference_rejected);
        }
      if (lora) ef::add_lora(model.parameters(), {.rank = 4, .targets = {"all"}});
      ef::PreferenceReport last;
      const ef::PreferenceOptions o{.loss = kind};
      auto trainable = ef::trainable_preferences(
          model, pairs, o, [&](const ef::PreferenceReport& report, bool) { last = report; });
      const std::vector<Index> all{0, 1, 2};
      const ef::TrainingBatch batch = ef::preference_batch(pairs, all);
      const auto before = trainable.loss(batch, {}, machine.run, nullptr);
      ef::Trainer<float> trainer(std::move(trainable),
                                 {.steps = 60, .schedule = {.rate = 5e-3}, .micro_batches = lora ? 3 : 1},
                                 machine.threads);
      trainer.run([&](Index) { return batch; }, [](const ef::StepReport&) {});
      CHECK(trainer.evaluate({&batch, 1}).mean() < before.mean());
      CHECK(last.pairs == 3);
      CHECK(last.accuracy == 1.0);
      CHECK(last.margin > 0);
    }
}

TEST_CASE("pairs and options that cannot be are refused") {
  Machine machine;
  auto model = support::lively<float>(tiny::decoders()[1].config);
  const auto refused = [&](ef::PreferencePair pair, const char* why) {
    std::vector<ef::PreferencePair> pairs{std::move(pair)};
    CHECK_THROWS_WITH_AS(ef::set_reference(model, pairs, machine.run), doctest::Contains(why), ef::Error);
  };
  refused({{}, {1}, {2}}, "the prompt is empty");
  refused({{1}, {}, {2}}, "an answer is empty");
  refused({{1}, {2}, {}}, "an answer is empty");
  refused({{1}, {99}, {2}}, "label 99 at place 0 is none of 61");
  refused({some_tokens(150, 61), some_tokens(100, 61), {2}}, "exceed the context window");
  const auto bad = [&](ef::PreferenceOptions o, const char* why) {
    CHECK_THROWS_WITH_AS(ef::validate(o), doctest::Contains(why), ef::ConfigError);
  };
  bad({.beta = 0}, "beta: must be positive");
  bad({.label_smoothing = 0.5}, "label_smoothing: must lie in [0, 0.5)");
  bad({.loss = PreferenceLoss::ipo, .label_smoothing = 0.1}, "belongs to dpo alone");
  bad({.margin = NAN}, "margin: must be finite");

  std::vector<ef::PreferencePair> pairs{{{1}, {2}, {3}}};
  ef::Threads threads(1);
  ef::Trainer<float> smoothing(ef::trainable_preferences(model, pairs, {.loss = PreferenceLoss::simpo}),
                               {.label_smoothing = 0.1}, threads);
  CHECK_THROWS_WITH_AS(smoothing.step(ef::preference_batch(pairs, std::vector<ef::Index>{0})),
                       doctest::Contains("belongs into PreferenceOptions"), ef::ConfigError);
}

}  // namespace train_preference
