// The catalog against config.json as it is published with the models, read by the hub.
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/config.hpp>
#include <eigenformer/plan.hpp>

#include <set>

#include <doctest/doctest.h>

namespace plan_published_configs {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using Json = nlohmann::json;

namespace {

struct Published {
  const char* name;
  const char* config_json;  ///< the fields that decide on shapes
};

const Published published[] = {
    {"llama-2-70b",
     R"({"model_type": "llama", "vocab_size": 32000, "hidden_size": 8192, "num_hidden_layers": 80,
      "num_attention_heads": 64, "num_key_value_heads": 8, "intermediate_size": 28672,
      "max_position_embeddings": 4096, "tie_word_embeddings": false})"},
    {"llama-3.2-1b", R"({"model_type": "llama", "vocab_size": 128256, "hidden_size": 2048,
      "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
      "intermediate_size": 8192, "max_position_embeddings": 131072, "tie_word_embeddings": true})"},
    {"gpt2-xl", R"({"model_type": "gpt2", "vocab_size": 50257, "n_embd": 1600, "n_layer": 48, "n_head": 25,
      "n_positions": 1024})"},
    {"bloom-7b1", R"({"model_type": "bloom", "vocab_size": 250880, "hidden_size": 4096, "n_layer": 30,
      "n_head": 32})"},
    {"palm-8b", R"({"model_type": "palm", "vocab_size": 256000, "dim": 4096, "depth": 32, "heads": 16,
      "dim_head": 256, "ff_dim": 16384})"},
    {"mistral-7b",
     R"({"model_type": "mistral", "vocab_size": 32000, "hidden_size": 4096, "num_hidden_layers": 32,
      "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
      "max_position_embeddings": 8192, "sliding_window": 4096})"},
    {"qwen2.5-7b",
     R"({"model_type": "qwen2", "vocab_size": 152064, "hidden_size": 3584, "num_hidden_layers": 28,
      "num_attention_heads": 28, "num_key_value_heads": 4, "intermediate_size": 18944,
      "max_position_embeddings": 32768, "use_sliding_window": false, "tie_word_embeddings": false})"},
    {"gemma-2b",
     R"({"model_type": "gemma", "vocab_size": 256000, "hidden_size": 2048, "num_hidden_layers": 18,
      "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 16384,
      "max_position_embeddings": 8192})"},
    {"gemma-2-27b", R"({"model_type": "gemma2", "vocab_size": 256000, "hidden_size": 4608,
      "num_hidden_layers": 46, "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 128,
      "intermediate_size": 36864, "max_position_embeddings": 8192, "sliding_window": 4096,
      "query_pre_attn_scalar": 144})"},
    {"gpt-neox-20b", R"({"model_type": "gpt_neox", "vocab_size": 50432, "hidden_size": 6144,
      "num_hidden_layers": 44, "num_attention_heads": 64, "intermediate_size": 24576,
      "max_position_embeddings": 2048})"},
    {"pythia-1b", R"({"model_type": "gpt_neox", "vocab_size": 50304, "hidden_size": 2048,
      "num_hidden_layers": 16, "num_attention_heads": 8, "intermediate_size": 8192,
      "max_position_embeddings": 2048})"},
    {"gpt-j-6b", R"({"model_type": "gptj", "vocab_size": 50400, "n_embd": 4096, "n_layer": 28, "n_head": 16,
      "n_positions": 2048, "rotary_dim": 64})"},
    {"opt-1.3b", R"({"model_type": "opt", "vocab_size": 50272, "hidden_size": 2048, "num_hidden_layers": 24,
      "num_attention_heads": 32, "ffn_dim": 8192, "word_embed_proj_dim": 2048})"},
    {"bert-large-uncased", R"({"model_type": "bert", "vocab_size": 30522, "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096})"},
    {"roberta-base", R"({"model_type": "roberta", "vocab_size": 50265, "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
      "max_position_embeddings": 514, "type_vocab_size": 1})"},
    {"xlm-roberta-large", R"({"model_type": "xlm-roberta", "vocab_size": 250002, "hidden_size": 1024,
      "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
      "max_position_embeddings": 514, "type_vocab_size": 1})"},
    {"camembert-base", R"({"model_type": "camembert", "vocab_size": 32005, "hidden_size": 768,
      "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
      "max_position_embeddings": 514, "type_vocab_size": 1})"},
    {"distilbert-base-uncased",
     R"({"model_type": "distilbert", "vocab_size": 30522, "dim": 768, "n_layers": 6,
      "n_heads": 12, "hidden_dim": 3072})"},
    {"t5-11b",
     R"({"model_type": "t5", "vocab_size": 32128, "d_model": 1024, "num_layers": 24, "num_heads": 128,
      "d_kv": 128, "d_ff": 65536})"},
    {"mt5-small",
     R"({"model_type": "mt5", "vocab_size": 250112, "d_model": 512, "num_layers": 8, "num_heads": 6,
      "d_kv": 64, "d_ff": 1024, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": false})"},
    {"bart-large", R"({"model_type": "bart", "vocab_size": 50265, "d_model": 1024, "encoder_layers": 12,
      "decoder_layers": 12, "encoder_attention_heads": 16, "decoder_attention_heads": 16,
      "encoder_ffn_dim": 4096, "decoder_ffn_dim": 4096})"}};

}  // namespace

TEST_CASE("the catalog has a model of every family that the library loads, as its config.json describes it") {
  std::set<std::string> families;
  for (const Published& p : published) {
    CAPTURE(p.name);
    const Json json = Json::parse(p.config_json);
    ef::HubConfig read = ef::read_config(ef::JsonFields(json, "config.json"));
    families.insert(read.model_type);
    const ef::ModelConfig& catalog = plan::published(p.name).config;
    read.model.pooler = catalog.pooler;  // which files of encoders have beside any head
    read.model.head = catalog.head;
    CHECK(plan::count_parameters(read.model) == plan::count_parameters(catalog));
    CHECK(read.model.max_positions == catalog.max_positions);
    CHECK(read.model.rotary_dimensions() == catalog.rotary_dimensions());
    CHECK(read.model.gated == catalog.gated);
    CHECK(read.model.activation == catalog.activation);
    CHECK(read.model.norm_placement == catalog.norm_placement);
    if (read.model.stacks != ef::Stacks::encoder) {
      const ef::Index tokens = catalog.max_positions;
      CHECK(plan::key_value_cache_bytes(plan::cache_of(read.model, tokens)) ==
            plan::key_value_cache_bytes(plan::cache_of(catalog, tokens)));
    }
    CHECK(plan::forward_flops({.config = read.model, .tokens = 100}).total() ==
          plan::forward_flops({.config = catalog, .tokens = 100}).total());
  }
  for (const auto& family : ef::hub::families) {
    INFO(family.model_type);
    CHECK(families.count(family.model_type) == 1);
  }
}

TEST_CASE("the same function counts a loaded model, to the last parameter of its file") {
  const auto folder = [](const char* name) { return std::string(EIGENFORMER_TEST_DATA) + "/" + name; };
  const auto check = [](auto model) {
    CHECK(plan::count_parameters(model).total() == ef::count(model.parameters()));
    CHECK(plan::weight_bytes(plan::count_parameters(model).total(), plan::storage_format("F32")) ==
          4.0 * static_cast<double>(ef::count(model.parameters())));
  };
  for (const char* name : {"gpt2", "llama", "llama-gqa", "bloom", "palm", "mistral", "qwen2", "gemma",
                           "gemma2", "gpt-neox", "gptj", "opt"}) {
    CAPTURE(name);
    check(ef::load_causal_lm<float>(folder(name)));
  }
  for (const char* name : {"bert-mlm", "roberta-mlm", "distilbert-mlm", "bert-seqcls", "bert-tokcls"}) {
    CAPTURE(name);
    check(ef::load_encoder<float>(folder(name)));
  }
  for (const char* name : {"t5", "flan-t5", "bart"}) {
    CAPTURE(name);
    check(ef::load_seq2seq<float>(folder(name)));
  }
}

}  // namespace plan_published_configs
