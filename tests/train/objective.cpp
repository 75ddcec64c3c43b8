#include <eigenformer/train/objective.hpp>

#include <string>

#include <doctest/doctest.h>

namespace train_objective {

namespace ef = eigenformer;
using Tokens = std::vector<ef::Token>;
constexpr ef::Token none = ef::ignored_label;

TEST_CASE("nothing shifted right is nothing") { CHECK(ef::shift_tokens_right({}, 1, 2).empty()); }

TEST_CASE("a causal batch asks for the next tokens") {
  const ef::TrainingBatch batch = ef::causal_batch({{5, 8, 13}, {3}, {21, 34}});
  CHECK(batch.inputs == ef::TokenBatch{{5, 8, 13}, {3}, {21, 34}});
  CHECK(batch.labels == Tokens{8, 13, none, none, 34, none});
  CHECK_THROWS_AS(ef::causal_batch({}), ef::InputError);
  CHECK_THROWS_AS(ef::causal_batch({{1, 2}, {}}), ef::InputError);
  CHECK_THROWS_AS(ef::causal_batch({{1}, {2}}), ef::InputError);
}

TEST_CASE("a pair's decoder is fed its labels one place later") {
  const ef::TrainingBatch batch = ef::pair_batch({{5, 8}, {13}}, {{1, 2, 9}, {none, 9}}, 7, 0);
  CHECK(batch.inputs == ef::TokenBatch{{5, 8}, {13}});
  CHECK(batch.targets == ef::TokenBatch{{7, 1, 2}, {7, 0}});
  CHECK(batch.labels == Tokens{1, 2, 9, none, 9});
  CHECK_THROWS_AS(ef::pair_batch({{5}}, {{1}, {2}}, 7, 0), ef::InputError);
  CHECK_THROWS_AS(ef::pair_batch({{5}}, {{}}, 7, 0), ef::InputError);
  CHECK_THROWS_AS(ef::pair_batch({{}}, {{1}}, 7, 0), ef::InputError);
}

TEST_CASE("texts have one class each, and no other than there are") {
  const ef::TrainingBatch batch = ef::text_class_batch({{5, 8}, {13}}, {2, 0}, 3, {{0, 1}, {0}});
  CHECK(batch.labels == Tokens{2, 0});
  CHECK(batch.types == ef::TokenBatch{{0, 1}, {0}});
  CHECK_THROWS_AS(ef::text_class_batch({{5}}, {3}, 3), ef::InputError);
  CHECK_THROWS_AS(ef::text_class_batch({{5}}, {-1}, 3), ef::InputError);
  CHECK_THROWS_AS(ef::text_class_batch({{5}}, {0, 1}, 3), ef::InputError);
  CHECK_THROWS_AS(ef::text_class_batch({{}}, {0}, 3), ef::InputError);
}

TEST_CASE("the label of a word stands at its first token alone") {
  const ef::TrainingBatch batch = ef::token_class_batch(
      {{101, 5, 6, 7, 102}, {101, 8, 102}}, {{-1, 0, 0, 1, -1}, {-1, 0, -1}}, {{4, 2}, {none}}, 5);
  CHECK(batch.labels == Tokens{none, 4, none, 2, none, none, none, none});
  const auto fails = [](const std::vector<std::vector<ef::Index>>& words, const std::vector<Tokens>& labels) {
    CHECK_THROWS_AS(ef::token_class_batch({{101, 5, 102}}, words, labels, 5), ef::InputError);
  };
  fails({{-1, 0, -1}}, {{5}});       // no such class
  fails({{-1, 1, -1}}, {{4}});       // a word without a label
  fails({{-1, 0}}, {{4}});           // too few word ids
  fails({{-1, 0, -1}}, {{4}, {4}});  // labels of two texts
  fails({}, {{4}});
}

}  // namespace train_objective
