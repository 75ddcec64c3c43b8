#include "support/matrices.hpp"
#include <eigenformer/core/mix_kernel.hpp>

#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace ef = eigenformer;
using ef::Index;
using support::random_matrix;

namespace {

/// In bfloat16 or half.
template <class T> std::vector<T> rounded(const ef::Matrix<float>& m) {
  std::vector<T> out(static_cast<std::size_t>(m.size()));
  ef::lanes::convert(m.data(), m.size(), out.data());
  return out;
}

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

TEST_CASE_TEMPLATE("numbers are rounded to 16 bits as one by one, and mixed as what they have become", T,
                   ef::bfloat16, ef::half) {
  const float special[] = {0.0f,
                           -0.0f,
                           1e-9f,
                           6e-8f,
                           65519.9f,
                           65520.0f,
                           3e38f,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};
  for (const Index columns : {1, 15, 16, 40, 64, 70}) {
    auto v = random_matrix<float>(9, columns, 2);
    for (Index i = 0; i < std::ssize(special); ++i) v(i % 9, i % columns) = special[i];
    const std::vector<T> stored = rounded<T>(v);
    int wrong = 0;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const float x = v.data()[i];
      wrong += stored[i].bits != T(std::is_same_v<T, ef::half> ? std::clamp(x, -65504.0f, 65504.0f) : x).bits;
    }
    CHECK(wrong == 0);

    const auto values = random_matrix<float>(9, columns, 4), p = random_matrix<float>(5, 9, 1);
    const std::vector<T> narrow = rounded<T>(values);
    const ef::Matrix<float> before = random_matrix<float>(5, columns, 3);
    ef::Matrix<float> wide(9, columns), y = before;
    ef::lanes::convert(narrow.data(), wide.size(), wide.data());
    ef::mix_kernel(p.data(), p.cols(), narrow.data(), columns, 5, 9, columns, y.data(), y.cols());
    CHECK((y - mixed<float>(p, wide, before)).cwiseAbs().maxCoeff() < 1e-5f);
  }
}
