// Unigram: the cutting of a word into tokens whose probabilities have the largest product (Kudo 2018), found
// by the Viterbi algorithm.
//
// Scores are added in double precision, and of equal sums the first found stays, as in the reference engine.
// A table made once when the tokenizer is loaded holds the words that are best left whole, so that a frequent
// word is one look-up.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/bpe.hpp>
#include <eigenformer/text/prefix_trie.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

class Unigram final : public TokenModel {
 public:
  /// @param scores  log-probability of each id
  /// @param unk  the token for what is unknown; Vocabulary::none if there is none
  /// @param byte_fallback  unknown characters become their bytes, <0x00> to <0xFF>, where these exist
  [[gnu::cold]] Unigram(Vocabulary vocabulary, std::vector<double> scores, Token unk, bool byte_fallback)
      : TokenModel(std::move(vocabulary)), scores_(std::move(scores)), unk_(unk) {
    std::vector<std::pair<std::string_view, Token>> strings;
    for (Token id = 0; id < vocabulary_.end_id(); ++id)
      if (const auto token = vocabulary_.token(id); token && !token->empty())
        strings.emplace_back(*token, id);
    trie_ = PrefixTrie(std::move(strings));
    constexpr double penalty = 10;
    unk_score_ = (scores_.empty() ? 0 : *std::min_element(scores_.begin(), scores_.end())) - penalty;
    for (std::size_t byte = 0; byte < 256; ++byte)
      bytes_[byte] = byte_fallback ? vocabulary_.find(byte_token(byte)) : Vocabulary::none;
    find_whole_words();
  }

  const std::vector<double>& scores() const { return scores_; }

  bool is_unknown(Token id) const override { return id == unk_; }

  /// Appends the tokens of a word; neighbouring unknown characters give one.
  ///
  /// @throws InputError  if something is unknown and there is no token for it
  void encode(std::string_view word, std::vector<Piece>& out) const override {
    const Token id = word.size() < few ? whole_.find(word) : Vocabulary::none;
    if (id == Vocabulary::none) return cut(word, out);
    out.push_back({id, static_cast<std::uint32_t>(word.size())});
  }

 private:
  struct Best {
    std::uint32_t begin = none_yet;
    Token id = Vocabulary::none;  // of the token that ends here; none: an unknown character
    double score = 0;
  };
  static constexpr std::uint32_t none_yet = 0xFFFFFFFF;
  static constexpr std::size_t few = 64;  // bytes of a word that need no allocation

  [[gnu::cold]] void find_whole_words() {
    for (Token id = 0; id < vocabulary_.end_id(); ++id) {
      const auto token = vocabulary_.token(id);
      if (!token || token->empty() || token->size() >= few) continue;
      std::array<Best, few> best;
      std::fill_n(best.data(), token->size() + 1, Best{});
      search(*token, best.data());
      const Best& last = best[token->size()];
      if (last.begin == 0 && last.id == id) whole_.insert(*token, id);
    }
  }

  void cut(std::string_view word, std::vector<Piece>& out) const {
    std::array<Best, few> small;
    std::vector<Best> large;
    Best* best = small.data();
    if (word.size() >= few) {
      large.resize(word.size() + 1);
      best = large.data();
    } else {
      std::fill_n(best, word.size() + 1, Best{});
    }
    search(word, best);

    const std::size_t first = out.size();
    std::size_t end = word.size();
    while (end > 0) {
      std::size_t begin = best[end].begin;
      const Token id = best[end].id;
      while (id == Vocabulary::none && begin > 0 && best[begin].id == Vocabulary::none)
        begin = best[begin].begin;
      if (id != Vocabulary::none)
        out.push_back({id, static_cast<std::uint32_t>(end - begin)});
      else
        append_unknown(word.substr(begin, end - begin), out);
      end = begin;
    }
    std::reverse(out.begin() + static_cast<Index>(first), out.end());
  }

  /// best[i]: the last token of the best cutting of the first i bytes.
  void search(std::string_view word, Best* best) const {
    for (std::size_t at = 0, next = 0; at < word.size(); at = next) {
      next = at + utf8_length(word[at]);
      const double before = best[at].score;
      const auto offer = [&](std::size_t end, Token id, double score) {
        if (best[end].begin == none_yet || score > best[end].score)
          best[end] = {static_cast<std::uint32_t>(at), id, score};
      };
      bool single = false;  // a token for this one character
      trie_.prefixes(word.substr(at), [&](std::size_t length, Token id) {
        offer(at + length, id == unk_ ? Vocabulary::none : id,
              before + scores_[static_cast<std::size_t>(id)]);
        single = single || at + length == next;
      });
      if (!single) offer(next, Vocabulary::none, before + unk_score_);
    }
  }

  /// In reverse, as the caller collects.
  [[gnu::cold]] void append_unknown(std::string_view text, std::vector<Piece>& out) const {
    const auto length = static_cast<std::uint32_t>(text.size());
    const bool spelled = std::all_of(text.begin(), text.end(), [&](char c) {
      return bytes_[static_cast<unsigned char>(c)] != Vocabulary::none;
    });
    if (spelled) {
      for (std::size_t i = text.size(); i-- > 0;) {
        const Token id = bytes_[static_cast<unsigned char>(text[i])];
        out.push_back(i == 0 ? Piece{id, length} : Piece{id, 0, length});
      }
      return;
    }
    const Token known = vocabulary_.find(text);  // unknown characters can spell a token, if one of low score
    if (known == Vocabulary::none && unk_ == Vocabulary::none)
      fail(InputError(concat("\"", printable(text), "\" is not in the vocabulary, which has no unk_id")));
    out.push_back({known == Vocabulary::none ? unk_ : known, length});
  }

  std::vector<double> scores_;
  PrefixTrie trie_;
  Vocabulary whole_;  // words that are one token
  Token unk_;
  double unk_score_;
  std::array<Token, 256> bytes_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
