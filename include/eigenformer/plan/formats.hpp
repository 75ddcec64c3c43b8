// Numeric formats as data, and what one number becomes in them: the floating-point formats from FP64 to FP4,
// INT8 and INT4, and NormalFloat-4. What a matrix loses is plan/conversions.hpp.
//
// Sources: IEEE 754-2019; Micikevicius et al. 2022, "FP8 Formats for Deep Learning" (OCP FP8: E4M3 has no
// infinity, S.1111.111 is NaN, largest 448); Dettmers et al. 2023 (QLoRA) for NF4; Rouhani et al. 2023 (OCP
// MX) for FP4 E2M1.
#pragma once

#include <eigenformer/plan/amounts.hpp>

#include <bit>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// A binary floating-point format: 1 sign bit, then exponent and fraction.
struct FloatFormat {
  std::string_view name;
  int exponent_bits = 0;
  int fraction_bits = 0;
  int storage_bits = 0;      ///< bits that a stored number takes; TF32 has 19 and is stored in 32
  bool has_infinity = true;  ///< false: the largest exponent holds numbers, and NaN alone
  bool has_nan = true;       ///< FP4 has neither

  constexpr int bits() const { return 1 + exponent_bits + fraction_bits; }
  constexpr double bytes() const { return storage_bits / 8.0; }
  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  /// The exponent of the largest finite numbers.
  constexpr int greatest_exponent() const { return (1 << exponent_bits) - (has_infinity ? 2 : 1) - bias(); }
  double(max)() const {
    // All fraction bits set; where NaN takes that code, the one below.
    const bool shared = !has_infinity && has_nan;
    const double fraction = 2.0 - std::ldexp(shared ? 2.0 : 1.0, -fraction_bits);
    return std::ldexp(fraction, greatest_exponent());
  }
  double min_normal() const { return std::ldexp(1.0, 1 - bias()); }
  double min_subnormal() const { return std::ldexp(1.0, 1 - bias() - fraction_bits); }
  /// The distance from 1 to the next number.
  double epsilon() const { return std::ldexp(1.0, -fraction_bits); }
};

inline constexpr FloatFormat fp64{"FP64", 11, 52, 64};
inline constexpr FloatFormat fp32{"FP32", 8, 23, 32};
inline constexpr FloatFormat tf32{"TF32", 8, 10, 32};
inline constexpr FloatFormat fp16{"FP16", 5, 10, 16};
inline constexpr FloatFormat bf16{"BF16", 8, 7, 16};
inline constexpr FloatFormat fp8_e4m3{"FP8_E4M3FN", 4, 3, 8, false};
inline constexpr FloatFormat fp8_e5m2{"FP8_E5M2", 5, 2, 8};
inline constexpr FloatFormat fp4_e2m1{"FP4_E2M1", 2, 1, 4, false, false};
inline constexpr FloatFormat float_formats[] = {fp64, fp32, tf32, fp16, bf16, fp8_e4m3, fp8_e5m2, fp4_e2m1};

/// @throws InputError  for an unknown name, with the nearest known one
inline const FloatFormat& float_format(std::string_view name) {
  return detail::find_named(float_formats, name, "number format");
}

/// A two's complement whole number of small width; what it stands for is a matter of its group's scale.
struct IntegerFormat {
  std::string_view name;
  int bits = 0;

  constexpr double bytes() const { return bits / 8.0; }
  constexpr int(min)() const { return -(1 << (bits - 1)); }
  constexpr int(max)() const { return (1 << (bits - 1)) - 1; }
};

inline constexpr IntegerFormat integer_formats[] = {{"INT8", 8}, {"INT4", 4}};

enum class Rounding { nearest_even, toward_zero };

struct RoundingOptions {
  Rounding rounding = Rounding::nearest_even;
  bool saturate = false;  ///< beyond the largest number: that number instead of infinity or NaN
};

/// The number that a code of the format stands for.
inline double decode(const FloatFormat& format, std::uint64_t code) {
  const std::uint64_t fraction_mask = (std::uint64_t{1} << format.fraction_bits) - 1;
  const std::uint64_t exponent_mask = (std::uint64_t{1} << format.exponent_bits) - 1;
  const std::uint64_t fraction = code & fraction_mask,
                      exponent = code >> format.fraction_bits & exponent_mask;
  const double sign = (code >> (format.bits() - 1) & 1) ? -1.0 : 1.0;
  if (exponent == exponent_mask) {
    const double nan = std::copysign(std::numeric_limits<double>::quiet_NaN(), sign);
    if (format.has_infinity) return fraction ? nan : sign * std::numeric_limits<double>::infinity();
    if (format.has_nan && fraction == fraction_mask) return nan;
  }
  if (exponent == 0) return sign * static_cast<double>(fraction) * format.min_subnormal();
  return sign * std::ldexp(1.0 + static_cast<double>(fraction) * format.epsilon(),
                           static_cast<int>(exponent) - format.bias());
}

/// The code of the format's number nearest to `value`, by one rounding from double. Beyond the largest
/// number: infinity, or NaN in a format without; NaN is the quiet one. A format with neither saturates.
inline std::uint64_t encode(const FloatFormat& format, double value, const RoundingOptions& options = {}) {
  const std::uint64_t one = 1, sign = std::signbit(value) ? one << (format.bits() - 1) : 0;
  const std::uint64_t all_exponent = ((one << format.exponent_bits) - 1) << format.fraction_bits;
  const std::uint64_t all = all_exponent | ((one << format.fraction_bits) - 1);
  const std::uint64_t quiet_nan =
      format.has_infinity ? all_exponent | one << (format.fraction_bits - 1) : all;
  const std::uint64_t infinity = format.has_infinity ? all_exponent : quiet_nan;
  const std::uint64_t largest = format.has_infinity ? all_exponent - 1 : format.has_nan ? all - 1 : all;
  if (std::isnan(value)) {
    if (!format.has_nan) fail(InputError(concat(format.name, " has no code for NaN")));
    return sign | quiet_nan;
  }
  const double magnitude = std::abs(value);
  const bool clamps = options.saturate || !format.has_nan;
  if (std::isinf(value)) return sign | (clamps ? largest : infinity);
  if (magnitude == 0) return sign;

  // In units of the last place of the number's binade, or of the subnormals.
  const int exponent = (std::max)(std::ilogb(magnitude), 1 - format.bias());
  const double units = std::ldexp(magnitude, format.fraction_bits - exponent);
  const double low = std::floor(units), rest = units - low;
  auto steps = static_cast<std::uint64_t>(low);
  if (options.rounding == Rounding::nearest_even && (rest > 0.5 || (rest == 0.5 && (steps & 1)))) ++steps;
  // Without its hidden bit the fraction is added, not joined: a carry moves to the next exponent by itself.
  const int biased = exponent + format.bias();
  if (biased >= 1 << format.exponent_bits) return sign | (clamps ? largest : infinity);
  const std::uint64_t code = (static_cast<std::uint64_t>(biased - 1) << format.fraction_bits) + steps;
  if (code <= largest) return sign | code;
  if (clamps || (options.rounding == Rounding::toward_zero)) return sign | largest;
  return sign | infinity;
}

/// What a number becomes in a format.
inline double rounded(const FloatFormat& format, double value, const RoundingOptions& options = {}) {
  return decode(format, encode(format, value, options));
}

/// The 16 levels of NormalFloat-4 (Dettmers et al. 2023; bitsandbytes): quantiles of a normal distribution.
inline constexpr std::array<double, 16> nf4_levels = {-1.0,
                                                      -0.6961928009986877,
                                                      -0.5250730514526367,
                                                      -0.39491748809814453,
                                                      -0.28444138169288635,
                                                      -0.18477343022823334,
                                                      -0.09105003625154495,
                                                      0.0,
                                                      0.07958029955625534,
                                                      0.16093020141124725,
                                                      0.24611230194568634,
                                                      0.33791524171829224,
                                                      0.44070982933044434,
                                                      0.5626170039176941,
                                                      0.7229568362236023,
                                                      1.0};

/// The index of the level nearest to a value that was divided by its block's largest magnitude.
/// @throws InputError  for a value outside of [-1, 1]
inline int nf4_index(double value) {
  detail::require_between(value, -1.0, 1.0,
                          "a value of an NF4 block, divided by the block's largest magnitude,");
  const auto after = std::lower_bound(nf4_levels.begin(), nf4_levels.end(), value);
  const auto index = static_cast<int>(after - nf4_levels.begin());
  return index > 0 && value - *(after - 1) <= *after - value ? index - 1 : index;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
