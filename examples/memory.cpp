// Does a model fit? To answer, to train adapters of it, to train it whole, on one device or several; and what
// would fit where it does not.
//
//   memory llama-2-70b --device RTX4090 --devices 2 --weights Q4_0
//   memory llama-2-7b --lora --device RTX4090
//   memory llama-2-7b
//   memory --parameters 7.5B --devices 64 --zero 3
//   memory --config ~/models/llama/config.json --tokens 4096
//   memory llama-2-7b --lora-rank 64 --all-matrices --base Q8_0
//   memory llama-65b --devices 64 --zero 1 --tensor 8 --pipeline 4 --batch 512
//   memory llama-65b --devices 64 --offload weights
//   memory llama-65b --device A100-80GB --devices 512 --batch 512 --svg memory.svg
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
                                 .recompute = recompute_of(o.recomputation()),
                                 .tensor_parallel = tensor,
                                 .sequence_parallel = tensor > 1});
}

Json inference(const Options& o, const Planned& model) {
  const plan::InferenceMemoryOptions options = split_of(o, model).inference;
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

/// How all parameters are trained: a strategy, and where nobody knows the architecture no more than that.
TrainingPlan plan_of(const Options& o, const Planned& model) {
  if (model.architecture) return training_plan(o, model, room_of(o));
  TrainingPlan p{.recompute = o.recomputation(), .cost = {.strategy = states_strategy(o), .memory = {}}};
  p.cost.memory = plan::training_memory(states_of(o, model.parameters, p.cost.strategy));
  return p;
}

/// Memory of one device, and with an architecture what the device sends.
Json training(const Options& o, const Planned& model, const TrainingPlan& p) {
  const plan::TrainingPrecision& precision = plan::training_precision(o.precision);
  const plan::StrategyCost& cost = p.cost;
  Json out = {{"convention", precision.name},
              {"bytes_per_parameter", precision.total()},
              {"convention_source", precision.source},
              {"strategy", plan::strategy_text(cost.strategy)},
              {"devices", o.devices}};
  if (model.architecture) {
    out["recompute"] = p.recompute;
    out["sequences_at_once"] = o.sequences;
    out["micro_batches"] = cost.micro_batches;
    out["data_parallel_sent_bytes"] = cost.data_parallel.total_bytes();
    out["tensor_parallel_sent_bytes"] = cost.tensor_parallel_bytes;
    out["pipeline_sent_bytes"] = cost.pipeline_bytes;
    out["bubble_share"] = cost.bubble.share_of_total();
  }
  out.update(training_json(cost.memory));
  return out;
}

/// The best strategy on the cluster, or the smallest cluster; or why there is none.
Json search(const Options& o, const Planned& model, const TrainingPlan& p) {
  const plan::TrainingJob job = searched_job(o, model, p.recompute);
  const plan::Cluster cluster = cluster_of(o);
  try {
    return choice_json(o.devices > 1 ? plan::best_strategy(job, cluster)
                                     : plan::fewest_devices(job, cluster));
  } catch (const ef::InputError& error) {
    return {{"reason", error.what()}};
  }
}

/// What f finds as JSON, null where nothing fits.
template <class F> Json or_null(F f) {
  const auto found = if_any(f);
  return found ? Json(*found) : Json(nullptr);
}

/// The most that fits: to answer on all devices, and to train with the strategy of the plan.
Json fits(const Options& o, const Planned& model, const TrainingPlan& p) {
  const double room = room_of(o).usable();
  Json out = {{"usable_bytes", room}};
  out["largest_trainable_parameters"] = plan::largest_trainable(room, states_of(o, 1, p.cost.strategy));
  if (!model.architecture) return out;
  const plan::SplitInferenceOptions inference = split_of(o, model);
  out["largest_inference_batch"] = or_null([&] { return plan::largest_batch(inference, room); });
  out["longest_context_tokens"] = or_null([&] { return plan::longest_context(inference, room); });
  const plan::TrainingJob job = job_of(o, model, p.recompute);
  out["largest_training_micro_batch"] =
      or_null([&] { return plan::largest_micro_batch(job, p.cost.strategy, room); });
  return out;
}

/// A frozen base in a storage format under adapters in FP32 with Adam: LoRA, with NF4 QLoRA.
Json adapters(const Options& o, const Planned& model) {
  const plan::AdapterTargets targets = o.all_matrices ? plan::AdapterTargets::all() : plan::AdapterTargets{};
  const std::string base = o.qlora ? "NF4-DQ" : o.base;
  const ef::Index tokens = o.tokens ? o.tokens : model.config.max_positions;
  const std::string recompute = least_recomputation(o, room_of(o), [&](const std::string& how) {
    return adapter_memory(o, model, base, how, tokens, o.devices).total_bytes();
  });
  Json out = training_json(adapter_memory(o, model, base, recompute, tokens, o.devices));
  out["parameters"] = plan::adapter_parameters(model.config, o.lora_rank, targets);
  out["rank"] = o.lora_rank;
  out["matrices"] = o.all_matrices ? "all" : "query and value";
  out["base_format"] = base;
  out["base_bits_per_value"] = plan::storage_format(base).bits_per_value();
  out["recompute"] = recompute;
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

/// What the devices cost to rent, whatever runs on them.
Json cost(const Options& o) {
  const double hour = o.price * static_cast<double>(o.devices);
  return {{"price_per_device_hour", o.price},
          {"hour", hour},
          {"text", ef::concat("cost: ", counted(o.devices, "device"), " at ", o.price,
                              " an hour each: ", money_text(hour), " an hour, ", money_text(hour * 24),
                              " a day, ", money_text(hour * 730), " a month")}};
}

void run(const CLI::App& app, Options& o) {
  finish(app, o);
  const Planned model = model_of(o);
  for (const auto& [given, name] : {std::pair(app.count("--lora-rank") > 0, "--lora-rank"),
                                    {!o.offload.empty(), "--offload"},
                                    {o.tokens != 0, "--tokens"},
                                    {o.batch != 0, "--batch"},
                                    {o.sequences != 1, "--sequences"}})
    if (given && !model.architecture)
      ef::fail(
          ef::InputError(ef::concat(name, " needs an architecture: a model of the catalog or --config")));
  const TrainingPlan trained = plan_of(o, model);
  const Room room = room_of(o);
  Json out = {{"answers", Json::array()}, {"parameters", model.parameters}};
  for (const Answer& answer : answers_of(o, model)) out["answers"].push_back(answer_json(answer, room));
  if (o.price > 0) out["cost"] = cost(o);
  for (const char* name : weight_formats)
    out["weight_bytes"][name] = plan::weight_bytes(model.parameters, plan::storage_format(name));
  if (model.architecture) out["inference"] = inference(o, model);
  out["training"] = training(o, model, trained);
  if (o.device_known()) out["fits"] = fits(o, model, trained);
  if (o.device_known() && model.architecture) out["search"] = search(o, model, trained);
  if (o.lora || o.qlora) out["adapters"] = adapters(o, model);
  if (!o.offload.empty()) out["offload"] = offload(o, model);
  if (!o.svg.empty())
    draw(o, model.parameters, [&](ef::Index tensor) { return activations(o, model, tensor); });
  if (o.json)
    print_json(out);
  else
    print_report(o, out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Does a model fit: memory of inference, of LoRA and QLoRA, and of training");
  Options o;
  add_options(app, o);
  return example::run(app, argc, argv, [&] { run(app, o); });
}
