// The answers of `memory` as lines and tables, and as a picture.
#pragma once

#include "chart.hpp"
#include "memory_answers.hpp"

#include <cstdio>
#include <functional>

inline constexpr const char* weight_formats[] = {"F32",  "BF16", "Q8_0", "Q6_K",
                                                 "Q4_K", "Q4_0", "INT8", "INT4"};

inline Json training_json(const plan::TrainingMemory& m) {
  return {{"weight_bytes", m.weight_bytes},
          {"gradient_bytes", m.gradient_bytes},
          {"optimizer_bytes", m.optimizer_bytes},
          {"activation_bytes", m.activation_bytes},
          {"total_bytes", m.total_bytes()}};
}

inline Json rated_json(const plan::RatedStrategy& r) {
  Json out = training_json(r.cost.memory);
  out["strategy"] = plan::strategy_text(r.cost.strategy);
  out["devices"] = r.cost.strategy.devices();
  out["micro_batch"] = r.cost.micro_batch;
  out["fits"] = r.fits;
  out["sent_bytes"] = r.cost.communication_bytes();
  out["bubble_share"] = r.cost.bubble.share_of_total();
  out["step_seconds"] = r.time.total_seconds();
  return out;
}

inline Json choice_json(const plan::StrategyChoice& choice) {
  Json out = {{"best", rated_json(choice.best)}, {"others", Json::array()}, {"reason", choice.reason}};
  for (const plan::RatedStrategy& r : choice.others) out["others"].push_back(rated_json(r));
  return out;
}

inline void row(const std::string& what, double bytes) {
  std::printf("  %s %s\n", padded(what, 34).c_str(), plan::bytes_text(bytes).c_str());
}

inline void print_training(const Json& m) {
  row("weights", m["weight_bytes"]);
  row("gradients", m["gradient_bytes"]);
  row("optimiser", m["optimizer_bytes"]);
  if (m["activation_bytes"] > 0) row("activations and temporary", m["activation_bytes"]);
  row("together", m["total_bytes"]);
}

inline void print_search(const Json& search, bool fewest) {
  const Json& best = search["best"];
  std::printf("\n%s %td devices: %s\n", fewest ? "fewest that fit:" : "best on",
              best["devices"].get<ef::Index>(), best["strategy"].get<std::string>().c_str());
  print_training(best);
  std::printf("  %s\n", search["reason"].get<std::string>().c_str());
  std::printf("  %-72s %5s %12s %12s %6s %10s\n", "the best of each kind", "fits", "GB a device", "GB sent",
              "idle", "step");
  const auto line = [](const Json& r) {
    const std::string what =
        ef::concat(r["strategy"].get<std::string>(), ", ", r["micro_batch"].get<ef::Index>(), " at once");
    std::printf("  %s %5s %12.2f %12.2f %5.1f%% %10s\n", padded(what, 72).c_str(), r["fits"] ? "yes" : "no",
                r["total_bytes"].get<double>() / plan::gigabyte,
                r["sent_bytes"].get<double>() / plan::gigabyte, 100 * r["bubble_share"].get<double>(),
                plan::seconds_text(r["step_seconds"]).c_str());
  };
  line(best);
  for (const Json& r : search["others"]) line(r);
}

inline void print_fits(const Json& fits) {
  std::printf("\nwhat fits %s of one device\n", plan::bytes_text(fits["usable_bytes"]).c_str());
  const auto count = [&](const char* key, const char* what) {
    if (!fits.contains(key)) return;
    const std::string text = fits[key].is_null() ? "none" : plan::grouped(fits[key].get<ef::Index>());
    std::printf("  %-34s %s\n", what, text.c_str());
  };
  count("largest_inference_batch", "sequences answered at once");
  count("longest_context_tokens", "tokens of context");
  count("largest_training_micro_batch", "sequences trained on at once");
  count("largest_trainable_parameters", "parameters, without activations");
}

inline void print_inference(const Options& o, const Json& m) {
  std::printf("\ninference, the whole model: %td sequence(s) of %td tokens, weights in %s, cache in %s\n",
              o.sequences, m["tokens"].get<ef::Index>(), o.weights.c_str(), o.cache.c_str());
  row("weights", m["weight_bytes"]);
  row("key/value cache", m["cache_bytes"]);
  row("activations of a decode step", m["activation_bytes"]);
  row("together", m["total_bytes"]);
}

inline void print_adapters(const Options& o, const Json& a) {
  std::printf(
      "\nadapters of rank %td on %s matrices: %s parameters in FP32 with Adam, base in %s (%g bits)\n",
      o.lora_rank, a["matrices"].get<std::string>().c_str(),
      plan::grouped(a["parameters"].get<ef::Index>()).c_str(), a["base_format"].get<std::string>().c_str(),
      a["base_bits_per_value"].get<double>());
  print_training(a);
}

inline void print_strategy(const Options& o, const Json& t) {
  std::printf("\ntraining, one of %td device(s): %s, %s (%g bytes a parameter: %s)\n", o.devices,
              t["strategy"].get<std::string>().c_str(), o.precision.c_str(),
              t["bytes_per_parameter"].get<double>(), t["convention_source"].get<std::string>().c_str());
  print_training(t);
  if (!t.contains("recompute")) return;
  std::printf("  activations: %td sequence(s) at once, recomputation %s; %td micro-batch(es) a step\n",
              o.sequences, t["recompute"].get<std::string>().c_str(), t["micro_batches"].get<ef::Index>());
  if (o.devices > 1)
    std::printf("  sent by a device in a step: data %s, tensor %s, pipeline %s; idle %.1f%%\n",
                plan::bytes_text(t["data_parallel_sent_bytes"]).c_str(),
                plan::bytes_text(t["tensor_parallel_sent_bytes"]).c_str(),
                plan::bytes_text(t["pipeline_sent_bytes"]).c_str(), 100 * t["bubble_share"].get<double>());
}

inline void print_report(const Options& o, const Json& out) {
  for (const Json& answer : out["answers"]) std::printf("%s\n", answer["text"].get<std::string>().c_str());
  if (out.contains("cost")) std::printf("%s\n", out["cost"]["text"].get<std::string>().c_str());
  const bool all = !(o.inference || o.lora || o.qlora || o.training);
  std::printf("\n%s parameters\n\nweights\n", plan::grouped(out["parameters"].get<ef::Index>()).c_str());
  for (const char* name : weight_formats) row(name, out["weight_bytes"][name]);
  if (out.contains("inference") && (all || o.inference)) print_inference(o, out["inference"]);
  if (all || o.training) print_strategy(o, out["training"]);
  if (out.contains("fits") && all) print_fits(out["fits"]);
  if (out.contains("search") && (all || o.training)) {
    if (out["search"].contains("best"))
      print_search(out["search"], o.devices == 1);
    else
      std::printf("\n%s\n", out["search"]["reason"].get<std::string>().c_str());
  }
  if (out.contains("adapters")) print_adapters(o, out["adapters"]);
  if (out.contains("offload")) {
    const Json& m = out["offload"];
    std::printf(
        "\nZeRO-3 with %s in host memory, %td node(s) of %td (DeepSpeed's estimate, no activations)\n",
        m["what"].get<std::string>().c_str(), m["nodes"].get<ef::Index>(),
        m["devices_per_node"].get<ef::Index>());
    row("each device", m["device_bytes"]);
    row("each host", m["host_bytes_per_node"]);
  }
}

/// Memory of one device over the number of devices, by strategy.
/// @param activations_of  bytes of a device's activations with so many devices of tensor parallelism; NaN
/// where
///                        heads do not divide
inline void draw(const Options& o, ef::Index parameters,
                 const std::function<double(ef::Index tensor)>& activations_of) {
  Chart chart{.title = "Memory of a device in training: " +
                       (o.model.empty() ? plan::count_text(static_cast<double>(parameters)) : o.model) +
                       ", " + o.precision,
              .x_label = "devices",
              .y_label = "memory of a device (GB, 10^9 bytes)",
              .legend = "strategy",
              .x_base = 2};
  const auto line = [&](const std::string& name, int stage, ef::Index shard, ef::Index tensor) {
    Series series{.name = name};
    const double activations = activations_of(tensor);
    if (std::isnan(activations)) return;
    for (ef::Index devices = (std::max)(shard, tensor); devices <= 1024; devices *= 2)
      series.points.push_back({static_cast<double>(devices),
                               plan::training_memory({.parameters = parameters,
                                                      .precision = plan::training_precision(o.precision),
                                                      .zero_stage = stage,
                                                      .devices = devices / tensor,
                                                      .shard_devices = shard,
                                                      .tensor_parallel = tensor,
                                                      .activation_bytes = activations})
                                       .total_bytes() /
                                   plan::gigabyte});
    chart.series.push_back(series);
  };
  line("DDP", 0, 0, 1);
  line("ZeRO-1", 1, 0, 1);
  line("ZeRO-2", 2, 0, 1);
  line("ZeRO-3, FSDP", 3, 0, 1);
  line("FSDP, shards of 8", 3, 8, 1);
  line("ZeRO-1, tensor × 8", 1, 0, 8);
  const double limit = o.device_memory_gb > 0 ? o.device_memory_gb
                       : !o.device.empty()    ? device_named(o.device).memory_bytes / plan::gigabyte
                                              : 0.0;
  if (limit > 0)
    chart.series.push_back({.name = ef::concat("a device: ", limit, " GB"),
                            .points = {{1, limit}, {1024, limit}},
                            .dashed = true});
  write_svg(o.svg, chart);
}
