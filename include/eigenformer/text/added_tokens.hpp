// Added tokens: strings that are found in the text before anything else looks at it, special tokens among
// them.
//
// Where several could match, the leftmost wins, of those that start together the longest.
#pragma once

#include <eigenformer/text/aligned_text.hpp>
#include <eigenformer/text/unicode.hpp>
#include <eigenformer/text/unicode_tables.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI::text {

struct AddedToken {
  std::string content;
  Token id = 0;
  bool single_word = false;  // a match next to a letter, digit or mark is none
  bool lstrip = false;       // a match takes the white space before it
  bool rstrip = false;       // and after it
  bool normalized = false;   // looked for in the normalized text, by its normalized content
  bool special = false;      // left out when decoding with skip_special_tokens
};

/// Finds strings of a set in a text. Each look-up narrows a range of the sorted strings byte by byte.
class StringMatcher {
 public:
  /// @param strings  not empty ones; each with a number that find() returns
  explicit StringMatcher(std::vector<std::pair<std::string, std::size_t>> strings = {})
      : strings_(std::move(strings)) {
    std::sort(strings_.begin(), strings_.end());
    for (std::size_t i = strings_.size(); i-- > 0;) {
      auto& [begin, end] = first_[static_cast<unsigned char>(strings_[i].first[0])];
      begin = i;
      if (end == 0) end = i + 1;
    }
  }

  bool empty() const { return strings_.empty(); }

  struct Match {
    std::size_t begin, end;  // bytes of the text; begin == end: nothing found
    std::size_t number;
  };

  /// The leftmost-longest match at or after byte `from`.
  Match find(std::string_view text, std::size_t from) const {
    for (std::size_t at = from; at < text.size(); ++at) {
      auto [low, high] = first_[static_cast<unsigned char>(text[at])];
      Match match{at, at, 0};
      for (std::size_t depth = 1; low < high; ++depth) {
        if (strings_[low].first.size() == depth) match = {at, at + depth, strings_[low++].second};
        if (at + depth == text.size()) break;
        const auto begin = strings_.begin();
        const auto range = std::equal_range(begin + static_cast<Index>(low), begin + static_cast<Index>(high),
                                            static_cast<unsigned char>(text[at + depth]), ByteAt{depth});
        low = static_cast<std::size_t>(range.first - begin);
        high = static_cast<std::size_t>(range.second - begin);
      }
      if (match.end > match.begin) return match;
    }
    return {text.size(), text.size(), 0};
  }

 private:
  using Entry = std::pair<std::string, std::size_t>;
  struct ByteAt {
    std::size_t depth;
    unsigned char of(const Entry& entry) const { return static_cast<unsigned char>(entry.first[depth]); }
    bool operator()(const Entry& entry, unsigned char byte) const { return of(entry) < byte; }
    bool operator()(unsigned char byte, const Entry& entry) const { return byte < of(entry); }
  };

  std::vector<Entry> strings_;                                    // sorted by unsigned bytes
  std::array<std::pair<std::size_t, std::size_t>, 256> first_{};  // the strings that begin with a byte
};

class AddedTokens {
 public:
  AddedTokens() = default;

  /// @param tokens  with their contents and ids different from one another, the contents not empty
  /// @param searched  what to look for in the text for each token: its content, normalized if it is matched
  /// so
  AddedTokens(std::vector<AddedToken> tokens, const std::vector<std::string>& searched)
      : tokens_(std::move(tokens)) {
    std::vector<std::pair<std::string, std::size_t>> raw, normalized;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      by_id_.emplace(tokens_[i].id, i);
      by_content_.emplace(tokens_[i].content, i);
      if (!searched[i].empty()) (tokens_[i].normalized ? normalized : raw).emplace_back(searched[i], i);
    }
    raw_ = StringMatcher(std::move(raw));
    normalized_ = StringMatcher(std::move(normalized));
  }

  const std::vector<AddedToken>& all() const { return tokens_; }

  /// The added token with an id, or null.
  const AddedToken* find(Token id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &tokens_[found->second];
  }

  /// The added token with a content, or null.
  const AddedToken* find(const std::string& content) const {
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? nullptr : &tokens_[found->second];
  }

  /// Cuts a text at the tokens that are looked for in raw (or in normalized) text: calls visit(begin, end,
  /// token) for each part in order, with a null token for what lies between.
  template <class Visit> void split(std::string_view text, bool normalized, Visit&& visit) const {
    const StringMatcher& matcher = normalized ? normalized_ : raw_;
    std::size_t done = 0;
    const auto between = [&](std::size_t begin, std::size_t end) {
      if (begin < end) visit(begin, end, static_cast<const AddedToken*>(nullptr));
    };
    if (!matcher.empty()) {
      auto match = matcher.find(text, 0);
      for (; match.begin < match.end; match = matcher.find(text, match.end)) {
        const AddedToken& token = tokens_[match.number];
        if (token.single_word && !stands_alone(text, match)) continue;
        std::size_t begin = match.begin, end = match.end;
        if (token.lstrip) begin = (std::max)(white_space_before(text, begin), done);
        if (token.rstrip) end = white_space_after(text, end);
        between(done, begin);
        visit(begin, end, &token);
        done = end;
      }
    }
    between(done, text.size());
  }

 private:
  static bool stands_alone(std::string_view text, const StringMatcher::Match& match) {
    std::size_t before = match.begin;
    while (before > 0 && is_continuation(text[--before])) continue;
    return !(match.begin > 0 && contains(word_changes, code_point(text, before))) &&
           !(match.end < text.size() && contains(word_changes, code_point(text, match.end)));
  }

  std::vector<AddedToken> tokens_;
  std::unordered_map<Token, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  StringMatcher raw_, normalized_;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
