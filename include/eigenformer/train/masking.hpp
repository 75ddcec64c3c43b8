// Masked language modelling: Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers for
// Language Understanding", §3.1 and appendix A.1.
#pragma once

#include <eigenformer/train/draws.hpp>
#include <eigenformer/train/objective.hpp>

#include <algorithm>
#include <cmath>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Of the tokens that are no special ones a share is picked. A picked token becomes the mask token, or any
/// token of the vocabulary (itself too), or stays, in these shares; its label is the token that stood there.
struct Masking {
  Token mask_token = -1;
  Index vocab_size = 0;
  std::vector<Token> special_tokens = {};  ///< ids that are never picked
  double rate = 0.15;
  double to_mask = 0.8, to_random = 0.1;  ///< the rest stays
};

/// @throws ConfigError  for shares outside of [0, 1], a mask token outside the vocabulary, or neither
inline void validate(const Masking& masking) {
  check_share("rate", masking.rate);
  check_share("to_mask", masking.to_mask);
  check_share("to_random", masking.to_random);
  if (masking.to_mask + masking.to_random > 1 + 1e-12)
    fail(ConfigError("to_random",
                     concat("shares to_mask and to_random exceed 1: ", masking.to_mask + masking.to_random)));
  if (masking.vocab_size < 1)
    fail(ConfigError("vocab_size", concat("must be at least 1, is ", masking.vocab_size)));
  if (masking.mask_token < 0 || masking.mask_token >= masking.vocab_size)
    fail(ConfigError("mask_token",
                     concat(masking.mask_token, " is outside the vocabulary of ", masking.vocab_size)));
}

namespace detail {

/// What one token is replaced by, once it is picked.
inline Token masked_token(const Masking& masking, Draws& draws, Token token) {
  const double draw = draws.uniform();
  if (draw < masking.to_mask) return masking.mask_token;
  if (draw < masking.to_mask + masking.to_random) return static_cast<Token>(draws.below(masking.vocab_size));
  return token;
}

/// The groups of neighbouring places that are picked together: single tokens, or all tokens of a word.
inline std::vector<std::vector<std::size_t>> maskable(const Masking& masking,
                                                      const std::vector<Token>& tokens,
                                                      const std::vector<Index>* word_ids) {
  std::vector<std::vector<std::size_t>> groups;
  Index word = -1;  // of the last group
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto& special = masking.special_tokens;
    if (std::find(special.begin(), special.end(), tokens[i]) != special.end() ||
        (word_ids && (*word_ids)[i] < 0)) {
      word = -1;
      continue;
    }
    if (!word_ids || (*word_ids)[i] != word) groups.emplace_back();
    groups.back().push_back(i);
    if (word_ids) word = (*word_ids)[i];
  }
  return groups;
}

/// Which groups of a sequence are picked. Tokens: each with probability `rate`. Words: in random order, as
/// many as their tokens make up `rate` of all, rounded, at least one; those that would exceed it are passed
/// over (as in BERT's published create_pretraining_data.py).
inline std::vector<bool> pick(const Masking& masking, Draws& draws,
                              const std::vector<std::vector<std::size_t>>& groups, bool words) {
  std::vector<bool> picked(groups.size());
  if (!words) {
    for (std::size_t g = 0; g < groups.size(); ++g) picked[g] = draws.uniform() < masking.rate;
    return picked;
  }
  std::size_t all = 0, taken = 0;
  for (const auto& group : groups) all += group.size();
  if (all == 0 || masking.rate == 0) return picked;
  const auto wanted =
      (std::max)(std::size_t{1}, static_cast<std::size_t>(masking.rate * static_cast<double>(all) + 0.5));
  const std::vector<Index> order = draws.permutation(static_cast<Index>(groups.size()));
  for (const Index g : order) {
    const auto at = static_cast<std::size_t>(g);
    if (taken + groups[at].size() > wanted) continue;
    picked[at] = true;
    taken += groups[at].size();
  }
  if (taken == 0) picked[static_cast<std::size_t>(order.front())] = true;  // every word is longer than that
  return picked;
}

}  // namespace detail

/// A batch of masked words. Sequence s of it is example `first_example` + s of all that the seed draws for.
/// With `word_ids` (of each sequence's tokens, Encoding::word_ids; −1: no word, never picked) whole words are
/// picked, and each of their tokens is replaced by a draw of its own. A batch of which chance picks nothing
/// gets one token (or word) of its first sequence that has any.
/// @throws ConfigError  as validate
/// @throws InputError   as check_sequences, for word ids of other lengths, or where no token may be picked
inline TrainingBatch masked_batch(const TokenBatch& sequences, const Masking& masking, Seed seed,
                                  std::uint64_t first_example,
                                  const std::vector<std::vector<Index>>& word_ids = {}) {
  validate(masking);
  check_sequences(sequences);
  const bool words = !word_ids.empty();
  if (words && word_ids.size() != sequences.size())
    fail(InputError(concat("word ids of ", word_ids.size(), " sequences for ", sequences.size())));
  TrainingBatch batch;
  batch.inputs = sequences;
  bool any = false, possible = false;
  const auto pass = [&](bool insist) {
    std::size_t row = 0;
    for (std::size_t s = 0; s < sequences.size(); row += sequences[s++].size()) {
      const auto& tokens = sequences[s];
      if (words && word_ids[s].size() != tokens.size())
        fail(InputError(concat("sequence ", s, ": word ids of ", word_ids[s].size(), " tokens for ",
                               tokens.size(), " tokens")));
      const auto groups = detail::maskable(masking, tokens, words ? &word_ids[s] : nullptr);
      possible = possible || !groups.empty();
      Draws draws(seed, Purpose::masking, first_example + s);
      std::vector<bool> picked = detail::pick(masking, draws, groups, words);
      if (insist && !any && !groups.empty())
        picked[static_cast<std::size_t>(draws.below(static_cast<Index>(groups.size())))] = true;
      for (std::size_t g = 0; g < groups.size(); ++g) {
        if (!picked[g]) continue;
        any = true;
        for (const std::size_t i : groups[g]) {
          batch.labels[row + i] = tokens[i];
          batch.inputs[s][i] = detail::masked_token(masking, draws, tokens[i]);
        }
      }
    }
  };
  std::size_t rows = 0;
  for (const auto& tokens : sequences) rows += tokens.size();
  batch.labels.assign(rows, ignored_label);
  pass(false);
  if (!possible) fail(InputError("no token of the batch may be masked: all of them are special"));
  if (!any && masking.rate > 0) pass(true);
  return batch;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
