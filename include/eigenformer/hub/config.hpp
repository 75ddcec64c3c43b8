// config.json of Hugging Face as a ModelConfig: the list of the architectures, and which of them a folder is.
// One short function for each is in config_decoders.hpp, config_encoders.hpp and config_seq2seq.hpp.
#pragma once

#include <eigenformer/core/number_format.hpp>
#include <eigenformer/hub/config_decoders.hpp>
#include <eigenformer/hub/config_encoders.hpp>
#include <eigenformer/hub/config_seq2seq.hpp>
#include <eigenformer/hub/hub_config.hpp>
#include <eigenformer/hub/names_decoders.hpp>
#include <eigenformer/hub/names_encoders.hpp>
#include <eigenformer/hub/names_seq2seq.hpp>

#include <optional>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

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
                                      {"mt5", mt5, &names::t5},
                                      {"bart", bart, &names::bart}};

/// The format of a checkpoint that was stored as whole numbers; none for any other.
/// @throws ConfigError  for those of other tools, whose layouts the library does not read
[[gnu::cold]] inline std::optional<Format> stored_format(const JsonFields& json) {
  if (!json.has("quantization_config")) return std::nullopt;
  const JsonFields stored = json.fields("quantization_config");
  const std::string method = stored.text("quant_method", "");
  if (method != "eigenformer")
    stored.refuse("quant_method", concat("\"", method, "\" checkpoints are not read, only \"eigenformer\""));
  if (stored.integer("group_size") != 32) stored.refuse("group_size", "must be 32");
  const std::string format = stored.text("format");
  if (format == name_of(Format::int8)) return Format::int8;
  if (format == name_of(Format::int4)) return Format::int4;
  stored.refuse("format", concat("\"", format, "\" is neither int8 nor int4"));
}

}  // namespace hub

/// The config of a folder by its config.json.
/// @throws ConfigError  for an unknown model_type, or a field that is absent, of the wrong type, or cannot be
[[gnu::cold]] inline HubConfig read_config(const JsonFields& json) {
  const std::string type = json.text("model_type");
  std::string known;
  for (const hub::Family& family : hub::families) {
    if (type == family.model_type) {
      HubConfig config{type, family.config(json), family.names, {}, hub::stored_format(json)};
      if (config.model.stacks == Stacks::encoder) {
        config.labels = hub::labels(json);
        config.model.n_labels = static_cast<Index>(config.labels.size());
        config.model.head = hub::encoder_head(json);
        config.model.pooler = config.model.head == Head::text_classes;
      }
      detail::attempt<ConfigError>(
          [&] { validate(config.model); },
          [&](const ConfigError& error) { fail(ConfigError(json.file(), error.what())); });
      return config;
    }
    known += concat(known.empty() ? "" : ", ", family.model_type);
  }
  json.refuse("model_type", concat("\"", type, "\" is not one of those that the library loads: ", known));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
