// Aligns a causal model with preferences, from JSON lines {"prompt", "chosen", "rejected"}:
//   align ~/models/llama pairs.jsonl --out aligned --beta 0.1 --lora
#include "adapt.hpp"
#include <eigenformer/train/preference.hpp>

#include <numeric>

namespace ef = eigenformer;

namespace {

struct Arguments : example::AdaptArguments {
  ef::PreferenceOptions preference;
};

/// f(object, where) for each line of a file of JSON lines; `where` names the file and the line.
template <class F> void for_each_record(const std::string& file, F&& f) {
  const std::string content = ef::read_text(file);
  ef::Index line = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = (std::min)(content.find('\n', begin), content.size());
    const std::string one = content.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (one.find_first_not_of(" \t\r") == one.npos) continue;
    const nlohmann::json json = nlohmann::json::parse(one, nullptr, false);
    const std::string where = ef::concat(file, ": line ", line);
    if (!json.is_object()) ef::fail(ef::FileError(where, "is not a JSON object"));
    f(json, where);
  }
}

/// A field that must be a text.
std::string text_field(const nlohmann::json& json, const char* key, const std::string& where) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_string())
    ef::fail(ef::FileError(where, ef::concat("has no text called \"", key, '"')));
  return at->get<std::string>();
}

nlohmann::json described(const ef::PreferenceReport& r) {
  return {{"pairs", r.pairs},
          {"loss", r.loss},
          {"accuracy", r.accuracy},
          {"margin", r.margin},
          {"chosen_reward", r.chosen_reward},
          {"rejected_reward", r.rejected_reward}};
}

void run(const Arguments& a) {
  example::check_output(a.out, a.overwrite || a.resume, a.folder);
  ef::validate(a.preference);
  const ef::Tokenizer tokenizer = ef::load_tokenizer(a.folder);
  const auto end = example::end_token(a.folder);
  auto model = ef::load_causal_lm<float>(a.folder, a.load);
  std::vector<ef::PreferencePair> pairs;
  for_each_record(a.data, [&](const nlohmann::json& json, const std::string& where) {
    ef::PreferencePair& pair = pairs.emplace_back();
    pair.prompt = tokenizer.encode(text_field(json, "prompt", where));
    pair.chosen = example::answer_tokens(tokenizer, text_field(json, "chosen", where), end);
    pair.rejected = example::answer_tokens(tokenizer, text_field(json, "rejected", where), end);
    if (pair.prompt.empty() || pair.chosen.empty() || pair.rejected.empty())
      ef::fail(ef::FileError(where, "has an empty text"));
    if (pair.chosen == pair.rejected) ef::fail(ef::FileError(where, "prefers an answer to itself"));
    ef::check_window(
        static_cast<ef::Index>(pair.prompt.size() + (std::max)(pair.chosen.size(), pair.rejected.size()) - 1),
        model.config());
  });
  if (pairs.empty()) ef::fail(ef::FileError(a.data, "has no records"));

  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run machine{threads, workspace};
  if (ef::uses_reference(a.preference.loss)) ef::set_reference(model, pairs, machine);
  example::add_adapters(model, a);
  std::vector<ef::Index> learned(pairs.size());
  std::iota(learned.begin(), learned.end(), ef::Index{0});
  const std::vector<ef::Index> held_out = example::split_off(learned, a.held_out);

  ef::PreferenceReport made;
  auto trainable = ef::trainable_preferences(
      model, pairs, a.preference, [&](const ef::PreferenceReport& report, bool) { made = report; },
      a.recompute);
  const ef::Index trained = example::trained(trainable);
  ef::Trainer<float> trainer(std::move(trainable), example::trainer_options(a, a.use_lora ? 5e-4 : 1e-5),
                             threads);
  const auto measure = [&](const std::vector<ef::Index>& which) {
    ef::PreferenceReport mean;
    for (const ef::Index n : which) {
      const ef::TrainingBatch one = ef::preference_batch(pairs, {&n, 1});
      trainer.evaluate({&one, 1});
      const double part = 1.0 / static_cast<double>(which.size());
      ++mean.pairs;
      mean.loss += part * made.loss;
      mean.accuracy += made.accuracy;
      mean.margin += part * made.margin;
      mean.chosen_reward += part * made.chosen_reward;
      mean.rejected_reward += part * made.rejected_reward;
    }
    mean.accuracy /= static_cast<double>(which.size());
    return mean;
  };
  nlohmann::json out{{"folder", a.out}, {"trained", trained}};
  const auto state = [&](const char* when) {
    for (const auto& [name, which] :
         {std::pair{"learned", &std::as_const(learned)}, {"held_out", &held_out}}) {
      if (which->empty()) continue;
      const ef::PreferenceReport r = measure(*which);
      out[when][name] = described(r);
      std::fprintf(stderr, "%s, %s: loss %.4f, accuracy %.3f, margin %.4f over %td pairs\n", when, name,
                   r.loss, r.accuracy, r.margin, r.pairs);
    }
  };
  state("before");
  ef::ShuffledDraws order(static_cast<ef::Index>(learned.size()), a.batch, ef::Seed{a.seed});
  const auto& p = a.preference;
  ef::TrainingFacts facts = example::facts_of(a);
  facts["preference"] =
      ef::concat(static_cast<int>(p.loss), ' ', p.beta, ' ', p.label_smoothing, ' ', p.margin);
  const example::TrainingRun training = example::run_steps(trainer, model, a, facts, [&](ef::Index step) {
    std::vector<ef::Index> numbers = order(step);
    for (ef::Index& n : numbers) n = learned[static_cast<std::size_t>(n)];
    return ef::preference_batch(pairs, numbers);
  });
  out["resumed_from_step"] = training.resumed;
  state("after");
  example::write_result(model, a);
  if (a.json) return example::print(out);
  std::printf("%s\n", a.out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Aligns the causal model in a Hugging Face folder with pairs of a better and a worse answer.");
  Arguments a;
  example::declare(app, a);
  app.get_option("data")->description(
      "what to learn from: JSON lines with \"prompt\", \"chosen\" and \"rejected\"");
  const std::map<std::string, ef::PreferenceLoss> losses{{"dpo", ef::PreferenceLoss::dpo},
                                                         {"ipo", ef::PreferenceLoss::ipo},
                                                         {"simpo", ef::PreferenceLoss::simpo},
                                                         {"orpo", ef::PreferenceLoss::orpo}};
  app.add_option_function<std::string>(
         "--loss", [&](const std::string& name) { a.preference.loss = losses.at(name); },
         "dpo (unless given), ipo, simpo or orpo")
      ->check(CLI::IsMember(losses));
  app.add_option("--beta", a.preference.beta, "how dear departing from the reference is")
      ->capture_default_str();
  app.add_option("--label-smoothing", a.preference.label_smoothing,
                 "of dpo: the share of pairs that may be the wrong way round");
  app.add_option("--margin", a.preference.margin, "of simpo")->capture_default_str();
  return example::run(app, argc, argv, [&] { run(a); });
}
