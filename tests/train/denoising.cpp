#include <eigenformer/train/denoising.hpp>

#include <cmath>
#include <map>

#include <doctest/doctest.h>

namespace train_denoising {

namespace ef = eigenformer;
using ef::Index;
using Tokens = std::vector<ef::Token>;

namespace {

constexpr ef::Token mask = 3, stop = 4;
const ef::Denoising usual{.mask_token = mask, .vocab_size = 5000, .sentence_ends = {stop}};

Tokens text(Index length) {
  Tokens tokens;
  for (Index i = 0; i < length; ++i) tokens.push_back(static_cast<ef::Token>(10 + i));
  return tokens;
}
ef::Draws draws(std::uint64_t number) { return ef::Draws(ef::Seed{2}, ef::Purpose::denoising, number); }

}  // namespace

TEST_CASE("Poisson numbers have their probabilities, cut where asked") {
  constexpr int count = 100000;
  ef::Draws numbers = draws(0);
  std::vector<double> found(30);
  for (int i = 0; i < count; ++i) found[static_cast<std::size_t>(numbers.poisson(3.0, 29))] += 1;
  double p = std::exp(-3.0);
  for (int n = 0; n < 12; p *= 3.0 / ++n) {
    CAPTURE(n);
    CHECK(std::fabs(found[static_cast<std::size_t>(n)] - p * count) < 5 * std::sqrt(p * (1 - p) * count));
  }
  for (int i = 0; i < 100; ++i) CHECK(numbers.poisson(3.0, 2) <= 2);
}

TEST_CASE("permutations and choices are fair") {
  std::map<std::vector<Index>, double> orders;
  std::map<std::vector<bool>, double> choices;
  ef::Draws numbers = draws(1);
  for (int i = 0; i < 24000; ++i) ++orders[numbers.permutation(4)];
  for (int i = 0; i < 10000; ++i) ++choices[numbers.choose(2, 5)];
  CHECK(orders.size() == 24);
  CHECK(choices.size() == 10);
  for (const auto& [order, n] : orders) CHECK(std::fabs(n - 1000) < 5 * std::sqrt(1000.0));
  for (const auto& [choice, n] : choices) CHECK(std::fabs(n - 1000) < 5 * std::sqrt(1000.0));
}

TEST_CASE("infilling replaces a share of the tokens by one mask a span, and inserts some") {
  const Tokens whole = text(100);
  double spans = 0, inserted = 0;
  constexpr int count = 2000;
  for (int i = 0; i < count; ++i) {
    ef::Draws numbers = draws(static_cast<std::uint64_t>(i));
    const Tokens damaged = ef::infill(whole, mask, 0.3, 3.0, numbers);
    Index kept = 0, masks = 0;
    ef::Token last = 9;
    for (const ef::Token token : damaged)
      if (token == mask) {
        ++masks;
      } else {
        CHECK(token > last);  // in the order of the text
        last = token;
        ++kept;
      }
    CHECK(kept == 70);
    spans += static_cast<double>(masks);
    for (std::size_t k = 1; k + 1 < damaged.size(); ++k)  // a mask between neighbours stands for nothing
      inserted += damaged[k] == mask && damaged[k - 1] != mask && damaged[k + 1] == damaged[k - 1] + 1;
  }
  // 30 tokens in spans of mean 3 whose last is cut: renewals, 30 / 3 + (3 + 9) / 18 of them on average
  CHECK(std::fabs(spans / count - (10 + 12.0 / 18)) < 0.2);
  // e⁻³ of all spans hold nothing; 70 of 80.7 neighbours on each side are tokens
  const double expected = spans * std::exp(-3.0) * (70 / 80.7) * (69 / 79.7);
  CHECK(std::fabs(inserted - expected) < 5 * std::sqrt(expected));
  ef::Draws numbers = draws(3);
  CHECK(ef::infill(whole, mask, 0.0, 3.0, numbers) == whole);
  for (const ef::Token token : ef::infill(whole, mask, 1.0, 3.0, numbers)) CHECK(token == mask);
}

TEST_CASE("sentences change places whole") {
  const Tokens whole{10, 11, stop, 20, stop, stop, 30, 31, 32, stop, 40};  // the last has no end
  const std::map<ef::Token, Tokens> sentences{
      {10, {10, 11, stop}}, {20, {20, stop, stop}}, {30, {30, 31, 32, stop}}, {40, {40}}};
  std::map<Tokens, double> orders;
  for (int i = 0; i < 2400; ++i) {
    ef::Draws numbers = draws(static_cast<std::uint64_t>(i));
    const Tokens other = ef::permute_sentences(whole, Tokens{stop}, 1.0, numbers);
    REQUIRE(other.size() == whole.size());
    for (std::size_t at = 0; at < other.size();) {
      REQUIRE(sentences.count(other[at]) == 1);
      for (const ef::Token token : sentences.at(other[at])) CHECK(other[at++] == token);
    }
    ++orders[other];
  }
  CHECK(orders.size() == 24);
  for (const auto& [order, n] : orders) CHECK(std::fabs(n - 100) < 50);
  int moved = 0;
  for (int i = 0; i < 100; ++i) {  // two of the four change places, or stay by chance
    ef::Draws numbers = draws(static_cast<std::uint64_t>(i));
    const Tokens other = ef::permute_sentences(whole, Tokens{stop}, 0.5, numbers);
    CHECK(Tokens(other).size() == whole.size());
    moved += other != whole;
  }
  CHECK(moved > 25);
  CHECK(moved < 75);
}

TEST_CASE("deletion and rotation lose and turn what they should") {
  double kept = 0;
  for (int i = 0; i < 1000; ++i) {
    ef::Draws numbers = draws(static_cast<std::uint64_t>(i));
    kept += static_cast<double>(ef::delete_tokens(text(100), 0.2, numbers).size());
  }
  CHECK(std::fabs(kept - 80000) < 5 * std::sqrt(100000 * 0.2 * 0.8));
  ef::Draws numbers = draws(0);
  CHECK(ef::delete_tokens(text(5), 1.0, numbers) == Tokens{14});
  ef::Denoising turn = usual;
  turn.permute_sentences = turn.infilling = 0;
  turn.rotation = 1;
  std::map<ef::Token, int> starts;
  for (int i = 0; i < 1000; ++i) {
    ef::Draws own = draws(static_cast<std::uint64_t>(i));
    const Tokens turned = ef::damaged(text(5), turn, own);
    for (std::size_t k = 1; k < 5; ++k) CHECK(turned[k] == 10 + (turned[k - 1] - 10 + 1) % 5);
    ++starts[turned[0]];
  }
  CHECK(starts.size() == 5);
}

TEST_CASE("a denoising batch reads the damaged text and writes the whole one") {
  const ef::TokenBatch texts{text(30), text(50)};
  const ef::TrainingBatch batch = ef::denoising_batch(texts, usual, ef::Seed{5}, 7);
  CHECK(batch.inputs[0].front() == 0);
  CHECK(batch.inputs[1].back() == 2);
  Tokens labels{0};
  labels.insert(labels.end(), texts[0].begin(), texts[0].end());
  labels.push_back(2);
  CHECK(Tokens(batch.labels.begin(), batch.labels.begin() + 32) == labels);
  CHECK(batch.targets[0] == ef::shift_tokens_right(labels, 2, 1));
  CHECK(batch.inputs[0] != labels);
  const ef::TrainingBatch second = ef::denoising_batch({texts[1]}, usual, ef::Seed{5}, 8);
  CHECK(second.inputs[0] == batch.inputs[1]);
  CHECK(ef::denoising_batch(texts, usual, ef::Seed{6}, 7).inputs != batch.inputs);
  CHECK(ef::denoising_batch({text(12)}, usual, ef::Seed{1}, 0).inputs[0] ==
        Tokens{0, 10, 11, 12, 13, 3, 16, 17, 18, 19, 3, 2});
}

TEST_CASE("denoising says what it cannot do") {
  const auto fails = [](const auto& change) {
    ef::Denoising d = usual;
    change(d);
    CHECK_THROWS_AS(ef::denoising_batch({text(20)}, d, ef::Seed{1}, 0), ef::ConfigError);
  };
  fails([](auto& d) { d.infilling = 1.1; });
  fails([](auto& d) { d.permute_sentences = -1; });
  fails([](auto& d) { d.deletion = NAN; });
  fails([](auto& d) { d.rotation = 2; });
  fails([](auto& d) { d.mean_span_length = 0; });
  fails([](auto& d) { d.mask_token = -1; });
  fails([](auto& d) { d.start_token = 5000; });
  fails([](auto& d) { d.begin_token = -2; });
  CHECK_THROWS_AS(ef::denoising_batch({}, usual, ef::Seed{1}, 0), ef::InputError);
  CHECK_THROWS_AS(ef::denoising_batch({{10}, {}}, usual, ef::Seed{1}, 0), ef::InputError);
}

}  // namespace train_denoising
