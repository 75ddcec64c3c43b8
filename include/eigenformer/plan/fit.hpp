// Fitting the parametric scaling law to one's own runs: L(N, D) = E + A/N^alpha + B/D^beta by the Huber loss
// of log L, from many starts (Hoffmann et al. 2022, section 3.3), with intervals by bootstrap. The one
// calculator that needs Eigen.
#pragma once

#include <eigenformer/plan/scaling_laws.hpp>

#include <charconv>
#include <fstream>
#include <random>

#include <Eigen/Dense>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// One finished training run.
struct Run {
  double parameters = 0;
  double tokens = 0;
  double loss = 0;
};

struct FitOptions {
  double huber_delta = 1e-3;  ///< of log L (Hoffmann et al. 2022)
  int iterations = 500;       ///< at most, from each start
  int bootstrap_samples = 0;  ///< 0: no intervals
  double confidence = 0.95;
  Seed seed{};  ///< of the bootstrap
};

struct Interval {
  double low = 0, high = 0;
};

struct Fit {
  ParametricLaw law;
  double huber_loss = 0;                                     ///< mean over the runs
  Interval a{}, b{}, e{}, alpha{}, beta{}, size_exponent{};  ///< with bootstrap_samples > 0
};

namespace detail {

/// (log A, log B, log E, alpha, beta)
using LawVector = Eigen::Matrix<double, 5, 1>;

inline ParametricLaw law_of(const LawVector& v) {
  return {std::exp(v[0]), std::exp(v[1]), std::exp(v[2]), v[3], v[4]};
}

inline double huber(double r, double delta) {
  return std::abs(r) <= delta ? r * r / 2 : delta * (std::abs(r) - delta / 2);
}

/// The residual log L(N, D) - log loss as a log-sum-exp, and its gradient.
inline double residual(const LawVector& v, const Run& run, LawVector* gradient) {
  const double log_n = std::log(run.parameters), log_d = std::log(run.tokens);
  const double x = v[0] - v[3] * log_n, y = v[1] - v[4] * log_d, z = v[2];
  const double top = (std::max)({x, y, z});
  const double ex = std::exp(x - top), ey = std::exp(y - top), ez = std::exp(z - top), sum = ex + ey + ez;
  if (gradient) *gradient << ex / sum, ey / sum, ez / sum, -log_n * ex / sum, -log_d * ey / sum;
  return top + std::log(sum) - std::log(run.loss);
}

inline double objective(const LawVector& v, const std::vector<Run>& runs, double delta) {
  double sum = 0;
  for (const Run& run : runs) sum += huber(residual(v, run, nullptr), delta);
  return sum / static_cast<double>(runs.size());
}

/// Levenberg-Marquardt with the weights of the Huber loss (iteratively reweighted least squares).
inline double descend(LawVector& v, const std::vector<Run>& runs, const FitOptions& o) {
  double value = objective(v, runs, o.huber_delta), damping = 1e-2;
  for (int i = 0; i < o.iterations && damping < 1e12; ++i) {
    Eigen::Matrix<double, 5, 5> hessian = Eigen::Matrix<double, 5, 5>::Zero();
    LawVector slope = LawVector::Zero(), row;
    for (const Run& run : runs) {
      const double r = residual(v, run, &row);
      const double weight = std::abs(r) <= o.huber_delta ? 1.0 : o.huber_delta / std::abs(r);
      hessian += weight * row * row.transpose();
      slope += weight * r * row;
    }
    const LawVector scale = hessian.diagonal().array() + 1e-12;
    hessian.diagonal() += damping * scale;
    const LawVector next = v - hessian.ldlt().solve(slope);
    const double reached = next.allFinite() ? objective(next, runs, o.huber_delta) : value;
    if (reached < value) {
      const bool done = value - reached < 1e-13 * value;
      v = next, value = reached, damping = (std::max)(damping / 5, 1e-15);
      if (done) break;
    } else {
      damping *= 4;
    }
  }
  return value;
}

inline void check(const std::vector<Run>& runs) {
  if (runs.size() < 5)
    fail(InputError(concat("five constants need five runs at least, here are ", runs.size())));
  for (const Run& run : runs) {
    require_positive(run.parameters, "a run's parameters");
    require_positive(run.tokens, "a run's tokens");
    require_positive(run.loss, "a run's loss");
  }
  const auto varies = [&](double Run::*field) {
    return std::any_of(runs.begin(), runs.end(),
                       [&](const Run& run) { return run.*field != runs.front().*field; });
  };
  if (!varies(&Run::parameters) || !varies(&Run::tokens))
    fail(InputError("runs must differ in parameters and in tokens, or no law can be told from them"));
}

}  // namespace detail

/// The law that fits the runs best.
/// @throws InputError  for fewer than five runs, runs of one size or one length, numbers that are not
/// positive
inline Fit fit_law(const std::vector<Run>& runs, const FitOptions& o = {}) {
  detail::check(runs);
  detail::require_positive(o.huber_delta, "huber_delta");
  detail::require_positive(Index{o.iterations}, "iterations");
  detail::require_not_negative(Index{o.bootstrap_samples}, "bootstrap_samples");
  detail::require_between(o.confidence, 0.01, 0.999, "confidence");
  const double least = std::min_element(runs.begin(), runs.end(), [](const Run& p, const Run& q) {
                         return p.loss < q.loss;
                       })->loss;
  detail::LawVector best = detail::LawVector::Zero();
  double value = std::numeric_limits<double>::infinity();
  for (const double share : {0.3, 0.6, 0.9}) {
    for (const double alpha : {0.2, 0.35, 0.6}) {
      for (const double beta : {0.2, 0.35, 0.6}) {
        const double rest = std::log(least / 2);
        detail::LawVector v;
        v << rest + alpha * std::log(runs.front().parameters), rest + beta * std::log(runs.front().tokens),
            std::log(share * least), alpha, beta;
        const double reached = detail::descend(v, runs, o);
        if (reached < value) value = reached, best = v;
      }
    }
  }
  Fit fit{.law = detail::law_of(best), .huber_loss = value};
  if (o.bootstrap_samples == 0) return fit;

  std::array<std::vector<double>, 6> samples;
  std::mt19937_64 random(o.seed.value);
  std::vector<Run> drawn(runs.size());
  for (int i = 0; i < o.bootstrap_samples; ++i) {
    for (Run& run : drawn) run = runs[static_cast<std::size_t>(random() % runs.size())];
    detail::LawVector v = best;
    detail::descend(v, drawn, o);
    const ParametricLaw law = detail::law_of(v);
    const double values[] = {law.a, law.b, law.e, law.alpha, law.beta, law.size_exponent()};
    for (std::size_t k = 0; k < samples.size(); ++k) samples[k].push_back(values[k]);
  }
  const auto interval = [&](std::vector<double>& sample) -> Interval {
    std::sort(sample.begin(), sample.end());
    const double last = static_cast<double>(sample.size() - 1), tail = (1 - o.confidence) / 2;
    return {sample[static_cast<std::size_t>(tail * last)],
            sample[static_cast<std::size_t>(std::ceil((1 - tail) * last))]};
  };
  fit.a = interval(samples[0]), fit.b = interval(samples[1]), fit.e = interval(samples[2]);
  fit.alpha = interval(samples[3]), fit.beta = interval(samples[4]), fit.size_exponent = interval(samples[5]);
  return fit;
}

namespace detail {

/// The cells of one line: separated by commas, but for those within quotes.
inline std::vector<std::string> csv_cells(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      cells.emplace_back();
    else
      cells.back() += c;
  }
  for (std::string& cell : cells) {
    const auto first = cell.find_first_not_of(" \t\r"), last = cell.find_last_not_of(" \t\r");
    cell = first == std::string::npos ? std::string() : cell.substr(first, last - first + 1);
  }
  return cells;
}

}  // namespace detail

/// Reads runs from a CSV file whose first line names the columns `parameters`, `tokens` and `loss`, among
/// others.
/// @throws FileError  naming the line that cannot be read
inline std::vector<Run> read_runs(const std::string& path) {
  std::ifstream file(path);
  if (!file) fail(FileError(path, "cannot be opened"));
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = detail::csv_cells(line);
  std::array<std::size_t, 3> columns{};
  const char* const wanted[] = {"parameters", "tokens", "loss"};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto at = std::find(header.begin(), header.end(), wanted[i]);
    if (at == header.end()) fail(FileError(path, concat("line 1 has no column '", wanted[i], "'")));
    columns[i] = static_cast<std::size_t>(at - header.begin());
  }
  std::vector<Run> runs;
  for (Index number = 2; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::vector<std::string> row = detail::csv_cells(line);
    double values[3] = {};
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string text = columns[i] < row.size() ? row[columns[i]] : std::string();
      const auto end = std::from_chars(text.data(), text.data() + text.size(), values[i]);
      if (end.ec != std::errc() || end.ptr != text.data() + text.size() || !(values[i] > 0) ||
          !std::isfinite(values[i]))
        fail(FileError(path, concat("line ", number, ": ", wanted[i], " is '", printable(text),
                                    "', not a positive number")));
    }
    runs.push_back({values[0], values[1], values[2]});
  }
  return runs;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
