#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/model/encoder.hpp>

#include <algorithm>

#include <doctest/doctest.h>

namespace model_encoder {

namespace ef = eigenformer;

using support::some_tokens;

TEST_CASE(
    "a sequence's states do not depend on its company, its place in the batch or the threads, to the bit") {
  const auto encoder = support::lively<float, ef::Encoder>(tiny::bert());
  ef::TokenBatch batch;
  for (ef::Index i = 0; i < 23; ++i)
    batch.push_back(some_tokens(1 + 37 * i % 131, 61, i));  // over 1,000 rows
  const ef::Matrix<float> together = encoder(batch);
  const ef::Ragged layout(batch);
  CHECK(together.allFinite());
  for (ef::Index s = 0; s < layout.sequences(); ++s)
    CHECK(encoder({batch[static_cast<std::size_t>(s)]}) ==
          together.middleRows(layout.begin(s), layout.length(s)));

  const ef::TokenBatch reversed(batch.rbegin(), batch.rend());
  for (const int count : {2, 3}) {
    ef::Threads threads(count);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    const ef::Matrix<float> other = encoder(reversed, run);
    const ef::Ragged its_layout(reversed);
    for (ef::Index s = 0; s < layout.sequences(); ++s)
      CHECK(other.middleRows(its_layout.begin(layout.sequences() - 1 - s), layout.length(s)) ==
            together.middleRows(layout.begin(s), layout.length(s)));
  }
}

namespace {

/// That a model's rows for a text are the same alone, beside others, and in another order on more threads.
template <class Model> void check_company(const Model& model, bool row_a_text) {
  ef::TokenBatch batch, types;
  for (ef::Index i = 0; i < 11; ++i) {
    batch.push_back(some_tokens(1 + 37 * i % 131, 61, i));
    types.emplace_back(batch.back().size(), 0);
    std::fill(types.back().begin() + static_cast<std::ptrdiff_t>(types.back().size() / 2), types.back().end(),
              1);
  }
  const ef::TokenBatch reversed(batch.rbegin(), batch.rend()), its_types(types.rbegin(), types.rend());
  const ef::Matrix<float> together = model(batch, types);
  CHECK(together.allFinite());
  const ef::Ragged layout(batch), its_layout(reversed);
  const auto rows_of = [&](const ef::Matrix<float>& all, const ef::Ragged& of, ef::Index s) {
    return ef::Matrix<float>(row_a_text ? all.middleRows(s, 1) : all.middleRows(of.begin(s), of.length(s)));
  };
  for (const int count : {1, 2, 3}) {
    ef::Threads threads(count);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    const ef::Matrix<float> other = model(reversed, run, nullptr, its_types);
    for (ef::Index s = 0; s < layout.sequences(); ++s) {
      const auto i = static_cast<std::size_t>(s);
      const ef::Matrix<float> here = rows_of(together, layout, s);
      CHECK(model({batch[i]}, run, nullptr, {types[i]}) == here);
      CHECK(rows_of(other, its_layout, layout.sequences() - 1 - s) == here);
    }
  }
}

}  // namespace

TEST_CASE(
    "what a head says of a text does not depend on the other texts, their order or threads, to the bit") {
  check_company(support::lively<float, ef::MaskedLM>(tiny::bert()), false);
  check_company(support::lively<float, ef::Classifier>(tiny::bert()), true);
  check_company(support::lively<float, ef::Tagger>(tiny::bert()), false);
}

TEST_CASE("hidden states of another batch than the layout's are refused") {
  const auto classifier = support::lively<float, ef::Classifier>(tiny::bert());
  const ef::TokenBatch batch{some_tokens(7, 61, 1), some_tokens(4, 61, 2)}, other{some_tokens(7, 61, 1)};
  ef::alone([&](ef::Run& run) {
    const auto& encoder = static_cast<const ef::Encoder<float>&>(classifier);
    const ef::Matrix<float> hidden = encoder(other, run);
    CHECK_THROWS_WITH_AS(classifier.pooled(run, hidden, ef::Ragged(batch)),
                         doctest::Contains("7 rows of hidden states for the 11 tokens"), ef::InputError);
    CHECK_THROWS_AS(classifier.logits(run, hidden, ef::Ragged(batch)), ef::InputError);
    return hidden;
  });
}

TEST_CASE("every token sees those after it, and a trace changes nothing") {
  const auto encoder = support::lively<double, ef::Encoder>(tiny::bert());
  auto tokens = some_tokens(9, 61);
  ef::Trace<double> trace;
  const ef::Matrix<double> before = ef::alone([&](ef::Run& run) { return encoder({tokens}, run, &trace); });
  CHECK(before == encoder({tokens}));
  CHECK(trace.hidden_states.back() == before);
  tokens.back() = (tokens.back() + 1) % 61;
  CHECK((encoder({tokens}).row(0) - before.row(0)).cwiseAbs().maxCoeff() > 1e-6);
}

TEST_CASE("token types add their embedding, and none given are all of type 0") {
  const auto encoder = support::lively<double, ef::Encoder>(tiny::bert());
  const auto tokens = some_tokens(5, 61);
  const ef::TokenBatch zeros{{0, 0, 0, 0, 0}}, pair{{0, 0, 0, 1, 1}};
  CHECK(encoder({tokens}) == encoder({tokens}, zeros));
  CHECK((encoder({tokens}) - encoder({tokens}, pair)).cwiseAbs().maxCoeff() > 1e-6);
}

TEST_CASE("a batch of nothing gives no rows") {
  const auto encoder = support::lively<double, ef::Encoder>(tiny::bert());
  CHECK(encoder(ef::TokenBatch{}).rows() == 0);
}

TEST_CASE("heads give a row a token or a row a text, and need their labels") {
  const ef::TokenBatch batch{some_tokens(7, 61, 1), some_tokens(4, 61, 2)};
  CHECK(support::lively<float, ef::MaskedLM>(tiny::bert())(batch).cols() == 61);
  const auto classifier = support::lively<float, ef::Classifier>(tiny::bert());
  const auto tagger = support::lively<float, ef::Tagger>(tiny::bert());
  CHECK(classifier(batch).rows() == 2);
  CHECK(classifier(batch).cols() == 3);
  CHECK(tagger(batch).rows() == 11);
  CHECK(tagger.labels() == std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"});
  const auto parameters = [&] { return ef::zero_parameters<float>(tagger.config()); };
  CHECK_THROWS_WITH_AS(ef::Tagger<float>(tagger.config(), parameters(), {"O", "B"}),
                       doctest::Contains("2 names for 3 labels"), ef::ConfigError);
  CHECK_THROWS_AS(ef::Classifier<float>(tagger.config(), parameters(), {"a", "b", "c"}), ef::ConfigError);
}

}  // namespace model_encoder
