#include <eigenformer/train/mixture.hpp>

#include <stdexcept>

#include <doctest/doctest.h>

namespace train_mixture {

namespace ef = eigenformer;
using ef::Index;

namespace {

/// Sequences of one corpus: its number, then the count of the draw.
ef::MixtureDraws::Source corpus(ef::Token number, Index length) {
  return [=](Index i) {
    std::vector<ef::Token> out(static_cast<std::size_t>(length), number);
    out.back() = static_cast<ef::Token>(i);
    return out;
  };
}

}  // namespace

TEST_CASE("a mix draws from each corpus by its share, within five standard deviations") {
  constexpr double share = 0.5127;  // of BloombergGPT's financial text
  constexpr Index batch = 20, steps = 2000;
  ef::MixtureDraws mix({corpus(1, 3), corpus(2, 5)}, {share, 1 - share}, batch, ef::Seed{3});
  Index first = 0;
  for (Index step = 0; step < steps; ++step)
    for (const auto& sequence : mix(step)) first += sequence.size() == 3;
  const double n = batch * steps, deviation = std::sqrt(n * share * (1 - share));
  CHECK(std::abs(static_cast<double>(first) - n * share) < 5 * deviation);
  CHECK(std::abs(static_cast<double>(first) - n * 0.48) > 5 * deviation);  // so the test can tell
  CHECK(mix.tokens() == std::vector<Index>{3 * first, 5 * (batch * steps - first)});
}

TEST_CASE("a mix depends on seed and step alone, and every corpus is gone through in its order") {
  ef::MixtureDraws a({corpus(1, 3), corpus(2, 5)}, {0.3, 0.7}, 4, ef::Seed{1}),
      b({corpus(1, 3), corpus(2, 5)}, {0.3, 0.7}, 4, ef::Seed{1}),
      other({corpus(1, 3), corpus(2, 5)}, {0.3, 0.7}, 4, ef::Seed{2});
  std::vector<ef::TokenBatch> all;
  Index next[2] = {0, 0};
  bool differs = false;
  for (Index step = 0; step < 30; ++step) {
    all.push_back(a(step));
    differs = differs || other(step) != all.back();
    for (const auto& sequence : all.back()) CHECK(sequence.back() == next[sequence.front() - 1]++);
  }
  CHECK(differs);
  for (const Index step : {17, 18, 3, 29}) CHECK(b(step) == all[static_cast<std::size_t>(step)]);
}

TEST_CASE("a source that throws leaves the draws of the step as they were") {
  bool broken = false;
  const auto fragile = [&, source = corpus(2, 5)](Index n) {
    if (broken) throw std::runtime_error("the disk");
    return source(n);
  };
  ef::MixtureDraws mix({corpus(1, 3), fragile}, {0.5, 0.5}, 4, ef::Seed{1}),
      whole({corpus(1, 3), corpus(2, 5)}, {0.5, 0.5}, 4, ef::Seed{1});
  CHECK(mix(0) == whole(0));
  broken = true;
  CHECK_THROWS_AS(mix(1), std::runtime_error);
  broken = false;
  for (const Index step : {1, 2}) CHECK(mix(step) == whole(step));
}

TEST_CASE("mixes that cannot be are refused") {
  const auto bad = [](std::vector<double> shares, const char* why, Index batch = 1) {
    CHECK_THROWS_WITH_AS(ef::MixtureDraws({corpus(1, 2), corpus(2, 2)}, shares, batch, ef::Seed{}),
                         doctest::Contains(why), ef::ConfigError);
  };
  bad({0.5}, "1 for 2 corpora");
  bad({0.0, 1.0}, "share: must lie above 0");
  bad({-0.5, 1.5}, "share: must lie above 0");
  bad({0.5, 0.4}, "must sum to 1");
  bad({NAN, 0.5}, "share: must lie above 0");
  bad({0.5, 0.5}, "batch: must be at least 1", 0);
}

}  // namespace train_mixture
