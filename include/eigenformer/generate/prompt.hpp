// Few-shot prompts: an instruction, examples and a query, packed into a budget of tokens (Brown et al. 2020,
// section 2).
//
// The instruction and the query are always kept. Examples are taken from the most wanted to the least, as
// long as the next one fits, and stand in the prompt in the order in which they were given.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct PromptExample {
  std::string input, output;
};

/// How the parts of a prompt are written. {input} and {output} stand for the parts of an example, {input}
/// alone for the query.
struct PromptTemplate {
  std::string instruction = "{instruction}\n\n";
  std::string example = "Input: {input}\nOutput: {output}\n\n";
  std::string query = "Input: {input}\nOutput:";
};

struct PromptTask {
  std::string instruction;              // may be empty; then its template is left out
  std::vector<PromptExample> examples;  // the most wanted first
  PromptTemplate format = {};
};

struct PromptBudget {
  Index window;      // tokens that the model takes, the answer included
  Index answer = 0;  // tokens to keep for the answer
};

struct Prompt {
  std::string text;
  Index tokens = 0;                  // of the whole text
  Index left = 0;                    // of the window, for the answer
  Index instruction = 0, query = 0;  // tokens of each part on its own
  std::vector<Index> examples;       // the same for those that are in, in their order
};

/// Counts the tokens of a text.
using TokenCounter = std::function<Index(std::string_view)>;

namespace detail {

/// A template with each {name} replaced by its value. What values contain is not looked at.
inline std::string fill_in(std::string_view format,
                           const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  std::string out;
  for (std::size_t at = 0; at < format.size();) {
    bool found = false;
    for (const auto& [name, value] : values) {
      if (!format.substr(at).starts_with(name)) continue;
      out += value;
      at += name.size();
      found = true;
      break;
    }
    if (!found) out += format[at++];
  }
  return out;
}

}  // namespace detail

/// Builds the prompt for a query with as many examples as fit.
///
/// The whole text is counted each time, because tokens may join what stands at the seam of two parts.
///
/// @param count  the tokens of a text, special tokens of the model's input included
/// @throws WindowError  if not even the instruction and the query leave room for the answer
inline Prompt few_shot_prompt(const PromptTask& task, std::string_view query, const PromptBudget& budget,
                              const TokenCounter& count) {
  const std::string instruction =
      task.instruction.empty()
          ? ""
          : detail::fill_in(task.format.instruction, {{"{instruction}", task.instruction}});
  const std::string question = detail::fill_in(task.format.query, {{"{input}", query}});
  Prompt out;
  out.text = instruction + question;
  out.tokens = count(out.text);
  out.instruction = instruction.empty() ? 0 : count(instruction);
  out.query = count(question);
  const Index room = budget.window - budget.answer;
  if (out.tokens > room)
    fail(WindowError(
        budget.window, out.tokens + budget.answer,
        concat("the instruction and the query have ", out.tokens, " tokens, but a window of ", budget.window,
               " less ", budget.answer, " for the answer holds ", (std::max)(room, Index{0}))));
  std::string examples;
  for (const PromptExample& example : task.examples) {
    const std::string shown =
        detail::fill_in(task.format.example, {{"{input}", example.input}, {"{output}", example.output}});
    std::string text = instruction + examples + shown + question;
    const Index tokens = count(text);
    if (tokens > room) break;
    examples += shown;
    out.text = std::move(text);
    out.tokens = tokens;
    out.examples.push_back(count(shown));
  }
  out.left = budget.window - out.tokens;
  return out;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
