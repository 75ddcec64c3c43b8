// chrF, the F-score of character n-grams (Popović 2015), and chrF++, which adds words (Popović 2017), in the
// definition of sacrebleu: counts of a corpus are summed before they are divided.
//   chrF_β = 100 · (1 + β²) · P · R / (β² · P + R),   P and R the means over the orders that both texts have
#pragma once

#include <eigenformer/evaluate/bleu.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

struct ChrfOptions {
  Index char_order = 6;     ///< longest n-gram of characters, white space left out
  Index word_order = 0;     ///< longest n-gram of words; 2 is chrF++
  double beta = 2;          ///< how many times as much recall counts
  bool whitespace = false;  ///< keep white space between characters
  /// The mean of every order's F-score, an order without n-grams counting as 10⁻¹⁶ (chrF++.py, NLTK and
  /// Moses), instead of the formula above.
  bool eps_smoothing = false;
};

namespace detail {

struct NgramCounts {
  Index found = 0, wanted = 0, matches = 0;
};

/// The words of chrF++: one mark of ASCII at the end of a word, or else at its beginning, stands apart.
inline std::vector<std::string> chrf_words(std::string_view text) {
  const auto mark = [](char c) { return is_ascii_punctuation(static_cast<unsigned char>(c)); };
  std::vector<std::string> words;
  for (const std::string& word : split(text)) {
    if (word.size() > 1 && mark(word.back())) {
      words.insert(words.end(), {word.substr(0, word.size() - 1), word.substr(word.size() - 1)});
    } else if (word.size() > 1 && mark(word.front())) {
      words.insert(words.end(), {word.substr(0, 1), word.substr(1)});
    } else {
      words.push_back(word);
    }
  }
  return words;
}

inline std::u32string chrf_characters(std::string_view text, bool whitespace) {
  std::u32string out;
  each_character(text, [&](char32_t c, std::string_view) {
    if (whitespace || !is_space(c)) out += c;
  });
  return out;
}

template <class T>
void count_orders(const std::vector<T>& given, const std::vector<T>& truth, Index orders,
                  std::vector<NgramCounts>& counts) {
  for (Index n = 1; n <= orders; ++n) {
    const auto a = count_ngrams(given, n), b = count_ngrams(truth, n);
    counts.push_back({b.empty() ? 0 : total(a), total(b), common(a, b)});
  }
}

inline std::vector<NgramCounts> chrf_counts(std::string_view given, std::string_view truth,
                                            const ChrfOptions& o) {
  const std::u32string a = chrf_characters(given, o.whitespace), b = chrf_characters(truth, o.whitespace);
  std::vector<NgramCounts> counts;
  count_orders(std::vector<char32_t>(a.begin(), a.end()), std::vector<char32_t>(b.begin(), b.end()),
               o.char_order, counts);
  if (o.word_order > 0) count_orders(chrf_words(given), chrf_words(truth), o.word_order, counts);
  return counts;
}

inline double chrf_score(const std::vector<NgramCounts>& counts, const ChrfOptions& o) {
  const double factor = o.beta * o.beta, epsilon = 1e-16;
  double mean = 0, precision = 0, recall = 0, orders = 0;
  for (const NgramCounts& c : counts) {
    const double matches = static_cast<double>(c.matches);
    const double p = c.found > 0 ? matches / static_cast<double>(c.found) : epsilon;
    const double r = c.wanted > 0 ? matches / static_cast<double>(c.wanted) : epsilon;
    const double denominator = factor * p + r;
    mean += denominator > 0 ? (1 + factor) * p * r / denominator : epsilon;
    if (c.found == 0 || c.wanted == 0) continue;
    precision += p;
    recall += r;
    ++orders;
  }
  if (o.eps_smoothing) return 100 * mean / static_cast<double>(counts.size());
  if (precision + recall == 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (1 + factor) * precision * recall / (factor * precision + recall);
}

}  // namespace detail

/// chrF of hypotheses, 0 … 100, each against the one of its references that it is nearest to:
/// references[s][i] is a truth of hypotheses[i].
/// @throws InputError   for no hypotheses or references, lists of unequal length, or a text that is not UTF-8
/// @throws ConfigError  for orders without any n-gram, or a beta that is not above 0
inline double chrf(std::span<const std::string> hypotheses,
                   std::span<const std::vector<std::string>> references, const ChrfOptions& options = {}) {
  if (options.char_order < 1)
    fail(ConfigError("char_order", concat("must be at least 1, is ", options.char_order)));
  if (options.word_order < 0)
    fail(ConfigError("word_order", concat("must not be negative, is ", options.word_order)));
  if (!(options.beta > 0)) fail(ConfigError("beta", concat("must be above 0, is ", options.beta)));
  detail::require_streams(hypotheses, references);
  std::vector<detail::NgramCounts> sum(static_cast<std::size_t>(options.char_order + options.word_order));
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    std::vector<detail::NgramCounts> best;
    double highest = -1;
    for (const auto& stream : references) {
      std::vector<detail::NgramCounts> counts = detail::chrf_counts(hypotheses[i], stream[i], options);
      const double score = detail::chrf_score(counts, options);
      if (score <= highest) continue;
      highest = score;
      best = std::move(counts);
    }
    for (std::size_t n = 0; n < sum.size(); ++n) {
      sum[n].found += best[n].found;
      sum[n].wanted += best[n].wanted;
      sum[n].matches += best[n].matches;
    }
  }
  return detail::chrf_score(sum, options);
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
