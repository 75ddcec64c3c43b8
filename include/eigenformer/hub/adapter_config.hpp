// What adapter_config.json of Hugging Face's peft says about an adapter: its modules, ranks and scales.
#pragma once

#include <eigenformer/hub/json.hpp>
#include <eigenformer/hub/refused_fields.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// What adapter_config.json says about ranks and scales.
class AdapterConfig {
 public:
  /// @throws FileError, ConfigError  for a file that is not there, and kinds of adapters that are not LoRA's
  [[gnu::cold]] explicit AdapterConfig(const std::string& path) : json_(read_json(path)), path_(path) {
    const JsonFields json = fields();
    if (const std::string type = json.text("peft_type"); type != "LORA")
      json.refuse("peft_type", concat("\"", type, "\" is not LORA, the one kind that is loaded"));
    refuse_fields(json, refused::adapter);
    if (json.integer("r") < 1) json.refuse("r", concat("must be at least 1, is ", json.integer("r")));
    json.number("lora_alpha");
  }

  /// That a module of which the file has an adapter is one that the config speaks of: peft leaves out the
  /// others. Lists are looked at, the regular expressions that may stand in their place are not.
  [[gnu::cold]] void check_target(const std::string& module) const {
    const auto refuse = [&](const char* key) {
      fields().refuse(key, concat("leaves out \"", module, "\", of which the file has an adapter"));
    };
    if (const Json* const excluded = list("exclude_modules"); excluded && names(*excluded, module))
      refuse("exclude_modules");
    const Json* const targets = list("target_modules");
    if (!targets) return;
    if (std::find(targets->begin(), targets->end(), module) != targets->end()) return;  // in whatever layer
    if (!names(*targets, module)) refuse("target_modules");
    if (!fields().has("layers_to_transform") || fields().has("layers_pattern")) return;
    const Json& layers = json_.at("layers_to_transform");
    const std::optional<Index> layer = only_number(module);
    if (!layer || (layers.is_array() && layers.empty())) return;
    if (layers.is_array() ? std::find(layers.begin(), layers.end(), *layer) == layers.end()
                          : layers != *layer)
      refuse("layers_to_transform");
  }

  Index rank(const std::string& module) const {
    const Json* const own = pattern("rank_pattern", module);
    if (!own) return fields().integer("r");
    if (!own->is_number_integer() || *own < 1)
      fields().refuse("rank_pattern", concat("a rank was expected, found ", detail::brief(*own)));
    return own->get<Index>();
  }
  /// What B · A is multiplied by.
  double scale(const std::string& module) const {
    const Json* const own = pattern("alpha_pattern", module);
    if (own && !own->is_number())
      fields().refuse("alpha_pattern", concat("a number was expected, found ", detail::brief(*own)));
    const double alpha = own ? own->get<double>() : fields().number("lora_alpha");
    const auto r = static_cast<double>(rank(module));
    return alpha / (fields().boolean("use_rslora", false) ? std::sqrt(r) : r);
  }

 private:
  JsonFields fields() const { return {json_, path_}; }

  /// The value whose key is the module's name or its end from a dot on. peft takes keys for regular
  /// expressions, in the order in which it sorts them when it writes, which is that of Json; here a dot
  /// stands for any character, and keys with more than that are refused.
  [[gnu::cold]] const Json* pattern(const char* key, const std::string& module) const {
    if (!fields().has(key)) return nullptr;
    const Json& all = json_.at(key);
    if (!all.is_object()) fields().refuse(key, concat("an object was expected, found ", detail::brief(all)));
    for (const auto& [end, value] : all.items()) {
      if (end.find_first_of("^$*+?()[]{}|\\") != end.npos)
        fields().refuse(key, concat("the regular expression \"", printable(end), "\" is not understood"));
      if (matches(module, end)) return &value;
    }
    return nullptr;
  }

  /// A field's list; null where it is none, or an empty one.
  const Json* list(const char* key) const {
    const auto at = json_.find(key);
    return at != json_.end() && at->is_array() && !at->empty() ? &*at : nullptr;
  }

  /// Whether a list has a module's name, or its end from a dot on.
  static bool names(const Json& list, const std::string& module) {
    return std::any_of(list.begin(), list.end(), [&](const Json& each) {
      return each.is_string() && (each == module || module.ends_with("." + each.get<std::string>()));
    });
  }

  /// The number of a module's layer; none where its name has no number, or more than one (T5).
  static std::optional<Index> only_number(const std::string& module) {
    std::optional<Index> found;
    for (std::size_t begin = 0, end = 0; begin < module.size(); begin = end + 1) {
      end = (std::min)(module.find('.', begin), module.size());
      const std::string part = module.substr(begin, end - begin);
      if (part.empty() || part.find_first_not_of("0123456789") != part.npos) continue;
      if (found) return std::nullopt;
      found = std::stol(part);
    }
    return found;
  }

  /// Whether a pattern stands for the end of a name, from a dot on or whole.
  static bool matches(const std::string& module, const std::string& end) {
    if (end.size() > module.size()) return false;
    const std::size_t before = module.size() - end.size();
    return (before == 0 || module[before - 1] == '.') &&
           std::equal(end.begin(), end.end(), module.begin() + static_cast<std::ptrdiff_t>(before),
                      [](char expected, char found) { return expected == '.' || expected == found; });
  }

  Json json_;
  std::string path_;
};

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
