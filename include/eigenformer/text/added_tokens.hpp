// Added tokens: strings that are found in the text before anything else looks at it, special tokens among
// them.
//
// Where several could match, the leftmost wins, of those that start together the longest.
#pragma once

#include <eigenformer/text/prefix_trie.hpp>
#include <eigenformer/text/unicode.hpp>
#include <eigenformer/text/unicode_tables.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct AddedToken {
  std::string content;
  Token id = 0;
  bool single_word = false;  // a match next to a letter, digit or mark is none
  bool lstrip = false;       // a match takes the white space before it
  bool rstrip = false;       // and after it
  bool normalized = false;   // looked for in the normalized text, by its normalized content
  bool special = false;      // left out when decoding with skip_special_tokens
};

class AddedTokens {
 public:
  AddedTokens() = default;

  /// @param tokens    with their contents and ids different from one another, the contents not empty
  /// @param searched  what to look for in the text for each token: its content, normalized if it is matched so
  [[gnu::cold]] AddedTokens(std::vector<AddedToken> tokens, const std::vector<std::string>& searched)
      : tokens_(std::move(tokens)) {
    std::vector<std::pair<std::string_view, Token>> raw, normalized;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      names_.insert(tokens_[i].content, tokens_[i].id);
      if (!searched[i].empty())
        (tokens_[i].normalized ? normalized : raw).emplace_back(searched[i], static_cast<Token>(i));
    }
    raw_ = PrefixTrie(std::move(raw));
    normalized_ = PrefixTrie(std::move(normalized));
  }

  const std::vector<AddedToken>& all() const { return tokens_; }

  /// The added token with an id, or null.
  const AddedToken* find(Token id) const {
    const auto position = names_.position(id);
    return position ? &tokens_[*position] : nullptr;
  }

  /// The added token with a content, or null.
  const AddedToken* find(std::string_view content) const { return find(names_.find(content)); }

  /// Cuts a text at the tokens that are looked for in raw (or in normalized) text: calls visit(begin, end,
  /// token) for each part in order, with a null token for what lies between.
  template <class Visit> void split(std::string_view text, bool normalized, Visit&& visit) const {
    const PrefixTrie& searched = normalized ? normalized_ : raw_;
    std::size_t done = 0;
    const auto between = [&](std::size_t begin, std::size_t end) {
      if (begin < end) visit(begin, end, static_cast<const AddedToken*>(nullptr));
    };
    for (std::size_t at = searched.empty() ? text.size() : 0; at < text.size();) {
      std::size_t begin = at, end = at;
      const AddedToken* token = nullptr;
      searched.prefixes(text.substr(at), [&](std::size_t length, Token number) {
        end = begin + length;
        token = &tokens_[static_cast<std::size_t>(number)];
      });
      at = (std::max)(end, at + 1);
      if (token == nullptr || (token->single_word && !stands_alone(text, begin, end))) continue;
      if (token->lstrip) begin = done + white_space_before(text.substr(done), begin - done);
      if (token->rstrip) at = end = white_space_after(text, end);
      between(done, begin);
      visit(begin, end, token);
      done = end;
    }
    between(done, text.size());
  }

 private:
  static bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
    std::size_t before = begin;
    while (before > 0 && is_continuation(text[--before])) continue;
    return !(begin > 0 && contains(word_changes, code_point(text, before))) &&
           !(end < text.size() && contains(word_changes, code_point(text, end)));
  }

  std::vector<AddedToken> tokens_;
  Vocabulary names_;             // of tokens_, in their order
  PrefixTrie raw_, normalized_;  // what to look for; the values are places in tokens_
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
