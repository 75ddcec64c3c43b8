// How large a model and how much text a compute budget buys, by each scaling law, and what departing from it
// costs.
//
//   scaling --flops 5.76e23
//   scaling --parameters 7e9 --inference-tokens 1e12
//   scaling --flops 1e22 --unique-tokens 25e9
//   scaling --flops 5.76e23 --svg loss.svg
//   scaling --fit runs.csv                 columns parameters, tokens, loss
#include "chart.hpp"
#include "common.hpp"
#include "planning.hpp"
#include <eigenformer/plan/fit.hpp>

#include <cstdio>

namespace {

struct Options {
  double flops = 0, parameters = 0, inference_tokens = 0, unique_tokens = 0, utilisation = 0.4;
  ef::Index devices = 0;
  std::string device = "A100-80GB", svg, runs;
  bool json = false;
};

struct NamedLaw {
  const char* name;
  plan::ParametricLaw law;
};
const NamedLaw laws[] = {{"Besiroglu et al. 2024", plan::besiroglu},
                         {"Hoffmann et al. approach 3, unrounded", plan::chinchilla_unrounded},
                         {"Hoffmann et al. approach 3, as printed", plan::chinchilla_printed}};

void report(Json& out, bool json, const char* name, const plan::ComputeOptimum& o) {
  out.push_back({{"law", name},
                 {"parameters", o.parameters},
                 {"tokens", o.tokens},
                 {"tokens_per_parameter", o.tokens_per_parameter()},
                 {"loss", o.loss > 0 ? Json(o.loss) : Json(nullptr)}});
  if (json) return;
  std::printf("  %-40s %9s %9s %8.1f", name, plan::count_text(o.parameters).c_str(),
              plan::count_text(o.tokens).c_str(), o.tokens_per_parameter());
  if (o.loss > 0)
    std::printf(" %8.4f\n", o.loss);
  else
    std::printf(" %8s\n", "-");
}

void budget(const Options& o, Json& out) {
  out["compute_flops"] = o.flops;
  if (!o.json) {
    std::printf("compute-optimal for %.3g FLOPs (%.4g PF-days), C = 6·N·D\n", o.flops,
                o.flops / plan::flops_per_pf_day);
    std::printf("  %-40s %9s %9s %8s %8s\n", "law", "params", "tokens", "D/N", "loss");
  }
  Json& optima = out["optima"] = Json::array();
  for (const NamedLaw& law : laws)
    report(optima, o.json, law.name, plan::chinchilla_optimal({o.flops, law.law}));
  report(optima, o.json, "Hoffmann et al. approach 1",
         plan::power_law_optimal(o.flops, plan::chinchilla_approach_1));
  report(optima, o.json, "Hoffmann et al. approach 2",
         plan::power_law_optimal(o.flops, plan::chinchilla_approach_2));
  report(optima, o.json, "twenty tokens a parameter", plan::tokens_per_parameter_optimal(o.flops));
  const double pf_days = o.flops / plan::flops_per_pf_day;
  const plan::Kaplan kaplan;
  report(
      optima, o.json, "Kaplan et al. 2020 (no embeddings in N)",
      {kaplan.optimal_parameters(pf_days), kaplan.optimal_tokens(pf_days), kaplan.loss_of_compute(pf_days)});

  const double best = plan::chinchilla_optimal({o.flops}).parameters;
  Json& costs = out["departures"] = Json::array();
  if (!o.json) std::printf("compute for the same loss with another size (Besiroglu et al.)\n");
  for (const double factor : {0.25, 0.5, 2.0, 4.0}) {
    const double overhead = plan::compute_overhead(plan::besiroglu, o.flops, best * factor);
    costs.push_back({{"parameters", best * factor}, {"compute_overhead", overhead}});
    if (!o.json)
      std::printf("  %s parameters, %g times the optimum: %+.1f%%\n", plan::count_text(best * factor).c_str(),
                  factor, (overhead - 1) * 100);
  }
  if (o.unique_tokens > 0) {
    const auto r = plan::data_constrained_optimal(o.flops, o.unique_tokens);
    out["repeated_data"] = {{"unique_tokens", o.unique_tokens},
                            {"parameters", r.parameters},
                            {"tokens", r.tokens},
                            {"epochs", r.epochs},
                            {"loss", r.loss}};
    if (!o.json)
      std::printf(
          "with %s unique tokens (Muennighoff et al. 2023): %s parameters, %s tokens, %.1f epochs, loss "
          "%.4f\n",
          plan::count_text(o.unique_tokens).c_str(), plan::count_text(r.parameters).c_str(),
          plan::count_text(r.tokens).c_str(), r.epochs, r.loss);
  }
  if (o.devices > 0) {
    const plan::Device& d = plan::device(o.device);
    const plan::TrainingTime t = time_on(d, o.devices, o.utilisation, o.flops);
    out["time"] = {
        {"device", d.name},     {"devices", o.devices},           {"model_flops_utilisation", o.utilisation},
        {"seconds", t.seconds}, {"device_hours", t.device_hours}, {"kilowatt_hours", energy_json(d, t)}};
    if (!o.json)
      std::printf("%td × %s at %g of their peak: %s, %s device hours, %s\n", o.devices, o.device.c_str(),
                  o.utilisation, plan::seconds_text(t.seconds).c_str(),
                  plan::count_text(t.device_hours).c_str(),
                  energy_text(out["time"]["kilowatt_hours"]).c_str());
  }
}

void inference(const Options& o, Json& out) {
  const auto r =
      plan::inference_aware_optimal({.parameters = o.parameters, .inference_tokens = o.inference_tokens});
  out["inference_aware"] = {{"loss", r.loss},
                            {"parameters", r.parameters},
                            {"training_tokens", r.training_tokens},
                            {"total_flops", r.total_flops},
                            {"baseline_flops", r.baseline_flops},
                            {"saving", r.saving()}};
  if (o.json) return;
  std::printf(
      "to answer %s tokens with the loss of a compute-optimal %s model (%.4f; Sardana & Frankle 2023)\n",
      plan::count_text(o.inference_tokens).c_str(), plan::count_text(o.parameters).c_str(), r.loss);
  std::printf("  train %s parameters on %s tokens: %.3g FLOPs in all, %.1f%% less\n",
              plan::count_text(r.parameters).c_str(), plan::count_text(r.training_tokens).c_str(),
              r.total_flops, r.saving() * 100);
}

void report_fit(const Options& o, const plan::Fit& fit, Json& out) {
  const auto constant = [&](const char* name, double value, const plan::Interval& interval) {
    out["fit"][name] = {{"value", value}, {"low", interval.low}, {"high", interval.high}};
    if (!o.json) std::printf("  %-6s %10.4f  (%.4f to %.4f)\n", name, value, interval.low, interval.high);
  };
  if (!o.json)
    std::printf("L = E + A/N^alpha + B/D^beta fitted to %s, with 95%% bootstrap intervals\n", o.runs.c_str());
  constant("E", fit.law.e, fit.e);
  constant("A", fit.law.a, fit.a);
  constant("B", fit.law.b, fit.b);
  constant("alpha", fit.law.alpha, fit.alpha);
  constant("beta", fit.law.beta, fit.beta);
  constant("a", fit.law.size_exponent(), fit.size_exponent);
  if (o.flops > 0) {
    if (!o.json) std::printf("optimum of the fitted law\n");
    report(out["fitted_optima"] = Json::array(), o.json, "fitted",
           plan::chinchilla_optimal({o.flops, fit.law}));
  }
}

/// Loss over compute for some sizes, and the frontier that they touch.
void draw(const Options& o) {
  Chart chart{.title = "Predicted loss over training compute (Besiroglu et al. 2024)",
              .x_label = "training compute (FLOPs)",
              .y_label = "loss (nats per token)",
              .legend = "parameters",
              .log_y = false};
  const double low = o.flops / 1e4, high = o.flops * 10;
  for (double factor = 1.0 / 64; factor < 8; factor *= 4) {
    const double n = plan::chinchilla_optimal({o.flops}).parameters * factor;
    Series line{.name = plan::count_text(n)};
    for (double c = low; c <= high * 1.001; c *= std::pow(10.0, 0.1)) {
      const double loss = plan::besiroglu.loss(n, c / 6 / n);
      if (loss < 1.35 * plan::chinchilla_optimal({low}).loss) line.points.push_back({c, loss});
    }
    chart.series.push_back(line);
  }
  Series frontier{.name = "compute-optimal", .dashed = true};  // the frontier that no size goes below
  for (double c = low; c <= high * 1.001; c *= std::pow(10.0, 0.1))
    frontier.points.push_back({c, plan::chinchilla_optimal({c}).loss});
  chart.series.push_back(frontier);
  write_svg(o.svg, chart);
}

/// Refuses what would be passed over, before anything is printed.
void check(const Options& o) {
  for (const auto& [value, name] : {std::pair(o.flops, "--flops"),
                                    {o.parameters, "--parameters"},
                                    {o.inference_tokens, "--inference-tokens"},
                                    {o.unique_tokens, "--unique-tokens"},
                                    {static_cast<double>(o.devices), "--devices"}})
    require(value >= 0 && std::isfinite(value), ef::concat(name, " must be positive, is ", value));
  require_share(o.utilisation, "--utilisation");
  plan::device(o.device);
  require((o.parameters > 0) == (o.inference_tokens > 0),
          "--parameters and --inference-tokens belong together");
  require(o.flops > 0 || o.parameters > 0 || !o.runs.empty(),
          "give --flops, --fit, or --parameters with --inference-tokens");
}

void run(const Options& o) {
  check(o);
  plan::Fit fit;
  if (!o.runs.empty()) fit = plan::fit_law(plan::read_runs(o.runs), {.bootstrap_samples = 200});
  if (!o.svg.empty()) draw(o);
  Json out = Json::object();
  if (o.flops > 0) budget(o, out);
  if (o.parameters > 0) inference(o, out);
  if (!o.runs.empty()) report_fit(o, fit, out);
  if (o.json) example::print(out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Scaling laws: size and data for a compute budget");
  Options o;
  auto* const flops =
      app.add_option("--flops", o.flops, "the compute budget in FLOPs")->check(CLI::PositiveNumber);
  app.add_option("--parameters", o.parameters, "of a compute-optimal model whose loss is wanted");
  app.add_option("--inference-tokens", o.inference_tokens, "that the model will answer over its life");
  app.add_option("--unique-tokens", o.unique_tokens, "of text that exist")->needs(flops);
  auto* const devices =
      app.add_option("--devices", o.devices, "print the training time of a cluster")->needs(flops);
  app.add_option("--device", o.device, "its devices: A100-80GB, ...; catalog --devices lists them")
      ->needs(devices);
  app.add_option("--utilisation", o.utilisation, "model FLOPs over their peak")->needs(devices);
  app.add_option("--fit", o.runs, "a CSV file of your own runs: parameters, tokens, loss");
  app.add_option("--svg", o.svg, "draw loss over compute into this file")->needs(flops);
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(o); });
}
