// The catalog of published models: what they are made of, how many parameters each part has, and how much
// text fits their window.
//
//   catalog                     a table of all models
//   catalog llama-2-7b          one model, part by part
//   catalog --family encoder    those of one family
//   catalog gpt2 --prompt-tokens 300 --answer-tokens 100 --example-tokens 80
//   catalog --formats --number 0.1
//   catalog --devices
#include "planning.hpp"

#include <cmath>
#include <cstdio>
#include <random>

namespace {

Json to_json(const plan::CatalogEntry& entry) {
  Json j = {{"name", entry.name},
            {"family", entry.family()},
            {"objective", entry.objective},
            {"context_tokens", entry.context_tokens()}};
  if (entry.disclosed()) {
    const plan::ParameterCount count = plan::count_parameters(entry.config);
    const ef::ModelConfig& c = entry.config;
    j["parameters"] = plan::parameters_of(entry);
    j["architecture"] = {{"vocab_size", c.vocab_size},
                         {"d_model", c.d_model},
                         {"n_layers", c.n_layers},
                         {"n_heads", c.n_heads},
                         {"n_key_value_heads", c.key_value_heads()},
                         {"head_size", c.head_width()},
                         {"d_ff", c.d_ff}};
    if (c.stacks == ef::Stacks::encoder_decoder) j["architecture"]["encoder_layers"] = c.encoder().n_layers;
    j["parts"] = {{"token_embeddings", count.token_embeddings},
                  {"positions", count.positions},
                  {"token_types", count.token_types},
                  {"blocks", count.blocks()},
                  {"norms", count.embedding_norms + count.final_norms},
                  {"relative_bias", count.relative_bias},
                  {"pooler", count.pooler},
                  {"head", count.head},
                  {"outside_of_config", entry.outside_of_config}};
  } else {
    j["parameters"] = nullptr;
  }
  j["training_tokens"] = entry.training_tokens > 0 ? Json(entry.training_tokens) : Json(nullptr);
  j["training_flops"] = entry.training_flops > 0 ? Json(entry.training_flops) : Json(nullptr);
  j["source"] = entry.source;
  if (!entry.training_source.empty()) j["training_source"] = entry.training_source;
  if (!entry.note.empty()) j["note"] = entry.note;
  return j;
}

std::string or_dash(double value, std::string (*text)(double)) { return value > 0 ? text(value) : "-"; }

void print_row(const plan::CatalogEntry& entry) {
  const std::string parameters =
      entry.disclosed() ? plan::grouped(plan::parameters_of(entry)) : "not published";
  std::printf("%-24s %-16s %17s %8td %10s\n", std::string(entry.name).c_str(),
              std::string(entry.family()).c_str(), parameters.c_str(), entry.context_tokens(),
              or_dash(entry.training_tokens, plan::count_text).c_str());
}

void print_line(const char* what, ef::Index value) {
  if (value != 0) std::printf("  %-28s %19s\n", what, plan::grouped(value).c_str());
}

void print_layer(const char* what, const plan::LayerParameters& layer, ef::Index layers) {
  if (layers == 0) return;
  std::printf("  %s, %td times\n", what, layers);
  print_line("  attention", layer.attention);
  print_line("  cross-attention", layer.cross_attention);
  print_line("  feed-forward", layer.feed_forward);
  print_line("  norms", layer.norms);
}

void print_model(const plan::CatalogEntry& entry) {
  std::printf("%s: %s, %s\n", std::string(entry.name).c_str(), std::string(entry.family()).c_str(),
              std::string(entry.objective).c_str());
  if (entry.disclosed()) {
    const ef::ModelConfig& c = entry.config;
    std::printf(
        "  width %td, %td layers, %td heads of %td (%td for keys and values), feed-forward %td, vocabulary "
        "%td\n",
        c.d_model, c.n_layers, c.n_heads, c.head_width(), c.key_value_heads(), c.d_ff, c.vocab_size);
  }
  std::printf("  window %td tokens%s\n", entry.context_tokens(),
              entry.family() == "decoder"           ? " (prompt and answer together)"
              : entry.family() == "encoder-decoder" ? " (each for source and answer)"
                                                    : "");
  if (entry.training_tokens > 0)
    std::printf("  trained on %s tokens\n", plan::count_text(entry.training_tokens).c_str());
  if (entry.training_flops > 0) std::printf("  training FLOPs as published: %.3g\n", entry.training_flops);
  if (entry.disclosed()) {
    const plan::ParameterCount p = plan::count_parameters(entry.config);
    std::printf("parameters\n");
    print_line("token embeddings", p.token_embeddings);
    print_line("positions", p.positions);
    print_line("token types", p.token_types);
    print_layer("encoder block", p.encoder_layer, p.encoder_layers);
    print_layer("decoder block", p.decoder_layer, p.decoder_layers);
    print_line("norms around the blocks", p.embedding_norms + p.final_norms);
    print_line("relative position buckets", p.relative_bias);
    print_line("pooler", p.pooler);
    print_line("head", p.head);
    print_line("outside of the config", entry.outside_of_config);
    print_line("total", plan::parameters_of(entry));
  }
  if (!entry.note.empty()) std::printf("note: %s\n", std::string(entry.note).c_str());
  std::printf("source: %s\n", std::string(entry.source).c_str());
  if (!entry.training_source.empty())
    std::printf("source of the training figures: %s\n", std::string(entry.training_source).c_str());
}

struct Use {
  ef::Index prompt = 0, answer = 0, example = 0;  ///< tokens
  bool given() const { return prompt != 0 || answer != 0 || example != 0; }
};

Json use_json(const plan::CatalogEntry& entry, const Use& use) {
  const plan::WindowUse left = plan::window_use(entry.config, use.prompt, use.answer);
  Json out = {{"prompt_tokens", use.prompt},
              {"answer_tokens", use.answer},
              {"left_tokens", (std::min)(left.prompt_left, left.answer_left)},
              {"fits", left.fits()}};
  if (use.example != 0) {
    const ef::Index answer = entry.family() == "decoder" ? use.answer : 0;  // elsewhere it has its own window
    out["examples_that_fit"] = plan::examples_that_fit(
        {.window = entry.context_tokens(), .fixed_tokens = use.prompt, .answer_tokens = answer}, use.example);
  }
  return out;
}

void print_use(const plan::CatalogEntry& entry, const Use& use) {
  const Json u = use_json(entry, use);
  const ef::Index left = u["left_tokens"];
  std::printf("%td tokens of prompt and %td of answer %s the window of %td%s: %td %s\n", use.prompt,
              use.answer, left < 0 ? "exceed" : "fit", entry.context_tokens(),
              entry.family() == "encoder-decoder" ? ", one each" : "", left < 0 ? -left : left,
              left < 0 ? "too many" : "left");
  if (use.example != 0)
    std::printf("%td examples of %td tokens fit beside them\n", u["examples_that_fit"].get<ef::Index>(),
                use.example);
}

/// The numeric formats: what they are, what a number becomes in them, and what a matrix of normal numbers
/// loses.
void formats(double number, bool json) {
  Json all = Json::array();
  std::vector<double> normal(1 << 14);
  std::mt19937_64 random(1);
  for (double& x : normal) {  // Box and Muller
    const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
    x = std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::acos(-1.0) * uniform());
  }
  for (const plan::Conversion& c : plan::conversions) {
    Json j = {{"name", c.name}, {"bits_per_value", c.bits_per_value}};
    for (const plan::FloatFormat& f : plan::float_formats) {
      if (f.name != c.name) continue;
      j["exponent_bits"] = f.exponent_bits, j["fraction_bits"] = f.fraction_bits, j["bytes"] = f.bytes();
      j["max"] = f.max(), j["min_normal"] = f.min_normal(), j["min_subnormal"] = f.min_subnormal();
      j["epsilon"] = f.epsilon();
      const double becomes = plan::rounded(f, number);
      j["becomes"] = std::isfinite(becomes) ? Json(becomes) : Json(nullptr);
    }
    j["relative_error"] = plan::conversion_error(normal, plan::converted(c, normal)).relative;
    all.push_back(j);
  }
  // Formats of which only the size is known here: what they lose is not measured.
  for (const plan::StorageFormat& f : plan::storage_formats) {
    const bool shown =
        std::any_of(std::begin(plan::conversions), std::end(plan::conversions),
                    [&](const plan::Conversion& c) { return plan::storage_format(c.name).name == f.name; });
    if (!shown)
      all.push_back({{"name", f.name}, {"bits_per_value", f.bits_per_value()}, {"relative_error", nullptr}});
  }
  if (json) return print_json(all);
  std::printf("%-11s %6s %4s %5s %12s %12s %12s %12s %20s %9s\n", "format", "bits", "exp", "frac", "max",
              "min normal", "subnormal", "epsilon", ef::concat(number, " becomes").c_str(), "loss");
  for (const Json& j : all) {
    std::printf("%-11s %6g ", j["name"].get<std::string>().c_str(), j["bits_per_value"].get<double>());
    if (j.contains("max")) {
      std::printf("%4d %5d %12.4e %12.4e %12.4e %12.4e ", j["exponent_bits"].get<int>(),
                  j["fraction_bits"].get<int>(), j["max"].get<double>(), j["min_normal"].get<double>(),
                  j["min_subnormal"].get<double>(), j["epsilon"].get<double>());
      if (j["becomes"].is_null())
        std::printf("%20s ", "out of range");
      else
        std::printf("%20.12g ", j["becomes"].get<double>());
    } else {
      std::printf("%83s", "");
    }
    if (j["relative_error"].is_null())
      std::printf("%9s\n", "-");
    else
      std::printf("%8.4f%%\n", 100 * j["relative_error"].get<double>());
  }
  std::printf(
      "loss: root mean square error of 16,384 normal numbers, relative to theirs; -: the size alone is "
      "known\n");
}

std::string teraflops(double flops) { return flops > 0 ? plan::detail::scaled(flops, "%.4g", 1e12) : "-"; }

void devices(bool json) {
  Json all = Json::array();
  if (!json)
    std::printf("%-16s %5s %8s %9s %9s %9s %6s  %s\n", "device", "GB", "GB/s", "TFLOP/s 8", "16", "32 bit",
                "W", "source");
  for (const plan::Device& d : plan::known_devices) {
    all.push_back({{"name", d.name},
                   {"peak_flops_per_second", d.peak_flops_per_second},
                   {"peak_flops_per_second_8_bit", d.peak_8_bit > 0 ? Json(d.peak_8_bit) : Json(nullptr)},
                   {"peak_flops_per_second_32_bit", d.peak_32_bit > 0 ? Json(d.peak_32_bit) : Json(nullptr)},
                   {"bytes_per_second", d.bytes_per_second},
                   {"memory_bytes", d.memory_bytes},
                   {"usable_bytes", d.memory_bytes * d.usable_share},
                   {"watts", d.watts > 0 ? Json(d.watts) : Json(nullptr)},
                   {"ridge_flops_per_byte", d.ridge_flops_per_byte()},
                   {"source", d.source}});
    if (!json)
      std::printf("%-16s %5g %8g %9s %9s %9s %6s  %s\n", std::string(d.name).c_str(),
                  d.memory_bytes / plan::gigabyte, d.bytes_per_second / plan::gigabyte,
                  teraflops(d.peak_8_bit).c_str(), teraflops(d.peak_flops_per_second).c_str(),
                  teraflops(d.peak_32_bit).c_str(), d.watts > 0 ? ef::concat(d.watts).c_str() : "-",
                  std::string(d.source).c_str());
  }
  if (json) print_json(all);
}

void run(const std::string& name, const std::string& family, const Use& use, bool json) {
  if (!name.empty()) {
    const plan::CatalogEntry& entry = model_named(name);
    if (json) {
      Json j = to_json(entry);
      if (use.given()) j["use"] = use_json(entry, use);
      print_json(j);
    } else if (use.given()) {
      print_use(entry, use);
    } else {
      print_model(entry);
    }
    return;
  }
  Json all = Json::array();
  if (!json) std::printf("%-24s %-16s %17s %8s %10s\n", "model", "family", "parameters", "window", "tokens");
  for (const plan::CatalogEntry& entry : plan::catalog()) {
    if (!family.empty() && entry.family() != family) continue;
    if (use.answer > 0 && entry.family() == "encoder") continue;  // gives no answer
    if (use.given() && !plan::window_use(entry.config, use.prompt, use.answer).fits()) continue;
    if (json)
      all.push_back(to_json(entry));
    else
      print_row(entry);
  }
  if (json) print_json(all);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Published models, with parameters counted from their architecture");
  std::string name, family;
  Use use;
  bool json = false, show_formats = false, show_devices = false;
  double number = 0.1;
  app.add_option("model", name, "one model; all where absent");
  app.add_option("--family", family, "only these")
      ->check(CLI::IsMember({"encoder", "decoder", "encoder-decoder"}));
  add_count(app, "--prompt-tokens", use.prompt, tokens_range,
            "does a prompt of this length fit the window, ...");
  add_count(app, "--answer-tokens", use.answer, tokens_range,
            "... with an answer of this one? Of all models: those whose window they fit");
  add_count(app, "--example-tokens", use.example, tokens_range,
            "how many few-shot examples of this length fit beside them");
  app.add_flag("--formats", show_formats, "the numeric formats instead, and what they lose");
  add_amount(app, "--number", number, {-1e308, 1e308},
             "what this number becomes in each format (0.1 where absent)");
  app.add_flag("--devices", show_devices, "the devices that compute, memory and scaling know instead");
  app.add_flag("--json", json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    require_with(app, "--number", "--formats", "it asks what formats make of the number");
    require(!(show_formats && show_devices),
            "give one of --formats and --devices: each prints its own table");
    require((!show_formats && !show_devices) || (name.empty() && family.empty() && !use.given()),
            "--formats and --devices are tables of their own: leave models and tokens away");
    if (show_formats)
      formats(number, json);
    else if (show_devices)
      devices(json);
    else
      run(name, family, use, json);
  });
}
