// A mix of corpora by given shares, as for adapting a model to a domain without losing what it knew: Wu et
// al. 2023, "BloombergGPT", trains on 51.27 % financial and 48.73 % general text.
#pragma once

#include <eigenformer/core/random.hpp>
#include <eigenformer/train/sources.hpp>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Sequences each of which comes from one of several sources, with the probability that is the source's
/// share. Which source a sequence comes from depends on the seed and its number alone; within a source, draws
/// follow one another.
class MixtureDraws {
 public:
  /// draw(i): the one sequence that a source gives as its i-th, always the same for the same i.
  using Source = std::function<std::vector<Token>(Index)>;

  /// @throws ConfigError  for another number of shares than sources, a share that is not positive, shares
  ///                      whose sum is not 1, or a batch below 1
  MixtureDraws(std::vector<Source> sources, std::vector<double> shares, Index batch, Seed seed)
      : sources_(std::move(sources)),
        shares_(std::move(shares)),
        batch_(batch),
        random_(seed, 0x6d6978747572),  // a stream of its own
        drawn_(sources_.size()),
        tokens_(sources_.size()) {
    detail::require_batch(batch);
    if (sources_.empty() || sources_.size() != shares_.size())
      fail(ConfigError("shares", concat(shares_.size(), " for ", sources_.size(), " corpora")));
    double sum = 0;
    for (const double share : shares_) {
      if (!(share > 0 && share <= 1))
        fail(ConfigError("share", concat("must lie above 0 and not beyond 1, is ", share)));
      sum += share;
    }
    if (std::abs(sum - 1) > 1e-9) fail(ConfigError("shares", concat("must sum to 1, sum to ", sum)));
  }

  /// The sequences of step 0, 1, …
  TokenBatch operator()(Index step) {
    catch_up(step);
    next_ = -1;  // until all are drawn: a source that throws leaves the others ahead
    TokenBatch out;
    for (Index i = 0; i < batch_; ++i) {
      const std::size_t source = source_of(step * batch_ + i);
      out.push_back(sources_[source](drawn_[source]++));
      tokens_[source] += static_cast<Index>(out.back().size());
    }
    next_ = step + 1;
    return out;
  }

  /// Which corpus sequence number n of all comes from.
  std::size_t source_of(Index n) const {
    double rest = random_.uniform(static_cast<std::uint64_t>(n));
    std::size_t source = 0;
    while (source + 1 < shares_.size() && rest >= shares_[source]) rest -= shares_[source++];
    return source;
  }

  /// Tokens of each corpus in the batches that were drawn from here.
  const std::vector<Index>& tokens() const { return tokens_; }

 private:
  /// How many sequences each source has given before a step.
  void catch_up(Index step) {
    if (step == next_) return;
    drawn_.assign(sources_.size(), 0);
    for (Index n = 0; n < step * batch_; ++n) ++drawn_[source_of(n)];
    next_ = step;
  }

  std::vector<Source> sources_;
  std::vector<double> shares_;
  Index batch_;
  Random random_;
  std::vector<Index> drawn_, tokens_;
  Index next_ = 0;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
