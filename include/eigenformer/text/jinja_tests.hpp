// The tests of a Jinja template: `value is name(arguments)`, and the comparisons that they share with
// operators.
#pragma once

#include <eigenformer/text/jinja_methods.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

/// Python's <; both numbers, strings, or sequences of one type.
inline bool less(Work& work, const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) return a.integer() < b.integer();
  if (a.is_number() && b.is_number()) return a.number() < b.number();
  if (a.is_string() && b.is_string()) return a.string() < b.string();  // in UTF-8 as by code points
  const Sequence *const x = a.sequence(), *const y = b.sequence();
  if (x == nullptr || y == nullptr || x->is_tuple != y->is_tuple)
    work.refuse(concat("a ", a.type_name(), " and a ", b.type_name(), " have no order"));
  for (std::size_t i = 0; i < x->items.size() && i < y->items.size(); ++i)
    if (!equal(work, x->items[i], y->items[i])) return less(work, x->items[i], y->items[i]);
  return x->items.size() < y->items.size();
}

/// a == b, a != b, a < b, a <= b, a > b, a >= b, a in b, a not in b
inline bool compare(Work& work, std::string_view name, const Value& a, const Value& b) {
  work.step((std::min)(a.is_string() ? a.string().size() / 8 : 1, b.is_string() ? b.string().size() / 8 : 1));
  if (name == "==") return equal(work, a, b);
  if (name == "!=") return !equal(work, a, b);
  if (name == "<") return less(work, a, b);
  if (name == ">") return less(work, b, a);
  const bool is_number = a.is_number() && b.is_number();  // nan is neither less nor greater
  if (name == "<=") return less(work, a, b) || (is_number ? equal(work, a, b) : !less(work, b, a));
  if (name == ">=") return less(work, b, a) || (is_number ? equal(work, a, b) : !less(work, a, b));
  return contains(work, b, a) == (name == "in");
}

namespace detail {

/// The operator that a test stands for, or "".
inline std::string_view operator_of_test(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"eq", "=="}, {"equalto", "=="},    {"ne", "!="}, {"lt", "<"},  {"lessthan", "<"},
      {"gt", ">"},  {"greaterthan", ">"}, {"le", "<="}, {"ge", ">="}, {"in", "in"}};
  for (const auto& [test, symbol] : names)
    if (test == name || (symbol == name && name != "in")) return symbol;
  return "";
}

inline bool is_callable(const Value& value) {
  return value.method() != nullptr || value.is<const MacroDefinition*>() || value.is<Function>();
}

}  // namespace detail

/// value is name(arguments)
inline bool test(Work& work, std::string_view name, const Value& value, const Arguments& arguments) {
  if (const std::string_view symbol = detail::operator_of_test(name); !symbol.empty())
    return compare(work, symbol, value, Bound(work, name, arguments, {"other"}, 1)[0]);
  const auto integer = [&] {
    if (!value.is_integer())
      work.refuse(concat("is ", name, ": a ", value.type_name(), " is not an integer"));
    return value.integer();
  };
  if (name == "divisibleby") {
    const std::int64_t by = Bound(work, name, arguments, {"num"}, 1).integer(0, 0);
    if (by == 0) work.refuse("is divisibleby: the number is 0");
    return by == -1 || integer() % by == 0;
  }
  const Bound none(work, name, arguments, {});
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "string") return value.is_string();
  if (name == "mapping") return value.dict() != nullptr;
  if (name == "boolean") return value.is<bool>();
  if (name == "true") return value.is<bool>() && value.truth();
  if (name == "false") return value.is<bool>() && !value.truth();
  if (name == "integer") return value.is<std::int64_t>();
  if (name == "float") return value.is<double>();
  if (name == "number") return value.is_number();
  if (name == "iterable" || name == "sequence")
    return value.is_string() || value.is_undefined() || value.sequence() != nullptr ||
           value.dict() != nullptr;
  if (name == "callable") return detail::is_callable(value);
  if (name == "odd") return integer() % 2 != 0;
  if (name == "even") return integer() % 2 == 0;
  if (name == "lower" || name == "upper") {
    const std::string text = to_text(work, value);
    work.step(text.size() / 2);
    const bool cased_letter = cased(text, Case::lower) != cased(text, Case::upper);
    return cased_letter && cased(text, name == "lower" ? Case::lower : Case::upper) == text;
  }
  work.refuse(concat("the test \"", printable(name), "\" is not supported"));
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
