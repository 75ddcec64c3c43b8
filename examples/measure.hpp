// What `evaluate` measures, for each kind of model, beside what counting words alone reaches.
#pragma once

#include "corpus.hpp"
#include "encoder.hpp"
#include "perplexity.hpp"
#include <eigenformer/evaluate/classification.hpp>
#include <eigenformer/evaluate/exact_match.hpp>
#include <eigenformer/hub.hpp>
#include <eigenformer/train/draws.hpp>
#include <eigenformer/train/masking.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace example {

using Measures = nlohmann::ordered_json;  ///< names and numbers, in the order they are shown

/// How often tokens stand in a text, and behind which others: models that a good one must beat.
class TokenCounts {
 public:
  explicit TokenCounts(ef::Index vocab_size) : counts_(static_cast<std::size_t>(vocab_size)) {}

  void add(const std::vector<ef::Token>& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      ++counts_[static_cast<std::size_t>(text[i])];
      ++total_;
      if (i) ++after_[text[i - 1]].counts[text[i]], ++after_[text[i - 1]].total;
    }
  }

  /// Add-one smoothed.
  double unigram(ef::Token token) const {
    return (counts_[static_cast<std::size_t>(token)] + 1) / (total_ + static_cast<double>(counts_.size()));
  }
  /// Interpolated with the unigram, which weighs as one more occurrence (a Dirichlet prior: MacKay & Peto
  /// 1995).
  double bigram(ef::Token before, ef::Token token) const {
    const auto at = after_.find(before);
    if (at == after_.end()) return unigram(token);
    const auto found = at->second.counts.find(token);
    const double count = found == at->second.counts.end() ? 0 : found->second;
    return (count + unigram(token)) / (at->second.total + 1);
  }
  ef::Token likeliest() const {
    return static_cast<ef::Token>(std::max_element(counts_.begin(), counts_.end()) - counts_.begin());
  }
  ef::Token likeliest_after(ef::Token before) const {
    const auto at = after_.find(before);
    if (at == after_.end()) return likeliest();
    return std::max_element(at->second.counts.begin(), at->second.counts.end(),
                            [](const auto& x, const auto& y) { return x.second < y.second; })
        ->first;
  }

 private:
  struct Followers {
    std::map<ef::Token, double> counts{};
    double total = 0;
  };
  std::vector<double> counts_;
  double total_ = 0;
  std::map<ef::Token, Followers> after_;
};

/// The corpus that baselines are counted on, if there is one.
inline std::optional<TokenCounts> count_tokens(const std::string& file, const Reading& how) {
  if (file.empty()) return std::nullopt;
  const Corpus corpus = read_corpus({file}, how);
  TokenCounts counts(how.vocab_size);
  counts.add(corpus.text);
  for (const auto& document : corpus.documents) counts.add(document);
  return counts;
}

/// Calls f(first, end) for groups of `size` of `count` things.
template <class F> void in_groups(std::size_t count, std::size_t size, F&& f) {
  for (std::size_t first = 0; first < count; first += size) f(first, (std::min)(first + size, count));
}
inline constexpr std::size_t group = 64;  // texts that are computed at once

/// How well a decoder predicts documents, each for itself: all tokens but the first.
inline Measures measure_documents(const ef::CausalLM<float>& model, const Measured& what,
                                  const std::optional<TokenCounts>& counts, ef::Run& run) {
  const ef::evaluate::LogLoss loss = loss_of(model, what, {}, run, [](ef::Index) {});
  ef::evaluate::LogLoss unigram, bigram;
  if (counts)
    for (const auto& text : what.documents) {
      for (std::size_t i = 1; i < text.size(); ++i) {
        unigram.sum -= std::log(counts->unigram(text[i]));
        bigram.sum -= std::log(counts->bigram(text[i - 1], text[i]));
      }
      unigram.tokens = bigram.tokens = loss.tokens;
    }
  Measures out{{"perplexity", loss.perplexity()},
               {"mean_loss", loss.mean()},
               {"bits_per_token", loss.bits_per_token()},
               {"documents", what.documents.size()},
               {"scored_tokens", loss.tokens}};
  if (counts) {
    out["perplexity_of_bigrams"] = bigram.perplexity();
    out["perplexity_of_unigrams"] = unigram.perplexity();
  }
  out["perplexity_of_chance"] = model.config().vocab_size;
  return out;
}

/// How often an encoder finds the token behind a mask. One token of each text is masked, drawn by the seed.
inline Measures measure_masks(const ef::MaskedLM<float>& model, const ef::Tokenizer& tokenizer,
                              const ef::TokenBatch& texts, const std::optional<TokenCounts>& counts,
                              ef::Token mask, ef::Seed seed, ef::Run& run) {
  double right = 0, among_five = 0, bigrams = 0, most_frequent = 0, loss = 0;
  std::size_t masks = 0;
  in_groups(texts.size(), group, [&](std::size_t first, std::size_t end) {
    ef::TokenBatch batch;
    std::vector<ef::Index> rows;
    std::vector<ef::Token> wanted;
    ef::Index row = 0;
    for (std::size_t i = first; i < end; ++i) {
      std::vector<ef::Token> text = texts[i];
      std::vector<std::size_t> words;
      for (std::size_t at = 0; at < text.size(); ++at)
        if (!tokenizer.is_special(text[at])) words.push_back(at);
      if (words.empty()) continue;
      ef::Draws draws(seed, ef::Purpose::masking, i);
      const std::size_t at =
          words[static_cast<std::size_t>(draws.below(static_cast<ef::Index>(words.size())))];
      wanted.push_back(text[at]);
      rows.push_back(row + static_cast<ef::Index>(at));
      if (counts) {
        bigrams += at > 0 && counts->likeliest_after(text[at - 1]) == text[at];
        most_frequent += counts->likeliest() == text[at];
      }
      text[at] = mask;
      row += static_cast<ef::Index>(text.size());
      batch.push_back(std::move(text));
    }
    if (batch.empty()) return;
    const ef::Matrix<float> logits = model(batch, run);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto scores = logits.row(rows[i]);
      const float its = scores(wanted[i]);
      const auto better = (scores.array() > its).count();
      right += better == 0;
      among_five += better < 5;
      loss -= std::log(softmax(logits, rows[i])[static_cast<std::size_t>(wanted[i])]);
    }
    masks += rows.size();
  });
  if (masks == 0) ef::fail(ef::InputError("no text has a word to mask"));
  const auto share = [&](double n) { return n / static_cast<double>(masks); };
  Measures out{{"accuracy", share(right)},
               {"accuracy_of_five", share(among_five)},
               {"perplexity", std::exp(share(loss))},
               {"masks", masks}};
  if (counts) {
    out["accuracy_of_bigrams"] = share(bigrams);
    out["accuracy_of_the_most_frequent"] = share(most_frequent);
  }
  out["accuracy_of_chance"] = 1.0 / static_cast<double>(model.config().vocab_size);
  return out;
}

/// How often a classifier gives a text its label. wrong(text, given, wanted) is told of the others.
template <class Wrong>
Measures measure_classes(const ef::Classifier<float>& model, const ef::Tokenizer& tokenizer,
                         const Corpus& corpus, ef::Run& run, Wrong&& wrong) {
  std::vector<ef::Index> truth, predicted;
  const auto& labels = model.labels();
  std::vector<double> occurrences(labels.size());
  for (const std::string& label : corpus.labels) {
    const auto at = std::find(labels.begin(), labels.end(), label);
    if (at == labels.end())
      ef::fail(ef::InputError(ef::concat("label \"", label, "\" is none of the model's")));
    truth.push_back(at - labels.begin());
    ++occurrences[static_cast<std::size_t>(truth.back())];
  }
  in_groups(corpus.documents.size(), group, [&](std::size_t first, std::size_t end) {
    const auto from = corpus.documents.begin();
    const ef::TokenBatch texts(from + static_cast<std::ptrdiff_t>(first),
                               from + static_cast<std::ptrdiff_t>(end));
    const ef::Matrix<float> logits = model(texts, run);
    for (ef::Index row = 0; row < logits.rows(); ++row) {
      ef::Index best = 0;
      logits.row(row).maxCoeff(&best);
      predicted.push_back(best);
      const std::size_t i = predicted.size() - 1;
      if (best != truth[i])
        wrong(tokenizer.decode(corpus.documents[i]), labels[static_cast<std::size_t>(best)],
              corpus.labels[i]);
    }
  });
  const ef::evaluate::Confusion confusion(truth, predicted, static_cast<ef::Index>(labels.size()));
  return {{"accuracy", confusion.accuracy()},
          {"macro_f1", confusion.macro().f1},
          {"texts", truth.size()},
          {"accuracy_of_the_most_frequent",
           *std::max_element(occurrences.begin(), occurrences.end()) / static_cast<double>(truth.size())}};
}

/// How often the target that an encoder-decoder writes, by the likeliest token at each step, is the wanted
/// one. wrong(source, written, wanted) is told of the others.
template <class Wrong>
Measures measure_targets(const ef::Seq2Seq<float>& model, const ef::Tokenizer& tokenizer,
                         const Corpus& corpus, const std::vector<ef::Token>& end_tokens, ef::Threads& threads,
                         Wrong&& wrong) {
  std::vector<std::string> truth, written;
  std::size_t copies = 0;
  in_groups(corpus.documents.size(), group, [&](std::size_t first, std::size_t end) {
    const auto from = corpus.documents.begin();
    const ef::TokenBatch sources(from + static_cast<std::ptrdiff_t>(first),
                                 from + static_cast<std::ptrdiff_t>(end));
    const ef::GenerationConfig greedy{
        .max_new_tokens = model.config().max_positions - 1, .temperature = 0, .end_tokens = end_tokens};
    const auto all = ef::generate_batch(model, sources, greedy, threads, [](ef::Index, ef::Token) {});
    for (std::size_t i = 0; i < all.size(); ++i) {
      written.push_back(tokenizer.decode(all[i].new_tokens()));
      truth.push_back(tokenizer.decode(corpus.targets[first + i]));
      const std::string source = tokenizer.decode(sources[i]);
      copies += source == truth.back();
      if (written.back() != truth.back()) wrong(source, written.back(), truth.back());
    }
  });
  return {{"exact_match", ef::evaluate::exact_match(truth, written)},
          {"pairs", truth.size()},
          {"exact_match_of_copies", static_cast<double>(copies) / static_cast<double>(truth.size())}};
}

}  // namespace example
