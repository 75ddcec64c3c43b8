// Random numbers one after another, for objectives: what an example becomes depends on the seed and on the
// example's number alone, not on the batch it stands in, the machine or the step at which a run resumed.
#pragma once

#include <eigenformer/core/random.hpp>

#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The numbers of one stream, each used once.
class Draws {
 public:
  Draws(Seed seed, Purpose purpose, std::uint64_t number)
      : random_(seed, static_cast<std::uint64_t>(purpose) << 56 | number) {}

  /// In [0, 1).
  double uniform() { return random_.uniform(next_++); }
  /// 0, 1, …, n − 1.
  Index below(Index n) { return static_cast<Index>(random_.below(next_++, static_cast<std::uint64_t>(n))); }

  /// Poisson, but at most `most`: how many arrivals, exponential times apart, fit into `mean`.
  Index poisson(double mean, Index most) {
    double time = 0;
    for (Index n = 0; n < most; ++n) {
      time -= detail::portable_log(1 - uniform());
      if (time > mean) return n;
    }
    return most;
  }

  /// `chosen` of n places, every choice as likely as another: Knuth, TAOCP 2, algorithm 3.4.2 S.
  std::vector<bool> choose(Index chosen, Index n) {
    std::vector<bool> places(static_cast<std::size_t>(n));
    for (Index i = 0; i < n && chosen > 0; ++i)
      if (below(n - i) < chosen) {
        places[static_cast<std::size_t>(i)] = true;
        --chosen;
      }
    return places;
  }

  /// 0, 1, …, n − 1 in random order: TAOCP 2, algorithm 3.4.2 P.
  std::vector<Index> permutation(Index n) {
    std::vector<Index> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[static_cast<std::size_t>(below(static_cast<Index>(i)))]);
    return order;
  }

 private:
  Random random_;
  std::uint64_t next_ = 0;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
