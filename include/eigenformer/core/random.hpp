// Counter-based random numbers: (seed, stream, index) → number, the same on every machine.
//
// Philox4x32-10 of Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3" (SC '11),
// is a keyed bijection of 128-bit counters. A draw depends on nothing but its own counter: threads need no
// shared state, a mask is drawn again instead of being stored, and a run resumes anywhere.
//
// Integers are exact. Of floating-point operations only those are used whose result IEEE 754 fixes to the
// last bit: + - * / sqrt fma. log, cos and exp differ between mathematics libraries. A product is never added
// but by a written std::fma, as a compiler may fuse a·b + c where the processor can, and then bits differ.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/types.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The block function: 128 random bits for a counter under a key, by ten rounds (section 3.4 and table 2).
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;  // the golden ratio
    key[1] += 0xBB67AE85;  // √3 - 1
  }
  return counter;
}

namespace detail {

/// The 128-bit product of two 64-bit numbers.
struct Product128 {
  std::uint64_t high, low;
};
constexpr Product128 multiply(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t mask = 0xffffffff;
  const std::uint64_t low = (a & mask) * (b & mask);
  const std::uint64_t middle = (a >> 32) * (b & mask) + (low >> 32);
  const std::uint64_t cross = (a & mask) * (b >> 32) + (middle & mask);
  return {(a >> 32) * (b >> 32) + (middle >> 32) + (cross >> 32), cross << 32 | (low & mask)};
}

/// c[0] + c[1]·x + c[2]·x² + …
template <std::size_t n> double polynomial(const double (&c)[n], double x) {
  double sum = c[n - 1];
  for (std::size_t i = n - 1; i-- > 0;) sum = std::fma(sum, x, c[i]);
  return sum;
}

/// Natural logarithm of a normal positive number: x = 2^e · m with m in [√½, √2), and
/// ln m = 2·artanh(s) = 2·(s + s³/3 + s⁵/5 + …) at s = (m - 1) / (m + 1), |s| < 0.172.
inline double portable_log(double x) {
  constexpr double series[] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9, 1.0 / 11,
                               1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21};
  constexpr std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
  const auto offset = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(x) - sqrt_half);
  const std::int64_t exponent = offset >> 52;
  const auto m = std::bit_cast<double>((static_cast<std::uint64_t>(offset) & 0xfffffffffffff) + sqrt_half);
  const double s = (m - 1) / (m + 1);
  const double log_m = 2 * s * polynomial(series, s * s);
  return std::fma(static_cast<double>(exponent), 0x1.62e42fefa39efp-1, log_m);
}

/// The x below which a standard normal variable lies with probability p = ½ + q: Wichura 1988, "Algorithm AS
/// 241: the percentage points of the normal distribution", routine PPND16 (relative error about 1e-16).
/// @param q  in (-½, ½), with ½ - |q| exact
inline double normal_quantile(double q) {
  constexpr double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                          1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                          3.3430575583588128105e4, 2.5090809287301226727e3};
  constexpr double b[] = {1.0,
                          4.2313330701600911252e1,
                          6.8718700749205790830e2,
                          5.3941960214247511077e3,
                          2.1213794301586595867e4,
                          3.9307895800092710610e4,
                          2.8729085735721942674e4,
                          5.2264952788528545610e3};
  constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                          3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                          2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr double d[] = {1.0,
                          2.05319162663775882187e0,
                          1.67638483018380384940e0,
                          6.89767334985100004550e-1,
                          1.48103976427480074590e-1,
                          1.51986665636164571966e-2,
                          5.47593808499534494600e-4,
                          1.05075007164441684324e-9};
  constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                          2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                          2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double f[] = {1.0,
                          5.99832206555887937690e-1,
                          1.36929880922735805310e-1,
                          1.48753612908506148525e-2,
                          7.86869131145613259100e-4,
                          1.84631831751005468180e-5,
                          1.42151175831644588870e-7,
                          2.04426310338993978564e-15};
  if (std::abs(q) <= 0.425) {
    const double r = std::fma(-q, q, 0.180625);  // 0.425² - q²
    return q * polynomial(a, r) / polynomial(b, r);
  }
  const double r = std::sqrt(-portable_log(0.5 - std::abs(q)));
  const double x =
      r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6) : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -x : x;
}

}  // namespace detail

/// What a seed's numbers are drawn for: the highest byte of a stream, so that no two purposes share one.
/// Parameters are drawn from streams below.
enum class Purpose : std::uint64_t { masking = 1, span_corruption, denoising, dropout };

/// The numbers of one stream of a seed, by index. Cheap to make and to copy. The kinds of number at one index
/// come from the same bits: draw different things from different streams.
class Random {
 public:
  explicit constexpr Random(Seed seed, std::uint64_t stream = 0)
      : key_{low(seed.value), high(seed.value)}, stream_(stream) {}

  /// 64 random bits.
  constexpr std::uint64_t bits(std::uint64_t index) const { return word(block(index)); }

  /// Uniform in [0, 1): a multiple of 2⁻⁵³.
  constexpr double uniform(std::uint64_t index) const {
    return static_cast<double>(bits(index) >> 11) * 0x1p-53;
  }

  /// Standard normal: the quantile of a uniform number that is symmetric about ½ and never 0 or 1, so
  /// |x| < 8.3. One number in, one number out; no rejection.
  double normal(std::uint64_t index) const {
    const auto odd = static_cast<std::int64_t>(bits(index) >> 12) * 2 + 1;
    return detail::normal_quantile(static_cast<double>(odd - (std::int64_t{1} << 52)) * 0x1p-53);
  }

  /// Uniform among 0, 1, …, n - 1, without bias: Lemire 2019, "Fast random integer generation in an
  /// interval". A draw that is rejected (probability below n / 2⁶⁴) sends its block through Philox again.
  /// @throws InputError  n is 0
  std::uint64_t below(std::uint64_t index, std::uint64_t n) const {
    if (n == 0) fail(InputError("a random integer below 0 does not exist"));
    std::array<std::uint32_t, 4> random = block(index);
    detail::Product128 product = detail::multiply(word(random), n);
    if (product.low < n) {
      const std::uint64_t surplus = (0 - n) % n;  // 2⁶⁴ mod n
      while (product.low < surplus) {
        random = philox(random, key_);
        product = detail::multiply(word(random), n);
      }
    }
    return product.high;
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
  static constexpr std::uint64_t word(const std::array<std::uint32_t, 4>& random) {
    return random[0] | std::uint64_t{random[1]} << 32;
  }
  constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const {
    return philox({low(index), high(index), low(stream_), high(stream_)}, key_);
  }

  std::array<std::uint32_t, 2> key_;
  std::uint64_t stream_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
