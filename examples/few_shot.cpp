// A prompt from an instruction, examples and a query, packed into a window of tokens, and the model's answer:
//   few_shot ~/models/gpt2 --instruction "Opposites." --example "hot=>cold" --example "up=>down" --query
//   "big"
#include "common.hpp"
#include <eigenformer/generate/prompt.hpp>
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/gguf.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/text/read_text.hpp>

#include <filesystem>
#include <sstream>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, instruction, query, file;
  ef::PromptTemplate format;
  std::vector<std::string> examples;
  ef::PromptBudget budget{.window = 0, .answer = 32};
  bool json = false;
  int threads = 1;
};

/// "input=>output" of the command line, then {"input", "output"} of the file's lines; the most wanted first.
std::vector<ef::PromptExample> examples_of(const Arguments& a) {
  std::vector<ef::PromptExample> out;
  for (const std::string& text : a.examples) {
    const std::size_t at = text.find("=>");
    if (at == std::string::npos)
      throw ef::InputError(ef::concat("an example is written input=>output, found \"", text, '"'));
    out.push_back({text.substr(0, at), text.substr(at + 2)});
  }
  if (a.file.empty()) return out;
  std::istringstream file(ef::read_text(a.file));
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("input") || !json["input"].is_string() ||
        !json.contains("output") || !json["output"].is_string())
      throw ef::FileError(a.file, ef::concat("line ", number, ": {\"input\", \"output\"} was expected"));
    out.push_back({json["input"], json["output"]});
  }
  return out;
}

/// A text with \\n written for the end of a line.
std::string unescaped(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\n", at)) != text.npos; ++at) text.replace(at, 2, "\n");
  return text;
}

/// Whether the folder has weights beside its tokenizer, as a GGUF file has.
bool has_weights(const std::string& folder) {
  return ef::is_gguf(folder) || std::filesystem::exists(folder + "/model.safetensors") ||
         std::filesystem::exists(folder + "/model.safetensors.index.json");
}

/// The likeliest continuation, up to the end of its line.
std::string answer(const Arguments& a, const ef::Tokenizer& tokenizer, const ef::Prompt& prompt) {
  const auto model = ef::load_causal_lm<float>(a.folder);
  ef::GenerationConfig config{.max_new_tokens = a.budget.answer, .temperature = 0};
  config.end_tokens = ef::load_generation_config(a.folder).end_tokens;
  ef::Threads threads(a.threads);
  ef::TextStream stream(tokenizer);
  ef::StopTexts stops({"\n"});
  std::string text;
  bool ended = false;
  const auto take = [&](const std::string& piece) {
    if (ended) return;
    const auto [more, stop] = stops.push(piece);
    text += more;
    ended = stop;
  };
  ef::generate(model, tokenizer.encode(prompt.text), config, threads, [&](ef::Token token) {
    take(stream.push(token));
    return !ended;
  });
  take(stream.finish());
  return ended ? text : text + stops.finish();
}

void prompt_and_answer(Arguments a) {
  const ef::Tokenizer tokenizer = ef::load_tokenizer(a.folder);
  const bool answers = has_weights(a.folder);
  if (answers) {
    const ef::Index most = ef::load_config(a.folder).model.max_positions;
    if (a.budget.window == 0) a.budget.window = most;
    if (a.budget.window > most)
      throw ef::ConfigError("--window", ef::concat(a.budget.window, " is more than the model's, of ", most));
  } else if (a.budget.window == 0) {
    throw ef::ConfigError("--window", "is needed, as the folder has no model");
  }
  const ef::PromptTask task{a.instruction,
                            examples_of(a),
                            {a.format.instruction, unescaped(a.format.example), unescaped(a.format.query)}};
  const ef::Prompt prompt = ef::few_shot_prompt(task, a.query, a.budget, [&](std::string_view text) {
    return static_cast<ef::Index>(tokenizer.encode(text).size());
  });
  const std::string text = answers ? answer(a, tokenizer, prompt) : "";

  if (a.json) {
    nlohmann::json result = {
        {"prompt", prompt.text},
        {"tokens", prompt.tokens},
        {"left", prompt.left},
        {"parts",
         {{"instruction", prompt.instruction}, {"examples", prompt.examples}, {"query", prompt.query}}},
        {"examples_left_out", task.examples.size() - prompt.examples.size()}};
    if (answers) result["answer"] = text;
    return example::print(result);
  }
  std::printf("%s", prompt.text.c_str());
  std::printf(answers ? "%s\n\n" : "\n\n", text.c_str());
  std::printf("instruction %td, query %td tokens; ", prompt.instruction, prompt.query);
  std::printf("examples");
  for (const ef::Index tokens : prompt.examples) std::printf(" %td", tokens);
  std::printf(" (%zu of %zu are in); %td in all, %td of the window of %td left\n", prompt.examples.size(),
              task.examples.size(), prompt.tokens, prompt.left, a.budget.window);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Packs an instruction, examples and a query into a window of tokens, and answers.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with a tokenizer, and a model where an answer is wanted; or GGUF file")
      ->required();
  app.add_option("--instruction", a.instruction, "what is to be done");
  app.add_option("--example", a.examples, "input=>output, the most wanted first; may be given again");
  app.add_option("--examples", a.file,
                 "a file of JSON lines with \"input\" and \"output\", after those above");
  app.add_option("--example-format", a.format.example, "how an example is written, with \\n for a new line")
      ->default_str("Input: {input}\\nOutput: {output}\\n\\n");
  app.add_option("--query-format", a.format.query, "how the query is written")
      ->default_str("Input: {input}\\nOutput:");
  app.add_option("--query", a.query, "the input to be answered")->required()->check(example::some_text);
  app.add_option("--window", a.budget.window, "tokens of prompt and answer; default: the model's window")
      ->check(CLI::PositiveNumber);
  app.add_option("--answer", a.budget.answer, "tokens kept for the answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { prompt_and_answer(a); });
}
