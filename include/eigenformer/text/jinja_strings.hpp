// The methods of Python's strings that templates call, on UTF-8: strip, split, title and the like.
#pragma once

#include <eigenformer/text/jinja_lexer.hpp>
#include <eigenformer/text/jinja_work.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
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

/// The characters of valid UTF-8.
inline std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at]))
    out.push_back(text.substr(at, utf8_length(text[at])));
  return out;
}

enum class Side { left, right, both };

/// The text without blanks, or without the characters of `which`, at its ends.
inline std::string_view strip(std::string_view text, Side side, std::optional<std::string_view> which = {}) {
  std::size_t begin = 0, end = text.size();
  if (!which) {
    if (side != Side::right) begin = blanks_after(text, 0);
    if (side != Side::left) end = (std::max)(begin, blanks_before(text, end));
    return text.substr(begin, end - begin);
  }
  const auto taken = [&](std::string_view c) { return which->find(c) != std::string_view::npos; };
  while (side != Side::right && begin < end && taken(text.substr(begin, utf8_length(text[begin]))))
    begin += utf8_length(text[begin]);
  while (side != Side::left && begin < end) {
    std::size_t last = end - 1;
    while (is_continuation(text[last])) --last;
    if (!taken(text.substr(last, end - last))) break;
    end = last;
  }
  return text.substr(begin, end - begin);
}

enum class Case { lower, upper };

/// Each character's own mapping; the German sharp s alone becomes two.
inline void append_cased(std::string& out, char32_t c, Case to) {
  if (to == Case::upper && c == 0xDF) return void(out += "SS");
  const auto code = static_cast<utf8proc_int32_t>(c);
  append_utf8(out,
              static_cast<char32_t>(to == Case::lower ? utf8proc_tolower(code) : utf8proc_toupper(code)));
}

inline std::string cased(std::string_view text, Case to) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at]))
    append_cased(out, code_point(text, at), to);
  return out;
}

/// Upper case for a character where `begins` says that it begins a word, lower case for the rest.
/// @param begins  called with the character before (0 at the beginning) and the character
template <class Begins> std::string titled(std::string_view text, Begins&& begins) {
  std::string out;
  char32_t before = 0;
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const char32_t c = code_point(text, at);
    append_cased(out, c, begins(before, c) ? Case::upper : Case::lower);
    before = c;
  }
  return out;
}

inline bool has_case(char32_t c) {
  const auto code = static_cast<utf8proc_int32_t>(c);
  return utf8proc_islower(code) != 0 || utf8proc_isupper(code) != 0;
}

/// str.title(): a word is a run of letters that have a case.
inline std::string title_method(std::string_view text) {
  return titled(text, [](char32_t before, char32_t) { return before == 0 || !has_case(before); });
}

/// The filter: a word begins after blanks and opening brackets.
inline std::string title_filter(std::string_view text) {
  return titled(text, [](char32_t before, char32_t) {
    return before == 0 || is_blank(before) ||
           std::u32string_view(U"-({[<").find(before) != std::u32string_view::npos;
  });
}

inline std::string capitalized(std::string_view text) {
  return titled(text, [](char32_t before, char32_t) { return before == 0; });
}

/// str.split(): between the separators, or without one between runs of blanks; at most `most` cuts where it
/// is not negative, counted from the end with `from_right`.
inline std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator,
                                      std::int64_t most, bool from_right) {
  std::vector<std::string> out;
  const auto may_cut = [&] { return most < 0 || static_cast<std::int64_t>(out.size()) < most; };
  if (separator) {
    for (std::size_t cut; may_cut();) {
      cut = from_right ? text.rfind(*separator) : text.find(*separator);
      if (cut == std::string_view::npos) break;
      const std::size_t after = cut + separator->size();
      out.emplace_back(from_right ? text.substr(after) : text.substr(0, cut));
      text = from_right ? text.substr(0, cut) : text.substr(after);
    }
    out.emplace_back(text);
  } else {
    for (text = strip(text, from_right ? Side::right : Side::left); !text.empty();
         text = strip(text, from_right ? Side::right : Side::left)) {
      if (!may_cut()) {
        out.emplace_back(text);
        break;
      }
      std::size_t cut = from_right ? text.size() : 0;
      if (from_right) {
        while (cut > 0 && blanks_before(text, cut) == cut) do
            --cut;
          while (is_continuation(text[cut]));
        out.emplace_back(text.substr(cut));
        text = text.substr(0, cut);
      } else {
        while (cut < text.size() && blanks_after(text, cut) == cut) cut += utf8_length(text[cut]);
        out.emplace_back(text.substr(0, cut));
        text = text.substr(cut);
      }
    }
  }
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

/// str.splitlines() without the ends.
inline std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = code_point(text, at);
    std::size_t after = at + utf8_length(text[at]);
    if ((c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029) {
      if (c == '\r' && after < text.size() && text[after] == '\n') ++after;
      out.emplace_back(text.substr(begin, at - begin));
      begin = after;
    }
    at = after;
  }
  if (begin < text.size()) out.emplace_back(text.substr(begin));
  return out;
}

/// str.replace(): at most `most` times where it is not negative. An empty `old` stands between all
/// characters.
inline std::string replace(Work& work, std::string_view text, std::string_view old, std::string_view with,
                           std::int64_t most) {
  work.search(text, old);
  std::vector<std::size_t> places;
  for (std::size_t at = 0; most < 0 || static_cast<std::int64_t>(places.size()) < most;) {
    at = text.find(old, at);
    if (at == std::string_view::npos) break;
    places.push_back(at);
    if (at == text.size()) break;
    at += old.empty() ? utf8_length(text[at]) : old.size();
  }
  if (!with.empty()) work.step(places.size());
  if (with.size() > 8) work.text(text.size() + places.size() / 8 * with.size());  // before it is made
  std::string out;
  std::size_t begin = 0;
  for (const std::size_t at : places) {
    out += text.substr(begin, at - begin);
    out += with;
    begin = at + old.size();
  }
  return out += text.substr(begin);
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
