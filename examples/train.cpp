// Trains a model from scratch on text files of your own:
//   train book.txt --out my-model --steps 2000
//   generate my-model --prompt "Once upon a time"
// An encoder learns to fill masks or to tell classes apart, an encoder-decoder to write targets for sources:
//   train book.txt --objective masked --vocab-size 4000 --out my-encoder
//   train pairs.jsonl --objective pairs --vocab-size 4000 --out my-rewriter
// Stopped at any moment, the same command with --resume goes on, and ends with the same weights to the bit.
#include "common.hpp"
#include "families.hpp"
#include "objectives.hpp"
#include "training.hpp"
#include <eigenformer/train.hpp>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::vector<std::string> files;
  std::string out, family, objective, tokenizer, held_out, schedule = "cosine", optimizer = "adamw",
                                                           dtype = "f32";
  ef::presets::Sizes sizes{};
  ef::Index vocab_size = 0, steps = 1000, batch = 8, warmup = -1, accumulate = 1, eval_every = 0,
            checkpoint_every = 100, log_every = 50;
  double learning_rate = 1e-3, weight_decay = 0.1, clip = 1.0, label_smoothing = 0.0, dropout = 0.0,
         mask_rate = 0.15;
  std::uint64_t seed = 0;
  int threads = 1;
  bool lines = false, recompute = false, resume = false, overwrite = false, json = false;
};

ef::Tokenizer make_tokenizer(const Arguments& a, const example::Family& family) {
  if (!a.tokenizer.empty()) return ef::load_tokenizer(a.tokenizer);
  if (a.vocab_size == 0) return ef::byte_tokenizer(family.special_tokens);
  return example::trained_tokenizer(family, a.vocab_size, a.files);
}

ef::TrainerOptions trainer_options(const Arguments& a) {
  const std::map<std::string, ef::Decay> decays{{"constant", ef::Decay::constant},
                                                {"linear", ef::Decay::linear},
                                                {"cosine", ef::Decay::cosine},
                                                {"cosine_restarts", ef::Decay::cosine_restarts},
                                                {"inverse_sqrt", ef::Decay::inverse_sqrt},
                                                {"polynomial", ef::Decay::polynomial}};
  ef::TrainerOptions options;
  options.steps = a.steps;
  options.schedule.rate = a.learning_rate;
  options.schedule.decay = decays.at(a.schedule);
  options.schedule.warmup = a.warmup >= 0 ? a.warmup : (std::min)(ef::Index{100}, a.steps / 10);
  if (a.optimizer == "adamw") options.optimizer = ef::AdamW{.weight_decay = a.weight_decay};
  if (a.optimizer == "sgd") options.optimizer = ef::Sgd{.weight_decay = a.weight_decay};
  if (a.optimizer == "adafactor") options.optimizer = ef::Adafactor{.weight_decay = a.weight_decay};
  options.clip = a.clip;
  options.micro_batches = a.accumulate;
  options.label_smoothing = a.label_smoothing;
  options.dropout = {a.dropout, a.dropout, a.dropout};
  options.seed = {a.seed};
  options.bf16_products = a.dtype == "bf16";
  options.evaluate_every = a.eval_every;
  return options;
}

/// Everything from the first step to the saved model, for a model of any family.
template <class Model, class Source, class Save>
void train(const Arguments& a, Model& model, ef::TrainerOptions options, const ef::TrainingFacts& facts,
           std::size_t corpus_tokens, Source&& source, Save&& save_model) {
  ef::Threads threads(a.threads);
  ef::Trainer<float> trainer(
      a.dtype == "bf16" ? ef::trainable_bfloat16(model, a.recompute) : ef::trainable(model, a.recompute),
      std::move(options), threads);
  const ef::Index parameters = ef::count(model.parameters());
  std::fprintf(stderr, "%td parameters, %zu tokens\n", parameters, corpus_tokens);
  const auto made = example::run_training(
      trainer, {a.out, a.checkpoint_every, true, a.resume, a.log_every, a.overwrite}, facts, source,
      save_model, [&](const std::string& checkpoint, const ef::TrainingFacts& with) {
        ef::resume(checkpoint, model, trainer, with);
      });
  example::replace_model(a.out, [&] {
    save_model(a.out);
    made.history.write_table(a.out + "/loss.csv");
    made.history.draw(a.out + "/loss.svg");
  });
  if (!a.json) return void(std::printf("%s\n", a.out.c_str()));
  nlohmann::json out{{"folder", a.out},
                     {"parameters", parameters},
                     {"corpus_tokens", corpus_tokens},
                     {"steps", trainer.steps()},
                     {"resumed_from_step", made.resumed},
                     {"loss", made.last.step ? nlohmann::json(made.last.loss) : nlohmann::json(nullptr)},
                     {"seconds", made.seconds},
                     {"tokens_per_second", made.seconds > 0 ? made.tokens / made.seconds : 0.0}};
  if (made.last.held_out_loss) out["held_out_loss"] = *made.last.held_out_loss;
  example::print(out);
}

ef::Index highest_id(const ef::Tokenizer& tokenizer) {
  ef::Index size = tokenizer.vocab_size();
  while (tokenizer.id_to_token(static_cast<ef::Token>(size))) ++size;
  return size;
}

/// What all objectives begin from.
struct Task {
  const Arguments& a;
  const example::Family& family;
  ef::Tokenizer tokenizer;
  example::SpecialTokens special{tokenizer};
  ef::presets::Sizes sizes = a.sizes;
  ef::Seed seed{a.seed};

  Task(const Arguments& arguments, const example::Family& its_family)
      : a(arguments), family(its_family), tokenizer(make_tokenizer(arguments, its_family)) {
    sizes.vocab_size = highest_id(tokenizer);
  }
  example::Reading reading() const {
    return {.tokenizer = tokenizer, .vocab_size = sizes.vocab_size, .lines = a.lines};
  }
  ef::TrainingFacts facts(const example::Corpus& corpus) const {
    return {{"data", ef::concat(corpus.fingerprint())},
            {"seed", ef::concat(a.seed)},
            {"objective", a.objective == "masked" ? ef::concat("masked ", a.mask_rate) : a.objective},
            {"weights", a.dtype},
            {"batch", ef::concat(a.batch)}};
  }
  ef::SaveOptions saving() const {
    ef::SaveOptions save{.model_type = a.family, .padding_token = special.pad};
    if (special.end && a.family != "bert") save.end_tokens = {*special.end};
    return save;
  }
  /// Trains on examples, and writes the folder.
  template <class Model>
  void train(Model& model, const ef::TrainingFacts& facts, std::size_t tokens,
             example::Examples examples) const {
    ef::TrainerOptions options = trainer_options(a);
    options.held_out = std::move(examples.held_out);
    ::train(a, model, std::move(options), facts, tokens, examples.source,
            [&](const std::string& folder) { ef::save(model, tokenizer, folder, saving()); });
  }
};

/// Learning from texts alone.
template <class Model>
void run_texts(const Task& task, const example::Reading& how, Model& model,
               example::TextObjective objective) {
  example::Corpus corpus = example::read_corpus(task.a.files, how);
  const auto held = example::held_out(task.a.held_out, corpus, how);
  const auto facts = task.facts(corpus);
  const std::size_t tokens = corpus.tokens();
  task.train(model, facts, tokens,
             example::text_examples(std::move(corpus), held, task.a.batch, task.seed, std::move(objective)));
}

void run_causal(const Task& task) {
  example::Reading how = task.reading();
  if (task.special.end) how.frame.after = {*task.special.end};
  ef::CausalLM<float> model(task.family.config(task.sizes), task.seed);
  run_texts(task, how, model, example::causal_objective(task.sizes.window));
}

void run_masked(const Task& task) {
  ef::MaskedLM<float> model(task.family.config(task.sizes), task.seed);
  run_texts(task, task.reading(), model,
            example::masked_objective(task.tokenizer, task.sizes.vocab_size, task.sizes.window,
                                      task.a.mask_rate, task.seed));
}

/// Learning what belongs to texts; make(corpus, numbers of its documents) is a batch.
template <class Model, class Make>
void run_paired(const Task& task, const example::Reading& how, example::Corpus corpus, Model& model,
                Make make) {
  auto held = example::held_out(task.a.held_out, corpus, how);
  const auto facts = task.facts(corpus);
  const std::size_t tokens = corpus.tokens();
  task.train(model, facts, tokens,
             example::paired_examples(std::move(corpus), std::move(held), task.a.batch, task.sizes.window,
                                      task.seed, std::move(make)));
}

void run_classes(const Task& task) {
  example::Reading how = task.reading();
  how.classes = true;
  how.frame = example::frame_of(task.tokenizer);
  example::Corpus corpus = example::read_corpus(task.a.files, how);
  std::vector<std::string> classes = corpus.labels;
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  ef::ModelConfig config = task.family.config(task.sizes);
  config.head = ef::Head::text_classes;
  config.pooler = true;
  config.n_labels = static_cast<ef::Index>(classes.size());
  ef::Classifier<float> model(config, ef::random_parameters<float>(config, task.seed), classes);
  run_paired(task, how, std::move(corpus), model,
             [&](const example::Corpus& all, std::span<const ef::Index> numbers) {
               return example::batch_of_classes(all, numbers, classes);
             });
}

/// An encoder-decoder. T5's targets begin with the pad token, BART's with the end token.
void run_seq2seq(Task& task) {
  const std::string& objective = task.a.objective;
  const ef::Token end = example::needed(task.special.end, "end", objective);
  const ef::Token pad = task.special.pad.value_or(end), start = task.a.family == "t5" ? pad : end;
  example::Sentinels sentinels;
  if (objective == "spans") {
    sentinels = example::sentinels_of(task.tokenizer, task.sizes.vocab_size);
    task.sizes.vocab_size = (std::max)(task.sizes.vocab_size, sentinels.first);
  }
  const ef::presets::Sizes& sizes = task.sizes;
  ef::ModelConfig config = task.family.config(sizes);
  config.decoder_start_token = start;
  ef::Seq2Seq<float> model(config, task.seed);
  example::Reading how = task.reading();
  if (objective == "spans")
    return run_texts(task, how, model,
                     example::span_objective(sentinels, task.special, start, sizes.window, task.seed));
  if (objective == "denoise")
    return run_texts(
        task, how, model,
        example::denoising_objective(task.tokenizer, sizes.vocab_size, start, sizes.window, task.seed));
  how.pairs = true;
  how.frame = how.target_frame = example::frame_of(task.tokenizer);  // sources as programs encode them
  if (auto& after = how.target_frame.after; after.empty() || after.back() != end) after.push_back(end);
  run_paired(task, how, example::read_corpus(task.a.files, how), model,
             [=](const example::Corpus& all, std::span<const ef::Index> numbers) {
               return example::batch_of_pairs(all, numbers, start, pad);
             });
}

void run(Arguments& a, bool mask_rate_given) {
  example::check_output(a.out, a.overwrite || a.resume);
  const example::Family& family = example::complete(a.family, a.objective);
  if (mask_rate_given && a.objective != "masked")
    ef::fail(ef::ConfigError("--mask-rate", "is for --objective masked, not for " + a.objective));
  Task task(a, family);
  if (a.objective == "causal")
    run_causal(task);
  else if (a.objective == "masked")
    run_masked(task);
  else if (a.objective == "classify")
    run_classes(task);
  else
    run_seq2seq(task);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains a transformer from scratch on files of your own, into a Hugging Face folder.");
  Arguments a;
  app.add_option(
         "files", a.files,
         "what to learn from: texts; JSON lines (*.jsonl, *.ndjson) with \"text\", and \"target\" for "
         "pairs or \"label\" for classify; token ids of 16 bits (*.u16, *.bin) or 32 (*.u32)")
      ->required();
  app.add_option("--out", a.out, "folder for the model, its checkpoints, loss.csv and loss.svg")->required();
  app.add_option(
         "--objective", a.objective,
         "what to learn: the next words (causal), masked words, corrupted spans, damaged texts (denoise), "
         "targets (pairs) or labels (classify); default: the family's first")
      ->check(CLI::IsMember({"causal", "masked", "spans", "denoise", "pairs", "classify"}));
  app.add_option(
         "--family", a.family,
         "architecture: gpt2, llama (causal), bert (masked, classify), t5 (spans, pairs), bart (denoise, "
         "pairs); default: the objective's usual one")
      ->check(CLI::IsMember({"gpt2", "llama", "bert", "t5", "bart"}));
  app.add_option("--layers", a.sizes.layers, "blocks; of an encoder-decoder in each of its stacks")
      ->capture_default_str();
  app.add_option("--width", a.sizes.width, "of the hidden states")->capture_default_str();
  app.add_option("--heads", a.sizes.heads, "of attention")->capture_default_str();
  app.add_option("--kv-heads", a.sizes.key_value_heads, "key/value heads (llama); 0: as many as heads");
  app.add_option("--d-ff", a.sizes.feed_forward, "inner width of the feed-forward layer; 0: usual");
  app.add_option("--window", a.sizes.window, "tokens that the model can see")->capture_default_str();
  auto* const tokenizer =
      app.add_option("--tokenizer", a.tokenizer, "folder with a tokenizer.json; default: one token a byte");
  app.add_option("--vocab-size", a.vocab_size,
                 "train a tokenizer of so many tokens on the files: BPE, for bert WordPiece, for t5 unigram")
      ->excludes(tokenizer)
      ->check(CLI::PositiveNumber);
  auto* const mask_rate =
      app.add_option("--mask-rate", a.mask_rate, "share of the tokens that are masked (masked)")
          ->capture_default_str();
  app.add_flag("--lines", a.lines, "each line of a text file is a document of its own");
  app.add_option("--steps", a.steps, "updates")->capture_default_str();
  app.add_option("--batch", a.batch, "windows or documents a step")->capture_default_str();
  app.add_option("--accumulate", a.accumulate, "parts that a batch is computed in, to spare memory")
      ->capture_default_str();
  app.add_option("--learning-rate", a.learning_rate, "the highest")->capture_default_str();
  app.add_option("--warmup", a.warmup, "steps; default: a tenth of all, at most 100");
  app.add_option("--schedule", a.schedule, "how the rate falls")
      ->check(
          CLI::IsMember({"constant", "linear", "cosine", "cosine_restarts", "inverse_sqrt", "polynomial"}))
      ->capture_default_str();
  app.add_option("--optimizer", a.optimizer, "what turns gradients into updates")
      ->check(CLI::IsMember({"adamw", "sgd", "adafactor"}))
      ->capture_default_str();
  app.add_option("--weight-decay", a.weight_decay, "of matrices")->capture_default_str();
  app.add_option("--clip", a.clip, "largest norm of a gradient; 0: any")->capture_default_str();
  app.add_option("--label-smoothing", a.label_smoothing, "share of a label's weight that all tokens get")
      ->capture_default_str();
  app.add_option("--dropout", a.dropout, "share of embeddings, attention and branches that a step drops")
      ->capture_default_str();
  app.add_option("--dtype", a.dtype,
                 "of the weights; those in bf16 have masters in f32, and products in bf16 where the "
                 "processor is faster so")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  app.add_flag("--recompute", a.recompute, "activation checkpointing: less memory, a third more time");
  example::add_seed(app, a.seed, "of the first weights and of all draws");
  auto* const held_out =
      app.add_option("--held-out", a.held_out, "a file, or a share of the corpus (0.05), to measure on");
  app.add_option("--eval-every", a.eval_every, "steps between measurements; 0: at the end")->needs(held_out);
  app.add_option("--checkpoint-every", a.checkpoint_every, "steps; 0: at the end")->capture_default_str();
  app.add_option("--log-every", a.log_every, "steps between lines where stderr is no terminal")
      ->capture_default_str();
  auto* const resume =
      app.add_flag("--resume", a.resume, "go on from the last checkpoint in --out, if there is one");
  example::add_overwrite(app, a.overwrite)->excludes(resume);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(a, mask_rate->count() > 0); });
}
