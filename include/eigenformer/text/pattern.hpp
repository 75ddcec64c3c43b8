// What texts are searched for: a string, a regular expression, or a class of characters.
#pragma once

#include <eigenformer/text/regex.hpp>
#include <eigenformer/text/scanner.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct Pattern {
  enum class Kind {
    string,
    regex,
    scanner,      // a regex that is written by hand
    white_space,  // one character each
    punctuation,
    digit,
    digits,  // whole runs
    words    // the regex \w+|[^\w\s]+
  };
  Kind kind = Kind::string;
  std::string string = {};  // not empty
  Regex regex = {};
  Scanner scanner = {};
};

namespace detail {

inline bool is_in(Pattern::Kind set, char32_t c) {
  switch (set) {
    case Pattern::Kind::white_space: return is_white_space(c);
    case Pattern::Kind::punctuation: return contains(punctuation_changes, c);
    case Pattern::Kind::digit:
    case Pattern::Kind::digits: return contains(number_changes, c) || contains(newer_number_changes, c);
    default: return contains(word_changes, c);
  }
}

/// The first match of a class of characters at byte `from` or after. Empty: there is none.
inline Span find_characters(Pattern::Kind set, std::string_view text, std::size_t from) {
  const bool words = set == Pattern::Kind::words, runs = words || set == Pattern::Kind::digits;
  for (std::size_t at = from, end = from; at < text.size(); at = end) {
    const char32_t c = code_point(text, at);
    const bool inside = is_in(set, c);
    end = at + utf8_length(text[at]);
    if (!inside && (!words || is_white_space(c))) continue;
    for (; runs && end < text.size(); end += utf8_length(text[end]))
      if (const char32_t next = code_point(text, end); is_in(set, next) != inside || is_white_space(next))
        break;
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end)};
  }
  return {};
}

}  // namespace detail

/// The matches of a pattern in a text, from left to right; they do not overlap.
class Matches {
 public:
  /// @param pattern  must outlive this object
  explicit Matches(const Pattern& pattern) : pattern_(&pattern) {
    if (pattern.kind == Pattern::Kind::regex) search_ = std::make_unique<RegexSearch>();
  }

  /// Begins with a text, which must live as long as next() is called.
  void start(std::string_view text) {
    text_ = text;
    from_ = 0;
    if (search_) search_->start(text);
  }

  /// Finds the next match. Returns false if there is none.
  ///
  /// @throws InputError  if a regex backtracks without end (see RegexSearch)
  bool next(Span& match) {
    if (from_ > text_.size()) return false;
    switch (pattern_->kind) {
      case Pattern::Kind::string: {
        const std::size_t at = text_.find(pattern_->string, from_);
        if (at == std::string_view::npos) return false;
        match = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + pattern_->string.size())};
        break;
      }
      case Pattern::Kind::regex: {
        const auto found = search_->find(pattern_->regex, text_, from_);
        if (!found) return false;
        match = *found;
        break;
      }
      case Pattern::Kind::scanner: match = scan(pattern_->scanner, text_, from_); break;
      default: match = detail::find_characters(pattern_->kind, text_, from_);
    }
    from_ = match.end;
    if (match.begin < match.end) return true;
    if (pattern_->kind != Pattern::Kind::regex) return false;
    do ++from_;  // an empty match; the search goes on at the next character
    while (from_ < text_.size() && is_continuation(text_[from_]));
    return true;
  }

 private:
  const Pattern* pattern_;
  std::unique_ptr<RegexSearch> search_;  // if it is a regex
  std::string_view text_;
  std::size_t from_ = 0;
};

/// A text with every match replaced.
inline std::string replaced(const Pattern& pattern, std::string_view text, std::string_view content) {
  std::string out;
  std::size_t done = 0;
  Matches matches(pattern);
  matches.start(text);
  for (Span match; matches.next(match); done = match.end) {
    out += text.substr(done, match.begin - done);
    out += content;
  }
  out += text.substr(done);
  return out;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
