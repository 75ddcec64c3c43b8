// How much arithmetic a model takes and how long it lasts: FLOPs part by part and by each convention, days,
// energy and price of training, utilisation of a measured run, and the time to answer at the roofline of a
// device.
//
//   compute llama-2-7b
//   compute llama-2-7b --train-tokens 2T --devices 1024 --device A100-80GB --utilisation 0.45 --price 2.5
//   compute gpt3-175b --batch 1536 --devices 1024 --tokens-per-second 133e3 --recompute full
//   compute llama-2-7b --prompt-tokens 1000 --answer-tokens 200 --sequences 8 --weights Q4_K --device L4-24GB
//   compute --config config.json --peak-flops 1e14 --bandwidth 5e11
#include "planning.hpp"

#include <cstdio>

namespace {

struct Options {
  std::string model, config, device = "A100-80GB", recompute = "none", arithmetic = "16", weights = "F16",
                             cache = "F16";
  ef::Index tokens = 0, batch = 1, devices = 1, prompt = 0, answer = 0, sequences = 1;
  double train_tokens = 0, utilisation = 0.4, tokens_per_second = 0, peak_flops = 0, bandwidth = 0, price = 0;
  bool json = false, lengths_assumed = false;
};

plan::Device device_of(const Options& o) {
  plan::Device device = device_named(o.device);
  const plan::Arithmetic arithmetic = o.arithmetic == "32"  ? plan::Arithmetic::bits_32
                                      : o.arithmetic == "8" ? plan::Arithmetic::bits_8
                                                            : plan::Arithmetic::bits_16;
  if (o.peak_flops == 0)
    require(device.peak(arithmetic) > 0,
            ef::concat("the peak of ", device.name, " in ", o.arithmetic,
                       " bits is not stated: leave --arithmetic away, or give --peak-flops and --bandwidth"));
  device.peak_flops_per_second = device.peak(arithmetic);
  if (o.peak_flops != 0 || o.bandwidth != 0) {
    device.name = "your device";
    device.watts = 0;
    device.memory_bytes = 0;
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
  Json out = {{"tokens", o.train_tokens},
              {"flops", total},
              {"seconds", t.seconds},
              {"days", t.days()},
              {"device_hours", t.device_hours},
              {"model_flops_utilisation", o.utilisation},
              {"kilowatt_hours", energy_json(device, t)}};
  if (o.price > 0) out["cost"] = t.cost(o.price);
  return out;
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
  const double bytes = plan::inference_memory({.config = config,
                                               .weights = plan::storage_format(o.weights),
                                               .cache = plan::storage_format(o.cache),
                                               .tokens = o.prompt + o.answer,
                                               .sequences = o.sequences,
                                               .rows = o.sequences})
                           .total_bytes();
  Json out = {{"prompt_tokens", o.prompt},
              {"answer_tokens", o.answer},
              {"sequences", o.sequences},
              {"prefill", pass(t.prefill)},
              {"decode_step", pass(t.decode)},
              {"total_seconds", t.total_seconds},
              {"decode_tokens_per_second", t.tokens_per_second},
              {"needed_bytes", bytes}};
  if (device.memory_bytes > 0) out["fits"] = bytes <= device.memory_bytes * device.usable_share;
  if (o.price > 0) out["cost_of_a_million_tokens"] = t.cost_of_a_million(o.price, o.answer, o.sequences);
  return out;
}

/// What was asked, each in a line.
std::vector<std::string> lines_of(const Options& o, const Json& out) {
  const std::string device = out["device"];
  const auto devices = [&] {
    return o.devices == 1 ? "one " + device : ef::concat(o.devices, " × ", device);
  };
  std::vector<std::string> lines;
  if (out.contains("training")) {
    const Json& t = out["training"];
    std::string line = ef::concat("training on ", plan::short_count_text(t["tokens"]), " tokens takes ",
                                  plan::seconds_text(t["seconds"]), " on ", devices(), " at ", o.utilisation,
                                  " of their peak: ", small_or_large(t["device_hours"]), " device hours, ",
                                  energy_text(t["kilowatt_hours"]));
    if (t.contains("cost"))
      line += ef::concat("; it costs ", money_text(t["cost"]), " at ", o.price, " a device hour");
    lines.push_back(line);
  }
  if (out.contains("utilisation"))
    lines.push_back(
        ef::concat(plan::short_count_text(o.tokens_per_second), " tokens a second on ", devices(), " use ",
                   plan::detail::scaled(out["utilisation"]["model_flops_utilisation"], "%.1f%%", 0.01),
                   " of the peak (MFU), ",
                   plan::detail::scaled(out["utilisation"]["hardware_flops_utilisation"], "%.1f%%", 0.01),
                   " with what is computed again (HFU)"));
  if (out.contains("answer")) {
    const Json& a = out["answer"];
    std::string line =
        ef::concat("answering takes at least ", plan::seconds_text(a["total_seconds"]), " on one ", device,
                   " and writes at most ", plan::detail::scaled(a["decode_tokens_per_second"], "%.1f", 1.0),
                   " tokens a second (prompt ", o.prompt, " and answer ", o.answer, " tokens",
                   o.lengths_assumed ? ", as none were given" : "", "; ", o.sequences,
                   " at once, weights in ", o.weights, ")");
    if (a.contains("cost_of_a_million_tokens"))
      line += ef::concat("; a million tokens of answers cost at least ",
                         money_text(a["cost_of_a_million_tokens"]), " at ", o.price, " a device hour");
    if (a.contains("fits") && !a["fits"])
      line += ef::concat("; but this does not fit: it needs ", plan::bytes_text(a["needed_bytes"]),
                         ", so that the time is that of a device with as much memory");
    lines.push_back(line);
  }
  if (lines.empty())
    lines.push_back(ef::concat("one token takes ",
                               plan::detail::scaled(out["forward_flops_per_token"], "%.4g", 1.0),
                               " FLOPs to read or write and ",
                               plan::detail::scaled(out["training_flops_per_token"]["exact"], "%.4g", 1.0),
                               " to train on; for days, energy and "
                               "price give --train-tokens, for the time of an answer --prompt-tokens"));
  return lines;
}

void print_report(const Options& o, const Json& out) {
  const auto line = [](const char* what, double flops, const char* more = "") {
    std::printf("  %s %12.4e%s\n", padded(what, 40).c_str(), flops, more);
  };
  for (const std::string& text : lines_of(o, out)) std::printf("%s\n", text.c_str());
  const Json& f = out["forward_flops"];
  std::printf("\n%s parameters, %td tokens a sequence%s\n\nFLOPs of a forward pass over one sequence\n",
              plan::grouped(out["parameters"].get<ef::Index>()).c_str(), out["tokens"].get<ef::Index>(),
              out["beyond_window"] ? ", which are more than the model's window" : "");
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
  if (out.contains("training"))
    std::printf("\ntraining on %s tokens: %.3e FLOPs\n", plan::count_text(out["training"]["tokens"]).c_str(),
                out["training"]["flops"].get<double>());
  if (out.contains("answer")) {
    const Json& a = out["answer"];
    std::printf("\n%td sequence(s), prompt %td and answer %td tokens, at the roofline of %s\n", o.sequences,
                o.prompt, o.answer, out["device"].get<std::string>().c_str());
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

/// Where answering is meant and its lengths were not given: a prompt of 512 tokens and an answer of 128, or
/// three quarters and one quarter of a shorter window.
void assume_lengths(const CLI::App& app, Options& o, const ef::ModelConfig& config) {
  const bool prompt = o.prompt != 0, answer = o.answer != 0;
  require(prompt == answer, ef::concat(prompt ? "--prompt-tokens requires --answer-tokens"
                                              : "--answer-tokens requires --prompt-tokens",
                                       ": the time of an answer depends on both lengths"));
  const bool meant = app.count("--weights") + app.count("--cache") + app.count("--sequences") > 0;
  require(config.stacks == ef::Stacks::decoder || !(prompt || meant),
          "the time of an answer is computed for decoders alone, and this model has an encoder: leave away "
          "--prompt-tokens, --answer-tokens, --weights, --cache and --sequences");
  if (prompt || !meant) return;
  o.lengths_assumed = true;
  o.prompt = (std::max)(ef::Index{1}, (std::min)(ef::Index{512}, config.max_positions * 3 / 4));
  o.answer = (std::max)(ef::Index{1}, (std::min)(ef::Index{128}, config.max_positions / 4));
}

void run(const CLI::App& app, Options& o) {
  require(o.model.empty() != o.config.empty(), "give one of: a model of the catalog, --config");
  const auto [known, config, parameters] = planned(o.model, o.config);
  require_with(app, "--utilisation", "--train-tokens", "it is the share of the peak that training reaches");
  require((o.peak_flops != 0) == (o.bandwidth != 0),
          "--peak-flops and --bandwidth belong together: they say what a device of your own can do");
  require(o.peak_flops == 0 || app.count("--device") == 0,
          "give --device, or --peak-flops with --bandwidth: both say what the devices can do");
  assume_lengths(app, o, config);
  require(o.price == 0 || o.train_tokens > 0 || o.prompt != 0,
          "--price requires --train-tokens or --prompt-tokens: it is the price of the time that these take");
  const plan::Device device = device_of(o);
  const plan::FlopOptions flops{.config = config, .tokens = o.tokens ? o.tokens : config.max_positions};
  Json out = {{"parameters", parameters},
              {"tokens", flops.tokens},
              {"beyond_window", flops.tokens > config.max_positions},
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
    require(u.model <= 1,
            ef::concat(o.tokens_per_second, " tokens a second would take ",
                       plan::detail::scaled(u.model, "%.3g", 1.0), " times the peak of ", o.devices, " × ",
                       device.name, ": check --tokens-per-second, --devices and --device"));
    out["utilisation"] = {{"model_flops_utilisation", u.model}, {"hardware_flops_utilisation", u.hardware}};
  }
  if (o.prompt != 0) out["answer"] = answer(o, config, device);
  if (o.json)
    print_json(out);
  else
    print_report(o, out);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("FLOPs, time and price of training and of answering");
  Options o;
  app.add_option("model", o.model, "a model of the catalog (the program `catalog` lists them)");
  app.add_option("--config", o.config, "a config.json, or its folder, instead");
  add_count(app, "--tokens", o.tokens, tokens_range,
            "of one training sequence; the model's window where absent");
  add_count(app, "--batch", o.batch, sequences_range, "sequences of a training step (1 where absent)");
  app.add_option("--recompute", o.recompute,
                 "activations computed again: none (the default), selective (scores) or full")
      ->check(CLI::IsMember({"none", "selective", "full"}));
  add_amount(app, "--train-tokens", o.train_tokens, text_range,
             "how many days does training on so many tokens take? 2T");
  add_count(app, "--devices", o.devices, devices_range, "devices that train (1 where absent)");
  app.add_option("--device", o.device,
                 "what they are: A100-80GB (the default), RTX4090, ...; `catalog --devices` lists them");
  app.add_option("--arithmetic", o.arithmetic,
                 "bits of the numbers that are multiplied, which decide the peak: 32, 16 (the "
                 "default) or 8")
      ->check(CLI::IsMember({"32", "16", "8"}));
  add_amount(app, "--peak-flops", o.peak_flops, {1e6, 1e21},
             "FLOP/s of a device of your own, with --bandwidth");
  add_amount(app, "--bandwidth", o.bandwidth, {1e6, 1e18}, "its bytes a second of memory");
  add_utilisation(app, o.utilisation);
  add_amount(app, "--price", o.price, price_range, "of one device for an hour: what does it cost?");
  add_amount(app, "--tokens-per-second", o.tokens_per_second, {1e-3, 1e15},
             "measured in training on all devices: what was the MFU?");
  add_count(app, "--prompt-tokens", o.prompt, tokens_range,
            "how long does an answer take to a prompt of this length, ...");
  add_count(app, "--answer-tokens", o.answer, tokens_range, "... with so many tokens of its own");
  add_count(app, "--sequences", o.sequences, sequences_range,
            "how many are answered at once (1 where absent)");
  add_format(app, "--weights", o.weights, "storage format of the weights in answering (F16 where absent)");
  add_format(app, "--cache", o.cache, "storage format of the key/value cache (F16 where absent)");
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(app, o); });
}
