// The trainer: what it learns, that neither threads nor parts nor interruptions show, and what it refuses.
#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/train/sources.hpp>
#include <eigenformer/train/train.hpp>

#include <cmath>
#include <cstring>

#include <doctest/doctest.h>

namespace train_trainer {

namespace ef = eigenformer;
using ef::Index;
using support::some_tokens;

namespace {

/// All numbers of a model, one after another.
template <class Model> auto numbers_of(Model& model) {
  using S = std::remove_cvref_t<decltype(*model.parameters().tokens.values().data())>;
  std::vector<S> out;
  for (const auto& leaf : ef::leaves<S>(model.parameters()))
    out.insert(out.end(), leaf.values, leaf.values + leaf.size());
  return out;
}

template <class S> bool same_bits(const std::vector<S>& a, const std::vector<S>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(S)) == 0;
}

ef::ModelConfig small_decoder() {
  return {.vocab_size = 31, .d_model = 24, .n_layers = 2, .n_heads = 2, .d_ff = 48, .max_positions = 24};
}

ef::ModelConfig small_classifier() {
  ef::ModelConfig config = tiny::bert();
  config.head = ef::Head::text_classes;
  config.pooler = true;
  return config;
}

ef::TrainingBatch text_batch(Index step) {
  return ef::next_token_batch({some_tokens(9, 31, step + 1), some_tokens(5, 31, step + 2),
                               some_tokens(14, 31, step + 3), some_tokens(3, 31, step + 4)});
}

/// The numbers of a model after some steps on text_batch.
std::vector<float> trained(int threads, bool recompute, Index steps, ef::TrainerOptions options = {}) {
  ef::CausalLM<float> model(small_decoder(), ef::Seed{3});
  ef::Threads pool(threads);
  options.steps = steps;
  ef::Trainer trainer(ef::trainable(model, recompute), options, pool);
  trainer.run(text_batch, [](const ef::StepReport&) {});
  return numbers_of(model);
}

/// One step of plain gradient descent at rate 1 on a batch in one part and in `parts`: how far the parameters
/// are from each other, and from where they were.
template <class Model, class Make>
void check_parts(Make&& make, const ef::TrainingBatch& batch, Index parts) {
  Model whole = make(), split = make();
  const auto before = numbers_of(whole);
  ef::Threads threads(1);
  ef::TrainerOptions options{.steps = 1, .schedule = {.rate = 1}, .optimizer = ef::Sgd{.momentum = 0}};
  options.clip = 0;
  const auto a = ef::Trainer(whole, options, threads).step(batch);
  options.micro_batches = parts;
  const auto b = ef::Trainer(split, options, threads).step(batch);
  CHECK(a.loss == doctest::Approx(b.loss).epsilon(1e-13));
  CHECK(a.gradient_norm == doctest::Approx(b.gradient_norm).epsilon(1e-12));
  const auto x = numbers_of(whole), y = numbers_of(split);
  double apart = 0, moved = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    apart = (std::max)(apart, std::abs(x[i] - y[i]));
    moved = (std::max)(moved, std::abs(x[i] - before[i]));
  }
  CHECK(moved > 1e-3);
  CHECK(apart < 1e-13);
}

}  // namespace

TEST_CASE("a decoder learns a text that repeats itself") {
  ef::CausalLM<float> model(small_decoder(), ef::Seed{1});
  std::vector<ef::Token> text;
  for (int i = 0; i < 400; ++i) text.push_back(static_cast<ef::Token>((i * i) % 29 % 31));
  ef::Threads threads(1);
  std::vector<ef::StepReport> reports;
  ef::train(model, text, {.steps = 120, .batch = 4, .window = 16, .learning_rate = 1e-2, .seed = 2}, threads,
            [&](const ef::StepReport& report) { reports.push_back(report); });
  REQUIRE(reports.size() == 120);
  CHECK(reports.front().loss == doctest::Approx(std::log(31.0)).epsilon(0.05));  // it knows nothing yet
  CHECK(reports.back().loss < 0.5);  // from two tokens on the text is determined
  CHECK(reports.back().step == 120);
  CHECK(reports.back().tokens == 64);
  CHECK(reports.back().tokens_per_second > 0);
  CHECK(reports.back().seconds_left == 0);
  CHECK(reports.front().seconds_left > 0);
}

TEST_CASE("an encoder learns classes of texts, and an encoder-decoder to copy") {
  ef::Threads threads(1);
  SUBCASE("classes") {
    auto parameters = ef::random_parameters<float>(small_classifier(), ef::Seed{1});
    ef::Classifier<float> model(small_classifier(), std::move(parameters), {"a", "b", "c"});
    ef::TrainingBatch batch{
        {some_tokens(5, 61, 1), some_tokens(7, 61, 2), some_tokens(6, 61, 3)}, {}, {}, {2, 0, 1}};
    ef::Trainer trainer(model, {.steps = 60, .schedule = {.rate = 3e-3}}, threads);
    double last = 0;
    trainer.run([&](Index) { return batch; }, [&](const ef::StepReport& report) { last = report.loss; });
    CHECK(last < 0.1);
  }
  SUBCASE("copies") {
    for (const auto& named : tiny::seq2seq()) {
      CAPTURE(named.name);
      ef::Seq2Seq<float> model(named.config, ef::Seed{1});
      const auto text = some_tokens(6, 61, 5);
      std::vector<ef::Token> fed{0};
      fed.insert(fed.end(), text.begin(), text.end() - 1);
      const ef::TrainingBatch batch{{text}, {}, {fed}, text};
      ef::Trainer trainer(model, {.steps = 150, .schedule = {.rate = 1e-2}}, threads);
      double last = 0;
      trainer.run([&](Index) { return batch; }, [&](const ef::StepReport& report) { last = report.loss; });
      CHECK(last < 0.2);
    }
  }
}

TEST_CASE("a batch in parts gives the gradient of the whole, however unevenly its labels lie") {
  SUBCASE("decoder") {
    auto batch = text_batch(0);
    for (std::size_t i = 0; i < 7; ++i) batch.labels[i] = ef::ignored_label;
    for (const Index parts : {2, 3, 4, 9})
      check_parts<ef::CausalLM<double>>([] { return support::lively<double>(small_decoder()); }, batch,
                                        parts);
  }
  SUBCASE("a part in which no label counts") {
    auto batch = text_batch(0);
    for (std::size_t i = 0; i < 12; ++i) batch.labels[i] = ef::ignored_label;  // the first two sequences
    check_parts<ef::CausalLM<double>>([] { return support::lively<double>(small_decoder()); }, batch, 4);
  }
  SUBCASE("classes of texts, with types, one of them of a single token") {
    const ef::TrainingBatch batch{{{7}, some_tokens(7, 61, 2), some_tokens(6, 61, 3)},
                                  {{1}, {0, 0, 1, 1, 1, 1, 0}, {0, 0, 0, 0, 0, 1}},
                                  {},
                                  {2, ef::ignored_label, 1}};
    check_parts<ef::Classifier<double>>(
        [] {
          auto parameters = ef::random_parameters<double>(small_classifier(), ef::Seed{1});
          support::enliven(parameters);
          return ef::Classifier<double>(small_classifier(), std::move(parameters), {"a", "b", "c"});
        },
        batch, 3);
  }
  SUBCASE("encoder-decoder") {
    const auto config = tiny::seq2seq()[0].config;
    ef::TrainingBatch batch{{some_tokens(5, 61, 1), some_tokens(2, 61, 2), some_tokens(8, 61, 3)},
                            {},
                            {some_tokens(3, 61, 4), some_tokens(6, 61, 5), some_tokens(1, 61, 6)},
                            some_tokens(10, 61, 7)};
    batch.labels[4] = batch.labels[5] = ef::ignored_label;
    check_parts<ef::Seq2Seq<double>>([&] { return support::lively<double, ef::Seq2Seq>(config); }, batch, 2);
  }
}

TEST_CASE("one, two and five threads train the same weights to the bit, and so does recomputation") {
  for (const Index parts : {1, 2}) {
    CAPTURE(parts);
    const ef::TrainerOptions options{.micro_batches = parts};
    const auto one = trained(1, false, 8, options);
    CHECK(same_bits(one, trained(2, false, 8, options)));
    CHECK(same_bits(one, trained(5, false, 8, options)));
    CHECK(same_bits(one, trained(2, true, 8, options)));
    CHECK(!same_bits(one, trained(1, false, 7, options)));
  }
}

TEST_CASE("a trainer that is restored in the middle ends with the same bits, with every optimiser") {
  const std::vector<ef::OptimizerConfig> optimizers{ef::AdamW{}, ef::Sgd{}, ef::Adafactor{}};
  for (std::size_t i = 0; i < optimizers.size(); ++i) {
    CAPTURE(i);
    ef::TrainerOptions options{.steps = 9,
                               .schedule = {.rate = 1e-2, .decay = ef::Decay::linear, .warmup = 3},
                               .optimizer = optimizers[i]};
    const auto expected = trained(1, false, 9, options);
    ef::Threads threads(1);
    ef::CausalLM<float> first(small_decoder(), ef::Seed{3});
    ef::Trainer before(first, options, threads);
    for (Index step = 0; step < 4; ++step) before.step(text_batch(step));

    ef::CausalLM<float> second(small_decoder(), ef::Seed{4});
    const auto to = ef::leaves<float>(second.parameters()), from = ef::leaves<float>(first.parameters());
    for (std::size_t leaf = 0; leaf < to.size(); ++leaf)
      std::copy_n(from[leaf].values, from[leaf].size(), to[leaf].values);
    ef::Trainer after(second, options, threads);
    after.restore(before.steps(), before.optimizer().states());
    CHECK(after.steps() == 4);
    after.run(text_batch, [](const ef::StepReport&) {});
    CHECK(same_bits(expected, numbers_of(second)));

    ef::Trainer other(second, {.optimizer = optimizers[(i + 1) % 3]}, threads);
    CHECK_THROWS_AS(other.restore(4, before.optimizer().states()), ef::InputError);
    CHECK_THROWS_AS(other.restore(4, {}), ef::InputError);
    auto states = before.optimizer().states();
    states[0] = {};
    CHECK_THROWS_WITH_AS(after.restore(4, states), "the optimiser has no state of tokens, which is trained",
                         ef::InputError);
    CHECK(other.steps() == 0);
  }
}

TEST_CASE("dropout is the same for any number of threads, with recomputation, and after an interruption") {
  for (const Index parts : {1, 2}) {
    CAPTURE(parts);
    ef::TrainerOptions options{.schedule = {.rate = 1e-2}, .micro_batches = parts};
    const auto without = trained(1, false, 6, options);
    options.dropout = {.embeddings = 0.1, .attention = 0.2, .branches = 0.3};
    options.seed = {7};
    const auto one = trained(1, false, 6, options);
    CHECK(!same_bits(one, without));
    CHECK(same_bits(one, trained(2, false, 6, options)));
    CHECK(same_bits(one, trained(5, true, 6, options)));
    options.seed = {8};
    CHECK(!same_bits(one, trained(1, false, 6, options)));
    options.seed = {7};

    options.steps = 6;
    ef::Threads threads(1);
    ef::CausalLM<float> first(small_decoder(), ef::Seed{3}), second(small_decoder(), ef::Seed{4});
    ef::Trainer before(first, options, threads), after(second, options, threads);
    for (Index step = 0; step < 4; ++step) before.step(text_batch(step));
    std::vector<ef::Matrix<float>> values;
    for (const auto& leaf : before.model().parameters)
      values.push_back(Eigen::Map<ef::Matrix<float>>(leaf.values, leaf.rows, leaf.columns));
    after.restore(4, before.optimizer().states(), values);
    after.run(text_batch, [](const ef::StepReport&) {});
    CHECK(same_bits(one, numbers_of(second)));

    const auto state = numbers_of(second);
    values.pop_back();
    CHECK_THROWS_AS(after.restore(4, before.optimizer().states(), values), ef::InputError);
    values.push_back(ef::Matrix<float>::Zero(3, 3));
    CHECK_THROWS_AS(after.restore(4, before.optimizer().states(), values), ef::InputError);
    CHECK(same_bits(state, numbers_of(second)));
    CHECK(after.steps() == 6);
  }
}

TEST_CASE("every step drops other numbers, and measuring drops none") {
  ef::Threads threads(1);
  ef::CausalLM<float> model(small_decoder(), ef::Seed{3});
  ef::TrainerOptions options{.schedule = {.rate = 0}, .dropout = {.branches = 0.3}};  // nothing moves
  ef::Trainer trainer(model, options, threads);
  const auto batch = text_batch(0);
  const double whole = trainer.evaluate({&batch, 1}).mean();
  const double first = trainer.step(batch).loss, second = trainer.step(batch).loss;
  CHECK(first != whole);
  CHECK(first != second);
  CHECK(trainer.evaluate({&batch, 1}).mean() == whole);
}

TEST_CASE("held-out batches are measured when it is asked for, and never learned from") {
  ef::TrainerOptions options{.schedule = {.rate = 1e-2, .decay = ef::Decay::cosine}};
  const auto expected = trained(1, false, 7, options);
  options.steps = 7;
  options.held_out = {text_batch(50), text_batch(51)};
  options.evaluate_every = 3;
  ef::Threads threads(1);
  ef::CausalLM<float> model(small_decoder(), ef::Seed{3});
  ef::Trainer trainer(model, options, threads);
  trainer.run(text_batch, [&](const ef::StepReport& report) {
    CHECK(report.held_out_loss.has_value() == (report.step == 3 || report.step == 6 || report.step == 7));
    CHECK(report.learning_rate == ef::learning_rate(trainer.options().schedule, report.step - 1));
    if (report.held_out_loss) CHECK(*report.held_out_loss == trainer.evaluate(options.held_out).mean());
  });
  CHECK(same_bits(expected, numbers_of(model)));
}

TEST_CASE("a loss that is no number stops training at its step, before the update") {
  ef::Threads threads(1);
  ef::CausalLM<float> model(small_decoder(), ef::Seed{3});
  ef::Trainer trainer(model, {.steps = 20}, threads);
  std::vector<float> before;
  try {
    trainer.run(
        [&](Index step) {
          if (step == 5) {
            model.parameters().tokens.values()(9, 3) = std::nanf("");
            before = numbers_of(model);
          }
          return text_batch(step);
        },
        [](const ef::StepReport&) {});
    FAIL("it went on");
  } catch (const ef::DivergenceError& error) {
    CHECK(error.step == 6);
    CHECK(std::string(error.what()) == "training stopped: the loss of step 6 is nan");
  }
  CHECK(trainer.steps() == 5);
  CHECK(same_bits(before, numbers_of(model)));
}

TEST_CASE("batches that cannot be learned from are refused, and change nothing") {
  ef::Threads threads(1);
  ef::CausalLM<float> model(small_decoder(), ef::Seed{3});
  ef::Trainer trainer(model, {}, threads);
  const auto before = numbers_of(model);
  auto batch = text_batch(0);
  batch.labels[4] = 31;
  CHECK_THROWS_WITH_AS(trainer.step(batch), "label 31 at place 4 is none of 31 classes", ef::InputError);
  batch.labels[4] = -1;
  CHECK_THROWS_AS(trainer.step(batch), ef::InputError);
  std::fill(batch.labels.begin(), batch.labels.end(), ef::ignored_label);
  CHECK_THROWS_WITH_AS(trainer.step(batch), "no label of the batch of step 1 counts", ef::InputError);
  CHECK_THROWS_AS(trainer.step({}), ef::InputError);
  batch = text_batch(0);
  batch.labels.pop_back();
  CHECK_THROWS_AS(trainer.step(batch), ef::InputError);
  CHECK_THROWS_AS(trainer.step(ef::next_token_batch({some_tokens(26, 31)})), ef::WindowError);
  CHECK_THROWS_AS(trainer.step(ef::next_token_batch({{1, 31, 2}})), ef::InputError);
  CHECK(trainer.steps() == 0);
  CHECK(same_bits(before, numbers_of(model)));
  trainer.step(text_batch(0));  // and it still works
  CHECK(trainer.steps() == 1);
}

TEST_CASE("options that cannot be are refused by name") {
  ef::Threads threads(1);
  ef::CausalLM<float> model(small_decoder(), ef::Seed{3});
  const auto refused = [&](const char* field, auto&& change) {
    CAPTURE(field);
    ef::TrainerOptions options;
    change(options);
    try {
      ef::Trainer trainer(model, options, threads);
      FAIL("accepted");
    } catch (const ef::ConfigError& error) {
      CHECK(error.field == field);
    }
  };
  using O = ef::TrainerOptions;
  refused("steps", [](O& o) { o.steps = 0; });
  refused("clip", [](O& o) { o.clip = -1; });
  refused("clip", [](O& o) { o.clip = std::nan(""); });
  refused("micro_batches", [](O& o) { o.micro_batches = 0; });
  refused("label_smoothing", [](O& o) { o.label_smoothing = 1; });
  refused("dropout.attention", [](O& o) { o.dropout.attention = 1; });
  refused("held_out", [](O& o) {
    o.held_out = {{{{1, 2}}, {}, {}, {ef::ignored_label, ef::ignored_label}}};
  });
  refused("evaluate_every", [](O& o) { o.evaluate_every = -1; });
  refused("learning_rate", [](O& o) { o.schedule.rate = -1; });
  refused("warmup", [](O& o) {
    o.schedule.decay = ef::Decay::linear;
    o.schedule.warmup = 1001;
  });
}

}  // namespace train_trainer
