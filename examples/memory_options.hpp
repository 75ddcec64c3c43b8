// What `memory` is asked.
#pragma once

#include "planning.hpp"

struct Options {
  std::string model, config, precision = "mixed-adam-fp16-grads", recompute, device, offload, svg;
  std::string weights = "F16", cache = "F16", base = "F16";
  ef::Index parameters = 0, tokens = 0, sequences = 1, batch = 0;
  ef::Index devices = 1, shard_devices = 0, tensor = 1, pipeline = 1, devices_per_node = 8;
  ef::Index lora_rank = 16, zero = 0;
  bool all_matrices = false, inference = false, lora = false, qlora = false, training = false;
  double device_memory_gb = 0, price = 0;
  bool json = false;

  // What was given on the command line, where the default would not tell.
  bool sequences_given = false, strategy_given = false, base_given = false;

  bool device_known() const { return !device.empty() || device_memory_gb != 0; }
  /// What is dropped and computed again, where it was not asked for: as little as fits.
  std::string recomputation() const { return recompute.empty() ? "selective" : recompute; }
};

inline void add_options(CLI::App& app, Options& o) {
  app.add_option("model", o.model, "a model of the catalog (the program `catalog` lists them)");
  app.add_option("--config", o.config, "a config.json, or its folder, instead");
  add_count(app, "--parameters", o.parameters, parameters_range, "a number of parameters instead: 7B");
  app.add_flag("--inference", o.inference, "answer for inference alone");
  app.add_flag("--lora", o.lora, "answer for training LoRA adapters alone");
  app.add_flag("--qlora", o.qlora,
               "answer for LoRA over a base in NF4 with double quantisation (QLoRA) alone");
  app.add_flag("--training", o.training, "answer for training all parameters alone");
  app.add_option("--device", o.device,
                 "does it fit? RTX4090, L4, A100-80GB, M2Max-64GB, ... (`catalog --devices` lists them)");
  add_amount(app, "--device-memory-gb", o.device_memory_gb, {1e-3, 1e6},
             "the same for a device of your own, in GB of 10^9 bytes");
  add_count(app, "--devices", o.devices, devices_range, "how many of them (1 where absent)");
  add_amount(app, "--price", o.price, price_range, "of one device for an hour, to print what they cost");
  add_count(app, "--tokens", o.tokens, tokens_range,
            "tokens of one sequence, prompt and answer together (the model's window where absent)");
  add_count(app, "--sequences", o.sequences, sequences_range,
            "sequences computed at once: in inference on all devices together, in training on each (the "
            "micro-batch); 1 where absent");
  add_format(app, "--weights", o.weights, "storage format of the weights in inference (F16 where absent)");
  add_format(app, "--cache", o.cache, "storage format of the key/value cache (F16 where absent)");
  app.add_option(
      "--precision", o.precision,
      "bytes of a parameter in training: fp32-adam (16), fp32-adam-table (24), mixed-adam-fp16-grads (16, "
      "the "
      "default), mixed-adam-fp32-grads (18), mixed-adam-fp16-and-fp32-grads (20), mixed-8bit-adam-fp16-grads "
      "(10), fp32-sgd (8), fp32-sgd-momentum (12), fp32-adafactor (8 and its rows and columns)");
  app.add_option(
         "--recompute", o.recompute,
         "activations that are computed again in the backward pass: none, selective (scores) or full; "
         "where absent, selective, and full where only that fits")
      ->check(CLI::IsMember({"none", "selective", "full"}));
  add_count(app, "--batch", o.batch, sequences_range, "sequences of a whole training step, on all devices");
  add_count(app, "--zero", o.zero, {0, 3}, "ZeRO stage of data parallelism: 0 (DDP) to 3 (FSDP)");
  add_count(app, "--shard-devices", o.shard_devices, devices_range,
            "how many devices share one copy (FSDP's hybrid shard); all where absent");
  add_count(app, "--tensor", o.tensor, devices_range, "devices of tensor parallelism in training");
  add_count(app, "--pipeline", o.pipeline, devices_range, "stages of pipeline parallelism in training");
  add_count(app, "--devices-per-node", o.devices_per_node, devices_range,
            "devices that share a host's memory and fast links (8 where absent)");
  add_count(app, "--lora-rank", o.lora_rank, {1, 1e6}, "rank of LoRA's adapters (16 where absent)");
  app.add_flag("--all-matrices", o.all_matrices, "adapters on every matrix, not on query and value alone");
  add_format(app, "--base", o.base, "storage format of the frozen base under adapters (F16 where absent)");
  app.add_option("--offload", o.offload, "move to the host's memory with ZeRO-3: optimizer, or weights too")
      ->check(CLI::IsMember({"optimizer", "weights"}));
  app.add_option("--svg", o.svg, "draw memory over the number of devices into this file");
  app.add_flag("--json", o.json, "print one JSON value");
  app.footer(
      "The first lines answer: 'fits' or 'does not fit', of one device where there are several. The exit "
      "code is 0\n"
      "in both cases, and 1 for a question that cannot be answered. Counts may be written 4096, 4k, 1.3B or "
      "2e12.");
}

/// Notes what was given, and refuses what says nothing by itself.
inline void finish(const CLI::App& app, Options& o) {
  const auto given = [&](const char* name) { return app.count(name) > 0; };
  o.sequences_given = given("--sequences");
  o.strategy_given = given("--zero") || given("--tensor") || given("--pipeline") || given("--shard-devices");
  o.base_given = given("--base");
  const bool adapters = o.lora || o.qlora || given("--lora-rank");
  require(adapters || !o.all_matrices,
          "--all-matrices requires --lora-rank, --lora or --qlora: it says which matrices get adapters");
  require(adapters || !o.base_given,
          "--base requires --lora-rank or --lora: it is the format of the frozen base under adapters; for "
          "inference give --weights");
  listed_by("memory --help", [&] { return plan::training_precision(o.precision).name; });
  require(!(o.qlora && o.base_given),
          "--qlora has the base NF4-DQ: for another format give --lora with --base");
  require(o.device.empty() || o.device_memory_gb == 0,
          "give one of --device and --device-memory-gb: both say how much memory a device has");
  const bool asked = o.inference || o.lora || o.qlora || o.training;
  if (!asked && given("--lora-rank")) o.lora = true;
}
