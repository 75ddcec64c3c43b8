// The usual life of a language model, in a minute and a half on one core and from nothing but this program: a
// compute budget decides the size, the model is trained from scratch, prompted, taught a task by adapters,
// aligned with preferences, measured after each stage on held-out sentences, and saved as it would be
// deployed.
//   lifecycle --out my-model
//   few_shot my-model/base --example "Ben can swim.=>Can Ben swim?" --query "Emma can dance."
//   few_shot my-model --query "Emma can dance."
//
// The language: lists of lines, in which every statement is answered by the same rule, one of four. The task
// is one of the rarer rules: the question that belongs to a statement. Without an example the base model
// answers by the commonest rule, and so wrongly; an example shows it which rule is meant; adapters teach it
// that one rule. The preference: to ask politely.
//
// So small a model learns this in so short a time because every word is a token of its own, and because an
// answer only says words of its statement again: to copy is what it has to learn. With several words in the
// place of "can", each of which has to become another token ("Will"), it would need many times the steps.
#include "common.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "small_english_draw.hpp"
#include <eigenformer/evaluate/rouge.hpp>
#include <eigenformer/generate/prompt.hpp>
#include <eigenformer/plan.hpp>
#include <eigenformer/text/train_tokenizer.hpp>
#include <eigenformer/train.hpp>
#include <eigenformer/train/preference.hpp>

#include <cctype>

namespace ef = eigenformer;
namespace plan = eigenformer::plan;

namespace {

struct Arguments {
  std::string out = "lifecycle-model";
  double flops = 5e11;
  std::uint64_t seed = 1;
  int threads = 1;
  bool overwrite = false, json = false;
};

constexpr ef::Index window = 128, answer_tokens = 24;
constexpr std::size_t held_out_items = 100;
constexpr ef::Seed corpus_seed{11};

/// How the task is asked for: as few_shot does it, so that it can be tried on what is saved.
const ef::PromptTemplate format;

constexpr std::string_view courtesy = "Please tell me, ";

std::string polite(std::string question) {
  question[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(question[0])));
  return std::string(courtesy) + question;
}

struct Example {
  std::string statement, question;
};

/// Who may do what: "Ben can sing." A pair of who and what, one in eight, is kept for measuring and stands in
/// no training.
struct Fact {
  std::string who, verb;

  std::string statement() const { return who + " can " + verb + "."; }
  std::string denial() const { return who + " cannot " + verb + "."; }
  std::string question() const { return "Can " + who + " " + verb + "?"; }
};
Fact fact(example::english::Draw& draw, bool held_out) {
  for (;;) {
    example::english::Words words{draw};
    Fact out{words("name"), std::string(draw.of(example::words::doings).base)};
    if (example::held_out(out.who + "|" + out.verb) == held_out) return out;
  }
}

/// What the base model reads: lists whose lines all answer by one rule. Two lists in five only repeat the
/// statement, one asks its question (now and then politely), one denies it, and one says who it is about.
std::string document(std::uint64_t i, bool held_out = false) {
  example::english::Draw draw{ef::Random(corpus_seed, i), held_out};
  const std::uint64_t rule = draw.below(5);
  const bool courteous = draw.once_in(4);
  std::string list;
  for (int line = 0; line < 5; ++line) {
    const Fact f = fact(draw, held_out);
    std::string answer = f.statement();
    if (rule == 2) answer = courteous ? polite(f.question()) : f.question();
    if (rule == 3) answer = f.denial();
    if (rule == 4) answer = f.who + ".";
    list += "Input: " + f.statement() + "\nOutput: " + answer + "\n\n";
  }
  return list;
}

std::vector<Example> examples(std::size_t count, std::uint64_t seed, bool held_out) {
  std::vector<Example> all;
  for (std::size_t i = 0; i < count; ++i) {
    example::english::Draw draw{ef::Random(ef::Seed{seed}, i), held_out};
    const Fact f = fact(draw, held_out);
    all.push_back({f.statement(), f.question()});
  }
  return all;
}

/// The configuration whose number of parameters is nearest to the wanted one.
ef::ModelConfig sized(double parameters, ef::Index vocab_size) {
  ef::ModelConfig best;
  double distance = INFINITY;
  for (ef::Index width = 32; width <= 512; width += 16)
    for (const ef::Index layers : {2, 3, 4, 6, 8}) {
      if (width < 16 * layers || width > 32 * layers) continue;  // neither deep and narrow nor the reverse
      const ef::ModelConfig config = ef::presets::llama({.vocab_size = vocab_size,
                                                         .layers = layers,
                                                         .width = width,
                                                         .heads = width / 16,
                                                         .window = window});
      const auto has = static_cast<double>(plan::count_parameters(config).total());
      if (const double d = std::abs(std::log(has / parameters)); d < distance) distance = d, best = config;
    }
  return best;
}

/// A model at one stage of its life, on sentences that no stage learns from.
struct Measured {
  std::string stage;
  double perplexity = 0;  ///< on lists of the base model's language
  double correct = 0;     ///< share of statements whose greedy answer is the question, polite or not
  double words = 0;       ///< ROUGE-1 F1 of the answers with the question, courtesy left out
  double polite = 0;      ///< share of answers that begin politely
  double prefers = 0;     ///< share of statements whose polite question is likelier than the plain one
};

class Life {
 public:
  Life(const Arguments& a, const ef::Tokenizer& tokenizer, ef::CausalLM<float>& model)
      : a_(a), tokenizer_(tokenizer), end_(*tokenizer.token_to_id("<|endoftext|>")), model_(model) {}

  std::vector<ef::Token> ended(const std::string& text) const {
    auto tokens = tokenizer_.encode(text, false);
    tokens.push_back(end_);
    return tokens;
  }

  /// Trains under a progress line; returns the seconds.
  template <class Source> double train(const char* what, ef::Trainer<float>& trainer, Source&& source) const {
    std::fprintf(stderr, "%s\n", what);
    const example::Progress progress(trainer.options().steps, 200);
    const example::Stopwatch watch;
    trainer.run(source, [&](const ef::StepReport& report) { progress.show(report); });
    return watch.seconds();
  }

  double pretrain(ef::Index tokens) {
    ef::TokenBatch documents;
    std::size_t made = 0;
    for (std::uint64_t i = 0; made < static_cast<std::size_t>(tokens); ++i) {
      documents.push_back(ended(document(i)));
      made += documents.back().size();
    }
    constexpr ef::Index batch = 4;  // many small steps: copying is learned after so many steps, not tokens
    const auto steps = static_cast<ef::Index>(documents.size()) / batch;
    ef::Trainer<float> trainer(model_,
                               {.steps = steps,
                                .schedule = {.rate = 3e-3, .decay = ef::Decay::cosine, .warmup = steps / 20},
                                .optimizer = ef::AdamW{.beta2 = 0.95, .weight_decay = 0.1}},
                               threads_);
    ef::DocumentDraws draw(std::move(documents), window + 1, batch, ef::Seed{a_.seed}, 2);
    return train("training from scratch", trainer,
                 [&](ef::Index step) { return ef::next_token_batch(draw(step)); });
  }

  /// Adapters learn the task; three answers in ten are polite.
  double finetune() {
    ef::add_lora(model_.parameters(), {.rank = 8, .alpha = 16, .targets = {"all"}, .seed = {a_.seed}});
    std::vector<ef::TrainingBatch> batches;
    const auto all = examples(3200, 21, false);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto prompt = tokenizer_.encode(asked(all[i].statement, 0), false);
      auto tokens = prompt;
      for (const ef::Token t : answer(i % 10 < 3 ? polite(all[i].question) : all[i].question))
        tokens.push_back(t);
      ef::TrainingBatch one = ef::next_token_batch({std::move(tokens)});
      std::fill_n(one.labels.begin(), prompt.size() - 1, ef::ignored_label);
      if (i % 16 == 0) batches.emplace_back();
      ef::TrainingBatch& to = batches.back();
      to.inputs.push_back(std::move(one.inputs.front()));
      to.labels.insert(to.labels.end(), one.labels.begin(), one.labels.end());
    }
    const auto steps = static_cast<ef::Index>(batches.size());
    ef::Trainer<float> trainer(
        ef::trainable_lora(model_),
        {.steps = steps, .schedule = {.rate = 2e-3, .decay = ef::Decay::cosine, .warmup = 10}}, threads_);
    return train("fine-tuning with LoRA", trainer,
                 [&](ef::Index step) { return batches[static_cast<std::size_t>(step)]; });
  }

  /// The same adapters learn to prefer the polite question, by DPO against what they were before.
  double align() {
    auto pairs = preferences(examples(400, 31, false), 0);
    score(pairs);
    ef::Trainer<float> trainer(
        ef::trainable_preferences(model_, pairs, {.beta = 0.3}),
        {.steps = 100, .schedule = {.rate = 2e-4, .decay = ef::Decay::cosine, .warmup = 10}}, threads_);
    ef::ShuffledDraws order(static_cast<ef::Index>(pairs.size()), 8, ef::Seed{a_.seed});
    return train("aligning with preferences", trainer,
                 [&](ef::Index step) { return ef::preference_batch(pairs, order(step)); });
  }

  Measured measure(std::string stage, std::size_t shown) {
    static const auto asked_for = examples(held_out_items, 41, true);
    Measured out{.stage = std::move(stage), .perplexity = perplexity()};
    const double part = 1.0 / static_cast<double>(asked_for.size());
    for (const Example& each : asked_for) {
      const std::string found = answered(asked(each.statement, shown));
      if (found == each.question || found == polite(each.question)) out.correct += part;
      const bool courteous = found.starts_with(courtesy);
      if (courteous) out.polite += part;
      out.words +=
          part *
          ef::evaluate::rouge_n(each.question, courteous ? found.substr(courtesy.size()) : found, 1).f1;
    }
    auto pairs = preferences(asked_for, shown);
    score(pairs);
    for (const auto& pair : pairs)
      if (pair.reference_chosen > pair.reference_rejected) out.prefers += part;
    return out;
  }

  void save(const std::string& folder) {
    example::replace_model(
        folder, [&] { ef::save(model_, tokenizer_, folder, {.model_type = "llama", .end_tokens = {end_}}); });
  }
  /// Works the adapters in and writes what is deployed.
  void deploy() {
    ef::merge_lora(model_.parameters(), run_);
    save(a_.out);
  }

  std::string answered(const std::string& prompt) {
    const auto made = ef::generate(model_, tokenizer_.encode(prompt, false),
                                   {.max_new_tokens = answer_tokens, .temperature = 0, .end_tokens = {end_}},
                                   threads_, [](ef::Token) {});
    std::vector<ef::Token> tokens(made.new_tokens().begin(), made.new_tokens().end());
    if (!tokens.empty() && tokens.back() == end_) tokens.pop_back();
    const std::string text = tokenizer_.decode(tokens);
    const std::size_t begin = text.find_first_not_of(' ');
    return begin == text.npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
  }

  /// The prompt for a statement after so many examples.
  std::string asked(const std::string& statement, std::size_t shown) const {
    ef::PromptTask task{.instruction = "", .examples = {}, .format = format};
    for (const Example& each : examples(shown, 51, false))
      task.examples.push_back({each.statement, each.question});
    const auto count = [&](std::string_view text) {
      return static_cast<ef::Index>(tokenizer_.encode(std::string(text), false).size());
    };
    return ef::few_shot_prompt(task, statement, {.window = window, .answer = answer_tokens}, count).text;
  }

 private:
  std::vector<ef::Token> answer(const std::string& question) const { return ended(" " + question); }

  std::vector<ef::PreferencePair> preferences(const std::vector<Example>& all, std::size_t shown) const {
    std::vector<ef::PreferencePair> pairs;
    for (const Example& each : all)
      pairs.push_back({tokenizer_.encode(asked(each.statement, shown), false), answer(polite(each.question)),
                       answer(each.question)});
    return pairs;
  }
  void score(std::vector<ef::PreferencePair>& pairs) { ef::set_reference(model_, pairs, run_); }

  double perplexity() {
    ef::TokenBatch texts;
    for (std::uint64_t i = 0; i < 100; ++i) texts.push_back(ended(document(i, true)));
    const auto labels = ef::next_tokens(texts);
    ef::TrainingMemory<float> memory;
    return std::exp(ef::loss_and_gradient(model_, texts, labels, {}, run_, memory, nullptr).mean());
  }

  const Arguments& a_;
  const ef::Tokenizer& tokenizer_;
  ef::Token end_;
  ef::CausalLM<float>& model_;
  ef::Threads threads_{a_.threads};
  ef::Workspace workspace_;
  ef::Run run_{threads_, workspace_};
};

void run(const Arguments& a) {
  const std::string base = a.out + "/base";
  for (const std::string& folder : {a.out, base}) example::check_output(folder, a.overwrite);
  // Six operations a parameter and token, twenty tokens a parameter (Hoffmann et al. 2022).
  const plan::ComputeOptimum optimum = plan::tokens_per_parameter_optimal(a.flops);
  std::vector<std::string> sample;
  for (std::uint64_t i = 0; i < 2000; ++i) sample.push_back(document(i));
  const ef::Tokenizer tokenizer =
      ef::parse_tokenizer(ef::train_tokenizer(sample, {.vocab_size = 480}), "the tokenizer of this program");
  const ef::ModelConfig config = sized(optimum.parameters, tokenizer.vocab_size());
  const ef::Index parameters = plan::count_parameters(config).total();
  const auto tokens = static_cast<ef::Index>(a.flops / (6.0 * static_cast<double>(parameters)));
  std::fprintf(stderr, "%.2g operations: %td parameters (%td layers of width %td), %td tokens\n", a.flops,
               parameters, config.n_layers, config.d_model, tokens);

  ef::CausalLM<float> model(config, ef::Seed{a.seed});
  Life life(a, tokenizer, model);
  std::vector<Measured> table;
  table.push_back(life.measure("random weights", 0));
  const double pretraining = life.pretrain(tokens);
  life.save(base);
  table.push_back(life.measure("base, zero-shot", 0));
  table.push_back(life.measure("base, one-shot", 1));
  table.push_back(life.measure("base, few-shot", 3));
  const double tuning = life.finetune();
  table.push_back(life.measure("fine-tuned, zero-shot", 0));
  const double aligning = life.align();
  table.push_back(life.measure("aligned, zero-shot", 0));
  life.deploy();
  auto deployed = ef::load_causal_lm<float>(a.out);
  Life again(a, tokenizer, deployed);
  table.push_back(again.measure("deployed, from its folder", 0));

  const std::string statement = "Emma can dance.";
  const std::string reply = again.answered(again.asked(statement, 0));
  if (a.json) {
    nlohmann::json stages = nlohmann::json::array();
    for (const Measured& m : table)
      stages.push_back({{"stage", m.stage},
                        {"perplexity", m.perplexity},
                        {"correct", m.correct},
                        {"rouge1", m.words},
                        {"polite", m.polite},
                        {"prefers_polite", m.prefers}});
    return example::print(
        {{"flops", a.flops},
         {"parameters", parameters},
         {"tokens", tokens},
         {"seconds", {{"pretraining", pretraining}, {"fine_tuning", tuning}, {"alignment", aligning}}},
         {"stages", stages},
         {"statement", statement},
         {"reply", reply},
         {"folder", a.out}});
  }
  std::printf("%-27s %10s %10s %10s %10s %10s\n", "held out", "perplexity", "correct", "words", "polite",
              "prefers");
  std::printf("%-27s %10s %10s %10s %10s %10s\n", "", "of lists", "answers", "(ROUGE-1)", "answers",
              "polite");
  for (const Measured& m : table)
    std::printf("%-27s %10.2f %9.0f%% %9.0f%% %9.0f%% %9.0f%%\n", m.stage.c_str(), m.perplexity,
                100 * m.correct, 100 * m.words, 100 * m.polite, 100 * m.prefers);
  std::printf("\n%s\n%s\n%s\n", statement.c_str(), reply.c_str(), a.out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Takes a small language model through its life: size, training, prompting, LoRA, DPO, evaluation, "
      "deployment.");
  Arguments a;
  app.add_option("--out", a.out, "folder for the model that is deployed; the base model stays in base/ there")
      ->capture_default_str();
  app.add_option("--flops", a.flops, "operations to spend on training from scratch")
      ->check(CLI::Range(1e10, 1e16))
      ->capture_default_str();
  example::add_seed(app, a.seed, "of the weights and of all draws");
  example::add_threads(app, a.threads);
  example::add_overwrite(app, a.overwrite);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(a); });
}
