// Precision, recall and F1 from counts: what every metric of this folder ends in.
//   precision = hits / found,   recall = hits / wanted,   F1 = 2 · precision · recall / (precision + recall)
// A quotient without a denominator is 0 (scikit-learn's and seqeval's zero_division = 0).
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

/// Each between 0 and 1.
struct Scores {
  double precision = 0, recall = 0, f1 = 0;
};

namespace detail {

inline double quotient(double part, double whole) { return whole > 0 ? part / whole : 0.0; }

/// @throws InputError  for nothing to compare, or lists of unequal length
inline void require_pairs(std::size_t truth, std::size_t predicted, const char* what) {
  if (truth != predicted)
    fail(InputError(concat(predicted, " predicted ", what, " for ", truth, " true ones")));
  if (truth == 0) fail(InputError(concat("there are no ", what, " to compare")));
}

/// How often each n-gram of `items` occurs, keyed by its items.
template <class T> std::map<std::vector<T>, Index> count_ngrams(const std::vector<T>& items, Index n) {
  std::map<std::vector<T>, Index> counts;
  for (auto end = items.begin(); items.end() - end >= n; ++end) ++counts[std::vector<T>(end, end + n)];
  return counts;
}

/// Occurrences that two counts have in common, each as often as in the one that has fewer.
template <class Key> Index common(const std::map<Key, Index>& a, const std::map<Key, Index>& b) {
  Index sum = 0;
  for (const auto& [key, count] : a)
    if (const auto found = b.find(key); found != b.end()) sum += (std::min)(count, found->second);
  return sum;
}

template <class Key> Index total(const std::map<Key, Index>& counts) {
  Index sum = 0;
  for (const auto& entry : counts) sum += entry.second;
  return sum;
}

}  // namespace detail

/// Scores of `hits` right answers among `found` given and `wanted` true ones.
inline Scores scores(Index hits, Index found, Index wanted) {
  const auto h = static_cast<double>(hits);
  Scores s{.precision = detail::quotient(h, static_cast<double>(found)),
           .recall = detail::quotient(h, static_cast<double>(wanted))};
  s.f1 = detail::quotient(2 * s.precision * s.recall, s.precision + s.recall);
  return s;
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
