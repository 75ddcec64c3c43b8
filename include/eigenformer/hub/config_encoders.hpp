// config.json of the encoder families as a ModelConfig, its head and its labels.
#pragma once

#include <eigenformer/hub/config_fields.hpp>

#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

[[gnu::cold]] inline ModelConfig bert(const JsonFields& json) {
  refuse_fields(json, refused::bert);
  ModelConfig c = sizes(json, "hidden_size", "num_hidden_layers", "num_attention_heads");
  c.stacks = Stacks::encoder;
  c.d_ff = json.integer("intermediate_size");
  c.max_positions = json.integer("max_position_embeddings", 512);
  c.norm = {.kind = NormKind::layer, .epsilon = json.number("layer_norm_eps", 1e-12)};
  c.norm_placement = NormPlacement::after;
  c.activation = activation(json, "hidden_act", "gelu");
  c.biases.logits = true;
  c.embedding_norm = true;
  c.token_types = json.integer("type_vocab_size", 2);
  c.final_norm = false;
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  return c;
}

/// BERT with positions counted from the padding token's id + 1, the rows before it unused.
[[gnu::cold]] inline ModelConfig roberta(const JsonFields& json) {
  ModelConfig c = bert(json);
  if (c.activation != Activation::gelu) json.refuse("hidden_act", "must be \"gelu\", which its heads use");
  c.position_offset = json.integer("pad_token_id", 1) + 1;
  c.max_positions -= c.position_offset;
  return c;
}

[[gnu::cold]] inline ModelConfig distilbert(const JsonFields& json) {
  ModelConfig c = sizes(json, "dim", "n_layers", "n_heads");
  c.stacks = Stacks::encoder;
  c.d_ff = json.integer("hidden_dim");
  c.max_positions = json.integer("max_position_embeddings", 512);
  c.norm = {.kind = NormKind::layer, .epsilon = 1e-12};
  c.norm_placement = NormPlacement::after;
  c.activation = activation(json, "activation", "gelu");
  c.biases.logits = true;
  c.embedding_norm = true;
  c.final_norm = false;
  c.tied_embeddings = json.boolean("tie_word_embeddings", true);
  c.pooler_activation = Activation::relu;
  return c;
}

/// The head that a checkpoint was saved with, by the class that it names.
[[gnu::cold]] inline Head encoder_head(const JsonFields& json) {
  if (!json.has("architectures")) return Head::none;
  const Json& classes = json.at("architectures");
  if (!classes.is_array() || classes.empty() || !classes[0].is_string())
    json.refuse("architectures", "a list of class names was expected, found " + detail::brief(classes));
  const std::string name = classes[0].get<std::string>();
  if (name.ends_with("ForMaskedLM") || name.ends_with("ForPreTraining")) return Head::masked_words;
  if (name.ends_with("ForSequenceClassification")) return Head::text_classes;
  if (name.ends_with("ForTokenClassification")) return Head::token_classes;
  return Head::none;
}

/// The names of the labels, by number. A config without them has two, as in transformers.
/// @throws ConfigError  if id2label does not name 0, 1, … each once
[[gnu::cold]] inline std::vector<std::string> labels(const JsonFields& json) {
  if (!json.has("id2label")) return {"LABEL_0", "LABEL_1"};
  const Json& map = json.at("id2label");
  if (!map.is_object() || map.empty())
    json.refuse("id2label", "an object of names by number was expected, found " + detail::brief(map));
  std::vector<std::string> names;
  while (names.size() < map.size()) {
    const auto at = map.find(std::to_string(names.size()));
    if (at == map.end() || !at->is_string())
      json.refuse("id2label", concat("of its ", map.size(), " labels, number ", names.size(),
                                     " is absent or no name: ", detail::brief(map)));
    names.push_back(at->get<std::string>());
  }
  return names;
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
