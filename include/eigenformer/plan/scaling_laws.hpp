// Scaling laws: predicted loss, the optimal size and data for a compute budget, and what departing from it
// costs.
//
// Units: N parameters, D tokens, C FLOPs with C = 6·N·D. Kaplan's laws take N without embeddings and C in
// PF-days. Constants carry their source; where a paper's printed constants and the unrounded ones disagree,
// both are here, because rounding alone moves the optimum (at 5.88e23 FLOPs from 93 tokens a parameter to
// 59).
#pragma once

#include <eigenformer/plan/amounts.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// L(N, D) = E + A/N^alpha + B/D^beta (Hoffmann et al. 2022, Eq. 10).
struct ParametricLaw {
  double a = 0, b = 0, e = 0, alpha = 0, beta = 0;

  double loss(double parameters, double tokens) const {
    detail::require_positive(parameters, "parameters");
    detail::require_positive(tokens, "tokens");
    return e + a / std::pow(parameters, alpha) + b / std::pow(tokens, beta);
  }
  /// The exponent of compute in the optimal size: N ~ C^(beta/(alpha+beta)).
  double size_exponent() const { return beta / (alpha + beta); }
  /// (alpha·A / (beta·B))^(1/(alpha+beta)) (Hoffmann et al. 2022, Eq. 4).
  double g() const { return std::pow(alpha * a / (beta * b), 1 / (alpha + beta)); }
};

/// Hoffmann et al. 2022, Eq. 10 as printed.
inline constexpr ParametricLaw chinchilla_printed{406.4, 410.7, 1.69, 0.34, 0.28};
/// The same before rounding, from the paper's source (Besiroglu et al. 2024): e^6.0073404, e^6.0179186,
/// e^0.5267228.
inline constexpr ParametricLaw chinchilla_unrounded{406.4010175194737, 410.7228269450398, 1.6933736809989528,
                                                    0.33917084, 0.2849083};
/// Besiroglu et al. 2024, "Chinchilla Scaling: A replication attempt".
inline constexpr ParametricLaw besiroglu{482.01, 2085.43, 1.8172, 0.3478, 0.3658};

/// N = 10^n_intercept · C^n_exponent and the same for D: fits of optima over budgets, without a loss.
struct PowerLawOptimum {
  double n_exponent = 0, n_intercept = 0, d_exponent = 0, d_intercept = 0;
};
/// Regressions over the tables of Hoffmann et al. 2022 (approach 1: table 3; approach 2: table A3), as Wu et
/// al. 2023 section 3.2 print them.
inline constexpr PowerLawOptimum chinchilla_approach_1{0.498, -1.004, 0.502, 0.229};
inline constexpr PowerLawOptimum chinchilla_approach_2{0.490, -0.839, 0.510, 0.062};

struct ComputeOptimum {
  double parameters = 0;
  double tokens = 0;
  double loss = 0;  ///< predicted; 0 where the law predicts none

  double tokens_per_parameter() const { return tokens / parameters; }
};

struct ComputeBudget {
  double compute_flops = 0;
  ParametricLaw law = besiroglu;
};

/// The size and data that reach the lowest predicted loss for a budget, in closed form: N =
/// G·(C/6)^(beta/(alpha+beta)), D = C/(6N) (Hoffmann et al. 2022, Eq. 4).
/// @throws InputError  for a budget that is not positive
inline ComputeOptimum chinchilla_optimal(const ComputeBudget& o) {
  detail::require_positive(o.compute_flops, "compute_flops");
  const double parameters = o.law.g() * std::pow(o.compute_flops / 6, o.law.size_exponent());
  const double tokens = o.compute_flops / 6 / parameters;
  return {parameters, tokens, o.law.loss(parameters, tokens)};
}

inline ComputeOptimum power_law_optimal(double compute_flops, const PowerLawOptimum& law) {
  detail::require_positive(compute_flops, "compute_flops");
  const double c = std::log10(compute_flops);
  return {std::pow(10.0, law.n_exponent * c + law.n_intercept),
          std::pow(10.0, law.d_exponent * c + law.d_intercept), 0};
}

/// The data with which a size is the compute-optimal one, the same optimum asked from its other side: where
/// alpha·A/N^alpha = beta·B/D^beta (from Hoffmann et al. 2022, Eq. 4).
/// @throws InputError  for a size that is not positive
inline ComputeOptimum chinchilla_optimal_data(double parameters, const ParametricLaw& law = besiroglu) {
  detail::require_positive(parameters, "parameters");
  const double tokens =
      std::pow(law.beta * law.b * std::pow(parameters, law.alpha) / (law.alpha * law.a), 1 / law.beta);
  return {parameters, tokens, law.loss(parameters, tokens)};
}

/// The same by a fit of optima over budgets: the budget whose optimal size it is, then its data.
inline ComputeOptimum power_law_optimal_data(double parameters, const PowerLawOptimum& law) {
  detail::require_positive(parameters, "parameters");
  const double c = (std::log10(parameters) - law.n_intercept) / law.n_exponent;  // log10 of the budget
  return {parameters, std::pow(10.0, law.d_exponent * c + law.d_intercept), 0};
}

/// The rule of thumb: D = 20·N, so N = √(C / 120).
inline ComputeOptimum tokens_per_parameter_optimal(double compute_flops, double tokens_per_parameter = 20) {
  detail::require_positive(compute_flops, "compute_flops");
  detail::require_positive(tokens_per_parameter, "tokens_per_parameter");
  const double parameters = std::sqrt(compute_flops / (6 * tokens_per_parameter));
  return {parameters, tokens_per_parameter * parameters, 0};
}

/// The tokens with which a size reaches a loss.
/// @throws InputError  for a loss that the size never reaches
inline double tokens_for_loss(const ParametricLaw& law, double parameters, double loss) {
  detail::require_positive(parameters, "parameters");
  const double rest = loss - law.e - law.a / std::pow(parameters, law.alpha);
  if (!(rest > 0))
    fail(InputError(concat("loss ", loss, " is out of reach for ", parameters, " parameters")));
  return std::pow(law.b / rest, 1 / law.beta);
}

/// What a size costs that is not the optimal one: its compute for the same loss, over the optimum's.
/// Above 1 for models too large (under-trained) and too small (over-trained) alike.
inline double compute_overhead(const ParametricLaw& law, double compute_flops, double parameters) {
  const ComputeOptimum optimum = chinchilla_optimal({compute_flops, law});
  return 6 * parameters * tokens_for_loss(law, parameters, optimum.loss) / compute_flops;
}

namespace detail {

/// The x in [low, high] at which a function with one minimum is least (golden section).
template <class F> double least(double low, double high, F f) {
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  double left = high - ratio * (high - low), right = low + ratio * (high - low);
  double at_left = f(left), at_right = f(right);
  for (int i = 0; i < 200 && high - low > 1e-12; ++i) {
    if (at_left < at_right) {
      high = right, right = left, at_right = at_left;
      left = high - ratio * (high - low), at_left = f(left);
    } else {
      low = left, left = right, at_left = at_right;
      right = low + ratio * (high - low), at_right = f(right);
    }
  }
  return (low + high) / 2;
}

}  // namespace detail

struct InferenceAwareOptions {
  double parameters = 0;                                ///< of the compute-optimal model whose loss is wanted
  double inference_tokens = 0;                          ///< over the model's life
  ParametricLaw law{406.4, 410.7, 1.69, 0.336, 0.283};  ///< Sardana & Frankle 2023
};

struct InferenceAwareOptimum {
  double loss = 0;
  double optimal_tokens = 0;  ///< with which the given size is compute-optimal
  double parameters = 0, training_tokens = 0;
  double total_flops = 0;     ///< training and inference of the size found
  double baseline_flops = 0;  ///< of the size given

  double saving() const { return 1 - total_flops / baseline_flops; }
};

/// The size that reaches the loss of a compute-optimal model with the least compute over its life: 6·N·D for
/// training and 2·N for each token answered (Sardana & Frankle 2023, "Beyond Chinchilla-Optimal", Eq. 2).
inline InferenceAwareOptimum inference_aware_optimal(const InferenceAwareOptions& o) {
  detail::require_positive(o.parameters, "parameters");
  detail::require_not_negative(o.inference_tokens, "inference_tokens");
  const ParametricLaw& law = o.law;
  InferenceAwareOptimum r;
  const ComputeOptimum given = chinchilla_optimal_data(o.parameters, law);
  r.optimal_tokens = given.tokens;
  r.loss = given.loss;
  const auto flops = [&](double parameters) {
    return parameters * (6 * tokens_for_loss(law, parameters, r.loss) + 2 * o.inference_tokens);
  };
  r.baseline_flops = flops(o.parameters);
  const double smallest = std::pow(law.a / (r.loss - law.e), 1 / law.alpha);  // with endless data
  r.parameters = std::exp(detail::least(std::log(smallest * 1.0001), std::log(o.parameters * 2),
                                        [&](double log_n) { return std::log(flops(std::exp(log_n))); }));
  r.training_tokens = tokens_for_loss(law, r.parameters, r.loss);
  r.total_flops = flops(r.parameters);
  return r;
}

/// Repeated data loses its value: Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", Eq. 5
/// and 6 with the constants of huggingface/datablations.
struct DataConstrainedLaw {
  ParametricLaw law{520.8249516599187, 1487.716093782861, 1.8691436784054858, 0.3526596, 0.3526596};
  double data_half_life = 15.387756;      ///< R_D*: repetitions after which new ones are worth 1/e
  double parameter_half_life = 5.309743;  ///< R_N*: the same for parameters beyond what the data can use

  /// Unique tokens that `unique` tokens seen `epochs` times are worth.
  double effective_tokens(double unique, double epochs) const {
    detail::require_positive(unique, "unique tokens");
    if (!(epochs >= 1)) fail(InputError(concat("epochs must be at least 1, is ", epochs)));
    return unique * (1 + data_half_life * (1 - std::exp(-(epochs - 1) / data_half_life)));
  }
  /// Predicted loss of N parameters on D tokens of which U are unique. Fewer than U tokens are all unique.
  double loss(double parameters, double tokens, double unique) const {
    detail::require_positive(parameters, "parameters");
    detail::require_positive(tokens, "tokens");
    detail::require_positive(unique, "unique tokens");
    const double seen = (std::min)(tokens, unique);
    const double usable = (std::min)(parameters, law.g() * std::pow(seen * law.g(), law.beta / law.alpha));
    const double excess = parameters / usable - 1;
    const double effective =
        usable * (1 + parameter_half_life * (1 - std::exp(-excess / parameter_half_life)));
    return law.loss(effective, effective_tokens(seen, tokens / seen));
  }
};

struct DataConstrainedOptimum {
  double parameters = 0, tokens = 0, epochs = 0, loss = 0;
};

/// The best split of a budget where only `unique_tokens` exist: more epochs or more parameters.
inline DataConstrainedOptimum data_constrained_optimal(double compute_flops, double unique_tokens,
                                                       const DataConstrainedLaw& law = {}) {
  detail::require_positive(compute_flops, "compute_flops");
  detail::require_positive(unique_tokens, "unique_tokens");
  const auto loss = [&](double log_tokens) {
    const double tokens = std::exp(log_tokens);
    return law.loss(compute_flops / 6 / tokens, tokens, unique_tokens);
  };
  // From one parameter's worth of data to one token's worth of parameters is far more than any answer.
  const double middle = std::log(compute_flops / 6) / 2;
  const double tokens = std::exp(detail::least(middle - 12, middle + 12, loss));
  return {compute_flops / 6 / tokens, tokens, (std::max)(1.0, tokens / unique_tokens),
          loss(std::log(tokens))};
}

/// Kaplan et al. 2020, section 1.2 and appendix A. N without embeddings, C in PF-days.
struct Kaplan {
  double n_c = 8.8e13, alpha_n = 0.076;  ///< L(N) = (N_c/N)^alpha_N
  double d_c = 5.4e13, alpha_d = 0.095;  ///< L(D)
  double c_c = 3.1e8, alpha_c = 0.050;   ///< L(C_min)
  double joint_n_c = 6.4e13, joint_alpha_n = 0.076, joint_d_c = 1.8e13, joint_alpha_d = 0.103;  ///< L(N, D)
  double b_star = 2.1e8, alpha_b = 0.21;  ///< B_crit(L), tokens

  double loss_of_size(double parameters) const { return power(n_c, parameters, alpha_n, "parameters"); }
  double loss_of_data(double tokens) const { return power(d_c, tokens, alpha_d, "tokens"); }
  double loss_of_compute(double pf_days) const { return power(c_c, pf_days, alpha_c, "pf_days"); }
  /// Eq. 1.5: [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D
  double loss(double parameters, double tokens) const {
    return std::pow(power(joint_n_c, parameters, joint_alpha_n / joint_alpha_d, "parameters") +
                        power(joint_d_c, tokens, 1, "tokens"),
                    joint_alpha_d);
  }
  /// Table 6: N = 1.3e9·C^0.73, D = 2e10·C^0.27.
  double optimal_parameters(double pf_days) const { return 1.3e9 * power(pf_days, 1, 0.73, "one"); }
  double optimal_tokens(double pf_days) const { return 2e10 * power(pf_days, 1, 0.27, "one"); }
  /// The budget in PF-days whose optimal size has so many parameters.
  double budget_of_size(double parameters) const {
    detail::require_positive(parameters, "parameters");
    return std::pow(parameters / 1.3e9, 1 / 0.73);
  }
  /// Tokens of the batch beyond which more parallelism stops to pay: B*/L^(1/alpha_B).
  double critical_batch_tokens(double loss) const { return b_star / power(loss, 1, 1 / alpha_b, "one"); }

 private:
  static double power(double constant, double x, double exponent, const char* what) {
    detail::require_positive(constant, "loss or pf_days");
    detail::require_positive(x, what);
    return std::pow(constant / x, exponent);
  }
};

/// y = 10^log10_constant · x^exponent.
struct PowerFit {
  double exponent = 0, log10_constant = 0;

  double operator()(double x) const { return std::pow(10.0, exponent * std::log10(x) + log10_constant); }
};
struct PowerPoint {
  double x = 0, y = 0;
};

/// The power law through points, by least squares of their logarithms: how approaches 1 and 2 of Hoffmann et
/// al. 2022 turn optima over budgets into a rule.
/// @throws InputError  for fewer than two different x, and for numbers that are not positive
inline PowerFit fit_power(const std::vector<PowerPoint>& points) {
  double n = 0, x = 0, y = 0;
  for (const PowerPoint& p : points) {
    detail::require_positive(p.x, "x");
    detail::require_positive(p.y, "y");
    n += 1, x += std::log10(p.x), y += std::log10(p.y);
  }
  double xx = 0, xy = 0;
  for (const PowerPoint& p : points) {
    const double dx = std::log10(p.x) - x / n;
    xx += dx * dx, xy += dx * (std::log10(p.y) - y / n);
  }
  if (!(xx > 0)) fail(InputError("a power law needs points at two different x at least"));
  return {xy / xx, y / n - xy / xx * x / n};
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
