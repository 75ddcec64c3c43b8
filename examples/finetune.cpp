// Adapts a model to a text, to pairs of prompt and completion, to classes of texts or words, or to a domain:
//   finetune ~/models/gpt2 book.txt --out my-gpt2
//   finetune ~/models/llama answers.jsonl --out my-adapter --lora --rank 8 --alpha 16 --targets query,value
//   finetune ~/models/gpt2 reports.txt --mix general.txt --share 0.5127 --out analyst
// JSON lines hold {"text"} or {"prompt", "completion"} for decoders (the loss is then the completion's
// alone), {"text", "label"} and perhaps "pair" for classifiers, {"tokens", "tags"} (a tag for each word) for
// taggers, {"text", "target"} for encoder-decoders.
#include "adapt.hpp"
#include "corpus.hpp"
#include "encoder.hpp"
#include "perplexity.hpp"
#include "tagging.hpp"
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/train/mixture.hpp>
#include <eigenformer/train/objective.hpp>

#include <algorithm>

namespace ef = eigenformer;

namespace {

struct Arguments : example::AdaptArguments {
  std::string mix;
  double share = 0.5127;  // BloombergGPT's financial part
  ef::Index window = 0;
  bool masters = false;  // of weights in bfloat16
};

ef::TrainingFacts facts_of(const Arguments& a) {
  ef::TrainingFacts facts = example::facts_of(a);
  facts["masters"] = a.masters ? "f32" : "none";
  return facts;
}

/// What is measured before and after: the loss of batches, or another measure of the model.
struct HeldOut {
  std::string name;
  std::vector<ef::TrainingBatch> batches{};
  std::function<ef::evaluate::LogLoss(ef::Threads&)> measure{};
  nlohmann::json over{};  ///< what it is over, and the same in words
  std::string in_words{};
};

using Source = std::function<ef::TrainingBatch(ef::Index)>;

template <class Model>
void adapt(const Arguments& a, Model& model, const std::vector<HeldOut>& held_out,
           const ef::TrainingFacts& facts, const Source& source,
           const std::function<nlohmann::json()>& more = {}) {
  example::add_adapters(model, a);
  auto trainable = [&] {
    if (a.use_lora) return ef::trainable_lora(model, a.recompute);
    if (a.masters) return ef::trainable_bfloat16(model, a.recompute);
    return ef::trainable(model, a.recompute);
  }();
  const ef::Index trained = example::trained(trainable);
  ef::Threads threads(a.threads);
  ef::TrainerOptions options = example::trainer_options(a, a.use_lora ? 1e-3 : 1e-4);
  options.bf16_products = a.masters;
  ef::Trainer<float> trainer(std::move(trainable), std::move(options), threads);
  const auto measure = [&] {
    std::vector<double> losses;
    for (const HeldOut& each : held_out)
      losses.push_back(each.measure ? each.measure(threads).mean() : trainer.evaluate(each.batches).mean());
    return losses;
  };
  const ef::Head head = model.config().head;
  const bool words = head != ef::Head::text_classes && head != ef::Head::token_classes;
  std::fprintf(stderr, "%td numbers are trained, of %td\n", trained, ef::count(model.parameters()));
  const std::vector<double> before = measure();
  const example::TrainingRun made = example::run_steps(trainer, model, a, facts, source);
  const std::vector<double> after = measure();
  example::write_result(model, a);

  nlohmann::json out{{"folder", a.out},
                     {"steps", trainer.steps()},
                     {"resumed_from_step", made.resumed},
                     {"loss", made.last.loss},
                     {"trained", trained}};
  for (std::size_t i = 0; i < held_out.size(); ++i) {
    out["held_out"][held_out[i].name] = {{"loss_before", before[i]}, {"loss_after", after[i]}};
    if (words) {
      out["held_out"][held_out[i].name]["perplexity_before"] = std::exp(before[i]);
      out["held_out"][held_out[i].name]["perplexity_after"] = std::exp(after[i]);
    }
    out["held_out"][held_out[i].name].update(held_out[i].over);
    if (!a.json)
      std::printf("%s: held-out %s %.4f before, %.4f after, over %s\n", held_out[i].name.c_str(),
                  words ? "perplexity" : "loss", words ? std::exp(before[i]) : before[i],
                  words ? std::exp(after[i]) : after[i], held_out[i].in_words.c_str());
  }
  if (more) out.update(more());
  if (a.json) return example::print(out);
  std::printf("%s\n", a.out.c_str());
}

/// A batch of examples, one after the other.
ef::TrainingBatch joined(const std::vector<ef::TrainingBatch>& all, const std::vector<ef::Index>& chosen) {
  ef::TrainingBatch out;
  for (const ef::Index i : chosen) {
    const auto& one = all[static_cast<std::size_t>(i)];
    out.inputs.insert(out.inputs.end(), one.inputs.begin(), one.inputs.end());
    out.targets.insert(out.targets.end(), one.targets.begin(), one.targets.end());
    out.labels.insert(out.labels.end(), one.labels.begin(), one.labels.end());
  }
  return out;
}

/// Training on examples in random order, each once an epoch.
template <class Model>
void adapt_to_examples(const Arguments& a, Model& model, std::vector<ef::TrainingBatch> examples) {
  for (const auto& example : examples)
    for (const auto* part : {&example.inputs, &example.targets})
      for (const auto& tokens : *part)
        ef::check_window(static_cast<ef::Index>(tokens.size()), model.config());
  std::vector<HeldOut> held_out;
  if (auto cut = example::split_off(examples, a.held_out); !cut.empty()) {
    ef::Index labels = 0;
    for (const auto& each : cut)
      labels += std::ssize(each.labels) - std::ranges::count(each.labels, ef::ignored_label);
    const std::size_t count = cut.size();
    held_out.push_back({.name = "data",
                        .batches = std::move(cut),
                        .over = {{"examples", count}, {"scored_labels", labels}},
                        .in_words = ef::concat(labels, " labels of ", count, " examples")});
  }
  ef::ShuffledDraws order(static_cast<ef::Index>(examples.size()), a.batch, ef::Seed{a.seed});
  adapt(a, model, held_out, facts_of(a), [&](ef::Index step) { return joined(examples, order(step)); });
}

/// A text as windows from random places; its last part is held out, and measured as `evaluate` does, framed
/// as a text of its own.
ef::MixtureDraws::Source windows_of(const Arguments& a, const std::string& file,
                                    const ef::CausalLM<float>& model, const ef::Tokenizer& tokenizer,
                                    ef::Index window, std::vector<HeldOut>& held_out) {
  auto text = tokenizer.encode(ef::read_text(file), false);
  if (auto rest = example::split_off(text, a.held_out); rest.size() > 1) {
    const example::Measured what{.text = example::frame_of(tokenizer).around(std::move(rest))};
    const auto options = example::settled({.window = (std::max)(ef::Index{2}, window)}, model.config());
    const ef::evaluate::LogLoss all{0, std::ssize(what.text) - 1};
    held_out.push_back({.name = file,
                        .measure =
                            [what, options, &model](ef::Threads& threads) {
                              ef::Workspace workspace;
                              ef::Run run{threads, workspace};
                              return example::loss_of(model, what, options, run, [](ef::Index) {});
                            },
                        .over = example::json_of(what, all, options),
                        .in_words = example::words_of(what, all, options)});
  }
  return [draw = ef::WindowDraws(std::move(text), window + 1, 1, ef::Seed{a.seed})](ef::Index i) {
    return draw(i).front();
  };
}

void adapt_to_texts(const Arguments& a, ef::CausalLM<float>& model, const ef::Tokenizer& tokenizer) {
  const ef::Index window = a.window ? a.window : (std::min)(ef::Index{256}, model.config().max_positions);
  ef::check_window(window, model.config());
  std::vector<HeldOut> held_out;
  std::vector<ef::MixtureDraws::Source> sources{windows_of(a, a.data, model, tokenizer, window, held_out)};
  std::vector<double> shares{1.0};
  if (!a.mix.empty()) {
    sources.push_back(windows_of(a, a.mix, model, tokenizer, window, held_out));
    shares = {a.share, 1 - a.share};
  }
  ef::MixtureDraws mix(std::move(sources), std::move(shares), a.batch, ef::Seed{a.seed});
  ef::TrainingFacts facts = facts_of(a);
  facts["window"] = ef::concat(window);
  if (!a.mix.empty()) {
    const std::string other = ef::read_text(a.mix);
    facts["mix"] =
        ef::concat(a.share, " of ", ef::fingerprint(std::vector<ef::Token>(other.begin(), other.end())));
  }
  adapt(
      a, model, held_out, facts, [&](ef::Index step) { return ef::next_token_batch(mix(step)); },
      [&] {
        return nlohmann::json{{"tokens_of_corpora", mix.tokens()}};
      });
}

void adapt_decoder(const Arguments& a, const ef::Tokenizer& tokenizer) {
  auto model = ef::load_causal_lm<float>(a.folder, a.load);
  if (!example::is_json_lines(a.data)) return adapt_to_texts(a, model, tokenizer);
  if (!a.mix.empty()) ef::fail(ef::ConfigError("--mix", "mixes plain texts, not JSON lines"));
  const auto end = example::end_token(a.folder);
  std::vector<ef::TrainingBatch> examples;
  for (const ef::TextRecord& record : ef::read_json_lines(a.data)) {
    auto tokens = record.pair ? tokenizer.encode(record.text) : std::vector<ef::Token>{};
    const std::size_t known = tokens.size();
    for (const ef::Token token : example::answer_tokens(tokenizer, record.pair.value_or(record.text), end))
      tokens.push_back(token);
    if (tokens.size() < 2 || tokens.size() == known)
      example::refuse(a.data, record, "is too short to learn from");
    ef::TrainingBatch example = ef::next_token_batch({std::move(tokens)});
    for (std::size_t i = 0; i + 1 < known; ++i) example.labels[i] = ef::ignored_label;
    examples.push_back(std::move(example));
  }
  adapt_to_examples(a, model, std::move(examples));
}

void adapt_seq2seq(const Arguments& a, const ef::Tokenizer& tokenizer) {
  auto model = ef::load_seq2seq<float>(a.folder, a.load);
  const auto end = example::end_token(a.folder);
  std::vector<ef::TrainingBatch> examples;
  for (const ef::TextRecord& record : ef::read_json_lines(a.data)) {
    if (!record.pair) example::refuse(a.data, record, "has no \"target\"");
    // not all tokenizers write the end token, without which a model would not learn to stop
    auto target = example::ended(tokenizer.encode(*record.pair), end);
    examples.push_back(ef::pair_batch({tokenizer.encode(record.text)}, {std::move(target)},
                                      model.config().decoder_start_token, 0));
  }
  adapt_to_examples(a, model, std::move(examples));
}

/// The folder's encoder with a new head for these labels.
template <class Model>
Model with_new_head(const Arguments& a, ef::Head head, const std::vector<std::string>& labels) {
  ef::Encoder<float> encoder = ef::load_encoder<float>(a.folder, a.load);
  ef::ModelConfig config = encoder.config();
  const bool had_pooler = config.pooler;
  config.head = head;
  config.n_labels = static_cast<ef::Index>(labels.size());
  config.pooler = head == ef::Head::text_classes;
  ef::HeadParameters<float> fresh = ef::random_parameters<float>(config, ef::Seed{a.seed}).head;
  ef::Transformer<float> p = std::move(encoder.parameters());
  if (had_pooler && config.pooler) fresh.pooler = std::move(p.head.pooler);
  p.head = std::move(fresh);
  return {config, std::move(p), labels};
}

void adapt_classifier(const Arguments& a, const ef::Tokenizer& tokenizer, const ef::HubConfig& folder) {
  const std::vector<ef::TextRecord> records = ef::read_json_lines(a.data);
  for (const ef::TextRecord& record : records)
    if (!record.label) example::refuse(a.data, record, "has no \"label\"");
  std::vector<std::string> labels = folder.labels;
  const bool fresh = folder.model.head != ef::Head::text_classes;
  if (fresh) {
    labels.clear();
    for (const ef::TextRecord& record : records) labels.push_back(*record.label);
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  }
  std::vector<ef::TrainingBatch> examples;
  for (const ef::TextRecord& record : records) {
    const auto at = std::find(labels.begin(), labels.end(), *record.label);
    if (at == labels.end())
      example::refuse(a.data, record, ef::concat("label \"", *record.label, "\" is none of the model's"));
    const auto pair = record.pair ? std::vector{*record.pair} : std::vector<std::string>{};
    example::Texts texts = example::encode(tokenizer, folder.model, {record.text}, pair);
    examples.push_back(ef::text_class_batch(std::move(texts.tokens),
                                            {static_cast<ef::Token>(at - labels.begin())},
                                            static_cast<ef::Index>(labels.size()), std::move(texts.types)));
  }
  auto model = fresh ? with_new_head<ef::Classifier<float>>(a, ef::Head::text_classes, labels)
                     : ef::load_classifier<float>(a.folder, a.load);
  adapt_to_examples(a, model, std::move(examples));
}

void adapt_tagger(const Arguments& a, const ef::Tokenizer& tokenizer, const ef::HubConfig& folder) {
  const std::vector<ef::TaggedRecord> records = ef::read_tagged_lines(a.data);
  const bool fresh = folder.model.head != ef::Head::token_classes;
  const std::vector<std::string> labels = fresh ? example::tags_of(records) : folder.labels;
  std::vector<ef::TrainingBatch> examples;
  for (const ef::TaggedRecord& record : records) {
    std::vector<ef::Token> tags;
    for (const std::string& tag : record.tags) {
      const auto at = std::find(labels.begin(), labels.end(), tag);
      if (at == labels.end())
        ef::fail(ef::FileError(
            a.data, ef::concat("line ", record.line, ": tag \"", tag, "\" is none of the model's")));
      tags.push_back(static_cast<ef::Token>(at - labels.begin()));
    }
    example::EncodedWords text = example::encode_words(tokenizer, record.words);
    examples.push_back(ef::token_class_batch({std::move(text.ids)}, {std::move(text.word_ids)},
                                             {std::move(tags)}, static_cast<ef::Index>(labels.size())));
  }
  auto model = fresh ? with_new_head<ef::Tagger<float>>(a, ef::Head::token_classes, labels)
                     : ef::load_tagger<float>(a.folder, a.load);
  adapt_to_examples(a, model, std::move(examples));
}

/// The folder's head decides what an encoder learns; without one of these two the data does.
void adapt_encoder(const Arguments& a, const ef::Tokenizer& tokenizer, const ef::HubConfig& folder) {
  const ef::Head head = folder.model.head;
  const bool tags =
      head == ef::Head::token_classes || (head != ef::Head::text_classes && ef::holds_tagged_lines(a.data));
  return tags ? adapt_tagger(a, tokenizer, folder) : adapt_classifier(a, tokenizer, folder);
}

void run(const Arguments& a) {
  example::check_output(a.out, a.overwrite || a.resume, a.folder);
  const ef::HubConfig folder = ef::load_config(a.folder);
  const ef::Tokenizer tokenizer = ef::load_tokenizer(a.folder);
  if (!a.mix.empty() && folder.model.stacks != ef::Stacks::decoder)
    ef::fail(ef::ConfigError("--mix", "mixes texts for decoders"));
  switch (folder.model.stacks) {
    case ef::Stacks::decoder: return adapt_decoder(a, tokenizer);
    case ef::Stacks::encoder: return adapt_encoder(a, tokenizer, folder);
    case ef::Stacks::encoder_decoder: return adapt_seq2seq(a, tokenizer);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Adapts the model in a Hugging Face folder to a text or to JSON lines, whole or by adapters.");
  Arguments a;
  example::declare(app, a);
  app.get_option("data")->description(
      "what to learn from: a text (for a decoder), or JSON lines (*.jsonl): \"text\", or \"prompt\" and "
      "\"completion\" for a decoder; \"text\", \"label\" and perhaps \"pair\" for an encoder; \"text\" and "
      "\"target\" for an encoder-decoder");
  app.get_option("--dtype")->description(
      "convert matrices to this format while loading; what is trained whole in bf16 has masters in f32, and "
      "products in bf16 where the processor is faster so");
  auto* const mix = app.add_option("--mix", a.mix, "a second text that is learned beside");
  app.add_option("--share", a.share, "the first text's part of what is learned")
      ->needs(mix)
      ->capture_default_str();
  app.add_option("--window", a.window, "tokens of a piece of a text; default: 256, or all the model sees");
  return example::run(app, argc, argv, [&] {
    if (a.load.dtype == ef::Format::bf16 &&
        !a.use_lora) {  // trained whole: rounded from masters, not loaded so
      a.masters = true;
      a.load.dtype = ef::Format::f32;
    }
    run(a);
  });
}
