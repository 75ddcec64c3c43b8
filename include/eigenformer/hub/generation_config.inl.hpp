// The definition of generation_config.hpp.
#pragma once

#include <eigenformer/hub/generation_config.hpp>
#include <eigenformer/hub/gguf_config.hpp>
#include <eigenformer/hub/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// The text of a model's generation_config.json or, where there is none, config.json; of a GGUF file what
/// stands for it.
[[gnu::cold]] inline ConfigText load_generation_text(const std::string& path) {
  if (is_gguf(path)) return {gguf_generation(Gguf(path).metadata()), path};
  std::string file = path + "/generation_config.json";
  if (!detail::path_exists(file)) file = path + "/config.json";
  return {read_json(file), file};
}

}  // namespace hub

EIGENFORMER_ROOM GenerationConfig load_generation_config(const std::string& folder) {
  const hub::ConfigText text = hub::load_generation_text(folder);
  const JsonFields json(text.json, text.file);
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

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
