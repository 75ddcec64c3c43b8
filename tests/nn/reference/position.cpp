#include "nn/reference/torch.hpp"
#include <eigenformer/nn/position.hpp>

#include <doctest/doctest.h>

namespace nn_reference_position {

namespace ef = eigenformer;
using ef::Index;

namespace {

ef::ModelConfig rotary_config(Index head_size) {
  return {.vocab_size = 1,
          .d_model = head_size,
          .n_layers = 1,
          .n_heads = 1,
          .d_ff = 1,
          .max_positions = 64,
          .positions = ef::Positions::rotary};
}

double largest_relative_error(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    worst = (std::max)(worst, std::abs(found[i] - expected[i]) / std::abs(expected[i]));
  return worst;
}

}  // namespace

TEST_CASE("the sinusoidal table is PyTorch's") {
  const ef::SafeTensors file = torch::open("positional-encoding");
  const ef::TensorView& table = file.at("table");  // its angles were computed in float
  for (Index p = 0; p < 64; ++p) {
    std::vector<double> row(48, 0.0);
    ef::add_sinusoidal(p, 48, row.data());
    for (Index c = 0; c < 48; ++c)
      CHECK(std::abs(row[static_cast<std::size_t>(c)] - table.element<double>(p * 48 + c)) < 1e-5);
  }
}

TEST_CASE("rotary frequencies are those of transformers for every scaling") {
  const ef::SafeTensors file(std::string(EIGENFORMER_TEST_DATA) + "/rope/rope.safetensors");
  const auto check = [&](const std::string& name, const ef::ModelConfig& config, Index length,
                         double factor) {
    CAPTURE(name);
    std::vector<double> found(8);
    ef::inverse_frequencies(config, length, found);
    const auto expected = file.at(name + ".inv_freq").values<double>();
    CHECK(largest_relative_error(found, expected) < 1e-6);  // they were computed in float
    CHECK(ef::rotary_attention_factor(config) == doctest::Approx(factor).epsilon(1e-14));
  };
  const ef::ModelConfig base = rotary_config(16);
  check("default", base, 0, 1.0);
  ef::ModelConfig c = base;
  c.rotary.scaling = ef::RotaryScaling::linear;
  c.rotary.factor = 4;
  check("linear", c, 0, 1.0);
  c.rotary.scaling = ef::RotaryScaling::dynamic;
  c.rotary.factor = 2;
  check("dynamic-short", c, 40, 1.0);
  check("dynamic-long", c, 150, 1.0);
  c.rotary.scaling = ef::RotaryScaling::yarn;
  c.rotary.factor = 4;
  check("yarn", c, 0, 1.138629436111989);
  c.rotary.scaling = ef::RotaryScaling::llama3;
  c.rotary.factor = 8;
  c.rotary.original_max_positions = 64;
  c.max_positions = 512;
  check("llama3", c, 0, 1.0);
}

TEST_CASE("ALiBi slopes are those of BLOOM, also between powers of two heads") {
  for (const std::string folder : {"bloom", "bloom-6h"}) {
    const ef::SafeTensors file(std::string(EIGENFORMER_TEST_DATA) + "/" + folder + "/expected.safetensors");
    const auto expected = file.at("alibi.slopes").values<double>();
    CHECK(largest_relative_error(ef::alibi_slopes(static_cast<Index>(expected.size())), expected) < 1e-6);
  }
}

TEST_CASE("relative buckets are those of T5, for both directions and both published sizes") {
  for (const auto& [folder, buckets] :
       {std::pair("t5", ef::ModelConfig::RelativeBuckets{32, 128}), {"flan-t5", {16, 20}}}) {
    const ef::SafeTensors file(std::string(EIGENFORMER_TEST_DATA) + "/" + folder + "/expected.safetensors");
    const auto distances = file.at("bucket.relative_position").values<std::int64_t>();
    const auto both = file.at("bucket.bidirectional").values<std::int64_t>();
    const auto causal = file.at("bucket.causal").values<std::int64_t>();
    int wrong = 0;
    for (std::size_t i = 0; i < distances.size(); ++i) {
      wrong += ef::relative_bucket(distances[i], true, buckets) != both[i];
      wrong += ef::relative_bucket(distances[i], false, buckets) != causal[i];
    }
    CHECK(wrong == 0);
    CHECK(distances.size() == 281);
  }
}

}  // namespace nn_reference_position
