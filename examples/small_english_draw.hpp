// How lines of the small English are drawn: words from lists, words that nobody has ever met, and texts with
// slots.
#pragma once

#include "small_english_words.hpp"
#include <eigenformer/core/random.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace example {

/// One line of text. `second` is a pair's question, a label's class (happy, sad or unclear) or the tags of
/// the words of `first` with spaces between; empty for a story. `content` decides the split: it is a
/// combination of two words that can be read off the text (a story's thing and place, a pair's subject and
/// verb, a label's person and what tells the mood, the last words of a tagged sentence's first two names or
/// things), or the whole text of nonsense. `item` says what sort of line it is among those of its kind.
struct CorpusLine {
  std::string first, second, content;
  std::string_view item;
};

/// Whether lines of this content are kept from training: one content in eight, by its FNV-1a hash. All lines
/// of a content fall on the same side, so a held-out line combines two words that training never combines.
inline bool held_out(std::string_view content) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (hash >> 32) % 8 == 0;
}

namespace english {

using List = std::span<const std::string_view>;
using Slots = std::map<std::string_view, std::string>;

/// The random choices of one line, in a row.
struct Draw {
  eigenformer::Random random;
  bool take_held_out = false;  ///< of invented words, too
  std::uint64_t next = 0;

  std::uint64_t below(std::uint64_t n) { return random.below(next++, n); }
  bool once_in(std::uint64_t n) { return below(n) == 0; }
  template <class T, std::size_t n> const T& of(const T (&list)[n]) { return list[below(n)]; }
  std::string word(List list) { return std::string(list[below(list.size())]); }

  /// One of the forms between bars.
  std::string_view form(std::string_view forms) {
    std::vector<std::string_view> all;
    for (std::size_t begin = 0; begin <= forms.size();) {
      const std::size_t end = (std::min)(forms.find('|', begin), forms.size());
      all.push_back(forms.substr(begin, end - begin));
      begin = end + 1;
    }
    return all[below(all.size())];
  }

  /// A word of one to three syllables, now and then of letters without any order. One such word in eight is
  /// kept for held-out lines.
  std::string invented() {
    for (;;) {
      std::string out;
      if (once_in(6)) {
        const std::uint64_t letters = 3 + below(5);
        for (std::uint64_t i = 0; i < letters; ++i) out += static_cast<char>('a' + below(26));
      } else {
        const std::uint64_t syllables = 1 + below(3);
        for (std::uint64_t i = 0; i < syllables; ++i) {
          if (i > 0 || !once_in(6)) out += of(words::onsets);
          out += of(words::vowels);
          out += of(words::codas);
        }
      }
      if (out.size() >= 3 && example::held_out(out) == take_held_out) return out;
    }
  }
};

inline std::string capital(std::string text) {
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

inline bool takes_an(std::string_view word) {
  return std::string_view("aeiou").find(word[0]) != std::string_view::npos;
}

/// A text with its slots filled in by slot(name), from left to right; "a" becomes "an" before a vowel.
template <class Slot> std::string fill_by(std::string_view text, Slot& slot) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '{') {
      out += text[at++];
      continue;
    }
    const std::size_t end = text.find('}', at);
    const std::string word = slot(text.substr(at + 1, end - at - 1));
    const bool article = out == "a " || out == "A " || out.ends_with(" a ") || out.ends_with(" A ");
    if (article && takes_an(word)) out.insert(out.size() - 1, "n");
    out += word;
    at = end + 1;
  }
  return out;
}

inline std::string fill(std::string_view text, const Slots& slots) {
  const auto at = [&](std::string_view name) { return slots.at(name); };
  return fill_by(text, at);
}

/// Draws the words of a line's slots where they are not fixed, and notes whether one of them was invented.
struct Words {
  Draw& draw;
  Slots fixed{};
  bool invented = false;

  std::string operator()(std::string_view slot) {
    if (const auto at = fixed.find(slot); at != fixed.end()) return at->second;
    if (slot == "new") return invented = true, draw.invented();
    if (slot == "New") return invented = true, capital(draw.invented());
    if (slot == "person") return draw.word(draw.once_in(3) ? List(words::animals) : List(words::people));
    if (slot == "name") return draw.word(draw.once_in(2) ? List(words::women) : List(words::men));
    if (slot == "past") return std::string(words::verbs[words::moody_verbs + below_calm()].past);
    if (slot == "thing") return text(draw.form(words::things));
    static const std::map<std::string_view, List> lists{
        {"nature", words::natures}, {"quality", words::qualities}, {"object", words::objects},
        {"place", words::places},   {"spot", words::spots},        {"side", words::sides},
        {"people", words::people},  {"animal", words::animals},    {"modal", words::modals},
        {"manner", words::manners}, {"degree", words::degrees}};
    return draw.word(lists.at(slot));
  }
  /// A text with its slots filled in.
  std::string text(std::string_view form) { return fill_by(form, *this); }
  /// The same, once drawn for all that follows.
  const std::string& fix(std::string_view slot) { return fixed[slot] = (*this)(slot); }

 private:
  std::uint64_t below_calm() { return draw.below(std::size(words::verbs) - words::moody_verbs); }
};

}  // namespace english
}  // namespace example
