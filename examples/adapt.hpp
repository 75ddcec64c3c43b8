// What finetune and align share: options, adapters, the loop with its progress line, and what is written.
#pragma once

#include "common.hpp"
#include "training.hpp"
#include <eigenformer/hub/save_adapter.hpp>
#include <eigenformer/train.hpp>
#include <eigenformer/train/lora.hpp>

namespace example {

struct AdaptArguments {
  std::string folder, data, out;
  ef::LoadOptions load;
  ef::LoraConfig lora;
  bool use_lora = false, merge = false, recompute = false, resume = false, overwrite = false, json = false;
  ef::Index steps = 200, batch = 8, warmup = 0, accumulate = 1, checkpoint_every = 0, log_every = 20;
  double learning_rate = 0, weight_decay = 0.0, clip = 1.0, dropout = 0.0, held_out = 0.1;
  std::uint64_t seed = 0;
  int threads = 1;
};

inline void declare(CLI::App& app, AdaptArguments& a) {
  app.add_option("folder", a.folder, "the model's folder or GGUF file")->required();
  app.add_option("data", a.data)->required();  // each program says what it reads
  app.add_option("--out", a.out, "folder for the model, or for its adapters with --lora")->required();
  auto* const lora = app.add_flag("--lora", a.use_lora, "train low-rank adapters, and leave the model alone");
  app.add_option("--rank", a.lora.rank, "of the adapters")->capture_default_str()->needs(lora);
  app.add_option("--alpha", a.lora.alpha, "their scale is alpha / rank")->capture_default_str()->needs(lora);
  app.add_option("--targets", a.lora.targets,
                 "matrices that get one: query,key,value,out,gate,up,down, paths with *, or all")
      ->delimiter(',')
      ->capture_default_str()
      ->needs(lora);
  app.add_flag("--merge", a.merge, "write the whole model with the adapters worked in")->needs(lora);
  app.add_option("--steps", a.steps, "updates")->capture_default_str();
  app.add_option("--batch", a.batch, "sequences or pairs a step")->capture_default_str();
  app.add_option("--accumulate", a.accumulate, "parts that a batch is computed in, to spare memory");
  app.add_option("--learning-rate", a.learning_rate, "the highest");
  app.add_option("--warmup", a.warmup, "steps over which it rises; it falls as a cosine");
  app.add_option("--weight-decay", a.weight_decay, "of matrices")->capture_default_str();
  app.add_option("--clip", a.clip, "largest norm of a gradient; 0: any")->capture_default_str();
  app.add_option("--held-out", a.held_out, "share of the data that is measured and not learned from")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--dropout", a.dropout, "share of embeddings, attention and branches that a step drops")
      ->capture_default_str();
  app.add_option("--checkpoint-every", a.checkpoint_every, "steps between checkpoints in --out; 0: none")
      ->capture_default_str();
  auto* const resume =
      app.add_flag("--resume", a.resume, "go on from the last checkpoint in --out, if there is one");
  add_overwrite(app, a.overwrite)->excludes(resume);
  app.add_flag("--recompute", a.recompute, "activation checkpointing: less memory, a third more time");
  add_seed(app, a.seed, "of the adapters and of all draws");
  add_dtype(app, a.load.dtype);
  add_threads(app, a.threads);
  app.add_option("--log-every", a.log_every, "steps between lines where stderr is no terminal");
  app.add_flag("--json", a.json, "print one JSON value");
}

/// Adapters where they are asked for. Call it before the model is handed to a trainer.
template <class Model> void add_adapters(Model& model, const AdaptArguments& a) {
  if (!a.use_lora) return;
  ef::LoraConfig lora = a.lora;
  lora.seed = {a.seed};
  ef::add_lora(model.parameters(), lora);
}

inline ef::TrainerOptions trainer_options(const AdaptArguments& a, double usual_rate) {
  ef::TrainerOptions o;
  o.steps = a.steps;
  o.schedule = {.rate = a.learning_rate > 0 ? a.learning_rate : usual_rate,
                .decay = ef::Decay::cosine,
                .warmup = a.warmup};
  o.optimizer = ef::AdamW{.weight_decay = a.weight_decay};
  o.clip = a.clip;
  o.micro_batches = a.accumulate;
  o.dropout = {a.dropout, a.dropout, a.dropout};
  o.seed = {a.seed};
  return o;
}

/// What a training that goes on from a checkpoint must agree on, beside the trainer's options.
inline ef::TrainingFacts facts_of(const AdaptArguments& a) {
  const std::string data = ef::read_text(a.data);
  ef::TrainingFacts facts{
      {"model", a.folder},
      {"dtype", std::string(a.load.dtype ? ef::name_of(*a.load.dtype) : "as stored")},
      {"data", ef::concat(ef::fingerprint(std::vector<ef::Token>(data.begin(), data.end())))},
      {"held_out", ef::concat(a.held_out)},
      {"batch", ef::concat(a.batch)},
      {"seed", ef::concat(a.seed)},
      {"adapters", "none"}};
  if (a.use_lora) {
    std::string& adapters = facts["adapters"] =
        ef::concat("rank ", a.lora.rank, ", alpha ", a.lora.alpha, ", of");
    for (const std::string& target : a.lora.targets) adapters += ' ' + target;
  }
  return facts;
}

/// Takes a trainer of a model, or of its adapters, to its end.
template <class Model, class Source>
TrainingRun run_steps(ef::Trainer<float>& trainer, Model& model, const AdaptArguments& a,
                      const ef::TrainingFacts& facts, Source&& source) {
  return run_training(
      trainer, {a.out, a.checkpoint_every, false, a.resume, a.log_every, a.overwrite}, facts, source,
      [&](const std::string& folder) {
        if (a.use_lora) return ef::save_adapter(model, folder, {.source = a.folder});
        ef::save(model, folder, {.source = a.folder});
      },
      [&](const std::string& checkpoint, const ef::TrainingFacts& with) {
        if (a.use_lora) return ef::resume(checkpoint, trainer, with);
        ef::resume(checkpoint, model, trainer, with);
      });
}

/// The adapters, or the whole model, with the tokenizer of the folder that it came from.
template <class Model> void write_result(Model& model, const AdaptArguments& a) {
  const bool adapters_alone = a.use_lora && !a.merge;
  if (a.use_lora && a.merge) {
    ef::Threads threads(a.threads);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    ef::merge_lora(model.parameters(), run);
  }
  replace_model(a.out, [&] {
    if (adapters_alone) return ef::save_adapter(model, a.out, {.source = a.folder});
    ef::save(model, a.out, {.source = a.folder});
  });
}

/// How many numbers are trained.
template <class S> ef::Index trained(const ef::Trainable<S>& model) {
  ef::Index n = 0;
  for (const auto& leaf : model.gradient) n += leaf.size();
  return n;
}

/// The token that ends an answer: the folder's first end token, if it has one.
inline std::optional<ef::Token> end_token(const std::string& folder) {
  const auto ends = ef::load_generation_config(folder).end_tokens;
  return ends.empty() ? std::nullopt : std::optional<ef::Token>(ends.front());
}

/// The tokens, with the end token where there is one and they have it not yet.
inline std::vector<ef::Token> ended(std::vector<ef::Token> tokens, std::optional<ef::Token> end) {
  if (end && (tokens.empty() || tokens.back() != *end)) tokens.push_back(*end);
  return tokens;
}

/// The tokens of an answer, without those that a tokenizer frames a whole text with.
inline std::vector<ef::Token> answer_tokens(const ef::Tokenizer& tokenizer, const std::string& text,
                                            std::optional<ef::Token> end) {
  return ended(tokenizer.encode(text, false), end);
}

/// Cuts the last `share` of a list off, and returns it; at least one where the share is not 0.
template <class T> std::vector<T> split_off(std::vector<T>& all, double share) {
  if (share == 0 || all.size() < 2) return {};
  const auto cut = static_cast<std::ptrdiff_t>(
      std::clamp(static_cast<double>(all.size()) * share, 1.0, static_cast<double>(all.size() - 1)));
  std::vector<T> out(std::make_move_iterator(all.end() - cut), std::make_move_iterator(all.end()));
  all.resize(all.size() - static_cast<std::size_t>(cut));
  return out;
}

}  // namespace example
