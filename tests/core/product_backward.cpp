#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/core/product_backward.hpp>

#include <doctest/doctest.h>

namespace core_product_backward {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::random_matrix;

TEST_CASE_TEMPLATE("gradients of products are those sums, added, with the same bits on any number of threads",
                   S, float, double) {
  const double most = sizeof(S) == 8 ? 1e-14 : 1e-5;
  Machine one(1), several(3);
  struct Shape {
    Index rows, out, in;
  };
  for (const Shape& s :
       {Shape{1, 1, 1}, {3, 5, 7}, {130, 50, 50}, {300, 33, 64}, {70, 300, 129}, {9, 260, 16}}) {
    CAPTURE(s.rows);
    const auto dy = random_matrix<S>(s.rows, s.out, 1), x = random_matrix<S>(s.rows, s.in, 2),
               w = random_matrix<S>(s.out, s.in, 3), dx = random_matrix<S>(s.rows, s.in, 4),
               dw = random_matrix<S>(s.out, s.in, 5);
    const ef::Weight<S> weight{ef::Matrix<S>(w)};
    ef::Matrix<S> dx1 = dx, dx3 = dx, dw1 = dw, dw3 = dw;
    ef::product_input_gradient<S>(one.run, weight, dy, dx1);
    ef::product_input_gradient<S>(several.run, weight, dy, dx3);
    ef::product_weight_gradient<S>(one.run, dy, x, dw1);
    ef::product_weight_gradient<S>(several.run, dy, x, dw3);
    const ef::Matrix<double> a = dy.template cast<double>();
    CHECK(support::distance<S>(dx1, dx.template cast<double>() + a * w.template cast<double>()) < most);
    CHECK(support::distance<S>(dw1, dw.template cast<double>() + a.transpose() * x.template cast<double>()) <
          most);
    CHECK(support::same_bits<S>(dx1, dx3));
    CHECK(support::same_bits<S>(dw1, dw3));
    ef::Matrix<S> alone = dx.row(s.rows - 1);
    ef::product_input_gradient<S>(one.run, weight, dy.row(s.rows - 1), alone);
    CHECK(support::same_bits<S>(alone, dx1.row(s.rows - 1)));
  }
}

TEST_CASE("a gradient passes through a weight that is stored in half precision") {
  Machine machine;
  std::vector<ef::bfloat16> stored;
  ef::Matrix<float> w = random_matrix<float>(40, 37, 1);
  for (Index i = 0; i < w.size(); ++i) {
    stored.push_back(ef::bfloat16(w.data()[i]));
    w.data()[i] = static_cast<float>(stored.back());
  }
  const auto borrowed = ef::Weight<float>::borrow(ef::Format::bf16, stored.data(), 40, 37, nullptr);
  const auto dy = random_matrix<float>(6, 40, 2);
  ef::Matrix<float> a = ef::Matrix<float>::Zero(6, 37), b = a;
  ef::product_input_gradient<float>(machine.run, borrowed, dy, a);
  ef::product_input_gradient<float>(machine.run, ef::Weight<float>(w), dy, b);
  CHECK(support::same_bits<float>(a, b));
}

TEST_CASE("a gradient passes through an int8 or int4 weight with the bits that its numbers have as floats") {
  Machine one(1), several(3);
  for (const ef::Format format : {ef::Format::int8, ef::Format::int4})
    for (const Index out : {5, 128, 300}) {
      CAPTURE(out);
      const auto w = random_matrix<float>(out, 70, 1), dy = random_matrix<float>(9, out, 2);
      const auto quantised =
          ef::Weight<float>::quantised(format, out, 70, [&](Index r) { return w.data() + r * 70; });
      ef::Matrix<float> a = random_matrix<float>(9, 70, 3), b = a, c = a;
      ef::product_input_gradient<float>(one.run, quantised, dy, a);
      ef::product_input_gradient<float>(several.run, quantised, dy, b);
      ef::product_input_gradient<float>(one.run, ef::Weight<float>(quantised.dense()), dy, c);
      CHECK(support::same_bits<float>(a, b));
      CHECK(support::same_bits<float>(a, c));
    }
}

}  // namespace core_product_backward
