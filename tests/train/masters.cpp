// Weights in bfloat16 with masters in float.
#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/train/masters.hpp>
#include <eigenformer/train/sources.hpp>
#include <eigenformer/train/trainer.hpp>

#include <cmath>

#include <doctest/doctest.h>

namespace train_masters {

namespace ef = eigenformer;
using ef::Index;

namespace {

ef::ModelConfig small_decoder() {
  return {.vocab_size = 31, .d_model = 24, .n_layers = 2, .n_heads = 2, .d_ff = 48, .max_positions = 24};
}

std::vector<ef::Token> some_text() {
  std::vector<ef::Token> text;
  for (int i = 0; i < 400; ++i) text.push_back(static_cast<ef::Token>((i * i) % 29));
  return text;
}

/// The losses of a training.
std::vector<double> losses(ef::Trainable<float> trained, Index steps, double rate, int thread_count = 1,
                           bool bf16_products = false) {
  ef::Threads threads(thread_count);
  ef::Trainer<float> trainer(std::move(trained),
                             {.steps = steps, .schedule = {.rate = rate}, .bf16_products = bf16_products},
                             threads);
  const ef::WindowDraws windows(some_text(), 17, 4, ef::Seed{2});
  std::vector<double> all;
  trainer.run([&](Index step) { return ef::next_token_batch(windows(step)); },
              [&](const ef::StepReport& report) { all.push_back(report.loss); });
  return all;
}

double mean(const std::vector<double>& all, std::size_t first, std::size_t n) {
  double sum = 0;
  for (std::size_t i = first; i < first + n; ++i) sum += all[i];
  return sum / static_cast<double>(n);
}

}  // namespace

TEST_CASE("with bfloat16 weights the loss falls as it does in float") {
  ef::CausalLM<float> whole(small_decoder(), ef::Seed{1}), rounded(small_decoder(), ef::Seed{1});
  const auto expected = losses(ef::trainable(whole), 150, 5e-3);
  const auto found = losses(ef::trainable_bfloat16(rounded), 150, 5e-3);
  CHECK(expected.back() < 0.5);
  for (std::size_t first = 0; first < 150; first += 10) {
    CAPTURE(first);
    CHECK(mean(found, first, 10) == doctest::Approx(mean(expected, first, 10)).epsilon(0.05));
  }
  CHECK(found != expected);  // they are rounded
}

TEST_CASE("with products in bfloat16, too, and to the same bits for any number of threads") {
  ef::CausalLM<float> whole(small_decoder(), ef::Seed{1}), rounded(small_decoder(), ef::Seed{1}),
      again(small_decoder(), ef::Seed{1});
  const auto expected = losses(ef::trainable(whole), 150, 5e-3);
  const auto found = losses(ef::trainable_bfloat16(rounded), 150, 5e-3, 1, true);
  for (std::size_t first = 0; first < 150; first += 10) {
    CAPTURE(first);
    CHECK(mean(found, first, 10) == doctest::Approx(mean(expected, first, 10)).epsilon(0.05));
  }
  CHECK(found == losses(ef::trainable_bfloat16(again), 150, 5e-3, 3, true));
}

TEST_CASE("the model holds its masters rounded, and the masters keep what rounding loses") {
  ef::CausalLM<float> model(small_decoder(), ef::Seed{1});
  const ef::Trainable<float> trained = ef::trainable_bfloat16(model);
  const auto before = model.parameters().tokens.dense();
  // Steps of 1e-6 are far below half a unit in the last place of weights around 0.02: 3e-5.
  losses(trained, 60, 1e-6, 2);
  std::size_t i = 0;
  Index between = 0, moved = 0, matrices = 0;
  ef::visit(model.parameters(), [&](const std::string&, auto& leaf) {
    const ef::Leaf<float>& master = trained.parameters[i++];
    REQUIRE(master.size() == leaf.size());
    if constexpr (requires { leaf.format(); }) {
      if (leaf.empty()) return;
      ++matrices;
      CHECK(leaf.format() == ef::Format::bf16);
      const ef::Matrix<float> stored = leaf.dense();
      for (Index k = 0; k < leaf.size(); ++k) {
        const float value = master.values[k];
        CHECK(stored.data()[k] == static_cast<float>(ef::bfloat16(value)));
        if (stored.data()[k] != value) ++between;
      }
    } else {
      CHECK(master.values == leaf.data());  // vectors are float anyway, and the model's own
    }
  });
  const ef::Matrix<float> after = model.parameters().tokens.dense();
  for (Index k = 0; k < after.size(); ++k)
    if (after.data()[k] != before.data()[k]) ++moved;
  CHECK(matrices == 1 + 1 + 2 * 6);
  CHECK(between > 1000);
  CHECK(moved > 100);  // some of sixty steps of 1e-6 added up to a unit
}

TEST_CASE("an encoder with classes and an encoder-decoder learn in bfloat16, too") {
  ef::Threads threads(1);
  SUBCASE("classes") {
    ef::ModelConfig config = tiny::bert();
    config.head = ef::Head::text_classes;
    config.pooler = true;
    ef::Classifier<float> model(config, ef::random_parameters<float>(config, ef::Seed{1}), {"a", "b", "c"});
    const ef::TrainingBatch batch{
        {support::some_tokens(5, 61, 1), support::some_tokens(7, 61, 2)}, {}, {}, {2, 0}};
    ef::Trainer<float> trainer(ef::trainable_bfloat16(model), {.steps = 60, .schedule = {.rate = 3e-3}},
                               threads);
    trainer.run([&](Index) { return batch; }, [](const ef::StepReport&) {});
    CHECK(trainer.evaluate({&batch, 1}).mean() < 0.1);
  }
  SUBCASE("copies") {
    for (const auto& named : tiny::seq2seq()) {
      CAPTURE(named.name);
      ef::Seq2Seq<float> model(named.config, ef::Seed{1});
      const auto text = support::some_tokens(6, 61, 5);
      std::vector<ef::Token> fed{0};
      fed.insert(fed.end(), text.begin(), text.end() - 1);
      const ef::TrainingBatch batch{{text}, {}, {fed}, text};
      ef::Trainer<float> trainer(ef::trainable_bfloat16(model), {.steps = 150, .schedule = {.rate = 1e-2}},
                                 threads);
      trainer.run([&](Index) { return batch; }, [](const ef::StepReport&) {});
      CHECK(trainer.evaluate({&batch, 1}).mean() < 0.2);
    }
  }
}

}  // namespace train_masters
