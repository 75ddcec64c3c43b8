// The library in a minute, without network: the three small models that come with this repository (see
// examples/models/README.md) tell a story, find a masked word, and turn a statement into a question.
//   quickstart
//   quickstart --prompt "Once there was a brave" --temperature 1.2 --top-p 0.9 --seed 4
#include "common.hpp"
#include "encoder.hpp"
#include <eigenformer/hub.hpp>

#include <algorithm>
#include <numeric>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string models = EIGENFORMER_MODELS;
  std::string prompt = "Once there was a brave",
              statement = "Near the mill, the clever fox who can paint a large map has found a golden key.";
  std::string masked = "Ben was a lazy cook. He had a golden ring. One day he lost the [MASK] in the park.";
  ef::GenerationConfig sampling{
      .max_new_tokens = 120, .temperature = 0.8, .top_k = 40, .top_p = 0.95, .seed = 7};
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

/// An encoder-decoder writes a target for a source.
void ask(const Arguments& a) {
  const std::string folder = a.models + "/question";
  const auto model = ef::load_seq2seq<float>(folder);
  const auto tokenizer = ef::load_tokenizer(folder);
  const ef::GenerationConfig greedy{
      .max_new_tokens = 47, .temperature = 0, .end_tokens = ef::load_generation_config(folder).end_tokens};
  const example::Stopwatch watch;
  const auto question = ef::generate(model, tokenizer.encode(a.statement), greedy, [](ef::Token) {});
  const double seconds = watch.seconds();
  std::printf("\nA question, by an encoder-decoder of %td parameters:\n\n%s\n%s\n\n%zu tokens in %.2f ms\n",
              ef::count(model.parameters()), a.statement.c_str(),
              tokenizer.decode(question.new_tokens()).c_str(), question.new_tokens().size(), 1e3 * seconds);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs the three small models of this repository.");
  Arguments a;
  app.add_option("--models", a.models, "folder with the models story, mask and question")
      ->capture_default_str();
  app.add_option("--prompt", a.prompt, "how the story begins")->capture_default_str();
  app.add_option("--temperature", a.sampling.temperature, "of the story; 0 is greedy")->capture_default_str();
  app.add_option("--top-k", a.sampling.top_k, "only the k likeliest tokens; 0: all")->capture_default_str();
  app.add_option("--top-p", a.sampling.top_p, "only the likeliest tokens up to this probability")
      ->capture_default_str();
  example::add_seed(app, a.sampling.seed, "the same seed tells the same story");
  app.add_option("--mask", a.masked, "a text with a [MASK]")->capture_default_str();
  app.add_option("--statement", a.statement, "a sentence to be turned into a question")
      ->capture_default_str();
  return example::run(app, argc, argv, [&] {
    tell(a);
    fill(a);
    ask(a);
  });
}
