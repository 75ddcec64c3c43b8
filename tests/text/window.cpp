#include "golden.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/window.hpp>

namespace text_window {

namespace ef = eigenformer;
using Ids = std::vector<ef::Token>;

namespace {

// Vocabulary of word_piece: [PAD] [UNK] [CLS] [SEP] [MASK] un ##want ##ed run ##ning cafe , . 中 un- - do
// not.
ef::Tokenizer tokenizer() { return ef::load_tokenizer_json(golden::data / "word_piece.json"); }

const std::string text = "run un do not Café run , un unwanted";

}  // namespace

TEST_CASE("windows hold all of a text, each token of it where the whole encoding has it") {
  const ef::Tokenizer made = tokenizer();
  const ef::Encoding whole = made.encode_full(text, std::nullopt, {.add_special_tokens = false});
  REQUIRE(whole.size() == 11);
  for (ef::Index length = 3; length < 16; ++length) {
    for (ef::Index overlap = 0; overlap < length - 2; ++overlap) {
      CAPTURE(length);
      CAPTURE(overlap);
      const auto windows = ef::encode_windows(made, text, {.length = length, .overlap = overlap});
      std::size_t at = 0;  // in `whole`, where the window begins
      for (std::size_t i = 0; i < windows.size(); ++i) {
        const ef::Encoding& window = windows[i];
        REQUIRE(window.size() >= 3);
        CHECK(window.size() <= length);
        CHECK((window.size() == length || i + 1 == windows.size()));
        CHECK(window.ids.front() == 2);
        CHECK(window.ids.back() == 3);
        const auto tokens = static_cast<std::size_t>(window.size()) - 2;
        REQUIRE(at + tokens <= whole.ids.size());
        for (std::size_t t = 0; t < tokens; ++t) {
          CHECK(window.ids[t + 1] == whole.ids[at + t]);
          CHECK(window.offsets[t + 1] == whole.offsets[at + t]);
        }
        at += tokens - (i + 1 == windows.size() ? 0 : static_cast<std::size_t>(overlap));
      }
      CHECK(at == whole.ids.size());
    }
  }
}

TEST_CASE("a question stands in front of every window") {
  const auto windows = ef::encode_windows(tokenizer(), "un un do not run", {.length = 7}, "run ,");
  REQUIRE(windows.size() == 3);
  CHECK(windows[0].ids == Ids{2, 8, 11, 3, 5, 5, 3});
  CHECK(windows[1].ids == Ids{2, 8, 11, 3, 16, 17, 3});
  CHECK(windows[2].ids == Ids{2, 8, 11, 3, 8, 3});
  CHECK(windows[2].offsets[4] == ef::Offset{13, 16});
}

TEST_CASE("windows without room for the text are refused") {
  CHECK_THROWS_AS(ef::encode_windows(tokenizer(), text, {.length = 2}), ef::ConfigError);
  CHECK_THROWS_AS(ef::encode_windows(tokenizer(), text, {.length = 1}), ef::ConfigError);
  CHECK_THROWS_AS(ef::encode_windows(tokenizer(), text, {.length = 6, .overlap = 4}), ef::ConfigError);
  CHECK_THROWS_AS(ef::encode_windows(tokenizer(), text, {.length = 5}, "run ,"), ef::Error);
}

TEST_CASE("a conversation keeps its system message and the latest messages that fit beside it") {
  const std::vector<ef::Index> tokens{10, 5, 7, 3, 4};
  CHECK(ef::first_recent_message(tokens, 1, 29) == 1);
  CHECK(ef::first_recent_message(tokens, 1, 28) == 2);
  CHECK(ef::first_recent_message(tokens, 1, 23) == 3);
  CHECK(ef::first_recent_message(tokens, 1, 14) == 4);
  CHECK(ef::first_recent_message(tokens, 0, 4) == 4);
  CHECK(ef::first_recent_message(tokens, 5, 29) == 5);
  CHECK_THROWS_WITH_AS(ef::first_recent_message(tokens, 1, 13),
                       "the messages that are always kept and the last one have 14 tokens, but there is room "
                       "for 13",
                       ef::WindowError);
  CHECK_THROWS_AS(ef::first_recent_message(tokens, 5, 28), ef::WindowError);
  CHECK_THROWS_AS(ef::first_recent_message(tokens, 6, 100), ef::InputError);
}

}  // namespace text_window
