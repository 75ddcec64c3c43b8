// Formats of stored numbers, and the two of 16 bits, bfloat16 and half, with exact conversions. Nothing here
// needs Eigen.
//
// A half is IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits); a bfloat16 is the upper 16 bits of a
// binary32 (1, 8, 7). Conversions work on the bits alone, so they are constant expressions and give the same
// result under any rounding mode, flush-to-zero setting or -ffast-math of the host program.
#pragma once

#include <eigenformer/core/types.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A format that weights are stored in; the last two are groups of whole numbers with a scale
/// (quantised.hpp).
enum class Format : std::uint8_t { f64, f32, bf16, f16, int8, int4 };

constexpr bool is_quantised(Format format) { return format == Format::int8 || format == Format::int4; }

/// Bytes of one number; of a quantised one none, as it is nothing without its group's scale.
constexpr Index bytes_of(Format format) {
  switch (format) {
    case Format::f64: return 8;
    case Format::f32: return 4;
    case Format::bf16: return 2;
    case Format::f16: return 2;
    case Format::int8:
    case Format::int4: return 0;
  }
  return 0;
}

/// The name, in safetensors files too where they know the format: "F64", "F32", "BF16", "F16".
constexpr std::string_view name_of(Format format) {
  switch (format) {
    case Format::f64: return "F64";
    case Format::f32: return "F32";
    case Format::bf16: return "BF16";
    case Format::f16: return "F16";
    case Format::int8: return "int8";
    case Format::int4: return "int4";
  }
  return "";
}

namespace detail {

/// `value` in a 16-bit format of 1 sign, 15 - fraction_bits exponent and `fraction_bits` fraction bits:
/// nearest, ties to even; beyond the largest number infinity; a NaN keeps its sign and upper payload and is
/// quiet. One rounding from the source's own precision, so double → half never rounds twice.
template <int fraction_bits, std::floating_point Source> constexpr std::uint16_t round_to_16(Source value) {
  static_assert(std::numeric_limits<Source>::is_iec559 && sizeof(Source) <= 8);
  using Bits = std::conditional_t<sizeof(Source) == 4, std::uint32_t, std::uint64_t>;
  constexpr int from_fraction = std::numeric_limits<Source>::digits - 1;
  constexpr int least_exponent = 2 - (1 << (14 - fraction_bits));  // of normal numbers in the target
  constexpr Bits one = 1;
  constexpr std::uint32_t infinity = 0x7fffu >> fraction_bits << fraction_bits;

  const Bits bits = std::bit_cast<Bits>(value);
  const Bits magnitude = bits & ~(one << (8 * sizeof(Source) - 1));
  const Bits fraction = magnitude & ((one << from_fraction) - 1);
  const auto sign = static_cast<std::uint32_t>(bits != magnitude) << 15;
  const int field = static_cast<int>(magnitude >> from_fraction);

  std::uint32_t rounded = 0;
  if (field == 2 * std::numeric_limits<Source>::max_exponent - 1) {
    const auto payload = static_cast<std::uint32_t>(fraction >> (from_fraction - fraction_bits));
    rounded = infinity | (fraction ? payload | 1u << (fraction_bits - 1) : 0);
  } else {
    // |value| = significand · 2^(exponent - from_fraction); a field of 0 means a subnormal source.
    const Bits significand = field ? fraction | one << from_fraction : fraction;
    const int exponent = (std::max)(field, 1) + std::numeric_limits<Source>::min_exponent - 2;
    // Below the least normal exponent more bits are dropped; from_fraction + 2 drops all and rounds to zero.
    const int above_least = exponent - least_exponent;
    const int drop =
        (std::min)(from_fraction - fraction_bits + (std::max)(-above_least, 0), from_fraction + 2);
    const Bits rest = significand & ((one << drop) - 1);
    const Bits half_unit = one << (drop - 1);
    Bits kept = significand >> drop;
    if (rest > half_unit || (rest == half_unit && (kept & 1))) ++kept;
    // The leading bit of `kept` adds one to the exponent field, and so does a carry out of the fraction.
    const auto upper = static_cast<std::uint32_t>((std::max)(above_least, 0)) << fraction_bits;
    rounded = (std::min)(upper + static_cast<std::uint32_t>(kept), infinity);
  }
  return static_cast<std::uint16_t>(sign | rounded);
}

}  // namespace detail

/// The upper half of a float: its range with 8 significant bits.
struct bfloat16 {
  std::uint16_t bits = 0;

  constexpr bfloat16() = default;
  explicit constexpr bfloat16(double value) : bits(detail::round_to_16<7>(value)) {}
  explicit constexpr bfloat16(float value) {
    // The general rounding in four operations: a tie and above carries into the bits that stay.
    const auto source = std::bit_cast<std::uint32_t>(value);
    const bool nan = (source & 0x7fffffffu) > 0x7f800000u;
    const std::uint32_t rounded = source + 0x7fffu + (source >> 16 & 1u);
    bits = static_cast<std::uint16_t>((nan ? source | 0x400000u : rounded) >> 16);
  }
  static constexpr bfloat16 from_bits(std::uint16_t pattern) {
    bfloat16 out;
    out.bits = pattern;
    return out;
  }

  explicit constexpr operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  explicit constexpr operator double() const { return static_cast<float>(*this); }
};

/// IEEE 754 binary16: 11 significant bits, largest number 65504, smallest 2⁻²⁴.
struct half {
  std::uint16_t bits = 0;

  constexpr half() = default;
  explicit constexpr half(double value) : bits(detail::round_to_16<10>(value)) {}
  explicit constexpr half(float value) : bits(detail::round_to_16<10>(value)) {}
  static constexpr half from_bits(std::uint16_t pattern) {
    half out;
    out.bits = pattern;
    return out;
  }

  explicit constexpr operator float() const {
    constexpr std::uint32_t rebias = 112u << 23;  // exponent biases 127 - 15
    const std::uint32_t sign = (bits & 0x8000u) << 16;
    const std::uint32_t magnitude = (bits & 0x7fffu) << 13;
    std::uint32_t out = magnitude + rebias;
    if (magnitude >= 0x7c00u << 13) {
      out += rebias;  // infinity and NaN keep an exponent of all ones
    } else if (magnitude < 0x0400u << 13) {
      // Subnormal: (2⁻¹⁴ + m·2⁻²⁴) - 2⁻¹⁴ is exact and never meets a subnormal float.
      out = std::bit_cast<std::uint32_t>(std::bit_cast<float>(out + (1u << 23)) - 0x1p-14f);
    }
    return std::bit_cast<float>(sign | out);
  }
  explicit constexpr operator double() const { return static_cast<float>(*this); }
};

static_assert(sizeof(bfloat16) == 2 && sizeof(half) == 2);

/// The format of numbers of type T.
template <class T>
inline constexpr Format format_of = [] {
  static_assert(std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_same_v<T, bfloat16> ||
                    std::is_same_v<T, half>,
                "not a stored number");
  if (std::is_same_v<T, double>) return Format::f64;
  if (std::is_same_v<T, float>) return Format::f32;
  return std::is_same_v<T, bfloat16> ? Format::bf16 : Format::f16;
}();

/// The same of any scalar that weights and caches may hold: of one that is no machine number f32 stands for
/// what it is.
template <class S> inline constexpr Format own_format = std::is_same_v<S, double> ? Format::f64 : Format::f32;

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
