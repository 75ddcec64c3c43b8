// ROUGE-N, ROUGE-L and ROUGE-Lsum (Lin 2004), in the definition of google-research's rouge_score without its
// stemmer: words are runs of a-z and 0-9 of the text in small letters.
#pragma once

#include <eigenformer/evaluate/counts.hpp>
#include <eigenformer/evaluate/words.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

/// The words of a text that ROUGE compares.
/// @throws InputError  for a text that is not UTF-8
inline std::vector<std::string> rouge_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  detail::each_character(text, [&](char32_t c, std::string_view) {
    // Outside ASCII two characters have a small letter in it: the Kelvin sign, and I with a dot.
    const char32_t small = c == 0x212A ? U'k' : c == 0x130 ? U'i' : c < 0x80 ? detail::lower(c) : c;
    const bool counts = (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9');
    if (counts && !inside) words.emplace_back();
    if (counts) words.back() += static_cast<char>(small);
    inside = counts && c != 0x130;  // whose small letter ends in a combining dot
  });
  return words;
}

/// ROUGE-N: n-grams that a prediction and its target have in common.
/// @throws InputError  for an order below 1, or a text that is not UTF-8
inline Scores rouge_n(std::string_view target, std::string_view prediction, Index n) {
  if (n < 1) fail(InputError(concat("ROUGE-N needs n-grams of at least 1 word, not ", n)));
  const auto wanted = detail::count_ngrams(rouge_words(target), n),
             found = detail::count_ngrams(rouge_words(prediction), n);
  return scores(detail::common(wanted, found), detail::total(found), detail::total(wanted));
}

namespace detail {

/// lengths[i][j]: that of the longest common subsequence of the first i items of a and the first j of b.
template <class T>
std::vector<std::vector<Index>> common_lengths(const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<std::vector<Index>> lengths(a.size() + 1, std::vector<Index>(b.size() + 1, 0));
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j)
      lengths[i][j] =
          a[i - 1] == b[j - 1] ? lengths[i - 1][j - 1] + 1 : (std::max)(lengths[i - 1][j], lengths[i][j - 1]);
  return lengths;
}

/// Marks the places in a of the longest common subsequence that the reference's walk from the end finds.
template <class T>
void mark_common(const std::vector<T>& a, const std::vector<T>& b, std::vector<bool>& marked) {
  const auto lengths = common_lengths(a, b);
  for (std::size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      marked[i - 1] = true;
      --i, --j;
    } else if (lengths[i][j - 1] > lengths[i - 1][j]) {
      --j;
    } else {
      --i;
    }
  }
}

/// The words of each line that is not empty.
inline std::vector<std::vector<std::string>> rouge_lines(std::string_view text) {
  std::vector<std::vector<std::string>> lines;
  while (true) {
    const std::size_t end = (std::min)(text.find('\n'), text.size());
    if (end > 0) lines.push_back(rouge_words(text.substr(0, end)));
    if (end == text.size()) return lines;
    text.remove_prefix(end + 1);
  }
}

using Lines = std::vector<std::vector<std::string>>;

inline std::map<std::string, Index> word_counts(const Lines& lines, Index& words) {
  std::map<std::string, Index> counts;
  for (const auto& line : lines)
    for (const std::string& word : line) ++counts[word], ++words;
  return counts;
}

}  // namespace detail

/// The length of the longest common subsequence.
template <class T> Index longest_common_subsequence(const std::vector<T>& a, const std::vector<T>& b) {
  return detail::common_lengths(a, b).back().back();
}

/// ROUGE-L: the longest common subsequence of words of two texts, each taken as one sentence.
/// @throws InputError  for a text that is not UTF-8
inline Scores rouge_l(std::string_view target, std::string_view prediction) {
  const auto wanted = rouge_words(target), found = rouge_words(prediction);
  return scores(longest_common_subsequence(wanted, found), static_cast<Index>(found.size()),
                static_cast<Index>(wanted.size()));
}

/// ROUGE-Lsum: for each line of the target the union of its longest common subsequences with the lines of the
/// prediction; no word counts more often than either text has it.
/// @throws InputError  for a text that is not UTF-8
inline Scores rouge_l_summary(std::string_view target, std::string_view prediction) {
  const detail::Lines wanted = detail::rouge_lines(target), found = detail::rouge_lines(prediction);
  Index wanted_words = 0, found_words = 0, hits = 0;
  auto wanted_left = detail::word_counts(wanted, wanted_words),
       found_left = detail::word_counts(found, found_words);
  for (const auto& line : wanted) {
    std::vector<bool> marked(line.size(), false);
    for (const auto& other : found) detail::mark_common(line, other, marked);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!marked[i] || wanted_left[line[i]] == 0 || found_left[line[i]] == 0) continue;
      ++hits, --wanted_left[line[i]], --found_left[line[i]];
    }
  }
  return scores(hits, found_words, wanted_words);
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
