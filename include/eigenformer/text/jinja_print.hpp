// How the values of a Jinja template are written: as Python's str() and repr(), and as its json.dumps().
#pragma once

#include <eigenformer/text/jinja_work.hpp>
#include <eigenformer/text/unicode.hpp>

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <utf8proc.h>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

/// The shortest digits that read back as the same number, laid out as Python's float.__repr__ does: with an
/// exponent below 1e-4 and from 1e16 on.
inline std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  const int exponent = std::abs(value) == 0 ? 0 : std::stoi(std::string(text.substr(e + 1)));
  if (exponent < -4 || exponent >= 16) return std::string(text);  // "1e-05", with two digits at least
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string out(buffer, fixed);
  return out.find('.') == std::string::npos ? out + ".0" : out;
}

namespace detail {

/// Whether Python's repr() shows a character as it is (str.isprintable).
inline bool is_shown(char32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS: return false;
    default: return true;
  }
}

inline void append_hex(std::string& out, char32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 15];
}

inline std::string quoted_text(std::string_view text) {
  const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const char32_t c = code_point(text, at);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (is_shown(c)) {
      out += text.substr(at, utf8_length(text[at]));
    } else {
      out += c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U";
      append_hex(out, c, c < 0x100 ? 2 : c < 0x10000 ? 4 : 8);
    }
  }
  return out + quote;
}

}  // namespace detail

/// Python's repr() of a value, as it stands within a printed list.
inline std::string representation(Work& work, const Value& value);

/// Python's str() of a value, which is what {{ value }} prints.
///
/// @throws FileError  for a method, a macro and their like, which no template means to print
inline std::string to_text(Work& work, const Value& value) {
  if (value.is_string()) {
    work.read(value.string().size());
    return value.string();
  }
  if (value.is_undefined()) return "";
  return representation(work, value);
}

inline std::string representation(Work& work, const Value& value) {
  work.step();  // values that share parts print larger than they are
  if (value.is_string()) {
    work.text(value.string().size());
    return detail::quoted_text(value.string());
  }
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "None";
  if (value.is<bool>()) return value.truth() ? "True" : "False";
  if (value.is_integer()) return std::to_string(value.integer());
  if (value.is<double>()) return float_text(value.number());
  std::string out;
  const auto add = [&](const std::string& part) {
    work.limit(out.size() + part.size());
    out += (out.empty() ? "" : ", ") + part;
  };
  if (const Sequence* const sequence = value.sequence()) {
    for (const Value& item : sequence->items) add(representation(work, item));
    if (!sequence->is_tuple) return "[" + out + "]";
    return "(" + out + (sequence->items.size() == 1 ? ",)" : ")");
  }
  if (const Dict* const dict = value.dict()) {
    for (const auto& [key, item] : dict->items)
      add(representation(work, key) + ": " + representation(work, item));
    return "{" + out + "}";
  }
  work.refuse(concat("a ", value.type_name(), " cannot be printed"));
}

/// How json.dumps() lays a value out.
struct JsonStyle {
  bool ascii_only = false;
  std::optional<std::string> indent = {};  // of a level; without one all stands on one line
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false;
};

namespace detail {

inline void append_json_string(std::string& out, std::string_view text, bool ascii_only) {
  static constexpr std::string_view letters = "\"\\\b\f\n\r\t", names = "\"\\bfnrt";
  out += '"';
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const char32_t c = code_point(text, at);
    const std::size_t letter = letters.find(text[at]);
    if (letter != std::string_view::npos) {
      out += '\\';
      out += names[letter];
    } else if (c >= 0x20 && (c < 0x7F || !ascii_only)) {
      out += text.substr(at, utf8_length(text[at]));
    } else if (c < 0x10000) {
      out += "\\u";
      append_hex(out, c, 4);
    } else {  // a pair of surrogates
      out += "\\u";
      append_hex(out, 0xD800 + ((c - 0x10000) >> 10), 4);
      out += "\\u";
      append_hex(out, 0xDC00 + ((c - 0x10000) & 0x3FF), 4);
    }
  }
  out += '"';
}

/// A key as json.dumps() writes it: numbers and constants become strings.
inline std::string json_key(Work& work, const Value& key) {
  if (key.is_none()) return "null";
  if (key.is<bool>()) return key.truth() ? "true" : "false";
  if (key.is_string() || key.is_number()) return to_text(work, key);
  work.refuse(concat("tojson: a ", key.type_name(), " cannot be a key"));
}

class JsonWriter {
 public:
  JsonWriter(Work& work, const JsonStyle& style) : work_(work), style_(style) {}

  void write(const Value& value) {
    work_.step();  // values that share parts are longer than they are large
    work_.limit(out.size());
    if (value.is_string()) {
      work_.text(value.string().size());
      return append_json_string(out, value.string(), style_.ascii_only);
    }
    if (value.is_none()) return void(out += "null");
    if (value.is<bool>()) return void(out += value.truth() ? "true" : "false");
    if (value.is_integer()) return void(out += std::to_string(value.integer()));
    if (value.is<double>()) {
      const double number = value.number();
      out += std::isnan(number)   ? "NaN"
             : std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity")
                                  : float_text(number);
    } else if (const Sequence* const sequence = value.sequence()) {
      list('[', ']', sequence->items, [&](const Value& item) { write(item); });
    } else if (const Dict* const dict = value.dict()) {
      std::vector<std::pair<std::string, const Value*>> items;
      for (const auto& [key, item] : dict->items) items.emplace_back(json_key(work_, key), &item);
      if (style_.sort_keys)
        std::stable_sort(items.begin(), items.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
      list('{', '}', items, [&](const auto& item) {
        append_json_string(out, item.first, style_.ascii_only);
        out += style_.key_separator;
        write(*item.second);
      });
    } else {
      work_.refuse(concat("tojson: a ", value.type_name(), " has no form in JSON"));
    }
  }

  std::string out = {};

 private:
  void new_line() {
    if (!style_.indent) return;
    out += '\n';
    const std::size_t indentation = static_cast<std::size_t>(level_) * style_.indent->size();
    work_.read(indentation);
    work_.limit(out.size() + indentation);
    for (int i = 0; i < level_; ++i) out += *style_.indent;
  }

  template <class Items, class Write>
  void list(char open, char close, const Items& items, Write&& write_item) {
    out += open;
    ++level_;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out += style_.item_separator;
      first = false;
      new_line();
      write_item(item);
    }
    --level_;
    if (!items.empty()) new_line();
    out += close;
  }

  Work& work_;
  const JsonStyle& style_;
  int level_ = 0;
};

}  // namespace detail

/// @throws FileError  for what has no form in JSON
inline std::string to_json(Work& work, const Value& value, const JsonStyle& style) {
  detail::JsonWriter writer(work, style);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
