// The models under examples/models do what the README says of them, each sort of line for itself. Held-out
// lines are drawn from the grammar; other sentences are written by hand.
#include "../../examples/small_english.hpp"
#include "../../examples/small_english_check.hpp"
#include <eigenformer/evaluate/entities.hpp>
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/load_config.hpp>

#include <set>

#include <doctest/doctest.h>

namespace hub_shipped_models {

namespace ef = eigenformer;
using example::CorpusKind;
using example::SmallEnglish;

namespace {

const std::string models = EIGENFORMER_TEST_DATA "/../../examples/models/";

/// Held-out lines of one sort.
std::vector<example::CorpusLine> held_out(CorpusKind kind, const std::string& item, std::uint64_t count) {
  const SmallEnglish english(kind, ef::Seed{3}, true, item);
  std::vector<example::CorpusLine> lines;
  for (std::uint64_t i = 0; i < count; ++i) lines.push_back(english.at(i));
  return lines;
}

std::vector<double> probabilities(const ef::Matrix<float>& logits, ef::Index row) {
  std::vector<double> p;
  double sum = 0;
  for (ef::Index i = 0; i < logits.cols(); ++i) {
    p.push_back(std::exp(static_cast<double>(logits(row, i) - logits.row(row).maxCoeff())));
    sum += p.back();
  }
  for (double& each : p) each /= sum;
  return p;
}

struct Mood {
  ef::Classifier<float> model = ef::load_classifier<float>(models + "mood");
  ef::Tokenizer tokenizer = ef::load_tokenizer(models + "mood");

  std::string operator()(const std::string& text) const {
    const auto p = probabilities(model({tokenizer.encode(text)}), 0);
    return model.labels()[static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin())];
  }
};

struct Question {
  ef::Seq2Seq<float> model = ef::load_seq2seq<float>(models + "question");
  ef::Tokenizer tokenizer = ef::load_tokenizer(models + "question");
  ef::GenerationConfig greedy{.max_new_tokens = 95,
                              .temperature = 0,
                              .end_tokens = ef::load_generation_config(models + "question").end_tokens};

  std::string operator()(const std::string& statement) const {
    return tokenizer.decode(
        ef::generate(model, tokenizer.encode(statement), greedy, [](ef::Token) {}).new_tokens());
  }
};

/// The likeliest word in the place of [MASK].
struct Mask {
  ef::MaskedLM<float> model = ef::load_masked_lm<float>(models + "mask");
  ef::Tokenizer tokenizer = ef::load_tokenizer(models + "mask");

  std::string operator()(const std::string& text) const {
    const std::vector<ef::Token> ids = tokenizer.encode(text);
    const auto place = std::find(ids.begin(), ids.end(), *tokenizer.token_to_id("[MASK]")) - ids.begin();
    const ef::Matrix<float> logits = model({ids});
    ef::Index best = 0;
    logits.row(place).maxCoeff(&best);
    return tokenizer.decode(std::vector{static_cast<ef::Token>(best)});
  }
};

/// The tag of each word's first token.
struct Tags {
  ef::Tagger<float> model = ef::load_tagger<float>(models + "tags");
  ef::Tokenizer tokenizer = ef::load_tokenizer(models + "tags");

  ef::evaluate::Tags operator()(const std::string& text) const {
    const ef::Encoding encoding = tokenizer.encode_full(text);
    const ef::Matrix<float> logits = model({encoding.ids});
    ef::evaluate::Tags tags;
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      if (encoding.word_ids[i] < 0 || encoding.word_ids[i] == encoding.word_ids[i - 1]) continue;
      ef::Index best = 0;
      logits.row(static_cast<ef::Index>(i)).maxCoeff(&best);
      tags.push_back(model.labels()[static_cast<std::size_t>(best)]);
    }
    return tags;
  }
};

std::string spaced(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

TEST_CASE("shipped models: every folder holds less than 1.5 MB of bfloat16") {
  for (const char* name : {"story", "mask", "mood", "tags", "question"}) {
    std::uintmax_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(models + name)) bytes += file.file_size();
    INFO(name);
    CHECK(bytes < 1'500'000);
    CHECK(ef::load_config(models + name).model.vocab_size > 256);
  }
}

TEST_CASE("shipped models: stories from free beginnings keep hero, thing and friend, and end") {
  const auto model = ef::load_causal_lm<float>(models + "story");
  const auto tokenizer = ef::load_tokenizer(models + "story");
  const auto end = ef::load_generation_config(models + "story").end_tokens;
  ef::Threads threads(1);
  int whole = 0, all = 0;
  std::set<std::string> different;
  for (const char* prompt :
       {"Once upon a time", "Long ago", "Once upon a time there was a brave girl called Zorbina"}) {
    const auto ids = tokenizer.encode(prompt);
    const ef::GenerationConfig config{
        .max_new_tokens = model.config().max_positions - static_cast<ef::Index>(ids.size()),
        .temperature = 0.8,
        .top_p = 0.95,
        .end_tokens = end,
        .seed = 5,
        .num_return_sequences = 30};
    const auto told = ef::generate_batch(model, {ids}, config, threads, [](ef::Index, ef::Token) {});
    for (const auto& one : told) {
      auto tokens = one.new_tokens();
      const bool ended = tokens.back() == end.front();
      const std::string story =
          prompt + tokenizer.decode(std::vector(tokens.begin(), tokens.end() - (ended ? 1 : 0)));
      const std::string wrong = ended ? example::what_is_wrong(story) : "it has no end";
      INFO(story);
      INFO(wrong);
      whole += wrong.empty(), ++all;
      different.insert(story);
    }
  }
  CHECK(all == 90);
  CHECK(different.size() == 90);
  CHECK(whole >= 86);
}

TEST_CASE("shipped models: the encoder tells he from she by the sentences around") {
  const Mask mask;
  CHECK(mask("Ben was a kind nurse. One day [MASK] lost the ring in the park. He was very sad.") == "he");
  CHECK(mask("Anna was a kind nurse. One day [MASK] lost the ring in the park. She was very sad.") == "she");
}

// Not reached by the mask model that is shipped now (see "What they cannot do" in its README): doctest
// complains once it is, and should_fail goes.
TEST_CASE("shipped models: the encoder finds words that the text tells" * doctest::should_fail()) {
  const Mask mask;
  CHECK(mask("Near the mill, the clever fox [MASK] found a golden key.") == "has");
  CHECK(mask("Ben had a golden ring. One day he lost the [MASK] in the park.") == "ring");
  CHECK(mask("One morning she was in the mill and broke the soft pillow of a shy baker. The [MASK] was not "
             "angry at all.") == "baker");
  CHECK(mask("One day he met a strong horse in the cave. The [MASK] had lost its red key.") == "horse");
}

TEST_CASE("shipped models: the classifier tells moods, and says where none is told") {
  const Mood mood;
  for (const char* item : {"told", "new names", "denied", "changed", "events", "plain", "nonsense"}) {
    const auto lines = held_out(CorpusKind::labels, item, 100);
    int right = 0;
    for (const auto& line : lines) right += mood(line.first) == line.second;
    INFO(item);
    CHECK(right >= 95);
  }
}

TEST_CASE("shipped models: the classifier tells the mood of sentences that are none of the grammar's own") {
  const Mood mood;
  const std::pair<const char*, const char*> cases[] = {{"Ben was sad.", "sad"},
                                                       {"Ben was happy.", "happy"},
                                                       {"Ben was not happy.", "sad"},
                                                       {"Ben was not sad.", "happy"},
                                                       {"She did not like the cake.", "sad"},
                                                       {"She liked the cake.", "happy"},
                                                       {"I am very happy today.", "happy"},
                                                       {"The cat is on the mat.", "unclear"},
                                                       {"xyzzy qwerty", "unclear"}};
  for (const auto& one : cases) {
    INFO(one.first);
    CHECK(mood(one.first) == std::string(one.second));
  }
}

TEST_CASE("shipped models: the tagger finds who, where and what, also by names that it has never met") {
  const Tags tag;
  for (const char* item : {"known", "new names"}) {
    std::vector<ef::evaluate::Tags> truth, found;
    for (const auto& line : held_out(CorpusKind::tags, item, 200)) {
      ef::evaluate::Tags tags(1);
      for (const char c : line.second) {
        if (c == ' ')
          tags.emplace_back();
        else
          tags.back() += c;
      }
      truth.push_back(tags), found.push_back(tag(line.first));
      REQUIRE(found.back().size() == tags.size());
    }
    INFO(item);
    CHECK(ef::evaluate::entity_scores(truth, found).micro.f1 >= 0.95);
  }
  CHECK(spaced(tag("Zorblat gave the old farmer a red hat in Plinwick.")) ==
        "B-PER O O B-PER I-PER O B-OBJ I-OBJ O B-LOC O");
}

TEST_CASE("shipped models: the encoder-decoder writes questions, with words that it has never met") {
  const Question question;
  for (const char* item : {"known", "new words"}) {
    int right = 0;
    for (const auto& line : held_out(CorpusKind::pairs, item, 100))
      right += question(line.first) == line.second;
    INFO(item);
    CHECK(right >= 95);
  }
  const std::pair<const char*, const char*> cases[] = {
      {"The cat is on the mat.", "Is the cat on the mat?"},
      {"Zorblat can sing.", "Can Zorblat sing?"},
      {"Zorblat found a golden key in the mill.", "Did Zorblat find a golden key in the mill?"}};
  for (const auto& [statement, wanted] : cases) CHECK(question(statement) == std::string(wanted));
}

}  // namespace hub_shipped_models
