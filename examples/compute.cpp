// How much arithmetic a model takes and how long it lasts: FLOPs part by part and by each convention, days
// and energy of training, utilisation of a measured run, and the time to answer at the roofline of a device.
//
//   compute llama-2-7b
//   compute llama-2-7b --train-tokens 2e12 --devices 1024 --device A100-80GB --utilisation 0.45
//   compute gpt3-175b --batch 1536 --devices 1024 --tokens-per-second 133e3 --recompute full
//   compute llama-2-7b --prompt-tokens 1000 --answer-tokens 200 --sequences 8 --weights Q4_K --device L4-24GB
//   compute --config config.json --peak-flops 1e14 --bandwidth 5e11
#include "common.hpp"
#include "planning.hpp"

#include <cstdio>

namespace {

struct Options {
  std::string model, config, device = "A100-80GB", recompute = "none", weights = "F16", cache = "F16";
  ef::Index tokens = 0, batch = 1, devices = 1, prompt = 0, answer = 0, sequences = 1;
  double train_tokens = 0, utilisation = 0.4, tokens_per_second = 0, peak_flops = 0, bandwidth = 0;
  bool json = false;
};

plan::Device device_of(const Options& o) {
  plan::Device device = plan::device(o.device);
  if (o.peak_flops != 0 || o.bandwidth != 0) {
    device.name = "your device";
    device.watts = 0;
    device.peak_flops_per_second = o.peak_flops;
    device.bytes_per_second = o.bandwidth;
  }
  return device;
}

/// FLOPs of one forward pass over one sequence.
Json forward(const plan::FlopOptions& o) {
  const plan::ForwardFlops f = plan::forward_flops(o);
  return {{"query_key_value", f.query_key_value},
          {"scores", f.scores},
          {"mixing", f.mixing},
          {"attention_out", f.attention_out},
          {"cross_attention", f.cross_attention},
          {"feed_forward", f.feed_forward},
          {"logits", f.logits},
          {"total", f.total()},
          {"first_block", plan::layer_forward_flops(o, 0).blocks()},
          {"score_share", f.score_share()}};
}

/// Training FLOPs of one token by each convention; those of a GPT for decoders alone.
Json conventions(const plan::FlopOptions& o, double parameters) {
  const double tokens = static_cast<double>(o.tokens);
  plan::FlopOptions half = o;
  half.scores = plan::ScoreCount::causal_half;
  Json out = {{"exact", plan::training_flops(o) / tokens},
              {"exact, causal half", plan::training_flops(half) / tokens},
              {"6N", plan::dense_flops(parameters, 1)}};
  const ef::ModelConfig& c = o.config;
  if (c.stacks != ef::Stacks::decoder) return out;
  const plan::PalmFlopOptions palm{.parameters = parameters,
                                   .n_layers = c.n_layers,
                                   .n_heads = c.n_heads,
                                   .head_size = c.head_width(),
                                   .tokens = o.tokens};
  out["PaLM, 6N + 12LHQT"] = plan::palm_flops_per_token(palm);
  if (!c.gated && c.d_ff == 4 * c.d_model && c.query_width() == c.d_model &&
      c.key_value_width() == c.d_model)  // what the Megatron formula takes for granted
    out["Megatron, 72BLsh²(1 + s/6h + V/12hL)"] =
        plan::megatron_step_flops(
            {.n_layers = c.n_layers, .d_model = c.d_model, .vocab_size = c.vocab_size, .tokens = o.tokens}) /
        tokens;
  return out;
}

Json step(const Options& o, const plan::FlopOptions& flops) {
  const double sequences = static_cast<double>(o.batch);
  return {{"sequences", o.batch},
          {"forward_flops", sequences * plan::forward_flops(flops).total()},
          {"backward_flops", sequences * plan::backward_flops(flops, recompute_of(o.recompute))},
          {"model_flops", sequences * plan::training_flops(flops)},
          {"hardware_flops", sequences * plan::training_flops(flops, recompute_of(o.recompute))}};
}

Json training(const Options& o, const plan::FlopOptions& flops, const plan::Device& device) {
  const double total = plan::training_flops(flops) / static_cast<double>(flops.tokens) * o.train_tokens;
  const plan::TrainingTime t = time_on(device, o.devices, o.utilisation, total);
  return {{"tokens", o.train_tokens},
          {"flops", total},
          {"seconds", t.seconds},
          {"days", t.days()},
          {"device_hours", t.device_hours},
          {"model_flops_utilisation", o.utilisation},
          {"kilowatt_hours", energy_json(device, t)}};
}

Json pass(const plan::PassTime& p) {
  return {{"seconds", p.seconds()},
          {"compute_seconds", p.compute_seconds},
          {"memory_seconds", p.memory_seconds},
          {"memory_bound", p.memory_bound()}};
}

Json answer(const Options& o, const ef::ModelConfig& config, const plan::Device& device) {
  const auto t = plan::generation_time({.config = config,
                                        .device = device,
                                        .weights = plan::storage_format(o.weights),
                                        .cache = plan::storage_format(o.cache),
                                        .prompt_tokens = o.prompt,
                                        .answer_tokens = o.answer,
                                        .sequences = o.sequences});
  return {{"prompt_tokens", o.prompt},
          {"answer_tokens", o.answer},
          {"sequences", o.sequences},
          {"prefill", pass(t.prefill)},
          {"decode_step", pass(t.decode)},
          {"total_seconds", t.total_seconds},
          {"decode_tokens_per_second", t.tokens_per_second}};
}

void print_report(const Options& o, const Json& out) {
  const auto line = [](const char* what, double flops, const char* more = "") {
    std::printf("  %s %12.4e%s\n", padded(what, 40).c_str(), flops, more);
  };
  const Json& f = out["forward_flops"];
  std::printf("%s parameters, %td tokens a sequence\n\nFLOPs of a forward pass over one sequence\n",
              plan::grouped(out["parameters"].get<ef::Index>()).c_str(), out["tokens"].get<ef::Index>());
  for (const char* part : {"query_key_value", "scores", "mixing", "attention_out", "cross_attention",
                           "feed_forward", "logits", "total"})
    if (f[part] > 0) line(part, f[part]);
  line("of it the first block", f["first_block"]);
  std::printf("  scores and mixing are %.1f%% of it\n", 100 * f["score_share"].get<double>());
  std::printf("\nFLOPs of training, for each token\n");
  for (const auto& [name, value] : out["training_flops_per_token"].items()) line(name.c_str(), value);
  line("forward alone, exact", out["forward_flops_per_token"]);
  line("forward alone, 2N", out["forward_flops_per_token_2n"]);
  const Json& s = out["step"];
  std::printf("\nFLOPs of a training step of %td sequence(s)\n", o.batch);
  line("forward", s["forward_flops"]);
  line("backward", s["backward_flops"],
       o.recompute == "none" ? "" : (" with recomputation: " + o.recompute).c_str());
  line("model (MFU counts these)", s["model_flops"]);
  line("hardware (HFU counts these)", s["hardware_flops"]);
  const std::string device = out["device"];
  if (out.contains("training")) {
    const Json& t = out["training"];
    std::printf("\ntraining on %s tokens: %.3e FLOPs\n", plan::count_text(t["tokens"]).c_str(),
                t["flops"].get<double>());
    std::printf("  %td × %s at %g of their peak: %s, %s device hours, %s\n", o.devices, device.c_str(),
                o.utilisation, plan::seconds_text(t["seconds"]).c_str(),
                plan::count_text(t["device_hours"]).c_str(), energy_text(t["kilowatt_hours"]).c_str());
  }
  if (out.contains("utilisation"))
    std::printf("\n%g tokens/s on %td × %s: MFU %.1f%%, HFU %.1f%%\n", o.tokens_per_second, o.devices,
                device.c_str(), 100 * out["utilisation"]["model_flops_utilisation"].get<double>(),
                100 * out["utilisation"]["hardware_flops_utilisation"].get<double>());
  if (out.contains("answer")) {
    const Json& a = out["answer"];
    std::printf("\n%td sequence(s), prompt %td and answer %td tokens, at the roofline of %s\n", o.sequences,
                o.prompt, o.answer, device.c_str());
    const auto time = [](const char* what, const Json& p) {
      std::printf("  %-20s %10s  (%s)\n", what, plan::seconds_text(p["seconds"]).c_str(),
                  p["memory_bound"] ? "memory bound" : "compute bound");
    };
    time("to the first token", a["prefill"]);
    time("each further token", a["decode_step"]);
    std::printf("  %-20s %10s, %.1f tokens/s in decoding; real programs reach 50-90%% of it\n", "all",
                plan::seconds_text(a["total_seconds"]).c_str(), a["decode_tokens_per_second"].get<double>());
  }
}

void run(const Options& o) {
  require(o.model.empty() != o.config.empty(), "give one of: a model of the catalog, --config");
  const auto [known, config, parameters] = planned(o.model, o.config);
  require(o.batch > 0 && o.devices > 0, "--batch and --devices must be positive");
  require_share(o.utilisation, "--utilisation");
  require(o.train_tokens >= 0 && o.tokens_per_second >= 0,
          "--train-tokens and --tokens-per-second must not be negative");
  require((o.prompt != 0) == (o.answer != 0), "--prompt-tokens and --answer-tokens belong together");
  require((o.peak_flops != 0) == (o.bandwidth != 0), "--peak-flops and --bandwidth belong together");
  require(o.peak_flops >= 0 && o.bandwidth >= 0, "--peak-flops and --bandwidth must be positive");
  const plan::Device device = device_of(o);
  const plan::FlopOptions flops{.config = config, .tokens = o.tokens ? o.tokens : config.max_positions};
  Json out = {{"parameters", parameters},
              {"tokens", flops.tokens},
              {"device", device.name},
              {"forward_flops", forward(flops)},
              {"step", step(o, flops)}};
  out["forward_flops_per_token"] =
      out["forward_flops"]["total"].get<double>() / static_cast<double>(flops.tokens);
  out["forward_flops_per_token_2n"] = plan::dense_flops(static_cast<double>(parameters), 1, 2);
  out["training_flops_per_token"] = conventions(flops, static_cast<double>(parameters));
  if (o.train_tokens > 0) out["training"] = training(o, flops, device);
  if (o.tokens_per_second > 0) {
    const auto u = plan::training_utilisation(flops, recompute_of(o.recompute), o.tokens_per_second,
                                              static_cast<double>(o.devices), device.peak_flops_per_second);
    out["utilisation"] = {{"model_flops_utilisation", u.model}, {"hardware_flops_utilisation", u.hardware}};
  }
  if (o.prompt != 0) out["answer"] = answer(o, config, device);
  if (o.json)
    example::print(out);
  else
    print_report(o, out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("FLOPs and time of training and of answering");
  Options o;
  app.add_option("model", o.model, "a model of the catalog");
  app.add_option("--config", o.config, "a config.json, or its folder, instead");
  app.add_option("--tokens", o.tokens, "of one training sequence; the model's window where absent");
  app.add_option("--batch", o.batch, "sequences of a training step");
  app.add_option("--recompute", o.recompute, "of activations: none, selective (scores) or full")
      ->check(CLI::IsMember({"none", "selective", "full"}));
  auto* const train_tokens =
      app.add_option("--train-tokens", o.train_tokens, "of the whole training: how many days?");
  app.add_option("--devices", o.devices, "that train");
  app.add_option("--device", o.device, "what they are; catalog --devices lists them");
  app.add_option("--peak-flops", o.peak_flops, "FLOP/s of a device of your own, with --bandwidth");
  app.add_option("--bandwidth", o.bandwidth, "its bytes/s of memory");
  app.add_option("--utilisation", o.utilisation, "model FLOPs over the peak (MFU) to expect")
      ->needs(train_tokens);
  app.add_option("--tokens-per-second", o.tokens_per_second, "measured on all devices: what was the MFU?");
  auto* const prompt =
      app.add_option("--prompt-tokens", o.prompt, "how long does an answer take? Its prompt, ...");
  app.add_option("--answer-tokens", o.answer, "... its own tokens, ...");
  app.add_option("--sequences", o.sequences, "... and how many are answered at once")->needs(prompt);
  app.add_option("--weights", o.weights, "storage format of the weights in answering")->needs(prompt);
  app.add_option("--cache", o.cache, "storage format of the key/value cache")->needs(prompt);
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(o); });
}
