// Regular expressions by Oniguruma, the engine that the patterns in tokenizer files are written for.
//
// A pattern comes from a file that is not trusted: how often one search may backtrack is limited, and a
// search that reaches the limit is an error, not a hang.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/aligned_text.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <oniguruma.h>

namespace eigenformer::inline EIGENFORMER_ABI::text {

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
    const int status = onig_new(&regex, bytes(pattern), bytes(pattern) + pattern.size(), ONIG_OPTION_NONE,
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

/// What searches with a regex need beside it.
class RegexSearch {
 public:
  [[gnu::cold]] RegexSearch()
      : limits_(onig_new_match_param(), &onig_free_match_param), region_(onig_region_new(), &free) {
    constexpr unsigned long most_retries = 10'000'000;
    onig_initialize_match_param(limits_.get());
    onig_set_retry_limit_in_match_of_match_param(limits_.get(), most_retries);
    onig_set_retry_limit_in_search_of_match_param(limits_.get(), most_retries);
  }

  /// The first match in a text that begins at byte `from` or after; nothing if there is none.
  ///
  /// @throws InputError  if the search backtracks without end
  std::optional<Span> find(const Regex& regex, std::string_view text, std::size_t from) const {
    const OnigUChar *begin = Regex::bytes(text), *end = begin + text.size();
    const int at = onig_search_with_param(regex.regex_.get(), begin, end, begin + from, end, region_.get(),
                                          ONIG_OPTION_NONE, limits_.get());
    if (at == ONIG_MISMATCH) return std::nullopt;
    if (at < 0)
      fail(InputError(concat("a regex of the tokenizer takes too long on a text of ", text.size(),
                             " bytes (Oniguruma: error ", at, ')')));
    return Span{static_cast<std::uint32_t>(region_->beg[0]), static_cast<std::uint32_t>(region_->end[0])};
  }

 private:
  static void free(OnigRegion* region) { onig_region_free(region, 1); }

  std::unique_ptr<OnigMatchParam, void (*)(OnigMatchParam*)> limits_;
  std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region_;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
