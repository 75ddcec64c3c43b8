#include "support/matrices.hpp"
#include <eigenformer/core/elementwise.hpp>

#include <functional>
#include <vector>

#include <doctest/doctest.h>

namespace core_elementwise {

namespace ef = eigenformer;
using ef::Index;

namespace {

template <class S, class F> std::vector<S> mapped(const std::vector<S>& x, F f) {
  std::vector<S> y(x.size());
  ef::map(
      static_cast<Index>(x.size()), y.data(), [&](const ef::lanes::Vector<S>& v) { return f(v); }, x.data());
  return y;
}

template <class S> std::vector<S> grid(double from, double to, int n) {
  std::vector<S> x;
  for (int i = 0; i <= n; ++i) x.push_back(static_cast<S>(from + (to - from) * i / n));
  return x;
}

/// The largest error in units of `absolute + relative · |expected|`.
template <class S, class F>
double worst(const std::vector<S>& x, F f, const std::function<double(double)>& exact, double absolute,
             double relative) {
  const std::vector<S> y = mapped(x, f);
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = exact(static_cast<double>(x[i]));
    const double error = std::abs(static_cast<double>(y[i]) - expected);
    if (!(error >= 0)) return std::numeric_limits<double>::infinity();
    most = (std::max)(most, error / (absolute + relative * std::abs(expected)));
  }
  return most;
}

const auto exponential = [](const auto& v) { return exp(v); };
const auto hyperbolic = [](const auto& v) { return tanh(v); };
const auto logistic = [](const auto& v) { return ef::sigmoid(v); };
const auto normal = [](const auto& v) { return ef::normal_cdf(v); };

double exact_exp(double x) { return std::exp(x); }
double exact_tanh(double x) { return std::tanh(x); }
double exact_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double exact_normal(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

}  // namespace

TEST_CASE_TEMPLATE("exp, tanh and sigmoid are right to a few units in the last place", S, float, double) {
  const double unit = std::numeric_limits<S>::epsilon();
  CHECK(worst(grid<S>(-80, 80, 100'000), exponential, exact_exp, 0, 3 * unit) < 1);
  CHECK(worst(grid<S>(-20, 20, 100'000), hyperbolic, exact_tanh, 0, 6 * unit) < 1);
  CHECK(worst(grid<S>(-1e-3, 1e-3, 10'001), hyperbolic, exact_tanh, 1e-40, 6 * unit) < 1);
  CHECK(worst(grid<S>(-80, 80, 100'000), logistic, exact_sigmoid, 0, 4 * unit) < 1);
}

TEST_CASE("the normal distribution is right to 3e-7 in float and to its last places in double") {
  CHECK(worst(grid<float>(-12, 12, 200'000), normal, exact_normal, 3e-7, 0) < 1);
  CHECK(worst(grid<double>(-30, 30, 100'000), normal, exact_normal, 0, 1e-12) < 1);
}

TEST_CASE_TEMPLATE("far from zero the functions reach their limits and stay finite", S, float, double) {
  for (const double far : {100.0, 1000.0, 1e30}) {
    const std::vector<S> x{static_cast<S>(-far), static_cast<S>(far)};
    CHECK(mapped(x, exponential)[0] < static_cast<S>(1e-37));
    CHECK(mapped(x, hyperbolic) == std::vector<S>{-1, 1});
    CHECK(mapped(x, logistic)[0] < static_cast<S>(1e-37));
    CHECK(mapped(x, logistic)[1] == S(1));
    CHECK(mapped(x, normal)[0] < static_cast<S>(1e-37));
    CHECK(mapped(x, normal)[1] == S(1));
  }
  const std::vector<S> minus_infinity{-std::numeric_limits<S>::infinity()};
  CHECK(mapped(minus_infinity, exponential)[0] < static_cast<S>(1e-37));
}

TEST_CASE_TEMPLATE("a value's bits do not depend on where in the row it stands or how long the row is", S,
                   float, double) {
  const auto check = [](auto f) {
    int different = 0;
    for (int i = 0; i < 400; ++i) {
      const auto value = static_cast<S>(-4 + i * 0.0203);
      const S alone = mapped(std::vector<S>{value}, f)[0];
      for (const std::size_t n : {2u, 3u, 8u, 16u, 17u, 35u}) {
        const std::vector<S> y = mapped(std::vector<S>(n, value), f);
        for (const S each : y) different += std::memcmp(&each, &alone, sizeof(S)) != 0;
      }
    }
    CHECK(different == 0);
  };
  check(exponential);
  check(hyperbolic);
  check(logistic);
  check(normal);
}

TEST_CASE_TEMPLATE("a map over several rows may write over any of them", S, float, double) {
  for (Index n = 1; n <= 40; ++n) {
    auto a = support::random_matrix<S>(1, n, 1), b = support::random_matrix<S>(1, n, 2);
    const ef::Matrix<S> expected = a.cwiseProduct(b);
    const auto product = [](const ef::lanes::Vector<S>& x, const ef::lanes::Vector<S>& y) { return x * y; };
    ef::Matrix<S> over_a = a, over_b = b;
    ef::map(n, over_a.data(), product, over_a.data(), b.data());
    ef::map(n, over_b.data(), product, a.data(), over_b.data());
    CHECK(support::same_bits<S>(over_a, expected));
    CHECK(support::same_bits<S>(over_b, expected));
  }
}

TEST_CASE_TEMPLATE("sums and maxima are those of every element and of no other", S, float, double) {
  for (Index n = 1; n <= 70; ++n) {
    auto x = support::random_matrix<S>(1, n + 8, 3);
    x.rightCols(8).setConstant(S(1000));  // behind the end
    double sum = 0, squares = 0;
    S most = x(0, 0);
    for (Index i = 0; i < n; ++i) {
      sum += static_cast<double>(x(0, i));
      squares += static_cast<double>(x(0, i)) * static_cast<double>(x(0, i));
      most = (std::max)(most, x(0, i));
    }
    const double bound = std::numeric_limits<S>::epsilon() * static_cast<double>(n * n);
    const S found = ef::sum_of(n, x.data(), [](const ef::lanes::Vector<S>& v) { return v; });
    const S found_squares = ef::sum_of(n, x.data(), [](const ef::lanes::Vector<S>& v) { return v * v; });
    CHECK(std::abs(static_cast<double>(found) - sum) <= bound);
    CHECK(std::abs(static_cast<double>(found_squares) - squares) <= bound);
    CHECK(ef::largest(n, x.data()) == most);
    for (Index i = 0; i < n; ++i) {  // wherever the largest stands
      ef::Matrix<S> y = -x.cwiseAbs();
      y(0, i) = S(0.25);
      CHECK(ef::largest(n, y.data()) == S(0.25));
    }
  }
}

}  // namespace core_elementwise
