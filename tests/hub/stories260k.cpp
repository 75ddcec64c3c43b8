// A real trained model: the TinyStories model of 260 thousand parameters, against llama2.c's own output.
#include "support/skip.hpp"
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/json.hpp>

#include <doctest/doctest.h>

namespace hub_stories260k {

namespace ef = eigenformer;

TEST_CASE("stories260K continues every golden prompt token for token, for any number of threads") {
  if (!support::shared_has("models/stories260K")) return;
  const std::string folder = EIGENFORMER_SHARED_DATA "/models/stories260K";
  const auto model = ef::load_causal_lm<float>(folder);
  const auto tokenizer = ef::load_tokenizer(folder);
  const ef::Json golden = ef::read_json(folder + "/golden.json");
  REQUIRE(golden["prompts"].size() == 12);
  for (const int count : {1, 2, 4}) {
    ef::Threads threads(count);
    for (const ef::Json& prompt : golden["prompts"]) {
      const auto text = prompt["prompt"].get<std::string>();
      CAPTURE(text);
      const std::vector<ef::Token> ids = tokenizer.encode(text);
      CHECK(ids == prompt["prompt_ids"].get<std::vector<ef::Token>>());
      const ef::GenerationConfig config{.max_new_tokens = 200, .temperature = 0, .end_tokens = {1}};
      ef::TextStream stream(tokenizer);
      std::string continuation;
      const auto result = ef::generate(model, ids, config, threads,
                                       [&](ef::Token token) { continuation += stream.push(token); });
      continuation += stream.finish();
      const auto drawn = result.new_tokens();
      CHECK(std::vector<ef::Token>(drawn.begin(), drawn.end()) ==
            prompt["continuation_ids"].get<std::vector<ef::Token>>());
      // A continuation's first piece keeps its space where the prompt was a text, as llama2.c prints it.
      const auto expected = prompt["continuation_text"].get<std::string>();
      CHECK((continuation == expected || " " + continuation == expected));

      ef::Session<float> session(model, threads);
      session.feed(ids);
      const auto logits = prompt["last_prompt_logits"].get<std::vector<double>>();
      double worst = 0;
      for (std::size_t i = 0; i < logits.size(); ++i)
        worst = std::fmax(worst, std::fabs(logits[i] - session.logits()[static_cast<ef::Index>(i)]));
      CHECK(worst < 1e-4);
    }
  }
}

}  // namespace hub_stories260k
