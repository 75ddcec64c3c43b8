// WordPiece: a word is cut, from its front on, into the longest pieces that the vocabulary holds.
//
// Source: Devlin et al. 2019; the greedy rule is that of BERT's tokenization.py.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/model.hpp>
#include <eigenformer/text/prefix_trie.hpp>
#include <eigenformer/text/utf8.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

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
    std::vector<std::pair<std::string_view, Token>> first, continuing;
    for (Token id = 0; id < vocabulary_.end_id(); ++id) {
      const auto token = vocabulary_.token(id);
      if (!token || token->empty()) continue;
      first.emplace_back(*token, id);
      if (token->size() > prefix.size() && token->starts_with(prefix))
        continuing.emplace_back(token->substr(prefix.size()), id);
    }
    first_ = PrefixTrie(std::move(first));
    continuing_ = PrefixTrie(std::move(continuing));
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
      Token id = Vocabulary::none;
      std::size_t length = 0;
      (at == 0 ? first_ : continuing_).prefixes(word.substr(at), [&](std::size_t longer, Token found) {
        if (at + longer < word.size() && is_continuation(word[at + longer])) return;
        length = longer;
        id = found;
      });
      if (id == Vocabulary::none) return unknown();
      out.push_back({id, static_cast<std::uint32_t>(length)});
      at += length;
    }
  }

 private:
  WordPieceConfig config_;
  PrefixTrie first_, continuing_;  // the pieces that begin words; those inside, without their prefix
  Token unk_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
