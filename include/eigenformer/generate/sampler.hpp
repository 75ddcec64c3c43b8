// Draws a token from a row of logits.
//
//   ef::Sampler sampler({.temperature = 0.7, .top_p = 0.9, .seed = 1});
//   ef::Token next = sampler(logits);
//
// The order is that of transformers: the chain (penalties, n-grams, bias, bans, and what users add), then
// temperature, top-k, top-p, min-p, typical, epsilon, eta. The n-th draw uses the n-th number of the
// counter-based stream (seed, stream), and takes the token at that share of the line on which the
// probabilities lie in the order of ids. So the same seed draws the same tokens on every machine, up to the
// last bit of an exponential, which may differ between vector units as that of a logit may: between SSE and
// AVX-512, with 128,256 float logits and no top-k, this decided less than one draw in 100,000; with top-k
// none.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/random.hpp>
#include <eigenformer/generate/logits.hpp>

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A value: copies go on drawing what the original would have drawn. Not for two threads at once. Without
/// penalties nothing is copied, sorted or, after the first draw, allocated.
class Sampler {
 public:
  /// @param stream tells apart sequences that are drawn with one seed.
  /// @throws ConfigError naming an impossible field.
  explicit Sampler(GenerationConfig config = {}, std::uint64_t stream = 0)
      : config_(std::move(config)), stream_(stream), chain_(logits_chain(config_)) {
    validate(config_);
  }

  /// Draws the next token.
  /// @param logits [vocabulary], a row or a column of float or double
  /// @param history the tokens so far, for penalties and n-grams
  /// @throws InputError   on NaN or +infinity (naming its position), when no token is possible, or on a token
  ///                      of `history` outside the vocabulary
  /// @throws ConfigError  on such a token in the configuration
  template <class Derived>
  Token operator()(const Eigen::DenseBase<Derived>& logits, std::span<const Token> history = {}) {
    return draw(row_of(logits), history);
  }

  /// [vocabulary]: the probabilities from which the next token would be drawn; draws nothing.
  /// @throws as drawing does.
  template <class Derived>
  RowVector<double> probabilities(const Eigen::DenseBase<Derived>& logits,
                                  std::span<const Token> history = {}) {
    return probabilities_of(row_of(logits), history);
  }

  /// The steps before the temperature; add to them, or take some away. With any step, the logits are copied
  /// to double.
  LogitsChain& chain() { return chain_; }

  const GenerationConfig& config() const { return config_; }

  /// How many tokens were drawn: what `min_new_tokens` is compared with.
  Index drawn() const { return drawn_; }

  /// Goes on as after `drawn` tokens: back to draw again, or past tokens that were chosen in another way.
  void seek(Index drawn) { drawn_ = drawn; }

  /// Which of the streams of the seed the draws come from.
  std::uint64_t stream() const { return stream_; }

 private:
  template <class S> struct Buffers {
    Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic> copy;  // of logits that do not lie side by side
    detail::Candidates<S> candidates;
  };

  template <class S> Buffers<S>& buffers() {
    if constexpr (std::is_same_v<S, float>) {
      return floats_;
    } else {
      return doubles_;
    }
  }

  /// The logits side by side.
  template <class Derived>
  std::span<const typename Derived::Scalar> row_of(const Eigen::DenseBase<Derived>& logits) {
    using S = typename Derived::Scalar;
    static_assert(std::is_same_v<S, float> || std::is_same_v<S, double>, "logits must be float or double");
    if (logits.rows() != 1 && logits.cols() != 1)
      fail(
          InputError(concat("logits: ", logits.rows(), " x ", logits.cols(), " is no single row or column")));
    return contiguous(logits.derived());
  }

  template <class S> Token draw(std::span<const S> row, std::span<const Token> history);
  template <class S>
  RowVector<double> probabilities_of(std::span<const S> row, std::span<const Token> history);

  /// Calls use(candidates, ids) with the tokens that are left; ids is null when they are the whole
  /// vocabulary.
  template <class S, class Use>
  auto process(std::span<const S> row, std::span<const Token> history, Use use) {
    const Index size = std::ssize(row);
    require_tokens(history, size);
    if (size != checked_vocabulary_) {
      validate_tokens(config_, size);
      checked_vocabulary_ = size;
    }
    const bool too_short = drawn_ < config_.min_new_tokens;
    if (chain_.empty() && !too_short) return truncate(row, use);

    processed_ = Eigen::Map<const RowVector<S>>(row.data(), size).template cast<double>();
    if (too_short) ban(processed_, config_.end_tokens);
    for (const LogitsStep& step : chain_) step(history, processed_);
    return truncate(std::span<const double>(processed_.data(), row.size()), use);
  }

  template <class Derived> std::span<const typename Derived::Scalar> contiguous(const Derived& logits) {
    const auto size = static_cast<std::size_t>(logits.size());
    if constexpr ((Derived::Flags & Eigen::DirectAccessBit) != 0) {
      if ((logits.rows() == 1 ? logits.colStride() : logits.rowStride()) == 1) return {logits.data(), size};
    }
    auto& copy = buffers<typename Derived::Scalar>().copy;
    copy = logits;
    return {copy.data(), size};
  }

  template <class S, class Use> auto truncate(std::span<const S> row, Use use) {
    detail::Candidates<S>& all = buffers<S>().candidates;
    all.assign(row);
    if (config_.temperature > 0 && config_.top_k == 0) {
      narrow(all);
      return use(all, nullptr);
    }
    if (config_.temperature > 0) {
      shortlist_ = all.largest(config_.top_k);
    } else {
      shortlist_.assign(1, all.best());
    }
    short_logits_.clear();
    for (const Token token : shortlist_) short_logits_.push_back(row[static_cast<std::size_t>(token)]);
    short_candidates_.assign(short_logits_);
    narrow(short_candidates_);
    return use(short_candidates_, &shortlist_);
  }

  /// The truncations after top-k.
  template <class S> void narrow(detail::Candidates<S>& candidates) {
    candidates.weigh(config_.temperature);
    if (config_.top_p < 1) candidates.top_p(config_.top_p, 1);
    if (config_.min_p > 0) candidates.min_p(config_.min_p, 1);
    if (config_.typical_p < 1) candidates.typical_p(config_.typical_p, 1);
    if (config_.epsilon_cutoff > 0) candidates.epsilon_cutoff(config_.epsilon_cutoff, 1);
    if (config_.eta_cutoff > 0) candidates.eta_cutoff(config_.eta_cutoff, 1);
  }

  GenerationConfig config_;
  std::uint64_t stream_;
  LogitsChain chain_;
  Index drawn_ = 0;
  Index checked_vocabulary_ = -1;

  Buffers<float> floats_;
  Buffers<double> doubles_;
  RowVector<double> processed_;       // [vocabulary], after the chain
  std::vector<Token> shortlist_;      // the tokens of top-k or the greedy one, by id
  std::vector<double> short_logits_;  // theirs
  detail::Candidates<double> short_candidates_;
};

template <class S> Token Sampler::draw(std::span<const S> row, std::span<const Token> history) {
  const double uniform = Random(Seed{config_.seed}, stream_).uniform(static_cast<std::uint64_t>(drawn_));
  const Token token = process(row, history, [&](const auto& candidates, const std::vector<Token>* ids) {
    const Token place = candidates.at_share(uniform);
    return ids ? (*ids)[static_cast<std::size_t>(place)] : place;
  });
  ++drawn_;
  return token;
}

template <class S>
RowVector<double> Sampler::probabilities_of(std::span<const S> row, std::span<const Token> history) {
  RowVector<double> out = RowVector<double>::Zero(std::ssize(row));
  process(row, history, [&](const auto& candidates, const std::vector<Token>* ids) {
    for (Index i = 0; i < candidates.size(); ++i)
      out(ids ? (*ids)[static_cast<std::size_t>(i)] : i) = candidates.probability(i);
  });
  return out;
}

EIGENFORMER_ONCE(generate, Token Sampler::draw<float>(std::span<const float>, std::span<const Token>));
EIGENFORMER_ONCE(generate, Token Sampler::draw<double>(std::span<const double>, std::span<const Token>));
EIGENFORMER_ONCE(generate, RowVector<double> Sampler::probabilities_of<float>(std::span<const float>,
                                                                              std::span<const Token>));
EIGENFORMER_ONCE(generate, RowVector<double> Sampler::probabilities_of<double>(std::span<const double>,
                                                                               std::span<const Token>));

/// [vocabulary]: the probabilities from which a new Sampler with this configuration would draw its first
/// token.
/// @throws ConfigError, InputError as a Sampler does.
template <class Derived>
RowVector<double> probabilities(const Eigen::DenseBase<Derived>& logits, const GenerationConfig& config,
                                std::span<const Token> history = {}) {
  return Sampler(config).probabilities(logits, history);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
