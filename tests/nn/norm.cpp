#include "support/matrices.hpp"
#include <eigenformer/nn/norm.hpp>

#include <doctest/doctest.h>

namespace nn_norm {

namespace ef = eigenformer;
using ef::Index;
using support::random_matrix;

namespace {

ef::Matrix<double> naive(const ef::Matrix<double>& x, const ef::ModelConfig::Norm& config,
                         const ef::RowVector<double>& weight, const ef::RowVector<double>& bias) {
  ef::Matrix<double> y(x.rows(), x.cols());
  const auto n = static_cast<double>(x.cols());
  for (Index r = 0; r < x.rows(); ++r) {
    double mean = 0, square = 0;
    if (config.kind == ef::NormKind::layer)
      for (Index c = 0; c < x.cols(); ++c) mean += x(r, c) / n;
    for (Index c = 0; c < x.cols(); ++c) square += (x(r, c) - mean) * (x(r, c) - mean) / n;
    for (Index c = 0; c < x.cols(); ++c)
      y(r, c) = (x(r, c) - mean) / std::sqrt(square + config.epsilon) * (weight[c] + config.offset) +
                (bias.size() ? bias[c] : 0);
  }
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("norms are those of their formulas, in place too, with the same bits for a row alone", S,
                   float, double) {
  ef::Threads threads(3), alone(1);
  ef::Workspace workspace;
  ef::Run run{threads, workspace}, single{alone, workspace};
  for (const auto kind : {ef::NormKind::layer, ef::NormKind::rms})
    for (const bool bias : {true, false})
      for (const Index width : {1, 2, 7, 16, 33, 48, 600}) {
        CAPTURE(width);
        const ef::ModelConfig::Norm config{.kind = kind, .epsilon = 1e-5, .offset = bias ? 0.0 : 1.0};
        ef::Norm<S> p;
        p.weight = random_matrix<S>(1, width, 1);
        if (bias) p.bias = random_matrix<S>(1, width, 2);
        ef::Matrix<S> x = random_matrix<S>(70, width, 3);
        x.array() += S(3);  // a mean that is large beside the deviation
        ef::Matrix<S> y(70, width), in_place = x, each(70, width);
        ef::forward<S>(p, config, run, x, y);
        ef::forward<S>(p, config, run, in_place, in_place);
        for (Index r = 0; r < 70; ++r) ef::forward<S>(p, config, single, x.row(r), each.row(r));
        const ef::Matrix<double> expected =
            naive(x.template cast<double>(), config, p.weight.template cast<double>(),
                  p.bias.template cast<double>());
        CHECK((width == 1 && !bias && kind == ef::NormKind::layer
                   ? y.cwiseAbs().maxCoeff() == S(0)
                   : support::distance<S>(y, expected) < (sizeof(S) == 8 ? 1e-13 : 1e-5)));
        CHECK(support::same_bits<S>(in_place, y));
        CHECK(support::same_bits<S>(each, y));
      }
}

TEST_CASE_TEMPLATE("a row of equal values has the bias as its layer norm", S, float, double) {
  ef::Threads threads;
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  ef::Norm<S> p;
  p.weight = ef::RowVector<S>::Constant(20, S(2));
  p.bias = random_matrix<S>(1, 20, 4);
  ef::Matrix<S> x = ef::Matrix<S>::Constant(1, 20, S(4));
  ef::forward<S>(p, {}, run, x, x);
  CHECK(support::same_bits<S>(x, p.bias));
}

}  // namespace nn_norm
