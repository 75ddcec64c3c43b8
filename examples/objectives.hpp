// From a corpus to what a training learns from, for each objective: which tokens stand around a text, how
// long pieces may be, and what batches are made of them.
#pragma once

#include "corpus.hpp"
#include <eigenformer/train/denoising.hpp>
#include <eigenformer/train/masking.hpp>
#include <eigenformer/train/span_corruption.hpp>

#include <functional>
#include <initializer_list>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

namespace example {

/// The special tokens of a tokenizer, by the names that they usually have.
struct SpecialTokens {
  std::optional<ef::Token> begin, end, pad, mask;

  explicit SpecialTokens(const ef::Tokenizer& tokenizer) {
    const auto first = [&](std::initializer_list<const char*> names) -> std::optional<ef::Token> {
      for (const char* name : names)
        if (const auto id = tokenizer.token_to_id(name)) return id;
      return std::nullopt;
    };
    begin = first({"<s>", "[CLS]"});
    end = first({"<|endoftext|>", "</s>", "<|end_of_text|>", "[SEP]"});
    pad = first({"<pad>", "[PAD]"});
    mask = first({"<mask>", "[MASK]"});
  }
};

/// @throws InputError  where the tokenizer has no such token
inline ef::Token needed(std::optional<ef::Token> token, const char* which, const std::string& objective) {
  if (!token)
    ef::fail(
        ef::InputError(ef::concat("the tokenizer has no ", which, " token, which ", objective, " needs")));
  return *token;
}

/// What a training is given: batches to learn from, a function of the step, and batches to measure.
struct Examples {
  std::function<ef::TrainingBatch(ef::Index)> source;
  std::vector<ef::TrainingBatch> held_out{};
};

/// How pieces of text become batches.
struct TextObjective {
  ef::Index length = 0;      ///< of a piece, at most
  bool overlapping = false;  ///< pieces to measure begin with the last token of the one before
  /// `first`: the number of the batch's first example among all that random choices are made for.
  std::function<ef::TrainingBatch(ef::TokenBatch pieces, std::uint64_t first)> batch{};
};

inline ef::TokenBatch pieces_of(const Corpus& corpus, const TextObjective& objective) {
  ef::TokenBatch out;
  const auto cut = [&](const std::vector<ef::Token>& text) {
    if (objective.overlapping) {
      for (auto& piece : ef::consecutive_pieces(text, objective.length)) out.push_back(std::move(piece));
      return;
    }
    const auto size = static_cast<ef::Index>(text.size());
    for (ef::Index begin = 0; begin < size; begin += objective.length)
      out.emplace_back(text.begin() + begin, text.begin() + (std::min)(begin + objective.length, size));
  };
  if (!corpus.whole) cut(corpus.text);
  for (const auto& document : corpus.documents) cut(document);
  return out;
}

/// Learning from texts alone: windows from random places, or documents in random order.
inline Examples text_examples(Corpus corpus, const std::optional<Corpus>& held_out, ef::Index batch,
                              ef::Seed seed, TextObjective objective) {
  if (objective.length < 1)
    ef::fail(ef::ConfigError("window", "leaves no room for text beside the special tokens"));
  Examples out;
  if (held_out) {
    constexpr std::uint64_t apart = std::uint64_t{1} << 40;  // from the examples of all steps
    const ef::TokenBatch pieces = pieces_of(*held_out, objective);
    for (std::size_t first = 0; first < pieces.size(); first += static_cast<std::size_t>(batch)) {
      const std::size_t end = (std::min)(first + static_cast<std::size_t>(batch), pieces.size());
      const auto from = pieces.begin() + static_cast<std::ptrdiff_t>(first);
      out.held_out.push_back(
          objective.batch({from, pieces.begin() + static_cast<std::ptrdiff_t>(end)}, apart + first));
    }
  }
  std::function<ef::TokenBatch(ef::Index)> draw;
  if (corpus.whole)
    draw = ef::DocumentDraws(std::move(corpus.documents), objective.length, batch, seed,
                             objective.overlapping ? 2 : 1);
  else
    draw = ef::WindowDraws(std::move(corpus.text), objective.length, batch, seed);
  out.source = [draw = std::move(draw), make = std::move(objective.batch), batch](ef::Index step) mutable {
    return make(draw(step), static_cast<std::uint64_t>(step * batch));
  };
  return out;
}

/// Next words. A text as long as the window predicts the token after it, too.
inline TextObjective causal_objective(ef::Index window) {
  return {window + 1, true,
          [](ef::TokenBatch pieces, std::uint64_t) { return ef::next_token_batch(std::move(pieces)); }};
}

/// Masked words, `rate` of all, in texts as the tokenizer frames them.
inline TextObjective masked_objective(const ef::Tokenizer& tokenizer, ef::Index vocab_size, ef::Index window,
                                      double rate, ef::Seed seed) {
  const SpecialTokens special(tokenizer);
  ef::Masking masking{
      .mask_token = needed(special.mask, "mask", "masked"), .vocab_size = vocab_size, .rate = rate};
  for (ef::Token id = 0; id < vocab_size; ++id)
    if (tokenizer.is_special(id)) masking.special_tokens.push_back(id);
  const Frame frame = frame_of(tokenizer);
  return {window - frame.size(), false, [=](ef::TokenBatch pieces, std::uint64_t first) {
            for (auto& piece : pieces) piece = frame.around(std::move(piece));
            return ef::masked_batch(pieces, masking, seed, first);
          }};
}

/// Where span corruption finds its sentinels: the tokenizer's own (<extra_id_0> is the last of them), or ids
/// behind all that it has.
struct Sentinels {
  ef::Index first = 0;  ///< one above the highest sentinel's id
  ef::Index count = 0;
};
inline Sentinels sentinels_of(const ef::Tokenizer& tokenizer, ef::Index vocab_size) {
  const auto highest = tokenizer.token_to_id("<extra_id_0>");
  if (!highest) return {vocab_size + ef::SpanCorruption{}.sentinels, ef::SpanCorruption{}.sentinels};
  ef::Index count = 1;
  while (tokenizer.token_to_id(ef::concat("<extra_id_", count, '>')) ==
         *highest - static_cast<ef::Token>(count))
    ++count;
  return {*highest + 1, count};
}

/// Corrupted spans, in texts that fill the window once they are corrupted.
inline TextObjective span_objective(const Sentinels& sentinels, const SpecialTokens& special, ef::Token start,
                                    ef::Index window, ef::Seed seed) {
  const ef::Token end = needed(special.end, "end", "spans");
  const ef::SpanCorruption corruption{.vocab_size = sentinels.first,
                                      .end_token = end,
                                      .start_token = start,
                                      .pad_token = special.pad.value_or(end),
                                      .sentinels = sentinels.count};
  return {ef::corrupted_lengths(window).tokens, false,
          [=](const ef::TokenBatch& pieces, std::uint64_t first) {
            return ef::span_corruption_batch(pieces, corruption, seed, first);
          }};
}

/// Damaged texts to be written whole.
inline TextObjective denoising_objective(const ef::Tokenizer& tokenizer, ef::Index vocab_size,
                                         ef::Token start, ef::Index window, ef::Seed seed) {
  const SpecialTokens special(tokenizer);
  const ef::Token end = needed(special.end, "end", "denoise");
  ef::Denoising denoising{.mask_token = needed(special.mask, "mask", "denoise"),
                          .vocab_size = vocab_size,
                          .begin_token = special.begin.value_or(-1),
                          .end_token = end,
                          .start_token = start,
                          .pad_token = special.pad.value_or(end)};
  for (const char* mark : {".", "!", "?"})
    if (const auto ids = tokenizer.encode(mark, false); ids.size() == 1)
      denoising.sentence_ends.push_back(ids[0]);
  return {window - 2, false, [=](const ef::TokenBatch& pieces, std::uint64_t first) {
            return ef::denoising_batch(pieces, denoising, seed, first);
          }};
}

/// Learning from documents with something that belongs to each: all of a batch at once, and the numbers of
/// its documents. @throws InputError  for a document that the window does not hold
inline Examples paired_examples(
    Corpus corpus, std::optional<Corpus> held_out, ef::Index batch, ef::Index window, ef::Seed seed,
    std::function<ef::TrainingBatch(const Corpus&, std::span<const ef::Index>)> make) {
  const auto check = [&](const Corpus& all) {
    for (const auto* texts : {&all.documents, &all.targets})
      for (std::size_t i = 0; i < texts->size(); ++i)
        if (static_cast<ef::Index>((*texts)[i].size()) > window)
          ef::fail(ef::InputError(ef::concat("document ", i + 1, " has ", (*texts)[i].size(),
                                             " tokens, more than the window of ", window)));
  };
  check(corpus);
  Examples out;
  if (held_out) {
    check(*held_out);
    std::vector<ef::Index> all(held_out->documents.size());
    std::iota(all.begin(), all.end(), ef::Index{0});
    for (std::size_t first = 0; first < all.size(); first += static_cast<std::size_t>(batch))
      out.held_out.push_back(make(
          *held_out,
          std::span(all).subspan(first, (std::min)(static_cast<std::size_t>(batch), all.size() - first))));
  }
  ef::ShuffledDraws order(static_cast<ef::Index>(corpus.documents.size()), batch, seed);
  out.source = [corpus = std::move(corpus), order, make = std::move(make)](ef::Index step) mutable {
    return make(corpus, order(step));
  };
  return out;
}

/// Targets for sources.
inline ef::TrainingBatch batch_of_pairs(const Corpus& corpus, std::span<const ef::Index> numbers,
                                        ef::Token start, ef::Token pad) {
  ef::TokenBatch sources, targets;
  for (const ef::Index i : numbers) {
    sources.push_back(corpus.documents[static_cast<std::size_t>(i)]);
    targets.push_back(corpus.targets[static_cast<std::size_t>(i)]);
  }
  return ef::pair_batch(std::move(sources), targets, start, pad);
}

/// One of `classes` for each text. @throws InputError  for a label that is none of them
inline ef::TrainingBatch batch_of_classes(const Corpus& corpus, std::span<const ef::Index> numbers,
                                          const std::vector<std::string>& classes) {
  ef::TokenBatch texts;
  std::vector<ef::Token> labels;
  for (const ef::Index i : numbers) {
    const std::string& label = corpus.labels[static_cast<std::size_t>(i)];
    const auto at = std::find(classes.begin(), classes.end(), label);
    if (at == classes.end())
      ef::fail(ef::InputError(ef::concat("label \"", label, "\" is not one that is learned")));
    texts.push_back(corpus.documents[static_cast<std::size_t>(i)]);
    labels.push_back(static_cast<ef::Token>(at - classes.begin()));
  }
  return ef::text_class_batch(std::move(texts), std::move(labels), static_cast<ef::Index>(classes.size()));
}

}  // namespace example
