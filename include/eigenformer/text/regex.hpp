// Regular expressions by Oniguruma, the engine that the patterns in tokenizer files are written for.
//
// A pattern comes from a file that is not trusted: how often one search may backtrack is limited, and a
// search that reaches the limit is an error, not a hang.
#pragma once

#include <eigenformer/core/error.hpp>

#include <memory>
#include <string>
#include <string_view>

#include <oniguruma.h>

namespace eigenformer::inline EIGENFORMER_ABI::text {

class Regex {
 public:
  /// @throws ConfigError  if the pattern does not compile
  explicit Regex(const std::string& pattern) : pattern_(pattern) {
    OnigEncoding encoding = ONIG_ENCODING_UTF8;
    onig_initialize(&encoding, 1);
    OnigRegex regex = nullptr;
    OnigErrorInfo info;
    const int status = onig_new(&regex, bytes(pattern_), bytes(pattern_) + pattern_.size(), ONIG_OPTION_NONE,
                                encoding, ONIG_SYNTAX_ONIGURUMA, &info);
    if (status != ONIG_NORMAL) {
      OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN];
      onig_error_code_to_str(why, status, &info);
      fail(ConfigError(concat("regex \"", printable(pattern_), '"'), reinterpret_cast<const char*>(why)));
    }
    regex_ = std::shared_ptr<OnigRegexType>(regex, &onig_free);
  }

  const std::string& pattern() const { return pattern_; }

  /// Calls visit(begin, end) for every match in a text, from left to right.
  ///
  /// @throws InputError  if a search backtracks without end
  template <class Visit> void matches(std::string_view text, Visit&& visit) const {
    constexpr unsigned long most_retries = 10'000'000;
    const std::unique_ptr<OnigMatchParam, void (*)(OnigMatchParam*)> limits(onig_new_match_param(),
                                                                            &onig_free_match_param);
    onig_initialize_match_param(limits.get());
    onig_set_retry_limit_in_match_of_match_param(limits.get(), most_retries);
    onig_set_retry_limit_in_search_of_match_param(limits.get(), most_retries);
    const std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region(
        onig_region_new(), [](OnigRegion* r) { onig_region_free(r, 1); });
    const OnigUChar *begin = bytes(text), *end = begin + text.size();
    for (const OnigUChar* from = begin; from <= end;) {
      const int at = onig_search_with_param(regex_.get(), begin, end, from, end, region.get(),
                                            ONIG_OPTION_NONE, limits.get());
      if (at == ONIG_MISMATCH) return;
      if (at < 0)
        fail(InputError(concat("the regex \"", printable(pattern_), "\" takes too long on a text of ",
                               text.size(), " bytes (Oniguruma: error ", at, ')')));
      const auto first = static_cast<std::size_t>(region->beg[0]);
      const auto last = static_cast<std::size_t>(region->end[0]);
      visit(first, last);
      from = begin + last;
      if (first == last) ++from;  // an empty match; the search goes on at the next byte
      while (from < end && (*from & 0xC0) == 0x80) ++from;
    }
  }

 private:
  static const OnigUChar* bytes(std::string_view text) {
    return reinterpret_cast<const OnigUChar*>(text.data());
  }

  std::string pattern_;
  std::shared_ptr<OnigRegexType> regex_;  // searches change nothing in it
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
