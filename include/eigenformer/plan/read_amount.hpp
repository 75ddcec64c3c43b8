// Amounts as people write them: "1.3B", "26e9", "2,048", "4k".
#pragma once

#include <eigenformer/plan/amounts.hpp>

#include <charconv>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// What an amount may be, ends included.
struct AmountRange {
  double low = 0;
  double high = 0;
};

namespace detail {

/// Digits without the commas, underscores and spaces that group them.
inline std::string without_groups(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ',' && c != '_' && c != ' ') digits += c;
  return digits;
}

/// What a letter behind a number multiplies it by; 0 for one that means nothing.
constexpr double multiplier(char letter) {
  switch (letter) {
    case 'k':
    case 'K': return 1e3;
    case 'm':
    case 'M': return 1e6;
    case 'b':
    case 'B':
    case 'g':
    case 'G': return 1e9;
    case 't':
    case 'T': return 1e12;
    default: return 0;
  }
}

/// A number as a message shows it: 26,000,000,000 as "26B".
inline std::string short_number(double value) {
  if (value >= 1e3 && value < 1e15) return short_count_text(value);
  return concat(value);
}

}  // namespace detail

/// A number with an optional suffix: K 10³, M 10⁶, B or G 10⁹, T 10¹². Commas and underscores between digits
/// are passed over.
/// @param what  who asks: "--tokens"
/// @throws InputError  for what is no number, and for one outside of the range (NaN and infinity always are)
inline double read_amount(std::string_view text, const std::string& what, const AmountRange& range) {
  const std::string digits = detail::without_groups(text);
  double value = 0;
  const char* const begin = digits.data() + (digits.size() > 1 && digits[0] == '+' ? 1 : 0);
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(begin, last, value);
  const double scale = end == last ? 1.0 : end + 1 == last ? detail::multiplier(*end) : 0.0;
  const bool read = error == std::errc() && std::isfinite(value) && scale != 0;
  if (!read && error != std::errc::result_out_of_range)
    fail(InputError(concat(what, " must be a number like 4096, 1.3B or 2e12, is '", printable(text), "'")));
  value *= scale;
  if (!read || !(value >= range.low && value <= range.high))
    fail(InputError(concat(what, " must lie between ", detail::short_number(range.low), " and ",
                           detail::short_number(range.high), ", is ", printable(text))));
  return value;
}

/// The same for a whole number: "1.3B" is one, "1.5" is none.
inline Index read_count(std::string_view text, const std::string& what, const AmountRange& range) {
  // Digits alone are read exactly; a double would round those beyond 2⁵³.
  const std::string digits = detail::without_groups(text);
  Index count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  const bool plain = error == std::errc() && end == digits.data() + digits.size();
  const double value = read_amount(text, what, range);
  if (plain) return count;
  // 1.3 × 10⁹ is not exactly 1,300,000,000 in binary, so a number is whole where it is the nearest one.
  const double whole = std::round(value);
  if (std::abs(value - whole) > 1e-9 * value || whole > 9e18)
    fail(InputError(concat(what, " must be a whole number, is ", printable(text))));
  return static_cast<Index>(whole);
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
