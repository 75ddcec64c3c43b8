// The training references: one batch, its gradient, and 20 steps of AdamW, computed in double precision.
#pragma once

#include <eigenformer/hub/fill.hpp>
#include <eigenformer/hub/load.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/train/gradient.hpp>
#include <eigenformer/train/leaf.hpp>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace reference {

namespace ef = eigenformer;
using ef::Index;

inline std::string folder(const std::string& name) { return std::string(EIGENFORMER_TEST_DATA) + "/" + name; }

/// The rows of [batch, length] ids at which a mask is 1; without a mask those up to the last that counts.
inline ef::TokenBatch rows(const ef::SafeTensors& file, const std::string& name, const std::string& mask) {
  const ef::TensorView& ids = file.at(name);
  ef::TokenBatch out(static_cast<std::size_t>(ids.shape.at(0)));
  for (Index i = 0; i < ids.size(); ++i)
    if (file.at(mask).element<Index>(i) > 0)
      out[static_cast<std::size_t>(i / ids.shape.at(1))].push_back(ids.element<ef::Token>(i));
  return out;
}

/// Labels of each row of `like`, `shift` places further on; ignored beyond the end.
inline std::vector<ef::Token> labels(const ef::SafeTensors& file, const ef::TokenBatch& like, Index shift) {
  const ef::TensorView& all = file.at("labels");
  const Index length = all.shape.at(1);
  std::vector<ef::Token> out;
  for (std::size_t b = 0; b < like.size(); ++b)
    for (Index i = shift; i < static_cast<Index>(like[b].size()) + shift; ++i)
      out.push_back(i < length ? all.element<ef::Token>(static_cast<Index>(b) * length + i)
                               : ef::ignored_label);
  return out;
}

/// The tensors grad.NAME of a file as a checkpoint's NAMEs, read like one.
inline ef::Transformer<double> gradient(const ef::SafeTensors& file, const ef::HubConfig& config) {
  std::string header = "{", data;
  for (const auto& [name, tensor] : file.tensors()) {
    if (!name.starts_with("grad.")) continue;
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
    std::string shape;
    for (const Index n : tensor.shape) shape += (shape.empty() ? "" : ",") + std::to_string(n);
    header += (header.size() > 1 ? ",\"" : "\"") + name.substr(5) + R"(":{"dtype":"F64","shape":[)" + shape +
              R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::string whole(sizeof length, '\0');
  std::memcpy(whole.data(), &length, sizeof length);
  whole += header + data;
  const ef::SafeTensors tensors(std::as_bytes(std::span<const char>(whole.data(), whole.size())), "gradient");
  ef::Transformer<double> out = ef::hub::Filler<double>(tensors, config, {}, "gradient").fill();
  ef::own_values(out);
  return out;
}

/// What a parameter of ours is called in the checkpoint.
inline std::string their_name(const ef::HubConfig& config, const std::string& path, const ef::Json& known) {
  const auto in = [&](const std::string& name) { return known.contains(name); };
  for (const std::string_view prefix : {config.names->prefix, std::string_view()}) {
    const auto place = ef::names::find_place(*config.names, prefix, path, config.model, in);
    if (place && in(place->name)) return place->name;
  }
  return "";
}

/// The largest difference of any leaf, relative to its largest reference value. Gradients that vanish by
/// symmetry (the softmax's of a key's bias) are compared with 1e-5 instead.
inline double distance(ef::Transformer<double>& found, ef::Transformer<double>& expected) {
  const auto a = ef::leaves<double>(found), b = ef::leaves<double>(expected);
  double worst = a.size() == b.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].size() != b[i].size()) return INFINITY;
    double difference = 0, largest = 1e-5;
    for (Index k = 0; k < a[i].size(); ++k) {
      difference = std::fmax(difference, std::fabs(a[i].values[k] - b[i].values[k]));
      largest = std::fmax(largest, std::fabs(b[i].values[k]));
      if (std::isnan(a[i].values[k])) return INFINITY;
    }
    worst = std::fmax(worst, difference / largest);
  }
  return worst;
}

}  // namespace reference
