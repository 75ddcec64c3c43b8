#include <eigenformer/train/span_corruption.hpp>

#include <cmath>
#include <string>

#include <doctest/doctest.h>

namespace train_span_corruption {

namespace ef = eigenformer;
using ef::Index;
using Tokens = std::vector<ef::Token>;

namespace {

const ef::SpanCorruption usual{.vocab_size = 32100};

Tokens text(Index length) {
  Tokens tokens;
  for (Index i = 0; i < length; ++i) tokens.push_back(static_cast<ef::Token>(100 + i));
  return tokens;
}

}  // namespace

TEST_CASE("a corrupted input and its target are the text again") {
  ef::TokenBatch texts;
  for (const Index length : {1, 2, 3, 5, 17, 64, 200, 512}) texts.push_back(text(length));
  for (const double density : {0.15, 0.5, 0.9}) {
    const ef::SpanCorruption c{.vocab_size = 32100, .noise_density = density, .mean_span_length = 3};
    const ef::TrainingBatch batch = ef::span_corruption_batch(texts, c, ef::Seed{5}, 40);
    std::size_t row = 0;
    for (std::size_t s = 0; s < texts.size(); ++s) {
      const Tokens labels(batch.labels.begin() + static_cast<Index>(row),
                          batch.labels.begin() + static_cast<Index>(row + batch.targets[s].size()));
      row += labels.size();
      CHECK(batch.targets[s] == ef::shift_tokens_right(labels, c.start_token, c.pad_token));
      Tokens whole;
      ef::Token sentinel = 32099;
      for (const ef::Token token : batch.inputs[s]) {
        if (token != sentinel) {
          whole.push_back(token);
          continue;
        }
        auto at = std::find(labels.begin(), labels.end(), sentinel--);
        REQUIRE(at != labels.end());
        while (++at != labels.end() && *at != sentinel && *at != c.end_token) whole.push_back(*at);
      }
      CHECK(whole.back() == c.end_token);
      whole.pop_back();
      CHECK(whole == texts[s]);
    }
    CHECK(row == batch.labels.size());
  }
}

TEST_CASE(
    "masks have exactly the noise they should, and each place is noise as often as another of its kind") {
  constexpr Index length = 40, draws = 20000;  // 6 tokens of noise in 2 spans
  std::vector<double> noise(length);
  for (Index d = 0; d < draws; ++d) {
    ef::Draws numbers(ef::Seed{9}, ef::Purpose::span_corruption, static_cast<std::uint64_t>(d));
    const std::vector<bool> mask = ef::noise_mask(length, usual, numbers);
    REQUIRE(mask.size() == 40);
    Index tokens = 0, spans = 0;
    for (std::size_t i = 0; i < mask.size(); ++i) {
      tokens += mask[i];
      spans += mask[i] && !mask[i - 1];
      noise[i] += mask[i];
    }
    CHECK(tokens == 6);
    CHECK(spans == 2);
    CHECK(!mask[0]);
  }
  // The last span ends the text. The cut of 6 tokens of noise in two is any of 5, so place 40 − k is noise
  // by the last span with probability (6 − k) / 5; the first span starts after 1 … 33 tokens of text.
  const auto expected = [](Index i) {
    double p = 0;
    for (Index first = 1; first <= 5; ++first)
      for (Index start = 1; start <= 33; ++start)
        p += (i >= start && i < start + first) || i >= length - (6 - first);
    return p / (5 * 33);
  };
  for (Index i = 0; i < length; ++i) {
    const double p = expected(i), sigma = std::sqrt(p * (1 - p) * draws);
    CHECK(std::fabs(noise[static_cast<std::size_t>(i)] - p * draws) <= 5 * sigma);
  }
}

TEST_CASE("an example is corrupted alike in any batch, and on every machine") {
  const ef::TokenBatch texts{text(30), text(50)};
  const ef::TrainingBatch both = ef::span_corruption_batch(texts, usual, ef::Seed{5}, 7);
  const ef::TrainingBatch second = ef::span_corruption_batch({texts[1]}, usual, ef::Seed{5}, 8);
  CHECK(second.inputs[0] == both.inputs[1]);
  CHECK(second.targets[0] == both.targets[1]);
  CHECK(ef::span_corruption_batch(texts, usual, ef::Seed{6}, 7).inputs != both.inputs);
  CHECK(ef::span_corruption_batch({text(40)}, usual, ef::Seed{1}, 0).labels ==
        Tokens{32099, 124, 125, 126, 127, 128, 32098, 139, 1});
}

TEST_CASE("span corruption says what it cannot do") {
  const auto fails = [](const auto& change) {
    ef::SpanCorruption c = usual;
    change(c);
    CHECK_THROWS_AS(ef::span_corruption_batch({text(20)}, c, ef::Seed{1}, 0), ef::ConfigError);
  };
  fails([](auto& c) { c.noise_density = 0; });
  fails([](auto& c) { c.noise_density = 1; });
  fails([](auto& c) { c.noise_density = NAN; });
  fails([](auto& c) { c.mean_span_length = 0.5; });
  fails([](auto& c) { c.mean_span_length = INFINITY; });
  fails([](auto& c) { c.vocab_size = 50; });
  fails([](auto& c) { c.sentinels = 0; });
  fails([](auto& c) { c.end_token = 32100; });
  fails([](auto& c) { c.pad_token = -1; });
  CHECK_THROWS_AS(ef::corrupted_lengths(1), ef::InputError);
  CHECK_THROWS_AS(ef::corrupted_lengths(100, 1.0), ef::ConfigError);
  CHECK_THROWS_AS(ef::span_corruption_batch({}, usual, ef::Seed{1}, 0), ef::InputError);
  CHECK_THROWS_AS(ef::span_corruption_batch({{}}, usual, ef::Seed{1}, 0), ef::InputError);
  CHECK_THROWS_AS(ef::span_corruption_batch({text(3000)}, usual, ef::Seed{1}, 0), ef::InputError);
}

}  // namespace train_span_corruption
