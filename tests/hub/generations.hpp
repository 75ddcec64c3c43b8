// The generate() calls of the reference folders, with what they returned.
#pragma once

#include <eigenformer/generate/generate.hpp>
#include <eigenformer/hub/generation_config.hpp>
#include <eigenformer/hub/json.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace fixtures {

namespace ef = eigenformer;

struct Call {
  std::string name;
  ef::GenerationConfig config;   ///< greedy, or a beam search
  ef::TokenBatch prompts;        ///< or sources
  ef::TokenBatch sequences;      ///< of each prompt its results one after the other, without padding
  std::vector<double> scores{};  ///< of beams
};

/// The arguments of a call, on top of what the folder's generation_config.json forces.
inline ef::GenerationConfig config_of(const ef::Json& arguments, const std::string& folder) {
  ef::GenerationConfig config = ef::load_generation_config(folder);
  config.max_new_tokens = arguments["max_new_tokens"].get<ef::Index>();
  config.temperature = 0;
  config.min_new_tokens = arguments.value("min_new_tokens", ef::Index{0});
  config.no_repeat_ngram = arguments.value("no_repeat_ngram_size", ef::Index{0});
  config.repetition_penalty = arguments.value("repetition_penalty", 1.0);
  config.num_beams = arguments["num_beams"].get<ef::Index>();
  config.num_return_sequences = arguments.value("num_return_sequences", ef::Index{1});
  config.length_penalty = arguments.value("length_penalty", 1.0);
  const ef::Json stop = arguments.value("early_stopping", ef::Json(false));
  config.early_stopping = stop == "never" ? ef::EarlyStopping::never
                          : stop == true  ? ef::EarlyStopping::yes
                                          : ef::EarlyStopping::no;
  if (arguments.contains("forced_eos_token_id"))
    config.forced_eos = arguments["forced_eos_token_id"].get<ef::Token>();
  config.end_tokens.clear();
  if (!arguments["eos_token_id"].is_null()) config.end_tokens = {arguments["eos_token_id"].get<ef::Token>()};
  return config;
}

/// A stored sequence without its padding: before the prompt, whose real places `mask` marks, and after the
/// end.
inline std::vector<ef::Token> without_padding(const ef::Json& row, const std::vector<int>& mask,
                                              const ef::GenerationConfig& config) {
  const auto tokens = row.get<std::vector<ef::Token>>();
  std::vector<ef::Token> out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i < mask.size() && !mask[i]) continue;
    out.push_back(tokens[i]);
    if (i >= mask.size() && ef::is_end_token(config.end_tokens, tokens[i])) break;
  }
  return out;
}

inline std::vector<Call> generations(const std::string& folder) {
  const bool has_source = ef::read_json(folder + "/config.json").value("is_encoder_decoder", false);
  const ef::Json expected = ef::read_json(folder + "/expected.json");
  std::vector<Call> calls;
  for (const ef::Json& json : expected["generation"]) {
    Call call{json["name"].get<std::string>(), config_of(json["arguments"], folder), {}, {}};
    for (std::size_t row = 0; row < json["input_ids"].size(); ++row)
      call.prompts.push_back(
          without_padding(json["input_ids"][row], json["attention_mask"][row].get<std::vector<int>>(), {}));
    const auto copies = static_cast<std::size_t>(call.config.num_return_sequences);
    for (std::size_t row = 0; row < json["sequences"].size(); ++row)
      call.sequences.push_back(
          without_padding(json["sequences"][row],
                          has_source ? std::vector<int>{1}  // the decoder's start token
                                     : json["attention_mask"][row / copies].get<std::vector<int>>(),
                          call.config));
    if (json.contains("sequences_scores")) call.scores = json["sequences_scores"].get<std::vector<double>>();
    calls.push_back(std::move(call));
  }
  return calls;
}

/// Every greedy call of a folder, with 1, 2 and 4 threads.
template <class Model> void check_greedy(const Model& model, const std::string& folder) {
  CAPTURE(folder);
  int compared = 0;
  for (const Call& call : generations(folder)) {
    if (call.config.num_beams != 1) continue;
    CAPTURE(call.name);
    for (const int count : {1, 2, 4}) {
      ef::Threads threads(count);
      const auto results = ef::generate_batch(model, call.prompts, call.config, threads, [](ef::Token) {});
      REQUIRE(results.size() == call.sequences.size());
      for (std::size_t row = 0; row < results.size(); ++row)
        CHECK(results[row].tokens == call.sequences[row]);
    }
    ++compared;
  }
  CHECK(compared >= 3);
}

}  // namespace fixtures
