// Checkpoints of a training: a folder FOLDER/checkpoint-STEP that is a model's folder like any other, with
// the optimiser's state and the step beside it. It is written under another name, brought onto the disk, and
// renamed as a whole; only then do older ones go. Whatever stops a training, the last checkpoint is complete.
#pragma once

#include <eigenformer/core/function_ref.hpp>
#include <eigenformer/model/each_model.hpp>
#include <eigenformer/train/trainer.hpp>

#include <map>
#include <optional>
#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// What two trainings must agree on for one to go on where the other stopped: names and values.
using TrainingFacts = std::map<std::string, std::string>;

/// All options on which the bits of a training depend. A constant rate does not know the number of steps, so
/// a training at one may go on for longer than it was meant to.
TrainingFacts facts_of(const TrainerOptions& o);

/// The last complete checkpoint of a folder, if there is one.
std::optional<std::string> last_checkpoint(const std::string& folder);

/// Removes all complete checkpoints of a folder.
void remove_checkpoints(const std::string& folder);

/// Writes FOLDER/checkpoint-STEP. Of those of lower steps the last `keep` − 1 stay; those of higher steps,
/// which another training has left there, all do. save_model(path) writes the model, and whatever else
/// belongs there, into a folder that is there already.
/// @param facts  what a training that goes on from it must agree on, beside the trainer's own options: the
///               data, the seed
/// @return its path
/// @throws FileError        if it cannot be written; the checkpoints before it are still there then
/// @throws DivergenceError  if a parameter is no longer a number: that is no state to go on from
template <class S>
std::string write_checkpoint(const std::string& folder, const Trainer<S>& trainer, TrainingFacts facts,
                             FunctionRef<void(const std::string&)> save_model, Index keep = 1);

/// Goes on from a checkpoint of a training whose parameters are not the model's own (Trainable::apart), as
/// those of adapters. `facts` as in write_checkpoint; those must tell the model that is adapted. Nothing
/// changes before all of it was found to fit.
/// @throws FileError, InputError  for a file that is absent or damaged
/// @throws ConfigError            for a checkpoint of another training, with what differs
template <class S> void resume(const std::string& checkpoint, Trainer<S>& trainer, TrainingFacts facts);

/// The same for a training of a whole model, whose architecture must be that of the checkpoint.
/// @throws ConfigError  also for a checkpoint of another architecture
template <class Model, class S>
void resume(const std::string& checkpoint, Model& model, Trainer<S>& trainer, TrainingFacts facts);

EIGENFORMER_ONCE(save,
                 std::string write_checkpoint<float>(const std::string&, const Trainer<float>&, TrainingFacts,
                                                     FunctionRef<void(const std::string&)>, Index));
EIGENFORMER_ONCE(save, void resume<float>(const std::string&, Trainer<float>&, TrainingFacts));
EIGENFORMER_ONCE(save, std::string write_checkpoint<double>(const std::string&, const Trainer<double>&,
                                                            TrainingFacts,
                                                            FunctionRef<void(const std::string&)>, Index));
EIGENFORMER_ONCE(save, void resume<double>(const std::string&, Trainer<double>&, TrainingFacts));

#define EIGENFORMER_RESUME(Model, S) \
  void resume<Model, S>(const std::string&, Model&, Trainer<S>&, TrainingFacts)
EIGENFORMER_ONCE_EACH_MODEL(save, EIGENFORMER_RESUME);
#undef EIGENFORMER_RESUME

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/checkpoint.inl.hpp>
#endif
