#include "plan/reference/cases.hpp"
#include <eigenformer/nn/position.hpp>

namespace cases {

namespace {

Json kv_cache(const Json& in) {
  plan::KeyValueCacheOptions o{.n_layers = integer(in, "layers"),
                               .key_value_heads = integer(in, "kv_heads"),
                               .head_size = integer(in, "head_dim"),
                               .tokens = integer(in, "context"),
                               .sequences = in.value("batch", Index{1})};
  if (in.contains("window")) {
    o.window = integer(in, "window");
    o.windowed_layers = o.n_layers - integer(in, "global_layers");
  }
  if (in.contains("element_type")) o.format = plan::storage_format(in["element_type"].get<std::string>());
  return plan::key_value_cache_bytes(o);
}

Json activations(const Json& in) {
  const std::string recompute = in.at("recompute");
  ef::ModelConfig c = gpt(1, integer(in, "hidden"), integer(in, "heads"), 51200);
  return plan::activation_bytes_per_layer({.config = c,
                                           .tokens = integer(in, "seq"),
                                           .micro_batch = integer(in, "micro_batch"),
                                           .recompute = recompute == "none"   ? plan::Recompute::none
                                                        : recompute == "full" ? plan::Recompute::full
                                                                              : plan::Recompute::selective,
                                           .tensor_parallel = integer(in, "tp"),
                                           .sequence_parallel = in.at("sequence_parallel").get<bool>(),
                                           .bytes_per_activation = real(in, "bytes_per_activation")},
                                          c);
}

Json lora(const Json& in) {
  const Json& s = in.at("shapes");
  const auto side = [&](const char* key, std::size_t i) {
    return s.contains(key) ? s[key][i].get<Index>() : Index{128};
  };
  ef::ModelConfig c{.vocab_size = 1,
                    .d_model = side("q", 0),
                    .n_layers = integer(in, "layers"),
                    .n_heads = side("q", 1) / 128,
                    .n_key_value_heads = side("v", 1) / 128,
                    .d_ff = side("up", 1),
                    .max_positions = 1,
                    .gated = true};
  const plan::AdapterTargets targets{.query = s.contains("q"),
                                     .key = s.contains("k"),
                                     .value = s.contains("v"),
                                     .out = s.contains("o"),
                                     .gate = s.contains("gate"),
                                     .up = s.contains("up"),
                                     .down = s.contains("down")};
  return plan::adapter_parameters(c, integer(in, "rank"), targets);
}

Json deepspeed(const Json& in) {
  plan::OffloadOptions o{.parameters = real(in, "total_params"),
                         .largest_layer_parameters = real(in, "largest_layer_params")};
  if (in.contains("case")) {
    const std::string which = in["case"];
    o.devices_per_node = integer(in, "gpus");
    if (which == "largest_layer_mib") return std::floor(4 * o.largest_layer_parameters / 1048576);
    o.offload_parameters = which == "case2_mib";
    o.offload_optimizer = which != "case1_mib";
    return std::floor(plan::zero3_offload_memory(o).device_bytes / 1048576);
  }
  o.devices_per_node = integer(in, "gpus_per_node");
  o.nodes = integer(in, "nodes");
  o.offload_optimizer = in.at("offload_optimizer").get<bool>();
  o.offload_parameters = in.at("offload_param").get<bool>();
  o.partitioned_init = in.at("zero_init").get<bool>();
  o.buffer_factor = real(in, "buffer_factor");
  const plan::OffloadMemory m = plan::zero3_offload_memory(o);
  return {{"cpu_bytes", m.host_bytes},
          {"gpu_bytes", m.device_bytes},
          {"cpu_gib", m.host_bytes / plan::gibibyte},
          {"gpu_gib", m.device_bytes / plan::gibibyte}};
}

/// Traffic of a ZeRO stage over that of DDP.
double over_ddp(int stage) {
  const auto bytes = [](int zero_stage) {
    return plan::data_parallel_traffic({.message_bytes = 1, .devices = 64, .zero_stage = zero_stage})
        .total_bytes();
  };
  return bytes(stage) / bytes(0);
}

}  // namespace

Json memory(const std::string& name, const Json& in) {
  if (has(name, "zero-table1"))
    return plan::training_memory({.parameters = static_cast<Index>(real(in, "params")),
                                  .precision = plan::mixed_adam,
                                  .zero_stage = in.at("stage").get<int>(),
                                  .devices = integer(in, "dp")})
               .total_bytes() /
           plan::gigabyte;
  if (has(name, "zero-table2"))
    return static_cast<double>(plan::largest_trainable(real(in, "gpu_gb") * plan::gigabyte,
                                                       {.zero_stage = in.at("stage").get<int>(),
                                                        .devices = integer(in, "dp"),
                                                        .tensor_parallel = integer(in, "mp")})) /
           1e9;
  if (has(name, "bytes-per-param"))
    return plan::training_memory({.parameters = static_cast<Index>(real(in, "params")),
                                  .precision = plan::training_precision(in.at("recipe").get<std::string>())})
        .total_bytes();
  if (name == "memory/fused-buffer-3b")
    return plan::weight_bytes(static_cast<Index>(real(in, "params")), plan::storage_format("F32"));
  if (name == "memory/bloom-bf16-weights-gib")
    return plan::weight_bytes(static_cast<Index>(real(in, "params")), plan::storage_format("BF16")) /
           plan::gibibyte;
  if (name == "memory/bloom-checkpoint-gib") {  // weights and optimiser: no gradients
    const auto m = plan::training_memory({.parameters = static_cast<Index>(real(in, "params"))});
    return (m.weight_bytes + m.optimizer_bytes) / plan::gibibyte;
  }
  if (name == "memory/bloom-block-bf16-gib")
    return static_cast<double>(
               plan::count_parameters(plan::published("bloom-176b").config).decoder_layer.total()) *
           2 / plan::gibibyte;
  if (name == "memory/accelerate-bert-base-cased-adam")
    return plan::training_memory({.parameters = integer(in, "total_bytes") / 4, .precision = plan::fp32_adam})
        .total_bytes();
  if (has(name, "deepspeed")) return deepspeed(in);
  if (has(name, "activations-per-layer")) return activations(in);
  if (name == "memory/attention-factor-mtnlg") {
    // What scores add to the 34 bytes of each s·b·h.
    const ef::ModelConfig c = gpt(1, integer(in, "hidden"), integer(in, "heads"), 1);
    plan::ActivationOptions o{.config = c, .tokens = integer(in, "seq")};
    const double all = plan::activation_bytes_per_layer(o, c);
    o.recompute = plan::Recompute::selective;
    return (all - plan::activation_bytes_per_layer(o, c)) / (real(in, "seq") * real(in, "hidden"));
  }
  if (has(name, "hidden-states-checkpoint")) {
    const ef::ModelConfig c = gpt(1, integer(in, "hidden"), 1, 1);
    return real(in, "layers") * plan::activation_bytes_per_layer({.config = c,
                                                                  .tokens = integer(in, "seq"),
                                                                  .micro_batch = integer(in, "batch"),
                                                                  .recompute = plan::Recompute::full,
                                                                  .bytes_per_activation = real(in, "bytes")},
                                                                 c);
  }
  if (has(name, "kv-cache")) return kv_cache(in);
  if (has(name, "memory/lora")) return lora(in);
  if (name == "memory/nf4-double-quant-65b-saving")
    return real(in, "params") *
           (plan::storage_format("NF4").bytes_per_value() - plan::storage_format("NF4-DQ").bytes_per_value());
  if (name == "memory/adam-8bit-state-block2048")
    return plan::adam_8bit_state_bytes(static_cast<Index>(real(in, "params")), integer(in, "block"));
  return nullptr;
}

Json rest(const std::string& name, const Json& in) {
  if (has(name, "comm/zero3-volume"))
    return plan::data_parallel_traffic(
               {.message_bytes = real(in, "param_bytes"), .devices = integer(in, "ranks"), .zero_stage = 3})
        .total_bytes();
  if (has(name, "comm/ring-allreduce"))
    return plan::all_reduce_bytes(real(in, "message_bytes"), integer(in, "ranks"));
  if (name == "comm/zero3-over-ddp") return over_ddp(3);
  if (name == "comm/zero12-over-ddp") return over_ddp(2);
  if (name == "comm/zero-r-activation-checkpoint") {
    const auto t = plan::tensor_parallel_traffic(real(in, "seq") * real(in, "hidden"));
    return {{"base", t.values},
            {"extra", t.partitioned_checkpoints},
            {"ratio", t.partitioned_checkpoints / t.values}};
  }
  if (has(name, "pipeline/bubble")) {
    const auto b =
        plan::pipeline_bubble(integer(in, "stages"), integer(in, "microbatches"), integer(in, "interleave"));
    return {{"bubble_over_ideal", b.over_ideal}, {"share_of_total", b.share_of_total()}};
  }
  if (in.contains("peak_flops") && in.contains("bandwidth"))
    return plan::Device{.name = "own",
                        .peak_flops_per_second = real(in, "peak_flops"),
                        .bytes_per_second = real(in, "bandwidth")}
        .ridge_flops_per_byte();
  if (has(name, "decode-bandwidth-bound") || has(name, "ft-13b-decode")) {
    const double weights =
        in.contains("weight_bytes") ? real(in, "weight_bytes") : real(in, "params") * real(in, "bytes");
    const auto t =
        plan::pass_time({.device = {.peak_flops_per_second = 1e30, .bytes_per_second = real(in, "bandwidth")},
                         .bytes = weights + in.value("kv_bytes", 0.0)});
    if (has(name, "ft-13b")) return t.seconds() * 1e3;
    return {{"ms_per_token", t.seconds() * 1e3}, {"tokens_per_s", in.value("batch", 1.0) / t.seconds()}};
  }
  if (name == "throughput/kipply-kv-52b-token")
    return plan::key_value_cache_bytes({.n_layers = integer(in, "layers"),
                                        .key_value_heads = integer(in, "heads"),
                                        .head_size = integer(in, "head_dim"),
                                        .tokens = 1});
  if (has(name, "context/few-shot"))
    return plan::examples_that_fit({.window = integer(in, "window"),
                                    .fixed_tokens = integer(in, "instruction_and_query_tokens"),
                                    .answer_tokens = integer(in, "reserve_output")},
                                   integer(in, "tokens_per_example"));
  if (has(name, "sliding-window"))
    return plan::windows_needed(integer(in, "tokens"), integer(in, "window"), integer(in, "stride"));
  if (has(name, "truncate")) {
    const auto pair = plan::truncate_longest_first({integer(in, "first"), integer(in, "second")},
                                                   integer(in, "special"), integer(in, "window"));
    return {{"first", pair.first}, {"second", pair.second}};
  }
  if (has(name, "alibi-slopes")) return ef::alibi_slopes(integer(in, "heads"));
  return nullptr;
}

}  // namespace cases
