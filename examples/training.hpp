// What the training programs share: a loop under a progress line, with checkpoints to go on from.
#pragma once

#include "common.hpp"
#include "output.hpp"
#include "progress.hpp"
#include <eigenformer/hub/checkpoint.hpp>

#include <functional>
#include <string>

namespace example {

struct TrainingPlan {
  std::string folder;              ///< of the checkpoints
  ef::Index checkpoint_every = 0;  ///< steps; 0: none on the way
  bool last_checkpoint = false;    ///< also one after the last step
  bool resume = false;             ///< go on from the last checkpoint, if there is one
  ef::Index log_every = 50;        ///< steps between lines where stderr is no terminal
  bool overwrite = false;          ///< begin anew where checkpoints of another training are
};

/// How a training went, as far as this process made it.
struct TrainingRun {
  ef::Index resumed = 0;  ///< the step that it went on from
  ef::StepReport last{};
  double tokens = 0, seconds = 0;
  LossHistory history{};  ///< of all steps
};

/// Takes a trainer to its end. save(folder) writes the model into a checkpoint, resume(checkpoint, facts)
/// goes on from one; `facts` as in ef::write_checkpoint.
/// @throws DivergenceError  which names the last checkpoint
template <class Source>
TrainingRun run_training(ef::Trainer<float>& trainer, const TrainingPlan& plan,
                         const ef::TrainingFacts& facts, Source&& source,
                         const std::function<void(const std::string&)>& save,
                         const std::function<void(const std::string&, const ef::TrainingFacts&)>& resume) {
  TrainingRun run;
  if (plan.overwrite) ef::remove_checkpoints(plan.folder);
  if (const auto found = ef::last_checkpoint(plan.folder)) {
    if (!plan.resume)
      ef::fail(ef::FileError(*found,
                             "is there already: go on from it with --resume, begin anew with "
                             "--overwrite, or choose another --out"));
    resume(*found, facts);
    run.history.read(*found + "/loss.csv");
    std::fprintf(stderr, "going on from %s\n", found->c_str());
  }
  run.resumed = trainer.steps();
  const Progress progress(trainer.options().steps, (std::max)(plan.log_every, ef::Index{1}));
  const Stopwatch watch;
  try {
    trainer.run(source, [&](const ef::StepReport& report) {
      run.last = report;
      run.tokens += static_cast<double>(report.tokens);
      run.history.add(report);
      progress.show(report);
      const bool due = plan.checkpoint_every && report.step % plan.checkpoint_every == 0;
      if (!due && !(plan.last_checkpoint && trainer.finished())) return;
      ef::write_checkpoint(plan.folder, trainer, facts, [&](const std::string& folder) {
        save(folder);
        run.history.write_table(folder + "/loss.csv");
      });
    });
  } catch (const ef::DivergenceError& error) {
    const auto good = ef::last_checkpoint(plan.folder);
    ef::fail(ef::DivergenceError(
        error.step,
        ef::concat(error.what(), good ? "; the last checkpoint is " + *good : "; no checkpoint")));
  }
  run.seconds = watch.seconds();
  return run;
}

}  // namespace example
