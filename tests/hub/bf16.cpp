// Models whose products are in bfloat16: how far they are from those in float.
#include "files.hpp"
#include "fixtures.hpp"
#include "support/skip.hpp"
#include <eigenformer/generate/generate.hpp>
#include <eigenformer/hub/json.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/train/text_loss.hpp>

#include <algorithm>

#include <doctest/doctest.h>

namespace hub_bf16 {

namespace ef = eigenformer;
using fixtures::folder;

namespace {

ef::CausalLM<float> in_bf16_tiles(const std::string& path) {
  auto model = ef::load_causal_lm<float>(path);
  ef::put_in_bf16_tiles(model.parameters());
  return model;
}

double cosine(const float* a, const float* b, ef::Index n) {
  const Eigen::Map<const Eigen::VectorXf> x(a, n), y(b, n);
  return x.cast<double>().normalized().dot(y.cast<double>().normalized());
}

}  // namespace

TEST_CASE("dtype bf16 puts matrices into tiles where the processor has a unit for them, however stored") {
  const bool tiled = ef::fastest_bf16_form() != ef::Bf16Form::portable;
  const files::TemporaryFolder int8;
  ef::save(ef::load_causal_lm<float>(folder("llama"), {.dtype = ef::Format::int8}), int8.path());
  for (const std::string& path : {folder("llama"), int8.path()}) {
    CAPTURE(path);
    const auto plain = ef::load_causal_lm<float>(path);
    const auto model = ef::load_causal_lm<float>(path, {.dtype = ef::Format::bf16});
    const auto& up = model.parameters().decoder.blocks[0].feed_forward.up.weight;
    CHECK(up.tiled() == tiled);
    CHECK(up.format() == ef::Format::bf16);
    const ef::Matrix<float> exact = plain.parameters().decoder.blocks[0].feed_forward.up.weight.dense();
    CHECK(up.dense() == exact.unaryExpr([](float x) { return static_cast<float>(ef::bfloat16(x)); }));
    CHECK(model.parameters().tokens.tiled() == tiled);
  }
}

TEST_CASE("products in bfloat16 leave every decoder within the rounding of its numbers") {
  for (const char* const name : fixtures::decoders) {
    CAPTURE(std::string(name));
    const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6}};
    const ef::Matrix<float> exact = ef::load_causal_lm<float>(folder(name))(batch);
    const ef::Matrix<float> found = in_bf16_tiles(folder(name))(batch);
    const double error =
        static_cast<double>((found - exact).cwiseAbs().maxCoeff() / exact.cwiseAbs().maxCoeff());
    CHECK(error < 0x10p-8);  // sixteen times the rounding of one number
    CHECK(error > 0);
  }
}

TEST_CASE("stories260K with products in bfloat16: logits, likeliest tokens and perplexity stay") {
  if (!support::shared_has("models/stories260K")) return;
  const std::string path = EIGENFORMER_SHARED_DATA "/models/stories260K";
  const auto exact = ef::load_causal_lm<float>(path), bf16 = in_bf16_tiles(path);
  double least = 1;
  ef::Index same = 0, positions = 0;
  ef::evaluate::LogLoss exact_loss, loss;
  const ef::Json golden_file = ef::read_json(path + "/golden.json");
  ef::alone([&](ef::Run& run) {
    for (const ef::Json& prompt : golden_file["prompts"]) {
      auto ids = prompt["prompt_ids"].get<std::vector<ef::Token>>();
      const auto golden = prompt["continuation_ids"].get<std::vector<ef::Token>>();
      ids.insert(ids.end(), golden.begin(), golden.end());
      const ef::Matrix<float> a = exact({ids}), b = bf16({ids});
      for (ef::Index r = 0; r < a.rows(); ++r, ++positions) {
        least = std::min(least, cosine(a.row(r).data(), b.row(r).data(), a.cols()));
        ef::Index i = 0, j = 0;
        a.row(r).maxCoeff(&i);
        b.row(r).maxCoeff(&j);
        same += i == j;
      }
      exact_loss += ef::text_loss<float>(exact, ids, {}, run);
      loss += ef::text_loss<float>(bf16, ids, {}, run);
    }
  });
  MESSAGE("least cosine " << least << ", same likeliest token in " << same << " of " << positions
                          << " positions, perplexity " << loss.perplexity() << " after "
                          << exact_loss.perplexity());
  CHECK(least > 0.9995);
  CHECK(static_cast<double>(same) >= 0.98 * static_cast<double>(positions));
  CHECK(std::abs(loss.perplexity() / exact_loss.perplexity() - 1) < 0.005);
}

}  // namespace hub_bf16
