#include "support/machine.hpp"
#include "train/reference/reference.hpp"
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/train/optimizer.hpp>
#include <eigenformer/train/schedule.hpp>

namespace train_references {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;

namespace {

/// One reference in a precision: `loss(run, memory, grad)` computes the batch.
template <class S> struct Family {
  const char* name;
  ef::HubConfig config;
  ef::Transformer<S>* parameters;
  std::function<ef::Loss(ef::Run&, ef::TrainingMemory<S>&, ef::Transformer<S>*)> loss;
};

/// Calls check(family) for each of the four references.
template <class S, class F> void each_family(F&& check) {
  using Memory = ef::TrainingMemory<S>;
  using Gradient = ef::Transformer<S>;
  for (const char* const name : {"gpt2", "llama", "bert-mlm", "t5"}) {
    CAPTURE(std::string(name));
    const std::string folder = reference::folder(name), kind = name;
    const ef::HubConfig config = ef::load_config(folder);
    const ef::SafeTensors file(reference::folder(name) + "/train.safetensors");
    const ef::TokenBatch batch = reference::rows(file, "input_ids", "attention_mask");
    const ef::LossOptions options;
    if (kind == "bert-mlm") {
      auto model = ef::load_masked_lm<S>(folder);
      ef::HubConfig with_head = config;
      with_head.model = model.config();
      const auto labels = reference::labels(file, batch, 0);
      check(
          Family<S>{name, with_head, &model.parameters(), [&](ef::Run& run, Memory& memory, Gradient* grad) {
                      return ef::loss_and_gradient(model, batch, {}, labels, options, run, memory, grad);
                    }});
    } else if (kind == "t5") {
      auto model = ef::load_seq2seq<S>(folder);
      ef::HubConfig filled = config;
      filled.model = model.config();
      const ef::TensorView& stored = file.at("labels");
      ef::TokenBatch targets;
      for (Index b = 0; b < stored.shape[0]; ++b) {
        targets.push_back({config.model.decoder_start_token});
        for (Index i = 0; i + 1 < stored.shape[1]; ++i)
          if (const auto next = stored.element<ef::Token>(b * stored.shape[1] + i); next != ef::ignored_label)
            targets.back().push_back(next);
      }
      const auto labels = reference::labels(file, targets, 0);
      check(Family<S>{name, filled, &model.parameters(), [&](ef::Run& run, Memory& memory, Gradient* grad) {
                        return ef::loss_and_gradient(model, batch, targets, labels, options, run, memory,
                                                     grad);
                      }});
    } else {
      auto model = ef::load_causal_lm<S>(folder);
      const auto labels = reference::labels(file, batch, 1);
      check(Family<S>{name, config, &model.parameters(), [&](ef::Run& run, Memory& memory, Gradient* grad) {
                        return ef::loss_and_gradient(model, batch, labels, options, run, memory, grad);
                      }});
    }
  }
}

/// Before which step a trajectory is determined to this precision. T5's random model, whose scores are not
/// scaled, amplifies a change of its parameters in the last bit by 1e9 within 20 steps: such a change moves
/// its gradient norms by 5e-7 in double from step 13 on.
template <class S> std::size_t determined_steps(const std::string& name) {
  if (name != "t5") return 20;
  return sizeof(S) == 8 ? 13 : 6;
}

double error(double found, double expected) { return std::fabs(found - expected) / std::fabs(expected); }

}  // namespace

TEST_CASE("loss and gradient of every parameter are those of PyTorch, kept or recomputed, on any threads") {
  each_family<double>([](const Family<double>& family) {
    const ef::Json json = ef::read_json(reference::folder(family.name) + "/train.json");
    const ef::SafeTensors file(reference::folder(family.name) + "/train.safetensors");
    ef::Transformer<double> expected = reference::gradient(file, family.config);
    for (const int threads : {1, 3}) {
      Machine machine(threads);
      ef::TrainingMemory<double> memory;
      auto grad = ef::zero_parameters<double>(family.config.model);
      const ef::Loss loss = family.loss(machine.run, memory, &grad);
      CHECK(std::fabs(loss.mean() - json["loss"].get<double>()) < 1e-10);
      CHECK(reference::distance(grad, expected) < 1e-8);
      CHECK(error(ef::global_norm(machine.run, ef::leaves<double>(grad)), json["grad_norm"]) < 1e-8);
      CHECK(family.loss(machine.run, memory, nullptr).mean() == loss.mean());

      memory.recompute = true;
      auto again = ef::zero_parameters<double>(family.config.model);
      CHECK(family.loss(machine.run, memory, &again).mean() == loss.mean());
      CHECK(reference::distance(again, grad) == 0);
      Machine other(4 - threads);
      auto elsewhere = ef::zero_parameters<double>(family.config.model);
      family.loss(other.run, memory, &elsewhere);
      CHECK(reference::distance(elsewhere, grad) == 0);
    }
  });
}

TEST_CASE_TEMPLATE("twenty steps of AdamW go where those of PyTorch go", S, double, float) {
  const double most = sizeof(S) == 8 ? 1e-8 : 1e-4;
  each_family<S>([&](const Family<S>& family) {
    const ef::Json json = ef::read_json(reference::folder(family.name) + "/train.json")["trajectory"];
    Machine machine(2);
    ef::own_values(*family.parameters);
    const auto parameters = ef::leaves<S>(*family.parameters);
    auto grad = ef::zero_parameters<S>(family.config.model);
    const auto gradient = ef::leaves<S>(grad);
    ef::TrainingMemory<S> memory;
    ef::Optimizer<S> optimizer(ef::AdamW{.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1});
    const ef::Schedule schedule{.rate = 1e-3, .decay = ef::Decay::cosine, .warmup = 4, .steps = 20};
    for (std::size_t step = 0; step < 20; ++step) {
      CAPTURE(step);
      ef::scale(machine.run, gradient, 0.0);
      const ef::Loss loss = family.loss(machine.run, memory, &grad);
      const bool determined = step < determined_steps<S>(family.name);
      if (determined || sizeof(S) == 8) CHECK(error(loss.mean(), json["loss"][step]) < most);
      const double norm = ef::clip(machine.run, gradient, 1.0),
                   rate = ef::learning_rate(schedule, static_cast<Index>(step));
      if (sizeof(S) == 8) CHECK(error(norm, json["grad_norm"][step]) < (determined ? most : 1e-6));
      CHECK(std::fabs(rate - json["lr"][step].template get<double>()) < 1e-18);
      optimizer.step(machine.run, parameters, gradient, rate);
    }
    if (sizeof(S) == 4) return;
    CHECK(error(family.loss(machine.run, memory, nullptr).mean(), json["loss_after_last_step"]) < most);
    std::map<std::string, std::pair<double, double>> found;  // of a checkpoint's tensor: sum and squares
    for (const auto& leaf : parameters)
      if (leaf.size()) {
        auto& [sum, squares] =
            found[reference::their_name(family.config, leaf.path, json["final_parameters"])];
        for (Index i = 0; i < leaf.size(); ++i) {
          sum += static_cast<double>(leaf.values[i]);
          squares += static_cast<double>(leaf.values[i]) * static_cast<double>(leaf.values[i]);
        }
      }
    CHECK(found.size() == json["final_parameters"].size());
    for (const auto& entry : json["final_parameters"].items()) {
      const std::string name = entry.key();
      const ef::Json& expected = entry.value();
      CAPTURE(name);
      REQUIRE(found.count(name) == 1);
      const double norm = expected["l2_norm"];
      CHECK(std::fabs(found[name].first - expected["sum"].template get<double>()) < most * norm);
      CHECK(error(std::sqrt(found[name].second), norm) < most);
    }
  });
}

}  // namespace train_references
