// Which architecture of Hugging Face a ModelConfig is, and its config.json: the first family whose own text,
// read back, describes the same model.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/write_config.hpp>
#include <eigenformer/model/parameters.hpp>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// The text of a file; what is not UTF-8 in its strings is replaced.
[[gnu::cold]] inline std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// How a family's config.json is written.
struct ConfigWriter {
  const char* model_type;
  Json (*write)(const ModelConfig&);
  const char* name;                        ///< what its classes in transformers begin with
  const char* words_head = "ForCausalLM";  ///< and end with, where their head gives words
};
inline constexpr ConfigWriter config_writers[] = {{"llama", write_llama, "Llama"},
                                                  {"gpt2", write_gpt, "GPT2", "LMHeadModel"},
                                                  {"bloom", write_bloom, "Bloom"},
                                                  {"palm", write_palm, "Palm"},
                                                  {"mistral", write_mistral, "Mistral"},
                                                  {"qwen2", write_qwen2, "Qwen2"},
                                                  {"gemma", write_gemma, "Gemma"},
                                                  {"gemma2", write_gemma2, "Gemma2"},
                                                  {"gpt_neox", write_gpt_neox, "GPTNeoX"},
                                                  {"gptj", write_gptj, "GPTJ"},
                                                  {"opt", write_opt, "OPT"},
                                                  {"bert", write_bert, "Bert"},
                                                  {"roberta", write_roberta, "Roberta"},
                                                  {"xlm-roberta", write_roberta, "XLMRoberta"},
                                                  {"camembert", write_roberta, "Camembert"},
                                                  {"distilbert", write_distilbert, "DistilBert"},
                                                  {"t5", write_t5, "T5", "ForConditionalGeneration"},
                                                  {"mt5", write_mt5, "MT5", "ForConditionalGeneration"},
                                                  {"bart", write_bart, "Bart", "ForConditionalGeneration"}};

/// What a class with this head is called: "BertForMaskedLM".
[[gnu::cold]] inline std::string class_name(const ConfigWriter& writer, Head head) {
  switch (head) {
    case Head::none: return concat(writer.name, "Model");
    case Head::words: break;
    case Head::masked_words: return concat(writer.name, "ForMaskedLM");
    case Head::text_classes: return concat(writer.name, "ForSequenceClassification");
    case Head::token_classes: return concat(writer.name, "ForTokenClassification");
  }
  return concat(writer.name, writer.words_head);
}

/// The same model with every default spelled out, and every field that nothing reads at its own default: two
/// configs describe one model where these are equal.
[[gnu::cold]] inline ModelConfig resolved(ModelConfig c) {
  const ModelConfig none;
  const ModelConfig encoder = c.encoder();
  const bool two = c.stacks == Stacks::encoder_decoder;
  c.encoder_layers = two ? encoder.n_layers : 0;
  c.encoder_heads = two ? encoder.n_heads : 0;
  c.encoder_d_ff = two ? encoder.d_ff : 0;
  if (!two) c.decoder_start_token = 0;
  c.n_key_value_heads = c.key_value_heads();
  c.head_size = c.head_width();
  if (c.norm.kind == NormKind::rms) c.norm.bias = true;
  if (c.positions != Positions::learned) c.position_offset = 0;
  if (c.positions != Positions::relative_buckets) c.relative_buckets = none.relative_buckets;
  if (c.score_scale == 0.0) c.score_scale = 1.0 / std::sqrt(static_cast<double>(c.head_size));
  if (c.window == 0) c.window_every = 1;
  if (c.head != Head::text_classes && c.head != Head::token_classes) c.n_labels = 0;
  if (!c.pooler) c.pooler_activation = none.pooler_activation;

  ModelConfig::Rotary& r = c.rotary;
  if (c.positions != Positions::rotary) {
    r = none.rotary;
    return c;
  }
  r.dimensions = c.rotary_dimensions();
  if (r.scaling == RotaryScaling::none) r.factor = none.rotary.factor;
  if (r.scaling == RotaryScaling::none || r.scaling == RotaryScaling::linear)
    r.original_max_positions = 0;
  else if (r.original_max_positions == 0)
    r.original_max_positions = c.max_positions;
  if (r.scaling != RotaryScaling::yarn) {
    r.attention_factor = none.rotary.attention_factor;
    r.beta_fast = none.rotary.beta_fast;
    r.beta_slow = none.rotary.beta_slow;
  }
  if (r.scaling != RotaryScaling::llama3) {
    r.low_frequency_factor = none.rotary.low_frequency_factor;
    r.high_frequency_factor = none.rotary.high_frequency_factor;
  }
  return c;
}

/// What was read of a model's config.json, with what its tensors alone tell: a bare encoder's pooler, and an
/// encoder-decoder's bias of the logits.
[[gnu::cold]] inline ModelConfig completed(ModelConfig read, const ModelConfig& model) {
  if (model.stacks == Stacks::encoder && model.head == Head::none) read.pooler = model.pooler;
  if (model.stacks == Stacks::encoder_decoder) read.biases.logits = model.biases.logits;
  return read;
}

/// Whether what was read of a config.json describes this model.
[[gnu::cold]] inline bool same_model(const ModelConfig& read, const ModelConfig& model) {
  return resolved(completed(read, model)) == resolved(model);
}

/// Whether a family's checkpoints have a place for every parameter of a config.
[[gnu::cold]] inline bool has_places(const NameTable& table, const ModelConfig& config) {
  Transformer<float> shapes;
  bool all = true;
  for_each_shape(shapes, config, [&](const std::string& path, auto&, Index, Index) {
    all = all && names::find_place(table, "", path, config, [](const std::string&) { return false; });
  });
  return all;
}

/// A config.json with the family that it is of.
struct WrittenConfig {
  Json json;
  HubConfig config;
};

/// config.json of a model, with its architecture and labels.
/// @param model_type  the family; empty: the first that fits, in the order of config_writers
/// @throws ConfigError  where none fits, or not the one that is asked for
[[gnu::cold]] inline WrittenConfig describe(const ModelConfig& config, const std::string& model_type,
                                            const std::vector<std::string>& labels) {
  validate(config);
  std::string why;  // of the one that is asked for
  bool known = false;
  for (const ConfigWriter& writer : config_writers) {
    if (!model_type.empty() && model_type != writer.model_type) continue;
    known = true;
    Json json = writer.write(config);
    json["model_type"] = writer.model_type;
    json["architectures"] = {class_name(writer, config.head)};
    for (std::size_t i = 0; i < labels.size(); ++i) {
      json["id2label"][std::to_string(i)] = labels[i];
      json["label2id"][labels[i]] = i;
    }
    std::optional<WrittenConfig> written;
    const auto read_back = [&] {
      HubConfig back = read_config(JsonFields(json, "config.json"));
      back.model = completed(back.model, config);
      if (same_model(back.model, config) && has_places(*back.names, back.model))
        written = {std::move(json), std::move(back)};
    };
    detail::attempt<ConfigError>(read_back,
                                 [&](const ConfigError& error) { why = concat(": ", error.what()); });
    if (written) return *std::move(written);
  }
  if (model_type.empty())
    fail(ConfigError("model_type", "no architecture of Hugging Face that the library knows has this config"));
  if (known) fail(ConfigError("model_type", concat("\"", model_type, "\" cannot have this config", why)));
  fail(ConfigError("model_type", concat("\"", model_type, "\" is not one of those that the library writes")));
}

/// What a config.json says beside the model's own fields, with those fields in it.
/// @throws ConfigError  where the two together do not describe the model
[[gnu::cold]] inline Json merged_config(Json base, const WrittenConfig& written) {
  base.erase("quantization_config");
  base.erase("dtype");  // what newer files call torch_dtype
  for (const auto& [key, value] : written.json.items())
    if (!value.is_null() || !key.ends_with("_token_id") || !base.contains(key)) base[key] = value;
  if (!same_model(read_config(JsonFields(base, "config.json")).model, written.config.model))
    fail(ConfigError("config.json", "with what the source says beside, it would describe another model"));
  return base;
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
