// The byte alphabet of GPT-2: a printable character for each byte (Radford et al. 2019, its published code).
//
// Printable bytes of Latin-1 stand for themselves, the other 68 for U+0100 and what follows.
#pragma once

#include <eigenformer/text/unicode.hpp>

#include <array>
#include <string>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

namespace detail {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
}

inline constexpr std::array<char32_t, 256> byte_characters = [] {
  std::array<char32_t, 256> out{};
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) out[byte] = stands_for_itself(byte) ? byte : next++;
  return out;
}();

inline constexpr std::array<int, 0x144> character_bytes = [] {
  std::array<int, 0x144> out{};
  for (int& byte : out) byte = -1;
  for (int byte = 0; byte < 256; ++byte) out[byte_characters[static_cast<unsigned>(byte)]] = byte;
  return out;
}();

}  // namespace detail

/// The character for a byte.
inline std::string byte_character(unsigned char byte) {
  std::string out;
  append_utf8(out, detail::byte_characters[byte]);
  return out;
}

/// Turns characters of the alphabet back into bytes. Returns false if others are among them.
inline bool bytes_of_alphabet(std::string_view characters, std::string& bytes) {
  bytes.clear();
  for (std::size_t at = 0; at < characters.size(); at += utf8_length(characters[at])) {
    const char32_t c = code_point(characters, at);
    if (c >= detail::character_bytes.size() || detail::character_bytes[c] < 0) return false;
    bytes += static_cast<char>(detail::character_bytes[c]);
  }
  return true;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
