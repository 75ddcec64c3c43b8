#include <eigenformer/text/pattern.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace text_scanner {

namespace ef = eigenformer;

namespace {

using ef::text::Pattern;
using ef::text::Span;

std::vector<Span> matches(const Pattern& pattern, std::string_view text) {
  std::vector<Span> out;
  ef::text::Matches matches(pattern);
  matches.start(text);
  for (Span match; matches.next(match);) out.push_back(match);
  return out;
}

const std::string llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string qwen =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string clip =
    R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";

const std::string bloom = R"( ?[^(\s|[.,!?…。，、।۔،])]+)";

}  // namespace

TEST_CASE("hand-written scanners find what Oniguruma finds in random texts") {
  const std::vector<std::string> parts = {
      "a",  "Z", "s",  "S",  "t",  "re",     "LL",     "vE",     "m",      "'",      "'", " ",
      " ",  " ", "\n", "\r", "\t", "1",      "23",     ".",      "<|",     "!",      "é", "ſ",
      "日", "ß", "٣",  "½",  "Ⅷ",  "\u00A0", "\u0085", "\u3000", "\u200B", "\u0301", "😀", "<|endoftext|>",
      "…",  "(", ")",  "|",  "[",  "]",      "،",      "।"};
  std::uint64_t state = 7;
  for (const std::string& pattern :
       {std::string(ef::text::gpt2_pattern), llama3, qwen, clip, bloom, std::string(R"(\s+)")}) {
    CAPTURE(pattern);
    const auto scanner = ef::text::scanner_for(pattern);
    REQUIRE(scanner.has_value());
    const Pattern by_hand{.kind = Pattern::Kind::scanner, .scanner = *scanner};
    const Pattern by_regex{.kind = Pattern::Kind::regex, .regex = ef::text::Regex(pattern, "test")};
    for (int i = 0; i < 5000; ++i) {
      std::string text;
      for (int length = i % 24; length > 0; --length)
        text += parts[(state = ef::text::mixed(state + 1)) % parts.size()];
      CAPTURE(text);
      CHECK((matches(by_hand, text) == matches(by_regex, text)));
    }
  }
}

}  // namespace text_scanner
