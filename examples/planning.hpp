// What the planning examples share: which model and device are meant, how numbers and formats are read, and
// how bytes and money are written.
#pragma once

#include "common.hpp"
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/plan.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <CLI/CLI.hpp>
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

/// Calls f, and where it knows no such name, says which command lists the names.
template <class F> decltype(auto) listed_by(const char* command, F f) {
  try {
    return f();
  } catch (const ef::InputError& error) {
    const std::string what = error.what();
    ef::fail(ef::InputError(what.starts_with("unknown ") ? ef::concat(what, "; `", command, "` lists all")
                                                         : what));
  }
}

inline const plan::CatalogEntry& model_named(const std::string& name) {
  return listed_by("catalog", [&]() -> const plan::CatalogEntry& { return plan::published(name); });
}
inline const plan::Device& device_named(const std::string& name) {
  return listed_by("catalog --devices", [&]() -> const plan::Device& { return plan::device(name); });
}
inline const plan::StorageFormat& format_named(const std::string& name) {
  return listed_by("catalog --formats",
                   [&]() -> const plan::StorageFormat& { return plan::storage_format(name); });
}

/// A model of the catalog, or the one of a config.json or its folder.
inline Planned planned(const std::string& model, const std::string& config) {
  if (!model.empty()) {
    const plan::CatalogEntry& entry = model_named(model);
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

// What options may be at most and at least. Beyond these no planner's question lies, and within them no
// answer overflows.
inline constexpr plan::AmountRange tokens_range{1, 1e9}, sequences_range{1, 1e9}, devices_range{1, 1e7},
    parameters_range{1e3, 1e16}, text_range{1e3, 1e18}, price_range{1e-6, 1e6};

/// Adds an option for a whole number: "4096", "4k", "1.3B".
inline CLI::Option* add_count(CLI::App& app, const std::string& name, ef::Index& value,
                              const plan::AmountRange& range, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, range](const std::string& text) { value = plan::read_count(text, name, range); },
          help)
      ->type_name("COUNT");
}

/// Adds an option for a number, with the same suffixes.
inline CLI::Option* add_amount(CLI::App& app, const std::string& name, double& value,
                               const plan::AmountRange& range, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, range](const std::string& text) { value = plan::read_amount(text, name, range); },
          help)
      ->type_name("NUMBER");
}

/// Adds an option for a storage format, by any of its names.
inline CLI::Option* add_format(CLI::App& app, const std::string& name, std::string& format,
                               const std::string& help) {
  return app
      .add_option_function<std::string>(
          name, [&format](const std::string& text) { format = format_named(text).name; }, help)
      ->type_name("FORMAT");
}

/// Adds --utilisation: the share of a device's peak that training reaches.
inline CLI::Option* add_utilisation(CLI::App& app, double& value) {
  return app
      .add_option_function<std::string>(
          "--utilisation,--mfu",
          [&value](const std::string& text) {
            value = plan::read_amount(text, "--utilisation", {-1e300, 1e300});
            require(value >= 1e-4 && value <= 1,
                    ef::concat("--utilisation must lie between 0 and 1, is ", ef::printable(text),
                               ": it is the share of the peak that training reaches, 0.3 to 0.5 as a rule"));
          },
          "the share of the devices' peak that training reaches (MFU; 0.4 where absent)")
      ->type_name("SHARE");
}

/// Refuses an option that says nothing without another one.
/// @param why  what the option is about
inline void require_with(const CLI::App& app, const char* option, const char* other, const char* why) {
  require(app.count(option) == 0 || app.count(other) > 0, ef::concat(option, " requires ", other, ": ", why));
}

/// Bytes as the whole number that they are; a share of a device is rounded.
inline Json whole(double bytes) {
  require(bytes >= 0 && bytes < 9e18,
          "these numbers together ask for more than 9,000,000 TB: too large to count");
  return std::llround(bytes);
}

/// The same for every number of bytes in a JSON value, known by its key.
inline void whole_bytes(Json& value, bool bytes = false) {
  if (value.is_object()) {
    for (auto& [key, inner] : value.items())
      whole_bytes(inner, bytes || key.find("_bytes") != std::string::npos || key == "bytes_per_second");
  } else if (value.is_array()) {
    for (Json& inner : value) whole_bytes(inner, bytes);
  } else if (bytes && value.is_number_float()) {
    value = whole(value.get<double>());
  }
}

/// Prints one JSON value, in which bytes are whole numbers.
inline void print_json(Json value) {
  whole_bytes(value);
  example::print(value);
}

/// A price in whatever currency it was given in: "455,889", "12.40".
inline std::string money_text(double money) {
  if (money < 1000) return plan::detail::scaled(money, money < 0.1 ? "%.3g" : "%.2f", 1.0);
  return money < 1e15 ? plan::grouped(static_cast<ef::Index>(std::llround(money)))
                      : plan::detail::scaled(money, "%.3g", 1.0);
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

/// "0.0019", "12.5", "182.36k".
inline std::string small_or_large(double value) {
  return value < 1000 ? plan::detail::scaled(value, "%.3g", 1.0) : plan::count_text(value);
}

/// Kilowatt-hours, or nothing for a device whose power is not stated.
inline Json energy_json(const plan::Device& device, const plan::TrainingTime& t) {
  return device.watts > 0 ? Json(t.kilowatt_hours) : Json(nullptr);
}
inline std::string energy_text(const Json& kilowatt_hours) {
  return kilowatt_hours.is_null() ? "power not stated" : small_or_large(kilowatt_hours) + " kWh";
}
