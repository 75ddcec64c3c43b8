#include "support/matrices.hpp"
#include <eigenformer/core/mix_kernel.hpp>

#include <doctest/doctest.h>

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
