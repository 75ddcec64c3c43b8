// How much memory a model takes: to answer, to train, and on how many devices.
//
//   memory llama-2-7b
//   memory --parameters 7500000000 --devices 64 --zero 3
//   memory --config ~/models/llama/config.json --tokens 4096
//   memory llama-2-7b --lora-rank 16 --base NF4
//   memory llama-65b --devices 64 --zero 3 --shard-devices 8
//   memory llama-65b --devices 64 --offload weights
//   memory llama-65b --device-memory-gb 80 --batch 512 --svg memory.svg
#include "chart.hpp"
#include "common.hpp"
#include <eigenformer/hub/config.hpp>
#include <eigenformer/plan.hpp>

#include <cstdio>

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using Json = nlohmann::json;

namespace {

struct Options {
  std::string model, config, precision = "mixed-adam-fp16-grads", base = "F16", offload, svg;
  ef::Index parameters = 0, tokens = 0, sequences = 1, devices = 1, shard_devices = 0, batch = 0;
  ef::Index lora_rank = 0, devices_per_node = 8;
  bool all_matrices = false;
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

/// The architecture asked for; none where only a number of parameters is known.
struct Planned {
  bool architecture = false;
  ef::ModelConfig config{};
  ef::Index parameters = 0;
};

Planned planned(const Options& o) {
  if (!o.model.empty() + !o.config.empty() + (o.parameters != 0) != 1)
    ef::fail(ef::InputError("give one of: a model of the catalog, --config, --parameters"));
  if (!o.config.empty()) {
    const std::string file = "config.json";
    std::string folder = o.config;
    if (folder.size() >= file.size() && folder.ends_with(file))
      folder.resize(folder.size() - file.size());  // a file is its folder's
    const ef::ModelConfig config = ef::load_config(folder.empty() ? "." : folder).model;
    return {true, config, plan::count_parameters(config).total()};
  }
  if (o.model.empty()) return {false, {}, o.parameters};
  const plan::CatalogEntry& entry = plan::published(o.model);
  return {true, entry.config, plan::parameters_of(entry)};
}

/// A frozen base in a storage format under adapters in FP32 with Adam: LoRA, with NF4 QLoRA.
void adapters(const Options& o, const Planned& model, double activations, Json& out) {
  if (!model.architecture) ef::fail(ef::InputError("--lora-rank needs an architecture"));
  const double bits =
      o.base == "NF4" ? plan::nf4_bits_per_value(true) : 8 * plan::storage_format(o.base).bytes_per_value();
  const plan::AdapterTargets targets = o.all_matrices ? plan::AdapterTargets::all() : plan::AdapterTargets{};
  const ef::Index trained = plan::adapter_parameters(model.config, o.lora_rank, targets);
  const plan::TrainingMemory m = plan::adapter_training_memory({.config = model.config,
                                                                .rank = o.lora_rank,
                                                                .targets = targets,
                                                                .base_bits_per_parameter = bits,
                                                                .activation_bytes = activations});
  out["adapters"] = training_json(m);
  out["adapters"]["parameters"] = trained;
  out["adapters"]["rank"] = o.lora_rank;
  out["adapters"]["base_bits_per_parameter"] = bits;
  if (o.json) return;
  std::printf(
      "\nadapters of rank %td on %s matrices: %s parameters in FP32 with Adam, base in %s (%g bits)\n",
      o.lora_rank, o.all_matrices ? "all" : "query and value", plan::grouped(trained).c_str(), o.base.c_str(),
      bits);
  print_training(m);
}

/// ZeRO-3 with optimiser states, or weights too, in the host's memory.
void offload(const Options& o, const Planned& model, Json& out) {
  if (!model.architecture) ef::fail(ef::InputError("--offload needs an architecture"));
  if (o.devices_per_node <= 0 || o.devices % (std::min)(o.devices, o.devices_per_node) != 0)
    ef::fail(ef::InputError(
        ef::concat(o.devices, " devices cannot be divided into nodes of ", o.devices_per_node)));
  const ef::Index per_node = (std::min)(o.devices, o.devices_per_node);
  const plan::ParameterCount count = plan::count_parameters(model.config);
  const ef::Index largest =
      (std::max)({count.token_embeddings, count.encoder_layer.total(), count.decoder_layer.total()});
  const auto m = plan::zero3_offload_memory({.parameters = static_cast<double>(model.parameters),
                                             .largest_layer_parameters = static_cast<double>(largest),
                                             .devices_per_node = per_node,
                                             .nodes = o.devices / per_node,
                                             .offload_parameters = o.offload == "weights"});
  out["offload"] = {{"what", o.offload},
                    {"device_bytes", m.device_bytes},
                    {"host_bytes_per_node", m.host_bytes},
                    {"nodes", o.devices / per_node}};
  if (o.json) return;
  std::printf(
      "\nZeRO-3 with %s in host memory, %td node(s) of %td (DeepSpeed's estimate, without activations)\n",
      o.offload == "weights" ? "optimiser states and weights" : "optimiser states", o.devices / per_node,
      per_node);
  row("each device", m.device_bytes);
  row("each host", m.host_bytes);
}

/// Memory of one device over the number of devices, for each stage.
void draw(const Options& o, ef::Index parameters, double activations) {
  Chart chart{.title = "Memory per device: " +
                       (o.model.empty() ? plan::count_text(static_cast<double>(parameters)) : o.model) +
                       ", " + o.precision,
              .x_label = "devices",
              .y_label = "memory of a device (GB, 10^9 bytes)"};
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
    chart.series.push_back({.name = plan::detail::scaled(o.device_memory_gb, "%g GB", 1),
                            .points = {{1, o.device_memory_gb}, {1024, o.device_memory_gb}},
                            .dashed = true});
  write_svg(o.svg, chart);
}

void run(const Options& o) {
  const Planned model = planned(o);
  const ef::Index parameters = model.parameters;
  const plan::TrainingPrecision& precision = plan::training_precision(o.precision);
  plan::TrainingMemoryOptions training{.parameters = parameters,
                                       .precision = precision,
                                       .zero_stage = o.zero,
                                       .devices = o.devices,
                                       .shard_devices = o.shard_devices};
  plan::training_memory(training);  // refuses wrong options before anything is printed
  Json out = {{"parameters", parameters}};
  if (!o.json) std::printf("%s parameters\n\nweights\n", plan::grouped(parameters).c_str());
  for (const char* name : weight_formats) {
    const double bytes = plan::weight_bytes(parameters, plan::storage_format(name));
    out["weight_bytes"][name] = bytes;
    if (!o.json) row(name, bytes);
  }
  double activations = 0;
  if (model.architecture) {
    const ef::Index tokens = o.tokens ? o.tokens : model.config.max_positions;
    const plan::InferenceMemory m = plan::inference_memory(
        {.config = model.config, .tokens = tokens, .sequences = o.sequences, .rows = o.sequences});
    activations = plan::activation_bytes({.config = model.config,
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
  out["training"]["shard_devices"] = o.shard_devices ? o.shard_devices : o.devices;
  if (!o.json) {
    std::printf("\ntraining, one of %td device(s), ZeRO stage %d, %s (%g bytes a parameter: %s)\n", o.devices,
                o.zero, o.precision.c_str(), precision.total(), std::string(precision.source).c_str());
    print_training(m);
    if (activations > 0 && precision.activations_and_temporary == 0)
      std::printf("  (activations: %td sequence(s) at once, scores recomputed)\n", o.sequences);
  }
  if (o.device_memory_gb > 0 && model.architecture) {
    const plan::TrainingJob job{.config = model.config,
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
  if (o.lora_rank != 0) adapters(o, model, activations, out);
  if (!o.offload.empty()) offload(o, model, out);
  if (!o.svg.empty()) draw(o, parameters, activations);
  if (o.json) example::print(out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Memory of weights, inference and training");
  Options o;
  app.add_option("model", o.model, "a model of the catalog");
  app.add_option("--config", o.config, "a config.json, or its folder, instead");
  app.add_option("--parameters", o.parameters, "a number of parameters instead");
  app.add_option("--tokens", o.tokens, "of one sequence; the model's window where absent");
  app.add_option("--sequences", o.sequences, "computed at once on one device");
  app.add_option("--batch", o.batch, "sequences of a whole training step");
  app.add_option("--devices", o.devices, "of data parallelism");
  app.add_option("--zero", o.zero, "ZeRO stage 0 to 3");
  app.add_option("--shard-devices", o.shard_devices,
                 "FSDP's hybrid shard: how many devices share one copy; all where absent");
  app.add_option("--lora-rank", o.lora_rank, "train adapters of this rank on a frozen base");
  app.add_flag("--all-matrices", o.all_matrices, "adapters on every matrix, not query and value alone");
  app.add_option("--base", o.base, "format of the frozen base: F16, BF16, Q8_0, ..., or NF4 (QLoRA)");
  app.add_option("--offload", o.offload, "move to the host with ZeRO-3: optimizer, or weights too")
      ->check(CLI::IsMember({"optimizer", "weights"}));
  app.add_option("--devices-per-node", o.devices_per_node, "that share a host's memory");
  app.add_option("--precision", o.precision,
                 "convention of training memory: fp32-adam, fp32-adam-table, mixed-adam-fp16-grads, "
                 "mixed-adam-fp32-grads, ...");
  app.add_option("--device-memory-gb", o.device_memory_gb,
                 "search a strategy for devices with this memory (10^9 bytes)");
  app.add_option("--svg", o.svg, "draw memory over the number of devices into this file");
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(o); });
}
