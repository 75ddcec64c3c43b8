#include <eigenformer/core/random.hpp>

#include <cmath>
#include <random>
#include <set>

#include <doctest/doctest.h>

namespace core_random {

namespace ef = eigenformer;

namespace {

/// Power sums of draws: mean, and the second to fourth moment about zero.
struct Moments {
  double mean = 0, second = 0, third = 0, fourth = 0;
};

template <class Draw> Moments moments(int n, Draw draw) {
  Moments m;
  for (int i = 0; i < n; ++i) {
    const double x = draw(static_cast<std::uint64_t>(i));
    m.mean += x / n;
    m.second += x * x / n;
    m.third += x * x * x / n;
    m.fourth += x * x * x * x / n;
  }
  return m;
}

}  // namespace

TEST_CASE("philox gives the known answers of Random123") {
  // The three lines "philox4x32 10" of tests/kat_vectors in github.com/DEShawResearch/random123.
  static_assert(ef::philox({0, 0, 0, 0}, {0, 0}) ==
                std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(ef::philox({ones, ones, ones, ones}, {ones, ones}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(ef::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("seed, stream and index fill the key and the counter from their low words up") {
  const ef::Random random(ef::Seed{0x299f31d0a4093822}, 0x0370734413198a2e);
  const std::uint64_t index = 0x85a308d3243f6a88, expected = 0x94fdccebd16cfe09;
  CHECK(random.bits(index) == expected);
  CHECK(random.uniform(index) == std::ldexp(static_cast<double>(expected >> 11), -53));
}

TEST_CASE("the numbers of a seed are pinned to the bit, whatever the compiler and its flags") {
  const ef::Random random(ef::Seed{42}, 7);
  CHECK(static_cast<std::uint32_t>(random.bits(0)) == 1743679276u);
  CHECK(random.uniform(1) == 0x1.803d865b9777ap-2);
  CHECK(random.normal(2) == 0x1.88c18ca413acfp+0);
  CHECK(random.normal(123456789012) == -0x1.078c5f0b99576p-2);
  CHECK(random.normal(48450) == 0x1.2bc06a7af336ep+2);  // the farthest from 0 of the first million
  CHECK(random.below(3, 1000) == 493u);
  std::uint64_t hash = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    hash = hash * 31 + std::bit_cast<std::uint64_t>(random.normal(i));
  }
  CHECK(hash == 0x2ab21b11b3b574);
}

TEST_CASE("uniform numbers have the moments of the uniform distribution") {
  const ef::Random random(ef::Seed{1});
  constexpr int n = 1'000'000;
  const auto m = moments(n, [&](std::uint64_t i) { return random.uniform(i); });
  // E x^k = 1/(k+1); five standard deviations of the mean of x^k.
  const auto five_sigma = [&](int k) { return 5 * std::sqrt((1.0 / (2 * k + 1) - std::pow(k + 1, -2)) / n); };
  CHECK(std::abs(m.mean - 1.0 / 2) < five_sigma(1));
  CHECK(std::abs(m.second - 1.0 / 3) < five_sigma(2));
  CHECK(std::abs(m.third - 1.0 / 4) < five_sigma(3));
  CHECK(std::abs(m.fourth - 1.0 / 5) < five_sigma(4));
}

TEST_CASE("normal numbers have the moments and the tails of the normal distribution") {
  const ef::Random random(ef::Seed{2});
  constexpr int n = 1'000'000;
  const auto m = moments(n, [&](std::uint64_t i) { return random.normal(i); });
  CHECK(std::abs(m.mean) < 5 * std::sqrt(1.0 / n));
  CHECK(std::abs(m.second - 1) < 5 * std::sqrt(2.0 / n));
  CHECK(std::abs(m.third) < 5 * std::sqrt(15.0 / n));
  CHECK(std::abs(m.fourth - 3) < 5 * std::sqrt(96.0 / n));
  for (const double bound : {0.5, 1.0, 2.0, 3.0, 4.0}) {
    int beyond = 0;
    for (int i = 0; i < n; ++i) beyond += std::abs(random.normal(static_cast<std::uint64_t>(i))) > bound;
    const double p = std::erfc(bound / std::sqrt(2.0));
    CHECK(std::abs(beyond - n * p) < 5 * std::sqrt(n * p * (1 - p)));
  }
}

TEST_CASE("the normal quantile is the inverse of the error function's integral, far into the tails") {
  double worst = 0;
  const auto probe = [&](double q) {
    const double x = ef::detail::normal_quantile(q);
    const double tail = std::erfc(std::abs(x) / std::sqrt(2.0)) / 2;
    const double expected = 0.5 - std::abs(q);
    // An error dx of x moves the tail by density·dx: compare on the scale of x.
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
    worst = (std::max)(worst, std::abs(tail - expected) / density / (std::max)(1.0, std::abs(x)));
    CHECK(ef::detail::normal_quantile(-q) == -x);
  };
  for (int i = 1; i < 4000; ++i) probe(0.5 - i / 8000.0);
  for (int exponent = 4; exponent <= 53; ++exponent) probe(0.5 - std::ldexp(1.0, -exponent));
  CHECK(worst < 1e-15);
  CHECK(ef::detail::normal_quantile(0.0) == 0.0);
}

TEST_CASE("the logarithm without the library's is right to two units in the last place") {
  std::mt19937_64 bits(5);
  double worst = 0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = std::ldexp(static_cast<double>(bits() >> 11 | 1), -53 - static_cast<int>(bits() % 40));
    const double expected = std::log(x);
    worst = (std::max)(worst, std::abs(ef::detail::portable_log(x) - expected) / std::abs(expected));
  }
  CHECK(worst < 2 * 0x1p-52);
}

TEST_CASE("integers below n are spread evenly, whether or not n divides the range") {
  const ef::Random random(ef::Seed{3});
  constexpr int n = 10, draws = 500'000;
  int counts[n] = {};
  for (int i = 0; i < draws; ++i) ++counts[random.below(static_cast<std::uint64_t>(i), n)];
  for (const int count : counts) CHECK(std::abs(count - draws / n) < 5 * std::sqrt(draws * 0.1 * 0.9));

  // Of n = 3·2^62 the high word alone would give every third number twice as often.
  const std::uint64_t large = std::uint64_t{3} << 62;
  int residues[3] = {}, outside = 0;
  for (int i = 0; i < draws; ++i) {
    const std::uint64_t drawn = random.below(static_cast<std::uint64_t>(i), large);
    outside += drawn >= large;
    ++residues[drawn % 3];
  }
  for (const int count : residues) CHECK(std::abs(count - draws / 3.0) < 5 * std::sqrt(draws * 2.0 / 9));
  CHECK(outside == 0);
  CHECK(random.below(0, 1) == 0);
}

TEST_CASE("a random integer below zero is refused") {
  CHECK_THROWS_WITH_AS(ef::Random(ef::Seed{1}).below(0, 0), "a random integer below 0 does not exist",
                       ef::InputError);
}

TEST_CASE("the wide product agrees with arithmetic modulo 2^64 and modulo 2^64 - 1") {
  const auto add = [](std::uint64_t a, std::uint64_t b) { return a + b + (a + b < a); };  // modulo 2^64 - 1
  std::mt19937_64 bits(6);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t a = bits() | bits() << 1, b = bits() >> (i % 64);
    const auto product = ef::detail::multiply(a, b);
    std::uint64_t residue = 0;
    for (int bit = 63; bit >= 0; --bit) residue = add(add(residue, residue), b >> bit & 1 ? a : 0);
    CHECK(product.low == a * b);
    CHECK(add(product.high, product.low) == residue);  // 2^64 leaves 1
  }
  CHECK(ef::detail::multiply(~std::uint64_t{0}, ~std::uint64_t{0}).high == ~std::uint64_t{0} - 1);
}

TEST_CASE("different seeds and streams give different numbers, without correlation") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 16; ++i) {
    for (std::uint64_t j = 0; j < 16; ++j) seen.insert(ef::Random(ef::Seed{i}, j).bits(0));
  }
  CHECK(seen.size() == 256);

  constexpr int n = 200'000;
  const ef::Random first(ef::Seed{1}, 0), second(ef::Seed{1}, 1), other(ef::Seed{2}, 0);
  double streams = 0, seeds = 0, neighbours = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    streams += first.normal(i) * second.normal(i);
    seeds += first.normal(i) * other.normal(i);
    neighbours += first.normal(i) * first.normal(i + 1);
  }
  CHECK(std::abs(streams) < 5 * std::sqrt(n));
  CHECK(std::abs(seeds) < 5 * std::sqrt(n));
  CHECK(std::abs(neighbours) < 5 * std::sqrt(n));
}

}  // namespace core_random
