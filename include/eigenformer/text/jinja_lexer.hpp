// Cuts a Jinja template into tokens, with white space treated as trim_blocks and lstrip_blocks say: a block's
// tag takes the newline after it, and the blanks before it where nothing else stands on its line.
//
// Source of the rules: the documentation of Jinja 3.1, "Template Designer", sections "Whitespace Control" and
// "Escaping".
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/unicode.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

struct LexicalToken {
  enum class Kind {
    data,
    variable_begin,
    variable_end,
    block_begin,
    block_end,
    name,
    string,
    integer,
    floating,
    symbol,
    end
  };
  Kind kind;
  std::string text;  // of data, names, symbols and the value of a string
  int line;          // from 1
  std::int64_t integer = 0;
  double floating = 0;
};

/// White space as Python's str.isspace has it: with four separators of ASCII.
inline bool is_blank(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

/// Where the blanks that begin at byte `at` of valid UTF-8 end.
inline std::size_t blanks_after(std::string_view text, std::size_t at) {
  at = white_space_after(text, at);
  while (at < text.size() && text[at] >= 0x1C && text[at] <= 0x1F) at = white_space_after(text, at + 1);
  return at;
}

/// Where the blanks that end at byte `end` of valid UTF-8 begin.
inline std::size_t blanks_before(std::string_view text, std::size_t end) {
  end = white_space_before(text, end);
  while (end > 0 && text[end - 1] >= 0x1C && text[end - 1] <= 0x1F) end = white_space_before(text, end - 1);
  return end;
}

class Lexer {
 public:
  using Kind = LexicalToken::Kind;

  /// @param name  of the template, for messages
  /// @throws FileError  on what is not UTF-8, or no token
  Lexer(std::string_view source, std::string name) : name_(std::move(name)) {
    const std::size_t valid = utf8_valid_prefix(source);
    if (valid != source.size()) fail(FileError(name_, concat("not UTF-8 at byte ", valid)));
    source_.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
      source_ += source[i] == '\r' ? '\n' : source[i];
    }
    if (source_.ends_with('\n')) source_.pop_back();
  }

  /// All tokens; the last is of kind `end`.
  std::vector<LexicalToken> run() {
    while (at_ < source_.size()) template_data();
    add(Kind::end, "the end of the template");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    fail(FileError(name_, concat("line ", line_, ": ", why)));
  }

  void add(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  bool starts(std::string_view what) const { return std::string_view(source_).substr(at_).starts_with(what); }

  /// Moves on, counting lines.
  void skip_to(std::size_t end) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    at_ = end;
  }

  /// Moves over the end of a tag, whose mark has `length` bytes from the present place: "%}", "-%}" or "+%}".
  void close(std::size_t length, bool takes_newline) {
    const char sign = source_[at_];
    std::size_t end = at_ + length;
    if (sign == '-')
      end = blanks_after(source_, end);
    else if (sign != '+' && takes_newline && end < source_.size() && source_[end] == '\n')
      ++end;
    skip_to(end);
    line_starting_ = source_[end - 1] == '\n';
  }

  /// The text before a tag, less the blanks that its sign and place take away.
  void add_data(std::size_t end, char sign, bool is_variable) {
    std::string_view text = std::string_view(source_).substr(at_, end - at_);
    if (sign == '-') {
      text = text.substr(0, blanks_before(text, text.size()));
    } else if (sign != '+' && !is_variable) {
      const std::size_t line = text.rfind('\n') + 1;  // npos + 1 is 0
      if ((line > 0 || line_starting_) && blanks_after(text, line) == text.size())
        text = text.substr(0, line);
    }
    if (!text.empty()) add(Kind::data, std::string(text));
    skip_to(end);
  }

  void template_data() {
    std::size_t tag = at_;
    do {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 == source_.size()) {
        add(Kind::data, source_.substr(at_));
        return skip_to(source_.size());
      }
      ++tag;
    } while (source_[tag] != '{' && source_[tag] != '%' && source_[tag] != '#');
    const char type = source_[tag];
    const char sign = tag + 1 < source_.size() ? source_[tag + 1] : '\0';
    const bool has_sign = sign == '-' || sign == '+';
    add_data(tag - 1, sign, type == '{');
    const std::size_t inside = tag + 1 + (has_sign ? 1 : 0);
    if (type == '#') return comment(inside);
    if (type == '%' && raw(inside)) return;
    add(type == '{' ? Kind::variable_begin : Kind::block_begin, type == '{' ? "{{" : "{%");
    skip_to(inside);
    tag_content(type == '{' ? "}}" : "%}", type == '%');
  }

  void comment(std::size_t inside) {
    const std::size_t end = source_.find("#}", inside);
    if (end == std::string::npos) refuse("the comment does not end");
    const bool has_sign = end > inside && (source_[end - 1] == '-' || source_[end - 1] == '+');
    skip_to(has_sign ? end - 1 : end);
    close(has_sign ? 3 : 2, true);
  }

  /// If `at` begins with the words and the end of a tag: where that end stands, and its length; otherwise 0.
  std::pair<std::size_t, std::size_t> tag_of(std::size_t at, std::string_view word) const {
    at = blanks_after(source_, at);
    const std::string_view source = source_;
    if (!source.substr(at).starts_with(word)) return {0, 0};
    at = blanks_after(source, at + word.size());
    if (source.substr(at).starts_with("%}")) return {at, 2};
    if (source.substr(at).starts_with("-%}") || source.substr(at).starts_with("+%}")) return {at, 3};
    return {0, 0};
  }

  /// {% raw %} … {% endraw %}, of which only the text is kept.
  bool raw(std::size_t inside) {
    const auto [begin, length] = tag_of(inside, "raw");
    if (length == 0 || source_[begin] == '+') return false;
    skip_to(begin);
    close(length, false);
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos;
         tag = source_.find("{%", tag + 2)) {
      const char sign = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
      const auto [end, end_length] = tag_of(tag + 2 + (sign == '-' || sign == '+' ? 1 : 0), "endraw");
      if (end_length == 0) continue;
      add_data(tag, sign, false);
      skip_to(end);
      close(end_length, true);
      return true;
    }
    refuse("the raw block does not end");
  }

  void tag_content(std::string_view end, bool is_block) {
    std::string open;  // brackets; within them "}}" is two closing ones
    for (;;) {
      skip_to(blanks_after(source_, at_));
      if (at_ == source_.size()) refuse("the tag does not end");
      const bool has_sign = source_[at_] == '-' || (is_block && source_[at_] == '+');
      if (open.empty() && std::string_view(source_).substr(at_ + (has_sign ? 1 : 0)).starts_with(end)) {
        add(is_block ? Kind::block_end : Kind::variable_end, std::string(end));
        return close(has_sign ? 3 : 2, is_block);
      }
      const char c = source_[at_];
      if (c >= '0' && c <= '9')
        number();
      else if (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        word();
      else if (c == '"' || c == '\'')
        quoted(c);
      else
        symbol(open);
    }
  }

  void word() {
    std::size_t end = at_;
    const auto in_name = [](char c) {
      return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    while (end < source_.size() && in_name(source_[end])) ++end;
    add(Kind::name, source_.substr(at_, end - at_));
    at_ = end;
  }

  void number() {
    std::size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && source_[end] >= '0' && source_[end] <= '9') ++end;
    };
    const auto digit_at = [&](std::size_t i) {
      return i < source_.size() && source_[i] >= '0' && source_[i] <= '9';
    };
    digits();
    bool is_float = false;
    // After a dot a number is an index: in a.0.1 there are two.
    if (at_ == 0 || source_[at_ - 1] != '.') {
      if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
        is_float = true;
        ++end;
        digits();
      }
      if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
        const std::size_t sign =
            end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-') ? 1 : 0;
        if (digit_at(end + 1 + sign)) {
          is_float = true;
          end += 1 + sign;
          digits();
        }
      }
    }
    const std::string_view text = std::string_view(source_).substr(at_, end - at_);
    const char next = end < source_.size() ? source_[end] : ' ';
    if (next == '_' || (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
        (!is_float && text.size() > 1 && text[0] == '0'))
      refuse(concat("the number ", text, next, " is not supported: only decimal ones are"));
    LexicalToken token{is_float ? Kind::floating : Kind::integer, std::string(text), line_};
    const auto read = is_float ? std::from_chars(text.data(), text.data() + text.size(), token.floating)
                               : std::from_chars(text.data(), text.data() + text.size(), token.integer);
    if (read.ec != std::errc()) refuse(concat("the number ", text, " is too large"));
    tokens_.push_back(std::move(token));
    at_ = end;
  }

  void quoted(char quote) {
    const int first_line = line_;
    std::string out;
    std::size_t i = at_ + 1;
    while (i < source_.size() && source_[i] != quote) {
      if (source_[i] == '\\' && i + 1 < source_.size())
        i = escape(i + 1, out);
      else
        out += source_[i++];
    }
    if (i >= source_.size()) refuse("the string does not end");
    skip_to(i + 1);
    tokens_.push_back({Kind::string, std::move(out), first_line});
  }

  /// Reads what follows a backslash, as Python does; returns where it ends.
  std::size_t escape(std::size_t at, std::string& out) const {
    static constexpr std::string_view letters = "\\'\"abfnrtv", meanings = "\\'\"\a\b\f\n\r\t\v";
    const char c = source_[at];
    if (c == '\n') return at + 1;
    if (const std::size_t i = letters.find(c); i != std::string_view::npos) {
      out += meanings[i];
      return at + 1;
    }
    const bool octal = c >= '0' && c <= '7';
    const std::size_t most = octal ? 3 : c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (c == 'N') refuse("\\N in a string is not supported");
    if (most == 0) {  // not an escape: the backslash stays
      out += '\\';
      return at;
    }
    const std::size_t begin = octal ? at : at + 1;
    const char* const limit = source_.data() + (std::min)(begin + most, source_.size());
    std::uint32_t value = 0;
    const auto read = std::from_chars(source_.data() + begin, limit, value, octal ? 8 : 16);
    const auto end = static_cast<std::size_t>(read.ptr - source_.data());
    if (read.ec != std::errc() || (!octal && end != begin + most) || value > 0x10FFFF ||
        (value >= 0xD800 && value < 0xE000))
      refuse(concat("\\", c, " in a string is not followed by the digits of a character"));
    append_utf8(out, value);
    return end;
  }

  void symbol(std::string& open) {
    static constexpr std::array<std::string_view, 26> symbols = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
    const auto found = std::find_if(symbols.begin(), symbols.end(), [&](auto s) { return starts(s); });
    if (found == symbols.end())
      refuse(concat("unexpected \"", source_.substr(at_, utf8_length(source_[at_])), '"'));
    const char c = found->size() == 1 ? found->front() : ' ';
    if (c == '(' || c == '[' || c == '{') open += c;
    if (c == ')' || c == ']' || c == '}') {
      const char partner = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (!open.ends_with(partner)) refuse(concat("unexpected \"", c, '"'));
      open.pop_back();
    }
    add(Kind::symbol, std::string(*found));
    at_ += found->size();
  }

  std::string source_, name_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ =
      true;  // whether a newline ends what has been read, so that a tag is first on its line
  std::vector<LexicalToken> tokens_;
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
