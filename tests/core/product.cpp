#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/core/product.hpp>

#include <doctest/doctest.h>

namespace core_product {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::random_matrix;
using support::same_bits;

namespace {

template <class S>
ef::Matrix<S> times(const ef::Weight<S>& w, const ef::Matrix<S>& x, Machine& machine,
                    const ef::Epilogue<S>& epilogue = {}) {
  ef::Matrix<S> y = ef::Matrix<S>::Constant(x.rows(), w.rows(), S(0.5));
  ef::product<S>(machine.run, w, x, epilogue, y);
  return y;
}

/// Sums whose error exceeds what k roundings of their terms can add up to.
template <class S> int wrong_sums(const ef::Matrix<S>& x, const ef::Matrix<S>& w, const ef::Matrix<S>& y) {
  const double unit = std::numeric_limits<S>::epsilon();
  int wrong = 0;
  for (Index r = 0; r < x.rows(); ++r)
    for (Index j = 0; j < w.rows(); ++j) {
      long double sum = 0, size = 0;
      for (Index i = 0; i < x.cols(); ++i) {
        const long double term = static_cast<long double>(x(r, i)) * static_cast<long double>(w(j, i));
        sum += term;
        size += std::abs(term);
      }
      const auto bound = static_cast<double>(size) * unit * static_cast<double>(x.cols());
      wrong += !(std::abs(static_cast<double>(static_cast<long double>(y(r, j)) - sum)) <= bound);
    }
  return wrong;
}

constexpr Index inner[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 31, 32, 33, 48, 65, 100, 257};

template <class S> void check_all_shapes() {
  Machine machine;
  for (const Index k : inner) {
    CAPTURE(k);
    const auto x = random_matrix<S>(70, k, 1), w = random_matrix<S>(70, k, 2);
    const ef::Matrix<S> all = times<S>(ef::Weight<S>(w), x, machine);
    CHECK(wrong_sums<S>(x, w, all) == 0);
    int different = 0;
    for (Index rows = 1; rows <= 70; ++rows)
      for (Index n = 1; n <= 70; n += rows % 8 == 1 ? 1 : 13) {
        const ef::Matrix<S> some =
            times<S>(ef::Weight<S>(ef::Matrix<S>(w.topRows(n))), x.bottomRows(rows), machine);
        different += !same_bits<S>(some, all.bottomLeftCorner(rows, n));
      }
    CHECK(different == 0);
  }
}

template <class S> void check_epilogues() {
  Machine machine;
  for (const Index k : {3, 16, 37, 200})
    for (const Index rows : {1, 2, 3, 4, 7, 65})
      for (const Index n : {1, 5, 16, 17, 35}) {
        const auto x = random_matrix<S>(rows, k, 3), w = random_matrix<S>(n, k, 4);
        const auto bias = random_matrix<S>(1, n, 5);
        const ef::Weight<S> weight{ef::Matrix<S>(w)};
        const ef::Matrix<S> sums = times<S>(weight, x, machine);
        ef::Matrix<S> biased = sums;
        for (Index r = 0; r < rows; ++r) biased.row(r) += bias;
        const ef::Matrix<S> before = ef::Matrix<S>::Constant(rows, n, S(0.5));
        CHECK(same_bits<S>(times<S>(weight, x, machine, {bias.data(), false}), biased));
        CHECK(same_bits<S>(times<S>(weight, x, machine, {nullptr, true}), before + sums));
        CHECK(same_bits<S>(times<S>(weight, x, machine, {bias.data(), true}), before + biased));
      }
}

}  // namespace

TEST_CASE("a product is the naive sum within rounding, and a row's bits are those it has in any batch") {
  check_all_shapes<float>();
  check_all_shapes<double>();
}

TEST_CASE_TEMPLATE("sums that are carried in parts, through fewer columns at a time, are of one order too", S,
                   float, double) {
  Machine machine;
  for (const Index k : {769, 1500, 3072, 9001}) {
    CAPTURE(k);
    const auto x = random_matrix<S>(67, k, 1), w = random_matrix<S>(103, k, 2);
    const ef::Matrix<S> all = times<S>(ef::Weight<S>(w), x, machine);
    if (k < 3000) CHECK(wrong_sums<S>(x, w, all) == 0);
    for (const Index rows : {1, 2, 4, 5, 8, 33})
      for (const Index n : {1, 50, 103}) {
        const ef::Matrix<S> some =
            times<S>(ef::Weight<S>(ef::Matrix<S>(w.topRows(n))), x.bottomRows(rows), machine);
        CHECK(same_bits<S>(some, all.bottomLeftCorner(rows, n)));
      }
  }
}

TEST_CASE("a bias is added to the sum, and then the sum to what was there") {
  check_epilogues<float>();
  check_epilogues<double>();
}

TEST_CASE_TEMPLATE(
    "weights of 16 bits give the bits of the same weights in float, wherever a vector fits in a row", T,
    ef::bfloat16, ef::half) {
  std::vector<Index> depths(std::begin(inner), std::end(inner));
  depths.push_back(1100);  // which one row reads column after column
  Machine machine;
  for (const Index k : depths)
    for (const Index rows : {1, 2, 3, 6, 33})
      for (const Index n : {1, 4, 16, 19, 50}) {
        const auto x = random_matrix<float>(rows, k, 6), w = random_matrix<float>(n, k, 7);
        std::vector<T> stored;
        for (Index i = 0; i < w.size(); ++i) stored.push_back(T(w.data()[i]));
        const auto narrow = ef::Weight<float>::borrow(ef::format_of<T>, stored.data(), n, k, nullptr);
        const ef::Weight<float> wide(narrow.dense());
        const ef::Matrix<float> y = times<float>(narrow, x, machine);
        CHECK(wrong_sums<float>(x, wide.dense(), y) == 0);
        if (k >= ef::lanes::count<float>) CHECK(same_bits<float>(y, times<float>(wide, x, machine)));
      }
}

TEST_CASE_TEMPLATE("any number of threads gives the same bits", S, float, double) {
  for (const Index rows : {1, 2, 5, 64, 65, 130})
    for (const Index n : {1, 16, 100, 1003}) {
      const auto x = random_matrix<S>(rows, 515, 8);
      const ef::Weight<S> w(random_matrix<S>(n, 515, 9));
      Machine one;
      const ef::Matrix<S> expected = times<S>(w, x, one);
      for (const int count : {2, 3, 5}) {
        Machine several(count);
        CHECK(same_bits<S>(times<S>(w, x, several), expected));
      }
    }
}

TEST_CASE("a product of views reads and writes nothing outside them") {
  Machine machine;
  for (const Index rows : {1, 3, 66}) {
    const auto wide = random_matrix<float>(rows, 60, 10);
    const auto w = random_matrix<float>(21, 37, 11);
    const ef::Matrix<float> expected = times<float>(ef::Weight<float>(w), wide.middleCols(9, 37), machine);
    ef::Matrix<float> y = ef::Matrix<float>::Constant(rows, 40, 7.0f);
    ef::product<float>(machine.run, ef::Weight<float>(w), wide.middleCols(9, 37), {}, y.middleCols(8, 21));
    CHECK(same_bits<float>(y.middleCols(8, 21), expected));
    CHECK((y.leftCols(8).array() == 7.0f).all());
    CHECK((y.rightCols(11).array() == 7.0f).all());
  }
}

}  // namespace core_product
