// Training of a unigram model (Kudo 2018, section 3.2, with the steps of SentencePiece, Kudo and Richardson
// 2018): from many seed pieces, expectation and maximisation fit their probabilities, and those whose loss
// costs the likelihood least are dropped, until the vocabulary has its size.
//
// All sums run over the words in the order of their bytes: the result depends on nothing but the words.
#pragma once

#include <eigenformer/text/prefix_trie.hpp>
#include <eigenformer/text/unigram_seeds.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct UnigramTraining {
  std::size_t vocab_size = 8'000;  // of the pieces, without special tokens
  std::size_t longest_piece = 16;  // characters
  std::size_t seeds = 1'000'000;   // pieces to begin with, beside the characters
  double keep = 0.75;              // share of the pieces that a round of dropping keeps
  int fits = 2;                    // of the probabilities before each round of dropping
};

namespace detail {

/// The derivative of log Γ(x), x > 0: shifted to x ≥ 7 by ψ(x) = ψ(x + 1) - 1/x, then the asymptotic series
/// (Abramowitz and Stegun 1964, 6.3.5 and 6.3.18).
inline double digamma(double x) {
  double out = 0;
  for (; x < 7; ++x) out -= 1 / x;
  const double r = 1 / x, s = r * r;
  return out + std::log(x) - r / 2 -
         s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132)))));
}

/// log(exp a + exp b)
inline double log_add(double a, double b) {
  const double high = (std::max)(a, b), low = (std::min)(a, b);
  return low == -std::numeric_limits<double>::infinity() ? high : high + std::log1p(std::exp(low - high));
}

class UnigramTrainer {
 public:
  UnigramTrainer(const std::vector<WordCount>& words, const std::vector<std::string>& alphabet,
                 const UnigramTraining& options)
      : words_(words),
        alphabet_(alphabet.begin(), alphabet.end()),
        options_(options),
        pieces_(unigram_seeds(words, alphabet, options.longest_piece, options.seeds)) {}

  std::vector<ScoredPiece> run(const TrainingCallback& progress) {
    const std::size_t wanted = (std::max)(options_.vocab_size + options_.vocab_size / 10, alphabet_.size());
    const std::size_t begin = pieces_.size(), end = (std::min)(begin, wanted);
    for (;;) {
      for (int i = 0; i < options_.fits; ++i) fit();
      if (progress) progress({"fitting", begin - (std::max)(pieces_.size(), end), begin - end});
      if (pieces_.size() <= wanted) break;
      const std::size_t before = pieces_.size();
      drop((std::max)(wanted, static_cast<std::size_t>(static_cast<double>(before) * options_.keep)));
      if (pieces_.size() == before) break;
    }
    return finished();
  }

 private:
  static constexpr double impossible = -std::numeric_limits<double>::infinity();
  static constexpr double no_piece = -100;  // of a character outside the alphabet: it is no piece

  PrefixTrie trie() const {
    std::vector<std::pair<std::string_view, Token>> strings;
    for (std::size_t i = 0; i < pieces_.size(); ++i)
      strings.emplace_back(pieces_[i].piece, static_cast<Token>(i));
    return PrefixTrie(std::move(strings));
  }

  /// Calls visit(begin, end, piece) for the pieces in a word from left to right, and with -1 for a character
  /// that is none.
  template <class Visit> static void edges(const PrefixTrie& trie, std::string_view word, Visit&& visit) {
    for (std::size_t at = 0, next = 0; at < word.size(); at = next) {
      next = at + utf8_length(word[at]);
      bool single = false;
      trie.prefixes(word.substr(at), [&](std::size_t length, Token piece) {
        single = single || at + length == next;
        visit(at, at + length, piece);
      });
      if (!single) visit(at, next, Token{-1});
    }
  }

  double score(Token piece) const {
    return piece < 0 ? no_piece : pieces_[static_cast<std::size_t>(piece)].score;
  }

  /// One step of expectation and maximisation. Pieces expected less than half a time are dropped, unless they
  /// are characters; exp ψ in place of the count lets rare pieces fade (as SentencePiece does, after Liang
  /// and Klein's variational Bayes).
  void fit() {
    const PrefixTrie trie = this->trie();
    std::vector<double> expected(pieces_.size(), 0), forward, backward;
    struct Edge {
      std::size_t begin, end;
      Token piece;
    };
    std::vector<Edge> found;
    for (const WordCount& word : words_) {
      const std::size_t size = word.word.size();
      found.clear();
      edges(trie, word.word, [&](std::size_t begin, std::size_t end, Token piece) {
        found.push_back({begin, end, piece});
      });
      forward.assign(size + 1, impossible);
      backward.assign(size + 1, impossible);
      forward[0] = backward[size] = 0;
      for (const Edge& edge : found)
        forward[edge.end] = log_add(forward[edge.end], forward[edge.begin] + score(edge.piece));
      for (std::size_t i = found.size(); i-- > 0;)
        backward[found[i].begin] =
            log_add(backward[found[i].begin], backward[found[i].end] + score(found[i].piece));
      for (const Edge& edge : found)
        if (edge.piece >= 0)
          expected[static_cast<std::size_t>(edge.piece)] +=
              static_cast<double>(word.count) *
              std::exp(forward[edge.begin] + score(edge.piece) + backward[edge.end] - forward[size]);
    }
    constexpr double fewest = 0.5;
    std::vector<ScoredPiece> kept;
    double total = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (expected[i] < fewest && !alphabet_.contains(pieces_[i].piece)) continue;
      const double count = (std::max)(expected[i], fewest);
      total += count;
      kept.push_back({std::move(pieces_[i].piece), count});
    }
    for (ScoredPiece& piece : kept) piece.score = digamma(piece.score) - digamma(total);
    pieces_ = std::move(kept);
  }

  struct Cut {
    std::size_t begin = 0;
    Token piece = -1;
    double score = impossible;
  };

  /// The best cutting of a word into pieces other than `without`, from its end to its beginning.
  void best_cut(const PrefixTrie& trie, std::string_view word, Token without, std::vector<Cut>& best,
                std::vector<Token>& out) const {
    best.assign(word.size() + 1, {});
    best[0].score = 0;
    edges(trie, word, [&](std::size_t begin, std::size_t end, Token piece) {
      if (piece == without && piece >= 0) return;
      const double sum = best[begin].score + score(piece);
      if (sum > best[end].score) best[end] = {begin, piece, sum};
    });
    out.clear();
    for (std::size_t end = word.size(); end > 0; end = best[end].begin) out.push_back(best[end].piece);
  }

  /// Drops pieces down to `size`, those first whose loss costs the likelihood of the words least.
  ///
  /// The loss is estimated as in SentencePiece: wherever the best cutting uses the piece, its own best
  /// cutting into other pieces takes its place, and these become more frequent by that much.
  void drop(std::size_t size) {
    const PrefixTrie trie = this->trie();
    std::vector<Cut> best;
    std::vector<Token> cut;
    std::vector<double> used(pieces_.size(), 0);
    double total = 0;
    for (const WordCount& word : words_) {
      best_cut(trie, word.word, -1, best, cut);
      for (const Token piece : cut) {
        if (piece < 0) continue;
        used[static_cast<std::size_t>(piece)] += static_cast<double>(word.count);
        total += static_cast<double>(word.count);
      }
    }
    std::vector<ScoredPiece> kept;  // characters always
    std::vector<std::pair<double, std::size_t>> losses;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (alphabet_.contains(pieces_[i].piece)) {
        kept.push_back(pieces_[i]);
        continue;
      }
      if (used[i] == 0) continue;
      best_cut(trie, pieces_[i].piece, static_cast<Token>(i), best, cut);
      const double total_without = total + used[i] * (static_cast<double>(cut.size()) - 1);
      double instead = 0;
      for (const Token piece : cut)
        if (piece >= 0)
          instead += std::log((used[static_cast<std::size_t>(piece)] + used[i]) / total_without);
      losses.emplace_back(used[i] / total * (std::log(used[i] / total) - instead), i);
    }
    std::sort(losses.begin(), losses.end(), [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : pieces_[a.second].piece < pieces_[b.second].piece;
    });
    for (const auto& [loss, i] : losses) {
      if (kept.size() >= size) break;
      kept.push_back(pieces_[i]);
    }
    pieces_ = std::move(kept);
  }

  /// The characters and the most probable other pieces, in the order of probability.
  std::vector<ScoredPiece> finished() {
    std::sort(pieces_.begin(), pieces_.end(), scored_before);
    std::size_t others = options_.vocab_size - alphabet_.size();
    std::vector<ScoredPiece> out;
    for (ScoredPiece& piece : pieces_) {
      if (!alphabet_.contains(piece.piece)) {
        if (others == 0) continue;
        --others;
      }
      out.push_back(std::move(piece));
    }
    return out;
  }

  const std::vector<WordCount>& words_;
  std::set<std::string> alphabet_;
  UnigramTraining options_;
  std::vector<ScoredPiece> pieces_;
};

}  // namespace detail

/// Learns pieces and their log-probabilities, the most probable first. There may be fewer than vocab_size,
/// where the words have not so many frequent substrings.
///
/// @param words     in the order of their bytes
/// @param alphabet  the characters, in order, that are pieces in any case
/// @throws ConfigError  if these are more than vocab_size
inline std::vector<ScoredPiece> train_unigram(const std::vector<WordCount>& words,
                                              const std::vector<std::string>& alphabet,
                                              const UnigramTraining& options,
                                              const TrainingCallback& progress = {}) {
  if (alphabet.size() > options.vocab_size)
    fail(ConfigError("vocab_size", concat(options.vocab_size, " is less than the ", alphabet.size(),
                                          " characters of the alphabet")));
  return detail::UnigramTrainer(words, alphabet, options).run(progress);
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
