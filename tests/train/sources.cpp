// Draws of windows and documents: what they hold, and that a step always gives the same.
#include "support/lively.hpp"
#include <eigenformer/train/sources.hpp>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <doctest/doctest.h>

namespace train_sources {

namespace ef = eigenformer;
using ef::Index;

namespace {

std::vector<ef::Token> counting(Index n) {
  std::vector<ef::Token> out(static_cast<std::size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

}  // namespace

TEST_CASE("windows are pieces of the text from every place, the same for the same step") {
  const ef::WindowDraws windows(counting(20), 6, 3, ef::Seed{4});
  const ef::WindowDraws again(counting(20), 6, 3, ef::Seed{4}), other(counting(20), 6, 3, ef::Seed{5});
  std::set<ef::Token> places;
  int differ = 0;
  for (Index step = 0; step < 100; ++step) {
    const auto drawn = windows(step);
    CHECK(drawn == again(step));
    differ += drawn != other(step);
    REQUIRE(drawn.size() == 3);
    for (const auto& window : drawn) {
      REQUIRE(window.size() == 6);
      for (std::size_t i = 1; i < 6; ++i) CHECK(window[i] == window[0] + static_cast<ef::Token>(i));
      places.insert(window[0]);
    }
  }
  CHECK(places.size() == 15);  // 0 … 14, the first and the last place included
  CHECK(differ > 90);
}

TEST_CASE("a text of exactly one window is drawn whole, a shorter one and none are refused") {
  CHECK(ef::WindowDraws(counting(6), 6, 2, ef::Seed{1})(9) == ef::TokenBatch{counting(6), counting(6)});
  CHECK_THROWS_WITH_AS(ef::WindowDraws(counting(5), 6, 2, ef::Seed{1}),
                       "the text has 5 tokens, fewer than the 6 that one window and the token after it take",
                       ef::InputError);
  CHECK_THROWS_WITH_AS(ef::WindowDraws({}, 6, 2, ef::Seed{1}), "the corpus is empty: it has no tokens",
                       ef::InputError);
  CHECK_THROWS_AS(ef::WindowDraws(counting(9), 0, 2, ef::Seed{1}), ef::ConfigError);
  CHECK_THROWS_AS(ef::WindowDraws(counting(9), 6, 0, ef::Seed{1}), ef::ConfigError);
}

TEST_CASE("every document is drawn once an epoch, in an order of its own, whatever the batch") {
  for (const Index batch : {1, 3, 7, 20}) {
    CAPTURE(batch);
    ef::ShuffledDraws draws(7, batch, ef::Seed{2});
    std::vector<Index> all;
    for (Index step = 0; static_cast<Index>(all.size()) < 21; ++step) {
      const auto drawn = draws(step);
      CHECK(static_cast<Index>(drawn.size()) == batch);
      all.insert(all.end(), drawn.begin(), drawn.end());
      CHECK(ef::ShuffledDraws(7, batch, ef::Seed{2})(step) == drawn);  // one that begins here
    }
    for (Index epoch = 0; epoch < 3; ++epoch) {
      std::vector<Index> one(all.begin() + 7 * epoch, all.begin() + 7 * epoch + 7);
      std::sort(one.begin(), one.end());
      CHECK(one == std::vector<Index>{0, 1, 2, 3, 4, 5, 6});
    }
    CHECK(!std::equal(all.begin(), all.begin() + 7, all.begin() + 7));
  }
  CHECK_THROWS_AS(ef::ShuffledDraws(0, 1, ef::Seed{1}), ef::InputError);
}

TEST_CASE("each of six orders of three documents comes about equally often") {
  ef::ShuffledDraws draws(3, 3, ef::Seed{8});
  std::map<std::vector<Index>, int> orders;
  for (Index step = 0; step < 6000; ++step) ++orders[draws(step)];
  CHECK(orders.size() == 6);
  for (const auto& [order, count] : orders) CHECK(std::abs(count - 1000) < 150);  // five deviations
}

TEST_CASE("documents come as they are, and of long ones every piece can come") {
  ef::DocumentDraws draws({counting(3), counting(8)}, 5, 2, ef::Seed{1});
  std::set<ef::Token> firsts;
  for (Index step = 0; step < 60; ++step) {
    auto drawn = draws(step);
    std::sort(drawn.begin(), drawn.end(), [](auto& a, auto& b) { return a.size() < b.size(); });
    CHECK(drawn[0] == counting(3));
    REQUIRE(drawn[1].size() == 5);
    CHECK(drawn[1][4] == drawn[1][0] + 4);
    firsts.insert(drawn[1][0]);
  }
  CHECK(firsts == std::set<ef::Token>{0, 1, 2, 3});
  CHECK_THROWS_WITH_AS(ef::DocumentDraws({counting(3), counting(1)}, 5, 2, ef::Seed{1}, 2),
                       "document 2 has 1 tokens, fewer than 2", ef::InputError);
  CHECK_THROWS_AS(ef::DocumentDraws({}, 5, 2, ef::Seed{1}), ef::InputError);
}

TEST_CASE("next tokens: every row of a batch counts") {
  const auto batch = ef::next_token_batch({{5, 6, 7}, {8, 9}});
  CHECK(batch.inputs == ef::TokenBatch{{5, 6}, {8}});
  CHECK(batch.labels == std::vector<ef::Token>{6, 7, 9});
  CHECK_THROWS_AS(ef::next_token_batch({{5, 6}, {8}}), ef::InputError);
}

TEST_CASE("consecutive pieces predict every token but the first once") {
  for (const Index length : {2, 3, 7, 11, 40})
    for (const Index n : {2, 3, 11, 12, 23}) {
      CAPTURE(length);
      CAPTURE(n);
      std::vector<ef::Token> predicted;
      for (const auto& piece : ef::consecutive_pieces(counting(n), length)) {
        REQUIRE(piece.size() >= 2);
        CHECK(static_cast<Index>(piece.size()) <= length);
        predicted.insert(predicted.end(), piece.begin() + 1, piece.end());
      }
      auto all = counting(n);
      all.erase(all.begin());
      CHECK(predicted == all);
    }
  CHECK_THROWS_AS(ef::consecutive_pieces(counting(1), 4), ef::InputError);
}

TEST_CASE("a fingerprint sees values, order and length, and is FNV-1a") {
  CHECK(ef::fingerprint(std::vector<ef::Token>{}) == 0xcbf29ce484222325);
  CHECK(ef::fingerprint(std::vector<ef::Token>{0x64636261}) == 0xfc179f83ee0724dd);  // of "abcd"
  const auto of = [](std::vector<ef::Token> t) { return ef::fingerprint(t); };
  CHECK(of({1, 2}) != of({2, 1}));
  CHECK(of({1, 2}) != of({1, 2, 0}));
}

}  // namespace train_sources
