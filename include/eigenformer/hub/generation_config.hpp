// What a model folder says about generation: its end tokens, and how its makers sample from it.
#pragma once

#include <eigenformer/generate/config.hpp>
#include <eigenformer/hub/json.hpp>

#include <cstdio>
#include <string>

namespace eigenformer::inline EIGENFORMER_ABI {

/// From generation_config.json, or where there is none from config.json: eos_token_id (a number or a list),
/// forced tokens, n-grams that may not repeat, beams, and the sampling settings where do_sample is true. All
/// else has its default.
/// @throws FileError, ConfigError  with the file and the field
[[gnu::cold]] inline GenerationConfig load_generation_config(const std::string& folder) {
  std::string path = folder + "/generation_config.json";
  if (std::FILE* const file = std::fopen(path.c_str(), "rb"))
    std::fclose(file);
  else
    path = folder + "/config.json";
  const Json value = read_json(path);
  const JsonFields json(value, path);
  GenerationConfig config;
  if (json.has("eos_token_id")) config.end_tokens = json.tokens("eos_token_id");
  if (json.has("forced_bos_token_id")) config.forced_bos = json.token("forced_bos_token_id");
  if (json.has("forced_eos_token_id")) config.forced_eos = json.token("forced_eos_token_id");
  config.no_repeat_ngram = json.integer("no_repeat_ngram_size", 0);
  config.num_beams = json.integer("num_beams", 1);
  config.length_penalty = json.number("length_penalty", 1.0);
  if (json.has("early_stopping")) {
    const Json& stop = json.at("early_stopping");
    if (stop == "never")
      config.early_stopping = EarlyStopping::never;
    else if (json.boolean("early_stopping", false))
      config.early_stopping = EarlyStopping::yes;
  }
  if (json.boolean("do_sample", false)) {
    config.temperature = json.number("temperature", 1.0);
    config.top_k = json.integer("top_k", 0);
    config.top_p = json.number("top_p", 1.0);
    config.min_p = json.number("min_p", 0.0);
    config.typical_p = json.number("typical_p", 1.0);
    config.repetition_penalty = json.number("repetition_penalty", 1.0);
  }
  validate(config);
  return config;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
