#include "support/matrices.hpp"
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

}  // namespace

TEST_CASE("the sinusoidal table is the paper's, added to what is there") {
  for (Index p = 0; p < 64; ++p) {
    std::vector<double> row(48, 2.0);
    ef::add_sinusoidal(p, 48, row.data());
    for (Index c = 0; c < 48; ++c) {
      const double value = row[static_cast<std::size_t>(c)] - 2;
      const double angle =
          static_cast<double>(p) * std::exp(-std::log(10000.0) * static_cast<double>(c / 2) / 24);
      CHECK(std::abs(value - (c % 2 ? std::cos(angle) : std::sin(angle))) < 1e-12);
    }
  }
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

TEST_CASE("ALiBi slopes of a power of two heads are powers of two") {
  std::vector<double> powers;
  for (int i = 1; i <= 8; ++i) powers.push_back(std::ldexp(1.0, -i));
  CHECK(ef::alibi_slopes(8) == powers);
  CHECK(ef::alibi_slopes(1) == std::vector<double>{1.0 / 256});
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

}  // namespace nn_position
