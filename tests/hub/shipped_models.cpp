// The models under examples/models do what the README says of them. Held-out lines are drawn from the
// grammar.
#include "../../examples/small_english.hpp"
#include <eigenformer/hub.hpp>

#include <doctest/doctest.h>

namespace hub_shipped_models {

namespace ef = eigenformer;
using example::CorpusKind;
using example::SmallEnglish;

namespace {

const std::string models = EIGENFORMER_TEST_DATA "/../../examples/models/";

example::CorpusLine held_out(CorpusKind kind, std::uint64_t index) {
  return SmallEnglish(kind, ef::Seed{3}, true).at(index);
}

std::string greedy(const auto& model, const ef::Tokenizer& tokenizer, const std::string& name,
                   const std::string& text, ef::Index most) {
  const ef::GenerationConfig config{.max_new_tokens = most,
                                    .temperature = 0,
                                    .end_tokens = ef::load_generation_config(models + name).end_tokens};
  return tokenizer.decode(ef::generate(model, tokenizer.encode(text), config, [](ef::Token) {}).new_tokens());
}

}  // namespace

TEST_CASE("shipped models: the decoder's greedy story") {
  const auto model = ef::load_causal_lm<float>(models + "story");
  const auto tokenizer = ef::load_tokenizer(models + "story");
  CHECK(greedy(model, tokenizer, "story", "Once there was a brave", 40) ==
        " farmer called Olive. One evening she walked to the valley to sell a grey jar. On the way it began "
        "to rain. She met a proud farmer under a tree. She was tired");
}

TEST_CASE("shipped models: the encoder finds words that the text tells") {
  const auto model = ef::load_masked_lm<float>(models + "mask");
  const auto tokenizer = ef::load_tokenizer(models + "mask");
  const std::pair<const char*, const char*> cases[] = {
      {"Near the mill, the clever fox [MASK] found a golden key.", "has"},
      {"Ben was a lazy cook. He had a golden ring. One day he lost the [MASK] in the park.", "ring"},
      {"Ben was a kind nurse. One day [MASK] lost the ring in the park. He was very sad.", "he"},
      {"Anna was a kind nurse. One day [MASK] lost the ring in the park. She was very sad.", "she"},
      {"Mia was a kind nurse. One morning she was in the mill and broke the soft pillow of a shy baker. At "
       "first she "
       "hid the pieces, for she was sad. The [MASK] was not angry at all.",
       "baker"},
      {"Tom was a busy pilot. One day he met a strong horse in the cave. The [MASK] had lost its red key.",
       "horse"}};
  for (const auto& [text, word] : cases) {
    const std::vector<ef::Token> ids = tokenizer.encode(text);
    const auto place = std::find(ids.begin(), ids.end(), *tokenizer.token_to_id("[MASK]")) - ids.begin();
    const ef::Matrix<float> logits = model({ids});
    ef::Index best = 0;
    logits.row(place).maxCoeff(&best);
    CHECK(tokenizer.decode(std::vector{static_cast<ef::Token>(best)}) == std::string(word));
  }
}

TEST_CASE("shipped models: the classifier tells moods, denied ones too") {
  const auto model = ef::load_classifier<float>(models + "mood");
  const auto tokenizer = ef::load_tokenizer(models + "mood");
  const auto mood = [&](const std::string& text) {
    const ef::Matrix<float> logits = model({tokenizer.encode(text)});
    ef::Index best = 0;
    logits.row(0).maxCoeff(&best);
    return model.labels()[static_cast<std::size_t>(best)];
  };
  for (std::uint64_t i = 0; i < 30; ++i) {
    const example::CorpusLine line = held_out(CorpusKind::labels, i);
    INFO(line.first);
    CHECK(mood(line.first) == line.second);
  }
  CHECK(mood("The shy nurse was not happy at all in the park.") == "sad");
  CHECK(mood("The shy nurse was not gloomy at all in the park.") == "happy");
  CHECK(mood("The shy nurse was glad at first, but then lost a red key.") == "sad");
}

TEST_CASE("shipped models: the encoder-decoder writes questions for statements it has not seen") {
  const auto model = ef::load_seq2seq<float>(models + "question");
  const auto tokenizer = ef::load_tokenizer(models + "question");
  for (std::uint64_t i = 0; i < 20; ++i) {
    const example::CorpusLine line = held_out(CorpusKind::pairs, i);
    CHECK(greedy(model, tokenizer, "question", line.first, 47) == line.second);
  }
}

}  // namespace hub_shipped_models
