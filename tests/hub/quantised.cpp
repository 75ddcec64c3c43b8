// Models whose matrices become int8 or int4 while they are loaded.
#include "fixtures.hpp"
#include "support/matrices.hpp"
#include "support/skip.hpp"
#include <eigenformer/generate/generate.hpp>
#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/leaf.hpp>
#include <eigenformer/train/text_loss.hpp>

#include <doctest/doctest.h>

namespace hub_quantised {

namespace ef = eigenformer;
using ef::Format;
using fixtures::folder;

namespace {

/// A model of double with the numbers that a model's weights stand for.
ef::CausalLM<double> as_double(const ef::CausalLM<float>& model) {
  auto parameters = ef::zero_parameters<double>(model.config());
  std::vector<ef::Matrix<double>> numbers;
  ef::visit(model.parameters(), [&](const std::string&, const auto& leaf) {
    if constexpr (requires { leaf.dense(); })
      numbers.push_back(leaf.dense().template cast<double>());
    else
      numbers.push_back(leaf.template cast<double>());
  });
  std::size_t at = 0;
  ef::visit(parameters, [&](const std::string&, auto& leaf) {
    const ef::Matrix<double>& from = numbers[at++];
    if (from.size() == 0) return;
    if constexpr (requires { leaf.dense(); })
      leaf = ef::Weight<double>(from);
    else
      leaf = from;
  });
  return {model.config(), std::move(parameters)};
}

}  // namespace

TEST_CASE("int8 and int4 models of every decoder compute with the numbers that their weights stand for") {
  for (const char* const name : fixtures::decoders)
    for (const Format format : {Format::int8, Format::int4}) {
      CAPTURE(std::string(name));
      CAPTURE(ef::name_of(format));
      const auto model = ef::load_causal_lm<float>(folder(name), {.dtype = format});
      CHECK(model.parameters().tokens.format() == format);
      for (const auto& block : model.parameters().decoder.blocks)
        CHECK(block.feed_forward.down.weight.format() == format);
      const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6}};
      // What is left is the rounding of activations to int8, which these small random models amplify.
      const double error = support::distance<float>(model(batch), as_double(model)(batch));
      CHECK(error < 0.05);
      CHECK(error > 0);
    }
}

TEST_CASE("encoders and encoder-decoders run in int8, with tables that are only looked up left alone") {
  const ef::TokenBatch batch{{3, 1, 4, 1, 5}, {9, 2, 6}};
  const auto exact = ef::load_encoder<double>(folder("bert-mlm"));
  const auto encoder = ef::load_encoder<float>(folder("bert-mlm"), {.dtype = Format::int8});
  CHECK(encoder.parameters().encoder.positions.format() == Format::f32);
  CHECK(encoder.parameters().encoder.token_types.format() == Format::f32);
  CHECK(support::distance<float>(encoder(batch), exact(batch)) < 0.05);

  const auto t5 = ef::load_seq2seq<float>(folder("t5"), {.dtype = Format::int8});
  CHECK(t5.parameters().tokens.format() == Format::int8);
  CHECK(t5.parameters().decoder.relative_bias.format() == Format::f32);
}

TEST_CASE("quantised weights go with float alone, and training leaves them as they are") {
  CHECK_THROWS_WITH_AS(ef::load_causal_lm<double>(folder("gpt2"), {.dtype = Format::int8}),
                       doctest::Contains("int8"), ef::ConfigError);
  auto model = ef::load_causal_lm<float>(folder("gpt2"), {.dtype = Format::int8});
  CHECK_THROWS_WITH_AS(ef::leaves<float>(model.parameters()), doctest::Contains("cannot be changed in place"),
                       ef::InputError);
}

TEST_CASE("stories260K in int8 tells its stories word for word but where two words are as good as equal") {
  if (!support::shared_has("models/stories260K")) return;
  const std::string path = EIGENFORMER_SHARED_DATA "/models/stories260K";
  const auto exact = ef::load_causal_lm<float>(path);
  const auto int8 = ef::load_causal_lm<float>(path, {.dtype = Format::int8});
  ef::Threads threads(1);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  ef::evaluate::LogLoss exact_loss, int8_loss;
  int unchanged = 0;
  const ef::Json golden_file = ef::read_json(path + "/golden.json");
  for (const ef::Json& prompt : golden_file["prompts"]) {
    auto ids = prompt["prompt_ids"].get<std::vector<ef::Token>>();
    const auto golden = prompt["continuation_ids"].get<std::vector<ef::Token>>();
    CAPTURE(prompt["prompt"].get<std::string>());
    const ef::GenerationConfig config{.max_new_tokens = 200, .temperature = 0, .end_tokens = {1}};
    const auto result = ef::generate(int8, ids, config, threads, [](ef::Token) {});
    const auto drawn = result.new_tokens();
    const auto same =
        std::mismatch(golden.begin(), golden.end(), drawn.begin(), drawn.end()).first - golden.begin();
    const ef::Index last_row = static_cast<ef::Index>(ids.size()) - 1 + same;
    ids.insert(ids.end(), golden.begin(), golden.end());
    if (same >= 30) {
      ++unchanged;
    } else {  // int8 moves logits by 0.1 in the mean of squares
      const ef::Matrix<float> logits = exact({ids});
      const float* const row = logits.data() + last_row * logits.cols();
      const auto at = static_cast<std::size_t>(same);
      CHECK(std::abs(row[golden[at]] - row[drawn[at]]) < 0.05f);
    }
    exact_loss += ef::text_loss<float>(exact, ids, {}, run);
    int8_loss += ef::text_loss<float>(int8, ids, {}, run);
  }
  CHECK(unchanged >= 11);  // of 12 prompts, for thirty tokens
  CHECK(std::abs(int8_loss.perplexity() / exact_loss.perplexity() - 1) < 0.01);
}

}  // namespace hub_quantised
