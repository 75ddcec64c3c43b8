// Continues a prompt with the model in a Hugging Face folder, or writes what it makes of a source:
//   generate ~/models/gpt2 --prompt "To be" --top-p 0.9 --seed 3
//   generate ~/models/llama-3-instruct --chat --prompt "Why is the sky blue?"
//   generate ~/models/flan-t5-small --prompt "Translate to German: How old are you?"
//   generate ~/models/llama-3-8b --draft ~/models/llama-3-1b --prompt "Once upon a time"
#include "common.hpp"
#include <eigenformer/generate/speculative.hpp>
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/load_adapter.hpp>
#include <eigenformer/hub/load_chat_template.hpp>
#include <eigenformer/hub/load_config.hpp>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <memory>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, adapter, prompt, system, eos, early_stopping, draft;
  ef::LoadOptions load;
  std::vector<ef::Token> ids;
  ef::GenerationConfig config;
  bool greedy = false, json = false, chat = false;
  ef::Index lookup = 0, draft_tokens = 4;
  int threads = 1;

  bool speculates() const { return !draft.empty() || lookup > 0; }
};

void declare(CLI::App& app, Arguments& a) {
  app.add_option("folder", a.folder,
                 "folder with config.json, *.safetensors and tokenizer.json, or GGUF file")
      ->required();
  app.add_option("--adapter", a.adapter, "folder with a LoRA adapter of this model");
  auto* const prompt = app.add_option(
      "--prompt", a.prompt, "text to continue, or the source; default: what stands on standard input");
  auto* const chat = app.add_flag("--chat", a.chat, "the prompt is a message, in the folder's chat template");
  app.add_option("--system", a.system, "a system message before it")->needs(chat);
  app.add_option("--ids", a.ids, "token ids to continue, separated by commas")
      ->delimiter(',')
      ->excludes(prompt)
      ->excludes(chat);
  app.add_option("--max-new-tokens", a.config.max_new_tokens,
                 ef::concat("at most so many new tokens; default: ", ef::usual_new_tokens,
                            ", or what the model's window leaves"));
  app.add_option("--min-new-tokens", a.config.min_new_tokens, "no end token before so many");
  app.add_option("--temperature", a.config.temperature, "0 is greedy");
  app.add_option("--top-k", a.config.top_k, "only the k likeliest tokens; 0: all");
  app.add_option("--top-p", a.config.top_p, "only the likeliest tokens up to this probability");
  app.add_option("--min-p", a.config.min_p, "only tokens at least this fraction as likely as the likeliest");
  app.add_option("--typical-p", a.config.typical_p, "the most typical tokens up to this probability");
  app.add_option("--epsilon-cutoff", a.config.epsilon_cutoff, "only tokens at least this likely");
  app.add_option("--eta-cutoff", a.config.eta_cutoff, "the same, lower where the distribution is flat");
  app.add_option("--repetition-penalty", a.config.repetition_penalty, "for tokens that occurred; 1: none");
  app.add_option("--presence-penalty", a.config.presence_penalty,
                 "subtracted from logits of tokens that occurred");
  app.add_option("--frequency-penalty", a.config.frequency_penalty, "the same, as often as they occurred");
  app.add_option("--no-repeat-ngram", a.config.no_repeat_ngram, "no sequence of so many tokens twice");
  example::add_seed(app, a.config.seed, "the same seed gives the same text");
  app.add_flag("--greedy", a.greedy, "always the likeliest token");
  app.add_option("--num-beams", a.config.num_beams, "beam search with so many hypotheses")
      ->check(example::at_most(1000));
  app.add_option("--length-penalty", a.config.length_penalty, "of beam search");
  app.add_option("--early-stopping", a.early_stopping, "of beam search")
      ->check(CLI::IsMember({"true", "false", "never"}));
  app.add_option("--num-return", a.config.num_return_sequences, "so many continuations")
      ->check(example::at_most(1000));
  app.add_option("--eos", a.eos, "token that ends a sequence, or none; default: what the folder says");
  app.add_option("--forced-eos", a.config.forced_eos, "the last token at --max-new-tokens");
  app.add_option("--stop", a.config.stop_texts, "text that ends the output before it; may be given again");
  auto* const draft =
      app.add_option("--draft", a.draft, "folder of a smaller model that proposes what comes next");
  app.add_option("--lookup", a.lookup, "propose what followed the last so many tokens earlier in the text")
      ->check(CLI::PositiveNumber)
      ->excludes(draft);
  app.add_option("--draft-tokens", a.draft_tokens, "tokens to propose at a time")->capture_default_str();
  example::add_dtype(app, a.load.dtype);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value instead of streaming text");
}

/// The folder's end tokens and sampling settings, where the command line says nothing.
void complete(const CLI::App& app, Arguments& a) {
  const ef::GenerationConfig folder = ef::load_generation_config(a.folder);
  const auto unless = [&](const char* option, auto& value, const auto& otherwise) {
    if (app.count(option) == 0) value = otherwise;
  };
  const auto given = [&](const char* option) { return app.count(option) > 0; };
  const auto sampling = {"--temperature", "--top-k",  "--top-p", "--min-p",
                         "--typical-p",   "--greedy", "--seed"};
  if (std::none_of(sampling.begin(), sampling.end(), given))
    unless("--num-beams", a.config.num_beams, folder.num_beams);
  if (a.config.num_beams > 1) {
    unless("--length-penalty", a.config.length_penalty, folder.length_penalty);
    if (a.early_stopping.empty()) a.config.early_stopping = folder.early_stopping;
  } else {
    unless("--temperature", a.config.temperature, folder.temperature);
    unless("--top-k", a.config.top_k, folder.top_k);
    unless("--top-p", a.config.top_p, folder.top_p);
    unless("--min-p", a.config.min_p, folder.min_p);
    unless("--typical-p", a.config.typical_p, folder.typical_p);
  }
  unless("--repetition-penalty", a.config.repetition_penalty, folder.repetition_penalty);
  unless("--no-repeat-ngram", a.config.no_repeat_ngram, folder.no_repeat_ngram);
  unless("--forced-eos", a.config.forced_eos, folder.forced_eos);
  a.config.forced_bos = folder.forced_bos;
  if (a.eos.empty()) {
    a.config.end_tokens = folder.end_tokens;
  } else if (a.eos != "none") {
    if (a.eos.find_first_not_of("0123456789") != std::string::npos || a.eos.size() > 9)
      throw ef::ConfigError("--eos", "a token id or none was expected, found " + a.eos);
    a.config.end_tokens = {std::stoi(a.eos)};
  }
  if (a.greedy) a.config.temperature = 0;
  if (!a.early_stopping.empty())
    a.config.early_stopping = a.early_stopping == "true"    ? ef::EarlyStopping::yes
                              : a.early_stopping == "never" ? ef::EarlyStopping::never
                                                            : ef::EarlyStopping::no;
}

/// Text of one sequence as it grows, up to a stop text.
class Output {
 public:
  Output(const ef::Tokenizer* tokenizer, const std::vector<std::string>& stop_texts, bool print)
      : print_(print), stops_(stop_texts) {
    if (tokenizer) stream_.emplace(*tokenizer);
  }

  /// False where a stop text is complete.
  bool push(ef::Token token) {
    if (!stream_) {
      emit((empty_ ? "" : ",") + std::to_string(token));
      return true;
    }
    const auto [text, stop] = stops_.push(stream_->push(token));
    emit(text);
    return !stop;
  }
  const std::string& finish() {
    if (stream_) {
      emit(stops_.push(stream_->finish()).text);
      emit(stops_.finish());
    }
    return text_;
  }

 private:
  void emit(const std::string& piece) {
    if (piece.empty()) return;
    empty_ = false;
    text_ += piece;
    if (!print_) return;
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
  }

  bool print_, empty_ = true;
  std::optional<ef::TextStream> stream_;
  ef::StopTexts stops_;
  std::string text_;
};

/// The tokens of the prompt: ids as they are, a text, or a message in the form that the model was trained on.
std::vector<ef::Token> prompt_tokens(const Arguments& a, const std::optional<ef::Tokenizer>& tokenizer) {
  if (!a.ids.empty()) return a.ids;
  if (!a.chat) {
    const std::vector<ef::Token> tokens = tokenizer->encode(a.prompt);
    if (tokens.empty()) throw ef::InputError("--prompt: is empty, and a model needs something to continue");
    return tokens;
  }
  std::vector<ef::ChatMessage> messages;
  if (!a.system.empty()) messages.push_back({.role = "system", .content = a.system});
  messages.push_back({.role = "user", .content = a.prompt});
  const std::time_t now = std::time(nullptr);
  const std::string text =
      ef::hub::chat_template_of(a.folder).render(messages, {.time = *std::localtime(&now)});
  return tokenizer->encode(text, false);  // the template writes the special tokens
}

/// Continues a prompt with the help of proposals; the same text as without where the choice is greedy.
template <class OnToken>
ef::SpeculativeGeneration speculate(const ef::CausalLM<float>& model,
                                    const std::optional<ef::CausalLM<float>>& small,
                                    const std::vector<ef::Token>& prompt, const Arguments& a,
                                    ef::Threads& threads, const OnToken& on_token) {
  const ef::SpeculativeOptions options{.draft_tokens = a.draft_tokens};
  if (!small) {
    ef::PromptLookup lookup{.longest = a.lookup};
    return ef::generate_speculative(model, lookup, prompt, a.config, threads, on_token, options);
  }
  ef::DraftModel<float> draft(*small, threads, ef::Sampler(a.config));
  return ef::generate_speculative(model, draft, prompt, a.config, threads, on_token, options);
}

/// @throws WindowError  for a length that was asked for and does not fit, with the longest that does
void check_length(const Arguments& a, ef::Index prompt, ef::Index window) {
  try {
    ef::validate(a.config);
    ef::most_new_tokens(a.config, prompt, window);
  } catch (const ef::WindowError& error) {
    if (!a.config.max_new_tokens || prompt >= window) throw;
    throw ef::WindowError(error.window, error.asked,
                          ef::concat(error.what(), ": --max-new-tokens may be at most ", window - prompt));
  }
}

/// Says so where a text ends only because the model's window does, and nobody asked for that length.
void tell_of_window(const std::vector<ef::Generation>& sequences, const Arguments& a, ef::Index window) {
  if (a.config.max_new_tokens) return;
  for (const ef::Generation& made : sequences)
    if (made.finish == ef::Finish::length && made.most_new_tokens < ef::usual_new_tokens)
      return void(
          std::fprintf(stderr, "note: the text ends where the model's window of %td tokens does\n", window));
}

/// A time in the unit that suits it.
std::string shown(double seconds) {
  char text[32];
  if (seconds < 1)
    std::snprintf(text, sizeof text, "%.1f ms", 1e3 * seconds);
  else
    std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

/// Continues the prompt with a causal model, or with a sequence-to-sequence model writes the target of it.
template <class Model> void generate(const Model& model, const Arguments& a) {
  std::optional<ef::Tokenizer> tokenizer;
  if (a.ids.empty() || !a.config.stop_texts.empty() || std::filesystem::exists(a.folder + "/tokenizer.json"))
    tokenizer = ef::load_tokenizer(a.folder);
  const std::vector<ef::Token> prompt = prompt_tokens(a, tokenizer);
  check_length(a, std::is_base_of_v<ef::CausalLM<float>, Model> ? std::ssize(prompt) : 1,
               model.config().max_positions);

  std::optional<ef::CausalLM<float>> small;
  if (!a.draft.empty()) small = ef::load_causal_lm<float>(a.draft, a.load);

  ef::Threads threads(a.threads);
  const bool stream = !a.json && a.config.num_return_sequences == 1 && a.config.num_beams == 1;
  std::vector<Output> outputs(static_cast<std::size_t>(a.config.num_return_sequences),
                              Output(tokenizer ? &*tokenizer : nullptr, a.config.stop_texts, stream));
  const example::Stopwatch watch;
  ef::SpeculativeCounts counts;
  const auto sequences = [&] {
    if constexpr (std::is_base_of_v<ef::CausalLM<float>, Model>)
      if (a.speculates()) {
        const auto each = [&](ef::Token token) { return outputs[0].push(token); };
        auto [generation, its_counts] = speculate(model, small, prompt, a, threads, each);
        counts = its_counts;
        return std::vector<ef::Generation>{std::move(generation)};
      }
    if (a.config.num_beams > 1) return ef::generate_beams(model, {prompt}, a.config, threads).front();
    return ef::generate_batch(model, {prompt}, a.config, threads, [&](ef::Index sequence, ef::Token token) {
      return outputs[static_cast<std::size_t>(sequence)].push(token);
    });
  }();
  const double seconds = watch.seconds();

  nlohmann::json result = {{"sequences", nlohmann::json::array()},
                           {"texts", nlohmann::json::array()},
                           {"scores", nlohmann::json::array()}};
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (a.config.num_beams > 1)
      for (const ef::Token token : sequences[i].new_tokens()) outputs[i].push(token);
    const std::string& text = outputs[i].finish();
    tokens += sequences[i].new_tokens().size();
    double score = sequences[i].score;
    for (const double p : sequences[i].log_probabilities) score += p;
    result["sequences"].push_back(sequences[i].tokens);
    result["texts"].push_back(text);
    result["scores"].push_back(score);
    if (!a.json && !stream) std::printf("%s\n", text.c_str());
  }
  result["tokens_per_second"] = static_cast<double>(tokens) / seconds;
  if (a.speculates())
    result["speculative"] = {{"proposed", counts.proposed},
                             {"accepted", counts.accepted},
                             {"acceptance_rate", counts.acceptance_rate()},
                             {"tokens_per_pass", counts.tokens_per_pass()}};
  if (a.json)
    example::print(result);
  else if (stream)
    std::printf("\n");
  std::fflush(stdout);
  tell_of_window(sequences, a, model.config().max_positions);
  if (a.json || !example::is_terminal(stderr)) return;
  std::fprintf(stderr, "%zu tokens in %s, %.0f tokens/s\n", tokens, shown(seconds).c_str(),
               static_cast<double>(tokens) / seconds);
  if (a.speculates())
    std::fprintf(stderr, "%td of %td proposed tokens accepted (%.0f%%), %.2f tokens a pass\n",
                 counts.accepted, counts.proposed, 100 * counts.acceptance_rate(), counts.tokens_per_pass());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Continues a text with the model in a Hugging Face folder.");
  Arguments arguments;
  declare(app, arguments);
  return example::run(app, argc, argv, [&] {
    ef::load_config(arguments.folder);  // before anybody is asked for a prompt
    if (app.count("--prompt") + app.count("--ids") == 0)
      arguments.prompt =
          example::standard_input("no prompt: give --prompt or --ids, or a text on standard input");
    complete(app, arguments);
    arguments.config.log_probabilities = arguments.json && arguments.config.num_beams == 1;
    const auto with = [&](auto model) {
      if (!arguments.adapter.empty()) ef::load_adapter(model, arguments.adapter, arguments.folder);
      generate(model, arguments);
    };
    const bool is_causal = ef::load_config(arguments.folder).model.stacks != ef::Stacks::encoder_decoder;
    if (!is_causal && arguments.speculates())
      throw ef::ConfigError(arguments.draft.empty() ? "--lookup" : "--draft", "only decoders take proposals");
    if (!is_causal)
      with(ef::load_seq2seq<float>(arguments.folder, arguments.load));
    else
      with(ef::load_causal_lm<float>(arguments.folder, arguments.load));
  });
}
