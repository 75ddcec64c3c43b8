// config.json of Hugging Face as a ModelConfig: the list of the architectures, and which of them a folder is.
// One short function for each is in config_decoders.hpp, config_encoders.hpp and config_seq2seq.hpp.
#pragma once

#include <eigenformer/hub/config_decoders.hpp>
#include <eigenformer/hub/config_encoders.hpp>
#include <eigenformer/hub/config_seq2seq.hpp>
#include <eigenformer/hub/names_decoders.hpp>
#include <eigenformer/hub/names_encoders.hpp>
#include <eigenformer/hub/names_seq2seq.hpp>

#include <string>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI {

/// What a model folder says about itself.
struct HubConfig {
  std::string model_type;
  ModelConfig model;
  const NameTable* names = nullptr;
  std::vector<std::string> labels;  ///< of an encoder's classes
};

namespace hub {

struct Family {
  const char* model_type;
  ModelConfig (*config)(const JsonFields&);
  const NameTable* names;
};
inline constexpr Family families[] = {{"llama", llama, &names::llama},
                                      {"gpt2", gpt2, &names::gpt2},
                                      {"bloom", bloom, &names::bloom},
                                      {"palm", palm, &names::palm},
                                      {"mistral", mistral, &names::llama},
                                      {"qwen2", qwen2, &names::llama},
                                      {"gemma", gemma, &names::llama},
                                      {"gemma2", gemma2, &names::gemma2},
                                      {"gpt_neox", gpt_neox, &names::gpt_neox},
                                      {"gptj", gptj, &names::gptj},
                                      {"opt", opt, &names::opt},
                                      {"bert", bert, &names::bert},
                                      {"roberta", roberta, &names::roberta},
                                      {"xlm-roberta", roberta, &names::roberta},
                                      {"camembert", roberta, &names::roberta},
                                      {"distilbert", distilbert, &names::distilbert},
                                      {"t5", t5, &names::t5},
                                      {"mt5", t5, &names::t5},
                                      {"bart", bart, &names::bart}};

}  // namespace hub

/// The config of a folder by its config.json.
/// @throws ConfigError  for an unknown model_type, or a field that is absent, of the wrong type, or cannot be
[[gnu::cold]] inline HubConfig read_config(const JsonFields& json) {
  const std::string type = json.text("model_type");
  std::string known;
  for (const hub::Family& family : hub::families) {
    if (type == family.model_type) {
      HubConfig config{type, family.config(json), family.names, {}};
      if (config.model.stacks == Stacks::encoder) {
        config.labels = hub::labels(json);
        config.model.n_labels = static_cast<Index>(config.labels.size());
        config.model.head = hub::encoder_head(json);
        config.model.pooler = config.model.head == Head::text_classes;
      }
      try {
        validate(config.model);
      } catch (const ConfigError& error) {
        fail(ConfigError(json.file(), error.what()));
      }
      return config;
    }
    known += concat(known.empty() ? "" : ", ", family.model_type);
  }
  json.refuse("model_type", concat("\"", type, "\" is not one of those that the library loads: ", known));
}

/// Reads a folder's config.json.
/// @throws FileError    if there is none, or it is not JSON
/// @throws ConfigError  as read_config
[[gnu::cold]] inline HubConfig load_config(const std::string& folder) {
  const std::string path = folder + "/config.json";
  const Json value = read_json(path);
  return read_config(JsonFields(value, path));
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
