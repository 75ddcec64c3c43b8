// What the planning examples share: which model is meant, and how options are named.
#pragma once

#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/plan.hpp>

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using Json = nlohmann::json;

/// The architecture asked for; none where only a number of parameters is known.
struct Planned {
  bool architecture = false;
  ef::ModelConfig config{};
  ef::Index parameters = 0;
};

/// A model of the catalog, or the one of a config.json or its folder.
inline Planned planned(const std::string& model, const std::string& config) {
  if (!model.empty()) {
    const plan::CatalogEntry& entry = plan::published(model);
    return {true, entry.config, plan::parameters_of(entry)};
  }
  const std::string file = "config.json";
  std::string folder = config;
  if (folder.size() >= file.size() && folder.ends_with(file)) folder.resize(folder.size() - file.size());
  const ef::ModelConfig read = ef::load_config(folder.empty() ? "." : folder).model;
  return {true, read, plan::count_parameters(read).total()};
}

/// A text and spaces to a width in characters, which UTF-8 may write in several bytes.
inline std::string padded(std::string text, std::size_t width) {
  const auto inner = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  const auto length = text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), inner));
  if (length < width) text.append(width - length, ' ');
  return text;
}

/// @throws InputError  where an option is not what it must be
inline void require(bool ok, const std::string& why) {
  if (!ok) ef::fail(ef::InputError(why));
}

/// @throws InputError  unless an option is a share, above 0 and at most 1
inline void require_share(double value, const char* option) {
  require(value > 0 && value <= 1, ef::concat(option, " must lie between 0 and 1, is ", value));
}

/// "none", "selective" or "full".
inline plan::Recompute recompute_of(const std::string& name) {
  return name == "full"        ? plan::Recompute::full
         : name == "selective" ? plan::Recompute::selective
                               : plan::Recompute::none;
}

/// How long so many devices take for these FLOPs at this share of their peak.
inline plan::TrainingTime time_on(const plan::Device& device, ef::Index devices, double utilisation,
                                  double flops) {
  return plan::training_time({.flops = flops,
                              .devices = static_cast<double>(devices),
                              .flops_per_second = device.peak_flops_per_second * utilisation,
                              .watts = device.watts});
}

/// Kilowatt-hours, or nothing for a device whose power is not stated.
inline Json energy_json(const plan::Device& device, const plan::TrainingTime& t) {
  return device.watts > 0 ? Json(t.kilowatt_hours) : Json(nullptr);
}
inline std::string energy_text(const Json& kilowatt_hours) {
  return kilowatt_hours.is_null() ? "power not stated" : plan::count_text(kilowatt_hours) + " kWh";
}
