#include "support/matrices.hpp"
#include <eigenformer/core/members.hpp>

#include <doctest/doctest.h>

namespace core_weight {

namespace ef = eigenformer;
using support::random_matrix;

TEST_CASE("an owned weight holds its matrix, and zeros where only a shape was given") {
  const auto values = random_matrix<float>(3, 4, 1);
  ef::Weight<float> w(values);
  CHECK(w.rows() == 3);
  CHECK(w.cols() == 4);
  CHECK(w.size() == 12);
  CHECK(w.format() == ef::Format::f32);
  CHECK(support::same_bits<float>(w.dense(), values));
  w.values()(1, 2) = 9;
  CHECK(w.dense()(1, 2) == 9);
  CHECK(ef::Weight<double>(2, 2).dense() == ef::Matrix<double>::Zero(2, 2));
  CHECK(ef::Weight<double>().empty());
}

TEST_CASE_TEMPLATE("a borrowed weight reads each element of its format exactly", T, float, ef::bfloat16,
                   ef::half) {
  std::vector<T> stored;
  for (int i = 0; i < 6; ++i) stored.push_back(T(0.1f + static_cast<float>(i)));
  const auto w = ef::Weight<float>::borrow(ef::format_of<T>, stored.data(), 2, 3, nullptr);
  float row[3];
  w.row(1, row);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(row[c] == static_cast<float>(stored[3 + c]));
    CHECK(w.dense()(0, static_cast<ef::Index>(c)) == static_cast<float>(stored[c]));
  }
}

TEST_CASE("what a weight borrows from lives as long as the weight or a copy of it") {
  auto owner = std::make_shared<const std::vector<float>>(6, 2.0f);
  const std::weak_ptr<const std::vector<float>> watch = owner;
  const float* const data = owner->data();
  auto w = ef::Weight<float>::borrow(ef::Format::f32, data, 2, 3, std::move(owner));
  ef::Weight<float> copy = w.copy();
  w = ef::Weight<float>();
  CHECK(!watch.expired());
  copy.with_elements([&](const auto* elements) { CHECK(static_cast<const void*>(elements) == data); });
  CHECK(copy.dense()(1, 2) == 2.0f);
  copy = ef::Weight<float>(1, 1);
  CHECK(watch.expired());
}

TEST_CASE("a mapped weight cannot be changed in place, and a format that cannot be read is not borrowed") {
  const std::vector<double> data(4, 1.0);
  auto w = ef::Weight<double>::borrow(ef::Format::f64, data.data(), 2, 2, nullptr);
  CHECK_THROWS_AS(w.values(), ef::InputError);
  CHECK_THROWS_AS(ef::Weight<float>::borrow(ef::Format::f64, data.data(), 2, 2, nullptr), ef::InputError);
  CHECK_THROWS_AS(ef::Weight<double>::borrow(ef::Format::f16, data.data(), 2, 2, nullptr), ef::InputError);
  CHECK(ef::Weight<float>::can_borrow(ef::Format::bf16));
  CHECK(!ef::Weight<double>::can_borrow(ef::Format::bf16));
}

TEST_CASE("a copy of an owned weight has memory of its own, and a moved-from weight is empty") {
  ef::Weight<float> w(random_matrix<float>(2, 2, 2));
  ef::Weight<float> copy = w.copy();
  copy.values()(0, 0) = 5;
  CHECK(w.dense()(0, 0) != 5);
  const ef::Weight<float> moved(std::move(w));
  CHECK(w.empty());
  CHECK(moved.size() == 4);
}

}  // namespace core_weight
