// The arithmetic operators of a Jinja template, as Python has them; integers have 64 bits, and what does not
// fit is refused.
#pragma once

#include <eigenformer/text/jinja_work.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

namespace detail {

inline constexpr std::int64_t largest_integer = (std::numeric_limits<std::int64_t>::max)();
inline constexpr std::int64_t smallest_integer = (std::numeric_limits<std::int64_t>::min)();

[[noreturn]] inline void too_large(const Work& work) { work.refuse("an integer has more than 64 bits"); }

inline std::int64_t add(const Work& work, std::int64_t a, std::int64_t b) {
  if (b > 0 ? a > largest_integer - b : a < smallest_integer - b) too_large(work);
  return a + b;
}

inline std::int64_t negate(const Work& work, std::int64_t a) {
  if (a == smallest_integer) too_large(work);
  return -a;
}

inline std::int64_t multiply(const Work& work, std::int64_t a, std::int64_t b) {
  const auto magnitude = [](std::int64_t x) {
    return x < 0 ? -static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
  };
  if (a != 0 && magnitude(b) > static_cast<std::uint64_t>(largest_integer) / magnitude(a)) too_large(work);
  return a * b;
}

/// Rounded down, with the rest that has the sign of b.
inline std::pair<std::int64_t, std::int64_t> divide(const Work& work, std::int64_t a, std::int64_t b) {
  if (b == -1) return {negate(work, a), 0};
  const std::int64_t rest = a % b;
  const bool down = rest != 0 && (rest < 0) != (b < 0);
  return {a / b - (down ? 1 : 0), down ? rest + b : rest};
}

inline Value power(Work& work, const Value& a, const Value& b) {
  if (!a.is_integer() || !b.is_integer() || b.integer() < 0) {
    const double out = std::pow(a.number(), b.number());
    if (!std::isfinite(out)) work.refuse("a power is not a finite number");
    return out;
  }
  std::int64_t out = 1;
  for (std::int64_t i = 0; i < b.integer(); ++i) {
    work.step();
    out = multiply(work, out, a.integer());
  }
  return out;
}

/// A string, list or tuple so many times.
inline Value repeat(Work& work, const Value& what, std::int64_t count) {
  if (count <= 0) count = 0;
  const std::size_t size = what.is_string() ? what.string().size() : what.sequence()->items.size();
  if (size > 0 && static_cast<std::uint64_t>(count) > (std::size_t{1} << 40) / size)
    count = (std::int64_t{1} << 40);
  const std::size_t times = size == 0 ? 0 : static_cast<std::size_t>(count);
  if (what.is_string()) {
    work.text(size * times);
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += what.string();
    return out;
  }
  work.step(size * times);
  Sequence out{.is_tuple = what.sequence()->is_tuple};
  for (std::size_t i = 0; i < times; ++i)
    out.items.insert(out.items.end(), what.sequence()->items.begin(), what.sequence()->items.end());
  return out;
}

}  // namespace detail

/// a name b, where name is + - * / // % or **
inline Value calculate(Work& work, std::string_view name, const Value& a, const Value& b) {
  refuse_safe(work, a);
  refuse_safe(work, b);
  if (a.is_number() && b.is_number()) {
    const bool whole = a.is_integer() && b.is_integer();
    if ((name == "/" || name == "//" || name == "%") && b.number() == 0)
      work.refuse("a number is divided by zero");
    if (name == "**") return detail::power(work, a, b);
    if (name == "/") return a.number() / b.number();
    if (whole) {
      if (name == "+") return detail::add(work, a.integer(), b.integer());
      if (name == "-") return detail::add(work, a.integer(), detail::negate(work, b.integer()));
      if (name == "*") return detail::multiply(work, a.integer(), b.integer());
      const auto [quotient, rest] = detail::divide(work, a.integer(), b.integer());
      return name == "//" ? quotient : rest;
    }
    const double x = a.number(), y = b.number();
    if (name == "+") return x + y;
    if (name == "-") return x - y;
    if (name == "*") return x * y;
    double rest = std::fmod(x, y);
    if (name == "//") return std::floor((x - rest) / y - (rest != 0 && (rest < 0) != (y < 0) ? 0.5 : 0));
    if (rest != 0 && (rest < 0) != (y < 0)) rest += y;
    return rest;
  }
  if (name == "+" && a.is_string() && b.is_string()) {
    work.text(a.string().size() + b.string().size());
    return a.string() + b.string();
  }
  const Sequence *const x = a.sequence(), *const y = b.sequence();
  if (name == "+" && x != nullptr && y != nullptr && x->is_tuple == y->is_tuple) {
    work.step(x->items.size() + y->items.size());
    Sequence out{.items = x->items, .is_tuple = x->is_tuple};
    out.items.insert(out.items.end(), y->items.begin(), y->items.end());
    return out;
  }
  if (name == "*" && b.is_integer() && (a.is_string() || x != nullptr))
    return detail::repeat(work, a, b.integer());
  if (name == "*" && a.is_integer() && (b.is_string() || y != nullptr))
    return detail::repeat(work, b, a.integer());
  for (const Value* const operand : {&a, &b})
    if (const auto* const undefined = operand->get_if<Undefined>(); undefined != nullptr && undefined->why)
      work.refuse(*undefined->why);
  work.refuse(concat("a ", a.type_name(), ' ', name, " a ", b.type_name(), " is not supported"));
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
