#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/core/product.hpp>
#include <eigenformer/core/product_backward.hpp>

#include <doctest/doctest.h>

namespace core_eigen_product {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::random_matrix;

TEST_CASE_TEMPLATE("products and gradients handed to Eigen are those sums, for any number of threads", S,
                   float, double) {
  const double most = sizeof(S) == 8 ? 1e-14 : 1e-5;
  struct Shape {
    Index rows, out, in;
  };
  for (const Shape& s : {Shape{1, 1, 1}, {1, 172, 64}, {3, 5, 7}, {33, 50, 129}, {130, 300, 70}})
    for (const int count : {1, 3})
      for (const bool add : {false, true}) {
        CAPTURE(s.rows);
        Machine machine(count);
        machine.run.eigen_products = true;
        const auto x = random_matrix<S>(s.rows, s.in, 1), w = random_matrix<S>(s.out, s.in, 2),
                   dy = random_matrix<S>(s.rows, s.out, 3), bias = random_matrix<S>(1, s.out, 4);
        const ef::Weight<S> weight{ef::Matrix<S>(w)};
        ef::Matrix<S> y = dy, dx = x, dw = w;
        ef::product<S>(machine.run, weight, x, {bias.data(), add}, y);
        ef::product_input_gradient<S>(machine.run, weight, dy, dx);
        ef::product_weight_gradient<S>(machine.run, dy, x, dw);
        const ef::Matrix<double> a = x.template cast<double>(), b = w.template cast<double>(),
                                 d = dy.template cast<double>();
        ef::Matrix<double> expected = a * b.transpose();
        expected.rowwise() += bias.template cast<double>().row(0);
        if (add) expected += d;
        CHECK(support::distance<S>(y, expected) < most);
        CHECK(support::distance<S>(dx, a + d * b) < most);
        CHECK(support::distance<S>(dw, b + d.transpose() * a) < most);
      }
}

TEST_CASE("weights in another format keep the library's kernel, to the bit") {
  Machine own, eigen;
  eigen.run.eigen_products = true;
  const auto w = random_matrix<float>(19, 40, 1), x = random_matrix<float>(5, 40, 2);
  std::vector<ef::bfloat16> stored;
  for (Index i = 0; i < w.size(); ++i) stored.push_back(ef::bfloat16(w.data()[i]));
  const auto narrow = ef::Weight<float>::borrow(ef::Format::bf16, stored.data(), 19, 40, nullptr);
  ef::Matrix<float> a(5, 19), b(5, 19);
  ef::product<float>(own.run, narrow, x, {}, a);
  ef::product<float>(eigen.run, narrow, x, {}, b);
  CHECK(support::same_bits<float>(a, b));
}

}  // namespace core_eigen_product
