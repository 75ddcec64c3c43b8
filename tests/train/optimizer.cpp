#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/model/parameters.hpp>
#include <eigenformer/train/optimizer.hpp>

#include <doctest/doctest.h>

namespace train_optimizer {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::random_matrix;
using M = ef::Matrix<double>;

namespace {

/// A matrix and a vector, with the gradient of step t.
struct Toy {
  ef::Linear<double> p, g;
  explicit Toy(Index rows = 5, Index columns = 7) {
    p.weight = ef::Weight<double>(random_matrix<double>(rows, columns, 1));
    p.bias = random_matrix<double>(1, rows, 2);
    g.weight = ef::Weight<double>(rows, columns);
    g.bias = ef::RowVector<double>::Zero(rows);
  }
  void gradient_of(unsigned t) {
    g.weight.values() = random_matrix<double>(p.weight.rows(), p.weight.cols(), 10 + t);
    g.bias = random_matrix<double>(1, p.bias.size(), 50 + t);
  }
};

/// Six steps by the optimiser, beside the same by `naive(values, gradient, t, decays)`.
template <class Naive> double difference(const ef::OptimizerConfig& config, Naive&& naive) {
  Machine machine;
  Toy toy;
  M weight = toy.p.weight.dense(), bias = toy.p.bias;
  ef::Optimizer<double> optimizer(config);
  for (unsigned t = 1; t <= 6; ++t) {
    toy.gradient_of(t);
    optimizer.step(machine.run, ef::leaves<double>(toy.p), ef::leaves<double>(toy.g), 0.05);
    naive(0, weight, toy.g.weight.dense(), t, true);
    naive(1, bias, M(toy.g.bias), t, false);
  }
  return (std::max)(support::distance<double>(toy.p.weight.dense(), weight),
                    support::distance<double>(M(toy.p.bias), bias));
}

}  // namespace

TEST_CASE("AdamW is its formula written out, and decays matrices alone") {
  M m[2], v[2];
  CHECK(difference(ef::AdamW{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .weight_decay = 0.3},
                   [&](int i, M& p, const M& g, unsigned t, bool decays) {
                     if (t == 1) m[i] = v[i] = M::Zero(p.rows(), p.cols());
                     if (decays) p *= 1 - 0.05 * 0.3;
                     for (Index k = 0; k < p.size(); ++k) {
                       double &a = m[i].data()[k], &b = v[i].data()[k], x = g.data()[k];
                       a = 0.8 * a + 0.2 * x;
                       b = 0.95 * b + 0.05 * x * x;
                       p.data()[k] -= 0.05 * (a / (1 - std::pow(0.8, t))) /
                                      (std::sqrt(b / (1 - std::pow(0.95, t))) + 1e-3);
                     }
                   }) < 1e-14);
}

TEST_CASE("SGD with momentum, plain and Nesterov's, is its formula written out") {
  for (const bool nesterov : {false, true}) {
    M m[2];
    CHECK(difference(ef::Sgd{.momentum = 0.7, .nesterov = nesterov, .weight_decay = 0.3},
                     [&](int i, M& p, const M& gradient, unsigned t, bool decays) {
                       const M g = gradient + (decays ? 0.3 : 0.0) * p;
                       m[i] = t == 1 ? g : M(0.7 * m[i] + g);
                       p -= 0.05 * (nesterov ? M(g + 0.7 * m[i]) : m[i]);
                     }) < 1e-14);
  }
}

TEST_CASE("Adafactor is its formula written out, and keeps a row and a column of a matrix") {
  for (const bool relative : {false, true}) {
    M r, c, v;
    const auto rms = [](const M& x) { return std::sqrt(x.squaredNorm() / static_cast<double>(x.size())); };
    CHECK(difference(ef::Adafactor{.decay = 0.8, .clip = 0.9, .relative = relative, .weight_decay = 0.3},
                     [&](int, M& p, const M& g, unsigned t, bool matrix) {
                       const double beta = 1 - std::pow(t, -0.8);
                       const double rate = 0.05 * (relative ? (std::max)(1e-3, rms(p)) : 1.0);
                       M u(p.rows(), p.cols());
                       if (matrix) {
                         if (t == 1) r = M::Zero(5, 1), c = M::Zero(1, 7);
                         for (Index k = 0; k < 5; ++k)
                           r(k, 0) = beta * r(k, 0) + (1 - beta) * g.row(k).squaredNorm() / 7;
                         for (Index k = 0; k < 7; ++k)
                           c(0, k) = beta * c(0, k) + (1 - beta) * g.col(k).squaredNorm() / 5;
                         const M estimate = r * c / (r.sum() / 5);
                         u = (g.array() / estimate.array().sqrt()).matrix();
                       } else {
                         if (t == 1) v = M::Zero(1, 5);
                         v = beta * v + (1 - beta) * g.cwiseAbs2();
                         u = (g.array() / v.array().sqrt()).matrix();
                       }
                       u /= (std::max)(1.0, rms(u) / 0.9);
                       if (matrix) p *= 1 - rate * 0.3;
                       p -= rate * u;
                     }) < 1e-13);
  }
  Machine machine;
  Toy toy;
  toy.gradient_of(1);
  ef::Optimizer<double> optimizer(ef::Adafactor{});
  optimizer.step(machine.run, ef::leaves<double>(toy.p), ef::leaves<double>(toy.g), 0.1);
  CHECK(optimizer.states()[0].first.size() + optimizer.states()[0].second.size() == 12);
}

TEST_CASE("a parameter without a gradient is frozen, and a rule of one's own decides what decays") {
  Machine machine;
  Toy toy;
  toy.g.weight = ef::Weight<double>();
  const M weight = toy.p.weight.dense(), bias = toy.p.bias;
  ef::Optimizer<double> optimizer(ef::Sgd{.momentum = 0, .weight_decay = 0.5},
                                  [](const std::string& path, bool) { return path == "bias"; });
  optimizer.step(machine.run, ef::leaves<double>(toy.p), ef::leaves<double>(toy.g), 0.1);
  CHECK(support::same_bits<double>(toy.p.weight.dense(), weight));
  CHECK(support::distance<double>(M(toy.p.bias), 0.95 * bias) < 1e-15);
  CHECK(optimizer.states()[0].first.size() == 0);
  toy.gradient_of(2);
  toy.g.bias = ef::RowVector<double>::Ones(toy.p.bias.size() + 1);  // the last of the leaves
  CHECK_THROWS_AS(optimizer.step(machine.run, ef::leaves<double>(toy.p), ef::leaves<double>(toy.g), 0.1),
                  ef::InputError);
  CHECK(support::same_bits<double>(toy.p.weight.dense(), weight));
  CHECK(optimizer.steps() == 1);
}

TEST_CASE("clipping and steps have the same bits on any number of threads") {
  M weights[2];
  double norms[2];
  for (const int i : {0, 1}) {
    Machine machine(1 + 2 * i);
    Toy toy(190, 307);
    ef::Optimizer<double> optimizer(ef::AdamW{});
    for (unsigned t = 1; t <= 3; ++t) {
      toy.gradient_of(t);
      norms[i] = ef::clip(machine.run, ef::leaves<double>(toy.g), 1.0);
      CHECK(ef::global_norm(machine.run, ef::leaves<double>(toy.g)) == doctest::Approx(1).epsilon(1e-6));
      optimizer.step(machine.run, ef::leaves<double>(toy.p), ef::leaves<double>(toy.g), 0.1);
    }
    weights[i] = toy.p.weight.dense();
  }
  CHECK(norms[0] == norms[1]);
  CHECK(support::same_bits<double>(weights[0], weights[1]));
  Toy small;
  Machine machine;
  small.gradient_of(1);
  const M before = small.g.weight.dense();
  const double norm = ef::clip(machine.run, ef::leaves<double>(small.g), 1e3);
  CHECK(norm == doctest::Approx(std::sqrt(before.squaredNorm() + small.g.bias.squaredNorm())));
  CHECK(support::same_bits<double>(small.g.weight.dense(), before));
}

}  // namespace train_optimizer
