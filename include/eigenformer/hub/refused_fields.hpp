// Fields of config.json and adapter_config.json that change what the original computes, and that the library
// does not read: one table for each family or kind of file, with the values that do no harm. A field that is
// in no table is read by the family's own function, or changes nothing in the original.
//
// A field that the library learns to read leaves its table. What depends on more than one field (layer_types,
// rope_parameters, partial_rotary_factor) is a function, here or in config_fields.hpp.
#pragma once

#include <eigenformer/hub/json.hpp>
#include <eigenformer/model/config.hpp>

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// A field, and the values that it may have.
struct RefusedField {
  const char* key;
  bool (*harmless)(const Json& value);  ///< with this value the original computes what the library does
  const char* why;                      ///< the others are refused, and a way out
};

/// What Python takes for false: a switch that is off, a list or an object of nothing. Absent fields and null
/// never come to be asked.
[[gnu::cold]] inline bool off(const Json& value) {
  return value == false || value == 0 || value == "" || (value.is_structured() && value.empty());
}
[[gnu::cold]] inline bool on(const Json& value) { return value == true; }

/// @throws ConfigError  for the first field with a value that does harm: "key: is VALUE: why (file)"
[[gnu::cold]] inline void refuse_fields(const JsonFields& json, std::span<const RefusedField> fields) {
  for (const RefusedField& field : fields)
    if (json.has(field.key) && !field.harmless(json.at(field.key)))
      json.refuse(field.key, concat("is ", detail::brief(json.at(field.key)), ": ", field.why));
}

/// Tables for config.json, named after the function that reads the family.
namespace refused {

inline constexpr const char* no_cross_attention =
    "a stack that reads another encoder's output is not built; set it to false to read this one by itself";
inline constexpr const char* encoder_alone =
    "the model is read as an encoder, whose tokens see those after them; it cannot be a decoder";
inline constexpr const char* both_stacks = "the library reads the encoder and the decoder together, or none";
inline constexpr const char* only_before_norm = "only true is read: norms before each branch, with weights";
inline constexpr const char* other_bart =
    "only false is read: a variant that published BART models do not use";

inline constexpr RefusedField gpt2[] = {
    {"scale_attn_weights", on, "only true is read: scores are divided by the root of the head's width"},
    {"scale_attn_by_inverse_layer_idx", off, "only false is read: scores are the same in every layer"},
    {"add_cross_attention", off, no_cross_attention}};

inline constexpr RefusedField qwen2[] = {
    {"use_sliding_window", off,
     "only false is read: every layer sees all tokens before it; with false, prompts up to sliding_window "
     "tokens give what the original does"}};

inline constexpr RefusedField opt[] = {{"do_layer_norm_before", on, only_before_norm},
                                       {"layer_norm_elementwise_affine", on, only_before_norm}};

inline constexpr RefusedField bert[] = {
    {"position_embedding_type", [](const Json& value) { return value == "absolute"; },
     "only \"absolute\" positions are read"},
    {"is_decoder", off, encoder_alone},
    {"add_cross_attention", off, no_cross_attention}};

inline constexpr RefusedField t5[] = {{"is_encoder_decoder", on, both_stacks}};

inline constexpr RefusedField bart[] = {
    {"is_encoder_decoder", on, both_stacks},
    {"normalize_before", off, other_bart},
    {"add_final_layer_norm", off, other_bart},
    {"static_position_embeddings", off, other_bart},
    {"normalize_embedding", on, "only true is read: a norm behind the embeddings"}};

/// What rope_scaling or rope_parameters may say beside the fields that are read.
inline constexpr RefusedField rope[] = {
    {"truncate", on, "only true is read: yarn's ramp begins and ends at whole columns"}};

/// Ways to begin with that leave the base as it is, or that change nothing in a finished adapter.
[[gnu::cold]] inline bool begins_beside_its_base(const Json& value) {
  if (value.is_boolean()) return true;
  if (!value.is_string()) return false;
  std::string name = value.get<std::string>();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* const known : {"gaussian", "eva", "orthogonal", "lora_ga", "mica"})
    if (name == known) return true;
  return false;
}

/// adapter_config.json of peft.
inline constexpr RefusedField adapter[] = {
    {"use_dora", off, "adapters that rescale their matrix (DoRA) are not loaded; merge it in peft first"},
    {"lora_bias", off, "adapters with a bias of their own are not loaded; merge it in peft first"},
    {"bias", [](const Json& value) { return value == "none"; },
     "biases that were trained along are not loaded; merge the adapter in peft first"},
    {"init_lora_weights", begins_beside_its_base,
     "this adapter belongs to a base that its beginning changed (PiSSA, OLoRA, CorDA, LoftQ), and the folder "
     "does not hold that base; save it from peft with path_initial_model_for_weight_conversion, or merge it"},
    {"alora_invocation_tokens", off,
     "an adapter that acts only behind these tokens (activated LoRA) would act on all of them here"},
    {"layer_replication", off,
     "layers are not repeated here; load the adapter in peft, merge it, and save the larger model"},
    {"trainable_token_indices", off,
     "embeddings that were trained along are not loaded; merge it in peft first"},
    {"use_bdlora", off, "adapters of blocks (BD-LoRA) are not loaded; merge it in peft first"},
    {"arrow_config", off, "a choice among several adapters (Arrow) is not made here; merge it in peft first"},
    {"kasa_config", off, "adapters with singular values (KaSA) are not loaded; merge it in peft first"},
    {"monteclora_config", off, "adapters that draw their weights (MonteCLoRA) are not loaded"}};

}  // namespace refused

/// Sees to it that layer_types, where it stands, names the layers that a window holds in.
/// @param c  with its layers and windows
/// @throws ConfigError  for another pattern
[[gnu::cold]] inline void check_layer_types(const JsonFields& json, const ModelConfig& c) {
  if (!json.has("layer_types")) return;
  const Json& types = json.at("layer_types");
  if (!types.is_array() || std::cmp_not_equal(types.size(), c.n_layers))
    json.refuse("layer_types", concat("a name for each of ", c.n_layers, " layers was expected, found ",
                                      detail::brief(types)));
  for (Index layer = 0; layer < c.n_layers; ++layer) {
    const Json& type = types[static_cast<std::size_t>(layer)];
    const char* const usual = c.windowed(layer) ? "sliding_attention" : "full_attention";
    if (type != usual)
      json.refuse("layer_types",
                  concat("layer ", layer, " is ", detail::brief(type),
                         ": only the usual pattern of this family is read, where it is \"", usual, "\""));
  }
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
