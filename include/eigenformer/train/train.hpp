// One call that trains a small causal language model on one text.
#pragma once

#include <eigenformer/train/sources.hpp>
#include <eigenformer/train/trainer.hpp>

#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct TrainOptions {
  Index steps = 1000;
  Index batch = 8;              ///< windows a step
  Index window = 0;             ///< tokens; 0: all that the model can see
  double learning_rate = 1e-3;  ///< the highest
  Index warmup = 0;             ///< steps over which it rises from 0
  Decay decay = Decay::cosine;  ///< how it falls after that
  double weight_decay = 0.1;    ///< of matrices, by AdamW
  double clip = 1.0;            ///< the largest norm of a gradient; 0: any
  double dropout = 0.0;         ///< share that is dropped of embeddings, attention and branches
  std::uint64_t seed = 0;       ///< of the places that windows are drawn from, and of what is dropped
};

/// Trains a model, in place, to continue a text: AdamW on windows from random places. report(StepReport) is
/// called after every step.
/// @throws InputError       for a text shorter than one window and the token after it
/// @throws ConfigError      for options that cannot be
/// @throws WindowError      for a window beyond the model's
/// @throws DivergenceError  where the loss is no longer a number
template <class S, std::invocable<const StepReport&> Report>
void train(CausalLM<S>& model, std::vector<Token> text, const TrainOptions& options, Threads& threads,
           Report&& report) {
  const Index window = options.window ? options.window : model.config().max_positions;
  check_window(window, model.config());
  const WindowDraws windows(std::move(text), window + 1, options.batch, Seed{options.seed});
  Trainer<S> trainer(
      model,
      TrainerOptions{
          .steps = options.steps,
          .schedule = {.rate = options.learning_rate, .decay = options.decay, .warmup = options.warmup},
          .optimizer = AdamW{.weight_decay = options.weight_decay},
          .clip = options.clip,
          .dropout = {options.dropout, options.dropout, options.dropout},
          .seed = {options.seed}},
      threads);
  trainer.run([&](Index step) { return next_token_batch(windows(step)); }, report);
}

/// The same without reports.
template <class S>
void train(CausalLM<S>& model, std::vector<Token> text, const TrainOptions& options, Threads& threads) {
  train(model, std::move(text), options, threads, [](const StepReport&) {});
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
