// How large a model and how much text a compute budget buys, how much text a model wants, by each scaling
// law, what departing from it costs, and what the training costs in time and money.
//
//   scaling --parameters 1.3B
//   scaling --parameters 1.3B --devices 8 --device A100-80GB --price 2.5
//   scaling --flops 5.76e23
//   scaling --parameters 7B --inference-tokens 1T
//   scaling --flops 1e22 --unique-tokens 25B
//   scaling --flops 5.76e23 --svg loss.svg
//   scaling --fit runs.csv                 columns parameters, tokens, loss
#include "chart.hpp"
#include "planning.hpp"
#include <eigenformer/plan/fit.hpp>

#include <cstdio>

namespace {

struct Options {
  double flops = 0, parameters = 0, inference_tokens = 0, unique_tokens = 0, utilisation = 0.4, price = 0;
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

/// Heads the tables: what they are of, and what their columns are.
void title(const Options& o, const std::string& what) {
  if (o.json) return;
  std::printf("\n%s, C = 6·N·D\n", what.c_str());
  std::printf("  %-40s %9s %9s %8s %8s\n", "law", "params", "tokens", "D/N", "loss");
}

/// By each law, the optimum that `named` finds with a parametric law, `powers` with a fit of optima.
struct NamedOptimum {
  const char* name;
  plan::ComputeOptimum optimum;
};

std::vector<NamedOptimum> optima_of_budget(double flops) {
  std::vector<NamedOptimum> all;
  for (const NamedLaw& law : laws) all.push_back({law.name, plan::chinchilla_optimal({flops, law.law})});
  all.push_back({"Hoffmann et al. approach 1", plan::power_law_optimal(flops, plan::chinchilla_approach_1)});
  all.push_back({"Hoffmann et al. approach 2", plan::power_law_optimal(flops, plan::chinchilla_approach_2)});
  all.push_back({"twenty tokens a parameter", plan::tokens_per_parameter_optimal(flops)});
  const double pf_days = flops / plan::flops_per_pf_day;
  const plan::Kaplan kaplan;
  all.push_back({"Kaplan et al. 2020 (no embeddings in N)",
                 {kaplan.optimal_parameters(pf_days), kaplan.optimal_tokens(pf_days),
                  kaplan.loss_of_compute(pf_days)}});
  return all;
}

std::vector<NamedOptimum> optima_of_size(double parameters) {
  std::vector<NamedOptimum> all;
  for (const NamedLaw& law : laws)
    all.push_back({law.name, plan::chinchilla_optimal_data(parameters, law.law)});
  all.push_back(
      {"Hoffmann et al. approach 1", plan::power_law_optimal_data(parameters, plan::chinchilla_approach_1)});
  all.push_back(
      {"Hoffmann et al. approach 2", plan::power_law_optimal_data(parameters, plan::chinchilla_approach_2)});
  all.push_back({"twenty tokens a parameter", {parameters, 20 * parameters, 0}});
  const plan::Kaplan kaplan;
  const double pf_days = kaplan.budget_of_size(parameters);
  all.push_back({"Kaplan et al. 2020 (no embeddings in N)",
                 {parameters, kaplan.optimal_tokens(pf_days), kaplan.loss_of_compute(pf_days)}});
  return all;
}

/// The answer in one line: the rule of thumb, and how far the laws of Hoffmann et al. and Besiroglu et al.
/// (the first five) depart from it.
std::string answer_of(const Options& o, const std::vector<NamedOptimum>& all) {
  const auto text = [](double count) { return plan::short_count_text(count); };
  const plan::ComputeOptimum& rule = all[5].optimum;
  const auto span = [&](double plan::ComputeOptimum::*field) {
    double low = all[0].optimum.*field, high = low;
    for (std::size_t i = 1; i < 5; ++i)
      low = (std::min)(low, all[i].optimum.*field), high = (std::max)(high, all[i].optimum.*field);
    return ef::concat(text(low), " to ", text(high));
  };
  if (o.flops > 0)
    return ef::concat(plan::detail::scaled(o.flops, "%.3g", 1.0), " FLOPs buy about ", text(rule.parameters),
                      " parameters on ", text(rule.tokens),
                      " tokens (twenty tokens a parameter; the laws say ",
                      span(&plan::ComputeOptimum::parameters), " parameters)");
  return ef::concat(text(rule.parameters), " parameters want about ", text(rule.tokens),
                    " tokens (twenty a parameter; the laws say ", span(&plan::ComputeOptimum::tokens),
                    "): ", plan::detail::scaled(6 * rule.parameters * rule.tokens, "%.3g", 1.0), " FLOPs");
}

/// How long devices take for so many FLOPs, and what they cost.
void time_and_cost(const Options& o, double flops, Json& out) {
  if (o.devices == 0 && o.price == 0) return;
  const plan::Device& d = device_named(o.device);
  const ef::Index devices = (std::max)(o.devices, ef::Index{1});
  const plan::TrainingTime t = time_on(d, devices, o.utilisation, flops);
  out["time"] = {{"device", d.name},
                 {"devices", devices},
                 {"model_flops_utilisation", o.utilisation},
                 {"seconds", t.seconds},
                 {"device_hours", t.device_hours},
                 {"kilowatt_hours", energy_json(d, t)}};
  if (o.price > 0) out["time"]["cost"] = t.cost(o.price);
  if (o.json) return;
  std::printf(
      "training takes %s on %td × %s at %g of their peak: %s device hours, %s%s\n",
      plan::seconds_text(t.seconds).c_str(), devices, std::string(d.name).c_str(), o.utilisation,
      small_or_large(t.device_hours).c_str(), energy_text(out["time"]["kilowatt_hours"]).c_str(),
      o.price > 0
          ? ef::concat("; it costs ", money_text(t.cost(o.price)), " at ", o.price, " a device hour").c_str()
          : "");
}

/// How much text a size wants.
void size(const Options& o, Json& out) {
  const std::vector<NamedOptimum> all = optima_of_size(o.parameters);
  const plan::ComputeOptimum& rule = all[5].optimum;
  out["parameters"] = o.parameters;
  out["tokens"] = rule.tokens;
  out["compute_flops"] = 6 * rule.parameters * rule.tokens;
  if (!o.json) std::printf("%s\n", answer_of(o, all).c_str());
  time_and_cost(o, 6 * rule.parameters * rule.tokens, out);
  title(o, ef::concat("the data of ", plan::count_text(o.parameters),
                      " parameters, as the compute-optimal model"));
  Json& optima = out["optima"] = Json::array();
  for (const NamedOptimum& named : all) report(optima, o.json, named.name, named.optimum);
}

void budget(const Options& o, Json& out) {
  out["compute_flops"] = o.flops;
  const std::vector<NamedOptimum> all = optima_of_budget(o.flops);
  if (!o.json) std::printf("%s\n", answer_of(o, all).c_str());
  time_and_cost(o, o.flops, out);
  title(o, ef::concat("compute-optimal for ", plan::detail::scaled(o.flops, "%.3g", 1.0), " FLOPs (",
                      plan::detail::scaled(o.flops, "%.4g", plan::flops_per_pf_day), " PF-days)"));
  Json& optima = out["optima"] = Json::array();
  for (const NamedOptimum& named : all) report(optima, o.json, named.name, named.optimum);

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
      "to answer %s tokens with the loss of a compute-optimal model of %s parameters, train %s parameters on "
      "%s "
      "tokens: %.3g FLOPs in all, %.1f%% less (loss %.4f; Sardana & Frankle 2023)\n",
      plan::short_count_text(o.inference_tokens).c_str(), plan::short_count_text(o.parameters).c_str(),
      plan::short_count_text(r.parameters).c_str(), plan::short_count_text(r.training_tokens).c_str(),
      r.total_flops, (std::max)(0.0, r.saving()) * 100, r.loss);
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
void check(const CLI::App& app, const Options& o) {
  const bool size_alone = o.parameters > 0 && o.inference_tokens == 0;
  require(!(o.flops > 0 && size_alone),
          "give one of --flops and --parameters: either the compute or the size is known");
  require_with(app, "--inference-tokens", "--parameters",
               "it is how much a model of that size will answer over its life");
  for (const char* option : {"--unique-tokens", "--svg"})
    require_with(app, option, "--flops", "it departs from the optimum of a compute budget");
  for (const char* option : {"--devices", "--price"})
    require(app.count(option) == 0 || o.flops > 0 || size_alone,
            ef::concat(option, " requires --flops, or --parameters alone: they say how long training takes"));
  for (const char* option : {"--device", "--utilisation"})
    require(app.count(option) == 0 || o.devices > 0 || o.price > 0,
            ef::concat(option, " requires --devices or --price: they ask for the time of training"));
  require(o.flops > 0 || o.parameters > 0 || !o.runs.empty(),
          "give --flops with a compute budget, --parameters with the size of a model, or --fit with runs of "
          "your own");
  device_named(o.device);
  if (o.unique_tokens == 0) return;
  const double epochs = plan::data_constrained_optimal(o.flops, o.unique_tokens).epochs;
  require(epochs <= 1000,
          ef::concat("--unique-tokens ", plan::short_count_text(o.unique_tokens), " are too few for ",
                     plan::detail::scaled(o.flops, "%.3g", 1.0),
                     " FLOPs: they would be repeated more than 1,000 times, where no law is known"));
}

void run(const CLI::App& app, const Options& o) {
  check(app, o);
  plan::Fit fit;
  if (!o.runs.empty()) fit = plan::fit_law(plan::read_runs(o.runs), {.bootstrap_samples = 200});
  if (!o.svg.empty()) draw(o);
  Json out = Json::object();
  if (o.flops > 0) budget(o, out);
  if (o.parameters > 0 && o.inference_tokens == 0) size(o, out);
  if (o.inference_tokens > 0) inference(o, out);
  if (!o.runs.empty()) report_fit(o, fit, out);
  if (o.json) print_json(out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Scaling laws: size and data for a compute budget, and tokens for a size");
  Options o;
  app.add_option_function<std::string>(
         "--flops",
         [&o](const std::string& text) {
           o.flops = plan::read_amount(text, "--flops", {-1e300, 1e300});
           require(o.flops >= 1e15 && o.flops <= 1e30,
                   ef::concat(
                       "--flops must lie between 1e15 and 1e30, is ", ef::printable(text),
                       ": the laws say nothing about smaller and larger budgets; a day of one GPU is about "
                       "1e19"));
         },
         "the compute budget in FLOPs: 1e22")
      ->type_name("NUMBER");
  // Of smaller models the laws predict losses beyond those of guessing.
  add_amount(app, "--parameters", o.parameters, {1e6, 1e15},
             "the size of a model: how many tokens does it want? 1.3B");
  add_amount(
      app, "--inference-tokens", o.inference_tokens, text_range,
      "that a model with the loss of the compute-optimal one of --parameters will answer over its life");
  add_amount(app, "--unique-tokens", o.unique_tokens, text_range,
             "of text that exist: how often may they be repeated?");
  add_count(app, "--devices", o.devices, devices_range, "how long do so many devices train?");
  app.add_option("--device", o.device,
                 "what they are: A100-80GB (the default), RTX4090, ...; `catalog --devices` lists them");
  add_utilisation(app, o.utilisation);
  add_amount(app, "--price", o.price, price_range, "of one device for an hour: what does the training cost?");
  app.add_option("--fit", o.runs,
                 "fit a law to your own runs: a CSV file with columns parameters, tokens, loss");
  app.add_option("--svg", o.svg, "draw loss over compute into this file");
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(app, o); });
}
