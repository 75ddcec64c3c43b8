// Counter-based random numbers: (seed, stream, index) → number, the same on every machine and in any order.
//
// Philox4x32-10 of Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". There is
// no state to keep or share: threads draw what belongs to their indices, and a run can start again in the
// middle.
#pragma once

#include <eigenformer/core/types.hpp>

#include <array>
#include <cmath>
#include <cstdint>

namespace eigenformer::inline EIGENFORMER_ABI {

/// The block function: 128 random bits for a counter under a key.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

namespace detail {

/// Horner's rule with explicit fused steps: compilers may fuse a · b + c or not, and this must not depend on
/// them.
template <std::size_t n> double polynomial(double x, const double (&coefficients)[n]) {
  double y = coefficients[n - 1];
  for (std::size_t i = n - 1; i-- > 0;) y = std::fma(y, x, coefficients[i]);
  return y;
}

/// Natural logarithm of a positive normal number: 2 artanh((m − 1)/(m + 1)) + e ln 2.
inline double log_by_series(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1), square = s * s;
  const double series = polynomial(square, {1.0, 1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13,
                                            1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23});
  return std::fma(static_cast<double>(exponent), 0.69314718055994530942, 2 * s * series);
}

/// Quantile of the standard normal distribution for p in (0, 1): Wichura 1988, algorithm AS 241 (PPND16).
inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = std::fma(-q, q, 0.180625);
    return q *
           polynomial(r, {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                          1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                          3.3430575583588128105e4, 2.5090809287301226727e3}) /
           polynomial(r, {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                          2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                          5.2264952788528545610e3});
  }
  const double r = std::sqrt(-log_by_series(q < 0 ? p : 1 - p));
  const double tail = r <= 5 ? polynomial(r - 1.6, {1.42343711074968357734e0, 4.63033784615654529590e0,
                                                    5.76949722146069140550e0, 3.64784832476320460504e0,
                                                    1.27045825245236838258e0, 2.41780725177450611770e-1,
                                                    2.27238449892691845833e-2, 7.74545014278341407640e-4}) /
                                   polynomial(r - 1.6, {1.0, 2.05319162663775882187e0,
                                                        1.67638483018380384940e0, 6.89767334985100004550e-1,
                                                        1.48103976427480074590e-1, 1.51986665636164571966e-2,
                                                        5.47593808499534494600e-4, 1.05075007164441684324e-9})
                             : polynomial(r - 5, {6.65790464350110377720e0, 5.46378491116411436990e0,
                                                  1.78482653991729133580e0, 2.96560571828504891230e-1,
                                                  2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                                  2.71155556874348757815e-5, 2.01033439929228813265e-7}) /
                                   polynomial(r - 5, {1.0, 5.99832206555887937690e-1,
                                                      1.36929880922735805310e-1, 1.48753612908506148525e-2,
                                                      7.86869131145613259100e-4, 1.84631831751005468180e-5,
                                                      1.42151175831644588870e-7, 2.04426310338993978564e-15});
  return q < 0 ? -tail : tail;
}

}  // namespace detail

/// One stream of numbers of a seed. Cheap to make and to copy.
class Random {
 public:
  explicit Random(Seed seed, std::uint64_t stream = 0) : seed_(seed.value), stream_(stream) {}

  /// 64 random bits.
  std::uint64_t bits(std::uint64_t index) const {
    const auto block =
        philox({low(index), high(index), low(stream_), high(stream_)}, {low(seed_), high(seed_)});
    return std::uint64_t{block[1]} << 32 | block[0];
  }

  /// Uniform in [0, 1), with 53 random bits.
  double uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }

  /// Normal with mean 0 and deviation 1.
  double normal(std::uint64_t index) const {
    return detail::normal_quantile((static_cast<double>(bits(index) >> 12) + 0.5) * 0x1p-52);
  }

  /// Uniform in {0, …, n − 1}, n ≥ 1: the upper part of bits · n (Lemire 2019, without the rejection, whose
  /// bias of at most n / 2⁶⁴ cannot be observed).
  std::uint64_t below(std::uint64_t index, std::uint64_t n) const {
    const std::uint64_t b = bits(index), carry = (b & 0xFFFFFFFFu) * (n & 0xFFFFFFFFu) >> 32;
    const std::uint64_t cross = (b >> 32) * (n & 0xFFFFFFFFu) + carry;
    const std::uint64_t middle = (b & 0xFFFFFFFFu) * (n >> 32) + (cross & 0xFFFFFFFFu);
    return (b >> 32) * (n >> 32) + (cross >> 32) + (middle >> 32);
  }

 private:
  static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
  static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

  std::uint64_t seed_, stream_;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
