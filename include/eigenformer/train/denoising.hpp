// Denoising: Lewis et al. 2019, "BART: Denoising Sequence-to-Sequence Pre-training for Natural Language
// Generation, Translation, and Comprehension", §2.2. The encoder reads a damaged text, the decoder writes the
// whole one.
#pragma once

#include <eigenformer/train/draws.hpp>
#include <eigenformer/train/objective.hpp>

#include <algorithm>
#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// How a text is damaged, in this order. The values are those that BART was trained with.
struct Denoising {
  Token mask_token = -1;
  Index vocab_size = 0;
  Token begin_token = 0, end_token = 2;   ///< around source and target; −1: none
  Token start_token = 2, pad_token = 1;   ///< what the decoder is fed first, and for ignored labels
  std::vector<Token> sentence_ends = {};  ///< tokens that end a sentence, such as a full stop
  double permute_sentences = 1.0;         ///< share of the sentences that change places among themselves
  double infilling = 0.3;                 ///< share of the tokens that spans take
  double mean_span_length = 3.0;          ///< of Poisson lengths; each span becomes one mask token
  double deletion = 0.0;                  ///< probability of each token to vanish
  double rotation = 0.0;                  ///< probability of a text to start anywhere, and go round
};

/// @throws ConfigError  for shares outside of [0, 1], a span length that is none, or a token outside the
///                      vocabulary
inline void validate(const Denoising& d) {
  check_share("permute_sentences", d.permute_sentences);
  check_share("infilling", d.infilling);
  check_share("deletion", d.deletion);
  check_share("rotation", d.rotation);
  if (!(d.mean_span_length >= 0.1) || !std::isfinite(d.mean_span_length))
    fail(ConfigError("mean_span_length", concat("must be at least 0.1, is ", d.mean_span_length)));
  const auto check = [&](const char* name, Token token, Token least) {
    if (token < least || token >= d.vocab_size)
      fail(ConfigError(name, concat(token, " is outside the vocabulary of ", d.vocab_size)));
  };
  if (d.infilling > 0) check("mask_token", d.mask_token, 0);
  check("begin_token", d.begin_token, -1);
  check("end_token", d.end_token, -1);
  check("start_token", d.start_token, 0);
  check("pad_token", d.pad_token, 0);
}

/// Sentences in another order. `share` of them, rounded up, change places. What follows the last end of a
/// sentence is one, too; ends that follow each other ("...") are one end.
inline std::vector<Token> permute_sentences(std::span<const Token> text, std::span<const Token> ends,
                                            double share, Draws& draws) {
  const auto is_end = [&](std::size_t i) {
    return i < text.size() && std::find(ends.begin(), ends.end(), text[i]) != ends.end();
  };
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 1; i < text.size(); ++i)
    if (is_end(i - 1) && !is_end(i)) starts.push_back(i);
  const auto count = static_cast<Index>(starts.size());
  starts.push_back(text.size());
  const auto moving = static_cast<Index>(std::ceil(static_cast<double>(count) * share));
  const std::vector<Index> places = draws.permutation(count), among = draws.permutation(moving);
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t i = 0; i < among.size(); ++i)
    order[static_cast<std::size_t>(places[i])] = places[static_cast<std::size_t>(among[i])];
  std::vector<Token> out;
  for (const Index sentence : order) {
    const auto at = static_cast<std::size_t>(sentence);
    out.insert(out.end(), text.begin() + static_cast<Index>(starts[at]),
               text.begin() + static_cast<Index>(starts[at + 1]));
  }
  return out;
}

/// Text infilling: spans of Poisson lengths that take `share` of the tokens, rounded up, become one mask
/// token each. A span of length 0 inserts one. Spans and the tokens that stay come in an order of which each
/// is as likely as any other.
inline std::vector<Token> infill(std::span<const Token> text, Token mask, double share, double mean,
                                 Draws& draws) {
  const auto length = static_cast<Index>(text.size());
  const auto wanted = static_cast<Index>(std::ceil(static_cast<double>(length) * share));
  std::vector<Index> spans;
  for (Index taken = 0; taken < wanted; taken += spans.back())
    spans.push_back(draws.poisson(mean, wanted - taken));
  const auto count = static_cast<Index>(spans.size());
  std::vector<Token> out;
  std::size_t at = 0, span = 0;
  for (const bool here : draws.choose(count, length - wanted + count)) {
    if (here) {
      out.push_back(mask);
      at += static_cast<std::size_t>(spans[span++]);
    } else {
      out.push_back(text[at++]);
    }
  }
  return out;
}

/// Token deletion: each token vanishes with this probability, but never all of them.
inline std::vector<Token> delete_tokens(std::span<const Token> text, double probability, Draws& draws) {
  std::vector<Token> out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (draws.uniform() >= probability || (out.empty() && i + 1 == text.size())) out.push_back(text[i]);
  return out;
}

/// A text damaged in all ways that are asked for, without tokens around it.
/// @throws InputError  for a text of no tokens
inline std::vector<Token> damaged(std::vector<Token> text, const Denoising& d, Draws& draws) {
  if (text.empty()) fail(InputError("a text of no tokens"));
  if (d.permute_sentences > 0) text = permute_sentences(text, d.sentence_ends, d.permute_sentences, draws);
  if (d.infilling > 0) text = infill(text, d.mask_token, d.infilling, d.mean_span_length, draws);
  if (d.deletion > 0) text = delete_tokens(text, d.deletion, draws);
  if (d.rotation > 0 && draws.uniform() < d.rotation)
    std::rotate(text.begin(), text.begin() + draws.below(static_cast<Index>(text.size())), text.end());
  return text;
}

/// A batch for an encoder-decoder from texts without begin and end tokens, which both sides get. Text s of it
/// is example `first_example` + s of all that the seed draws for.
/// @throws ConfigError  as validate
/// @throws InputError   as check_sequences
inline TrainingBatch denoising_batch(const TokenBatch& texts, const Denoising& d, Seed seed,
                                     std::uint64_t first_example) {
  validate(d);
  check_sequences(texts);
  const auto framed = [&](std::vector<Token> text) {
    if (d.begin_token >= 0) text.insert(text.begin(), d.begin_token);
    if (d.end_token >= 0) text.push_back(d.end_token);
    return text;
  };
  TokenBatch sources, targets;
  for (std::size_t s = 0; s < texts.size(); ++s) {
    Draws draws(seed, Purpose::denoising, first_example + s);
    sources.push_back(framed(damaged(texts[s], d, draws)));
    targets.push_back(framed(texts[s]));
  }
  return pair_batch(std::move(sources), targets, d.start_token, d.pad_token);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
