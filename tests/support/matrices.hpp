// Random matrices, and what tests ask of two matrices: the same bits, or how far apart they are.
#pragma once

#include <eigenformer/core/matrix.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace support {

namespace ef = eigenformer;

/// Values in [-1, 1), the same for every scalar.
template <class S> ef::Matrix<S> random_matrix(ef::Index rows, ef::Index columns, unsigned seed) {
  std::mt19937 bits(seed);
  ef::Matrix<S> m(rows, columns);
  for (ef::Index i = 0; i < m.size(); ++i)
    m.data()[i] = static_cast<S>(std::ldexp(static_cast<double>(bits() >> 8), -23) - 1);
  return m;
}

/// Whether two matrices have the same shape and the same bits.
template <class S> bool same_bits(const ef::Matrix<S>& a, const ef::Matrix<S>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(S)) == 0);
}

/// The largest difference relative to the largest expected value; infinite where shapes differ or a value is
/// no number.
template <class S> double distance(const ef::Matrix<S>& found, const ef::Matrix<double>& expected) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (found.rows() != expected.rows() || found.cols() != expected.cols()) return infinite;
  double worst = 0, largest = 0;
  for (ef::Index i = 0; i < found.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found.data()[i]) - expected.data()[i]);
    if (std::isnan(difference)) return infinite;
    worst = (std::max)(worst, difference);
    largest = (std::max)(largest, std::abs(expected.data()[i]));
  }
  return largest > 0 ? worst / largest : infinite;
}

/// What an implementation in this precision is held to, relative to the largest value.
template <class S> constexpr double tolerance() { return sizeof(S) == 8 ? 1e-9 : 2e-5; }

}  // namespace support
