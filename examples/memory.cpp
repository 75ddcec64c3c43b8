// How much memory a model takes: to answer, to train, and on how many devices.
//
//   memory llama-2-7b
//   memory --parameters 7500000000 --devices 64 --zero 3
//   memory llama-65b --device-memory-gb 80 --batch 512 --svg memory.svg
#include "chart.hpp"
#include "common.hpp"
#include <eigenformer/plan.hpp>

#include <cstdio>

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using Json = nlohmann::json;

namespace {

struct Options {
  std::string model, precision = "mixed-adam-fp16-grads", svg;
  ef::Index parameters = 0, tokens = 0, sequences = 1, devices = 1, batch = 0;
  int zero = 0;
  double device_memory_gb = 0;
  bool json = false;
};

const char* const weight_formats[] = {"F32", "BF16", "Q8_0", "Q6_K", "Q4_K", "Q4_0", "INT8", "INT4"};

void row(const std::string& what, double bytes) {
  std::printf("  %-34s %s\n", what.c_str(), plan::bytes_text(bytes).c_str());
}

Json training_json(const plan::TrainingMemory& m) {
  return {{"weight_bytes", m.weight_bytes},
          {"gradient_bytes", m.gradient_bytes},
          {"optimizer_bytes", m.optimizer_bytes},
          {"activation_bytes", m.activation_bytes},
          {"total_bytes", m.total_bytes()}};
}

void print_training(const plan::TrainingMemory& m) {
  row("weights", m.weight_bytes);
  row("gradients", m.gradient_bytes);
  row("optimiser", m.optimizer_bytes);
  if (m.activation_bytes > 0) row("activations and temporary", m.activation_bytes);
  row("together", m.total_bytes());
}

/// Memory of one device over the number of devices, for each stage.
void draw(const Options& o, ef::Index parameters, double activations) {
  Chart chart{.title = "Memory per device: " +
                       (o.model.empty() ? plan::count_text(static_cast<double>(parameters)) : o.model) +
                       ", " + o.precision,
              .x_label = "devices",
              .y_label = "bytes per device (GB)"};
  for (int stage = 0; stage <= 3; ++stage) {
    Series line{.name = stage == 0 ? "DDP" : "ZeRO-" + std::to_string(stage)};
    for (ef::Index devices = 1; devices <= 1024; devices *= 2)
      line.points.push_back({static_cast<double>(devices),
                             plan::training_memory({.parameters = parameters,
                                                    .precision = plan::training_precision(o.precision),
                                                    .zero_stage = stage,
                                                    .devices = devices,
                                                    .activation_bytes = activations})
                                     .total_bytes() /
                                 plan::gigabyte});
    chart.series.push_back(line);
  }
  if (o.device_memory_gb > 0)
    chart.series.push_back(
        {.name = "device", .points = {{1, o.device_memory_gb}, {1024, o.device_memory_gb}}, .dashed = true});
  write_svg(o.svg, chart);
}

void run(const Options& o) {
  if (o.model.empty() == (o.parameters == 0))
    ef::fail(ef::InputError("give either a model of the catalog or --parameters"));
  const plan::CatalogEntry* const entry = o.model.empty() ? nullptr : &plan::published(o.model);
  const ef::Index parameters = entry ? plan::parameters_of(*entry) : o.parameters;
  const plan::TrainingPrecision& precision = plan::training_precision(o.precision);
  plan::TrainingMemoryOptions training{
      .parameters = parameters, .precision = precision, .zero_stage = o.zero, .devices = o.devices};
  plan::training_memory(training);  // refuses wrong options before anything is printed
  Json out = {{"parameters", parameters}};
  if (!o.json) std::printf("%s parameters\n\nweights\n", plan::grouped(parameters).c_str());
  for (const char* name : weight_formats) {
    const double bytes = plan::weight_bytes(parameters, plan::storage_format(name));
    out["weight_bytes"][name] = bytes;
    if (!o.json) row(name, bytes);
  }
  double activations = 0;
  if (entry) {
    const ef::Index tokens = o.tokens ? o.tokens : entry->context_tokens();
    const plan::InferenceMemory m = plan::inference_memory(
        {.config = entry->config, .tokens = tokens, .sequences = o.sequences, .rows = o.sequences});
    activations = plan::activation_bytes({.config = entry->config,
                                          .tokens = tokens,
                                          .micro_batch = o.sequences,
                                          .recompute = plan::Recompute::selective});
    out["inference"] = {{"tokens", tokens},
                        {"sequences", o.sequences},
                        {"format", "F16"},
                        {"weight_bytes", m.weight_bytes},
                        {"cache_bytes", m.cache_bytes},
                        {"activation_bytes", m.activation_bytes},
                        {"total_bytes", m.total_bytes()}};
    if (!o.json) {
      std::printf("\ninference in F16, %td sequence(s) of %td tokens\n", o.sequences, tokens);
      row("weights", m.weight_bytes);
      row("key/value cache", m.cache_bytes);
      row("activations of a decode step", m.activation_bytes);
      row("together", m.total_bytes());
    }
  }
  if (precision.activations_and_temporary == 0) training.activation_bytes = activations;
  const plan::TrainingMemory m = plan::training_memory(training);
  out["training"] = training_json(m);
  out["training"]["convention"] = precision.name;
  out["training"]["zero_stage"] = o.zero;
  out["training"]["devices"] = o.devices;
  if (!o.json) {
    std::printf("\ntraining, one of %td device(s), ZeRO stage %d, %s (%g bytes a parameter: %s)\n", o.devices,
                o.zero, o.precision.c_str(), precision.total(), std::string(precision.source).c_str());
    print_training(m);
    if (activations > 0 && precision.activations_and_temporary == 0)
      std::printf("  (activations: %td sequence(s) at once, scores recomputed)\n", o.sequences);
  }
  if (o.device_memory_gb > 0 && entry) {
    const plan::TrainingJob job{.config = entry->config,
                                .precision = precision,
                                .tokens = o.tokens,
                                .sequences = o.batch ? o.batch : (std::max)(o.devices, ef::Index{1}),
                                .micro_batch = o.sequences};
    const plan::Cluster cluster{.devices = o.devices, .memory_bytes = o.device_memory_gb * plan::gigabyte};
    const plan::StrategyChoice choice =
        o.devices > 1 ? plan::best_strategy(job, cluster) : plan::fewest_devices(job, cluster);
    out["strategy"] = {{"devices", choice.cost.strategy.devices()},
                       {"text", plan::strategy_text(choice.cost.strategy)},
                       {"memory", training_json(choice.cost.memory)},
                       {"communication_bytes", choice.cost.communication_bytes()},
                       {"bubble_share", choice.cost.bubble_share},
                       {"reason", choice.reason}};
    if (!o.json) {
      std::printf("\n%s %td devices of %g GB: %s\n",
                  o.devices > 1 ? "best on" : "fewest:", choice.cost.strategy.devices(), o.device_memory_gb,
                  plan::strategy_text(choice.cost.strategy).c_str());
      print_training(choice.cost.memory);
      std::printf("  %s\n", choice.reason.c_str());
    }
  }
  if (!o.svg.empty()) draw(o, parameters, activations);
  if (o.json) example::print(out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Memory of weights, inference and training");
  Options o;
  app.add_option("model", o.model, "a model of the catalog");
  app.add_option("--parameters", o.parameters, "a number of parameters instead");
  app.add_option("--tokens", o.tokens, "of one sequence; the model's window where absent");
  app.add_option("--sequences", o.sequences, "computed at once on one device");
  app.add_option("--batch", o.batch, "sequences of a whole training step");
  app.add_option("--devices", o.devices, "of data parallelism");
  app.add_option("--zero", o.zero, "ZeRO stage 0 to 3");
  app.add_option("--precision", o.precision,
                 "convention of training memory: fp32-adam, fp32-adam-table, mixed-adam-fp16-grads, "
                 "mixed-adam-fp32-grads, ...");
  app.add_option("--device-memory-gb", o.device_memory_gb,
                 "search a strategy for devices with this memory (10^9 bytes)");
  app.add_option("--svg", o.svg, "draw memory over the number of devices into this file");
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(o); });
}
