// The library in a minute, without files or network: shapes through a decoder, reproducible sampling, and how
// to run a real model.
#include <eigenformer/eigenformer.hpp>

#include <cstdio>
#include <exception>

namespace ef = eigenformer;

namespace {

void print(const char* what, std::span<const ef::Token> tokens) {
  std::printf("%s", what);
  for (const ef::Token token : tokens) std::printf(" %d", token);
  std::printf("\n");
}

}  // namespace

int main() try {
  // 1. A model is a config. This one has LLaMA's axes in small, and random weights that a seed reproduces.
  const ef::ModelConfig config{
      .vocab_size = 1000,
      .d_model = 64,
      .n_layers = 2,
      .n_heads = 4,
      .n_key_value_heads = 2,
      .d_ff = 256,
      .max_positions = 128,
      .norm = {.kind = ef::NormKind::rms},
      .activation = ef::Activation::silu,
      .gated = true,
      .positions = ef::Positions::rotary,
      .biases = {.query_key_value = false, .attention_out = false, .feed_forward = false}};
  const ef::CausalLM<float> model(config, ef::Seed{42});
  std::printf("parameters: %td\n", ef::count(model.parameters()));

  // 2. A batch is ragged: rows of all sequences one after another, nothing padded.
  const ef::TokenBatch batch{{5, 8, 13}, {21, 34}};
  const ef::Matrix<float> logits = model(batch);
  std::printf("two sequences of 3 and 2 tokens -> logits [%td, %td]\n", logits.rows(), logits.cols());
  const ef::Matrix<float> alone = model({{21, 34}});
  std::printf("the second one alone has the same bits: %s\n", alone == logits.bottomRows(2) ? "yes" : "no");

  // 3. Sampling: the same seed draws the same tokens.
  const std::vector<ef::Token> prompt{5, 8, 13};
  const ef::GenerationConfig sampling{
      .max_new_tokens = 8, .temperature = 0.8, .top_k = 40, .top_p = 0.95, .seed = 7};
  print("seed 7:      ", ef::generate(model, prompt, sampling, [](ef::Token) {}).new_tokens());
  print("seed 7 again:", ef::generate(model, prompt, sampling, [](ef::Token) {}).new_tokens());

  // 4. Real weights: any Hugging Face folder of a LLaMA, GPT-2, BLOOM or PaLM model, as downloaded.
  std::printf(
      "\nTo run a real model:\n  generate FOLDER --prompt \"Once upon a time\" --top-p 0.9 --seed 3\n");
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
