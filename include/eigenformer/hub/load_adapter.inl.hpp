// The definition of load_adapter.hpp.
#pragma once

#include <eigenformer/hub/adapter_config.hpp>
#include <eigenformer/hub/adapter_names.hpp>
#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/load_adapter.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/model/lora.hpp>

#include <cmath>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

template <class S> Matrix<S> matrix_of(const TensorView& tensor, Index rows, Index columns) {
  if (tensor.shape != std::vector{rows, columns})
    fail(ShapeError(tensor.name, {rows, columns}, tensor.shape, tensor.file));
  if (!tensor.format())
    tensor.refuse(concat("holds ", name_of(tensor.type), ", floating-point numbers were expected"));
  Matrix<S> m(rows, columns);
  for (Index i = 0; i < m.size(); ++i) {
    m.data()[i] = tensor.element<S>(i);
    if (!std::isfinite(m.data()[i])) tensor.refuse(concat("holds ", static_cast<double>(m.data()[i])));
  }
  return m;
}

/// The ranks of a joined adapter that belong to a part, as the file's metadata say ("path:rank,…"): the first
/// and their number; none for a part that had no adapter; all of them where the metadata do not speak of it.
[[gnu::cold]] inline std::pair<Index, Index> ranks_of_part(const SafeTensors& file, const std::string& module,
                                                           const std::string& path, Index rank) {
  const auto entry = file.metadata().find(concat(adapter_parts, module));
  if (entry == file.metadata().end()) return {0, rank};
  std::pair<Index, Index> found{0, 0};
  Index total = 0;
  std::string_view rest = entry->second;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix((std::min)(rest.size(), item.size() + 1));
    const std::size_t colon = item.rfind(':');
    Index own = 0;
    for (const char c : colon == item.npos ? std::string_view{} : item.substr(colon + 1)) {
      if (c < '0' || c > '9' || own > rank) return {0, rank};
      own = own * 10 + (c - '0');
    }
    if (item.substr(0, colon) == path) found = {total, own};
    total += own;
  }
  return total == rank ? found : std::pair<Index, Index>{0, rank};
}

}  // namespace hub

template <class Model>
void load_adapter(Model& model, const std::string& folder, const std::string& model_folder) {
  using S = typename std::remove_cvref_t<decltype(model.parameters().tokens.dense())>::Scalar;
  using L = Linear<S>;
  const hub::AdapterConfig adapter(folder + "/adapter_config.json");
  const SafeTensors file(folder + "/adapter_model.safetensors");
  HubConfig config = load_config(model_folder);
  config.model = model.config();
  auto modules = hub::adapter_modules(model.parameters(), config, config.names->prefix);
  modules.merge(hub::adapter_modules(model.parameters(), config, ""));  // of one trained on the bare model

  std::vector<std::pair<L*, LowRank<S>>> adapters;
  std::vector<std::pair<L*, Matrix<S>>> weights, biases;
  std::set<std::string> used;
  for (const auto& [name, module] : modules) {
    const std::string stem = concat(hub::adapter_prefix, name);
    const auto find = [&](const char* end) {
      const TensorView* const tensor = file.find(stem + end);
      if (tensor) used.insert(tensor->name);
      return tensor;
    };
    if (module.parts.front().path.starts_with("head.")) {
      L* const linear = module.parts.front().linear;
      if (const TensorView* const tensor = find(".weight"))
        weights.emplace_back(linear,
                             hub::matrix_of<S>(*tensor, linear->weight.rows(), linear->weight.cols()));
      if (const TensorView* const tensor = find(".bias")) {
        TensorView row = *tensor;
        row.shape.insert(row.shape.begin(), 1);
        biases.emplace_back(linear, hub::matrix_of<S>(row, 1, linear->bias.size()));
      }
      continue;
    }
    const TensorView* const a = find(".lora_A.weight");
    const TensorView* const b = find(".lora_B.weight");
    if (!a && !b) continue;
    if (!a || !b)
      fail(FileError(folder + "/adapter_model.safetensors",
                     concat("has one of lora_A and lora_B of \"", name, "\" without the other")));
    adapter.check_target(name);
    const Index rank = adapter.rank(name);
    const Matrix<S> all_a = hub::matrix_of<S>(*a, rank, module.parts.front().linear->weight.cols());
    const Matrix<S> all_b = hub::matrix_of<S>(*b, module.rows, rank);
    for (const auto& part : module.parts) {
      const auto [first, own] = hub::ranks_of_part(file, name, part.path, rank);
      if (own == 0) continue;
      Matrix<S> rows(part.linear->weight.rows(), own);
      for (Index r = 0; r < rows.rows(); ++r) rows.row(r) = all_b.row(part.row(r)).segment(first, own);
      adapters.emplace_back(part.linear, LowRank<S>{Weight<S>(Matrix<S>(all_a.middleRows(first, own))),
                                                    Weight<S>(std::move(rows)), S(adapter.scale(name))});
    }
  }
  for (const auto& [name, tensor] : file.tensors())
    if (!used.contains(name)) tensor.refuse("belongs to no matrix of this model that can have an adapter");
  if (adapters.empty())
    fail(FileError(folder + "/adapter_model.safetensors", "holds no adapter of this model"));
  take_lora(model.parameters());
  for (auto& [linear, lora] : adapters) linear->lora = std::move(lora);
  for (auto& [linear, weight] : weights) linear->weight = Weight<S>(std::move(weight));
  for (auto& [linear, bias] : biases) linear->bias = bias;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
