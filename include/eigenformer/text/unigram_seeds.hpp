// The pieces that the training of a unigram model begins with: all frequent substrings of the words (Kudo
// 2018, section 3.2).
#pragma once

#include <eigenformer/text/training_words.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// A piece with its score: log-probability, or count × characters while seeds are chosen.
struct ScoredPiece {
  std::string piece;
  double score;
};

/// The higher score first, of equal ones the lower bytes first.
inline bool scored_before(const ScoredPiece& a, const ScoredPiece& b) {
  return a.score != b.score ? a.score > b.score : a.piece < b.piece;
}

namespace detail {

/// The rest of a word from one of its characters on.
struct Suffix {
  std::uint64_t head;  // its first eight bytes as a number, which decides most comparisons
  std::string_view text;
  std::int64_t count;

  bool operator<(const Suffix& other) const {
    return head != other.head ? head < other.head : text < other.text;
  }
};

inline std::uint64_t head_of(std::string_view text) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i)
    out = out << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  return out;
}

/// Where the characters that two texts begin with alike end.
inline std::size_t common_prefix(std::string_view a, std::string_view b) {
  std::size_t end = 0;
  while (end < a.size() && end < b.size() && a[end] == b[end]) ++end;
  while (end > 0 && end < a.size() && is_continuation(a[end])) --end;  // b has such a byte there, too
  return end;
}

/// The suffixes of all words in order, each once: of at most `longest` characters, and none but those of the
/// alphabet.
inline std::vector<Suffix> sorted_suffixes(const std::vector<WordCount>& words,
                                           const std::unordered_set<std::string_view>& alphabet,
                                           std::size_t longest) {
  std::vector<Suffix> out;
  std::vector<std::size_t> ends;  // of the characters of a run of the alphabet's
  for (const WordCount& word : words) {
    const std::string_view text = word.word;
    const auto add_run = [&](std::size_t begin) {
      for (std::size_t i = 0; i < ends.size(); ++i) {
        const std::size_t at = i == 0 ? begin : ends[i - 1],
                          end = ends[(std::min)(i + longest, ends.size()) - 1];
        const std::string_view suffix = text.substr(at, end - at);
        out.push_back({head_of(suffix), suffix, word.count});
      }
      ends.clear();
    };
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t next = at + utf8_length(text[at]);
      if (alphabet.contains(text.substr(at, next - at))) {
        ends.push_back(next);
      } else {
        add_run(begin);
        begin = next;
      }
      at = next;
    }
    add_run(begin);
  }
  std::sort(out.begin(), out.end());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (kept > 0 && out[kept - 1].text == out[i].text)
      out[kept - 1].count += out[i].count;
    else
      out[kept++] = out[i];
  }
  out.resize(kept);
  return out;
}

/// Calls visit(substring, count) for each substring that different characters, or the ends of words, follow:
/// the nodes of the suffix tree, found by a stack over the sorted suffixes (Abouelhoda et al. 2004, section
/// 4).
template <class Visit> void branching_substrings(const std::vector<Suffix>& suffixes, Visit&& visit) {
  struct Node {
    std::size_t length;  // bytes
    std::int64_t count;
  };
  std::vector<Node> open;  // each a prefix of the next, all of the present suffix
  for (std::size_t i = 0; i <= suffixes.size(); ++i) {
    const std::string_view before = i > 0 ? suffixes[i - 1].text : std::string_view();
    const std::size_t shared = i < suffixes.size() ? common_prefix(before, suffixes[i].text) : 0;
    std::int64_t count = 0;
    while (!open.empty() && open.back().length > shared) {
      count += open.back().count;
      visit(before.substr(0, open.back().length), count);
      open.pop_back();
    }
    if (!open.empty() && open.back().length == shared)
      open.back().count += count;
    else if (shared > 0)
      open.push_back({shared, count});
    if (i < suffixes.size()) open.push_back({suffixes[i].text.size(), suffixes[i].count});
  }
}

}  // namespace detail

/// All characters of the alphabet, and of the substrings of two and more characters that occur at least twice
/// those with the highest count × characters. Substrings that one character always follows are left out: the
/// longer one stands for them.
///
/// @param alphabet  in order; substrings with other characters are no pieces
/// @param longest   characters of a piece
/// @param most      number of pieces beside the alphabet
/// @return          with log-probabilities, as if each score were a count; the alphabet first
inline std::vector<ScoredPiece> unigram_seeds(const std::vector<WordCount>& words,
                                              const std::vector<std::string>& alphabet, std::size_t longest,
                                              std::size_t most) {
  std::unordered_map<std::string_view, std::int64_t> counts;  // of characters
  for (const WordCount& word : words)
    for (std::size_t at = 0; at < word.word.size(); at += utf8_length(word.word[at]))
      counts[std::string_view(word.word).substr(at, utf8_length(word.word[at]))] += word.count;
  std::vector<ScoredPiece> out, seeds;
  for (const std::string& character : alphabet)
    out.push_back({character, static_cast<double>(counts[character])});
  const std::unordered_set<std::string_view> letters(alphabet.begin(), alphabet.end());
  detail::branching_substrings(
      detail::sorted_suffixes(words, letters, longest), [&](std::string_view piece, std::int64_t count) {
        const std::size_t length = utf8_count(piece);
        if (count >= 2 && length >= 2)
          seeds.push_back({std::string(piece), static_cast<double>(count) * static_cast<double>(length)});
      });
  std::sort(seeds.begin(), seeds.end(), scored_before);
  if (seeds.size() > most) seeds.resize(most);
  out.insert(out.end(), std::make_move_iterator(seeds.begin()), std::make_move_iterator(seeds.end()));
  double total = 0;
  for (const ScoredPiece& seed : out) total += seed.score;
  for (ScoredPiece& seed : out) seed.score = std::log(seed.score) - std::log(total);
  return out;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
