// The definition of save_adapter.hpp.
#pragma once

#include <eigenformer/hub/adapter_names.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/save_adapter.hpp>
#include <eigenformer/hub/save_config.hpp>
#include <eigenformer/hub/write_safetensors.hpp>
#include <eigenformer/model/lora.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// One module's adapter: those of its parts one after the other. With parts [B₁; B₂] · [A₁; A₂] it is
/// B = [B₁ 0; 0 B₂] of the ranks' sum, which changes the matrix exactly as the parts do.
template <class S> struct JoinedAdapter {
  Matrix<S> a, b;
  double alpha = 0;
  std::string parts;  ///< "path:rank,path:rank" where the module has several matrices of ours

  JoinedAdapter(const AdapterModule<const Linear<S>>& module, const std::string& name) {
    Index rank = 0;
    S scale{};
    for (const auto& part : module.parts) {
      const LowRank<S>& adapter = part.linear->lora;
      if (adapter.empty()) continue;
      if (rank && scale != adapter.scale)
        fail(ConfigError(name,
                         concat("is one matrix to peft, and its parts have adapters of the scales ",
                                static_cast<double>(scale), " and ", static_cast<double>(adapter.scale))));
      scale = adapter.scale;
      rank += adapter.rank();
    }
    if (rank == 0) return;
    a = Matrix<S>::Zero(rank, module.parts.front().linear->weight.cols());
    b = Matrix<S>::Zero(module.rows, rank);
    Index at = 0;
    for (const auto& part : module.parts) {
      const LowRank<S>& adapter = part.linear->lora;
      if (adapter.empty()) continue;
      a.middleRows(at, adapter.rank()) = adapter.a.dense();
      const Matrix<S> rows = adapter.b.dense();
      for (Index r = 0; r < rows.rows(); ++r) b.row(part.row(r)).segment(at, adapter.rank()) = rows.row(r);
      at += adapter.rank();
      if (module.parts.size() > 1 || module.rows != rows.rows())
        parts += concat(parts.empty() ? "" : ",", part.path, ':', adapter.rank());
    }
    alpha = static_cast<double>(scale) * static_cast<double>(rank);
    const double written = std::round(alpha * 1e6) / 1e6;  // the 5 in 5 / 3 · 3, if it gives the same scale
    if (S(written / static_cast<double>(rank)) == scale) alpha = written;
  }
};

/// peft's name for what a model is trained for.
[[gnu::cold]] inline Json task_type(const ModelConfig& config) {
  if (config.stacks == Stacks::decoder) return "CAUSAL_LM";
  if (config.stacks == Stacks::encoder_decoder) return "SEQ_2_SEQ_LM";
  if (config.head == Head::text_classes) return "SEQ_CLS";
  return config.head == Head::token_classes ? Json("TOKEN_CLS") : Json(nullptr);
}

/// The shortest list that names these modules and no other: their last names ("q_proj"), or all of them.
template <class Modules>
std::vector<std::string> target_modules(const Modules& modules, const std::vector<std::string>& adapted) {
  const auto last = [](const std::string& name) { return name.substr(name.rfind('.') + 1); };
  std::vector<std::string> shortened;
  for (const std::string& name : adapted)
    if (std::find(shortened.begin(), shortened.end(), last(name)) == shortened.end())
      shortened.push_back(last(name));
  for (const auto& [name, module] : modules)
    if (std::find(shortened.begin(), shortened.end(), last(name)) != shortened.end() &&
        std::find(adapted.begin(), adapted.end(), name) == adapted.end())
      return adapted;
  return shortened;
}

}  // namespace hub

template <class Model>
void save_adapter(const Model& model, const std::string& folder, const AdapterSaveOptions& options) {
  using S = typename std::remove_cvref_t<decltype(model.parameters().tokens.dense())>::Scalar;
  if (!has_lora(model.parameters())) fail(ConfigError("lora", "this model has no adapters to save"));
  HubConfig config;
  if (options.source.empty()) {
    std::vector<std::string> labels;
    if constexpr (requires { model.labels(); }) labels = model.labels();
    config = hub::describe(model.config(), "", labels).config;
  } else {
    config = load_config(options.source);
    config.model = model.config();
  }
  const bool bare = config.model.stacks == Stacks::encoder && config.model.head == Head::none;
  const auto modules = hub::adapter_modules(model.parameters(), config, bare ? "" : config.names->prefix);

  std::map<std::string, Matrix<S>> matrices;  // by the names of their tensors
  std::map<std::string, std::string> metadata{{"format", "pt"}};
  std::vector<std::string> adapted, whole;
  std::set<std::string> saved;                            // the paths of those adapters that have a place
  std::map<std::string, std::pair<Index, double>> ranks;  // and alphas
  bool transposed = false;
  for (const auto& [name, module] : modules) {
    const std::string stem = concat(hub::adapter_prefix, name);
    if (module.parts.front().path.starts_with("head.")) {
      const Linear<S>& linear = *module.parts.front().linear;
      if (config.model.head != Head::text_classes && config.model.head != Head::token_classes) continue;
      matrices[stem + ".weight"] = linear.weight.dense();
      if (linear.bias.size()) matrices[stem + ".bias"] = linear.bias;
      whole.push_back(name);
      continue;
    }
    hub::JoinedAdapter<S> joined(module, name);
    if (joined.a.size() == 0) continue;
    adapted.push_back(name);
    for (const auto& part : module.parts) saved.insert(part.path);
    ranks[name] = {joined.a.rows(), joined.alpha};
    transposed = transposed || module.transposed;
    if (!joined.parts.empty()) metadata[concat(hub::adapter_parts, name)] = joined.parts;
    matrices[stem + ".lora_A.weight"] = std::move(joined.a);
    matrices[stem + ".lora_B.weight"] = std::move(joined.b);
  }

  for_each_linear(model.parameters(), [&](const std::string& path, const Linear<S>& linear) {
    if (!linear.lora.empty() && !saved.contains(path))
      fail(ConfigError(path, concat("has an adapter, for which a checkpoint of type \"", config.model_type,
                                    "\" has no place")));
  });
  const auto [rank, alpha] = ranks.begin()->second;
  Json rank_pattern = Json::object(), alpha_pattern = Json::object();
  for (const auto& [name, own] : ranks) {
    const std::string key = name.substr(name.find('.') + 1);  // peft wants something before it
    if (own.first != rank) rank_pattern[key] = own.first;
    if (own.second != alpha) alpha_pattern[key] = hub::json_number(own.second);
  }
  const std::string base = options.base_model.empty() ? options.source : options.base_model;
  const Json json{{"peft_type", "LORA"},
                  {"task_type", hub::task_type(config.model)},
                  {"base_model_name_or_path", base.empty() ? Json(nullptr) : Json(base)},
                  {"r", rank},
                  {"lora_alpha", hub::json_number(alpha)},
                  {"rank_pattern", rank_pattern},
                  {"alpha_pattern", alpha_pattern},
                  {"target_modules", hub::target_modules(modules, adapted)},
                  {"modules_to_save", whole.empty() ? Json(nullptr) : Json(whole)},
                  {"fan_in_fan_out", transposed},
                  {"lora_dropout", 0.0},
                  {"bias", "none"},
                  {"init_lora_weights", true},
                  {"inference_mode", true}};

  std::vector<TensorView> tensors;
  for (const auto& [name, matrix] : matrices) {
    const bool vector = name.ends_with(".bias");
    tensors.push_back(
        tensor_of(name, matrix.data(),
                  vector ? std::vector{matrix.cols()} : std::vector{matrix.rows(), matrix.cols()}));
  }
  create_folder(folder);
  write_safetensors(folder + "/adapter_model.safetensors", tensors, metadata);
  write_file(folder + "/adapter_config.json", hub::text_of(json));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
