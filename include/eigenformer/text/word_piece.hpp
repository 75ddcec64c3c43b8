// WordPiece: a word is cut, from its front on, into the longest pieces that the vocabulary holds.
//
// Source: Devlin et al. 2019; the greedy rule is that of BERT's tokenization.py.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/model.hpp>
#include <eigenformer/text/utf8.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI::text {

struct WordPieceConfig {
  std::string unk_token = "[UNK]";
  std::string continuing_subword_prefix = "##";
  Index max_input_chars_per_word = 100;  // longer words are unknown
};

class WordPiece final : public TokenModel {
 public:
  /// @param name  of the model, before the names of its fields in messages
  /// @throws ConfigError  if unk_token is not in the vocabulary
  [[gnu::cold]] WordPiece(Vocabulary vocabulary, WordPieceConfig config, std::string_view name = "model")
      : TokenModel(std::move(vocabulary)),
        config_(std::move(config)),
        unk_(vocabulary_.find(config_.unk_token)) {
    if (unk_ == Vocabulary::none)
      fail(ConfigError(concat(name, ".unk_token"),
                       concat('"', config_.unk_token, "\" is not in the vocabulary")));
    const std::string& prefix = config_.continuing_subword_prefix;
    for (Token id = 0; id < vocabulary_.end_id(); ++id) {
      const auto token = vocabulary_.token(id);
      if (!token) continue;
      longest_ = (std::max)(longest_, token->size());
      if (token->starts_with(prefix)) continuing_.insert(token->substr(prefix.size()), id);
    }
  }

  const WordPieceConfig& config() const { return config_; }

  /// Appends the tokens of a word; one unk_token if any of it is not in the vocabulary.
  void encode(std::string_view word, std::vector<Piece>& out) const override {
    const std::size_t first = out.size();
    const auto unknown = [&] {
      out.resize(first, Piece{unk_, 0});
      out.push_back({unk_, static_cast<std::uint32_t>(word.size())});
    };
    if (static_cast<Index>(utf8_count(word)) > config_.max_input_chars_per_word) return unknown();
    for (std::size_t at = 0; at < word.size();) {
      const Vocabulary& pieces = at == 0 ? vocabulary_ : continuing_;
      std::size_t end = (std::min)(word.size(), at + longest_);
      Token id = Vocabulary::none;
      for (; end > at; --end) {
        if (end < word.size() && is_continuation(word[end])) continue;
        if ((id = pieces.find(word.substr(at, end - at))) != Vocabulary::none) break;
      }
      if (id == Vocabulary::none) return unknown();
      out.push_back({id, static_cast<std::uint32_t>(end - at)});
      at = end;
    }
  }

 private:
  WordPieceConfig config_;
  Vocabulary continuing_;  // the pieces inside words, without their prefix
  Token unk_;
  std::size_t longest_ = 0;  // bytes of a token
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
