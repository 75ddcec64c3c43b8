// The precompiled character map of SentencePiece: strings and what replaces them, in a double-array trie.
//
// The layout (SentencePiece, normalizer.cc; Darts-clone): the size of the trie in bytes, its units, then the
// replacements, each ended by a NUL. All numbers are little-endian 32-bit.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// @throws ConfigError  if the text is not base64
[[gnu::cold]] inline std::string decode_base64(std::string_view text, const std::string& name) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0) fail(ConfigError(name, "it is not base64"));
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(static_cast<unsigned char>(bits >> count & 0xFF));
  }
  return out;
}

class Charsmap {
 public:
  Charsmap() = default;

  /// @param name  for messages
  /// @throws ConfigError  if the sizes in the map contradict its length
  [[gnu::cold]] Charsmap(std::string_view blob, const std::string& name) {
    const auto number = [&](std::size_t at) {
      std::uint32_t out = 0;
      for (std::size_t i = 0; i < 4; ++i)
        out |= static_cast<std::uint32_t>(static_cast<unsigned char>(blob[at + i])) << 8 * i;
      return out;
    };
    const std::size_t bytes = blob.size() < 4 ? 0 : number(0);
    if (bytes == 0 || bytes % 4 != 0 || bytes > blob.size() - 4)
      fail(ConfigError(name, concat("a trie of ", bytes, " bytes in a map of ", blob.size())));
    for (std::size_t at = 4; at < 4 + bytes; at += 4) units_.push_back(number(at));
    replacements_ = blob.substr(4 + bytes);
  }

  /// What replaces a string: the entry of its SHORTEST prefix in the trie, as the reference engine has it;
  /// nothing if no prefix is there.
  std::optional<std::string_view> find(std::string_view key) const {
    std::size_t node = 0;
    if (units_.empty()) return std::nullopt;
    node ^= offset(units_[0]);
    for (const char c : key) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte == 0) break;
      node ^= byte;
      if (node >= units_.size() || (units_[node] & 0x800000FFu) != byte) break;
      const bool leaf = (units_[node] >> 8 & 1) != 0;
      node ^= offset(units_[node]);
      if (!leaf) continue;
      const std::size_t at = node < units_.size() ? units_[node] & 0x7FFFFFFFu : replacements_.size();
      if (at >= replacements_.size()) break;
      const std::string_view rest = std::string_view(replacements_).substr(at);
      return rest.substr(0, rest.find('\0'));
    }
    return std::nullopt;
  }

 private:
  static std::size_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200u) >> 6); }

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
