// Fields that change what the original computes and that the library does not read: each is refused with its
// name and its value, and the same field loads with a value that does no harm.
#include "files.hpp"
#include "fixtures.hpp"
#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/hub/save_config.hpp>

#include <optional>

namespace hub_refused_fields {

namespace ef = eigenformer;
using files::TemporaryFolder;

namespace {

/// The config of a reference folder with these changes ("(absent)" takes a field away); its refusal.
struct Changed {
  std::string why;
  std::optional<ef::ModelConfig> model;
};
Changed changed(const char* folder, const ef::Json& change) {
  const TemporaryFolder copy;
  ef::Json config = ef::read_json(fixtures::folder(folder) + "/config.json");
  for (const auto& [key, value] : change.items())
    if (value == "(absent)")
      config.erase(key);
    else
      config[key] = value;
  copy.write("config.json", config.dump());
  Changed out;
  out.why = files::refusal([&] { out.model = ef::load_config(copy.path()).model; });
  if (!out.why.empty()) CHECK(out.why.find(copy.file("config.json")) != out.why.npos);
  return out;
}
ef::ModelConfig read(const char* folder, const ef::Json& change = ef::Json::object()) {
  Changed out = changed(folder, change);
  CAPTURE(out.why);
  REQUIRE(out.model);
  return *out.model;
}

struct Case {
  const char* folder;
  ef::Json harmful;
  std::string field;  ///< how the refusal begins
  std::string value;  ///< what it tells
  ef::Json harmless;
};

ef::Json scaling(const ef::Json& more = ef::Json::object(), const char* type = "linear") {
  ef::Json out{{"rope_type", type}, {"factor", 2.0}};
  out.update(more);
  return out;
}

}  // namespace

TEST_CASE(
    "a field of config.json that the library does not read is refused, and loads where it does no harm") {
  const ef::Json full{"full_attention", "full_attention"}, sliding{"sliding_attention", "sliding_attention"},
      usual{"sliding_attention", "full_attention"}, twice{"full_attention", "sliding_attention"};
  const ef::Json by_type{{"full_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}};
  for (const Case& c : {
           Case{"llama",
                {{"rope_parameters", by_type}},
                "rope_parameters.full_attention:",
                "each type of layer",
                {{"rope_parameters", {{"rope_theta", 1e4}}}}},
           Case{"llama",
                {{"rope_parameters", {{"rope_type", "longrope"}, {"factor", 2}}}},
                "rope_parameters.rope_type:",
                "\"longrope\"",
                {{"rope_parameters", {{"type", "default"}}}}},
           Case{"llama",
                {{"rope_parameters", 500.0}},
                "rope_parameters:",
                "500.0",
                {{"rope_parameters", nullptr}}},
           Case{"llama",
                {{"rope_scaling", scaling()}, {"rope_parameters", {{"rope_theta", 500}}}},
                "rope_parameters.rope_theta:",
                "500",
                {{"rope_scaling", scaling()}, {"rope_parameters", {{"rope_theta", 1e4}}}}},
           Case{"llama",
                {{"rope_scaling", scaling({{"truncate", false}}, "yarn")}},
                "rope_scaling.truncate:",
                "false",
                {{"rope_scaling", scaling({{"truncate", true}}, "yarn")}}},
           Case{"llama",
                {{"rope_scaling", scaling({{"mscale", 2.0}, {"mscale_all_dim", 0.5}}, "yarn")}},
                "rope_scaling.mscale:",
                "0.5",
                {{"rope_scaling",
                  scaling({{"mscale", 2.0}, {"mscale_all_dim", 0.5}, {"attention_factor", 1.5}}, "yarn")}}},
           Case{"llama-gqa",
                {{"original_max_position_embeddings", 128}},
                "original_max_position_embeddings:",
                "128",
                {{"original_max_position_embeddings", 64}}},
           Case{"llama",
                {{"rope_scaling", scaling()}, {"partial_rotary_factor", 0.5}},
                "partial_rotary_factor:",
                "0.5",
                {{"rope_scaling", scaling()}, {"partial_rotary_factor", 1.0}}},
           Case{"mistral",
                {{"rope_parameters", scaling({{"partial_rotary_factor", 0.25}})}},
                "rope_parameters.partial_rotary_factor:",
                "0.25",
                {{"partial_rotary_factor", 0.25}}},
           Case{"gpt-neox", {{"rope_theta", 500}}, "rope_theta:", "500", {{"rope_theta", "(absent)"}}},
           Case{"gpt-neox",
                {{"rope_parameters", {{"partial_rotary_factor", 1.5}}}},
                "rope_parameters.partial_rotary_factor:",
                "1.5",
                {{"rope_parameters", {{"partial_rotary_factor", 1.0}}}}},
           Case{"mistral",
                {{"layer_types", twice}},
                "layer_types:",
                "\"full_attention\"",
                {{"layer_types", sliding}}},
           Case{"mistral",
                {{"layer_types", sliding}, {"sliding_window", nullptr}},
                "layer_types:",
                "\"sliding_attention\"",
                {{"layer_types", full}, {"sliding_window", nullptr}}},
           Case{"qwen2",
                {{"layer_types", sliding}},
                "layer_types:",
                "\"sliding_attention\"",
                {{"layer_types", full}}},
           Case{"gemma2",
                {{"layer_types", twice}},
                "layer_types:",
                "\"full_attention\"",
                {{"layer_types", usual}}},
           Case{"gemma2",
                {{"layer_types", full}},
                "layer_types:",
                "\"full_attention\"",
                {{"layer_types", nullptr}}},
           Case{"gemma2",
                {{"layer_types", {"sliding_attention"}}},
                "layer_types:",
                "[\"sliding_attention\"]",
                {{"layer_types", usual}}},
           Case{"gemma2",
                {{"query_pre_attn_scalar", nullptr}},
                "query_pre_attn_scalar:",
                "missing",
                {{"query_pre_attn_scalar", "(absent)"}}},
           Case{"gemma",
                {{"hidden_act", "silu"}, {"hidden_activation", nullptr}},
                "hidden_act:",
                "\"silu\"",
                {{"hidden_act", "gelu"}, {"hidden_activation", nullptr}}},
           Case{"gemma",
                {{"hidden_activation", "relu"}},
                "hidden_act:",
                "\"relu\"",
                {{"hidden_act", "relu"}, {"hidden_activation", "relu"}}},
           Case{"qwen2",
                {{"use_sliding_window", true}},
                "use_sliding_window:",
                "true",
                {{"use_sliding_window", false}}},
           Case{"gpt2",
                {{"scale_attn_weights", false}},
                "scale_attn_weights:",
                "false",
                {{"scale_attn_weights", true}}},
           Case{"gpt2",
                {{"scale_attn_by_inverse_layer_idx", true}},
                "scale_attn_by_inverse_layer_idx:",
                "true",
                {{"scale_attn_by_inverse_layer_idx", nullptr}}},
           Case{"gpt2",
                {{"add_cross_attention", true}},
                "add_cross_attention:",
                "true",
                {{"add_cross_attention", false}}},
           Case{"opt",
                {{"do_layer_norm_before", false}},
                "do_layer_norm_before:",
                "false",
                {{"do_layer_norm_before", "(absent)"}}},
           Case{"opt",
                {{"layer_norm_elementwise_affine", false}},
                "layer_norm_elementwise_affine:",
                "false",
                {{"layer_norm_elementwise_affine", true}}},
           Case{"bert-mlm", {{"is_decoder", true}}, "is_decoder:", "true", {{"is_decoder", false}}},
           Case{"bert-mlm",
                {{"position_embedding_type", "relative_key"}},
                "position_embedding_type:",
                "\"relative_key\"",
                {{"position_embedding_type", "absolute"}}},
           Case{"roberta-mlm",
                {{"add_cross_attention", true}},
                "add_cross_attention:",
                "true",
                {{"add_cross_attention", "(absent)"}}},
           Case{"t5",
                {{"is_encoder_decoder", false}},
                "is_encoder_decoder:",
                "false",
                {{"is_encoder_decoder", true}}},
           Case{"t5", {{"dense_act_fn", "step"}}, "dense_act_fn:", "\"step\"", {{"dense_act_fn", "relu"}}},
           Case{"bart", {{"num_hidden_layers", 1}}, "num_hidden_layers:", "1", {{"num_hidden_layers", 12}}},
           Case{"bart",
                {{"is_encoder_decoder", false}},
                "is_encoder_decoder:",
                "false",
                {{"is_encoder_decoder", true}}},
           Case{"bart",
                {{"normalize_before", true}},
                "normalize_before:",
                "true",
                {{"normalize_before", false}}},
           Case{"bart",
                {{"add_final_layer_norm", true}},
                "add_final_layer_norm:",
                "true",
                {{"add_final_layer_norm", false}}},
           Case{"bart",
                {{"static_position_embeddings", true}},
                "static_position_embeddings:",
                "true",
                {{"static_position_embeddings", false}}},
           Case{"bart",
                {{"normalize_embedding", false}},
                "normalize_embedding:",
                "false",
                {{"normalize_embedding", true}}},
       }) {
    CAPTURE(c.folder);
    CAPTURE(c.harmful);
    const std::string why = changed(c.folder, c.harmful).why;
    CAPTURE(why);
    CHECK(why.starts_with(c.field));
    CHECK(why.find(c.value) != why.npos);
    CHECK(changed(c.folder, c.harmless).why == "");
  }
}

TEST_CASE("rope_parameters of transformers 5 and the fields of transformers 4 describe one model") {
  ef::Json older = ef::read_json(fixtures::folder("llama-gqa") + "/config.json"), newer = older;
  newer["rope_parameters"] = older.at("rope_scaling");
  newer["rope_parameters"]["rope_theta"] = 500000.0;
  newer.erase("rope_theta");
  newer.erase("rope_scaling");
  const auto model = [](const ef::Json& json) { return ef::read_config(ef::JsonFields(json, "it")).model; };
  CHECK(model(older).rotary.base == 500000.0);
  CHECK(model(older).rotary.scaling == ef::RotaryScaling::llama3);
  CHECK(model(newer) == model(older));
  // a folder of the one kind that is saved has both, and they agree
  CHECK(model(ef::hub::merged_config(newer, ef::hub::describe(model(newer), "llama", {}))) == model(older));
  newer["rope_parameters"].erase("rope_theta");
  newer["rope_theta"] = 500000.0;
  CHECK(model(newer) == model(older));

  CHECK(read("gpt-neox", {{"rotary_pct", "(absent)"},
                          {"rotary_emb_base", "(absent)"},
                          {"rope_theta", "(absent)"},
                          {"rope_parameters", {{"rope_theta", 10000}, {"partial_rotary_factor", 0.25}}}}) ==
        read("gpt-neox"));
}

TEST_CASE("what a config leaves out is what the class of transformers has, and null switches it off") {
  const ef::Json absent{{"attn_logit_softcapping", "(absent)"},
                        {"final_logit_softcapping", "(absent)"},
                        {"query_pre_attn_scalar", "(absent)"},
                        {"sliding_window", "(absent)"}};
  const ef::ModelConfig gemma2 = read("gemma2", absent);
  CHECK(gemma2.score_cap == 50.0);
  CHECK(gemma2.logits_cap == 30.0);
  CHECK(gemma2.score_scale == 1.0 / 16.0);
  CHECK(gemma2.window == 4096);
  const ef::ModelConfig off = read("gemma2", {{"attn_logit_softcapping", nullptr},
                                              {"final_logit_softcapping", nullptr},
                                              {"sliding_window", nullptr}});
  CHECK(off.score_cap == 0.0);
  CHECK(off.logits_cap == 0.0);
  CHECK(off.window == 0);
  CHECK(read("mistral", {{"sliding_window", "(absent)"}}).window == 4096);
  CHECK(read("mistral", {{"sliding_window", nullptr}}).window == 0);
  CHECK(read("gemma", {{"head_dim", "(absent)"}}).head_size == 256);
}

TEST_CASE("what scales a T5's states is one thing, and what its matrix is shared with another") {
  const ef::ModelConfig shared = read("t5");
  const double scale = 1.0 / std::sqrt(static_cast<double>(shared.d_model));
  CHECK(shared.logits_scale == scale);
  CHECK(read("t5", {{"scale_decoder_outputs", true}}) == shared);
  const ef::ModelConfig unscaled = read("t5", {{"scale_decoder_outputs", false}});
  CHECK(unscaled.tied_embeddings);
  CHECK(unscaled.logits_scale == 1.0);
  CHECK(read("flan-t5").logits_scale == 1.0);
  CHECK(read("flan-t5", {{"scale_decoder_outputs", true}}).logits_scale == scale);

  // mT5: transformers 4 scaled what is shared, as T5; 5 never scales
  CHECK(read("t5", {{"model_type", "mt5"}}).logits_scale == scale);
  const ef::ModelConfig multilingual =
      read("t5", {{"model_type", "mt5"}, {"transformers_version", "5.24.0"}});
  CHECK(multilingual.logits_scale == 1.0);
  CHECK(read("flan-t5", {{"model_type", "mt5"}}).logits_scale == 1.0);

  for (const char* const type : {"t5", "mt5"})  // and each is written so that it reads back
    for (const ef::ModelConfig& config : {shared, unscaled, multilingual, read("flan-t5")}) {
      const auto written = ef::hub::describe(config, type, {});
      CHECK(ef::hub::same_model(written.config.model, config));
    }
}

}  // namespace hub_refused_fields
