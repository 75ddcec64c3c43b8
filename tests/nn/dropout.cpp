#include "support/matrices.hpp"
#include <eigenformer/nn/dropout.hpp>

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

namespace nn_dropout {

namespace ef = eigenformer;
using ef::Index;
using M = ef::Matrix<double>;

namespace {

M mask(const ef::Dropout& drop, Index rows, Index columns, int threads = 1) {
  ef::Threads workers(threads);
  ef::Workspace workspace;
  ef::Run run{workers, workspace};
  M m = M::Ones(rows, columns);
  drop.apply<double>(run, m);
  return m;
}

}  // namespace

TEST_CASE("a mask keeps its share of the numbers, multiplied so that the mean stays, within five sigma") {
  for (const double rate : {0.1, 0.5, 0.9}) {
    CAPTURE(rate);
    const M m = mask({rate, ef::Seed{3}, 17}, 1000, 500);
    const double kept = static_cast<double>((m.array() != 0).count()), n = 500000;
    CHECK((m.array() == 0 || (m.array() - 1 / (1 - rate)).abs() < 1e-15).all());
    const double sigma = std::sqrt(n * rate * (1 - rate));
    CHECK(std::fabs(kept - n * (1 - rate)) < 5 * sigma);
    // neighbours, in a row and in a column, are independent
    const auto pairs = [&](const M& a, const M& b) {
      const double both = static_cast<double>((a.array() * b.array() != 0).count()),
                   p = (1 - rate) * (1 - rate), size = static_cast<double>(a.size());
      CHECK(std::fabs(both - size * p) < 5 * std::sqrt(size * p * (1 - p)) * 1.5);
    };
    pairs(m.leftCols(499), m.rightCols(499));
    pairs(m.topRows(999), m.bottomRows(999));
    pairs(m.leftCols(468), m.rightCols(468));  // from one draw of columns to the next
  }
}

TEST_CASE("the bits of a mask are those of Philox at the counter of row and column") {
  const ef::Dropout drop(0.5, ef::Seed{0x123456789abcdef0}, 0xfedcba9876543210);
  const M m = mask(drop, 3, 77);
  for (std::uint32_t r = 0; r < 3; ++r)
    for (std::uint32_t c = 0; c < 77; ++c) {
      const auto bits = ef::philox({c / 32 * 8 + c % 8, r, 0x76543210, 0xfedcba98}, {0x9abcdef0, 0x12345678});
      CHECK((m(r, c) != 0) == (bits[c % 32 / 8] >= 0x80000000));
    }
}

TEST_CASE("a mask is the same on any number of threads, and for any part of a row") {
  const ef::Dropout drop(0.3, ef::Seed{3}, 17);
  const M whole = mask(drop, 200, 100);
  CHECK(support::same_bits(whole, mask(drop, 200, 100, 3)));
  for (const Index first : {0, 1, 31, 32, 45})
    for (const Index n : {1, 2, 31, 33, 55}) {
      M part = M::Ones(1, n);
      drop.apply(150, first, n, part.data());
      CHECK(support::same_bits(part, M(whole.block(150, first, 1, n))));
    }
}

TEST_CASE("seed, pass, place, stack and layer each give another mask; without a rate there is none") {
  ef::DropoutPass pass{{.embeddings = 0.5, .attention = 0.5, .branches = 0.5}, ef::Seed{1}, 5};
  std::vector<M> masks;
  const auto add = [&](const ef::DropoutPass& p, ef::DropoutPlace place, bool decoder, Index layer) {
    masks.push_back(mask(p.at(place, decoder, layer), 8, 64));
  };
  add(pass, ef::DropoutPlace::embeddings, true, 0);
  add(pass, ef::DropoutPlace::attention, true, 0);
  add(pass, ef::DropoutPlace::cross_attention, true, 0);
  add(pass, ef::DropoutPlace::attention_branch, true, 0);
  add(pass, ef::DropoutPlace::cross_branch, true, 0);
  add(pass, ef::DropoutPlace::feed_forward_branch, true, 0);
  add(pass, ef::DropoutPlace::attention, false, 0);
  add(pass, ef::DropoutPlace::attention, true, 1);
  pass.number = 6;
  add(pass, ef::DropoutPlace::attention, true, 0);
  pass.number = 1u << 31;
  add(pass, ef::DropoutPlace::attention, true, 0);
  pass.seed = ef::Seed{2};
  add(pass, ef::DropoutPlace::attention, true, 0);
  for (std::size_t a = 0; a < masks.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) CHECK(!support::same_bits(masks[a], masks[b]));
  pass.rates.attention = 0;
  CHECK(!pass.at(ef::DropoutPlace::attention, true, 0).on());
  CHECK(!ef::Dropout().on());
}

TEST_CASE("rates that are no rates are refused") {
  for (const double rate : {-0.1, 1.0, 2.0, static_cast<double>(NAN)}) {
    CHECK_THROWS_AS(ef::validate(ef::DropoutRates{.embeddings = rate}), ef::ConfigError);
    CHECK_THROWS_AS(ef::validate(ef::DropoutRates{.attention = rate}), ef::ConfigError);
    CHECK_THROWS_AS(ef::validate(ef::DropoutRates{.branches = rate}), ef::ConfigError);
  }
}

}  // namespace nn_dropout
