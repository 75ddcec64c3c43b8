// How much memory a model takes: to answer, to train, and on how many devices.
//
//   memory llama-2-7b
//   memory --parameters 7500000000 --devices 64 --zero 3
//   memory --config ~/models/llama/config.json --tokens 4096
//   memory llama-2-7b --lora-rank 16 --base NF4-DQ
//   memory llama-65b --devices 64 --zero 1 --tensor 8 --pipeline 4 --batch 512
//   memory llama-65b --devices 64 --offload weights
//   memory llama-65b --device A100-80GB --devices 512 --batch 512 --svg memory.svg
#include "common.hpp"
#include "memory_report.hpp"

namespace {

Planned model_of(const Options& o) {
  if (!o.model.empty() + !o.config.empty() + (o.parameters != 0) != 1)
    ef::fail(ef::InputError("give one of: a model of the catalog, --config, --parameters"));
  return o.parameters != 0 ? Planned{false, {}, o.parameters} : planned(o.model, o.config);
}

/// Of one device with so many of tensor parallelism; 0 without an architecture, NaN where heads do not
/// divide.
double activations(const Options& o, const Planned& model, ef::Index tensor) {
  if (!model.architecture) return 0;
  if (model.config.n_heads % tensor != 0) return std::numeric_limits<double>::quiet_NaN();
  return plan::activation_bytes({.config = model.config,
                                 .tokens = o.tokens ? o.tokens : model.config.max_positions,
                                 .micro_batch = o.sequences,
                                 .recompute = recompute_of(o.recompute),
                                 .tensor_parallel = tensor,
                                 .sequence_parallel = tensor > 1});
}

plan::InferenceMemoryOptions inference_of(const Options& o, const Planned& model) {
  return {.config = model.config,
          .weights = plan::storage_format(o.weights),
          .cache = plan::storage_format(o.cache),
          .tokens = o.tokens ? o.tokens : model.config.max_positions,
          .sequences = o.sequences,
          .rows = o.sequences};
}

Json inference(const Options& o, const Planned& model) {
  const plan::InferenceMemoryOptions options = inference_of(o, model);
  const plan::InferenceMemory m = plan::inference_memory(options);
  return {{"tokens", options.tokens},
          {"sequences", o.sequences},
          {"weights_format", o.weights},
          {"cache_format", o.cache},
          {"weight_bytes", m.weight_bytes},
          {"cache_bytes", m.cache_bytes},
          {"activation_bytes", m.activation_bytes},
          {"total_bytes", m.total_bytes()}};
}

plan::Strategy strategy_of(const Options& o) {
  require(o.devices > 0 && o.tensor > 0 && o.pipeline > 0 && o.devices % o.tensor == 0 &&
              o.devices / o.tensor % o.pipeline == 0,
          ef::concat("--devices ", o.devices, " must be a positive multiple of --tensor ", o.tensor,
                     " times --pipeline ", o.pipeline));
  return {.data_parallel = o.devices / (o.tensor * o.pipeline),
          .zero_stage = o.zero,
          .shard_devices = o.shard_devices,
          .tensor_parallel = o.tensor,
          .pipeline_parallel = o.pipeline};
}

plan::TrainingJob job_of(const Options& o, const Planned& model) {
  return {.config = model.config,
          .precision = plan::training_precision(o.precision),
          .tokens = o.tokens,
          .sequences = o.batch,
          .micro_batch = o.sequences,
          .recompute = recompute_of(o.recompute)};
}

/// Memory of one device with the strategy asked for, and with an architecture what the device sends.
Json training(const Options& o, const Planned& model, const plan::Strategy& s) {
  const plan::TrainingPrecision& precision = plan::training_precision(o.precision);
  Json out = {{"convention", precision.name},
              {"bytes_per_parameter", precision.total()},
              {"convention_source", precision.source},
              {"strategy", plan::strategy_text(s)},
              {"devices", o.devices}};
  plan::TrainingMemory m;
  if (model.architecture) {
    const plan::TrainingJob job = job_of(o, model);
    const plan::StrategyCost cost = plan::strategy_cost(job, s);
    m = cost.memory;
    if (precision.activations_and_temporary > 0)  // the convention's flat allowance stands for activations
      m.activation_bytes = static_cast<double>(model.parameters) * precision.activations_and_temporary;
    out["recompute"] = o.recompute;
    out["sequences_at_once"] = o.sequences;
    out["micro_batches"] = cost.micro_batches;
    out["data_parallel_sent_bytes"] = cost.data_parallel.total_bytes();
    out["tensor_parallel_sent_bytes"] = cost.tensor_parallel_bytes;
    out["pipeline_sent_bytes"] = cost.pipeline_bytes;
    out["bubble_share"] = cost.bubble.share_of_total();
  } else {
    m = plan::training_memory({.parameters = model.parameters,
                               .precision = precision,
                               .zero_stage = s.zero_stage,
                               .devices = s.data_parallel,
                               .shard_devices = s.shard_devices,
                               .tensor_parallel = s.tensor_parallel,
                               .pipeline_parallel = s.pipeline_parallel});
  }
  out.update(training_json(m));
  return out;
}

plan::Cluster cluster_of(const Options& o) {
  plan::Cluster cluster{.devices = o.devices, .devices_per_node = o.devices_per_node};
  if (!o.device.empty()) {
    const plan::Device& device = plan::device(o.device);
    cluster.memory_bytes = device.memory_bytes;
    cluster.flops_per_second = 0.4 * device.peak_flops_per_second;
  }
  if (o.device_memory_gb != 0) cluster.memory_bytes = o.device_memory_gb * plan::gigabyte;
  return cluster;
}

/// The best strategy on the cluster, or the smallest cluster.
Json search(const Options& o, const Planned& model) {
  plan::TrainingJob job = job_of(o, model);
  if (o.sequences == 1) job.micro_batch = 0;  // not asked for: the search chooses
  const plan::Cluster cluster = cluster_of(o);
  return choice_json(o.devices > 1 ? plan::best_strategy(job, cluster) : plan::fewest_devices(job, cluster));
}

/// Calls f, and gives null instead of an answer where nothing fits.
template <class F> Json or_null(F f) {
  try {
    return f();
  } catch (const ef::InputError&) {
    return nullptr;
  }
}

/// What fits one device: to answer, and to train with the strategy asked for.
Json fits(const Options& o, const Planned& model, const plan::Strategy& s) {
  const plan::Cluster cluster = cluster_of(o);
  const double room = cluster.memory_bytes * cluster.usable_share;
  Json out = {{"usable_bytes", room}};
  const plan::TrainingMemoryOptions states{.precision = plan::training_precision(o.precision),
                                           .zero_stage = s.zero_stage,
                                           .devices = s.data_parallel,
                                           .shard_devices = s.shard_devices,
                                           .tensor_parallel = s.tensor_parallel,
                                           .pipeline_parallel = s.pipeline_parallel};
  out["largest_trainable_parameters"] = plan::largest_trainable(room, states);
  if (!model.architecture) return out;
  const plan::InferenceMemoryOptions inference = inference_of(o, model);
  out["largest_inference_batch"] = or_null([&] { return plan::largest_batch(inference, room); });
  out["longest_context_tokens"] = or_null([&] { return plan::longest_context(inference, room); });
  const plan::TrainingJob job = job_of(o, model);
  out["largest_training_micro_batch"] = or_null([&] { return plan::largest_micro_batch(job, s, room); });
  return out;
}

/// A frozen base in a storage format under adapters in FP32 with Adam: LoRA, with NF4 QLoRA.
Json adapters(const Options& o, const Planned& model) {
  const plan::AdapterTargets targets = o.all_matrices ? plan::AdapterTargets::all() : plan::AdapterTargets{};
  Json out = training_json(plan::adapter_training_memory({.config = model.config,
                                                          .rank = o.lora_rank,
                                                          .targets = targets,
                                                          .base = plan::storage_format(o.base),
                                                          .activation_bytes = activations(o, model, 1)}));
  out["parameters"] = plan::adapter_parameters(model.config, o.lora_rank, targets);
  out["rank"] = o.lora_rank;
  out["matrices"] = o.all_matrices ? "all" : "query and value";
  out["base_format"] = o.base;
  out["base_bits_per_value"] = plan::storage_format(o.base).bits_per_value();
  return out;
}

/// ZeRO-3 with optimiser states, or weights too, in the host's memory.
Json offload(const Options& o, const Planned& model) {
  const ef::Index per_node = (std::min)(o.devices, o.devices_per_node);
  if (per_node <= 0 || o.devices % per_node != 0)
    ef::fail(ef::InputError(
        ef::concat(o.devices, " devices cannot be divided into nodes of ", o.devices_per_node)));
  const plan::ParameterCount count = plan::count_parameters(model.config);
  const ef::Index largest =
      (std::max)({count.token_embeddings, count.encoder_layer.total(), count.decoder_layer.total()});
  const auto m = plan::zero3_offload_memory({.parameters = static_cast<double>(model.parameters),
                                             .largest_layer_parameters = static_cast<double>(largest),
                                             .devices_per_node = per_node,
                                             .nodes = o.devices / per_node,
                                             .offload_parameters = o.offload == "weights"});
  return {{"what", o.offload == "weights" ? "optimiser states and weights" : "optimiser states"},
          {"device_bytes", m.device_bytes},
          {"host_bytes_per_node", m.host_bytes},
          {"nodes", o.devices / per_node},
          {"devices_per_node", per_node}};
}

void run(const Options& o) {
  const Planned model = model_of(o);
  const bool searched = !o.device.empty() || o.device_memory_gb != 0;
  for (const auto& [given, name] : {std::pair(o.lora_rank != 0, "--lora-rank"),
                                    {!o.offload.empty(), "--offload"},
                                    {o.tokens != 0, "--tokens"},
                                    {o.batch != 0, "--batch"},
                                    {o.sequences != 1, "--sequences"}})
    if (given && !model.architecture)
      ef::fail(
          ef::InputError(ef::concat(name, " needs an architecture: a model of the catalog or --config")));
  const plan::Strategy strategy = strategy_of(o);
  Json out = {{"parameters", model.parameters}};
  for (const char* name : weight_formats)
    out["weight_bytes"][name] = plan::weight_bytes(model.parameters, plan::storage_format(name));
  if (model.architecture) out["inference"] = inference(o, model);
  out["training"] = training(o, model, strategy);
  if (searched) out["fits"] = fits(o, model, strategy);
  if (searched && model.architecture) out["search"] = search(o, model);
  if (o.lora_rank != 0) out["adapters"] = adapters(o, model);
  if (!o.offload.empty()) out["offload"] = offload(o, model);
  if (!o.svg.empty())
    draw(o, model.parameters, [&](ef::Index tensor) { return activations(o, model, tensor); });
  if (o.json)
    example::print(out);
  else
    print_report(o, out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Memory of weights, inference and training");
  Options o;
  add_options(app, o);
  return example::run(app, argc, argv, [&] { run(o); });
}
