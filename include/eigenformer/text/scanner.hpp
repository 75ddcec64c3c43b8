// Hand-written scanners for the patterns by which published tokenizers cut text into words.
//
// Each equals the regular expression it stands for, in the Unicode version of the reference engine
// (unicode_tables.hpp); the tests compare them with Oniguruma.
#pragma once

#include <eigenformer/text/aligned_text.hpp>
#include <eigenformer/text/unicode.hpp>
#include <eigenformer/text/unicode_tables.hpp>

#include <array>
#include <optional>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

enum class Scanner { gpt2, llama3, qwen, clip, bloom, white_space };

inline constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// The scanner for a pattern as files write it; nothing if there is none.
inline std::optional<Scanner> scanner_for(std::string_view pattern) {
  if (pattern == gpt2_pattern) return Scanner::gpt2;
  if (pattern ==
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)")
    return Scanner::llama3;
  if (pattern ==
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)")
    return Scanner::qwen;
  if (pattern ==
      R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)")
    return Scanner::clip;
  if (pattern == R"( ?[^(\s|[.,!?…。，、।۔،])]+)") return Scanner::bloom;
  if (pattern == R"(\s+)") return Scanner::white_space;
  return std::nullopt;
}

namespace detail {

enum class CharKind : char { letter, number, space, other };

inline constexpr std::array<CharKind, 128> ascii_kinds = [] {
  std::array<CharKind, 128> kinds{};
  for (unsigned c = 0; c < 128; ++c)
    kinds[c] = (c | 32) >= 'a' && (c | 32) <= 'z'     ? CharKind::letter
               : c >= '0' && c <= '9'                 ? CharKind::number
               : c == ' ' || (c >= '\t' && c <= '\r') ? CharKind::space
                                                      : CharKind::other;
  return kinds;
}();

inline CharKind char_kind(std::string_view text, std::size_t at) {
  const unsigned byte = byte_at(text, at);
  if (byte < 128) return ascii_kinds[byte];
  const char32_t c = code_point(text, at);
  return contains(letter_changes, c)   ? CharKind::letter
         : is_white_space(c)           ? CharKind::space
         : contains(number_changes, c) ? CharKind::number
                                       : CharKind::other;
}

/// Where the characters of one kind that begin at `at` end; of `most` characters at most.
inline std::size_t skip_kind(std::string_view text, std::size_t at, CharKind kind,
                             std::size_t most = std::string_view::npos) {
  for (; at < text.size() && most > 0 && char_kind(text, at) == kind; --most) at += utf8_length(text[at]);
  return at;
}

/// Where a contraction ('s 't 're 've 'm 'll 'd) at `at` ends; `at` if there is none. Ignoring case, U+017F
/// is an s.
inline std::size_t contraction(std::string_view text, std::size_t at, bool any_case) {
  if (text[at] != '\'' || at + 1 == text.size()) return at;
  const auto letter = [&](std::size_t i) -> char {
    if (i >= text.size()) return '\0';
    const char c = text[i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  switch (const char first = letter(at + 1)) {
    case 's':
    case 't':
    case 'm':
    case 'd': return at + 2;
    case 'r':
    case 'v': return letter(at + 2) == 'e' ? at + 3 : at;
    case 'l': return letter(at + 2) == 'l' ? at + 3 : at;
    default: return any_case && first == '\xC5' && letter(at + 2) == '\xBF' ? at + 3 : at;
  }
}

/// \s+(?!\S)|\s+ : white space without its last character where a word follows.
inline std::size_t white_space_run(std::string_view text, std::size_t at) {
  const std::size_t end = skip_kind(text, at, CharKind::space);
  if (end == text.size()) return end;
  std::size_t last = end - 1;
  while (is_continuation(text[last])) --last;
  return last > at ? last : end;
}

inline std::size_t scan_gpt2(std::string_view text, std::size_t at) {
  if (const std::size_t end = contraction(text, at, false); end > at) return end;
  CharKind kind = char_kind(text, at);
  std::size_t from = at;
  if (text[at] == ' ' && at + 1 < text.size()) {
    if (const CharKind next = char_kind(text, at + 1); next != CharKind::space) {
      kind = next;
      from = at + 1;
    }
  }
  if (kind != CharKind::space) return skip_kind(text, from + utf8_length(text[from]), kind);
  return white_space_run(text, at);
}

inline bool is_line_end(char c) { return c == '\r' || c == '\n'; }

inline std::size_t scan_llama3(std::string_view text, std::size_t at, std::size_t most_digits) {
  if (const std::size_t end = contraction(text, at, true); end > at) return end;
  const CharKind kind = char_kind(text, at);
  const std::size_t next = at + utf8_length(text[at]);
  if (kind == CharKind::letter) return skip_kind(text, next, kind);
  if (kind == CharKind::number) return skip_kind(text, next, kind, most_digits - 1);
  const bool more = next < text.size();
  if (more && !is_line_end(text[at]) && char_kind(text, next) == CharKind::letter)
    return skip_kind(text, next, CharKind::letter);
  const bool spaced = text[at] == ' ' && more && char_kind(text, next) == CharKind::other;
  if (kind == CharKind::other || spaced) {
    std::size_t end = skip_kind(text, next, CharKind::other);
    while (end < text.size() && is_line_end(text[end])) ++end;
    return end;
  }
  const std::size_t end = skip_kind(text, at, CharKind::space);
  const std::size_t line = text.substr(at, end - at).find_last_of("\r\n");
  return line != std::string_view::npos ? at + line + 1 : white_space_run(text, at);
}

inline std::size_t scan_clip(std::string_view text, std::size_t at) {
  for (const std::string_view special : {"<|startoftext|>", "<|endoftext|>"})
    if (text.substr(at).starts_with(special)) return at + special.size();
  if (const std::size_t end = contraction(text, at, false); end > at) return end;
  const CharKind kind = char_kind(text, at);
  return skip_kind(text, at, kind, kind == CharKind::number ? 1 : std::string_view::npos);
}

/// Whether a character is in BLOOM's set. Oniguruma takes the brackets in it for a set in the set, so that
/// "(", "|" and ")" are members.
inline bool is_bloom_word(std::string_view text, std::size_t at) {
  const unsigned byte = byte_at(text, at);
  if (byte < 128)
    return ascii_kinds[byte] != CharKind::space &&
           std::string_view("(|.,!?)").find(text[at]) == std::string_view::npos;
  const char32_t c = code_point(text, at);
  return !is_white_space(c) && std::u32string_view(U"…。，、।۔،").find(c) == std::u32string_view::npos;
}

/// Where the match that begins at `at` ends; `at` if none does.
inline std::size_t scan_bloom(std::string_view text, std::size_t at) {
  std::size_t end = text[at] == ' ' ? at + 1 : at;
  const std::size_t begin = end;
  while (end < text.size() && is_bloom_word(text, end)) end += utf8_length(text[end]);
  return end > begin ? end : at;
}

}  // namespace detail

/// The first match in a text that begins at byte `from` or after. Empty: there is none.
inline Span scan(Scanner scanner, std::string_view text, std::size_t from) {
  if (scanner == Scanner::clip)
    from = detail::skip_kind(text, from, detail::CharKind::space);  // no part of any
  if (scanner == Scanner::white_space)
    while (from < text.size() && detail::char_kind(text, from) != detail::CharKind::space)
      from += utf8_length(text[from]);
  if (scanner == Scanner::bloom)
    while (from < text.size() && detail::scan_bloom(text, from) == from) from += utf8_length(text[from]);
  if (from == text.size()) return {};
  std::size_t end = from;
  switch (scanner) {
    case Scanner::gpt2: end = detail::scan_gpt2(text, from); break;
    case Scanner::llama3: end = detail::scan_llama3(text, from, 3); break;
    case Scanner::qwen: end = detail::scan_llama3(text, from, 1); break;
    case Scanner::clip: end = detail::scan_clip(text, from); break;
    case Scanner::bloom: end = detail::scan_bloom(text, from); break;
    case Scanner::white_space: end = detail::skip_kind(text, from, detail::CharKind::space); break;
  }
  return {static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(end)};
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
