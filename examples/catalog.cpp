// The catalog of published models: what they are made of, how many parameters each part has, and how much
// text fits their window.
//
//   catalog                     a table of all models
//   catalog llama-2-7b          one model, part by part
//   catalog --family encoder    those of one family
#include "common.hpp"
#include <eigenformer/plan.hpp>

#include <cstdio>

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using Json = nlohmann::json;

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
  std::printf("  window %td tokens (prompt and answer together)\n", entry.context_tokens());
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
}

struct Use {
  ef::Index prompt = 0, answer = 0;  ///< tokens
  bool given() const { return prompt != 0 || answer != 0; }
};

/// What a prompt and an answer leave of a model's window, which they share.
/// @throws InputError  for negative numbers
ef::Index left_of_window(const plan::CatalogEntry& entry, const Use& use) {
  return plan::free_tokens(
      {.window = entry.context_tokens(), .fixed_tokens = use.prompt, .answer_tokens = use.answer});
}

void print_use(const plan::CatalogEntry& entry, const Use& use) {
  const ef::Index left = left_of_window(entry, use);
  std::printf("%td tokens of prompt and %td of answer %s the window of %td: %td %s\n", use.prompt, use.answer,
              left < 0 ? "exceed" : "fit", entry.context_tokens(), left < 0 ? -left : left,
              left < 0 ? "too many" : "left");
}

void run(const std::string& name, const std::string& family, const Use& use, bool json) {
  if (!name.empty()) {
    const plan::CatalogEntry& entry = plan::published(name);
    if (use.given()) {
      const ef::Index left = left_of_window(entry, use);
      if (json) {
        Json j = to_json(entry);
        j["use"] = {{"prompt_tokens", use.prompt},
                    {"answer_tokens", use.answer},
                    {"left_tokens", left},
                    {"fits", left >= 0}};
        example::print(j);
      } else {
        print_use(entry, use);
      }
      return;
    }
    if (json)
      example::print(to_json(entry));
    else
      print_model(entry);
    return;
  }
  Json all = Json::array();
  if (!json) std::printf("%-24s %-16s %17s %8s %10s\n", "model", "family", "parameters", "window", "tokens");
  for (const plan::CatalogEntry& entry : plan::catalog()) {
    if (!family.empty() && entry.family() != family) continue;
    if (use.given() && left_of_window(entry, use) < 0) continue;
    if (json)
      all.push_back(to_json(entry));
    else
      print_row(entry);
  }
  if (json) example::print(all);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Published models, with parameters counted from their architecture");
  std::string name, family;
  Use use;
  bool json = false;
  app.add_option("model", name, "one model; all where absent");
  app.add_option("--family", family, "only these")
      ->check(CLI::IsMember({"encoder", "decoder", "encoder-decoder"}));
  app.add_option("--prompt-tokens", use.prompt, "does a prompt of this length fit the window, ...");
  app.add_option("--answer-tokens", use.answer, "... with an answer of this one? Of all: those it fits");
  app.add_flag("--json", json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(name, family, use, json); });
}
