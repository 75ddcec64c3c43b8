// Classes of characters.
#pragma once

#include <eigenformer/text/utf8.hpp>

#include <string>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// The code point that starts at byte `at` of valid UTF-8.
inline char32_t code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(detail::byte_at(text, at + i)); };
  const char32_t lead = byte(0);
  switch (utf8_length(text[at])) {
    case 1: return lead;
    case 2: return (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3: return (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default: return (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
}

/// Appends a code point as UTF-8.
inline void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

/// The property White_Space (PropList.txt, Unicode 17).
inline bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Where the white space that ends at byte `end` begins.
inline std::size_t white_space_before(std::string_view text, std::size_t end) {
  while (end > 0) {
    std::size_t begin = end - 1;
    while (is_continuation(text[begin])) --begin;
    if (!is_white_space(code_point(text, begin))) break;
    end = begin;
  }
  return end;
}

/// Where the white space that begins at byte `begin` ends.
inline std::size_t white_space_after(std::string_view text, std::size_t begin) {
  while (begin < text.size() && is_white_space(code_point(text, begin))) begin += utf8_length(text[begin]);
  return begin;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
