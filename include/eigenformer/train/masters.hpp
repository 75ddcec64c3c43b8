// Weights in bfloat16 with masters in float (Micikevicius et al. 2017, "Mixed Precision Training", §3.1): the
// optimiser changes the masters, and the model computes with what they are rounded to. An update that is too
// small for bfloat16's eight bits is not lost: it adds up in the master.
#pragma once

#include <eigenformer/train/trainable.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// All of a model's parameters, as trainable(); its matrices become bfloat16, two bytes a number, which
/// products read as they are. Vectors (biases, norms) stay float, and so do gradients and activations.
template <template <class> class Model>
Trainable<float> trainable_bfloat16(Model<float>& model, bool recompute = false) {
  struct Rounded {
    Matrix<float> master;
    bfloat16* weight;
  };
  const auto rounded = std::make_shared<std::vector<Rounded>>();
  const auto kept = detail::keep_for_training<float>(recompute);
  kept->gradient = zero_parameters<float>(model.config());
  Trainable<float> out{{}, leaves<float>(kept->gradient), detail::loss_of(model, kept)};
  visit(model.parameters(), [&](const std::string& path, auto& leaf) {
    if constexpr (requires { leaf.format(); }) {
      Matrix<float> master = leaf.dense();
      out.parameters.push_back({path, master.data(), master.rows(), master.cols(), true});
      if (leaf.empty()) return;
      const std::shared_ptr<std::byte> memory =
          own_bytes(master.size() * static_cast<Index>(sizeof(bfloat16)));
      leaf = Weight<float>::borrow(Format::bf16, memory.get(), master.rows(), master.cols(), memory);
      rounded->push_back({std::move(master), reinterpret_cast<bfloat16*>(memory.get())});
    } else {
      out.parameters.push_back({path, leaf.data(), leaf.size() ? Index{1} : Index{0}, leaf.size(), false});
    }
  });
  out.labels_of_texts = model.config().head == Head::text_classes;
  out.apart = true;
  out.changed = [rounded](Run& run) {
    for (const Rounded& each : *rounded)
      run.threads.slices(each.master.size(), Index{1 << 14}, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) each.weight[i] = bfloat16(each.master.data()[i]);
      });
  };
  alone(out.changed);
  return out;
}

/// An encoder with labels, as above.
template <Head head>
Trainable<float> trainable_bfloat16(Labeller<float, head>& model, bool recompute = false) {
  return trainable_bfloat16<Encoder>(model, recompute);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
