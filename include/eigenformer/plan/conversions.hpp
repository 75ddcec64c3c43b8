// What numbers become in a format, by its name, and what a matrix of them loses.
#pragma once

#include <eigenformer/plan/quantised.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// A working conversion: to the format and back.
struct Conversion {
  std::string_view name;
  Index block = 1;  ///< numbers that are converted together; 0: all of them share one scale
  double bits_per_value = 0;
  std::vector<double> (*apply)(std::span<const double> block);
};

namespace detail {

template <const FloatFormat& format> std::vector<double> to_float(std::span<const double> numbers) {
  std::vector<double> out;
  for (const double x : numbers) out.push_back(rounded(format, x));
  return out;
}

inline std::vector<double> values_of(const Quantised& q) {
  std::vector<double> out;
  for (std::size_t i = 0; i < q.values.size(); ++i) out.push_back(q.value(i));
  return out;
}

/// Symmetric groups of INT4 or INT8 with an FP16 scale.
template <int bits> std::vector<double> to_group(std::span<const double> numbers) {
  return values_of(quantise_group(numbers, {.bits = bits, .group_size = static_cast<Index>(numbers.size())}));
}

inline std::vector<double> to_nf4(std::span<const double> numbers) {
  const double greatest = greatest_magnitude(numbers), scale = rounded(fp32, greatest);
  std::vector<double> out;
  for (const double x : numbers)
    out.push_back(greatest > 0 ? scale * nf4_levels[static_cast<std::size_t>(nf4_index(x / greatest))] : 0.0);
  return out;
}

}  // namespace detail

inline constexpr Conversion conversions[] = {
    {"FP64", 1, 64, detail::to_float<fp64>},
    {"FP32", 1, 32, detail::to_float<fp32>},
    {"TF32", 1, 32, detail::to_float<tf32>},
    {"FP16", 1, 16, detail::to_float<fp16>},
    {"BF16", 1, 16, detail::to_float<bf16>},
    {"FP8_E4M3FN", 1, 8, detail::to_float<fp8_e4m3>},
    {"FP8_E5M2", 1, 8, detail::to_float<fp8_e5m2>},
    {"FP4_E2M1", 1, 4, detail::to_float<fp4_e2m1>},
    {"INT8", 0, 8, [](std::span<const double> block) { return detail::values_of(quantise_int8(block)); }},
    {"INT8-G128", 128, 8.125, detail::to_group<8>},
    {"INT4-G128", 128, 4.125, detail::to_group<4>},
    {"INT4-G32", 32, 4.5, detail::to_group<4>},
    {"Q8_0", 32, 8.5, [](std::span<const double> block) { return detail::values_of(quantise_q8_0(block)); }},
    {"Q4_0", 32, 4.5, [](std::span<const double> block) { return detail::values_of(quantise_q4_0(block)); }},
    {"NF4", 64, 4.5, detail::to_nf4}};

/// @throws InputError  for an unknown name, with the nearest known one
inline const Conversion& conversion(std::string_view name) {
  return detail::find_named(conversions, name, "conversion");
}

/// What the numbers of a matrix, row after row, become.
/// @throws InputError  where blocks do not divide them; for numbers that are not finite, in formats with
/// scales
inline std::vector<double> converted(const Conversion& conversion, std::span<const double> numbers) {
  const auto block = conversion.block ? static_cast<std::size_t>(conversion.block) : numbers.size();
  if (numbers.empty() || numbers.size() % block != 0)
    fail(InputError(concat(conversion.name, ": ", numbers.size(), " numbers are not whole blocks of ",
                           conversion.block)));
  std::vector<double> out;
  out.reserve(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); i += block) {
    const std::vector<double> part = conversion.apply(numbers.subspan(i, block));
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

/// How far numbers moved. Those that left the format's range are counted, and stand in no mean.
struct ConversionError {
  double max_absolute = 0;
  double root_mean_square = 0;
  double relative = 0;   ///< root mean square of the error over that of the numbers
  Index overflowed = 0;  ///< finite numbers that became infinite or NaN
  Index vanished = 0;    ///< numbers that became 0
};

/// @throws InputError  where the lists differ in length, or are empty
inline ConversionError conversion_error(std::span<const double> before, std::span<const double> after) {
  if (before.size() != after.size() || before.empty())
    fail(InputError(concat(before.size(), " numbers against ", after.size(), " converted ones")));
  ConversionError error;
  double squares = 0, whole = 0, counted = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    error.vanished += before[i] != 0 && after[i] == 0 ? 1 : 0;
    if (std::isfinite(before[i]) && !std::isfinite(after[i])) {
      ++error.overflowed;
      continue;
    }
    const double difference = std::abs(before[i] - after[i]);
    error.max_absolute = (std::max)(error.max_absolute, difference);
    squares += difference * difference, whole += before[i] * before[i], counted += 1;
  }
  if (counted > 0) error.root_mean_square = std::sqrt(squares / counted);
  if (whole > 0) error.relative = std::sqrt(squares / whole);
  return error;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
