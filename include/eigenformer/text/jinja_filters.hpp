// The filters of a Jinja template: `value | name(arguments)`.
#pragma once

#include <eigenformer/text/jinja_tests.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

inline Value filter(Work& work, const std::string& name, const Value& value, const Arguments& arguments);

namespace detail {

/// An attribute named as filters name them: "a.b.0" looks into "a", then "b", then element 0.
inline Value path_element(Work& work, Value value, const Value& path) {
  if (path.is_integer()) return element(work, value, path);
  if (!path.is_string())
    work.refuse(concat("an attribute is named by a string, not by a ", path.type_name()));
  work.step(path.string().size());
  for (const std::string& part : split(path.string(), ".", -1, false)) {
    std::int64_t index = 0;
    const auto end = part.data() + part.size();
    const bool is_index = !part.empty() && part[0] >= '0' && part[0] <= '9' &&
                          std::from_chars(part.data(), end, index).ptr == end;
    value = element(work, value, is_index ? Value(index) : Value(part));
  }
  return value;
}

/// The first positional argument, and those behind it.
inline std::pair<Value, Arguments> split_first(Work& work, const std::string& what,
                                               const Arguments& arguments) {
  if (arguments.positional.empty()) work.refuse(concat(what, " needs an argument"));
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  return {arguments.positional.front(), std::move(rest)};
}

inline const std::string& name_in(Work& work, const std::string& what, const Value& name) {
  if (!name.is_string()) work.refuse(concat(what, " takes a name, not a ", name.type_name()));
  return name.string();
}

/// select, reject, selectattr, rejectattr
inline Value selected(Work& work, const std::string& what, const Value& value, Arguments arguments) {
  const bool keep = what.starts_with("select"), by_attribute = what.ends_with("attr");
  Value path;
  if (by_attribute) std::tie(path, arguments) = split_first(work, what, arguments);
  std::string name;
  if (!arguments.positional.empty()) {
    Value first;
    std::tie(first, arguments) = split_first(work, what, arguments);
    name = name_in(work, what, first);
  }
  std::vector<Value> out;
  for (const Value& item : items_of(work, value)) {
    const Value subject = by_attribute ? path_element(work, item, path) : item;
    if ((name.empty() ? subject.truth() : test(work, name, subject, arguments)) == keep) out.push_back(item);
  }
  return list(std::move(out));
}

/// map("filter", arguments…) or map(attribute="a.b", default=…)
inline Value mapped(Work& work, const Value& value, const Arguments& arguments) {
  std::vector<Value> out;
  if (arguments.positional.empty()) {
    const Bound bound(work, "map", arguments, {"attribute", "default"}, 1);
    for (const Value& item : items_of(work, value)) {
      Value found = path_element(work, item, bound[0]);
      out.push_back(found.is_undefined() && bound.has(1) ? bound[1] : std::move(found));
    }
  } else {
    const auto [name, rest] = split_first(work, "map", arguments);
    for (const Value& item : items_of(work, value))
      out.push_back(filter(work, name_in(work, "map", name), item, rest));
  }
  return list(std::move(out));
}

inline Value json_filter(Work& work, const Value& value, const Arguments& arguments) {
  const Bound bound(work, "tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style{.ascii_only = bound.truth(0, false), .sort_keys = bound.truth(3, false)};
  if (bound.has_value(1)) {
    if (bound[1].is_string())
      style.indent = bound[1].string();
    else
      style.indent =
          std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(bound.integer(1, 0), 0, 64)), ' ');
    style.item_separator = ",";
  }
  if (bound.has_value(2)) {
    const Sequence* const pair = bound[2].sequence();
    if (pair == nullptr || pair->items.size() != 2 || !pair->items[0].is_string() ||
        !pair->items[1].is_string())
      work.refuse("tojson: separators are two strings");
    style.item_separator = pair->items[0].string();
    style.key_separator = pair->items[1].string();
  }
  return work.string(to_json(work, value, style));
}

/// int(default=0, base=10) and float(default=0.0): what is no number gives the default.
inline Value to_number(Work& work, const Value& value, bool integer, const Arguments& arguments) {
  const Bound bound(work, integer ? "int" : "float", arguments, {"default"});
  const Value otherwise = bound.has(0) ? bound[0] : integer ? Value(std::int64_t{0}) : Value(0.0);
  double number = 0;
  if (value.is_number()) {
    if (integer && value.is_integer()) return value.integer();
    number = value.number();
  } else if (value.is_string()) {
    work.read(value.string().size());
    const std::string_view text = strip(value.string(), Side::both);
    const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
    const char* const end = digits.data() + digits.size();
    if (digits.empty() || digits.starts_with("+") || (text.starts_with('+') && digits.starts_with('-')))
      return otherwise;
    if (std::int64_t whole = 0; integer) {
      const auto read = std::from_chars(digits.data(), end, whole);
      if (read.ptr == end && read.ec == std::errc()) return whole;
      if (read.ptr == end) work.refuse("int: the number is too large");
    }
    const auto read = std::from_chars(digits.data(), end, number);
    if (read.ptr != end || read.ec != std::errc()) return otherwise;
  } else {
    return otherwise;
  }
  if (!integer) return number;
  if (!std::isfinite(number)) return otherwise;
  if (std::abs(number) >= 9.2e18) work.refuse("int: the number is too large");
  return static_cast<std::int64_t>(number);
}

/// indent(width=4, first=false, blank=false): every line but the first begins with so many blanks, or with a
/// string.
inline Value indented(Work& work, const Value& value, const Arguments& arguments) {
  const Bound bound(work, "indent", arguments, {"width", "first", "blank"});
  const std::string indent =
      bound.has(0) && bound[0].is_string()
          ? bound.string(0)
          : std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(bound.integer(0, 4), 0, 1000)),
                        ' ');
  const bool with_first = bound.truth(1, false), with_blank = bound.truth(2, false);
  const std::string text = to_text(work, value);
  std::vector<std::string> lines = split_lines(text + "\n");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    work.step(indent.size() / 8);
    if (i == 0 ? with_first : with_blank || !lines[i].empty()) lines[i] = indent + lines[i];
  }
  return join(work, lines, "\n");
}

/// dictsort: pairs of key and value, ordered by key without regard to case.
inline Value dict_sorted(Work& work, const Value& value, const Arguments& arguments) {
  const Bound none(work, "dictsort", arguments, {});
  if (value.dict() == nullptr) work.refuse(concat("dictsort takes a dict, not a ", value.type_name()));
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, item] : value.dict()->items) {
    work.step(8);
    keyed.emplace_back(key.is_string() ? Value(cased(key.string(), Case::lower)) : key, tuple({key, item}));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const auto& a, const auto& b) { return less(work, a.first, b.first); });
  std::vector<Value> out;
  for (auto& [key, pair] : keyed) out.push_back(std::move(pair));
  return list(std::move(out));
}

/// Filters of what has elements; undefined if the name is none of theirs.
inline Value sequence_filter(Work& work, const std::string& name, const Value& value,
                             const Arguments& arguments, bool& known) {
  known = true;
  if (name == "map") return mapped(work, value, arguments);
  if (name == "select" || name == "reject" || name == "selectattr" || name == "rejectattr")
    return selected(work, name, value, arguments);
  if (name == "dictsort") return dict_sorted(work, value, arguments);
  if (name == "join") {
    const Bound bound(work, name, arguments, {"d", "attribute"});
    std::vector<std::string> parts;
    for (const Value& item : items_of(work, value))
      parts.push_back(to_text(work, bound.has_value(1) ? path_element(work, item, bound[1]) : item));
    return join(work, parts, bound.has(0) ? bound.string(0) : std::string_view());
  }
  if (name == "length" || name == "count" || name == "list" || name == "first" || name == "last" ||
      name == "reverse" || name == "items") {
    const Bound none(work, name, arguments, {});
    if (name == "length" || name == "count") return static_cast<std::int64_t>(length_of(work, value));
    if (name == "items") {
      if (value.is_undefined()) return list({});
      if (value.dict() == nullptr) work.refuse(concat("items takes a dict, not a ", value.type_name()));
      return call_dict_method(work, *value.dict(), name, arguments);
    }
    std::vector<Value> items = items_of(work, value);
    if (name == "list") return list(std::move(items));
    if (name == "reverse") {
      std::reverse(items.begin(), items.end());
      if (!value.is_string()) return list(std::move(items));
      std::string text;
      for (const Value& c : items) text += c.string();
      return text;
    }
    if (items.empty()) return Value::undefined("there is no element");
    return name == "first" ? items.front() : items.back();
  }
  known = false;
  return {};
}

}  // namespace detail

/// value | name(arguments)
inline Value filter(Work& work, const std::string& name, const Value& value, const Arguments& arguments) {
  work.step();
  if (name == "safe") {
    const Bound none(work, name, arguments, {});
    return work.string(to_text(work, value)).as_safe();
  }
  refuse_safe(work, value);
  bool known = false;
  if (Value out = detail::sequence_filter(work, name, value, arguments, known); known) return out;
  if (name == "default" || name == "d") {
    const Bound bound(work, name, arguments, {"default_value", "boolean"});
    const bool missing = value.is_undefined() || (bound.truth(1, false) && !value.truth());
    return !missing ? value : bound.has(0) ? bound[0] : Value(std::string());
  }
  if (name == "tojson") return detail::json_filter(work, value, arguments);
  if (name == "int" || name == "float") return detail::to_number(work, value, name == "int", arguments);
  if (name == "indent") return detail::indented(work, value, arguments);
  if (name == "abs") {
    const Bound none(work, name, arguments, {});
    if (value.is<double>()) return std::abs(value.number());
    if (!value.is_integer()) work.refuse(concat("abs takes a number, not a ", value.type_name()));
    if (value.integer() == (std::numeric_limits<std::int64_t>::min)())
      work.refuse("abs: the number is too large");
    return std::abs(value.integer());
  }
  if (name == "trim") {
    const Bound bound(work, name, arguments, {"chars"});
    const std::string text = to_text(work, value);
    if (!bound.has_value(0)) return work.string(std::string(strip(text, Side::both)));
    work.search(text, bound.string(0));
    return work.string(std::string(strip(text, Side::both, bound.string(0))));
  }
  if (name == "replace") {
    const Bound bound(work, name, arguments, {"old", "new", "count"}, 2);
    const std::int64_t most = bound.has_value(2) ? bound.integer(2, -1) : -1;
    return work.string(
        replace(work, to_text(work, value), to_text(work, bound[0]), to_text(work, bound[1]), most));
  }
  if (name == "string" || name == "upper" || name == "lower" || name == "title" || name == "capitalize") {
    const Bound none(work, name, arguments, {});
    const std::string text = to_text(work, value);
    if (name == "string") return work.string(text);
    if (name == "upper" || name == "lower")
      return work.string(cased(text, name == "upper" ? Case::upper : Case::lower));
    return work.string(name == "title" ? title_filter(text) : capitalized(text));
  }
  work.refuse(concat("the filter \"", printable(name), "\" is not supported"));
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
