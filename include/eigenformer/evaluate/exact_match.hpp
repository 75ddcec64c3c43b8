// Exact match and the F1 of words between an answer and the true ones, in the definition of SQuAD 2.0's
// evaluation script (Rajpurkar et al. 2018): texts lose case, ASCII punctuation and the articles a, an, the;
// two answers without a word are the same, and one without a word matches no other.
#pragma once

#include <eigenformer/evaluate/counts.hpp>
#include <eigenformer/evaluate/words.hpp>

#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

/// Both between 0 and 1.
struct AnswerScores {
  double exact_match = 0, f1 = 0;
};

/// The words of an answer that count. Case is that of Latin, Greek and Cyrillic letters; between the
/// characters of Unicode's punctuation an article is a word of its own.
/// @throws InputError  for a text that is not UTF-8
inline std::vector<std::string> answer_words(std::string_view text) {
  const auto separates = [](char32_t c) {  // what is no part of a word to Python's \b, where it is common
    return detail::is_space(c) || (c >= 0xA1 && c <= 0xBF && c != 0xAA && c != 0xB5 && c != 0xBA) ||
           (c >= 0x2010 && c <= 0x205E) || (c >= 0x3001 && c <= 0x3003) || (c >= 0x3008 && c <= 0x301F);
  };
  std::string out, word;
  const auto end_word = [&] {
    if (word != "a" && word != "an" && word != "the")
      out += word;
    else
      out += ' ';
    word.clear();
  };
  detail::each_character(text, [&](char32_t c, std::string_view bytes) {
    if (detail::is_ascii_punctuation(c)) return;
    if (!separates(c)) return text::append_utf8(word, detail::lower(c));
    end_word();
    out += bytes;
  });
  end_word();
  return detail::split(out);
}

/// An answer against one true answer.
/// @throws InputError  for a text that is not UTF-8
inline AnswerScores answer_scores(std::string_view answer, std::string_view truth) {
  const std::vector<std::string> given = answer_words(answer), wanted = answer_words(truth);
  const double same = given == wanted ? 1.0 : 0.0;
  if (given.empty() || wanted.empty()) return {same, same};
  const Index hits = detail::common(detail::count_ngrams(given, 1), detail::count_ngrams(wanted, 1));
  return {same, scores(hits, static_cast<Index>(given.size()), static_cast<Index>(wanted.size())).f1};
}

/// An answer against several true ones: the best of each score.
/// @throws InputError  for no true answer, or a text that is not UTF-8
inline AnswerScores answer_scores(std::string_view answer, std::span<const std::string> truths) {
  if (truths.empty()) fail(InputError("there is no true answer to compare with"));
  AnswerScores best;
  for (const std::string& truth : truths) {
    const AnswerScores one = answer_scores(answer, truth);
    best = {(std::max)(best.exact_match, one.exact_match), (std::max)(best.f1, one.f1)};
  }
  return best;
}

/// The share of answers that are their truth to the byte; no normalisation.
/// @throws InputError  for no answers, or lists of unequal length
inline double exact_match(std::span<const std::string> truth, std::span<const std::string> predicted) {
  detail::require_pairs(truth.size(), predicted.size(), "texts");
  Index same = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) same += truth[i] == predicted[i];
  return static_cast<double>(same) / static_cast<double>(truth.size());
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
