// BLEU of a corpus (Papineni et al. 2002), in the definition of sacrebleu (Post 2018): tokenisation "13a",
// n-grams up to four clipped by the reference that has most of them, exponential smoothing, closest reference
// length.
//   BLEU = 100 · min(1, e^(1 − r/h)) · exp(¼ Σₙ ln pₙ),   pₙ = matching n-grams / n-grams
#pragma once

#include <eigenformer/evaluate/counts.hpp>
#include <eigenformer/evaluate/words.hpp>

#include <array>
#include <cmath>
#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

enum class Smoothing {
  exponential,  ///< the k-th order without a match counts 1/2ᵏ of one ("exp", sacrebleu's default)
  floor,        ///< an order without a match counts smoothing_value of one
  add_k,        ///< smoothing_value more matches and n-grams from the second order on
  none,         ///< an order without a match makes the score 0
};

/// @throws ConfigError  for a name that is none of exp, floor, add-k, none
inline Smoothing smoothing(std::string_view name) {
  if (name == "exp") return Smoothing::exponential;
  if (name == "floor") return Smoothing::floor;
  if (name == "add-k") return Smoothing::add_k;
  if (name == "none") return Smoothing::none;
  fail(ConfigError("smooth_method",
                   concat("one of exp, floor, add-k, none was expected, found ", printable(name))));
}

enum class BleuTokens {
  mteval_13a,  ///< NIST's mteval-v13a.pl: punctuation apart, entities of HTML resolved
  none,        ///< the words between white space
};

/// @throws ConfigError  for a name that is neither 13a nor none
inline BleuTokens bleu_tokens(std::string_view name) {
  if (name == "13a") return BleuTokens::mteval_13a;
  if (name == "none") return BleuTokens::none;
  fail(ConfigError("tokenize", concat("13a or none was expected, found ", printable(name))));
}

struct BleuOptions {
  BleuTokens tokens = BleuTokens::mteval_13a;
  Smoothing smoothing = Smoothing::exponential;
  /// A negative one stands for sacrebleu's: 0.1 with floor, 1 with add-k.
  double smoothing_value = -1;
  bool effective_order = false;  ///< leave out orders for which the hypotheses are too short; for sentences
};

/// What BLEU is computed from. Those of parts of a corpus may be added.
struct BleuCounts {
  std::array<Index, 4> matches{}, ngrams{};  ///< of orders 1 … 4
  Index length = 0;                          ///< words of the hypotheses
  Index reference_length = 0;  ///< of each the reference nearest in length; of equals the shorter
};

struct Bleu {
  double score = 0;                   ///< 0 … 100
  double brevity_penalty = 1;         ///< 0 … 1
  std::array<double, 4> precision{};  ///< after smoothing, 0 … 100
  BleuCounts counts;
};

namespace detail {

inline void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The words of mteval-v13a.pl's international part for Western languages: every mark of ASCII but ' - . ,
/// apart, a point or comma unless between two digits, a dash after a digit.
inline std::vector<std::string> words_13a(std::string_view text) {
  require_utf8(text);
  std::string line(text.substr(0, text::white_space_before(text, text.size())));
  replace_all(line, "<skipped>", "");
  replace_all(line, "-\n", "");
  replace_all(line, "\n", " ");
  for (const auto& [entity, character] :
       {std::pair<const char*, const char*>{"&quot;", "\""}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}})
    replace_all(line, entity, character);
  std::string apart = " ";
  for (const char c : line) {
    const bool kept =
        !is_ascii_punctuation(static_cast<unsigned char>(c)) || c == '\'' || c == '-' || c == '.' || c == ',';
    apart += kept ? std::string(1, c) : std::string{' ', c, ' '};
  }
  apart += ' ';
  // The reference's three substitutions one after another; a match of the first uses up two characters.
  std::string after;
  for (std::size_t i = 0; i < apart.size(); ++i) {
    after += apart[i];
    const char next = i + 1 < apart.size() ? apart[i + 1] : ' ';
    if (is_digit(apart[i]) || (next != '.' && next != ',')) continue;
    after += std::string{' ', next, ' '};
    ++i;
  }
  std::string before;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool mark = after[i] == '.' || after[i] == ',';
    if (!mark || i + 1 == after.size() || is_digit(after[i + 1])) {
      before += after[i];
      continue;
    }
    before += std::string{' ', after[i], ' ', after[i + 1]};
    ++i;
  }
  std::string out;
  for (std::size_t i = 0; i < before.size(); ++i) {
    out += before[i];
    if (is_digit(before[i]) && i + 1 < before.size() && before[i + 1] == '-') {
      out += " - ";
      ++i;
    }
  }
  return split(out);
}

/// Reference streams of one text a hypothesis, as sacrebleu takes them.
/// @throws InputError  for no hypotheses, no streams, or a stream of another length
inline void require_streams(std::span<const std::string> hypotheses,
                            std::span<const std::vector<std::string>> references) {
  if (references.empty()) fail(InputError("there are no references"));
  for (const auto& stream : references) require_pairs(stream.size(), hypotheses.size(), "texts");
}

}  // namespace detail

/// The words of a text that BLEU compares.
/// @throws InputError  for a text that is not UTF-8
inline std::vector<std::string> bleu_words(std::string_view text, BleuTokens tokens) {
  return tokens == BleuTokens::none ? detail::split(text) : detail::words_13a(text);
}

/// Counts of hypotheses against streams of references, each with one text a hypothesis.
/// @throws InputError  for no hypotheses or references, lists of unequal length, or a text that is not UTF-8
inline BleuCounts bleu_counts(std::span<const std::string> hypotheses,
                              std::span<const std::vector<std::string>> references,
                              BleuTokens tokens = BleuTokens::mteval_13a) {
  detail::require_streams(hypotheses, references);
  BleuCounts counts;
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    const std::vector<std::string> words = bleu_words(hypotheses[i], tokens);
    const auto length = static_cast<Index>(words.size());
    std::vector<std::vector<std::string>> truths;
    Index nearest = -1;
    for (const auto& stream : references) {
      truths.push_back(bleu_words(stream[i], tokens));
      const auto other = static_cast<Index>(truths.back().size());
      const Index distance = std::abs(other - length), best = std::abs(nearest - length);
      if (nearest < 0 || distance < best || (distance == best && other < nearest)) nearest = other;
    }
    counts.length += length;
    counts.reference_length += nearest;
    for (std::size_t order = 0; order < counts.matches.size(); ++order) {
      const auto n = static_cast<Index>(order) + 1;
      std::map<std::vector<std::string>, Index> most;
      for (const auto& truth : truths)
        for (const auto& [ngram, count] : detail::count_ngrams(truth, n))
          most[ngram] = (std::max)(most[ngram], count);
      const auto given = detail::count_ngrams(words, n);
      counts.matches[order] += detail::common(given, most);
      counts.ngrams[order] += detail::total(given);
    }
  }
  return counts;
}

/// BLEU of counts.
inline Bleu bleu(const BleuCounts& counts, const BleuOptions& options = {}) {
  Bleu result;
  result.counts = counts;
  if (counts.length < counts.reference_length)
    result.brevity_penalty =
        counts.length > 0
            ? std::exp(1 - static_cast<double>(counts.reference_length) / static_cast<double>(counts.length))
            : 0.0;
  if (std::all_of(counts.matches.begin(), counts.matches.end(), [](Index m) { return m == 0; }))
    return result;
  const double value = options.smoothing_value >= 0            ? options.smoothing_value
                       : options.smoothing == Smoothing::floor ? 0.1
                                                               : 1.0;
  double halved = 1;
  std::size_t orders = counts.matches.size();
  for (std::size_t i = 0; i < counts.matches.size(); ++i) {
    const double added = options.smoothing == Smoothing::add_k && i > 0 ? value : 0.0;
    const double matches = static_cast<double>(counts.matches[i]) + added;
    const double ngrams = static_cast<double>(counts.ngrams[i]) + added;
    if (ngrams == 0) break;
    if (options.effective_order) orders = i + 1;
    double credit = matches;
    if (matches == 0 && options.smoothing == Smoothing::exponential) credit = 1 / (halved *= 2);
    if (matches == 0 && options.smoothing == Smoothing::floor) credit = value;
    result.precision[i] = 100 * credit / ngrams;
  }
  double logarithms = 0;  // of an order without any precision: -infinity, and the score is 0
  for (std::size_t i = 0; i < orders; ++i) logarithms += std::log(result.precision[i]);
  result.score = result.brevity_penalty * std::exp(logarithms / static_cast<double>(orders));
  return result;
}

/// BLEU of hypotheses against streams of references: references[s][i] is a truth of hypotheses[i].
/// @throws InputError  for no hypotheses or references, lists of unequal length, or a text that is not UTF-8
inline Bleu bleu(std::span<const std::string> hypotheses,
                 std::span<const std::vector<std::string>> references, const BleuOptions& options = {}) {
  return bleu(bleu_counts(hypotheses, references, options.tokens), options);
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
