// Logits processors: functions that change a row of logits in place before a token is drawn from it.
//
// Definitions and order are those of Hugging Face transformers 4.46 (generation/logits_process.py), the
// presence and frequency penalties OpenAI's. -infinity removes a token. `tokens` is all that stands before
// the token to be drawn, prompt and continuation. A row is any contiguous Eigen vector of double.
//
//   ef::LogitsChain chain{ef::TokenPenalties{.repetition = 1.2}};
//   chain.push_back([](std::span<const ef::Token> tokens, ef::RowOut<double> logits) { logits(7) += 1; });
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/matrix.hpp>
#include <eigenformer/generate/candidates.hpp>
#include <eigenformer/generate/config.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// One step on the way from the model's logits to those that a token is drawn from.
using LogitsStep = std::function<void(std::span<const Token> tokens, RowOut<double> logits)>;

/// Steps in the order in which they are taken.
using LogitsChain = std::vector<LogitsStep>;

/// @throws InputError naming the first token that is no row of a vocabulary of this size, and its position.
inline void require_tokens(std::span<const Token> tokens, Index vocabulary) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < vocabulary) continue;
    fail(InputError(
        concat("token ", tokens[i], " at position ", i, " is outside the vocabulary of ", vocabulary)));
  }
}

/// What tokens that occurred already have to pay. Keeps a counter per token of the vocabulary as scratch.
struct TokenPenalties {
  double repetition = 1;  // Keskar et al. 2019: positive logits are divided, negative ones multiplied
  double presence = 0;    // subtracted once
  double frequency = 0;   // subtracted as often as the token occurred
  std::vector<std::int32_t> counts{};  // all 0 between calls

  /// Each distinct token of `tokens` is treated once; both the prompt's and the continuation's count.
  /// @throws InputError on a token outside the vocabulary.
  void operator()(std::span<const Token> tokens, RowOut<double> logits) {
    require_tokens(tokens, logits.size());
    counts.resize(static_cast<std::size_t>(logits.size()));
    for (const Token token : tokens) ++counts[static_cast<std::size_t>(token)];
    for (const Token token : tokens) {
      const std::int32_t count = std::exchange(counts[static_cast<std::size_t>(token)], 0);
      if (count == 0) continue;
      double& logit = logits(token);
      logit = logit < 0 ? logit * repetition : logit / repetition;
      logit -= presence + count * frequency;
    }
  }
};

/// Removes the tokens that are listed.
/// @throws InputError on a token outside the vocabulary.
inline void ban(RowOut<double> logits, std::span<const Token> banned) {
  require_tokens(banned, logits.size());
  for (const Token token : banned) logits(token) = -std::numeric_limits<double>::infinity();
}

/// Removes every token that would repeat a sequence of n tokens which is there already; n = 0 removes none.
/// @throws InputError on a token outside the vocabulary.
inline void no_repeat_ngrams(std::span<const Token> tokens, RowOut<double> logits, Index n) {
  require_tokens(tokens, logits.size());
  if (n < 1 || std::ssize(tokens) < n) return;
  const auto context = tokens.last(static_cast<std::size_t>(n - 1));
  for (std::size_t i = 0; i + context.size() < tokens.size(); ++i) {
    if (!std::equal(context.begin(), context.end(), tokens.begin() + static_cast<std::ptrdiff_t>(i)))
      continue;
    ban(logits, tokens.subspan(i + context.size(), 1));
  }
}

/// Removes the end tokens while there are fewer than `length` tokens.
/// @throws InputError on an end token outside the vocabulary.
inline void min_length(std::span<const Token> tokens, RowOut<double> logits, Index length,
                       std::span<const Token> end_tokens) {
  if (std::ssize(tokens) < length) ban(logits, end_tokens);
}

/// Adds to the logits of the tokens that are listed.
/// @throws InputError on a token outside the vocabulary.
inline void add_bias(RowOut<double> logits, std::span<const TokenBias> biases) {
  for (const TokenBias& entry : biases) {
    require_tokens({&entry.token, 1}, logits.size());
    logits(entry.token) += entry.bias;
  }
}

/// Divides all logits; above 1 flattens the distribution, below 1 sharpens it.
/// @throws ConfigError when it is not a finite number above 0; the functions below likewise for their values.
inline void temperature(RowOut<double> logits, double value) {
  validate({.temperature = value});
  detail::require(value > 0, "temperature", value, "divides nothing");
  logits /= value;
}

/// Keeps the tokens of the k largest logits, and all that equal the smallest of them; at least
/// `min_tokens_to_keep`. k = 0 keeps all. Fan et al. 2018.
/// @throws InputError on NaN or +infinity, or when there is no token; so do all below.
inline void top_k(RowOut<double> logits, Index k, Index min_tokens_to_keep = 1) {
  validate({.top_k = k});
  if (k == 0) return;
  detail::Candidates<double> candidates;
  candidates.assign({logits.data(), static_cast<std::size_t>(logits.size())});
  std::vector<std::pair<Token, double>> kept;
  for (const Token token : candidates.largest((std::max)(k, min_tokens_to_keep))) {
    kept.emplace_back(token, logits(token));
  }
  logits.setConstant(-std::numeric_limits<double>::infinity());
  for (const auto& [token, logit] : kept) logits(token) = logit;
}

namespace detail {

/// Removes from the row what `cut`, a member function of Candidates, takes out.
inline void truncate(RowOut<double> logits, void (Candidates<double>::*cut)(double, Index), double value,
                     Index min_tokens_to_keep) {
  Candidates<double> candidates;
  candidates.assign({logits.data(), static_cast<std::size_t>(logits.size())});
  candidates.weigh(1);
  (candidates.*cut)(value, (std::max)(min_tokens_to_keep, Index(1)));
  for (Index i = 0; i < logits.size(); ++i) {
    if (candidates.removed(i)) logits(i) = -std::numeric_limits<double>::infinity();
  }
}

}  // namespace detail

/// Keeps the likeliest tokens that together reach the probability p, the one that reaches it included; of
/// equal logits lower ids first. Holtzman et al. 2020.
inline void top_p(RowOut<double> logits, double p, Index min_tokens_to_keep = 1) {
  validate({.top_p = p});
  if (p == 1) return;
  detail::truncate(logits, &detail::Candidates<double>::top_p, p, min_tokens_to_keep);
}

/// Keeps tokens at least `share` times as likely as the likeliest. Nguyen et al. 2024.
inline void min_p(RowOut<double> logits, double share, Index min_tokens_to_keep = 1) {
  validate({.min_p = share});
  detail::truncate(logits, &detail::Candidates<double>::min_p, share, min_tokens_to_keep);
}

/// Keeps the tokens whose information is nearest the expected one, until together they reach the probability
/// `mass`. Meister et al. 2023.
inline void typical_p(RowOut<double> logits, double mass, Index min_tokens_to_keep = 1) {
  validate({.typical_p = mass});
  if (mass == 1) return;
  detail::truncate(logits, &detail::Candidates<double>::typical_p, mass, min_tokens_to_keep);
}

/// Keeps tokens at least as likely as epsilon. Hewitt et al. 2022.
inline void epsilon_cutoff(RowOut<double> logits, double epsilon, Index min_tokens_to_keep = 1) {
  validate({.epsilon_cutoff = epsilon});
  detail::truncate(logits, &detail::Candidates<double>::epsilon_cutoff, epsilon, min_tokens_to_keep);
}

/// Keeps tokens at least as likely as min(epsilon, sqrt(epsilon) exp(-entropy)). Hewitt et al. 2022.
inline void eta_cutoff(RowOut<double> logits, double epsilon, Index min_tokens_to_keep = 1) {
  validate({.eta_cutoff = epsilon});
  detail::truncate(logits, &detail::Candidates<double>::eta_cutoff, epsilon, min_tokens_to_keep);
}

/// The steps that a configuration asks for before the temperature: penalties, no repeated n-grams, biases,
/// bans. (The minimum length counts new tokens, which only a Sampler knows.)
inline LogitsChain logits_chain(const GenerationConfig& config) {
  LogitsChain chain;
  if (config.repetition_penalty != 1 || config.presence_penalty != 0 || config.frequency_penalty != 0) {
    chain.push_back(TokenPenalties{.repetition = config.repetition_penalty,
                                   .presence = config.presence_penalty,
                                   .frequency = config.frequency_penalty});
  }
  using Tokens = std::span<const Token>;
  if (config.no_repeat_ngram > 0) {
    chain.push_back([n = config.no_repeat_ngram](Tokens tokens, RowOut<double> logits) {
      no_repeat_ngrams(tokens, logits, n);
    });
  }
  if (!config.logit_bias.empty()) {
    chain.push_back(
        [biases = config.logit_bias](Tokens, RowOut<double> logits) { add_bias(logits, biases); });
  }
  if (!config.banned_tokens.empty()) {
    chain.push_back([banned = config.banned_tokens](Tokens, RowOut<double> logits) { ban(logits, banned); });
  }
  return chain;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
