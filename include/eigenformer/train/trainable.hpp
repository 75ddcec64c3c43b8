// What a trainer needs of a model: its parameters and their gradient as flat lists, and its loss.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/train/batch.hpp>
#include <eigenformer/train/leaf.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Anything with a loss that a TrainingBatch describes. The lists match place by place; a gradient that is
/// empty belongs to a frozen parameter.
template <class S> struct Trainable {
  std::vector<Leaf<S>> parameters, gradient;
  /// The loss of a batch; where a pass to learn from is given, its gradient is added to `gradient`.
  std::function<Loss(const TrainingBatch&, const LossOptions&, Run&, const DropoutPass* learn)> loss;
  /// Whether labels belong to texts, one a sequence, and not to tokens.
  bool labels_of_texts = false;
  /// Whether the parameters are others than the model's folder holds (adapters, masters of rounded weights),
  /// so that checkpoints must keep them.
  bool apart = false;
  /// Called after each change of the parameters, where given.
  std::function<void(Run&)> changed = {};
};

namespace detail {

/// What training keeps beside a model.
template <class S> struct KeptForTraining {
  Transformer<S> gradient;
  TrainingMemory<S> memory;

  /// Where the pass at hand adds its gradient; nowhere for one that is only measured.
  Transformer<S>* gradient_of(const DropoutPass* learn) {
    if (!learn) return nullptr;
    memory.dropout = *learn;
    return &gradient;
  }
};

template <class S> std::shared_ptr<KeptForTraining<S>> keep_for_training(bool recompute) {
  auto kept = std::make_shared<KeptForTraining<S>>();
  kept->memory.recompute = recompute;
  return kept;
}

/// All of a model's parameters and their gradient, into `out`; what was mapped from a file is copied first.
template <class S, class Model>
std::shared_ptr<KeptForTraining<S>> prepare_all(Model& model, bool recompute, Trainable<S>& out) {
  own_values(model.parameters());
  const auto kept = keep_for_training<S>(recompute);
  kept->gradient = zero_parameters<S>(model.config());
  out.parameters = leaves<S>(model.parameters());
  out.gradient = leaves<S>(kept->gradient);
  out.labels_of_texts = model.config().head == Head::text_classes;
  return kept;
}

/// Trainable::loss of a model.
template <class Model, class S> auto loss_of(const Model& model, std::shared_ptr<KeptForTraining<S>> kept) {
  return [&model, kept = std::move(kept)](const TrainingBatch& batch, const LossOptions& options, Run& run,
                                          const DropoutPass* learn) {
    return loss_and_gradient(model, batch, options, run, kept->memory, kept->gradient_of(learn));
  };
}

}  // namespace detail

/// All of a model's parameters, for training from scratch and full fine-tuning. The model must stay where it
/// is and outlive the result. Weights that are mapped from a file are copied first.
/// @param recompute  see TrainingMemory
template <template <class> class Model, class S>
Trainable<S> trainable(Model<S>& model, bool recompute = false) {
  Trainable<S> out;
  out.loss = detail::loss_of(model, detail::prepare_all<S>(model, recompute, out));
  return out;
}

/// An encoder with labels, as above.
template <class S, Head head> Trainable<S> trainable(Labeller<S, head>& model, bool recompute = false) {
  return trainable<Encoder, S>(model, recompute);
}

EIGENFORMER_ONCE(train, Trainable<float> trainable<CausalLM, float>(CausalLM<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable<CausalLM, double>(CausalLM<double>&, bool));
EIGENFORMER_ONCE(train, Trainable<float> trainable<Seq2Seq, float>(Seq2Seq<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable<Seq2Seq, double>(Seq2Seq<double>&, bool));
EIGENFORMER_ONCE(train, Trainable<float> trainable<Encoder, float>(Encoder<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable<Encoder, double>(Encoder<double>&, bool));
EIGENFORMER_ONCE(train, Trainable<float> trainable<MaskedLM, float>(MaskedLM<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable<MaskedLM, double>(MaskedLM<double>&, bool));

/// One of `count` parts of a batch, cut between sequences: part 0, 1, …, all together the whole batch.
inline TrainingBatch part_of(const TrainingBatch& batch, Index part, Index count, bool labels_of_texts) {
  const auto sequences = static_cast<Index>(batch.inputs.size());
  const Index begin = sequences * part / count, end = sequences * (part + 1) / count;
  const auto cut = [&](const TokenBatch& from) {
    if (from.empty()) return TokenBatch{};
    return TokenBatch(from.begin() + begin, from.begin() + end);
  };
  const TokenBatch& labelled = batch.targets.empty() ? batch.inputs : batch.targets;
  const auto labels_before = [&](Index sequence) {
    if (labels_of_texts) return sequence;
    Index rows = 0;
    for (Index i = 0; i < sequence; ++i)
      rows += static_cast<Index>(labelled[static_cast<std::size_t>(i)].size());
    return rows;
  };
  return {cut(batch.inputs),
          cut(batch.types),
          cut(batch.targets),
          {batch.labels.begin() + labels_before(begin), batch.labels.begin() + labels_before(end)}};
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
