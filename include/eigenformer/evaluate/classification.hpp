// Accuracy, the confusion matrix, and precision, recall and F1 of each class and over classes, in the
// definitions of scikit-learn (sklearn.metrics, zero_division = 0).
#pragma once

#include <eigenformer/evaluate/counts.hpp>

#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

/// How often each true class was taken for each class.
class Confusion {
 public:
  /// Labels are 0 … classes-1.
  /// @throws InputError  for no classes, no labels, lists of unequal length, or a label outside the classes
  Confusion(std::span<const Index> truth, std::span<const Index> predicted, Index classes)
      : classes_(classes), items_(static_cast<Index>(truth.size())) {
    if (classes < 1) fail(InputError(concat("there must be at least one class, there are ", classes)));
    detail::require_pairs(truth.size(), predicted.size(), "labels");
    for (std::size_t i = 0; i < truth.size(); ++i)
      for (const Index label : {truth[i], predicted[i]})
        if (label < 0 || label >= classes)
          fail(InputError(concat("label ", label, " at place ", i, " is none of ", classes, " classes")));
    for (std::size_t i = 0; i < truth.size(); ++i) ++counts_[{truth[i], predicted[i]}];
    for (const auto& [pair, count] : counts_) {
      wanted_[pair.first] += count;
      found_[pair.second] += count;
    }
  }

  Index classes() const { return classes_; }

  /// How many items of class `truth` were predicted as `predicted`.
  Index count(Index truth, Index predicted) const {
    const auto found = counts_.find({truth, predicted});
    return found == counts_.end() ? 0 : found->second;
  }

  /// Items whose true class is `c`.
  Index support(Index c) const { return at(wanted_, c); }

  double accuracy() const { return static_cast<double>(hits()) / static_cast<double>(items_); }

  /// Scores of one class against all others.
  Scores of(Index c) const { return scores(count(c, c), at(found_, c), at(wanted_, c)); }

  /// All decisions counted together. With one label an item, each of the three is the accuracy.
  Scores micro() const { return scores(hits(), items_, items_); }

  /// The mean over the classes that occur, as truth or as prediction.
  Scores macro() const {
    return mean([](Index) { return 1.0; });
  }

  /// The mean over classes, each by its share of the true labels.
  Scores weighted() const {
    return mean([this](Index c) { return static_cast<double>(support(c)); });
  }

 private:
  static Index at(const std::map<Index, Index>& counts, Index c) {
    const auto found = counts.find(c);
    return found == counts.end() ? 0 : found->second;
  }

  Index hits() const {
    Index sum = 0;
    for (const auto& [c, n] : wanted_) sum += count(c, c);
    return sum;
  }

  template <class Weight> Scores mean(Weight&& weight) const {
    std::map<Index, Index> occurring = wanted_;
    occurring.insert(found_.begin(), found_.end());
    Scores sum;
    double weights = 0;
    for (const auto& entry : occurring) {
      const Scores s = of(entry.first);
      const double w = weight(entry.first);
      sum.precision += w * s.precision;
      sum.recall += w * s.recall;
      sum.f1 += w * s.f1;
      weights += w;
    }
    return {sum.precision / weights, sum.recall / weights, sum.f1 / weights};
  }

  Index classes_, items_;
  std::map<std::pair<Index, Index>, Index> counts_;  // by (truth, predicted)
  std::map<Index, Index> wanted_, found_;            // by class
};

/// The share of labels that are right.
/// @throws InputError  for no labels, or lists of unequal length
template <class Label> double accuracy(const std::vector<Label>& truth, const std::vector<Label>& predicted) {
  detail::require_pairs(truth.size(), predicted.size(), "labels");
  Index right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += truth[i] == predicted[i];
  return static_cast<double>(right) / static_cast<double>(truth.size());
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
