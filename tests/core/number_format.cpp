#include <eigenformer/core/number_format.hpp>

#include <cmath>
#include <limits>
#include <random>

#include <doctest/doctest.h>

namespace core_number_format {

namespace ef = eigenformer;

namespace {

/// The definition of a 16-bit format, written down with ldexp and nothing of the code under test.
struct Reference {
  int fraction_bits;
  int bias;

  int exponent_mask() const { return (1 << (15 - fraction_bits)) - 1; }
  double decode(int pattern) const {
    const double sign = (pattern & 0x8000) ? -1.0 : 1.0;
    const int exponent = (pattern & 0x7fff) >> fraction_bits;
    const int fraction = pattern & ((1 << fraction_bits) - 1);
    if (exponent == exponent_mask()) {
      return fraction ? std::numeric_limits<double>::quiet_NaN()
                      : sign * std::numeric_limits<double>::infinity();
    }
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
    return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
  }
  int infinity() const { return exponent_mask() << fraction_bits; }
  bool is_nan(int pattern) const { return (pattern & 0x7fff) > infinity(); }
};

constexpr Reference half_reference{10, 15};
constexpr Reference bfloat16_reference{7, 127};

/// Patterns at which decoding or re-encoding goes wrong.
template <class T> int wrong_round_trips(const Reference& reference) {
  int wrong = 0;
  for (int pattern = 0; pattern < 0x10000; ++pattern) {
    const T stored = T::from_bits(static_cast<std::uint16_t>(pattern));
    const auto single = static_cast<float>(stored);
    const auto wide = static_cast<double>(stored);
    const double expected = reference.decode(pattern);
    if (reference.is_nan(pattern)) {
      const int quiet = pattern | 1 << (reference.fraction_bits - 1);
      wrong += !std::isnan(single) || !std::isnan(wide);
      wrong += T(single).bits != quiet || T(wide).bits != quiet;
    } else {
      wrong += std::bit_cast<std::uint64_t>(wide) != std::bit_cast<std::uint64_t>(expected);
      wrong +=
          std::bit_cast<std::uint32_t>(single) != std::bit_cast<std::uint32_t>(static_cast<float>(expected));
      wrong += T(single).bits != pattern || T(wide).bits != pattern;
    }
  }
  return wrong;
}

/// Midpoints between neighbouring numbers, and the numbers of `Source` on both sides of each midpoint, that
/// round wrongly. The neighbour of the largest number is where the next one would stand: from there on
/// everything is infinite.
template <class T, class Source> int wrong_roundings(const Reference& reference) {
  int wrong = 0;
  for (int lower = 0; lower < reference.infinity(); ++lower) {
    const int upper = lower + 1;
    const double below = reference.decode(lower);
    const double above =
        upper < reference.infinity() ? reference.decode(upper) : 2 * below - reference.decode(lower - 1);
    const auto middle = static_cast<Source>(below + (above - below) / 2);
    if (std::isinf(middle)) continue;
    const int even = lower % 2 ? upper : lower;
    const Source before = std::nextafter(middle, Source{0});
    const Source after = std::nextafter(middle, std::numeric_limits<Source>::infinity());
    wrong += T(middle).bits != even || T(-middle).bits != (even | 0x8000);
    wrong += T(before).bits != lower || T(-before).bits != (lower | 0x8000);
    wrong += T(after).bits != upper || T(-after).bits != (upper | 0x8000);
  }
  return wrong;
}

}  // namespace

TEST_CASE("every 16-bit pattern decodes to its definition and encodes back to itself") {
  CHECK(wrong_round_trips<ef::half>(half_reference) == 0);
  CHECK(wrong_round_trips<ef::bfloat16>(bfloat16_reference) == 0);
}

TEST_CASE("every midpoint between neighbours goes to the even one, and its own neighbours to the nearest") {
  CHECK(wrong_roundings<ef::half, float>(half_reference) == 0);
  CHECK(wrong_roundings<ef::half, double>(half_reference) == 0);
  CHECK(wrong_roundings<ef::bfloat16, float>(bfloat16_reference) == 0);
  CHECK(wrong_roundings<ef::bfloat16, double>(bfloat16_reference) == 0);
}

TEST_CASE("a double a hair above a tie is not rounded to float first") {
  const double above_tie = 1.0 + 0x1p-11 + 0x1p-40;  // as a float this is the tie itself, which goes down
  CHECK(ef::half(above_tie).bits == ef::half(1.0f).bits + 1);
  CHECK(ef::half(static_cast<float>(above_tie)).bits == ef::half(1.0f).bits);
  CHECK(ef::bfloat16(1.0 + 0x1p-8 + 0x1p-40).bits == ef::bfloat16(1.0f).bits + 1);
}

TEST_CASE("numbers beyond the range become infinite, and those below it zero with their sign") {
  CHECK(ef::half(65504.0f).bits == 0x7bff);
  CHECK(ef::half(65519.99f).bits == 0x7bff);
  CHECK(ef::half(65520.0f).bits == 0x7c00);
  CHECK(ef::half(-1e300).bits == 0xfc00);
  CHECK(ef::half(0x1p-25f).bits == 0);
  CHECK(ef::half(0x1.000002p-25f).bits == 1);
  CHECK(ef::half(-1e-300).bits == 0x8000);
  CHECK(ef::half(std::numeric_limits<double>::denorm_min()).bits == 0);
  CHECK(ef::bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(ef::bfloat16(std::numeric_limits<double>::max()).bits == 0x7f80);
  CHECK(ef::bfloat16(-std::numeric_limits<float>::denorm_min()).bits == 0x8000);
  CHECK(ef::bfloat16(std::numeric_limits<float>::infinity()).bits == 0x7f80);
}

TEST_CASE("a NaN stays a quiet NaN even when its payload lies in the bits that are dropped") {
  const auto low_payload = std::bit_cast<float>(0xff800001u);
  CHECK(ef::half(low_payload).bits == 0xfe00);
  CHECK(ef::bfloat16(low_payload).bits == 0xffc0);
  CHECK(ef::bfloat16(std::bit_cast<float>(0x7fffffffu)).bits == 0x7fff);
  CHECK(ef::half(std::bit_cast<double>(std::uint64_t{0x7ff0000000000001})).bits == 0x7e00);
  CHECK(ef::bfloat16(std::bit_cast<double>(std::uint64_t{0x7ff0000000000001})).bits == 0x7fc0);
}

TEST_CASE("the short rounding of float to bfloat16 agrees with the general one") {
  std::mt19937 bits(1);
  int different = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits()));
    different += ef::bfloat16(value).bits != ef::detail::round_to_16<7>(value);
  }
  CHECK(different == 0);
}

TEST_CASE("conversions are constant expressions") {
  static_assert(ef::half(1.5f).bits == 0x3e00);
  static_assert(static_cast<float>(ef::half::from_bits(1)) == 0x1p-24f);
  static_assert(ef::bfloat16(3.0).bits == 0x4040);
  static_assert(static_cast<float>(ef::bfloat16::from_bits(0x4040)) == 3.0f);
  static_assert(ef::format_of<ef::half> == ef::Format::f16);
  CHECK(ef::bytes_of(ef::format_of<ef::bfloat16>) == 2);
  CHECK(ef::name_of(ef::format_of<double>) == "F64");
}

}  // namespace core_number_format
