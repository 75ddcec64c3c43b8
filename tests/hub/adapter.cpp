// Adapters in peft's folders: what is saved loads again to the bit, under peft's names; and a file of peft's
// changes the very matrices that it names.
#include "files.hpp"
#include "fixtures.hpp"
#include "support/lively_lora.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/parameter_bits.hpp"
#include <eigenformer/hub/load_adapter.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/hub/save_adapter.hpp>
#include <eigenformer/hub/write_safetensors.hpp>

#include <set>

namespace hub_adapter {

namespace ef = eigenformer;
using ef::Index;
using files::refusal;
using files::TemporaryFolder;
using fixtures::folder;

namespace {

/// The adapters, and the head, as bytes by path.
template <class Model> std::map<std::string, std::string> bits(const Model& model) {
  return support::bits_of(model.parameters(), [](const std::string& path) {
    return path.find(".lora.") != path.npos || path.starts_with("head.");
  });
}

template <class Load>
void check_round_trip(const std::string& name, const ef::LoraConfig& config, Load&& load) {
  CAPTURE(name);
  const TemporaryFolder copy;
  auto model = load(folder(name)), again = load(folder(name));
  ef::add_lora(model.parameters(), config);
  for (const bool trained : {false, true}) {  // before training B is zero everywhere
    if (trained) support::enliven_lora(model.parameters());
    ef::save_adapter(model, copy.file("adapter"), {.source = folder(name)});
    ef::load_adapter(again, copy.file("adapter"), folder(name));
    CHECK(bits(again) == bits(model));
  }
}

template <class S> auto causal() {
  return [](const std::string& path) { return ef::load_causal_lm<S>(path); };
}

std::set<std::string> tensor_names(const std::string& path) {
  std::set<std::string> out;
  const ef::SafeTensors file(path);
  for (const auto& [name, tensor] : file.tensors()) out.insert(name);
  return out;
}

bool says(const std::string& refusal, const char* part) { return refusal.find(part) != refusal.npos; }

/// A file of peft's for one module: A [rank, in] and B [out, rank].
void write_adapter(const TemporaryFolder& to, const std::string& module, const ef::Matrix<float>& a,
                   const ef::Matrix<float>& b, const std::string& config) {
  std::vector<ef::TensorView> tensors;
  for (const auto& [end, m] : {std::pair{".lora_A.weight", &a}, {".lora_B.weight", &b}})
    tensors.push_back({.name = "base_model.model." + module + end,
                       .type = ef::ElementType::f32,
                       .shape = {m->rows(), m->cols()},
                       .data = std::as_bytes(std::span(m->data(), static_cast<std::size_t>(m->size()))),
                       .file = {},
                       .owner = {}});
  ef::write_safetensors(to.file("adapter_model.safetensors"), tensors);
  to.write("adapter_config.json", config);
}

}  // namespace

TEST_CASE("adapters that are saved load again to the bit, in every family and for parts of fused matrices") {
  for (const char* const name : fixtures::decoders) {
    check_round_trip(name, {.rank = 3, .alpha = 5}, causal<float>());
    check_round_trip(name, {.rank = 2, .alpha = 7, .targets = {"all"}}, causal<double>());
    check_round_trip(name, {.rank = 2, .targets = {"blocks.1.*.key", "up"}}, causal<float>());
  }
  for (const char* const name : fixtures::seq2seq)
    check_round_trip(name, {.rank = 2, .targets = {"query", "cross.value", "down"}},
                     [](const std::string& path) { return ef::load_seq2seq<float>(path); });
  for (const char* const name : {"bert-mlm", "roberta-mlm", "distilbert-mlm"})
    check_round_trip(name, {.rank = 2},
                     [](const std::string& path) { return ef::load_masked_lm<float>(path); });
  for (const char* const name : {"bert-seqcls", "roberta-seqcls", "distilbert-seqcls"})
    check_round_trip(name, {.rank = 2},
                     [](const std::string& path) { return ef::load_classifier<float>(path); });
}

TEST_CASE("tensors and fields are called as peft calls them") {
  const TemporaryFolder copy;
  auto llama = ef::load_causal_lm<float>(folder("llama"));
  ef::add_lora(llama.parameters(), {.rank = 4, .alpha = 8});
  ef::save_adapter(llama, copy.path());
  std::set<std::string> expected;
  for (Index i = 0; i < llama.config().n_layers; ++i)
    for (const char* const end : {"q_proj.lora_A", "q_proj.lora_B", "v_proj.lora_A", "v_proj.lora_B"})
      expected.insert(ef::concat("base_model.model.model.layers.", i, ".self_attn.", end, ".weight"));
  CHECK(tensor_names(copy.file("adapter_model.safetensors")) == expected);
  ef::Json json = ef::read_json(copy.file("adapter_config.json"));
  CHECK(json["peft_type"] == "LORA");
  CHECK(json["task_type"] == "CAUSAL_LM");
  CHECK(json["r"] == 4);
  CHECK(json["lora_alpha"] == 8);
  CHECK(json["target_modules"] == ef::Json{"q_proj", "v_proj"});
  CHECK(json["fan_in_fan_out"] == false);
  CHECK(json["bias"] == "none");
  CHECK(json["rank_pattern"].empty());
  CHECK(json["modules_to_save"].is_null());

  auto gpt2 = ef::load_causal_lm<float>(folder("gpt2"));  // query, key and value are one matrix there
  ef::add_lora(gpt2.parameters(), {.rank = 4, .alpha = 8, .targets = {"query", "value", "up"}});
  ef::save_adapter(gpt2, copy.path(), {.base_model = "openai-community/gpt2"});
  const ef::SafeTensors file(copy.file("adapter_model.safetensors"));
  const Index d = gpt2.config().d_model;
  CHECK(file.at("base_model.model.transformer.h.0.attn.c_attn.lora_A.weight").shape ==
        std::vector{Index{8}, d});
  CHECK(file.at("base_model.model.transformer.h.0.attn.c_attn.lora_B.weight").shape ==
        std::vector{3 * d, Index{8}});
  CHECK(file.at("base_model.model.transformer.h.1.mlp.c_fc.lora_A.weight").shape == std::vector{Index{4}, d});
  json = ef::read_json(copy.file("adapter_config.json"));
  CHECK(json["base_model_name_or_path"] == "openai-community/gpt2");
  CHECK(json["target_modules"] == ef::Json{"c_attn", "c_fc"});
  CHECK(json["r"] == 8);
  CHECK(json["lora_alpha"] == 16);
  CHECK(json["rank_pattern"]["h.1.mlp.c_fc"] == 4);
  CHECK(json["alpha_pattern"]["h.1.mlp.c_fc"] == 8);
  CHECK(json["fan_in_fan_out"] == true);

  auto bert = ef::load_classifier<float>(folder("bert-seqcls"));
  ef::add_lora(bert.parameters(), {.rank = 2, .targets = {"attention.out"}});
  ef::save_adapter(bert, copy.path());
  json = ef::read_json(copy.file("adapter_config.json"));
  CHECK(json["task_type"] == "SEQ_CLS");
  CHECK(json["modules_to_save"] == ef::Json{"bert.pooler.dense", "classifier"});
  // "dense" would name the feed-forward layer too
  CHECK(json["target_modules"][0] == "bert.encoder.layer.0.attention.output.dense");
  CHECK(tensor_names(copy.file("adapter_model.safetensors")).contains("base_model.model.classifier.bias"));
}

TEST_CASE("an adapter of peft's on a fused or transposed matrix is that matrix plus scale · B · A") {
  support::Machine machine;
  const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6}};
  struct Case {
    const char *name, *module, *config;
    double scale;
    bool transposed;
  };
  for (const Case& c :
       {Case{"gpt2", "transformer.h.1.attn.c_attn", R"({"peft_type": "LORA", "r": 4, "lora_alpha": 6})", 1.5,
             true},
        Case{"gpt2", "transformer.h.0.mlp.c_proj",
             R"({"peft_type": "LORA", "r": 4, "lora_alpha": 1, "alpha_pattern": {"c_proj": 2}})", 0.5, true},
        Case{"gpt-neox", "gpt_neox.layers.0.attention.query_key_value",
             R"({"peft_type": "LORA", "r": 4, "lora_alpha": 6, "use_rslora": true})", 3.0, false},
        Case{"bloom", "transformer.h.1.self_attention.query_key_value",
             R"({"peft_type": "LORA", "r": 64, "lora_alpha": 8, "rank_pattern": {"query_key_value": 4}})",
             2.0, false},
        Case{"llama-gqa", "model.layers.1.self_attn.k_proj",
             R"({"peft_type": "LORA", "r": 4, "lora_alpha": 4})", 1.0, false}}) {
    CAPTURE(c.module);
    // the checkpoint with the change worked into its tensor, as the definition says
    const TemporaryFolder adapter, changed;
    const ef::SafeTensors original = ef::open_folder(folder(c.name));
    const std::string stem = c.module;
    const std::string full =
        original.find(stem + ".weight") ? stem : stem.substr(stem.find('.') + 1);  // without the prefix
    const ef::TensorView& tensor = original.at(full + ".weight");
    const Index rows = tensor.shape[c.transposed ? 1 : 0], columns = tensor.shape[c.transposed ? 0 : 1];
    const auto a = support::random_matrix<float>(4, columns, 1),
               b = support::random_matrix<float>(rows, 4, 2);
    const ef::Matrix<double> change = c.scale * b.cast<double>() * a.cast<double>();
    std::vector<float> values = tensor.values<float>();
    for (Index r = 0; r < rows; ++r)
      for (Index k = 0; k < columns; ++k) {
        float& value = values[static_cast<std::size_t>(c.transposed ? k * rows + r : r * columns + k)];
        value = static_cast<float>(static_cast<double>(value) + change(r, k));
      }
    std::vector<ef::TensorView> tensors;
    for (const auto& [name, each] : original.tensors()) {
      tensors.push_back(each);
      if (name == full + ".weight") {
        tensors.back().type = ef::ElementType::f32;
        tensors.back().data = std::as_bytes(std::span(values));
      }
    }
    ef::write_safetensors(changed.file("model.safetensors"), tensors);
    changed.write("config.json", files::read(folder(c.name) + "/config.json"));
    const auto expected = ef::load_causal_lm<float>(changed.path())(batch, machine.run);

    write_adapter(adapter, c.module, a, b, c.config);
    auto model = ef::load_causal_lm<float>(folder(c.name));
    const ef::Matrix<float> before = model(batch, machine.run);
    ef::load_adapter(model, adapter.path(), folder(c.name));
    CHECK(support::distance<float>(model(batch, machine.run), expected.cast<double>()) < 2e-5);
    CHECK(support::distance<float>(before, expected.cast<double>()) > 1e-3);
    ef::merge_lora(model.parameters(), machine.run);
    CHECK(support::distance<float>(model(batch, machine.run), expected.cast<double>()) < 2e-5);
  }
}

TEST_CASE("a merged model saves as any other, an unmerged one says what is in the way") {
  support::Machine machine;
  const TemporaryFolder to;
  const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6}};
  auto model = ef::load_causal_lm<float>(folder("gpt2"));
  ef::add_lora(model.parameters(), {.rank = 3, .targets = {"all"}});
  support::enliven_lora(model.parameters());
  const ef::Matrix<float> adapted = model(batch, machine.run);
  CHECK(refusal([&] { ef::save(model, to.path()); }).find("lora") != std::string::npos);
  ef::merge_lora(model.parameters(), machine.run);
  ef::save(model, to.path());
  const auto again = ef::load_causal_lm<float>(to.path());
  CHECK(support::same_bits<float>(again(batch, machine.run), model(batch, machine.run)));
  CHECK(support::distance<float>(again(batch, machine.run), adapted.cast<double>()) < 2e-5);
}

TEST_CASE("an adapter that does not fit is refused with its tensor, and the model stays as it was") {
  const TemporaryFolder to;
  auto model = ef::load_causal_lm<float>(folder("llama"));
  const Index d = model.config().d_model;
  const auto a = support::random_matrix<float>(2, d, 1), b = support::random_matrix<float>(d, 2, 2);
  const std::string good = R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4})",
                    module = "model.layers.0.self_attn.q_proj";
  const auto refused = [&](const std::string& its_module, const ef::Matrix<float>& its_a,
                           const ef::Matrix<float>& its_b, const std::string& config) {
    write_adapter(to, its_module, its_a, its_b, config);
    const std::string why = refusal([&] { ef::load_adapter(model, to.path(), folder("llama")); });
    CHECK_FALSE(ef::has_lora(model.parameters()));
    return why;
  };
  write_adapter(to, module, a, b, good);
  CHECK(refusal([&] { ef::load_adapter(model, to.path(), folder("llama")); }) == "");
  CHECK(ef::take_lora(model.parameters()).size() > 0);
  CHECK(says(refused("transformer.h.0.attn.c_attn", a, b, good),
             "transformer.h.0.attn.c_attn.lora_A.weight\": belongs to no matrix of this model"));
  CHECK(says(refused("model.layers.7.self_attn.q_proj", a, b, good), "belongs to no matrix"));
  CHECK(says(refused(module, a.leftCols(d - 1), b, good), "expected"));
  CHECK(says(refused(module, a, b.topRows(d - 1), good), "expected"));
  CHECK(says(refused(module, a, b, R"({"peft_type": "LORA", "r": 3, "lora_alpha": 4})"), "expected"));
  CHECK(says(refused(module, a, b, R"({"peft_type": "LORA", "r": 0, "lora_alpha": 4})"),
             "r: must be at least 1"));
  CHECK(says(refused(module, a, b, R"({"peft_type": "LORA", "r": 2})"), "lora_alpha: is missing"));
  CHECK(says(refused(module, a, b, R"({"peft_type": "IA3", "r": 2, "lora_alpha": 4})"), "\"IA3\""));
  CHECK(says(refused(module, a, b, R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_dora": true})"),
             "use_dora"));
  CHECK(says(refused(module, a, b, R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "all"})"),
             "bias"));
  CHECK(says(
      refused(module, a, b, R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "rank_pattern": {"q.*": 2}})"),
      "regular expression"));
  ef::Matrix<float> not_a_number = a;
  not_a_number(0, 0) = NAN;
  CHECK(says(refused(module, not_a_number, b, good), "nan"));
  CHECK(says(refusal([&] { ef::load_adapter(model, to.file("nowhere"), folder("llama")); }), "nowhere"));
  CHECK(says(refusal([&] { ef::save_adapter(model, to.path()); }), "no adapters to save"));

  ef::add_lora(model.parameters(), {.rank = 2});
  CHECK(refusal([&] { ef::save_adapter(model, to.file("new"), {.source = folder("bert-mlm")}); }) ==
        "decoder.blocks.0.attention.query: has an adapter, for which a checkpoint of type \"bert\" has no "
        "place");
  CHECK_FALSE(std::filesystem::exists(to.file("new")));

  auto gpt2 = ef::load_causal_lm<float>(folder("gpt2"));
  ef::add_lora(gpt2.parameters(), {.rank = 2, .targets = {"query", "value"}});
  for (auto& block : gpt2.parameters().decoder.blocks) block.attention.value.lora.scale = 0.25f;
  CHECK(says(refusal([&] { ef::save_adapter(gpt2, to.path()); }), "scales"));
}

}  // namespace hub_adapter
