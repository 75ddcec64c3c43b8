// What is left of a vocabulary while a token is being chosen, and how likely each token is.
//
// All truncations work on one array of weights, exp((logit - largest) / temperature): taking a token out sets
// its weight to 0, and a probability is weight / total. So exponentials are computed once, however many
// truncations follow. The vocabulary is looked at in blocks of 256 tokens, each with its largest logit and
// its sum of weights, which lets most passes skip most blocks. Every sum has one order, whatever the width of
// the vector unit: within a block 16 lanes, then blocks one after another.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace detail {

/// Use: `assign`, then `best`, or `largest`, or `weigh`; after `weigh` truncations, then `at_share` or
/// `probability`. Buffers are kept: after the first use nothing is allocated for a vocabulary of that size.
template <class S> class Candidates {
  static_assert(std::is_same_v<S, float> || std::is_same_v<S, double>);

 public:
  /// Looks at one logit a token; -infinity is a token that is not there. The logits must outlive their use.
  /// @throws InputError when there are none, one is NaN or +infinity, or all are -infinity.
  void assign(std::span<const S> logits) {
    if (logits.empty()) fail(InputError("logits: empty, there is no token to choose"));
    logits_ = logits.data();
    size_ = std::ssize(logits);
    maxima_.resize(at((size_ + block_size - 1) / block_size));
    tail_.fill(nowhere);  // the last block, filled up
    std::copy(logits.begin() + (blocks() - 1) * block_size, logits.end(), tail_.begin());
    largest_ = nowhere;
    for (Index b = 0; b < blocks(); ++b) {
      const S largest = Block(block(b)).template maxCoeff<Eigen::PropagateNaN>();
      if (!(largest < std::numeric_limits<S>::infinity())) refuse(b);
      maxima_[at(b)] = largest;
      largest_ = (std::max)(largest_, largest);
    }
    if (largest_ == nowhere) {
      fail(InputError(concat("logits: all ", size_, " are -infinity, there is no token to choose")));
    }
  }

  Index size() const { return size_; }

  /// The token with the largest logit, the lowest id of several.
  Token best() const {
    const auto b = std::find(maxima_.begin(), maxima_.end(), largest_) - maxima_.begin();
    const S* logits = block(b);
    return static_cast<Token>(b * block_size + (std::find(logits, logits + block_size, largest_) - logits));
  }

  /// The tokens of the k largest logits, and those as large as the smallest of them, by id.
  const std::vector<Token>& largest(Index k) {
    // At least k tokens reach the k-th largest of the blocks' maxima; nearly all others do not.
    S bar = std::numeric_limits<S>::lowest();
    if (k <= blocks()) {
      sorted_ = maxima_;
      bar = (std::max)(bar, kth_sorted(k));
    }
    chosen_.clear();
    for (Index b = 0; b < blocks(); ++b) {
      if (maxima_[at(b)] < bar) continue;
      collect(b, [bar](S logit) { return logit >= bar; });
    }
    if (std::ssize(chosen_) > k) {
      sorted_.clear();
      for (const Token token : chosen_) sorted_.push_back(logit(token));
      bar = kth_sorted(k);
      std::erase_if(chosen_, [&](Token token) { return logit(token) < bar; });
    }
    return chosen_;
  }

  /// Sets the weights for a temperature above 0; one outside the range of S counts as its nearest number.
  void weigh(double temperature) {
    using Limits = std::numeric_limits<S>;
    scale_ = S(1) / static_cast<S>(std::clamp<double>(temperature, (Limits::min)(), (Limits::max)()));
    weights_.resize(at(blocks() * block_size));
    sums_.resize(at(blocks()));
    for (Index b = 0; b < blocks(); ++b) {
      MutableBlock weights(weights_.data() + b * block_size);
      const Block logits(block(b));
      // A finite logit never gets 0, -infinity always, and without a comparison, which Eigen 3.4 does not
      // vectorize.
      weights = (((logits - largest_) * scale_).max)(smallest_exponent).exp();
      weights = (weights.min)(((logits - largest_ + (Limits::max)()).max)(S(0)));
    }
    add_up();
  }

  bool removed(Index token) const { return !(weights_[at(token)] > 0); }
  double probability(Index token) const { return weight(token) / total_; }

  /// ln of the sum of exp(logit / temperature) over the tokens that are left.
  double log_sum() const { return static_cast<double>(largest_ * scale_) + log_total_; }

  /// The token at the share `uniform`, in [0, 1), of the total, tokens in the order of their ids.
  Token at_share(double uniform) const {
    const double target = uniform * total_;
    double sum = 0;
    Index b = 0, last = 0;
    while (b + 1 < blocks() && sum + sums_[at(b)] <= target) sum += sums_[at(b++)];
    for (Index i = b * block_size; i < end(b) && sum <= target; ++i) {
      if (removed(i)) continue;
      sum += weight(i);
      last = i;
    }
    return static_cast<Token>(last);  // where rounding ends the sum early, the last token there is
  }

  /// Takes out the least likely tokens whose probabilities together stay within 1 - p (Holtzman et al. 2020),
  /// but none of the `keep` likeliest. Of equal logits the lower ids stay.
  void top_p(double p, Index keep) {
    const double limit = (1 - p) * total_;
    spread(limit);
    double below = 0;
    Index bucket = buckets - 1;  // from the least likely upwards
    while (bucket > 0 && below + mass(bucket) <= limit) below += mass(bucket--);
    chosen_.clear();
    for (Index b = 0; b < blocks(); ++b) {
      if (bucket_of(maxima_[at(b)]) > bucket) continue;
      const Buckets of = buckets_of(b);
      for (Index i = 0; i < end(b) - b * block_size; ++i) {
        if (of[i] == bucket) chosen_.push_back(static_cast<Token>(b * block_size + i));
      }
    }
    const auto less = [this](Token a, Token b) { return precedes(a, b); };
    Token cut = chosen_[pass(limit, below, less)];
    if (keep > 1) cut = (std::min)(cut, nth_likeliest(keep), less);
    // of the tokens as likely as the cut, which are all in `chosen_`, some go
    for (const Token token : chosen_) {
      if (precedes(token, cut)) weights_[at(token)] = 0;
    }
    const S bar = logit(cut);
    remove([bar](S logit, S) { return logit < bar; });
  }

  /// Takes out tokens less than `share` times as likely as the likeliest (Nguyen et al. 2024), but none as
  /// likely as the `keep`-th.
  void min_p(double share, Index keep) { remove_lighter(share * weight(nth_likeliest(1)), keep); }

  /// Takes out tokens less likely than `epsilon` (Hewitt et al. 2022), but none as likely as the `keep`-th.
  void epsilon_cutoff(double epsilon, Index keep) { remove_lighter(epsilon * total_, keep); }

  /// The same with min(epsilon, sqrt(epsilon) exp(-entropy)) (Hewitt et al. 2022).
  void eta_cutoff(double epsilon, Index keep) {
    remove_lighter((std::min)(epsilon, std::sqrt(epsilon) * std::exp(-entropy())) * total_, keep);
  }

  /// Keeps the tokens whose information -log p is nearest the entropy, until together they reach `mass`
  /// (Meister et al. 2023), at least `keep` of them, and those as near as the last one.
  void typical_p(double mass, Index keep) {
    const double expected = entropy();
    const auto distance = [&](S logit) { return std::abs(information(logit) - expected); };
    const auto less = [&](Token a, Token b) {
      const double of_a = distance(logit(a)), of_b = distance(logit(b));
      return of_a < of_b || (of_a == of_b && a < b);
    };
    choose_all();
    // the first place whose sum reaches the mass is the first whose sum exceeds the number before
    const auto reached = static_cast<Index>(pass(std::nextafter(mass * total_, 0.0), 0, less));
    const auto last = chosen_.begin() + (std::min)((std::max)(reached, keep - 1), std::ssize(chosen_) - 1);
    std::nth_element(chosen_.begin(), last, chosen_.end(), less);
    const double bar = distance(logit(*last));
    remove([&](S logit, S weight) { return weight > 0 && distance(logit) > bar; });
  }

 private:
  static constexpr Index block_size = 256;
  static constexpr Index buckets = 1024;
  static constexpr S nowhere = -std::numeric_limits<S>::infinity();
  static constexpr S smallest_exponent = std::is_same_v<S, float> ? S(-87) : S(-708);  // exp is still normal
  using Block = Eigen::Map<const Eigen::Array<S, block_size, 1>>;
  using MutableBlock = Eigen::Map<Eigen::Array<S, block_size, 1>>;
  using Buckets = Eigen::Array<int, block_size, 1>;

  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  Index blocks() const { return std::ssize(maxima_); }
  Index end(Index b) const { return (std::min)((b + 1) * block_size, size_); }
  const S* block(Index b) const { return b + 1 < blocks() ? logits_ + b * block_size : tail_.data(); }
  S logit(Token token) const { return logits_[token]; }
  double weight(Index token) const { return static_cast<double>(weights_[at(token)]); }

  [[noreturn]] void refuse(Index b) const {
    const S* logits = block(b);
    const S* bad = std::find_if(logits, logits + block_size,
                                [](S x) { return !(x <= (std::numeric_limits<S>::max)()); });
    fail(InputError(concat("logits: ", *bad, " at position ", b * block_size + (bad - logits))));
  }

  S kth_sorted(Index k) {
    std::nth_element(sorted_.begin(), sorted_.begin() + (k - 1), sorted_.end(), std::greater<>());
    return sorted_[at(k - 1)];
  }

  /// Appends a block's tokens that fit to `chosen_`.
  template <class Fits> void collect(Index b, Fits fits) {
    const S* logits = block(b);
    for (Index i = 0; i < end(b) - b * block_size; ++i) {
      if (fits(logits[i])) chosen_.push_back(static_cast<Token>(b * block_size + i));
    }
  }

  void choose_all() {
    chosen_.clear();
    for (Index i = 0; i < size_; ++i) {
      if (!removed(i)) chosen_.push_back(static_cast<Token>(i));
    }
  }

  /// Whether `a` is less likely than `b`; of equal logits the higher id.
  bool precedes(Token a, Token b) const { return logit(a) < logit(b) || (logit(a) == logit(b) && a > b); }

  /// The token with n - 1 likelier ones, or the least likely one there is.
  Token nth_likeliest(Index n) {
    if (const Token first = best(); n == 1 && !removed(first)) return first;
    choose_all();
    const auto place = chosen_.begin() + ((std::min)(n, std::ssize(chosen_)) - 1);
    std::nth_element(chosen_.begin(), place, chosen_.end(),
                     [this](Token a, Token b) { return precedes(b, a); });
    return *place;
  }

  /// Where in `chosen_`, when sorted, the running sum of weights from `below` on first exceeds `limit`, or
  /// the last place. Sorts only so far that this place holds its token; linear on average.
  template <class Less> std::size_t pass(double limit, double below, Less less) {
    std::ptrdiff_t first = 0, last = std::ssize(chosen_);
    while (last - first > 1) {
      const std::ptrdiff_t middle = first + (last - first) / 2;
      const auto begin = chosen_.begin();
      std::nth_element(begin + first, begin + middle, begin + last, less);
      double lower = below;
      std::for_each(begin + first, begin + middle, [&](Token token) { lower += weight(token); });
      if (lower > limit) {
        last = middle;
      } else {
        first = middle;
        below = lower;
      }
    }
    return at(first);
  }

  /// Adds the weights into buckets of equal width in the logit, the likeliest tokens in the first.
  void spread(double limit) {
    // Weights below limit / size stay within the limit all together: they need no resolution.
    const double width = -std::log(limit / static_cast<double>(size_)) / static_cast<double>(scale_);
    using Limits = std::numeric_limits<S>;
    per_bucket_ = static_cast<S>(std::clamp<double>((buckets - 1) / width, (Limits::min)(), (Limits::max)()));
    masses_.assign(buckets, {});
    for (Index b = 0; b < blocks(); ++b) {
      if (bucket_of(maxima_[at(b)]) == buckets - 1) {
        masses_.back()[0] += sums_[at(b)];
        continue;
      }
      const Buckets of = buckets_of(b);
      const S* weights = weights_.data() + b * block_size;
      for (Index i = 0; i < block_size; i += 4) {  // four sums a bucket: neighbours often share a bucket
        for (Index j = 0; j < 4; ++j) masses_[at(of[i + j])][at(j)] += static_cast<double>(weights[i + j]);
      }
    }
  }

  double mass(Index bucket) const {
    const auto& sums = masses_[at(bucket)];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  Index bucket_of(S logit) const {
    return static_cast<Index>((std::min)((largest_ - logit) * per_bucket_, S(buckets - 1)));
  }
  Buckets buckets_of(Index b) const {
    return (((largest_ - Block(block(b))) * per_bucket_).min)(S(buckets - 1)).template cast<int>();
  }

  void remove_lighter(double bar, Index keep) {
    const S spared = logit(nth_likeliest(keep));
    S lightest = static_cast<S>(bar);  // below this in S is below the bar
    if (static_cast<double>(lightest) < bar)
      lightest = std::nextafter(lightest, std::numeric_limits<S>::infinity());
    remove([=](S logit, S weight) { return (logit < spared) & (weight < lightest); });
  }

  /// -log p of a token with this logit.
  double information(S logit) const { return log_total_ - static_cast<double>((logit - largest_) * scale_); }

  double entropy() const {
    double sum = 0;
    for (Index i = 0; i < size_; ++i) {
      if (!removed(i)) sum += weight(i) * information(logits_[i]);
    }
    return sum / total_;
  }

  /// Takes out every token for which rule(logit, weight) holds.
  template <class Rule> void remove(Rule rule) {
    for (Index b = 0; b < blocks(); ++b) {
      const S* logits = block(b);
      S* weights = weights_.data() + b * block_size;
      for (Index i = 0; i < block_size; ++i) weights[i] = rule(logits[i], weights[i]) ? S(0) : weights[i];
    }
    add_up();
  }

  /// Sums the weights of each block (token i in lane i mod 16, then lanes by halves) and of all.
  void add_up() {
    total_ = 0;
    for (Index b = 0; b < blocks(); ++b) {
      using Lanes = Eigen::Array<double, 16, 1>;
      Lanes lanes = Lanes::Zero();
      for (Index i = b * block_size; i < (b + 1) * block_size; i += 16) {
        lanes += Eigen::Map<const Eigen::Array<S, 16, 1>>(weights_.data() + i).template cast<double>();
      }
      const Eigen::Array<double, 8, 1> half = lanes.template head<8>() + lanes.template tail<8>();
      const Eigen::Array<double, 4, 1> quarter = half.template head<4>() + half.template tail<4>();
      total_ += sums_[at(b)] = (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
    }
    log_total_ = std::log(total_);
  }

  const S* logits_ = nullptr;
  Index size_ = 0;
  std::array<S, block_size> tail_;
  S largest_ = 0, scale_ = 1, per_bucket_ = 1;
  double total_ = 0, log_total_ = 0;
  std::vector<S> maxima_, weights_, sorted_;
  std::vector<double> sums_;
  std::vector<std::array<double, 4>> masses_;
  std::vector<Token> chosen_;
};

}  // namespace detail
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
