// Attributes, elements and methods of the values of a Jinja template.
#pragma once

#include <eigenformer/text/jinja_print.hpp>
#include <eigenformer/text/jinja_strings.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

/// What a for statement, `in` or a filter goes through: elements, keys or characters; nothing for what is
/// undefined.
inline std::vector<Value> items_of(Work& work, const Value& value) {
  std::vector<Value> out;
  if (const Sequence* const sequence = value.sequence()) {
    out = sequence->items;
  } else if (const Dict* const dict = value.dict()) {
    for (const auto& item : dict->items) out.push_back(item.first);
  } else if (value.is_string()) {
    work.step(value.string().size());
    for (const std::string_view c : characters(value.string())) out.emplace_back(std::string(c));
  } else if (!value.is_undefined()) {
    work.refuse(concat("a ", value.type_name(), " cannot be gone through"));
  }
  work.step(out.size());
  return out;
}

inline std::size_t length_of(Work& work, const Value& value) {
  if (const Sequence* const sequence = value.sequence()) return sequence->items.size();
  if (const Dict* const dict = value.dict()) return dict->items.size();
  if (value.is_string()) {
    work.read(value.string().size());
    return utf8_count(value.string());
  }
  if (!value.is_undefined()) work.refuse(concat("a ", value.type_name(), " has no length"));
  return 0;
}

/// Python's `in`.
inline bool contains(Work& work, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) work.refuse(concat("a ", item.type_name(), " cannot be looked for in a string"));
    work.search(container.string(), item.string());
    return container.string().find(item.string()) != std::string::npos;
  }
  const std::vector<Value> items = items_of(work, container);
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& other) { return equal(work, item, other); });
}

namespace detail {

inline constexpr std::string_view string_methods[] = {
    "strip",      "lstrip",   "rstrip", "split", "rsplit",       "splitlines",
    "startswith", "endswith", "upper",  "lower", "title",        "capitalize",
    "replace",    "find",     "count",  "join",  "removeprefix", "removesuffix"};
inline constexpr std::string_view dict_methods[] = {"items", "keys", "values", "get"};

/// What the types of Python have beside these: asking for it would not give "undefined" there, so that it
/// must not here.
inline constexpr std::string_view other_string_methods[] = {
    "casefold",     "center",     "encode",    "expandtabs",  "format",    "format_map",
    "index",        "isalnum",    "isalpha",   "isascii",     "isdecimal", "isdigit",
    "isidentifier", "islower",    "isnumeric", "isprintable", "isspace",   "istitle",
    "isupper",      "ljust",      "maketrans", "partition",   "rfind",     "rindex",
    "rjust",        "rpartition", "swapcase",  "translate",   "zfill"};
inline constexpr std::string_view other_dict_methods[] = {"clear",   "copy",       "fromkeys", "pop",
                                                          "popitem", "setdefault", "update"};
inline constexpr std::string_view other_list_methods[] = {
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"};

inline bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// An attribute that Python's type has, or what is undefined.
inline Value type_attribute(Work& work, const Value& value, const std::string& name) {
  refuse_safe(work, value);
  std::span<const std::string_view> known, others;
  if (value.is_string()) {
    known = string_methods, others = other_string_methods;
  } else if (value.dict() != nullptr) {
    known = dict_methods, others = other_dict_methods;
  } else if (value.sequence() != nullptr) {
    others = other_list_methods;
  }
  if (is_one_of(name, known)) return Method{value, name};
  if (is_one_of(name, others) || name.starts_with("__"))
    work.refuse(concat("the method \"", printable(name), "\" of a ", value.type_name(), " is not supported"));
  return Value::undefined(concat("a ", value.type_name(), " has no attribute \"", printable(name), '"'));
}

inline Value loop_attribute(Work& work, const Loop& loop, const std::string& name) {
  if (!loop.at) work.refuse("the loop has ended");
  const auto number = [](std::size_t value) { return Value(static_cast<std::int64_t>(value)); };
  if (name == "index") return number(loop.index + 1);
  if (name == "index0") return number(loop.index);
  if (name == "first") return loop.index == 0;
  if (name == "last") return loop.at(loop.index + 1) == nullptr;
  if (name == "length") return number(loop.length());
  if (name == "revindex") return number(loop.length() - loop.index);
  if (name == "revindex0") return number(loop.length() - loop.index - 1);
  if (name == "depth") return std::int64_t{1};  // of recursion, which there is none of
  if (name == "depth0") return std::int64_t{0};
  if (name == "previtem" || name == "nextitem") {
    const bool next = name == "nextitem";
    const Value* const item =
        next || loop.index > 0 ? loop.at(next ? loop.index + 1 : loop.index - 1) : nullptr;
    return item != nullptr ? *item
                           : Value::undefined(concat("there is no ", next ? "next" : "previous", " item"));
  }
  work.refuse(concat("loop.", name, " is not supported"));
}

}  // namespace detail

/// value.name
inline Value attribute(Work& work, const Value& value, const std::string& name) {
  if (const auto* const undefined = value.get_if<Undefined>())
    work.refuse(undefined->why ? *undefined->why : "the value is undefined");
  if (const auto* const space = value.get_if<Namespace*>()) {
    const auto found = (*space)->find(name);
    return found != (*space)->end()
               ? found->second
               : Value::undefined(concat("the namespace has no attribute \"", printable(name), '"'));
  }
  if (const auto* const loop = value.get_if<std::shared_ptr<Loop>>())
    return detail::loop_attribute(work, **loop, name);
  Value out = detail::type_attribute(work, value, name);
  if (const Dict* const dict = value.dict(); dict != nullptr && out.is_undefined())
    if (const Value* const found = dict->find(name)) return *found;
  return out;
}

/// value[key]
inline Value element(Work& work, const Value& value, const Value& key) {
  if (value.is_undefined()) return attribute(work, value, "");
  if (const Dict* const dict = value.dict()) {
    work.step(dict->items.size() / 8);
    for (const auto& [name, item] : dict->items)
      if (equal(work, name, key)) return item;
  } else if (key.is_integer() && (value.sequence() != nullptr || value.is_string())) {
    const auto size = static_cast<std::int64_t>(length_of(work, value));
    const std::int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
    if (index < 0 || index >= size) return Value::undefined(concat("there is no element ", key.integer()));
    if (value.is_string()) {
      const std::string& text = value.string();
      std::size_t at = 0;
      for (std::int64_t i = 0; i < index; ++i) at += utf8_length(text[at]);
      work.text(at);
      return text.substr(at, utf8_length(text[at]));
    }
    return value.sequence()->items[static_cast<std::size_t>(index)];
  }
  if (key.is_string())
    return value.dict() != nullptr ? detail::type_attribute(work, value, key.string())
                                   : attribute(work, value, key.string());
  return Value::undefined(concat("a ", value.type_name(), " has no element ", printable(to_text(work, key))));
}

/// value[start:stop:step] of a list, a tuple or a string; bounds may be none.
inline Value slice(Work& work, const Value& value, const Value& start, const Value& stop, const Value& step) {
  for (const Value* const bound : {&start, &stop, &step})
    if (!bound->is_none() && !bound->is_integer())
      work.refuse(concat("a slice is bounded by integers, not by a ", bound->type_name()));
  if (value.sequence() == nullptr && !value.is_string())
    work.refuse(concat("a ", value.type_name(), " cannot be sliced"));
  const std::vector<Value> items = items_of(work, value);
  const auto size = static_cast<std::int64_t>(items.size());
  const std::int64_t by = step.is_none() ? 1 : step.integer();
  if (by == 0) work.refuse("the step of a slice is 0");
  // As Python does: bounds are counted from the end where negative, and then limited to what is there.
  const auto bound = [&](const Value& given, std::int64_t otherwise) {
    if (given.is_none()) return otherwise;
    const std::int64_t at = given.integer() < 0 ? given.integer() + size : given.integer();
    return by > 0 ? std::clamp(at, std::int64_t{0}, size) : std::clamp(at, std::int64_t{-1}, size - 1);
  };
  const std::int64_t first = bound(start, by > 0 ? 0 : size - 1), end = bound(stop, by > 0 ? size : -1);
  std::vector<Value> out;
  for (std::int64_t i = first; by > 0 ? i < end : i > end;) {
    out.push_back(items[static_cast<std::size_t>(i)]);
    if (by > size || by < -size) break;  // also keeps i + by from overflowing
    i += by;
  }
  if (!value.is_string()) return Sequence{std::move(out), value.sequence()->is_tuple};
  std::string text;
  for (const Value& c : out) text += c.string();
  return text;
}

namespace detail {

inline Value call_dict_method(Work& work, const Dict& dict, const std::string& name,
                              const Arguments& arguments) {
  if (name == "get") {
    const Bound bound(work, "get", arguments, {"key", "default"}, 1);
    for (const auto& [key, value] : dict.items)
      if (equal(work, key, bound[0])) return value;
    return bound.has(1) ? bound[1] : Value(None{});
  }
  const Bound none(work, name, arguments, {});
  std::vector<Value> out;
  for (const auto& [key, value] : dict.items)
    out.push_back(name == "keys" ? key : name == "values" ? value : tuple({key, value}));
  return list(std::move(out));
}

inline Value strings(Work& work, std::vector<std::string> parts) {
  work.step(parts.size());
  std::vector<Value> out;
  for (std::string& part : parts) out.push_back(work.string(std::move(part)));
  return list(std::move(out));
}

/// startswith and endswith, which also take several in a tuple.
inline bool has_affix(Work& work, const std::string& text, const Value& affix, bool at_end) {
  if (affix.is_string()) {
    work.read(affix.string().size());
    return at_end ? text.ends_with(affix.string()) : text.starts_with(affix.string());
  }
  if (affix.sequence() == nullptr || !affix.sequence()->is_tuple)
    work.refuse(concat(at_end ? "endswith" : "startswith", " takes a string, not a ", affix.type_name()));
  const auto& items = affix.sequence()->items;
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return has_affix(work, text, item, at_end); });
}

inline std::size_t occurrences(Work& work, const std::string& text, const std::string& part) {
  work.search(text, part);
  if (part.empty()) return utf8_count(text) + 1;
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

inline Value join(Work& work, const std::vector<std::string>& parts, std::string_view separator) {
  std::size_t size = separator.size() * parts.size();
  for (const std::string& part : parts) size += part.size();
  work.text(size);  // before it is made
  std::string out;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) out += separator;
    out += part;
  }
  return out;
}

inline Value call_string_method(Work& work, const std::string& text, const std::string& name,
                                const Arguments& arguments) {
  work.text(text.size());
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Bound bound(work, name, arguments, {"chars"});
    const Side side = name == "strip" ? Side::both : name == "lstrip" ? Side::left : Side::right;
    if (!bound.has_value(0)) return std::string(strip(text, side));
    work.search(text, bound.string(0));  // of each character among those to be stripped
    return std::string(strip(text, side, bound.string(0)));
  }
  if (name == "split" || name == "rsplit") {
    const Bound bound(work, name, arguments, {"sep", "maxsplit"});
    const bool has_separator = bound.has_value(0);
    if (has_separator && bound.string(0).empty()) work.refuse(concat(name, ": the separator is empty"));
    if (has_separator) work.search(text, bound.string(0));
    return strings(
        work, split(text, has_separator ? std::optional<std::string_view>(bound.string(0)) : std::nullopt,
                    bound.integer(1, -1), name == "rsplit"));
  }
  if (name == "startswith" || name == "endswith")
    return has_affix(work, text, Bound(work, name, arguments, {"affix"}, 1)[0], name == "endswith");
  if (name == "replace") {
    const Bound bound(work, name, arguments, {"old", "new", "count"}, 2);
    return work.string(replace(work, text, bound.string(0), bound.string(1), bound.integer(2, -1)));
  }
  if (name == "find" || name == "count") {
    const Bound bound(work, name, arguments, {"sub"}, 1);
    if (name == "count") return static_cast<std::int64_t>(occurrences(work, text, bound.string(0)));
    work.search(text, bound.string(0));
    const std::size_t at = text.find(bound.string(0));
    return at == std::string::npos
               ? std::int64_t{-1}
               : static_cast<std::int64_t>(utf8_count(std::string_view(text).substr(0, at)));
  }
  if (name == "join") {
    const Bound bound(work, name, arguments, {"iterable"}, 1);
    std::vector<std::string> parts;
    for (const Value& item : items_of(work, bound[0])) {
      if (!item.is_string()) work.refuse(concat("join: a ", item.type_name(), " is not a string"));
      parts.push_back(item.string());
    }
    return join(work, parts, text);
  }
  if (name == "removeprefix" || name == "removesuffix") {
    const Bound bound(work, name, arguments, {"affix"}, 1);
    const bool suffix = name == "removesuffix";
    const std::string& affix = bound.string(0);
    if (!(suffix ? text.ends_with(affix) : text.starts_with(affix))) return text;
    return suffix ? text.substr(0, text.size() - affix.size()) : text.substr(affix.size());
  }
  const Bound none(work, name, arguments, {});
  if (name == "splitlines") return strings(work, split_lines(text));
  if (name == "upper") return cased(text, Case::upper);
  if (name == "lower") return cased(text, Case::lower);
  return name == "title" ? title_method(text) : capitalized(text);
}

}  // namespace detail

/// Calls a method that attribute() gave.
inline Value call_method(Work& work, const Method& method, const Arguments& arguments) {
  if (const Dict* const dict = method.self.dict()) {
    work.step(dict->items.size());
    return detail::call_dict_method(work, *dict, method.name, arguments);
  }
  return detail::call_string_method(work, method.self.string(), method.name, arguments);
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
