#include <eigenformer/plan/fit.hpp>

#include <cstdio>

#include <doctest/doctest.h>
#include <unsupported/Eigen/NonLinearOptimization>

namespace plan_fit {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;

namespace {

/// Runs of a known law, each loss moved by a repeatable relative noise.
std::vector<plan::Run> runs_of(const plan::ParametricLaw& law, double noise) {
  std::vector<plan::Run> runs;
  int i = 0;
  for (double n = 5e7; n < 2e10; n *= 2) {
    for (double d = 1e9; d < 1e12; d *= 3)
      runs.push_back({n, d, law.loss(n, d) * (1 + noise * std::sin(12.9898 * ++i))});
  }
  return runs;
}

/// The Huber loss as a sum of squares, for an optimiser that this project did not write.
struct HuberResiduals {
  using Scalar = double;
  using InputType = Eigen::VectorXd;
  using ValueType = Eigen::VectorXd;
  using JacobianType = Eigen::MatrixXd;
  enum { InputsAtCompileTime = Eigen::Dynamic, ValuesAtCompileTime = Eigen::Dynamic };
  const std::vector<plan::Run>& runs;
  double delta;

  int inputs() const { return 5; }
  int values() const { return static_cast<int>(runs.size()); }
  /// sqrt(2 huber(r)) for each run.
  int operator()(const InputType& v, ValueType& out) const {
    for (int i = 0; i < values(); ++i) {
      const plan::Run& run = runs[static_cast<std::size_t>(i)];
      const double loss = std::exp(v[2]) + std::exp(v[0]) / std::pow(run.parameters, v[3]) +
                          std::exp(v[1]) / std::pow(run.tokens, v[4]);
      const double r = std::abs(std::log(loss / run.loss));
      out[i] = std::sqrt(2 * (r <= delta ? r * r / 2 : delta * (r - delta / 2)));
    }
    return 0;
  }
};

}  // namespace

TEST_CASE("no other optimiser finds a lower Huber loss, nor moves from the one that was found") {
  std::vector<plan::Run> runs = runs_of(plan::besiroglu, 2e-3);
  runs[7].loss *= 1.5;
  const plan::FitOptions options;
  const plan::Fit fit = plan::fit_law(runs, options);
  const HuberResiduals huber{runs, options.huber_delta};
  Eigen::NumericalDiff<HuberResiduals> with_slopes(huber);
  double least = std::numeric_limits<double>::infinity();
  for (const double share : {0.9, 1.0, 1.1}) {
    Eigen::VectorXd v(5);
    v << std::log(fit.law.a), std::log(fit.law.b), std::log(fit.law.e), fit.law.alpha, fit.law.beta;
    v *= share;
    Eigen::LevenbergMarquardt<Eigen::NumericalDiff<HuberResiduals>> other(with_slopes);
    other.parameters.maxfev = 20000;
    other.minimize(v);
    Eigen::VectorXd rest(huber.values());
    huber(v, rest);
    least = (std::min)(least, rest.squaredNorm() / 2 / static_cast<double>(runs.size()));
    if (share == 1.0) CHECK(v[3] == doctest::Approx(fit.law.alpha).epsilon(1e-3));
  }
  CHECK(fit.huber_loss <= least * (1 + 1e-6));
}

TEST_CASE("a law is found again from losses that follow it") {
  for (const plan::ParametricLaw& law : {plan::besiroglu, plan::chinchilla_unrounded}) {
    const plan::Fit fit = plan::fit_law(runs_of(law, 0));
    CHECK(fit.law.e == doctest::Approx(law.e).epsilon(1e-4));
    CHECK(fit.law.alpha == doctest::Approx(law.alpha).epsilon(1e-3));
    CHECK(fit.law.beta == doctest::Approx(law.beta).epsilon(1e-3));
  }
}

TEST_CASE("one diverged run hardly moves the fit, and bootstrap intervals hold the true exponents") {
  std::vector<plan::Run> runs = runs_of(plan::besiroglu, 1e-3);
  runs[10].loss *= 3;
  const plan::Fit fit = plan::fit_law(runs, {.bootstrap_samples = 40});
  CHECK(fit.law.alpha == doctest::Approx(plan::besiroglu.alpha).epsilon(0.03));
  CHECK(fit.alpha.low < fit.alpha.high);
  CHECK(fit.alpha.low <= fit.law.alpha);
  CHECK(fit.alpha.high >= fit.law.alpha);
  CHECK(fit.size_exponent.low <= plan::besiroglu.size_exponent());
  CHECK(fit.size_exponent.high >= plan::besiroglu.size_exponent());
}

TEST_CASE("runs that cannot tell a law are refused, and a file's bad line is named") {
  CHECK_THROWS_WITH_AS(plan::fit_law({{1e9, 1e9, 3}}), "five constants need five runs at least, here are 1",
                       ef::InputError);
  CHECK_THROWS_AS(plan::fit_law(std::vector<plan::Run>(6, plan::Run{1e9, 1e9, 3})), ef::InputError);
  const std::string path = "plan_fit_runs.csv";
  const auto write = [&](const char* text) { std::ofstream(path) << text; };
  write("name,loss,parameters,tokens\na,3.1,1e9,2e10\n\nb,2.5,2e9,4e10\n");
  const auto runs = plan::read_runs(path);
  REQUIRE(runs.size() == 2);
  CHECK(runs[1].parameters == 2e9);
  CHECK(runs[1].loss == 2.5);
  write("\"name, with a comma\",parameters,tokens,loss\r\n\"a, b\",\"1e9\",2e10,3\r\n");
  REQUIRE(plan::read_runs(path).size() == 1);
  CHECK(plan::read_runs(path)[0].loss == 3);
  write("parameters,tokens,loss\n1e9,2e10,3\n1e9,x,3\n");
  CHECK_THROWS_WITH_AS(plan::read_runs(path),
                       "plan_fit_runs.csv: line 3: tokens is 'x', not a positive number", ef::FileError);
  write("parameters,tokens\n");
  CHECK_THROWS_WITH_AS(plan::read_runs(path), "plan_fit_runs.csv: line 1 has no column 'loss'",
                       ef::FileError);
  std::remove(path.c_str());
}

}  // namespace plan_fit
