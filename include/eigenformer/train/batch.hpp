// What one training step learns from, in one form for all three families: objectives make it, the trainer
// consumes it.
#pragma once

#include <eigenformer/train/gradient.hpp>

#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Sequences and what is expected of them. A label is ignored_label where nothing is.
struct TrainingBatch {
  TokenBatch inputs;          ///< of an encoder-decoder the sources
  TokenBatch types;           ///< token types of an encoder's inputs; empty: all 0
  TokenBatch targets;         ///< what the decoder of an encoder-decoder is fed, the start token first
  std::vector<Token> labels;  ///< one a row of the inputs (of the targets, where there are any), in their
                              ///< order; for classes of texts one a text
};

/// The loss of a batch and, with `grad`, its gradient, by the function of the family.
template <class S>
Loss loss_and_gradient(const CausalLM<S>& model, const TrainingBatch& batch, const LossOptions& options,
                       Run& run, TrainingMemory<S>& memory, std::type_identity_t<Transformer<S>>* grad) {
  return loss_and_gradient(model, batch.inputs, batch.labels, options, run, memory, grad);
}
template <class S>
Loss loss_and_gradient(const Encoder<S>& model, const TrainingBatch& batch, const LossOptions& options,
                       Run& run, TrainingMemory<S>& memory, std::type_identity_t<Transformer<S>>* grad) {
  return loss_and_gradient(model, batch.inputs, batch.types, batch.labels, options, run, memory, grad);
}
template <class S>
Loss loss_and_gradient(const Seq2Seq<S>& model, const TrainingBatch& batch, const LossOptions& options,
                       Run& run, TrainingMemory<S>& memory, std::type_identity_t<Transformer<S>>* grad) {
  return loss_and_gradient(model, batch.inputs, batch.targets, batch.labels, options, run, memory, grad);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
