// The four normal forms of Unicode (UAX 15), case, and SentencePiece's character maps.
#pragma once

#include <eigenformer/text/charsmap.hpp>
#include <eigenformer/text/transform.hpp>
#include <eigenformer/text/unicode_tables.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include <utf8proc.h>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

namespace detail {

inline int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// Puts marks in the order of their combining classes, those of one class as they stand (UAX 15, D109). There
/// are few classes: each round takes those of the next one, and the time is linear for any number of marks.
inline void put_in_order(std::vector<Change>& changes, std::size_t begin) {
  const auto order = [](const Change& change) { return combining_class(change.character); };
  bool sorted = true;
  for (std::size_t i = begin + 1; i < changes.size(); ++i)
    sorted = sorted && order(changes[i - 1]) <= order(changes[i]);
  if (sorted) return;
  const std::vector<Change> marks(changes.begin() + static_cast<Index>(begin), changes.end());
  for (int least = 0, next = 256; begin < changes.size(); least = next, next = 256) {
    for (const Change& mark : marks) {
      if (order(mark) == least)
        changes[begin++] = mark;
      else if (order(mark) > least)
        next = (std::min)(next, order(mark));
    }
  }
}

/// Full decomposition in canonical order.
inline std::vector<Change> decompose(std::string_view text, bool compatibility) {
  std::vector<Change> out;
  std::size_t starter = 0;  // marks from here on are put in order
  for (std::size_t at = 0; at < text.size(); at += utf8_length(text[at])) {
    const char32_t c = code_point(text, at);
    std::array<utf8proc_int32_t, 32> parts{};  // the longest decomposition has 18 characters
    int boundary = 0;
    const bool known = !contains(newly_decomposed_changes, c);
    auto count =
        !known
            ? 0
            : utf8proc_decompose_char(
                  static_cast<utf8proc_int32_t>(c), parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                  static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0)),
                  &boundary);
    if (count <= 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
      parts[0] = static_cast<utf8proc_int32_t>(c);
      count = 1;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      const auto part = static_cast<char32_t>(parts[i]);
      if (combining_class(part) == 0) {
        put_in_order(out, starter);
        starter = out.size() + 1;
      }
      out.push_back({part, i == 0 ? 0 : 1});
      starter = (std::min)(starter, out.size());
    }
  }
  put_in_order(out, starter);
  return out;
}

/// The primary composite of two characters, or 0.
inline char32_t composite(char32_t first, char32_t second) {
  std::array<utf8proc_int32_t, 3> pair{static_cast<utf8proc_int32_t>(first),
                                       static_cast<utf8proc_int32_t>(second), 0};
  const auto count = utf8proc_normalize_utf32(
      pair.data(), 2, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  return count == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

/// Canonical composition of what decompose() returned (UAX 15, D117).
inline std::vector<Change> compose(const std::vector<Change>& parts) {
  std::vector<Change> out;
  std::size_t starter = parts.size();  // in out; none yet
  int last = 0;                        // combining class of what follows the starter; -1: nothing
  for (const Change& part : parts) {
    const int order = combining_class(part.character);
    if (starter < out.size() && (last < order || last == -1)) {
      if (const char32_t both = composite(out[starter].character, part.character)) {
        out[starter] = {both, out[starter].change + part.change - 1};
        continue;
      }
    }
    if (order == 0) {
      starter = out.size();
      last = -1;
    } else {
      last = order;
    }
    out.push_back(part);
  }
  return out;
}

}  // namespace detail

/// Whether normal forms leave a character alone that no mark or vowel follows: it is its own normal form, of
/// combining class 0, and composes with nothing before it. Not all such characters, but those of most text.
inline bool is_settled(char32_t c, bool compatibility, bool composed) {
  if (c < (compatibility ? 0xA0u : composed ? 0x300u : 0xC0u)) return true;
  if (c >= 0x3400 && c <= 0x9FFF) return true;  // Chinese
  if (c >= 0x05D0 && c <= 0x05EA) return true;  // Hebrew
  if (c >= 0x0E01 && c <= 0x0E30) return true;  // Thai
  if (!composed) return false;
  return (c >= 0x0388 && c <= 0x03CE) ||                                // Greek
         (c >= 0x0400 && c <= 0x0482) ||                                // Cyrillic
         (c >= 0x0621 && c <= 0x064A) ||                                // Arabic
         (c >= 0x0904 && c <= 0x0939) ||                                // Devanagari
         (c >= 0x3041 && c <= 0x3096) ||                                // kana
         (c >= 0x30A1 && c <= 0x30FA) || (c >= 0xAC00 && c <= 0xD7A3);  // Korean
}

/// NFC, NFD, NFKC or NFKD of a text. Worked on are the characters that are not settled and, as they may
/// compose with it, the one before them.
inline void normal_form(AlignedText& text, bool compatibility, bool composed) {
  const std::string_view view = text.view();
  const auto settled = [&](std::size_t at) {
    return view[at] >= 0 || is_settled(code_point(view, at), compatibility, composed);
  };
  AlignedText::Edit edit(text);
  std::size_t before = 0;  // where the character before `at` begins
  for (std::size_t at = 0; at < view.size();) {
    if (settled(at)) {
      before = at;
      at += utf8_length(view[at]);
      continue;
    }
    const std::size_t begin = composed ? before : at;
    while (at < view.size() && !settled(at)) at += utf8_length(view[at]);
    const std::vector<Change> parts = detail::decompose(view.substr(begin, at - begin), compatibility);
    transform(edit, view, begin, at, composed ? detail::compose(parts) : parts);
    before = at;
  }
  edit.commit();
}

/// The lower case of a character in Unicode 17, that of what came after Unicode 15 from here.
inline char32_t lower_of(char32_t c) {
  if (c >= 0x10D50 && c <= 0x10D65) return c + 0x20;  // Garay
  if (c >= 0x16EA0 && c <= 0x16EB8) return c + 0x1B;  // Beria Erfe
  switch (c) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA: return c + 1;
    case 0xA7CB: return 0x264;
    case 0xA7DC: return 0x19B;
    default: return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
}

/// Lower case character by character, without context: a final sigma stays a sigma.
inline void lower_case(AlignedText& text) {
  const std::string_view view = text.view();
  std::string bytes;
  edit_characters(text, [&](AlignedText::Edit& edit, std::size_t at, std::size_t end) {
    const char lead = view[at];
    if (lead >= 0) {
      const char lower = static_cast<char>(lead | 0x20);
      if (lead >= 'A' && lead <= 'Z') edit.instead_of(at, end).put({&lower, 1}, at);
      return;
    }
    const char32_t c = code_point(view, at);
    const char32_t lower = lower_of(c);
    bytes.clear();
    if (c == 0x130)
      bytes = "i\xCC\x87";  // I with a dot: the only one with two characters (SpecialCasing.txt)
    else if (lower != c)
      append_utf8(bytes, lower);
    if (!bytes.empty()) edit.instead_of(at, end).put(bytes, at);
  });
}

/// Drops the characters of a set, in which there is no ASCII.
inline void remove_characters(AlignedText& text, std::span<const std::uint32_t> changes) {
  const std::string_view view = text.view();
  edit_characters(text, [&](AlignedText::Edit& edit, std::size_t at, std::size_t end) {
    if (view[at] < 0 && contains(changes, code_point(view, at))) edit.instead_of(at, end);
  });
}

/// Where the extended grapheme cluster that begins at byte `at` ends (UAX 29).
inline std::size_t grapheme_end(std::string_view text, std::size_t at) {
  utf8proc_int32_t state = 0;
  auto before = static_cast<utf8proc_int32_t>(code_point(text, at));
  std::size_t end = at + utf8_length(text[at]);
  while (end < text.size()) {
    const auto next = static_cast<utf8proc_int32_t>(code_point(text, end));
    if (before >= 0x20 && before < 0x7F && next >= 0x20 && next < 0x7F) break;
    if (utf8proc_grapheme_break_stateful(before, next, &state)) break;
    before = next;
    end += utf8_length(text[end]);
  }
  return end;
}

/// Replaces what a character map names: clusters of less than six bytes as a whole, others by character.
inline void apply_charsmap(AlignedText& text, const Charsmap& map) {
  const std::string_view view = text.view();
  AlignedText::Edit edit(text);
  std::vector<Change> changes;  // of the bytes from `begin` on, if they are pending
  bool pending = false, to_the_end = false;
  std::size_t begin = 0, before = 0;  // where the character before the present one begins
  const auto keep = [&](std::size_t at) {
    before = at;
    if (!pending) return;
    if (to_the_end) return changes.push_back({code_point(view, at), 0});
    transform(edit, view, begin, at, changes);
    changes.clear();
    pending = false;
  };
  const auto replace = [&](std::size_t at, std::size_t old_count, std::string_view replacement) {
    if (!pending) {
      begin = at;
      if (replacement.empty() && at > 0) {  // what goes is counted to the character before it
        begin = before;
        changes.push_back({code_point(view, before), 0});
      }
      pending = true;
    }
    Index grown = -static_cast<Index>(old_count);
    const std::size_t first = changes.size();
    for (std::size_t i = 0; i < replacement.size(); i += utf8_length(replacement[i])) {
      changes.push_back({code_point(replacement, i), 0});
      ++grown;
    }
    for (std::size_t i = changes.size(); grown > 0 && i > first; --i, --grown) changes[i - 1].change = 1;
    if (grown >= 0) return;
    if (changes.empty())
      to_the_end =
          true;  // where nothing is before it, all origins that follow are shifted, as in the reference
    else
      changes.back().change += grown;
  };
  const auto printable = [&](std::size_t at) { return view[at] >= ' ' && view[at] < '\x7F'; };
  for (std::size_t at = 0, end = 0; at < view.size(); at = end) {
    end = at + 1;
    if (!printable(at) || (end < view.size() && !printable(end))) end = grapheme_end(view, at);
    const std::string_view cluster = view.substr(at, end - at);
    if (cluster.size() < 6) {
      if (const auto replacement = map.find(cluster)) {
        replace(at, utf8_count(cluster), *replacement);
        continue;
      }
    }
    for (std::size_t i = at; i < end; i += utf8_length(view[i])) {
      if (const auto replacement = map.find(view.substr(i, utf8_length(view[i]))))
        replace(i, 1, *replacement);
      else
        keep(i);
    }
  }
  if (pending) transform(edit, view, begin, view.size(), changes);
  edit.commit();
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
