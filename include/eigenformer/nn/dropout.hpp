// Dropout: y = x · m / (1 − rate), with m 0 or 1 and E[y] = x. Srivastava et al. 2014, "Dropout: A Simple Way
// to Prevent Neural Networks from Overfitting"; where it stands in a transformer: Vaswani et al. 2017, §5.4.
//
// A mask is a function of the seed, the pass, the place in the model, the row and the column. It is drawn
// again where it is needed (backward pass, recomputed blocks) and never stored, and no thread has a say in
// it.
#pragma once

#include <eigenformer/core/matrix.hpp>
#include <eigenformer/core/random.hpp>
#include <eigenformer/core/run.hpp>

#include <algorithm>
#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Which share of what is dropped while training; 0: none.
struct DropoutRates {
  double embeddings = 0.0;  ///< of the sum of the embeddings, after their norm where there is one
  double attention = 0.0;   ///< of attention's probabilities
  double branches = 0.0;    ///< of what attention and feed-forward add to the residual stream
};

/// @throws ConfigError  for a rate outside of [0, 1)
inline void validate(const DropoutRates& rates) {
  for (const auto& [name, rate] : {std::pair{"dropout.embeddings", rates.embeddings},
                                   {"dropout.attention", rates.attention},
                                   {"dropout.branches", rates.branches}})
    if (!(rate >= 0 && rate < 1)) fail(ConfigError(name, concat("must be in [0, 1), is ", rate)));
}

/// The masks of one place in one pass.
class Dropout {
 public:
  Dropout() = default;
  Dropout(double rate, Seed seed, std::uint64_t stream)
      : key_{static_cast<std::uint32_t>(seed.value), static_cast<std::uint32_t>(seed.value >> 32)},
        stream_(stream),
        scale_(1 / (1 - rate)),
        dropped_(static_cast<std::uint32_t>(std::floor(rate * 0x1p32))) {}

  bool on() const { return dropped_ != 0; }

  /// x[i] *= m(row, first + i) / (1 − rate) for n columns from `first` on. Rows and columns below 2³².
  template <class S> void apply(Index row, Index first, Index n, S* x) const {
    const S scale = S(scale_);
    std::uint32_t words[group];
    for (Index i = 0; i < n;) {
      const Index column = first + i, within = column % group;
      draw(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column / group), words);
      const Index count = (std::min)(group - within, n - i);
      for (Index k = 0; k < count; ++k) x[i + k] *= words[within + k] < dropped_ ? S(0) : scale;
      i += count;
    }
  }

  /// All of a matrix.
  template <class S> void apply(Run& run, Out<S> x) const {
    if (!on()) return;
    const Index grain = (std::max)(Index{1}, Index{1 << 12} / (std::max)(Index{1}, x.cols()));
    run.threads.slices(x.rows(), grain, [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) apply(r, 0, x.cols(), x.data() + r * x.outerStride());
    });
  }

 private:
  static constexpr Index blocks = 8, group = 4 * blocks;  // columns of a draw

  /// The random bits of one group of columns: word w of block b is that of column w · blocks + b. Philox as
  /// in philox(), for several counters side by side, which compilers turn into vectors.
  void draw(std::uint32_t row, std::uint32_t columns, std::uint32_t* words) const {
    std::uint32_t c[4][blocks];
    for (std::uint32_t b = 0; b < blocks; ++b) {
      c[0][b] = columns * static_cast<std::uint32_t>(blocks) + b;
      c[1][b] = row;
      c[2][b] = static_cast<std::uint32_t>(stream_);
      c[3][b] = static_cast<std::uint32_t>(stream_ >> 32);
    }
    std::uint32_t k0 = key_[0], k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      for (Index b = 0; b < blocks; ++b) {
        const std::uint64_t first = std::uint64_t{0xD2511F53} * c[0][b];
        const std::uint64_t second = std::uint64_t{0xCD9E8D57} * c[2][b];
        c[0][b] = static_cast<std::uint32_t>(second >> 32) ^ c[1][b] ^ k0;
        c[1][b] = static_cast<std::uint32_t>(second);
        c[2][b] = static_cast<std::uint32_t>(first >> 32) ^ c[3][b] ^ k1;
        c[3][b] = static_cast<std::uint32_t>(first);
      }
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    for (Index w = 0; w < 4; ++w) std::copy_n(c[w], blocks, words + w * blocks);
  }

  std::array<std::uint32_t, 2> key_{};
  std::uint64_t stream_ = 0;
  double scale_ = 1;
  std::uint32_t dropped_ = 0;  // words below this one
};

/// Where a stack drops.
enum class DropoutPlace : std::uint64_t {
  embeddings,
  attention,
  cross_attention,
  attention_branch,
  cross_branch,
  feed_forward_branch
};

/// The masks of one pass through a model. A run of training numbers its passes: each part of a batch is one.
struct DropoutPass {
  DropoutRates rates;
  Seed seed;
  std::uint64_t number = 0;  ///< below 2³²

  /// Of a place in a layer of the decoder, or else of the encoder.
  Dropout at(DropoutPlace place, bool decoder, Index layer) const {
    const bool attends = place == DropoutPlace::attention || place == DropoutPlace::cross_attention;
    const double rate = place == DropoutPlace::embeddings ? rates.embeddings
                        : attends                         ? rates.attention
                                                          : rates.branches;
    const std::uint64_t stream = static_cast<std::uint64_t>(Purpose::dropout) << 56 | number << 24 |
                                 static_cast<std::uint64_t>(layer) << 4 |
                                 static_cast<std::uint64_t>(decoder) << 3 | static_cast<std::uint64_t>(place);
    return {rate, seed, stream};
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
