// Quantised weights: their numbers against the planning calculators' ggml formats, the product against a
// plain sum over numbers read back, and every form of the kernel against the portable one.
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/core/product.hpp>
#include <eigenformer/plan/quantised.hpp>

#include <vector>

#include <doctest/doctest.h>

namespace core_quantised {

namespace ef = eigenformer;
using ef::Format;
using ef::Index;
using support::Machine;
using support::random_matrix;
using support::same_bits;

namespace {

constexpr Format formats[] = {Format::int8, Format::int4};

ef::Weight<float> quantised(Format format, const ef::Matrix<float>& m) {
  return ef::Weight<float>::quantised(format, m.rows(), m.cols(),
                                      [&](Index r) { return m.data() + r * m.cols(); });
}

ef::Matrix<float> times(const ef::Weight<float>& w, const ef::Matrix<float>& x, Machine& machine,
                        const ef::Epilogue<float>& epilogue = {}) {
  ef::Matrix<float> y = ef::Matrix<float>::Constant(x.rows(), w.rows(), 0.5f);
  ef::product<float>(machine.run, w, x, epilogue, y);
  return y;
}

/// Activations as whole numbers, in memory of their own.
struct Activations {
  std::vector<std::int8_t> q;
  std::vector<float> scales;
  std::vector<std::int32_t> offsets;
  ef::QuantisedRows rows;

  Activations(const ef::Matrix<float>& x, Index groups, int zero)
      : q(static_cast<std::size_t>(x.rows() * groups * ef::quantised_group)),
        scales(static_cast<std::size_t>(x.rows() * groups)),
        offsets(scales.size()),
        rows{q.data(), scales.data(), offsets.data(), groups} {
    ef::quantise_rows(x.data(), x.cols(), x.rows(), x.cols(), zero, rows);
  }
};

}  // namespace

TEST_CASE("a group holds the numbers of ggml's Q8_0 and Q4_0, as the planning calculators compute them") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    ef::Matrix<float> x = random_matrix<float>(1, ef::quantised_group, seed);
    x *= std::ldexp(1.0f, static_cast<int>(seed % 30) - 12);
    if (seed % 7 == 0) x.rightCols(20).setZero();
    if (seed == 7) x.setZero();
    const std::vector<double> numbers(x.data(), x.data() + x.size());
    for (const Format format : formats) {
      const auto expected =
          format == Format::int8 ? ef::plan::quantise_q8_0(numbers) : ef::plan::quantise_q4_0(numbers);
      const ef::QuantisedGroup found = ef::quantise_group(format, x.data());
      CHECK(static_cast<double>(found.scale) == expected.scale);
      for (std::size_t i = 0; i < found.q.size(); ++i)
        CHECK(found.q[i] - ef::zero_of(format) == expected.values[i] - expected.zero);
    }
  }
}

TEST_CASE("rows come back within half a step, the last step of int4 aside, for sizes that fill no panel") {
  for (const Format format : formats)
    for (const Index columns : {1, 31, 32, 33, 71}) {
      const auto m = random_matrix<float>(19, columns, 3);
      const ef::Matrix<float> back = quantised(format, m).dense();
      for (Index r = 0; r < m.rows(); ++r)
        for (Index first = 0; first < columns; first += ef::quantised_group) {
          const Index n = (std::min)(ef::quantised_group, columns - first);
          const float largest = m.row(r).segment(first, n).cwiseAbs().maxCoeff();
          const float error = (m - back).row(r).segment(first, n).cwiseAbs().maxCoeff();
          // Half a step, and the rounding of the scale to a half. int4 reaches from -8 to 7 steps of
          // largest / 8, so the other end misses up to a whole one.
          CHECK(error <= largest * ((format == Format::int8 ? 0.5f / 127 : 1.0f / 8) + 0x1p-11f));
        }
    }
}

TEST_CASE("a quantised weight takes 8.5 or 4.5 bits a number") {
  const auto m = random_matrix<float>(32, 64, 1);
  CHECK(quantised(Format::int8, m).bytes() == 32 * 64 * 34 / 32);
  CHECK(quantised(Format::int4, m).bytes() == 32 * 64 * 18 / 32);
}

TEST_CASE("a quantised product is the sum over the numbers read back, activations rounded to int8") {
  Machine machine;
  for (const Format format : formats)
    for (const Index k : {1, 31, 32, 33, 71, 256}) {
      const auto x = random_matrix<float>(9, k, 1), m = random_matrix<float>(37, k, 2);
      const auto w = quantised(format, m);
      const ef::Matrix<float> y = times(w, x, machine), back = w.dense();
      for (Index r = 0; r < x.rows(); ++r) {
        const Activations a(x.row(r), w.layout().groups(), ef::zero_of(format));
        for (Index j = 0; j < m.rows(); ++j) {
          double sum = 0, size = 0;
          for (Index i = 0; i < k; ++i) {
            const double scale = static_cast<double>(a.rows.scales[i / ef::quantised_group]);
            const double rounded = scale * a.rows.q[i];
            CHECK(std::abs(rounded - static_cast<double>(x(r, i))) <= 0.501 * scale);
            sum += rounded * static_cast<double>(back(j, i));
            size += std::abs(rounded * static_cast<double>(back(j, i)));
          }
          // two roundings a group, one of each scale
          CHECK(std::abs(static_cast<double>(y(r, j)) - sum) <=
                size * 0x1p-23 * (2.0 + static_cast<double>(a.rows.groups)));
        }
      }
    }
}

TEST_CASE("every form of the kernel that this processor runs gives the portable form's bits") {
  for (const Format format : formats)
    for (const Index k : {1, 32, 71, 320})
      for (const Index rows : {1, 3, 4, 7, 8, 13, 21}) {
        const auto x = random_matrix<float>(rows, k, 5), m = random_matrix<float>(37, k, 6);
        const auto w = quantised(format, m);
        const ef::QuantisedLayout layout = w.layout();
        const Activations a(x, layout.groups(), ef::zero_of(format));
        const auto with = [&](ef::QuantisedForm form) {
          ef::Matrix<float> y(rows, layout.panels() * ef::QuantisedLayout::panel);
          for (Index p = 0; p < layout.panels(); ++p)
            ef::quantised_panel(form, layout, w.packed_data(), p, a.rows, rows,
                                [&](Index r, const float* sums) {
                                  std::copy_n(sums, ef::QuantisedLayout::panel,
                                              y.data() + r * y.cols() + p * ef::QuantisedLayout::panel);
                                });
          return y;
        };
        const ef::Matrix<float> portable = with(ef::QuantisedForm::portable);
        for (const auto form : {ef::QuantisedForm::avx2, ef::QuantisedForm::avx512_vnni}) {
          CAPTURE(ef::name_of(form));
          if (ef::runs(form)) CHECK(same_bits<float>(with(form), portable));
        }
      }
}

TEST_CASE("the largest whole numbers of both sides do not overflow in any form") {
  for (const Format format : formats)
    for (const float sign : {-1.0f, 1.0f}) {
      const ef::Matrix<float> x = ef::Matrix<float>::Constant(8, 64, 2.0f);
      const ef::Matrix<float> m = ef::Matrix<float>::Constant(16, 64, sign * 4.0f);
      Machine machine;
      const ef::Matrix<float> y = times(quantised(format, m), x, machine);
      CHECK(((y.array() - sign * 512.0f).abs() < 0.3f).all());
    }
}

TEST_CASE("a row of a quantised product has the same bits alone, in company and on any number of threads") {
  Machine one, three(3);
  for (const Format format : formats) {
    // rows are rounded in several slices, the last of which ends in tiles of 8, 4 and 1
    const auto x = random_matrix<float>(77, 2048, 1), m = random_matrix<float>(300, 2048, 2);
    const auto w = quantised(format, m);
    const ef::Matrix<float> all = times(w, x, one);
    CHECK(same_bits<float>(times(w, x, three), all));
    for (Index r = 0; r < x.rows(); ++r) CHECK(same_bits<float>(times(w, x.row(r), one), all.row(r)));
  }
}

TEST_CASE("a quantised product adds its bias and adds to what is there") {
  Machine machine;
  const auto x = random_matrix<float>(3, 40, 1), m = random_matrix<float>(18, 40, 2);
  const auto w = quantised(Format::int8, m);
  const ef::RowVector<float> bias = random_matrix<float>(1, 18, 3);
  const ef::Matrix<float> plain = times(w, x, machine);
  const ef::Matrix<float> biased = plain.rowwise() + bias;
  CHECK(same_bits<float>(times(w, x, machine, {.bias = bias.data()}), biased));
  const ef::Matrix<float> added = (plain.array() + 0.5f).matrix();
  CHECK(same_bits<float>(times(w, x, machine, {.add = true}), added));
}

TEST_CASE("an activation that is not finite shows in its row and in no other") {
  Machine machine;
  const auto m = random_matrix<float>(20, 64, 2);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ef::Matrix<float> x = random_matrix<float>(3, 64, 1);
    const ef::Matrix<float> good = times(quantised(Format::int8, m), x, machine);
    x(1, 40) = bad;
    const ef::Matrix<float> y = times(quantised(Format::int8, m), x, machine);
    CHECK(y.row(1).array().isNaN().all());
    CHECK(same_bits<float>(y.row(0), good.row(0)));
    CHECK(same_bits<float>(y.row(2), good.row(2)));
  }
}

TEST_CASE("what cannot be quantised is refused") {
  ef::Matrix<float> m = random_matrix<float>(2, 40, 1);
  m(1, 35) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(quantised(Format::int8, m), "a number to quantise is nan", ef::InputError);
  m(1, 35) = 1e9f;
  CHECK_THROWS_WITH_AS(quantised(Format::int4, m), doctest::Contains("is beyond what int4 can hold"),
                       ef::InputError);
  CHECK_THROWS_WITH_AS(quantised(Format::f16, m), "F16 is no quantised format", ef::InputError);
}

}  // namespace core_quantised
