// Fields of peft's adapter_config.json: those that the library does not obey are refused by name, and load
// where they are off.
#include "files.hpp"
#include "fixtures.hpp"
#include "support/matrices.hpp"
#include <eigenformer/hub/load_adapter.hpp>
#include <eigenformer/hub/write_safetensors.hpp>

namespace hub_adapter_fields {

namespace ef = eigenformer;
using files::TemporaryFolder;

namespace {

/// A model and a folder with an adapter of rank 2 for one of its matrices, whose config is written anew each
/// time.
struct Adapted {
  ef::CausalLM<float> model = ef::load_causal_lm<float>(fixtures::folder("llama-gqa"));
  TemporaryFolder folder;

  Adapted() {
    const ef::Index d = model.config().d_model;
    const auto a = support::random_matrix<float>(2, d, 1), b = support::random_matrix<float>(d, 2, 2);
    std::vector<ef::TensorView> tensors;
    for (const auto& [end, m] : {std::pair{"lora_A", &a}, {"lora_B", &b}})
      tensors.push_back(
          {.name = ef::concat("base_model.model.model.layers.0.self_attn.q_proj.", end, ".weight"),
           .type = ef::ElementType::f32,
           .shape = {m->rows(), m->cols()},
           .data = std::as_bytes(std::span(m->data(), static_cast<std::size_t>(m->size()))),
           .file = {},
           .owner = {}});
    ef::write_safetensors(folder.file("adapter_model.safetensors"), tensors);
  }

  /// Loads it with this field in its config; the refusal.
  std::string load(const char* field = nullptr, const ef::Json& value = nullptr) {
    ef::Json config{{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}, {"target_modules", {"q_proj"}}};
    if (field) config[field] = value;
    folder.write("adapter_config.json", config.dump());
    return files::refusal([&] { ef::load_adapter(model, folder.path(), fixtures::folder("llama-gqa")); });
  }
  double scale() const {
    return static_cast<double>(model.parameters().decoder.blocks[0].attention.query.lora.scale);
  }
};

}  // namespace

TEST_CASE(
    "an adapter whose config says what is not done here is refused by the field, and loads without it") {
  Adapted adapted;
  CHECK(adapted.load() == "");
  struct Field {
    const char* name;
    std::vector<ef::Json> harmful, harmless;
  };
  const ef::Json none = ef::Json::array(), empty = ef::Json::object();
  for (const Field& field : {
           Field{"init_lora_weights",
                 {"pissa", "pissa_niter_4", "olora", "OLoRA", "corda", "loftq", "a new one", 1},
                 {true, false, nullptr, "gaussian", "Gaussian", "eva", "orthogonal", "lora_ga", "mica"}},
           Field{"alora_invocation_tokens", {ef::Json{5, 7}}, {nullptr, none}},
           Field{"layer_replication", {ef::Json{{0, 1}, {0, 1}}}, {nullptr, none}},
           Field{"use_dora", {true}, {false, nullptr}},
           Field{"lora_bias", {true}, {false, nullptr}},
           Field{"bias", {"all", "lora_only"}, {"none", nullptr}},
           Field{
               "trainable_token_indices", {ef::Json{5, 7}, ef::Json{{"embed_tokens", {5}}}}, {nullptr, none}},
           Field{"use_bdlora", {ef::Json{{"nblocks", 2}}}, {nullptr, false}},
           Field{"arrow_config", {ef::Json{{"top_k", 3}}}, {nullptr, empty}},
           Field{"kasa_config", {ef::Json{{"beta", 1e-4}}}, {nullptr}},
           Field{"monteclora_config", {ef::Json{{"num_samples", 8}}}, {nullptr}},
           Field{"target_modules",
                 {ef::Json{"k_proj", "proj"}},
                 {nullptr, ef::Json{"k_proj", "q_proj"}, ".*q_proj", "all-linear"}},
           Field{"exclude_modules",
                 {ef::Json{"q_proj"}, ef::Json{"k_proj", "0.self_attn.q_proj"}},
                 {nullptr, none, ef::Json{"k_proj"}}},
           Field{"layers_to_transform", {1, ef::Json{1, 2}}, {0, nullptr, none, ef::Json{0, 1}}},
           Field{"use_rslora", {}, {true, false}},
           Field{"loftq_config", {}, {empty, nullptr}},
           Field{"fan_in_fan_out", {}, {true, false}},
           Field{"lora_dropout", {}, {0.1}},
       }) {
    CAPTURE(field.name);
    for (const ef::Json& value : field.harmful) {
      CAPTURE(value);
      const std::string why = adapted.load(field.name, value);
      CAPTURE(why);
      CHECK(why.starts_with(ef::concat(field.name, ": ")));
      const bool of_modules = why.find("leaves out \"model.layers.0.self_attn.q_proj\"") != why.npos;
      CHECK((of_modules || why.find(" is " + value.dump()) != why.npos));
      CHECK(why.find(adapted.folder.file("adapter_config.json")) != why.npos);
    }
    for (const ef::Json& value : field.harmless) {
      CAPTURE(value);
      CHECK(adapted.load(field.name, value) == "");
    }
  }
}

TEST_CASE("a dot in a pattern of ranks or alphas stands for any character, as in peft") {
  Adapted adapted;
  const std::pair<const char*, double> cases[] = {{"q.proj", 30.0},
                                                  {"layers.0.self_attn.q_proj", 30.0},
                                                  {"model.layers.0.self_attn.q_proj", 30.0},
                                                  {"self.attn.......", 30.0},
                                                  {"_proj", 4.0},
                                                  {"q.proj.", 4.0},
                                                  {"q.pro", 4.0},
                                                  {"1.self_attn.q_proj", 4.0}};
  for (const auto& one : cases) {
    CAPTURE(one.first);
    CHECK(adapted.load("alpha_pattern", {{one.first, 30}}) == "");
    CHECK(adapted.scale() == one.second / 2);
  }
}

}  // namespace hub_adapter_fields
