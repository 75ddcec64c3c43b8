// Objectives that draw nothing: next tokens, pairs of source and target, classes of texts and of words. Each
// turns token sequences into a TrainingBatch. Those that corrupt their input are in masking.hpp,
// span_corruption.hpp and denoising.hpp.
#pragma once

#include <eigenformer/train/batch.hpp>

#include <span>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// @throws InputError  for a batch of no sequences or one that holds an empty one, with its place
inline void check_sequences(const TokenBatch& batch) {
  if (batch.empty()) fail(InputError("a batch of no sequences"));
  for (std::size_t s = 0; s < batch.size(); ++s)
    if (batch[s].empty()) fail(InputError(concat("sequence ", s, " of the batch holds no tokens")));
}

/// @throws ConfigError  for a share or probability outside of [0, 1]
inline void check_share(const char* name, double share) {
  if (!(share >= 0 && share <= 1)) fail(ConfigError(name, concat("must be in [0, 1], is ", share)));
}

/// @throws InputError  for a label that is neither ignored nor one of `classes`, with its place
inline void check_labels(std::span<const Token> labels, Index classes) {
  count_labels(labels, static_cast<Index>(labels.size()), classes);
}

/// What a decoder is fed while it learns `labels`: the start token, then all labels but the last. Ignored
/// labels become the pad token.
inline std::vector<Token> shift_tokens_right(std::span<const Token> labels, Token start, Token pad) {
  std::vector<Token> shifted;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const Token before = i == 0 ? start : labels[i - 1];
    shifted.push_back(before == ignored_label ? pad : before);
  }
  return shifted;
}

/// Causal language modelling: every token is to predict the one after it in its sequence.
/// @throws InputError  as check_sequences, or if no sequence has two tokens
inline TrainingBatch causal_batch(TokenBatch sequences) {
  check_sequences(sequences);
  TrainingBatch batch;
  batch.labels = next_tokens(sequences);
  if (batch.labels.size() == sequences.size())
    fail(InputError("no sequence of the batch has a next token to predict: all hold one token"));
  batch.inputs = std::move(sequences);
  return batch;
}

/// Pairs for an encoder-decoder, which writes `targets` (their end tokens included) for `sources`. Labels may
/// be ignored_label.
/// @throws InputError  as check_sequences, or for another number of targets than sources
inline TrainingBatch pair_batch(TokenBatch sources, const TokenBatch& targets, Token start, Token pad) {
  check_sequences(sources);
  check_sequences(targets);
  if (sources.size() != targets.size())
    fail(InputError(concat(targets.size(), " targets for ", sources.size(), " sources")));
  TrainingBatch batch;
  for (const auto& target : targets) {
    batch.targets.push_back(shift_tokens_right(target, start, pad));
    batch.labels.insert(batch.labels.end(), target.begin(), target.end());
  }
  batch.inputs = std::move(sources);
  return batch;
}

/// Texts with one of `classes` each. `types`: token types of each text's tokens, or none.
/// @throws InputError  as check_sequences, for another number of labels than texts, or a label outside
inline TrainingBatch text_class_batch(TokenBatch texts, std::vector<Token> labels, Index classes,
                                      TokenBatch types = {}) {
  check_sequences(texts);
  if (labels.size() != texts.size())
    fail(InputError(concat(labels.size(), " labels for ", texts.size(), " texts")));
  check_labels(labels, classes);
  return {std::move(texts), std::move(types), {}, std::move(labels)};
}

/// Texts with one of `classes` for each word (ignored_label: none). The label stands at a word's first token
/// and is ignored at the others and at special tokens, as is usual since Devlin et al. 2018, §5.3.
/// `word_ids`: of each text's tokens (Encoding::word_ids), −1 where they belong to no word.
/// @throws InputError  as check_sequences, for lists of different lengths, a label outside the classes, or a
///                     word without a label
inline TrainingBatch token_class_batch(TokenBatch texts, const std::vector<std::vector<Index>>& word_ids,
                                       const std::vector<std::vector<Token>>& word_labels, Index classes) {
  check_sequences(texts);
  if (word_ids.size() != texts.size() || word_labels.size() != texts.size())
    fail(InputError(concat("words of ", word_ids.size(), " texts and labels of ", word_labels.size(), " for ",
                           texts.size(), " texts")));
  TrainingBatch batch;
  for (std::size_t s = 0; s < texts.size(); ++s) {
    const auto& words = word_ids[s];
    const auto& labels = word_labels[s];
    if (words.size() != texts[s].size())
      fail(InputError(
          concat("text ", s, ": word ids of ", words.size(), " tokens for ", texts[s].size(), " tokens")));
    check_labels(labels, classes);
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] >= static_cast<Index>(labels.size()))
        fail(InputError(
            concat("text ", s, ": word ", words[i], " has no label, there are ", labels.size(), " of them")));
      const bool first = words[i] >= 0 && (i == 0 || words[i - 1] != words[i]);
      batch.labels.push_back(first ? labels[static_cast<std::size_t>(words[i])] : ignored_label);
    }
  }
  batch.inputs = std::move(texts);
  return batch;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
