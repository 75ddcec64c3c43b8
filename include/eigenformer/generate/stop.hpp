// Where a generation ends before its length does: end tokens, and texts that may straddle tokens.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Whether a token is one of those that end a sequence.
inline bool is_end_token(std::span<const Token> end_tokens, Token token) {
  return std::find(end_tokens.begin(), end_tokens.end(), token) != end_tokens.end();
}

/// Finds the first stop text in a text that comes in pieces, and passes on what stands before it. Text is
/// held back only while it could still become a stop text. Each byte is looked at once for every stop text
/// (Knuth, Morris & Pratt 1977), wherever the pieces are cut.
class StopTexts {
 public:
  struct Result {
    std::string text;   // safe to print
    bool stop = false;  // a stop text is complete: nothing comes after `text`
  };

  /// @throws ConfigError when a stop text is empty.
  explicit StopTexts(std::vector<std::string> texts) {
    for (std::string& text : texts) {
      if (text.empty()) fail(ConfigError("stop_texts", "an empty text would stop at once"));
      patterns_.emplace_back(std::move(text));
    }
  }

  /// Takes the next piece. The stop text that is complete first wins, of several the longest. After a stop
  /// every further piece gives no text.
  Result push(std::string_view piece) {
    if (stopped_) return {{}, true};
    for (std::size_t i = 0; i < piece.size(); ++i) {
      std::size_t complete = 0;
      for (Pattern& pattern : patterns_) complete = (std::max)(complete, pattern.push(piece[i]));
      if (complete == 0) continue;
      stopped_ = true;
      held_.append(piece.substr(0, i + 1));
      held_.resize(held_.size() - complete);
      return {std::exchange(held_, {}), true};
    }
    held_.append(piece);
    std::size_t open = 0;
    for (const Pattern& pattern : patterns_) open = (std::max)(open, pattern.matched);
    Result result{held_.substr(0, held_.size() - open), false};
    held_.erase(0, result.text.size());
    return result;
  }

  /// The text that was held back, when nothing more will come.
  std::string finish() { return std::exchange(held_, {}); }

  bool stopped() const { return stopped_; }

 private:
  struct Pattern {
    explicit Pattern(std::string stop_text) : text(std::move(stop_text)), borders(text.size(), 0) {
      for (std::size_t i = 1; i < text.size(); ++i) borders[i] = extend(borders[i - 1], text[i]);
    }

    /// How much of the text is matched when `byte` follows `length` matched bytes.
    std::size_t extend(std::size_t length, char byte) const {
      while (length > 0 && text[length] != byte) length = borders[length - 1];
      return text[length] == byte ? length + 1 : 0;
    }

    /// The length of the text when this byte completes it, else 0.
    std::size_t push(char byte) {
      matched = extend(matched, byte);
      return matched == text.size() ? matched : 0;
    }

    std::string text;
    std::vector<std::size_t> borders;  // the longest proper prefix that ends each prefix
    std::size_t matched = 0;           // how much of the text the latest bytes are
  };

  std::vector<Pattern> patterns_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
