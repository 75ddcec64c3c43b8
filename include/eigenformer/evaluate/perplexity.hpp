// Perplexity: e to the mean negative log likelihood of a token, in nats. Every token weighs the same; a mean
// over windows or batches is another number.
//
// A text longer than a model's window is read in windows that overlap: each starts `stride` tokens after the
// one before, and scores only what no window before it scored, so that most tokens are seen with at least
// window - stride tokens before them (the procedure of Hugging Face's "Perplexity of fixed-length models").
// The model's part is train/text_loss.hpp.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace evaluate {

/// Negative log likelihoods in nats, summed over tokens.
struct LogLoss {
  double sum = 0;
  Index tokens = 0;

  LogLoss& operator+=(const LogLoss& other) {
    sum += other.sum;
    tokens += other.tokens;
    return *this;
  }

  /// In nats. @throws InputError  for no tokens
  double mean() const {
    if (tokens < 1) fail(InputError(concat("perplexity needs at least one scored token, has ", tokens)));
    return sum / static_cast<double>(tokens);
  }
  /// @throws InputError  for no tokens
  double perplexity() const { return std::exp(mean()); }
  /// @throws InputError  for no tokens
  double bits_per_token() const { return mean() / std::numbers::ln2; }
};

/// Tokens begin … end-1 of a text; those from `scored` on are predicted, each from all before it.
struct Window {
  Index begin = 0, end = 0, scored = 0;
};

/// The windows of a text. The very first token is never scored: nothing stands before it.
/// @throws InputError  for a text of fewer than two tokens, a window of fewer than two, or a stride that is
///                     below 1 or leaves tokens out: a window sees one token before the first it scores
inline std::vector<Window> windows(Index tokens, Index window, Index stride) {
  if (tokens < 2) fail(InputError(concat("a text needs at least 2 tokens to be scored, has ", tokens)));
  if (window < 2) fail(InputError(concat("the window must hold at least 2 tokens, holds ", window)));
  if (stride < 1 || stride >= window)
    fail(InputError(concat("the stride must lie between 1 and ", window - 1, " (the window is ", window,
                           "), is ", stride)));
  std::vector<Window> out{{0, (std::min)(window, tokens), 1}};
  while (out.back().end < tokens) {
    const Index begin = out.back().begin + stride;
    out.push_back({begin, (std::min)(begin + window, tokens), out.back().end});
  }
  return out;
}

}  // namespace evaluate
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
