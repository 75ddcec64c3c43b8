// The library in a minute, without network: the five small models that come with this repository (see
// examples/models/README.md) tell a story, find a masked word, tell a sentence's mood, tag its words, and
// turn a statement into a question.
//   quickstart
//   quickstart --prompt "Once upon a time there was a brave" --temperature 1.2 --top-p 0.9 --seed 4
#include "common.hpp"
#include "encoder.hpp"
#include "tagging.hpp"
#include <eigenformer/hub.hpp>

#include <algorithm>
#include <numeric>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string models = EIGENFORMER_MODELS;
  std::string prompt = "Once upon a time",
              masked = "Anna was a kind nurse. One day [MASK] lost the ring in the park. She was very sad.";
  std::vector<std::string> moods{"Ben was sad.", "Ben was not sad.", "She did not like the cake.",
                                 "xyzzy qwerty"},
      statements{"The cat is on the mat.", "Zorblat found a golden key in the mill."};
  std::string tagged = "Zorblat gave the old farmer a red hat in Plinwick.";
  ef::GenerationConfig sampling{
      .max_new_tokens = 200, .temperature = 0.8, .top_k = 0, .top_p = 0.95, .seed = 7};
};

/// A decoder continues a text, token by token.
void tell(const Arguments& a) {
  const std::string folder = a.models + "/story";
  const auto model = ef::load_causal_lm<float>(folder);
  const auto tokenizer = ef::load_tokenizer(folder);
  ef::GenerationConfig config = a.sampling;
  config.end_tokens = ef::load_generation_config(folder).end_tokens;
  std::printf("A story, by a decoder of %td parameters:\n\n%s", ef::count(model.parameters()),
              a.prompt.c_str());
  ef::TextStream text(tokenizer);
  const example::Stopwatch watch;
  const auto story = ef::generate(model, tokenizer.encode(a.prompt), config, [&](ef::Token token) {
    std::printf("%s", text.push(token).c_str());
    std::fflush(stdout);
  });
  const double seconds = watch.seconds();
  const std::size_t tokens = story.new_tokens().size();
  std::printf("%s\n\n%zu tokens in %.1f ms, %.0f tokens/s\n", text.finish().c_str(), tokens, 1e3 * seconds,
              static_cast<double>(tokens) / seconds);
}

/// An encoder says which words may stand behind a mask.
void fill(const Arguments& a) {
  const std::string folder = a.models + "/mask";
  const auto model = ef::load_masked_lm<float>(folder);
  const auto tokenizer = ef::load_tokenizer(folder);
  const std::vector<ef::Token> ids = tokenizer.encode(a.masked);
  const auto mask = std::find(ids.begin(), ids.end(), example::mask_token(tokenizer));
  if (mask == ids.end()) throw ef::InputError("the text for --mask has no [MASK]");
  const example::Stopwatch watch;
  const ef::Matrix<float> logits = model({ids});
  const double seconds = watch.seconds();
  const std::vector<double> p = example::softmax(logits, mask - ids.begin());
  std::vector<ef::Token> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + 5, order.end(), [&](ef::Token x, ef::Token y) {
    return p[static_cast<std::size_t>(x)] > p[static_cast<std::size_t>(y)];
  });
  std::printf("\nA masked word, by an encoder of %td parameters:\n\n%s\n", ef::count(model.parameters()),
              a.masked.c_str());
  for (int i = 0; i < 5; ++i)
    std::printf("  %.4f  %s\n", p[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])],
                tokenizer.decode(std::vector{order[static_cast<std::size_t>(i)]}).c_str());
  std::printf("\n%zu tokens in %.2f ms\n", ids.size(), 1e3 * seconds);
}

/// A classifier says which mood a sentence tells, and how sure it is.
void feel(const Arguments& a) {
  const std::string folder = a.models + "/mood";
  const auto model = ef::load_classifier<float>(folder);
  const auto texts = example::encode(ef::load_tokenizer(folder), model.config(), a.moods);
  std::printf("\nMoods, by a classifier of %td parameters:\n\n", ef::count(model.parameters()));
  const example::Stopwatch watch;
  const ef::Matrix<float> logits = model(texts.tokens);
  const double seconds = watch.seconds();
  for (std::size_t i = 0; i < a.moods.size(); ++i) {
    const std::vector<double> p = example::softmax(logits, static_cast<ef::Index>(i));
    const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    std::printf("  %.4f  %-8s %s\n", p[best], model.labels()[best].c_str(), a.moods[i].c_str());
  }
  std::printf("\n%zu sentences in %.2f ms\n", a.moods.size(), 1e3 * seconds);
}

/// A tagger says of each word whether it is part of a person's (PER), a place's (LOC) or a thing's (OBJ)
/// name.
void tag(const Arguments& a) {
  const std::string folder = a.models + "/tags";
  const auto model = ef::load_tagger<float>(folder);
  const ef::Encoding text = ef::load_tokenizer(folder).encode_full(a.tagged);
  const example::Stopwatch watch;
  const ef::Matrix<float> logits = model({text.ids});
  const double seconds = watch.seconds();
  std::printf("\nWho, where and what, by a tagger of %td parameters:\n\n%s\n", ef::count(model.parameters()),
              a.tagged.c_str());
  std::vector<std::string> tags;
  std::vector<ef::Offset> places;
  for (std::size_t i = 0; i < text.ids.size(); ++i) {
    if (text.word_ids[i] < 0) continue;
    if (i > 0 && text.word_ids[i] == text.word_ids[i - 1]) {
      places.back().end = text.offsets[i].end;
      continue;
    }
    ef::Index best = 0;
    logits.row(static_cast<ef::Index>(i)).maxCoeff(&best);
    tags.push_back(model.labels()[static_cast<std::size_t>(best)]);
    places.push_back(text.offsets[i]);
  }
  for (const ef::evaluate::Entity& found : ef::evaluate::entities(tags)) {
    const auto begin = example::byte_of(a.tagged, places[static_cast<std::size_t>(found.first)].begin),
               end = example::byte_of(a.tagged, places[static_cast<std::size_t>(found.last)].end);
    std::printf("  %s  %s\n", found.type.c_str(), a.tagged.substr(begin, end - begin).c_str());
  }
  std::printf("\n%zu tokens in %.2f ms\n", text.ids.size(), 1e3 * seconds);
}

/// An encoder-decoder writes questions for statements.
void ask(const Arguments& a) {
  const std::string folder = a.models + "/question";
  const auto model = ef::load_seq2seq<float>(folder);
  const auto tokenizer = ef::load_tokenizer(folder);
  const ef::GenerationConfig greedy{
      .max_new_tokens = 64, .temperature = 0, .end_tokens = ef::load_generation_config(folder).end_tokens};
  std::printf("\nQuestions, by an encoder-decoder of %td parameters:\n", ef::count(model.parameters()));
  const example::Stopwatch watch;
  std::size_t tokens = 0;
  for (const std::string& statement : a.statements) {
    const auto question = ef::generate(model, tokenizer.encode(statement), greedy, [](ef::Token) {});
    std::printf("\n%s\n%s\n", statement.c_str(), tokenizer.decode(question.new_tokens()).c_str());
    tokens += question.new_tokens().size();
  }
  std::printf("\n%zu tokens in %.2f ms\n", tokens, 1e3 * watch.seconds());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs the five small models of this repository.");
  Arguments a;
  app.add_option("--models", a.models, "folder with the models story, mask, mood, tags and question")
      ->capture_default_str();
  app.add_option("--prompt", a.prompt, "how the story begins")->capture_default_str();
  app.add_option("--temperature", a.sampling.temperature, "of the story; 0 is greedy")->capture_default_str();
  app.add_option("--top-k", a.sampling.top_k, "only the k likeliest tokens; 0: all")->capture_default_str();
  app.add_option("--top-p", a.sampling.top_p, "only the likeliest tokens up to this probability")
      ->capture_default_str();
  example::add_seed(app, a.sampling.seed, "the same seed tells the same story");
  app.add_option("--mask", a.masked, "a text with a [MASK]")->capture_default_str();
  app.add_option("--mood", a.moods, "sentences whose mood is told")->capture_default_str();
  app.add_option("--tag", a.tagged, "a sentence whose words are tagged")->capture_default_str();
  app.add_option("--statement", a.statements, "sentences to be turned into questions")->capture_default_str();
  return example::run(app, argc, argv, [&] {
    tell(a);
    fill(a);
    feel(a);
    tag(a);
    ask(a);
  });
}
