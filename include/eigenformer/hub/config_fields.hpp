// Fields that config.json files of several architectures have in common.
#pragma once

#include <eigenformer/hub/refused_fields.hpp>
#include <eigenformer/model/config.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// A config of these sizes, under the names that a family has for them.
[[gnu::cold]] inline ModelConfig sizes(const JsonFields& json, const char* d_model, const char* n_layers,
                                       const char* n_heads) {
  ModelConfig c;
  c.vocab_size = json.integer("vocab_size");
  c.d_model = json.integer(d_model);
  c.n_layers = json.integer(n_layers);
  c.n_heads = json.integer(n_heads);
  return c;
}

/// Whether the library has the activation of this name, and which one it is.
[[gnu::cold]] inline bool activation_named(const std::string& name, Activation& found) {
  constexpr std::pair<const char*, Activation> known[] = {{"gelu", Activation::gelu},
                                                          {"gelu_new", Activation::gelu_tanh},
                                                          {"gelu_fast", Activation::gelu_tanh},
                                                          {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                          {"quick_gelu", Activation::gelu_quick},
                                                          {"relu", Activation::relu},
                                                          {"relu2", Activation::relu_squared},
                                                          {"silu", Activation::silu},
                                                          {"swish", Activation::silu},
                                                          {"mish", Activation::mish},
                                                          {"tanh", Activation::tanh},
                                                          {"sigmoid", Activation::sigmoid}};
  for (const auto& [its_name, activation] : known)
    if (name == its_name) {
      found = activation;
      return true;
    }
  return false;
}

/// @throws ConfigError  for an activation that the library does not have
[[gnu::cold]] inline Activation activation(const JsonFields& json, const char* key,
                                           const std::string& otherwise) {
  const std::string name = json.text(key, otherwise);
  Activation found{};
  if (!activation_named(name, found)) json.refuse(key, concat("unknown activation \"", name, "\""));
  return found;
}

/// The columns of a head of `width` that turn, where a config names the part that they are of it.
/// @throws ConfigError  for what is no part of a head, or less than a column
[[gnu::cold]] inline Index rotary_columns(const JsonFields& json, const char* key, double otherwise,
                                          Index width) {
  const double part = json.number(key, otherwise);
  if (!(part > 0 && part <= 1)) json.refuse(key, concat("must lie in (0, 1], is ", part));
  if (part == 1) return width;
  const auto columns = static_cast<Index>(static_cast<double>(width) * part);
  if (columns == 0) json.refuse(key, concat(part, " of a head of ", width, " columns is none"));
  return columns;
}

/// The part that these columns are of a head's: rotary_columns, which rounds down, gives them back.
[[gnu::cold]] inline double rotary_part(Index columns, Index width) {
  const double part = static_cast<double>(columns) / static_cast<double>(width);
  if (columns == width || static_cast<Index>(static_cast<double>(width) * part) == columns) return part;
  return std::nextafter(part, 1.0);
}

/// Where a config says how its positions turn: in rope_scaling or, since transformers 5, in rope_parameters,
/// which holds the base as well. Of the two rope_scaling counts, as it does there; null: it has neither.
[[gnu::cold]] inline const char* rotary_key(const JsonFields& json) {
  for (const char* const key : {"rope_scaling", "rope_parameters"})
    if (json.has(key) && !json.at(key).empty()) return key;
  return nullptr;
}

/// @throws ConfigError  for parameters of each type of layer, and for what a scaling means beside its factors
/// @param type  of the scaling
[[gnu::cold]] inline void check_scaling(const JsonFields& json, const JsonFields& scaling,
                                        const std::string& type, const ModelConfig& c) {
  refuse_fields(scaling, refused::rope);
  if (type == "yarn" && !scaling.has("attention_factor") && scaling.number("mscale", 0.0) != 0.0 &&
      scaling.number("mscale_all_dim", 0.0) != 0.0)
    scaling.refuse("mscale",
                   concat("is ", scaling.number("mscale"), " beside mscale_all_dim ",
                          scaling.number("mscale_all_dim"), ": say what they come to in attention_factor"));
  if (type != "yarn" && type != "llama3") return;
  const Index trained = c.rotary.original_max_positions ? c.rotary.original_max_positions : c.max_positions;
  const Index outside = json.integer("original_max_position_embeddings", trained);
  if (outside != trained)
    json.refuse("original_max_position_embeddings",
                concat("is ", outside, ", where the scaling was trained on ", trained, ": make them equal"));
}

/// Of families whose heads turn as a whole: transformers ignores another partial_rotary_factor where rotary
/// positions are not scaled, and computes something else where they are.
[[gnu::cold]] inline void check_whole_heads(const JsonFields& json, const ModelConfig& c) {
  if (c.rotary.scaling == RotaryScaling::none) return;
  constexpr const char* key = "partial_rotary_factor";
  for (const JsonFields& fields : {json, json.fields(rotary_key(json))})
    if (const double part = fields.number(key, 1.0); part != 1.0)
      fields.refuse(key, concat("is ", part, ", but heads of this family turn as a whole: leave it out"));
}

/// The base and the scaling of rotary positions; windows that a scaling extends are extended here.
/// @param base_key  what the family calls the base outside rope_parameters
[[gnu::cold]] inline void rotary(const JsonFields& json, ModelConfig& c,
                                 const char* base_key = "rope_theta") {
  c.positions = Positions::rotary;
  c.rotary.base = json.number(base_key, 10000.0);
  const char* const key = rotary_key(json);
  if (!key) return;
  const JsonFields scaling = json.fields(key);
  for (const auto& [name, value] : json.at(key).items())
    if (value.is_object())
      scaling.refuse(name.c_str(), "parameters for each type of layer are not read, only one set for all");
  c.rotary.base = scaling.number("rope_theta", c.rotary.base);
  const bool newer = key == std::string_view("rope_parameters");
  if (!newer && json.has("rope_parameters")) {
    const JsonFields other = json.fields("rope_parameters");
    if (const double base = other.number("rope_theta", c.rotary.base); base != c.rotary.base)
      other.refuse("rope_theta", concat("is ", base,
                                        ", but beside rope_scaling it is not rope_parameters that "
                                        "counts, and the base is ",
                                        c.rotary.base, ": leave one of the two out"));
  }
  const char* const type_key = scaling.has("rope_type") ? "rope_type" : "type";
  const std::string type = newer ? scaling.text(type_key, "default") : scaling.text(type_key);
  if (type == "default") return;
  c.rotary.factor = scaling.number("factor");
  c.rotary.original_max_positions = scaling.integer("original_max_position_embeddings", 0);
  check_scaling(json, scaling, type, c);
  const bool other_window = type != "dynamic" && c.rotary.original_max_positions;
  const Index trained = other_window ? c.rotary.original_max_positions : c.max_positions;
  const double positions = static_cast<double>(trained) * c.rotary.factor;
  if (!(std::abs(positions) < static_cast<double>(detail::largest_integer)))
    scaling.refuse("factor", concat(c.rotary.factor, " times ", trained, " positions are too many"));
  const Index extended = (std::max)(c.max_positions, static_cast<Index>(positions));
  if (type == "linear") {
    c.rotary.scaling = RotaryScaling::linear;
  } else if (type == "dynamic") {
    c.rotary.scaling = RotaryScaling::dynamic;
    c.rotary.original_max_positions = c.max_positions;
    c.max_positions = extended;
  } else if (type == "yarn") {
    c.rotary.scaling = RotaryScaling::yarn;
    c.rotary.attention_factor = scaling.number("attention_factor", 0.0);
    c.rotary.beta_fast = scaling.number("beta_fast", 32.0);
    c.rotary.beta_slow = scaling.number("beta_slow", 1.0);
    if (c.rotary.original_max_positions) c.max_positions = extended;
  } else if (type == "llama3") {
    c.rotary.scaling = RotaryScaling::llama3;
    c.rotary.low_frequency_factor = scaling.number("low_freq_factor");
    c.rotary.high_frequency_factor = scaling.number("high_freq_factor");
  } else {
    scaling.refuse(type_key, concat("unknown rotary scaling \"", type, "\""));
  }
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
