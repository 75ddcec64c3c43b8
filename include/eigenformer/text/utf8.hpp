// UTF-8: decoding, encoding, and finding what is not UTF-8.
//
// Invalid bytes are counted the way the Unicode Standard recommends (section 3.9, "maximal subparts"): the
// longest prefix of a well-formed sequence is one error, which is also how Rust's from_utf8_lossy counts.
#pragma once

#include <eigenformer/core/types.hpp>

#include <cstring>
#include <string>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// What stands at one place of a byte string.
struct Utf8Sequence {
  enum class State { valid, invalid, truncated } state;
  std::size_t bytes;  // of the character; if invalid, of its maximal subpart; if truncated, all that is left
};

namespace detail {

inline unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

}  // namespace detail

/// The sequence that starts at byte `at` < text.size() (Unicode Standard, table 3-7).
inline Utf8Sequence utf8_sequence(std::string_view text, std::size_t at) {
  using State = Utf8Sequence::State;
  const unsigned lead = detail::byte_at(text, at);
  if (lead < 0x80) return {State::valid, 1};
  const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0) return {State::invalid, 1};
  // The second byte excludes overlong forms, surrogates and code points above U+10FFFF.
  unsigned low = lead == 0xE0 ? 0xA0u : lead == 0xF0 ? 0x90u : 0x80u;
  unsigned high = lead == 0xED ? 0x9Fu : lead == 0xF4 ? 0x8Fu : 0xBFu;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i == text.size()) return {State::truncated, i};
    const unsigned next = detail::byte_at(text, at + i);
    if (next < low || next > high) return {State::invalid, i};
    low = 0x80, high = 0xBF;
  }
  return {State::valid, length};
}

/// Number of bytes before the first one that is not part of well-formed UTF-8; text.size() if all are.
inline std::size_t utf8_valid_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {  // eight ASCII characters at once
      std::uint64_t block;
      std::memcpy(&block, text.data() + at, 8);
      if ((block & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const Utf8Sequence sequence = utf8_sequence(text, at);
    if (sequence.state != Utf8Sequence::State::valid) return at;
    at += sequence.bytes;
  }
  return at;
}

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

/// The text with every maximal subpart that is not UTF-8 replaced by U+FFFD.
inline std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t valid = utf8_valid_prefix(text.substr(at));
    out += text.substr(at, valid);
    at += valid;
    if (at == text.size()) break;
    out += replacement_character;
    at += utf8_sequence(text, at).bytes;
  }
  return out;
}

/// Whether a byte continues a character (10xxxxxx).
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

/// Length in bytes of the character that a byte of valid UTF-8 begins.
inline std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Number of code points in valid UTF-8.
inline std::size_t utf8_count(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
