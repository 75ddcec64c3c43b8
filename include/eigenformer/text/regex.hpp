// Regular expressions by Oniguruma, the engine that the patterns in tokenizer files are written for.
//
// A pattern comes from a file that is not trusted: what searches may backtrack in a text is limited in
// proportion to the text, and so is their time, as a pattern can also read without end and never backtrack
// (x*y|x in a long row of x). Searches that reach a limit are an error, not a hang.
//
// The installed Oniguruma knows the characters of its own version of Unicode. \p{L}, \p{Lo}, \p{N} and
// \p{Han} are written out as the reference engine knows them (Unicode 16). Of other classes characters may be
// missing that are newer than the library: with libonig 6.9.8 0.85 % of all code points in \w, mostly rare
// Chinese characters, 0.07 % in \p{S}, 0.01 % and less in the rest.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/aligned_text.hpp>
#include <eigenformer/text/unicode_tables.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <oniguruma.h>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

namespace detail {

/// The characters of a table as they stand within brackets.
[[gnu::cold]] inline std::string bracketed(std::span<const std::uint32_t> changes) {
  std::string out;
  for (std::size_t i = 0; i + 1 < changes.size(); i += 2) {
    char range[32];
    std::snprintf(range, sizeof range, "\\x{%X}-\\x{%X}", static_cast<unsigned>(changes[i]),
                  static_cast<unsigned>(changes[i + 1] - 1));
    out += range;
  }
  return out;
}

/// A pattern whose classes are those of Unicode 16.
[[gnu::cold]] inline std::string with_reference_classes(std::string_view pattern) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest[0] != '\\' || rest.size() == 1) {
      out += pattern[at++];
    } else if (rest.starts_with("\\p{L}")) {
      out += '[' + bracketed(letter_changes) + ']';
      at += 5;
    } else if (rest.starts_with("\\p{Lo}")) {
      out += '[' + bracketed(letter_changes) + "&&[^\\p{Lu}\\p{Ll}\\p{Lt}\\p{Lm}]]";
      at += 6;
    } else if (rest.starts_with("\\p{N}")) {
      out += '[' + bracketed(number_changes) + ']';
      at += 5;
    } else if (rest.starts_with("\\p{Han}")) {
      out += "[\\p{Han}\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}]";
      at += 7;
    } else {
      out += rest.substr(0, 2);
      at += 2;
    }
  }
  return out;
}

}  // namespace detail

class Regex {
 public:
  Regex() = default;

  /// @param name  for messages
  /// @throws ConfigError  if the pattern does not compile
  [[gnu::cold]] Regex(const std::string& pattern, const std::string& name) {
    OnigEncoding encoding = ONIG_ENCODING_UTF8;
    onig_initialize(&encoding, 1);
    OnigRegex regex = nullptr;
    OnigErrorInfo info;
    const std::string written = detail::with_reference_classes(pattern);
    const int status = onig_new(&regex, bytes(written), bytes(written) + written.size(), ONIG_OPTION_NONE,
                                encoding, ONIG_SYNTAX_ONIGURUMA, &info);
    if (status != ONIG_NORMAL) {
      OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN];
      onig_error_code_to_str(why, status, &info);
      fail(ConfigError(name, concat('"', printable(pattern), "\" does not compile: ",
                                    std::string_view(reinterpret_cast<const char*>(why)))));
    }
    regex_ = std::shared_ptr<OnigRegexType>(regex, &onig_free);
  }

 private:
  friend class RegexSearch;

  static const OnigUChar* bytes(std::string_view text) {
    return reinterpret_cast<const OnigUChar*>(text.data());
  }

  std::shared_ptr<OnigRegexType> regex_;  // searches change nothing in it; null: default-constructed
};

/// How far searches in texts may go.
struct RegexLimits {
  unsigned long retries = 10'000'000, retries_per_byte = 250;  // ways to match that were tried in vain
  double seconds = 10, seconds_per_byte = 10e-6;  // some twenty times what a common pattern takes
};

/// What searches with a regex need beside it, and how far they have gone.
class RegexSearch {
 public:
  [[gnu::cold]] explicit RegexSearch(const RegexLimits& limits = {})
      : limits_(limits),
        settings_(onig_new_match_param(), &onig_free_match_param),
        region_(onig_region_new(), &free) {
    onig_initialize_match_param(settings_.get());
  }

  /// Searches in a further text follow.
  void start(std::string_view text) {
    const auto bytes = static_cast<double>(text.size());
    limits_.retries += limits_.retries_per_byte * text.size();
    limits_.seconds += limits_.seconds_per_byte * bytes;
  }

  /// The first match in a text that begins at byte `from` or after; nothing if there is none.
  ///
  /// @throws InputError  if the searches backtrack without end
  std::optional<Span> find(const Regex& regex, std::string_view text, std::size_t from) {
    const std::chrono::duration<double> elapsed =
        searches_++ % 64 == 63 ? Clock::now() - began_ : Clock::duration();
    // Oniguruma does not tell how often it has backtracked, but stops at a limit. Most searches end below the
    // least one, which costs nothing; what larger ones allow is counted.
    for (unsigned long most = few_retries;; most *= 4) {
      if (most > few_retries) retries_ += most;
      if (retries_ > limits_.retries || elapsed.count() > limits_.seconds)
        fail(InputError(
            concat("a regex of the tokenizer takes too long on a text of ", text.size(), " bytes")));
      const int at = search(regex, text, from, most);
      if (at >= 0)
        return Span{static_cast<std::uint32_t>(region_->beg[0]), static_cast<std::uint32_t>(region_->end[0])};
      if (at == ONIG_MISMATCH) return std::nullopt;
      if (at != ONIGERR_RETRY_LIMIT_IN_MATCH_OVER && at != ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER)
        fail(InputError(concat("a regex of the tokenizer fails on a text of ", text.size(),
                               " bytes (Oniguruma: error ", at, ')')));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr unsigned long few_retries = 100;

  int search(const Regex& regex, std::string_view text, std::size_t from, unsigned long most_retries) {
    const OnigUChar *begin = Regex::bytes(text), *end = begin + text.size();
    onig_set_retry_limit_in_match_of_match_param(settings_.get(), most_retries);
    onig_set_retry_limit_in_search_of_match_param(settings_.get(), most_retries);
    return onig_search_with_param(regex.regex_.get(), begin, end, begin + from, end, region_.get(),
                                  ONIG_OPTION_NONE, settings_.get());
  }

  static void free(OnigRegion* region) { onig_region_free(region, 1); }

  RegexLimits limits_;
  std::unique_ptr<OnigMatchParam, void (*)(OnigMatchParam*)> settings_;
  std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region_;
  unsigned long retries_ = 0, searches_ = 0;
  Clock::time_point began_ = Clock::now();
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
