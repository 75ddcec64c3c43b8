// Training a model's adapters alone (model/lora.hpp), over a base that is frozen: no gradient, no moment and
// no master copy exists for it, and it may be mapped from a file, bfloat16, int8 or int4.
#pragma once

#include <eigenformer/model/lora.hpp>
#include <eigenformer/train/trainable.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Whether adapting a model with this config trains its head in full beside the adapters: that of classes,
/// which is new for every task (peft's modules_to_save).
inline bool adapts_head(const ModelConfig& config) {
  return config.head == Head::text_classes || config.head == Head::token_classes;
}

/// A gradient for the adapters, and for the head's linear layers where `head`; all else is empty, hence
/// frozen.
template <class S> Transformer<S> lora_gradient(const Transformer<S>& p, bool head) {
  Transformer<S> grad;
  grad.encoder.blocks.resize(p.encoder.blocks.size());
  grad.decoder.blocks.resize(p.decoder.blocks.size());
  std::vector<const Linear<S>*> linears;
  for_each_linear(p, [&](const std::string&, const Linear<S>& linear) { linears.push_back(&linear); });
  std::size_t i = 0;
  for_each_linear(grad, [&](const std::string& path, Linear<S>& d) {
    const Linear<S>& linear = *linears[i++];
    if (!linear.lora.empty())
      d.lora = {Weight<S>(linear.lora.a.rows(), linear.lora.a.cols()),
                Weight<S>(linear.lora.b.rows(), linear.lora.b.cols()), linear.lora.scale};
    if (!head || !path.starts_with("head.")) return;
    d.weight = Weight<S>(linear.weight.rows(), linear.weight.cols());
    d.bias = RowVector<S>::Zero(linear.bias.size());
  });
  return grad;
}

/// The leaves that lora_gradient has: those of the adapters, and of the head where `head`.
template <class S> std::vector<Leaf<S>> lora_leaves(Transformer<S>& p, bool head) {
  std::vector<Leaf<S>> all;
  for_each_linear(p, [&](const std::string& path, Linear<S>& linear) {
    const auto add = [&](auto& of, const std::string& name) {
      for (Leaf<S>& leaf : leaves<S>(of)) {
        leaf.path = name + leaf.path;
        if (leaf.size()) all.push_back(std::move(leaf));
      }
    };
    add(linear.lora, path + ".lora.");
    if (head && path.starts_with("head.")) add(linear, path + '.');
  });
  return all;
}

namespace detail {

template <class S, class Model>
std::shared_ptr<KeptForTraining<S>> prepare_lora(Model& model, bool recompute, Trainable<S>& out) {
  Transformer<S>& p = model.parameters();
  if (!has_lora(p)) fail(ConfigError("lora", "this model has no adapters to train: see add_lora"));
  const bool head = adapts_head(model.config());
  if (head) own_values(p.head);
  const auto kept = keep_for_training<S>(recompute);
  kept->gradient = lora_gradient(p, head);
  out.parameters = lora_leaves(p, head);
  out.gradient = lora_leaves(kept->gradient, head);
  out.labels_of_texts = model.config().head == Head::text_classes;
  out.apart = true;
  return kept;
}

}  // namespace detail

/// A model's adapters, and the head of classes, as a trainer takes them. The model must stay where it is and
/// outlive the result.
/// @param recompute  see TrainingMemory
/// @throws ConfigError  for a model without adapters
template <template <class> class Model, class S>
Trainable<S> trainable_lora(Model<S>& model, bool recompute = false) {
  Trainable<S> out;
  out.loss = detail::loss_of(model, detail::prepare_lora<S>(model, recompute, out));
  return out;
}

EIGENFORMER_ONCE(train, Trainable<float> trainable_lora<CausalLM, float>(CausalLM<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable_lora<CausalLM, double>(CausalLM<double>&, bool));
EIGENFORMER_ONCE(train, Trainable<float> trainable_lora<Seq2Seq, float>(Seq2Seq<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable_lora<Seq2Seq, double>(Seq2Seq<double>&, bool));
EIGENFORMER_ONCE(train, Trainable<float> trainable_lora<Encoder, float>(Encoder<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable_lora<Encoder, double>(Encoder<double>&, bool));
EIGENFORMER_ONCE(train, Trainable<float> trainable_lora<MaskedLM, float>(MaskedLM<float>&, bool));
EIGENFORMER_ONCE(train, Trainable<double> trainable_lora<MaskedLM, double>(MaskedLM<double>&, bool));

/// An encoder with labels, as above.
template <class S, Head head> Trainable<S> trainable_lora(Labeller<S, head>& model, bool recompute = false) {
  return trainable_lora<Encoder, S>(model, recompute);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
