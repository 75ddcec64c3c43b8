// Words of texts as the reference tools, which are Python programs, see them: split(), lower() and
// string.punctuation.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/unicode.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {
namespace detail {

/// @throws InputError  for a text that is not UTF-8
inline void require_utf8(std::string_view text) {
  const std::size_t valid = text::utf8_valid_prefix(text);
  if (valid < text.size())
    fail(InputError(concat("the text \"", printable(text), "\" is not UTF-8 at byte ", valid)));
}

/// Calls visit(code point, its bytes) for each character of a text.
/// @throws InputError  for a text that is not UTF-8
template <class Visit> void each_character(std::string_view text, Visit&& visit) {
  require_utf8(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = text::utf8_length(text[at]);
    visit(text::code_point(text, at), text.substr(at, bytes));
    at += bytes;
  }
}

/// str.isspace of Python: Unicode's white space and the four separators of ASCII.
inline bool is_space(char32_t c) { return text::is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

/// string.punctuation of Python.
inline bool is_ascii_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/// The words between white space.
inline std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  each_character(text, [&](char32_t c, std::string_view bytes) {
    if (is_space(c)) {
      inside = false;
      return;
    }
    if (!inside) words.emplace_back();
    inside = true;
    words.back() += bytes;
  });
  return words;
}

/// The small letter of a capital of Latin (up to U+017E), Greek or Cyrillic; any other character as it is.
inline char32_t lower(char32_t c) {
  const auto between = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (between('A', 'Z') || (between(0xC0, 0xDE) && c != 0xD7)) return c + 32;
  if ((between(0x100, 0x137) || between(0x14A, 0x177)) && c != 0x130 && c != 0x131) return c | 1;
  if (between(0x139, 0x148) || between(0x179, 0x17E)) return c + (c & 1);
  if (c == 0x178) return 0xFF;
  if (between(0x391, 0x3AB) && c != 0x3A2) return c + 32;
  if (between(0x410, 0x42F)) return c + 32;
  if (between(0x400, 0x40F)) return c + 80;
  return c;
}

/// A text in small letters, see lower(char32_t).
inline std::string lower(std::string_view text) {
  std::string out;
  each_character(text, [&](char32_t c, std::string_view) { text::append_utf8(out, lower(c)); });
  return out;
}

}  // namespace detail
}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
