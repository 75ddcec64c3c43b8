// What the kernels take for granted of Eigen's packets, whatever its version: the order in which the lanes of floats are
// added up decides bits.
#include <eigenformer/core/lanes.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

namespace core_lanes {

namespace lanes = eigenformer::lanes;

namespace {

/// Numbers whose sum depends on the order of the additions.
template <class S> std::vector<S> uneven(int n) {
  std::vector<S> values;
  for (int i = 0; i < n; ++i)
    values.push_back(static_cast<S>(std::ldexp(1.0 + 0.37 * i, i % 2 ? 12 : -9)) * (i % 3 ? S(1) : S(-1)));
  return values;
}

template <class S> S halved(std::vector<S> values) {
  for (std::size_t n = values.size() / 2; n > 0; n /= 2)
    for (std::size_t i = 0; i < n; ++i) values[i] += values[i + n];
  return values[0];
}

template <class S, int N> void check() {
  CAPTURE(sizeof(S));
  const auto sum_of = [](const std::vector<S>& v) {
    return std::is_same_v<S, float> ? halved(v) : lanes::sum<S, N>(lanes::load<S, N>(v.data()));
  };
  const auto values = uneven<S>(N);
  const auto packet = lanes::load<S, N>(values.data());
  CHECK(lanes::sum<S, N>(packet) == sum_of(values));
  CHECK(lanes::sum<S, N>(packet) == doctest::Approx(halved(values)).epsilon(1e-5));
  S most = values[0];
  for (const S x : values) most = std::max(most, x);
  CHECK(lanes::largest<S, N>(packet) == most);

  lanes::Packet<S, N> all[N];
  std::vector<S> shifted, expected;
  for (int i = 0; i < N; ++i) {
    shifted.clear();
    for (int j = 0; j < N; ++j) shifted.push_back(values[static_cast<std::size_t>((i + j) % N)] * S(1 + i));
    all[i] = lanes::load<S, N>(shifted.data());
    expected.push_back(sum_of(shifted));
  }
  std::vector<S> found(N);
  lanes::store<S, N>(found.data(), lanes::sums<S, N>(all));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(N);
    CAPTURE(i);
    CHECK(found[i] == expected[i]);
  }
}

template <class S, int N = lanes::count<S>> void check_all() {
  check<S, N>();
  if constexpr (N > lanes::fewest<S>) check_all<S, N / 2>();
}

}  // namespace

TEST_CASE("lanes are added up in one order, by halves for floats, alone and many at once, for each width") {
  check_all<float>();
  check_all<double>();
}

TEST_CASE("lanes are chosen where one number is less than another; equal and unordered ones are not") {
  using V = lanes::Vector<float>;
  const float nan = std::nanf("");
  for (const auto& [a, b, less] : {std::tuple{1.0f, 2.0f, true},
                                   {2.0f, 1.0f, false},
                                   {1.0f, 1.0f, false},
                                   {-0.0f, 0.0f, false},
                                   {nan, 1.0f, false},
                                   {1.0f, nan, false}}) {
    std::vector<float> found(lanes::count<float>);
    lanes::store<float>(found.data(), select_less(V(a), V(b), V(3.0f), V(4.0f)).v);
    for (const float one : found) CHECK(one == (less ? 3.0f : 4.0f));
  }
}

}  // namespace core_lanes
