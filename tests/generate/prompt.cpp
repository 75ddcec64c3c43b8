#include <eigenformer/generate/prompt.hpp>

#include <algorithm>

#include <doctest/doctest.h>

namespace generate_prompt {

namespace ef = eigenformer;

namespace {

/// Words and line ends, as a tokenizer that joins nothing.
ef::Index words(std::string_view text) {
  ef::Index count = 0;
  bool inside = false;
  for (const char c : text) {
    if (c == '\n') ++count;
    const bool word = c != ' ' && c != '\n';
    count += word && !inside ? 1 : 0;
    inside = word;
  }
  return count;
}

const ef::PromptTask task{.instruction = "Translate to German.",
                          .examples = {{"house", "Haus"}, {"a large tree", "ein Baum"}, {"dog", "Hund"}}};

}  // namespace

TEST_CASE("a prompt has the instruction, the examples in their order, and the query") {
  const auto prompt = ef::few_shot_prompt(task, "cat", {.window = 100, .answer = 10}, words);
  CHECK(prompt.text ==
        "Translate to German.\n\nInput: house\nOutput: Haus\n\nInput: a large tree\nOutput: ein Baum\n\n"
        "Input: dog\nOutput: Hund\n\nInput: cat\nOutput:");
  CHECK(prompt.instruction == 5);
  CHECK(prompt.query == 4);
  CHECK(prompt.examples == std::vector<ef::Index>{7, 10, 7});
  CHECK(prompt.tokens == 5 + 7 + 10 + 7 + 4);
  CHECK(prompt.left == 100 - prompt.tokens);
}

TEST_CASE("examples are dropped from the least wanted on until the prompt fits, and not a token earlier") {
  const auto examples = [](ef::Index window) {
    return ef::few_shot_prompt(task, "cat", {.window = window, .answer = 3}, words).examples.size();
  };
  CHECK(examples(9 + 3) == 0);
  CHECK(examples(15 + 3) == 0);
  CHECK(examples(16 + 3) == 1);
  CHECK(examples(25 + 3) == 1);
  CHECK(examples(26 + 3) == 2);
  CHECK(examples(33 + 3) == 3);
}

TEST_CASE("a query that does not fit is refused with both numbers") {
  CHECK_THROWS_WITH_AS(
      ef::few_shot_prompt(task, "cat", {.window = 11, .answer = 3}, words),
      "the instruction and the query have 9 tokens, but a window of 11 less 3 for the answer "
      "holds 8",
      ef::WindowError);
}

TEST_CASE("braces in the texts themselves are text") {
  const ef::PromptTask braces{
      .instruction = "", .examples = {{"{output}", "{input}"}}, .format = {.example = "{input}>{output};"}};
  CHECK(ef::few_shot_prompt(braces, "{x}", {.window = 50}, words).text ==
        "{output}>{input};Input: {x}\nOutput:");
}

}  // namespace generate_prompt
