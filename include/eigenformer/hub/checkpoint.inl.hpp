// How a training is saved and resumed: the definitions of checkpoint.hpp.
#pragma once

#include <eigenformer/hub/checkpoint.hpp>
#include <eigenformer/hub/load.hpp>
#include <eigenformer/hub/load.inl.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/save_config.hpp>
#include <eigenformer/hub/save_parameters.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM TrainingFacts facts_of(const TrainerOptions& o) {
  const Schedule& s = o.schedule;
  const bool ends = s.decay != Decay::constant && s.decay != Decay::inverse_sqrt;
  constexpr const char* decays[] = {"constant",        "linear",       "cosine",
                                    "cosine_restarts", "inverse_sqrt", "polynomial"};
  TrainingFacts facts{{"learning_rate", concat(s.rate)},
                      {"schedule", decays[static_cast<std::size_t>(s.decay)]},
                      {"warmup", concat(s.warmup)},
                      {"steps", ends ? concat(s.steps) : "any"},
                      {"schedule.cycles", concat(s.cycles)},
                      {"schedule.timescale", concat(s.timescale)},
                      {"schedule.power", concat(s.power)},
                      {"schedule.end_rate", concat(s.end_rate)},
                      {"clip", concat(o.clip)},
                      {"micro_batches", concat(o.micro_batches)},
                      {"label_smoothing", concat(o.label_smoothing)},
                      {"dropout", "none"}};
  if (const DropoutRates& d = o.dropout; d.embeddings > 0 || d.attention > 0 || d.branches > 0)
    facts["dropout"] = concat(d.embeddings, ' ', d.attention, ' ', d.branches, ", seed ", o.seed.value);
  struct Describe {
    std::string operator()(const AdamW& c) const {
      return concat("AdamW ", c.beta1, ' ', c.beta2, ' ', c.epsilon, ' ', c.weight_decay);
    }
    std::string operator()(const Sgd& c) const {
      return concat("SGD ", c.momentum, ' ', c.nesterov ? "nesterov " : "", c.weight_decay);
    }
    std::string operator()(const Adafactor& c) const {
      return concat("Adafactor ", c.decay, ' ', c.epsilon1, ' ', c.epsilon2, ' ', c.clip, ' ',
                    c.relative ? "relative " : "", c.weight_decay);
    }
  };
  facts["optimizer"] = std::visit(Describe{}, o.optimizer);
  return facts;
}

namespace hub {

inline constexpr std::string_view checkpoint_prefix = "checkpoint-";

/// The step of a complete checkpoint's folder; nothing for other names.
[[gnu::cold]] inline std::optional<Index> checkpoint_step(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(checkpoint_prefix)) return std::nullopt;
  Index step = 0;
  const char* const end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data() + checkpoint_prefix.size(), end, step);
  if (error != std::errc() || stopped != end || step < 0) return std::nullopt;
  return step;
}

/// The complete checkpoints of a folder, by step; with `leftovers`, those of what was interrupted are added
/// there.
[[gnu::cold]] inline std::map<Index, std::string> checkpoints(
    const std::string& folder, std::vector<std::filesystem::path>* leftovers = nullptr) {
  std::map<Index, std::string> all;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (const auto step = checkpoint_step(entry.path()))
      all[*step] = entry.path().string();
    else if (leftovers && entry.path().filename().string().starts_with(checkpoint_prefix) &&
             (entry.path().extension() == ".part" || entry.path().extension() == ".old"))
      leftovers->push_back(entry.path());
  }
  return all;
}

/// Removes a checkpoint; stopped in the middle it leaves nothing that looks like one.
[[gnu::cold]] inline void remove_checkpoint(const std::string& path) {
  std::error_code ignored;  // one too many harms nobody
  std::filesystem::rename(path, path + ".old", ignored);
  std::filesystem::remove_all(path + ".old", ignored);
}

/// What a training is beside its options: the optimiser's state, and all parameters, unless the model's own
/// files hold them.
template <class S> struct TrainingState {
  Index step = 0;
  std::vector<typename Optimizer<S>::State> states;
  std::vector<Matrix<S>> values;
};

template <class S> std::vector<TensorView> state_tensors(const Trainer<S>& trainer) {
  const std::vector<Leaf<S>>& parameters = trainer.model().parameters;
  std::vector<TensorView> out;
  const auto add = [&](const char* kind, const Leaf<S>& of, const S* values, Index rows, Index columns) {
    if (rows * columns > 0) out.push_back(tensor_of(kind + of.path, values, {rows, columns}));
  };
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Leaf<S>& leaf = parameters[i];
    if (const auto& states = trainer.optimizer().states(); !states.empty())
      for (const auto& [kind, moment] :
           {std::pair{"first.", &states[i].first}, {"second.", &states[i].second}})
        add(kind, leaf, moment->data(), moment->rows(), moment->cols());
    if (trainer.model().apart) add("value.", leaf, leaf.values, leaf.rows, leaf.columns);
  }
  return out;
}

/// Reads training.safetensors; parameters, where they are kept there, must all be.
template <class S>
void read_tensors(const std::string& path, const Trainable<S>& model, TrainingState<S>& to) {
  const SafeTensors file(path);
  std::size_t used = 0;
  const auto read = [&](const std::string& name, Matrix<S>& into) {
    const TensorView* const tensor = file.find(name);
    if (!tensor) return;
    if (tensor->type != element_type(format_of<S>) || tensor->shape.size() != 2)
      tensor->refuse("is not the state of a training in this precision");
    into.resize(tensor->shape[0], tensor->shape[1]);
    std::memcpy(into.data(), tensor->data.data(), tensor->data.size());
    ++used;
  };
  to.states.resize(model.parameters.size());
  if (model.apart) to.values.resize(model.parameters.size());
  for (std::size_t i = 0; i < model.parameters.size(); ++i) {
    const std::string& name = model.parameters[i].path;
    read("first." + name, to.states[i].first);
    read("second." + name, to.states[i].second);
    if (!model.apart) continue;
    read("value." + name, to.values[i]);
    if (to.values[i].size() != model.parameters[i].size())
      fail(FileError(path, concat("has no tensor \"value.", name, "\" of this training's size")));
    to.values[i].resize(model.parameters[i].rows, model.parameters[i].columns);
  }
  if (used != file.tensors().size())
    fail(FileError(path, "holds states of parameters that the model does not have"));
}

/// @throws ConfigError  for the first fact that differs
[[gnu::cold]] inline void check_facts(const Json& recorded, const TrainingFacts& facts,
                                      const std::string& path) {
  for (const auto& [name, value] : facts) {
    const auto at = recorded.find(name);
    const std::string before = at != recorded.end() && at->is_string() ? at->get<std::string>() : "(nothing)";
    if (before != value)
      fail(ConfigError(path, concat("is of another training: ", name, " was ", printable(before), ", is ",
                                    printable(value))));
  }
  if (recorded.size() != facts.size())
    fail(
        ConfigError(path, concat("records ", recorded.size(), " facts of its training, not ", facts.size())));
}

/// The state in a checkpoint, once it is known to be of this training.
template <class S>
TrainingState<S> read_training(const std::string& checkpoint, const Trainer<S>& trainer,
                               TrainingFacts facts) {
  const std::string path = checkpoint + "/training.json";
  const Json json = read_json(path);
  const JsonFields fields(json, path);
  facts.merge(facts_of(trainer.options()));
  check_facts(fields.at("training"), facts, checkpoint);
  TrainingState<S> state;
  state.step = fields.integer("step");
  if (const auto named = checkpoint_step(checkpoint); named && *named != state.step)
    fail(FileError(path, concat("is of step ", state.step, ", its folder of step ", *named)));
  read_tensors<S>(checkpoint + "/training.safetensors", trainer.model(), state);
  if (state.step == 0) state.states.clear();
  return state;
}

/// The parameters of a model's folder as plain values, in the order of their declaration.
template <class S> std::vector<Matrix<S>> values_of(const Transformer<S>& parameters) {
  std::vector<Matrix<S>> values;
  visit(parameters, [&](const std::string&, const auto& leaf) {
    if constexpr (requires { leaf.dense(); })
      values.push_back(leaf.dense());
    else
      values.push_back(leaf.size() ? Matrix<S>(leaf) : Matrix<S>());
  });
  return values;
}

}  // namespace hub

EIGENFORMER_ROOM std::optional<std::string> last_checkpoint(const std::string& folder) {
  const auto all = hub::checkpoints(folder);
  return all.empty() ? std::nullopt : std::optional<std::string>(all.rbegin()->second);
}

EIGENFORMER_ROOM void remove_checkpoints(const std::string& folder) {
  for (const auto& [step, path] : hub::checkpoints(folder)) hub::remove_checkpoint(path);
}

template <class S>
std::string write_checkpoint(const std::string& folder, const Trainer<S>& trainer, TrainingFacts facts,
                             FunctionRef<void(const std::string&)> save_model, Index keep) {
  namespace fs = std::filesystem;
  for (const Leaf<S>& leaf : trainer.model().parameters)
    if (!std::all_of(leaf.values, leaf.values + leaf.size(), [](S x) { return std::isfinite(x); }))
      fail(DivergenceError(trainer.steps(), concat("training stopped: after step ", trainer.steps(), ' ',
                                                   leaf.path, " holds what is no finite number")));
  const std::string path = concat(folder, '/', hub::checkpoint_prefix, trainer.steps());
  const std::string aside = path + ".part";
  if (detail::path_exists(path)) fail(FileError(path, "is there already, from another training"));
  facts.merge(facts_of(trainer.options()));
  std::error_code ignored;
  fs::remove_all(aside, ignored);
  create_folder(aside);
  struct Discard {  // what was not finished; nothing, once it has its name
    const std::string& path;
    ~Discard() {
      std::error_code error;
      fs::remove_all(path, error);
    }
  } const discard{aside};
  save_model(aside);
  write_safetensors(aside + "/training.safetensors", hub::state_tensors(trainer));
  const Json state{{"step", trainer.steps()}, {"training", facts}};
  write_file(aside + "/training.json", hub::text_of(state));
  if (!detail::rename_over(aside, path) || !detail::flush_folder(folder)) detail::fail_system(path, "write");

  std::vector<fs::path> leftovers;
  auto before = hub::checkpoints(folder, &leftovers);
  for (const auto& leftover : leftovers) fs::remove_all(leftover, ignored);
  before.erase(before.lower_bound(trainer.steps()), before.end());
  for (auto at = before.begin(); !before.empty() && std::ssize(before) >= keep; at = before.erase(at))
    hub::remove_checkpoint(at->second);
  return path;
}

template <class S> void resume(const std::string& checkpoint, Trainer<S>& trainer, TrainingFacts facts) {
  auto state = hub::read_training(checkpoint, trainer, std::move(facts));
  trainer.restore(state.step, std::move(state.states), state.values);
}

template <class Model, class S>
void resume(const std::string& checkpoint, Model& model, Trainer<S>& trainer, TrainingFacts facts) {
  HubConfig config = load_config(checkpoint);
  if (!hub::same_model(config.model, model.config()))
    fail(ConfigError(checkpoint, "is a checkpoint of another architecture than the model's"));
  auto state = hub::read_training(checkpoint, trainer, std::move(facts));
  config.model = model.config();
  if (state.values.empty()) state.values = hub::values_of(hub::load_parameters<S>(checkpoint, config, {}));
  trainer.restore(state.step, std::move(state.states), state.values);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
