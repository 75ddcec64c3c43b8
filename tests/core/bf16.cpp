// Products in bfloat16: tiles against the numbers put in, the product against a plain sum in double, and
// every form of the kernel that this processor runs.
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/skip.hpp"
#include <eigenformer/core/product.hpp>
#include <eigenformer/core/product_backward.hpp>

#include <array>
#include <limits>
#include <memory>
#include <vector>

#include <doctest/doctest.h>

namespace core_bf16 {

namespace ef = eigenformer;
using ef::Bf16Form;
using ef::Index;
using support::Machine;
using support::random_matrix;
using support::same_bits;

namespace {

constexpr Bf16Form forms[] = {Bf16Form::portable, Bf16Form::avx512, Bf16Form::amx};

ef::Weight<float> tiles(const ef::Matrix<float>& m) {
  return ef::Weight<float>::bf16_tiles(m.rows(), m.cols(), [&](Index r) { return m.data() + r * m.cols(); });
}

ef::Matrix<float> rounded(const ef::Matrix<float>& m) {
  return m.unaryExpr([](float x) { return static_cast<float>(ef::bfloat16(x)); });
}

template <class T> ef::Weight<float> narrow(const ef::Matrix<float>& m) {
  std::vector<T> numbers;
  for (Index i = 0; i < m.size(); ++i) numbers.emplace_back(m.data()[i]);
  auto owner = std::make_shared<const std::vector<T>>(std::move(numbers));
  const T* const data = owner->data();
  return ef::Weight<float>::borrow(ef::format_of<T>, data, m.rows(), m.cols(), std::move(owner));
}

ef::Matrix<float> times(Bf16Form form, const ef::Weight<float>& w, const ef::Matrix<float>& x,
                        Machine& machine, const ef::Epilogue<float>& epilogue = {}) {
  ef::Matrix<float> y = ef::Matrix<float>::Constant(x.rows(), w.rows(), 0.5f);
  ef::bf16_product(machine.run, w, x, epilogue, y, form);
  return y;
}

}  // namespace

TEST_CASE("a weight in tiles gives its rows back as the nearest bfloat16, for sizes that fill no tile") {
  for (const Index columns : {1, 31, 32, 33, 71}) {
    const auto m = random_matrix<float>(19, columns, 3);
    const auto w = tiles(m);
    CHECK(w.format() == ef::Format::bf16);
    CHECK(w.packed());
    CHECK(same_bits<float>(w.dense(), rounded(m)));
    CHECK(same_bits<float>(w.copy().dense(), rounded(m)));
    CHECK(w.bytes() == 2 * 16 * ((columns + 31) / 32 * 32) * 2);
    CHECK_THROWS_AS(w.with_elements([](const auto*) {}), ef::InputError);
  }
}

TEST_CASE("a product in bfloat16 is the sum over rounded numbers, in every form that this processor runs") {
  Machine machine;
  for (const Bf16Form form : forms) {
    CAPTURE(ef::name_of(form));
    if (!ef::runs(form)) {
      support::skip(ef::concat("this processor does not run the form ", ef::name_of(form)));
      continue;
    }
    for (const Index k : {1, 31, 32, 33, 200, 1100})
      for (const Index rows : {1, 4, 13, 16, 17, 32, 45, 140, 530}) {
        if (rows == 530 && k != 33) continue;  // more rows than are kept near at a time
        const auto x = random_matrix<float>(rows, k, 1), m = random_matrix<float>(113, k, 2);
        const auto bias = random_matrix<float>(1, 113, 4);
        const ef::Matrix<double> a = rounded(x).cast<double>(), b = rounded(m).cast<double>();
        const ef::Matrix<double> expected =
            (a * b.transpose()).rowwise() + (bias.cast<double>().row(0).array() + 0.5).matrix();
        const ef::Matrix<double> size =
            ((a.cwiseAbs() * b.cwiseAbs().transpose()).rowwise() + bias.cast<double>().row(0).cwiseAbs())
                .array() +
            0.5;
        const auto y = times(form, tiles(m), x, machine, {bias.data(), true});
        // a rounding for each product, the bias and the sum
        CHECK(((y.cast<double>() - expected).cwiseAbs().array() <=
               size.array() * 0x1p-24 * static_cast<double>(k + 2))
                  .all());
      }
  }
}

TEST_CASE("a product fills its part of a wider matrix and nothing else, whatever fills a block and not") {
  Machine machine;
  for (const Bf16Form form : forms) {
    if (!ef::runs(form)) continue;
    CAPTURE(ef::name_of(form));
    for (const Index k : {0, 33})
      for (const Index rows : {1, 16, 17, 32, 48})
        for (const Index n : {16, 31, 32, 48, 113}) {
          const auto x = random_matrix<float>(rows, k, 18), m = random_matrix<float>(n, k, 19);
          const auto bias = random_matrix<float>(1, n, 20);
          const ef::Matrix<float> sums = rounded(x) * rounded(m).transpose();
          for (const ef::Epilogue<float> epilogue :
               {ef::Epilogue<float>{}, {nullptr, true}, {bias.data()}, {bias.data(), true}}) {
            ef::Matrix<float> wide = ef::Matrix<float>::Constant(rows + 2, n + 3, 0.5f), expected = wide;
            ef::bf16_product(machine.run, tiles(m), x, epilogue, wide.block(1, 1, rows, n), form);
            auto part = expected.block(1, 1, rows, n);
            part = (epilogue.add ? 0.5f : 0.0f) + sums.array();
            if (epilogue.bias) part.rowwise() += bias.row(0);
            CHECK((wide - expected).cwiseAbs().maxCoeff() <= 1e-5f);
            wide.block(1, 1, rows, n) = part;
            CHECK(same_bits<float>(wide, expected));
          }
        }
  }
}

TEST_CASE(
    "AVX-512's form gives the portable form's bits, forward and backward, for weights in every format") {
  if (!ef::runs(Bf16Form::avx512)) return;
  Machine machine;
  for (const Index rows : {1, 5, 12, 133}) {
    const auto x = random_matrix<float>(rows, 540, 5), m = random_matrix<float>(131, 540, 6),
               dy = random_matrix<float>(rows, 131, 16);
    const std::array weights{tiles(m), ef::Weight<float>(m), narrow<ef::bfloat16>(m), narrow<ef::half>(m)};
    for (const auto& w : weights) {
      CAPTURE(ef::name_of(w.format()));
      CHECK(
          same_bits<float>(times(Bf16Form::avx512, w, x, machine), times(Bf16Form::portable, w, x, machine)));
      const auto gradients = [&](Bf16Form form) {
        std::array<ef::Matrix<float>, 2> d{ef::Matrix<float>::Zero(rows, 540),
                                           ef::Matrix<float>::Zero(131, 540)};
        if (!w.packed()) ef::bf16_input_gradient(machine.run, w, dy, d[0], form);
        ef::bf16_weight_gradient(machine.run, dy, x, d[1], form);
        return d;
      };
      const auto found = gradients(Bf16Form::avx512), expected = gradients(Bf16Form::portable);
      for (const std::size_t i : {0u, 1u}) CHECK(same_bits<float>(found[i], expected[i]));
    }
  }
}

TEST_CASE("a row has the same bits alone and in company, for any number of threads") {
  for (const Bf16Form form : forms) {
    if (!ef::runs(form)) continue;
    CAPTURE(ef::name_of(form));
    const auto x = random_matrix<float>(150, 600, 7);
    const auto w = tiles(random_matrix<float>(331, 600, 8));
    const auto bias = random_matrix<float>(1, 331, 17);
    Machine one(1), three(3);
    for (const ef::Epilogue<float> epilogue : {ef::Epilogue<float>{}, {bias.data()}, {bias.data(), true}}) {
      const auto all = times(form, w, x, one, epilogue);
      CHECK(same_bits<float>(times(form, w, x, three, epilogue), all));
      for (const Index r : {0, 3, 16, 40, 149})
        CHECK(same_bits<float>(times(form, w, x.row(r), one, epilogue), ef::Matrix<float>(all.row(r))));
    }
  }
}

TEST_CASE("NaN and infinity in the activations stay in their rows") {
  for (const Bf16Form form : forms) {
    if (!ef::runs(form)) continue;
    CAPTURE(ef::name_of(form));
    Machine machine;
    auto x = random_matrix<float>(40, 64, 9);
    const auto w = tiles(random_matrix<float>(20, 64, 10));
    const auto before = times(form, w, x, machine);
    x(3, 7) = std::numeric_limits<float>::quiet_NaN();
    x(20, 8) = std::numeric_limits<float>::infinity();
    const auto after = times(form, w, x, machine);
    for (Index r = 0; r < x.rows(); ++r)
      if (r == 3 || r == 20)
        CHECK(!after.row(r).allFinite());
      else
        CHECK(same_bits<float>(ef::Matrix<float>(after.row(r)), ef::Matrix<float>(before.row(r))));
  }
}

TEST_CASE("the gradient of a product's input goes through tiles too") {
  Machine machine;
  const auto m = random_matrix<float>(50, 37, 11), dy = random_matrix<float>(6, 50, 12);
  ef::Matrix<float> through_tiles = ef::Matrix<float>::Zero(6, 37), plain = through_tiles;
  ef::product_input_gradient<float>(machine.run, tiles(m), dy, through_tiles);
  ef::product_input_gradient<float>(machine.run, ef::Weight<float>(rounded(m)), dy, plain);
  CHECK(same_bits<float>(through_tiles, plain));
}

TEST_CASE("a run in bfloat16 multiplies forward and backward by rounded factors, for any number of threads") {
  struct Shape {
    Index rows, out, in;
  };
  for (const Shape shape : {Shape{1, 1, 1}, {45, 50, 37}, {129, 113, 200}}) {
    const Index rows = shape.rows, out = shape.out, in = shape.in;
    const auto m = random_matrix<float>(out, in, 13), x = random_matrix<float>(rows, in, 14),
               dy = random_matrix<float>(rows, out, 15);
    const ef::Matrix<float> w = rounded(m), a = rounded(x), b = rounded(dy);
    const auto compute = [&](int threads) {
      Machine machine(threads);
      machine.run.bf16_products = true;
      ef::Matrix<float> y = ef::Matrix<float>::Zero(rows, out), dx = ef::Matrix<float>::Ones(rows, in),
                        dw = ef::Matrix<float>::Ones(out, in);
      ef::product<float>(machine.run, ef::Weight<float>(m), x, {}, y);
      ef::product_input_gradient<float>(machine.run, ef::Weight<float>(m), dy, dx);
      ef::product_weight_gradient<float>(machine.run, dy, x, dw);
      return std::array{y, dx, dw};
    };
    const auto found = compute(1), threaded = compute(3);
    const std::array<ef::Matrix<float>, 3> expected{a * w.transpose(), (b * w).array() + 1.0f,
                                                    (b.transpose() * a).array() + 1.0f};
    const std::array<ef::Matrix<float>, 3> size{a.cwiseAbs() * w.cwiseAbs().transpose(),
                                                (b.cwiseAbs() * w.cwiseAbs()).array() + 1.0f,
                                                (b.cwiseAbs().transpose() * a.cwiseAbs()).array() + 1.0f};
    for (std::size_t i = 0; i < found.size(); ++i) {
      CAPTURE(i);
      CHECK(same_bits<float>(found[i], threaded[i]));
      CHECK(((found[i] - expected[i]).cwiseAbs().array() <= 1e-5f * size[i].array()).all());
    }
  }
}

}  // namespace core_bf16
