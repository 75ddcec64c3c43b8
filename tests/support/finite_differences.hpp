// Gradients by differences of a function's values: slow, and independent of every formula.
#pragma once

#include <eigenformer/core/members.hpp>

#include <algorithm>
#include <cmath>

namespace support {

namespace ef = eigenformer;

/// df/dx by five points: (f(x − 2h) − 8 f(x − h) + 8 f(x + h) − f(x + 2h)) / 12h, error of order h⁴.
template <class F> double slope(double& x, F&& f) {
  constexpr double h = 1e-3;
  const double before = x;
  const auto at = [&](double step) {
    x = before + step;
    return f();
  };
  const double result = (at(-2 * h) - 8 * at(-h) + 8 * at(h) - at(2 * h)) / (12 * h);
  x = before;
  return result;
}

/// The largest difference between `gradient` and the slopes of f at x, for every `step`-th of n numbers,
/// relative to the largest slope (or to 0.01, as a slope of zero is found to some 1e-11 only).
template <class F>
double gradient_error(double* x, const double* gradient, ef::Index n, F&& f, ef::Index step = 1) {
  double worst = 0, largest = 0.01;
  for (ef::Index i = 0; i < n; i += step) {
    const double expected = slope(x[i], f);
    if (!std::isfinite(gradient[i])) return INFINITY;
    worst = (std::max)(worst, std::abs(gradient[i] - expected));
    largest = (std::max)(largest, std::abs(expected));
  }
  return worst / largest;
}

/// The numbers of a Weight or RowVector.
template <class Leaf> auto* numbers(Leaf& leaf) {
  if constexpr (requires { leaf.format(); })
    return leaf.values().data();
  else
    return leaf.data();
}

/// The largest gradient_error of all parameters of a struct, which must have a gradient each.
template <class P, class F> double parameters_error(P& parameters, P& gradient, F&& f, ef::Index step = 1) {
  std::vector<double*> gradients;
  std::vector<ef::Index> sizes;
  ef::visit(gradient, [&](const std::string&, auto& leaf) {
    gradients.push_back(numbers(leaf));
    sizes.push_back(leaf.size());
  });
  double worst = 0;
  std::size_t i = 0;
  ef::visit(parameters, [&](const std::string&, auto& leaf) {
    if (sizes[i] != leaf.size())
      worst = INFINITY;
    else
      worst = (std::max)(worst, gradient_error(numbers(leaf), gradients[i], leaf.size(), f, step));
    ++i;
  });
  return worst;
}

}  // namespace support
