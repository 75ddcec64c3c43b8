#include "support/matrices.hpp"
#include <eigenformer/core/mix_kernel.hpp>

#include <algorithm>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace core_mix_kernel {

namespace ef = eigenformer;
using ef::Index;
using support::random_matrix;

namespace {

template <class S>
ef::Matrix<S> mixed(const ef::Matrix<S>& p, const ef::Matrix<S>& v, const ef::Matrix<S>& y0) {
  ef::Matrix<S> y = y0;
  ef::mix_kernel<S>(p.data(), p.cols(), v.data(), v.cols(), p.rows(), p.cols(), v.cols(), y.data(), y.cols());
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("mixing adds the naive sums within rounding, with the same bits for a row alone", S, float,
                   double) {
  const double unit = std::numeric_limits<S>::epsilon();
  for (const Index n : {1, 2, 7, 40})
    for (Index columns = 1; columns <= 70; ++columns) {
      const auto p = random_matrix<S>(9, n, 1), v = random_matrix<S>(n, columns, 2);
      const auto before = random_matrix<S>(9, columns, 3);
      const ef::Matrix<S> y = mixed<S>(p, v, before);
      int wrong = 0;
      for (Index r = 0; r < 9; ++r)
        for (Index c = 0; c < columns; ++c) {
          double sum = static_cast<double>(before(r, c)), size = std::abs(sum);
          for (Index i = 0; i < n; ++i) {
            sum += static_cast<double>(p(r, i)) * static_cast<double>(v(i, c));
            size += std::abs(static_cast<double>(p(r, i)) * static_cast<double>(v(i, c)));
          }
          wrong +=
              !(std::abs(static_cast<double>(y(r, c)) - sum) <= 2 * unit * size * static_cast<double>(n));
        }
      CHECK(wrong == 0);
      for (Index rows = 1; rows < 9; ++rows)
        CHECK(support::same_bits<S>(mixed<S>(p.bottomRows(rows), v, before.bottomRows(rows)),
                                    y.bottomRows(rows)));
    }
}

TEST_CASE("numbers are rounded to half as one by one, and those beyond its range to its largest") {
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {0.0f,     -0.0f,  1e-9f,    6e-8f,     65519.9f,
                           65520.0f, -3e38f, infinity, -infinity, std::numeric_limits<float>::quiet_NaN()};
  for (const Index n : {1, 8, 15, 16, 33, 100}) {
    auto x = random_matrix<float>(1, n, 2);
    for (Index i = 0; i < std::ssize(special); ++i) x(7 * i % n) = special[i];
    std::vector<ef::half> found(static_cast<std::size_t>(n));
    ef::lanes::convert(x.data(), n, found.data());
    for (Index i = 0; i < n; ++i)
      CHECK(found[static_cast<std::size_t>(i)].bits == ef::half(std::clamp(x(i), -65504.0f, 65504.0f)).bits);
  }
}

TEST_CASE("numbers in half are mixed as the floats that they are, with the same bits for a row alone") {
  for (const Index columns : {1, 15, 16, 40, 64, 70}) {
    const auto p = random_matrix<float>(9, 40, 1), before = random_matrix<float>(9, columns, 3);
    auto wide = random_matrix<float>(40, columns, 2);
    std::vector<ef::half> narrow(static_cast<std::size_t>(wide.size()));
    ef::lanes::convert(wide.data(), wide.size(), narrow.data());
    ef::lanes::convert(narrow.data(), wide.size(), wide.data());
    const auto mixed_narrow = [&](Index rows) {
      ef::Matrix<float> y = before.bottomRows(rows);
      ef::mix_kernel(p.data() + (9 - rows) * p.cols(), p.cols(), narrow.data(), columns, rows, 40, columns,
                     y.data(), columns);
      return y;
    };
    const ef::Matrix<float> y = mixed_narrow(9);
    CHECK((y - mixed<float>(p, wide, before)).cwiseAbs().maxCoeff() < 1e-5f);
    for (Index rows = 1; rows < 9; ++rows)
      CHECK(support::same_bits<float>(mixed_narrow(rows), y.bottomRows(rows)));
  }
}

}  // namespace core_mix_kernel
