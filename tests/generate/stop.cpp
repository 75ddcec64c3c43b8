#include <eigenformer/generate/stop.hpp>

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace generate_stop {

namespace ef = eigenformer;

namespace {

struct Outcome {
  std::string text;
  bool stopped = false;
  bool operator==(const Outcome&) const = default;
};

/// By definition: the stop text with the earliest end wins, of several the longest.
Outcome naive(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (end >= stop.size() && text.compare(end - stop.size(), stop.size(), stop) == 0) {
        longest = (std::max)(longest, stop.size());
      }
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

/// Whether text that was passed on could have been part of a stop text that is still open.
bool held_back_enough(const std::string& seen, std::size_t passed, const std::vector<std::string>& stops) {
  for (std::size_t begin = 0; begin < passed; ++begin) {
    for (const std::string& stop : stops) {
      if (stop.rfind(seen.substr(begin), 0) == 0) return false;
    }
  }
  return true;
}

/// Whether something was held back that no stop text could begin with.
bool held_back_too_much(const std::string& seen, std::size_t passed, const std::vector<std::string>& stops) {
  if (passed == seen.size()) return false;
  for (const std::string& stop : stops) {
    if (stop.rfind(seen.substr(passed), 0) == 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("an end token is found among several") {
  const std::vector<ef::Token> ends = {2, 50256};
  CHECK(ef::is_end_token(ends, 50256));
  CHECK(!ef::is_end_token(ends, 3));
  CHECK(!ef::is_end_token({}, 2));
}

TEST_CASE("a stop text is cut out even when it straddles pieces") {
  ef::StopTexts stop({"\nUser:", "###"});
  CHECK(stop.push("Hello #").text == "Hello ");
  CHECK(stop.push("# no").text == "## no");
  CHECK(stop.push("\nUs").text == "");
  CHECK(stop.push("e ful\nU").text == "\nUse ful");
  CHECK(!stop.stopped());
  const auto last = stop.push("ser: more");
  CHECK(last.stop);
  CHECK(last.text == "");
  CHECK(stop.stopped());
  CHECK(stop.push("more").text == "");
  CHECK(stop.push("more").stop);
  CHECK(stop.finish() == "");
}

TEST_CASE("text that was held back comes at the end when no stop text was completed") {
  ef::StopTexts stop({"END"});
  CHECK(stop.push("the EN").text == "the ");
  CHECK(stop.finish() == "EN");
  ef::StopTexts none({});
  CHECK(none.push("all").text == "all");
  CHECK(none.finish() == "");
}

TEST_CASE("the stop text that is complete first wins, and of two that end together the longer") {
  ef::StopTexts inner({"abcd", "bc"});
  CHECK(inner.push("xabcd").text == "xa");
  ef::StopTexts longer({"c", "abc"});
  CHECK(longer.push("xabc").text == "x");
}

TEST_CASE("an empty stop text is refused") {
  CHECK_THROWS_WITH_AS(ef::StopTexts({"a", ""}), "stop_texts: an empty text would stop at once",
                       ef::ConfigError);
}

TEST_CASE("stop texts are found as by definition however the text is cut into pieces") {
  std::mt19937 random(5);  // its raw numbers are the same everywhere
  const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  int stops_seen = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto letters = [&](std::size_t length) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) text += static_cast<char>('a' + draw(2));
      return text;
    };
    std::vector<std::string> stops;
    for (std::size_t n = 1 + draw(3); n > 0; --n) stops.push_back(letters(1 + draw(8)));
    const std::string text = letters(draw(40));

    ef::StopTexts stop(stops);
    Outcome got;
    for (std::size_t i = 0; i < text.size() && !got.stopped;) {
      const std::string piece = text.substr(i, 1 + draw(4));
      i += piece.size();
      const auto result = stop.push(piece);
      got.text += result.text;
      got.stopped = result.stop;
      if (result.stop) continue;
      CHECK(held_back_enough(text.substr(0, i), got.text.size(), stops));
      CHECK(!held_back_too_much(text.substr(0, i), got.text.size(), stops));
    }
    if (!got.stopped) got.text += stop.finish();
    CHECK(got == naive(text, stops));
    stops_seen += got.stopped;
  }
  CHECK(stops_seen > 1000);
  CHECK(stops_seen < 2900);
}

}  // namespace generate_stop
