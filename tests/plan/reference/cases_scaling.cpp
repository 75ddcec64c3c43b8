#include "plan/reference/cases.hpp"

namespace cases {

namespace {

plan::ParametricLaw law_of(const Json& in) {
  return {in.value("A", 1.0), in.value("B", 1.0), in.value("E", 0.0), real(in, "alpha"), real(in, "beta")};
}

plan::DataConstrainedLaw repeated(const Json& in) {
  return {{std::exp(real(in, "log_A")), std::exp(real(in, "log_B")), std::exp(real(in, "log_E")),
           real(in, "alpha"), real(in, "beta")},
          real(in, "R_D_star"),
          real(in, "R_N_star")};
}

Json optimum(const plan::ComputeOptimum& o) {
  return {{"N", o.parameters}, {"D", o.tokens}, {"tokens_per_param", o.tokens_per_parameter()}};
}

Json kaplan(const std::string& name, const Json& in) {
  plan::Kaplan k;
  if (has(name, "kaplan-L-ND")) return k.loss(real(in, "N"), real(in, "D"));
  if (has(name, "kaplan-L-N-")) return k.loss_of_size(real(in, "N"));
  if (has(name, "kaplan-L-D-")) return k.loss_of_data(real(in, "D"));
  if (has(name, "kaplan-L-C-")) return k.loss_of_compute(real(in, "C_pf_days"));
  if (has(name, "kaplan-Nopt")) return k.optimal_parameters(real(in, "C_pf_days"));
  if (has(name, "kaplan-Dopt")) return k.optimal_tokens(real(in, "C_pf_days"));
  if (has(name, "kaplan-batch")) return k.critical_batch_tokens(real(in, "loss"));
  return nullptr;
}

}  // namespace

Json scaling(const std::string& name, const Json& in) {
  if (has(name, "regress-")) {
    std::vector<plan::PowerPoint> points;
    for (const Json& p : in.at("points")) points.push_back({p[0].get<double>(), p[1].get<double>()});
    const plan::PowerFit fit = plan::fit_power(points);
    return {{"slope", fit.exponent}, {"intercept", fit.log10_constant}};
  }
  if (has(name, "consistency")) return plan::dense_flops(real(in, "params"), real(in, "tokens"));
  if (has(name, "scaling/loss-")) return law_of(in).loss(real(in, "N"), real(in, "D"));
  if (has(name, "scaling/optimum-")) return optimum(plan::chinchilla_optimal({real(in, "C"), law_of(in)}));
  if (has(name, "exponent-a")) return law_of(in).size_exponent();
  if (has(name, "epoch-ratio")) {
    const double n = law_of(in).g() * std::pow(real(in, "C") / 6, real(in, "a"));
    return real(in, "C") / 6 / n / n;
  }
  if (has(name, "20x-from-compute"))
    return optimum(plan::tokens_per_parameter_optimal(real(in, "C"), real(in, "tokens_per_param")));
  if (has(name, "kaplan")) return kaplan(name, in);
  if (has(name, "data-constrained-optimum")) {
    const auto o = plan::data_constrained_optimal(real(in, "C"), real(in, "U"), repeated(in));
    return {{"tokens", o.tokens}, {"epochs", o.epochs}, {"params", o.parameters}};
  }
  if (has(name, "data-constrained")) return repeated(in).loss(real(in, "N"), real(in, "D"), real(in, "U"));
  if (has(name, "effective-data"))
    return plan::DataConstrainedLaw{}.effective_tokens(real(in, "unique"), real(in, "epochs"));
  if (has(name, "inference-aware")) {
    const auto o = plan::inference_aware_optimal(
        {.parameters = real(in, "N0"), .inference_tokens = real(in, "inference_tokens"), .law = law_of(in)});
    return {{"loss", o.loss},
            {"N0_tokens", o.optimal_tokens},
            {"N", o.parameters},
            {"D_train", o.training_tokens},
            {"total_flops", o.total_flops},
            {"baseline_flops", o.baseline_flops},
            {"saving", o.saving()}};
  }
  return nullptr;
}

}  // namespace cases
