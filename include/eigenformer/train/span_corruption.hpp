// Span corruption: Raffel et al. 2019, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
// Transformer", §3.1.4 and §3.3, with the lengths and the distribution of spans of T5's published
// preprocessors (random_spans_noise_mask, noise_span_to_unique_sentinel, random_spans_helper).
#pragma once

#include <eigenformer/train/draws.hpp>
#include <eigenformer/train/objective.hpp>

#include <algorithm>
#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Spans of the input are replaced by one sentinel each; the target lists the sentinels with what they stand
/// for. Sentinels are the last ids of the vocabulary, counted down.
struct SpanCorruption {
  Index vocab_size = 0;
  Token end_token = 1;  ///< at the end of input and target
  Token start_token = 0, pad_token = 0;
  double noise_density = 0.15;
  double mean_span_length = 3.0;
  Index sentinels = 100;
};

namespace detail {

/// To the nearest whole number, halves to the even one, in any rounding mode.
inline Index round_half_even(double x) {
  const double below = std::floor(x), rest = x - below;
  const auto whole = static_cast<Index>(below);
  return rest > 0.5 || (rest == 0.5 && whole % 2 != 0) ? whole + 1 : whole;
}

}  // namespace detail

/// @throws ConfigError  for a density outside of (0, 1), a span length below 1, or tokens and sentinels that
///                      the vocabulary does not hold
inline void validate(const SpanCorruption& c) {
  if (!(c.noise_density > 0 && c.noise_density < 1))
    fail(ConfigError("noise_density", concat("must be between 0 and 1, is ", c.noise_density)));
  if (!(c.mean_span_length >= 1) || !std::isfinite(c.mean_span_length))
    fail(ConfigError("mean_span_length", concat("must be at least 1, is ", c.mean_span_length)));
  if (c.sentinels < 1 || c.sentinels > c.vocab_size)
    fail(ConfigError("sentinels", concat(c.sentinels, " of a vocabulary of ", c.vocab_size)));
  for (const auto& [name, token] :
       {std::pair{"end_token", c.end_token}, {"start_token", c.start_token}, {"pad_token", c.pad_token}})
    if (token < 0 || token >= c.vocab_size)
      fail(ConfigError(name, concat(token, " is outside the vocabulary of ", c.vocab_size)));
}

/// How many of `length` tokens are noise, and in how many spans.
struct NoiseCounts {
  Index tokens = 0, spans = 0;
};
inline NoiseCounts noise_counts(Index length, const SpanCorruption& c) {
  NoiseCounts n;
  n.tokens = std::clamp(detail::round_half_even(static_cast<double>(length) * c.noise_density), Index{1},
                        (std::max)(Index{1}, length - 1));
  const Index spans =
      detail::round_half_even(static_cast<double>(n.tokens) / c.mean_span_length);  // as many as fit
  n.spans = std::clamp(spans, Index{1}, (std::max)(Index{1}, (std::min)(n.tokens, length - n.tokens)));
  return n;
}

/// How long a text may be so that its corrupted form fills inputs of `inputs` tokens, and how long targets
/// become, end tokens included (T5's random_spans_helper).
struct CorruptedLengths {
  Index tokens = 0, targets = 0;
};
/// @throws ConfigError  for a density or span length as in validate
/// @throws InputError   for inputs of fewer than two tokens
inline CorruptedLengths corrupted_lengths(Index inputs, double noise_density = 0.15,
                                          double mean_span_length = 3.0) {
  validate(SpanCorruption{
      .vocab_size = 100, .noise_density = noise_density, .mean_span_length = mean_span_length});
  if (inputs < 2) fail(InputError(concat("inputs of ", inputs, " tokens hold no text and an end token")));
  struct Both {
    Index inputs, targets;
  };
  const auto lengths = [&](Index tokens) {
    const Index noise = detail::round_half_even(static_cast<double>(tokens) * noise_density);
    const Index spans = detail::round_half_even(static_cast<double>(noise) / mean_span_length);
    return Both{tokens - noise + spans + 1, noise + spans + 1};
  };
  Index tokens = inputs;
  while (lengths(tokens + 1).inputs <= inputs) ++tokens;
  Both both = lengths(tokens);
  if (noise_density == 0.5 && both.targets > both.inputs) {  // so that both sides are equally long
    --tokens;
    --both.targets;
  }
  return {tokens, both.targets};
}

/// Which tokens of a text are noise: spans of text and noise in turn, text first, each side cut at random
/// into the same number of parts. A single token is text.
inline std::vector<bool> noise_mask(Index length, const SpanCorruption& c, Draws& draws) {
  const Index whole = (std::max)(length, Index{2});
  const NoiseCounts n = noise_counts(whole, c);
  const auto cut = [&](Index items) {  // lengths of n.spans parts, none of them empty
    const std::vector<bool> ends = draws.choose(n.spans - 1, items - 1);
    std::vector<Index> parts(1, 1);
    for (const bool end : ends) {
      if (end)
        parts.push_back(1);
      else
        ++parts.back();
    }
    return parts;
  };
  const std::vector<Index> noise = cut(n.tokens), text = cut(whole - n.tokens);
  std::vector<bool> mask;
  for (std::size_t i = 0; i < noise.size(); ++i) {
    mask.insert(mask.end(), static_cast<std::size_t>(text[i]), false);
    mask.insert(mask.end(), static_cast<std::size_t>(noise[i]), true);
  }
  mask.resize(static_cast<std::size_t>(length));
  return mask;
}

/// The tokens with each run of places at which mask is `hidden` replaced by a sentinel, and the end token.
/// @throws InputError  where more runs than sentinels
inline std::vector<Token> with_sentinels(std::span<const Token> tokens, const std::vector<bool>& mask,
                                         bool hidden, const SpanCorruption& c) {
  std::vector<Token> out;
  Index used = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (mask[i] != hidden) {
      out.push_back(tokens[i]);
    } else if (i == 0 || mask[i - 1] != hidden) {
      if (++used > c.sentinels)
        fail(InputError(concat("a text of ", tokens.size(), " tokens needs more than the ", c.sentinels,
                               " sentinels of the vocabulary")));
      out.push_back(static_cast<Token>(c.vocab_size - used));
    }
  }
  out.push_back(c.end_token);
  return out;
}

/// A batch of corrupted texts for an encoder-decoder. Text s of it is example `first_example` + s of all that
/// the seed draws for.
/// @throws ConfigError  as validate
/// @throws InputError   as check_sequences, or for a text with more spans than sentinels
inline TrainingBatch span_corruption_batch(const TokenBatch& texts, const SpanCorruption& c, Seed seed,
                                           std::uint64_t first_example) {
  validate(c);
  check_sequences(texts);
  TokenBatch inputs, targets;
  for (std::size_t s = 0; s < texts.size(); ++s) {
    Draws draws(seed, Purpose::span_corruption, first_example + s);
    const std::vector<bool> mask = noise_mask(static_cast<Index>(texts[s].size()), c, draws);
    inputs.push_back(with_sentinels(texts[s], mask, true, c));
    targets.push_back(with_sentinels(texts[s], mask, false, c));
  }
  return pair_batch(std::move(inputs), targets, c.start_token, c.pad_token);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
