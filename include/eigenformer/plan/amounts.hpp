// What all calculators share: checks of their input, arithmetic that refuses to overflow, and amounts as
// people read them, always with their unit.
//
// Conventions: counts of parameters and tokens that are exact are Index; bytes, FLOPs and seconds that come
// out of a division are double. GB is 10⁹ bytes and GiB 2³⁰; both are printed.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/types.hpp>
#include <eigenformer/plan/names.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdio>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

inline constexpr double gigabyte = 1e9;                     ///< bytes of a GB
inline constexpr double gibibyte = 1073741824.0;            ///< bytes of a GiB
inline constexpr double flops_per_pf_day = 1e15 * 86400.0;  ///< Kaplan et al. 2020: 10¹⁵ × 24 × 3600 FLOPs

namespace detail {

/// @throws InputError  unless value is a finite number above 0
inline void require_positive(double value, const char* what) {
  if (!(value > 0) || !std::isfinite(value)) fail(InputError(concat(what, " must be positive, is ", value)));
}
inline void require_positive(Index value, const char* what) {
  if (value <= 0) fail(InputError(concat(what, " must be positive, is ", value)));
}
/// @throws InputError  unless value is a finite number, 0 or above
inline void require_not_negative(double value, const char* what) {
  if (!(value >= 0) || !std::isfinite(value))
    fail(InputError(concat(what, " must not be negative, is ", value)));
}
inline void require_not_negative(Index value, const char* what) {
  if (value < 0) fail(InputError(concat(what, " must not be negative, is ", value)));
}
/// @throws InputError  unless low ≤ value ≤ high
inline void require_between(double value, double low, double high, const char* what) {
  if (!(value >= low && value <= high))
    fail(InputError(concat(what, " must lie between ", low, " and ", high, ", is ", value)));
}

/// a + b of two counts that are not negative.
constexpr Index add(Index a, Index b) {
  if (a > (std::numeric_limits<Index>::max)() - b)
    fail(InputError(concat(a, " + ", b, " is too large to count")));
  return a + b;
}

/// The product of counts that are not negative.
/// @throws InputError  where it exceeds 2⁶³ - 1
constexpr Index multiply(Index a, Index b) {
  if (b > 0 && a > (std::numeric_limits<Index>::max)() / b)
    fail(InputError(concat(a, " × ", b, " is too large to count")));
  return a * b;
}
template <class... Rest> constexpr Index multiply(Index a, Index b, Rest... rest) {
  return multiply(multiply(a, b), rest...);
}

inline std::string scaled(double value, const char* form, double unit) {
  char text[64];
  std::snprintf(text, sizeof text, form, value / unit);
  return text;
}

}  // namespace detail

/// All digits, in groups of three: "124,439,808".
inline std::string grouped(Index count) {
  std::string digits = std::to_string(count);
  for (auto i = static_cast<Index>(digits.size()) - 3; i > (count < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  return digits;
}

/// "26.95 GB (25.10 GiB)"; below a megabyte "1,234 bytes" without a second unit.
inline std::string bytes_text(double bytes) {
  if (bytes < 1e6) return grouped(static_cast<Index>(std::llround(bytes))) + " bytes";
  if (bytes < 1e8)
    return detail::scaled(bytes, "%.2f MB", 1e6) + detail::scaled(bytes, " (%.2f MiB)", 1048576.0);
  return detail::scaled(bytes, "%.2f GB", gigabyte) + detail::scaled(bytes, " (%.2f GiB)", gibibyte);
}

/// A count in the field's abbreviations: "124.44M", "70.00B", "1.40T".
inline std::string count_text(double count) {
  if (count < 1e3) return detail::scaled(count, "%.0f", 1.0);
  if (count < 1e6) return detail::scaled(count, "%.2fk", 1e3);
  if (count < 1e9) return detail::scaled(count, "%.2fM", 1e6);
  if (count < 1e12) return detail::scaled(count, "%.2fB", 1e9);
  return detail::scaled(count, "%.2fT", 1e12);
}

/// The same in three digits, for sentences: "1.3B", "26B", "405M".
inline std::string short_count_text(double count) {
  const char* const units[] = {"", "k", "M", "B", "T"};
  std::size_t unit = 0;
  while (count >= 999.5 && unit < 4) count /= 1e3, ++unit;
  return detail::scaled(count, count >= 999.5 ? "%.0f" : "%.3g", 1.0) + units[unit];
}

/// A duration in the unit that suits it: "6.61 ms", "3.5 h", "34.0 days".
inline std::string seconds_text(double seconds) {
  if (seconds == 0) return "0 s";
  if (seconds < 1.0) return detail::scaled(seconds, "%.2f ms", 1e-3);
  if (seconds < 120.0) return detail::scaled(seconds, "%.1f s", 1.0);
  if (seconds < 7200.0) return detail::scaled(seconds, "%.1f min", 60.0);
  if (seconds < 172800.0) return detail::scaled(seconds, "%.1f h", 3600.0);
  if (seconds < 1e8) return detail::scaled(seconds, "%.1f days", 86400.0);
  return detail::scaled(seconds, "%.3g years", 86400.0 * 365.25);
}

namespace detail {

/// The largest count from 1 to `limit` for which fits(count), which no larger one undoes, is true.
/// @throws InputError  where not even one fits
template <class Fits> Index most_that_fits(Fits fits, Index limit, const char* what, double room_bytes) {
  if (!fits(1)) fail(InputError(concat("not even one ", what, " fits ", bytes_text(room_bytes))));
  Index low = 1, high = 2;
  while (high <= limit && fits(high)) low = high, high = multiply(Index{2}, high);
  high = (std::min)(high, add(limit, 1));
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace detail

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
