// What a step learns from, drawn from what there is. Every draw depends on the seed and the step alone, so
// that training resumes anywhere with the same batches.
#pragma once

#include <eigenformer/core/random.hpp>
#include <eigenformer/train/batch.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

inline constexpr std::uint64_t window_stream = 0x77696e646f77;  // of random places in a text
inline constexpr std::uint64_t order_stream = 0x6f72646572;     // of orders, + the epoch

inline void require_batch(Index batch) {
  if (batch < 1) fail(ConfigError("batch", concat("must be at least 1, is ", batch)));
}

}  // namespace detail

/// What a causal model learns from sequences: all but the last token of each go in, all but the first are
/// expected, so that every row counts.
/// @throws InputError  for a sequence of fewer than two tokens
inline TrainingBatch next_token_batch(TokenBatch sequences) {
  TrainingBatch batch;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    auto& tokens = sequences[i];
    if (tokens.size() < 2)
      fail(InputError(concat("sequence ", i, " has ", tokens.size(), " tokens, too few to predict one")));
    batch.labels.insert(batch.labels.end(), tokens.begin() + 1, tokens.end());
    tokens.pop_back();
  }
  batch.inputs = std::move(sequences);
  return batch;
}

/// Pieces of one long text, each of `length` tokens from a random place: for a causal model, one more than
/// its window.
class WindowDraws {
 public:
  /// @throws InputError   for a text that is shorter than one piece
  /// @throws ConfigError  for sizes below 1
  WindowDraws(std::vector<Token> text, Index length, Index batch, Seed seed)
      : text_(std::move(text)), length_(length), batch_(batch), random_(seed, detail::window_stream) {
    detail::require_batch(batch);
    if (length < 1) fail(ConfigError("window", concat("must be at least 1, is ", length)));
    if (text_.empty()) fail(InputError("the corpus is empty: it has no tokens"));
    if (static_cast<Index>(text_.size()) < length)
      fail(InputError(concat("the text has ", text_.size(), " tokens, fewer than the ", length,
                             " that one window and the token after it take")));
  }

  TokenBatch operator()(Index step) const {
    TokenBatch out;
    const auto places = static_cast<std::uint64_t>(static_cast<Index>(text_.size()) - length_ + 1);
    for (Index i = 0; i < batch_; ++i) {
      const auto from = text_.begin() + static_cast<Index>(random_.below(
                                            static_cast<std::uint64_t>(step * batch_ + i), places));
      out.emplace_back(from, from + length_);
    }
    return out;
  }

 private:
  std::vector<Token> text_;
  Index length_, batch_;
  Random random_;
};

/// Numbers of `count` things in random order, `batch` a step, each once an epoch; a step may end one epoch
/// and begin the next.
class ShuffledDraws {
 public:
  /// @throws InputError   if there is nothing to draw
  /// @throws ConfigError  for a batch below 1
  ShuffledDraws(Index count, Index batch, Seed seed) : count_(count), batch_(batch), seed_(seed) {
    detail::require_batch(batch);
    if (count < 1) fail(InputError("the corpus is empty: there is nothing to draw from"));
  }

  std::vector<Index> operator()(Index step) {
    std::vector<Index> out;
    for (Index at = step * batch_; at < (step + 1) * batch_; ++at) {
      shuffle(at / count_);
      out.push_back(order_[static_cast<std::size_t>(at % count_)]);
    }
    return out;
  }

 private:
  void shuffle(Index epoch) {  // Fisher & Yates
    if (epoch == epoch_) return;
    epoch_ = epoch;
    order_.resize(static_cast<std::size_t>(count_));
    std::iota(order_.begin(), order_.end(), Index{0});
    const Random random(seed_, detail::order_stream + static_cast<std::uint64_t>(epoch));
    for (std::size_t i = order_.size(); i > 1; --i)
      std::swap(order_[i - 1], order_[static_cast<std::size_t>(random.below(i, i))]);
  }

  Index count_, batch_;
  Seed seed_;
  Index epoch_ = -1;
  std::vector<Index> order_;
};

/// Whole documents in random order, as they are: of different lengths, neither packed nor padded. Of one that
/// is longer than `longest` a random piece of that length.
class DocumentDraws {
 public:
  /// @throws InputError   for no documents, or one of fewer than `shortest` tokens
  /// @throws ConfigError  for sizes below 1
  DocumentDraws(TokenBatch documents, Index longest, Index batch, Seed seed, Index shortest = 1)
      : documents_(std::move(documents)),
        longest_(longest),
        order_(static_cast<Index>(documents_.size()), batch, seed),
        random_(seed, detail::window_stream) {
    if (longest < 1) fail(ConfigError("window", concat("must be at least 1, is ", longest)));
    for (std::size_t i = 0; i < documents_.size(); ++i)
      if (static_cast<Index>(documents_[i].size()) < shortest)
        fail(InputError(
            concat("document ", i + 1, " has ", documents_[i].size(), " tokens, fewer than ", shortest)));
  }

  TokenBatch operator()(Index step) {
    TokenBatch out;
    const std::vector<Index> drawn = order_(step);
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const auto& all = documents_[static_cast<std::size_t>(drawn[i])];
      const auto surplus = static_cast<Index>(all.size()) - longest_;
      Index first = 0;
      if (surplus > 0) {
        const auto draw = static_cast<std::uint64_t>(step) * drawn.size() + i;
        first = static_cast<Index>(random_.below(draw, static_cast<std::uint64_t>(surplus + 1)));
      }
      const auto from = all.begin() + first;
      out.emplace_back(from, from + (std::min)(longest_, static_cast<Index>(all.size())));
    }
    return out;
  }

 private:
  TokenBatch documents_;
  Index longest_;
  ShuffledDraws order_;
  Random random_;
};

/// A text in pieces of `length` tokens one after another, for measuring: each begins with the last token of
/// the one before, so that a causal model predicts every token but the first once.
/// @throws InputError  for a text of fewer than two tokens
inline TokenBatch consecutive_pieces(std::span<const Token> text, Index length) {
  if (text.size() < 2) fail(InputError(concat("a text of ", text.size(), " tokens cannot be predicted")));
  if (length < 2) fail(ConfigError("window", concat("pieces need at least 2 tokens, not ", length)));
  TokenBatch out;
  for (Index begin = 0; begin + 1 < static_cast<Index>(text.size()); begin += length - 1)
    out.emplace_back(text.begin() + begin,
                     text.begin() + (std::min)(begin + length, static_cast<Index>(text.size())));
  return out;
}

/// A number that other tokens, or the same in another order, almost surely do not have (FNV-1a, 64 bits).
inline std::uint64_t fingerprint(std::span<const Token> tokens, std::uint64_t before = 0xcbf29ce484222325) {
  for (const Token token : tokens)
    for (int shift = 0; shift < 32; shift += 8) {
      before ^= (static_cast<std::uint32_t>(token) >> shift) & 0xff;
      before *= 0x100000001b3;
    }
  return before;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
