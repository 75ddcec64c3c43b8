// The trainer: batch after batch, a gradient, its norm, a rate, an update. It reads no files and writes none
// (hub/checkpoint.hpp does), and it holds nothing that depends on time but what it reports.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/train/optimizer.hpp>
#include <eigenformer/train/schedule.hpp>
#include <eigenformer/train/trainable.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <optional>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A loss or a gradient that is no number. The update of that step was not made: the parameters are those
/// after the step before it.
struct DivergenceError : Error {
  DivergenceError(Index at, const std::string& why) : Error(why), step(at) {}
  Index step;
};

struct TrainerOptions {
  Index steps = 1000;               ///< updates in all
  Schedule schedule{.rate = 1e-3};  ///< its own `steps`, where 0, are those above
  OptimizerConfig optimizer = AdamW{};
  DecayRule decays = decay_matrices;
  double clip = 1.0;        ///< the largest norm of a gradient; 0: any
  Index micro_batches = 1;  ///< parts in which a batch is computed, one after another: the same gradient (but
                            ///< for rounding) in less memory
  double label_smoothing = 0.0;
  DropoutRates dropout{};  ///< of steps; nothing is dropped where a loss is measured
  Seed seed{};             ///< of what is dropped, with the step
  /// Products of floats, forward and backward, round their factors to bfloat16 where the processor has a unit
  /// for it (bf16_kernel.hpp); sums, gradients, norms and the optimiser stay as they are.
  bool bf16_products = false;
  /// Products of floats and doubles go to Eigen's own expressions (Run::eigen_products).
  bool eigen_products = false;
  std::vector<TrainingBatch> held_out{};  ///< what is measured, and not learned from
  Index evaluate_every = 0;               ///< steps from one measurement to the next; 0: after the last step
};

/// How a step went.
struct StepReport {
  Index step = 0;                ///< updates made so far: 1 after the first
  double loss = 0;               ///< mean over the labels of the step's batch, before its update, in nats
  double learning_rate = 0;      ///< of this update
  double gradient_norm = 0;      ///< before clipping
  Index tokens = 0;              ///< in this step's batch, sources and targets
  double tokens_per_second = 0;  ///< over the last steps
  double seconds_left = 0;       ///< at that speed
  std::optional<double> held_out_loss{};  ///< mean over its labels, where it was measured after this step
};

namespace detail {

inline Index counted_labels(const TrainingBatch& batch) {
  return std::count_if(batch.labels.begin(), batch.labels.end(),
                       [](Token label) { return label != ignored_label; });
}

/// @throws ConfigError  for options that cannot be
inline TrainerOptions checked(TrainerOptions o) {
  if (o.steps < 1) fail(ConfigError("steps", concat("must be at least 1, is ", o.steps)));
  if (!(o.clip >= 0)) fail(ConfigError("clip", concat("must not be negative, is ", o.clip)));
  if (o.micro_batches < 1)
    fail(ConfigError("micro_batches", concat("must be at least 1, is ", o.micro_batches)));
  if (!(o.label_smoothing >= 0 && o.label_smoothing < 1))
    fail(ConfigError("label_smoothing", concat("must lie in [0, 1), is ", o.label_smoothing)));
  if (o.evaluate_every < 0)
    fail(ConfigError("evaluate_every", concat("must not be negative, is ", o.evaluate_every)));
  for (const TrainingBatch& batch : o.held_out)
    if (counted_labels(batch) == 0)
      fail(ConfigError("held_out", concat("no label of batch ", &batch - o.held_out.data(), " counts")));
  validate(o.dropout);
  if (o.schedule.steps == 0) o.schedule.steps = o.steps;
  validate(o.schedule);
  return o;
}

inline Index tokens_of(const TrainingBatch& batch) {
  std::size_t tokens = 0;
  for (const auto* part : {&batch.inputs, &batch.targets})
    for (const auto& sequence : *part) tokens += sequence.size();
  return static_cast<Index>(tokens);
}

}  // namespace detail

/// Trains what it is given, in place. The same options and batches give the same bits, for any number of
/// threads.
template <class S> class Trainer {
 public:
  /// All of a model's parameters: CausalLM, Seq2Seq, Encoder and its kin. The model must stay where it is.
  /// @throws ConfigError  for options that cannot be
  template <class Model>
  requires requires(Model& m) { trainable(m); }
  Trainer(Model& model, TrainerOptions options, Threads& threads)
      : Trainer(trainable(model), std::move(options), threads) {}

  Trainer(Trainable<S> model, TrainerOptions options, Threads& threads)
      : model_(std::move(model)),
        options_(detail::checked(std::move(options))),
        threads_(threads),
        optimizer_(options_.optimizer, options_.decays) {}

  const TrainerOptions& options() const { return options_; }
  const Optimizer<S>& optimizer() const { return optimizer_; }
  const Trainable<S>& model() const { return model_; }
  /// Updates made so far.
  Index steps() const { return optimizer_.steps(); }
  bool finished() const { return steps() >= options_.steps; }

  /// Goes on from where another trainer of the same model stood: the steps it made, its optimiser's state,
  /// and all its parameters; none leave those that are there.
  /// @throws InputError  as Optimizer::restore, and for parameters of other shapes, before anything changes
  void restore(Index steps, std::vector<typename Optimizer<S>::State> states,
               const std::vector<Matrix<S>>& values = {});

  /// One update.
  /// @throws DivergenceError  where the loss or the gradient is no number
  /// @throws InputError, WindowError  for a batch that does not fit the model, or in which no label counts
  StepReport step(const TrainingBatch& batch);

  /// The loss of batches that are not learned from.
  Loss evaluate(std::span<const TrainingBatch> batches);

  /// All steps that are left. source(step) gives the batch of step 0, 1, …, always the same for the same
  /// step; report(StepReport) is called after each.
  template <std::invocable<Index> Source, std::invocable<const StepReport&> Report>
  void run(Source&& source, Report&& report) {
    while (!finished()) {
      StepReport made = step(source(steps()));
      const Index every = options_.evaluate_every;
      if (!options_.held_out.empty() && (finished() || (every && steps() % every == 0)))
        made.held_out_loss = evaluate(options_.held_out).mean();
      report(std::as_const(made));
    }
  }

 private:
  Run make_run() {
    return {threads_, workspace_, options_.bf16_products && fastest_bf16_form() != Bf16Form::portable,
            options_.eigen_products};
  }

  /// Leaves the gradient of the batch's mean loss; returns that.
  double gradient_of(const TrainingBatch& batch, Run& run, Index step);

  void pace(StepReport& report, double seconds) {
    constexpr double old = 0.9;  // share of what was measured before
    const bool first = seconds_ == 0;
    seconds_ = first ? seconds : old * seconds_ + (1 - old) * seconds;
    const auto tokens = static_cast<double>(report.tokens);
    tokens_ = first ? tokens : old * tokens_ + (1 - old) * tokens;
    report.tokens_per_second = tokens_ / (std::max)(seconds_, 1e-9);
    report.seconds_left = static_cast<double>(options_.steps - steps()) * seconds_;
  }

  Trainable<S> model_;
  TrainerOptions options_;
  Threads& threads_;
  Workspace workspace_;
  Optimizer<S> optimizer_;
  double seconds_ = 0, tokens_ = 0;  // of a step, smoothed
};

template <class S>
void Trainer<S>::restore(Index steps, std::vector<typename Optimizer<S>::State> states,
                         const std::vector<Matrix<S>>& values) {
  const std::vector<Leaf<S>>& parameters = model_.parameters;
  if (!values.empty() && values.size() != parameters.size())
    fail(InputError(concat("values of ", values.size(), " parameters, not ", parameters.size())));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].rows() != parameters[i].rows || values[i].cols() != parameters[i].columns)
      fail(InputError(concat("the value of ", parameters[i].path, " is [", values[i].rows(), ", ",
                             values[i].cols(), "], not [", parameters[i].rows, ", ", parameters[i].columns,
                             ']')));
  optimizer_.restore(steps, std::move(states), parameters, model_.gradient);
  for (std::size_t i = 0; i < values.size(); ++i)
    std::copy_n(values[i].data(), values[i].size(), parameters[i].values);
  Run run = make_run();
  if (model_.changed) model_.changed(run);
}

template <class S> StepReport Trainer<S>::step(const TrainingBatch& batch) {
  const auto begin = std::chrono::steady_clock::now();
  Run run = make_run();
  StepReport report;
  report.step = steps() + 1;
  report.tokens = detail::tokens_of(batch);
  report.learning_rate = learning_rate(options_.schedule, steps());
  report.loss = gradient_of(batch, run, report.step);
  report.gradient_norm =
      options_.clip > 0 ? clip(run, model_.gradient, options_.clip) : global_norm(run, model_.gradient);
  if (!std::isfinite(report.gradient_norm))
    fail(DivergenceError(report.step,
                         concat("training stopped: the gradient of step ", report.step, " is not finite")));
  optimizer_.step(run, model_.parameters, model_.gradient, report.learning_rate);
  if (model_.changed) model_.changed(run);
  pace(report, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return report;
}

template <class S> Loss Trainer<S>::evaluate(std::span<const TrainingBatch> batches) {
  Run run = make_run();
  Loss total;
  for (const TrainingBatch& batch : batches) {
    const Loss loss = model_.loss(batch, {}, run, nullptr);
    total.sum += loss.sum;
    total.counted += loss.counted;
  }
  return total;
}

template <class S> double Trainer<S>::gradient_of(const TrainingBatch& batch, Run& run, Index step) {
  for (const Leaf<S>& leaf : model_.gradient) std::fill(leaf.values, leaf.values + leaf.size(), S(0));
  const Index counted = detail::counted_labels(batch);
  if (counted == 0) fail(InputError(concat("no label of the batch of step ", step, " counts")));
  LossOptions options{options_.label_smoothing, 1.0 / static_cast<double>(counted)};
  const Index parts = options_.micro_batches;
  DropoutPass pass{options_.dropout, options_.seed, static_cast<std::uint64_t>(steps() * parts)};
  double sum = 0;
  if (parts == 1) {
    sum = model_.loss(batch, options, run, &pass).sum;
  } else {
    for (Index i = 0; i < parts; ++i, ++pass.number) {
      const TrainingBatch part = part_of(batch, i, parts, model_.labels_of_texts);
      if (detail::counted_labels(part)) sum += model_.loss(part, options, run, &pass).sum;
    }
  }
  const double mean = sum / static_cast<double>(counted);
  if (!std::isfinite(mean))
    fail(DivergenceError(step, concat("training stopped: the loss of step ", step, " is ", mean)));
  return mean;
}

EIGENFORMER_ONCE(train, class Trainer<float>);
EIGENFORMER_ONCE(train, class Trainer<double>);

template <template <class> class Model, class S> Trainer(Model<S>&, TrainerOptions, Threads&) -> Trainer<S>;
template <class S, Head head> Trainer(Labeller<S, head>&, TrainerOptions, Threads&) -> Trainer<S>;

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
