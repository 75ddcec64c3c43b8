#include "nn/torch.hpp"
#include <eigenformer/nn/position.hpp>

#include <complex>

#include <doctest/doctest.h>

namespace nn_position {

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

TEST_CASE("the sinusoidal table is the paper's, added to what is there") {
  const ef::SafeTensors file = torch::open("positional-encoding");
  const ef::TensorView& table = file.at("table");  // its angles were computed in float
  for (Index p = 0; p < 64; ++p) {
    std::vector<double> row(48, 2.0);
    ef::add_sinusoidal(p, 48, row.data());
    for (Index c = 0; c < 48; ++c) {
      const double value = row[static_cast<std::size_t>(c)] - 2;
      const double angle =
          static_cast<double>(p) * std::exp(-std::log(10000.0) * static_cast<double>(c / 2) / 24);
      CHECK(std::abs(value - table.element<double>(p * 48 + c)) < 1e-5);
      CHECK(std::abs(value - (c % 2 ? std::cos(angle) : std::sin(angle))) < 1e-12);
    }
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

TEST_CASE_TEMPLATE("rotary turns are products of complex numbers, for both pairings and a part of a head", S,
                   float, double) {
  for (const auto pairing : {ef::RotaryPairing::halves, ef::RotaryPairing::neighbours})
    for (const Index dimensions : {2, 6, 16}) {
      ef::ModelConfig config = rotary_config(16);
      config.rotary.pairing = pairing;
      config.rotary.dimensions = dimensions;
      const ef::PositionTables<S> tables(config);
      ef::Workspace workspace;
      const Index rows = 5, past = 30, half = dimensions / 2;
      ef::Matrix<S> turns(rows, dimensions);
      tables.write_turns(config, workspace, past, rows, turns.data());
      const auto x = support::random_matrix<S>(rows, 3 * 16, 1);  // three heads
      ef::Matrix<S> turned = x;
      ef::rotate<S>(config, turns, turned);
      ef::Matrix<double> expected = x.template cast<double>();
      for (Index r = 0; r < rows; ++r)
        for (Index head = 0; head < 3; ++head)
          for (Index i = 0; i < half; ++i) {
            const bool halves = pairing == ef::RotaryPairing::halves;
            const Index a = head * 16 + (halves ? i : 2 * i), b = a + (halves ? half : 1);
            const double angle =
                static_cast<double>(past + r) *
                std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dimensions));
            const auto z = std::complex<double>(expected(r, a), expected(r, b)) * std::polar(1.0, angle);
            expected(r, a) = z.real();
            expected(r, b) = z.imag();
          }
      CHECK(support::distance<S>(turned, expected) < (sizeof(S) == 8 ? 1e-13 : 1e-6));
    }
}

TEST_CASE("dynamic frequencies are those of the plain encoding up to the trained length") {
  ef::ModelConfig config = rotary_config(16);
  const ef::PositionTables<double> plain(config);
  config.rotary.scaling = ef::RotaryScaling::dynamic;
  config.rotary.factor = 2;
  const ef::PositionTables<double> dynamic(config);
  ef::Workspace workspace;
  ef::Matrix<double> a(4, 16), b(4, 16);
  plain.write_turns(rotary_config(16), workspace, 60, 4, a.data());
  dynamic.write_turns(config, workspace, 60, 4, b.data());  // reaches position 64
  CHECK((a - b).cwiseAbs().maxCoeff() < 1e-12);
  dynamic.write_turns(config, workspace, 61, 4, b.data());
  plain.write_turns(rotary_config(16), workspace, 61, 4, a.data());
  CHECK((a - b).cwiseAbs().maxCoeff() > 1e-3);
}

TEST_CASE("ALiBi slopes are powers of two, also between powers of two heads") {
  std::vector<double> powers;
  for (int i = 1; i <= 8; ++i) powers.push_back(std::ldexp(1.0, -i));
  CHECK(ef::alibi_slopes(8) == powers);
  CHECK(ef::alibi_slopes(1) == std::vector<double>{1.0 / 256});
  for (const std::string folder : {"bloom", "bloom-6h"}) {
    const ef::SafeTensors file(std::string(EIGENFORMER_TEST_DATA) + "/" + folder + "/expected.safetensors");
    const auto expected = file.at("alibi.slopes").values<double>();
    CHECK(largest_relative_error(ef::alibi_slopes(static_cast<Index>(expected.size())), expected) < 1e-6);
  }
}

TEST_CASE("a bias by distance reads the column of its distance, a slope multiplies it") {
  const ef::Matrix<double> by_distance = support::random_matrix<double>(2, 6, 1);  // distances -3 … 2
  ef::ScoreBias<double> table;
  CHECK(table.empty());
  table = {{}, by_distance.data(), 6, -3};
  double scores[4] = {1, 1, 1, 1};
  table.add(1, 5, 4, 4, scores);  // keys 4 … 7 for query 5: distances -1 … 2
  for (Index i = 0; i < 4; ++i) CHECK(scores[i] == 1 + by_distance(1, 2 + i));
  ef::ScoreBias<double> slopes;
  slopes.slopes = ef::RowVector<double>::Constant(2, 0.5);
  slopes.add(0, 5, 2, 4, scores);
  CHECK(scores[0] == 1 + by_distance(1, 2) - 1.5);
  CHECK(scores[3] == 1 + by_distance(1, 5));
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

}  // namespace nn_position
