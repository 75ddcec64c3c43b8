#include "plan/reference/cases.hpp"

namespace cases {

namespace {

/// The architecture of a case as a config of our own, apart from the catalog's.
ef::ModelConfig config_of(const Json& in) {
  const std::string kind = in.at("kind");
  const Index heads = integer(in, "heads");
  ef::ModelConfig c{.vocab_size = integer(in, "vocab"),
                    .d_model = integer(in, "hidden"),
                    .n_heads = heads,
                    .d_ff = in.contains("ffn") ? integer(in, "ffn") : 4 * integer(in, "hidden"),
                    .max_positions = 2048};
  c.n_key_value_heads = in.value("kv_heads", Index{0});
  if (in.contains("head_dim") && in["head_dim"].is_number()) c.head_size = integer(in, "head_dim");
  if (in.contains("attention_inner") && integer(in, "attention_inner") % heads != 0) {
    c.n_heads = 1;  // no count depends on how the inner width is cut into heads
    c.n_key_value_heads = 0;
    c.head_size = integer(in, "attention_inner");
  }
  c.n_layers = in.contains("layers") ? integer(in, "layers") : integer(in, "decoder_layers");
  const Index rows = in.contains("positions") && in["positions"].is_number() ? integer(in, "positions") : 0;
  c.positions = rows ? ef::Positions::learned : ef::Positions::none;
  if (rows) c.max_positions = rows;
  c.tied_embeddings = in.value("tied_embeddings", true);
  c.gated = in.value("gated_ffn", false);
  const bool bias = in.value("biases", true);
  c.biases = {.query_key_value = bias, .attention_out = bias, .feed_forward = bias};
  c.embedding_norm = in.value("embedding_layernorm", false);
  c.token_types = in.value("token_types", Index{0});
  c.pooler = in.value("pooler", false);
  if (kind == "bert") {
    c.stacks = ef::Stacks::encoder;
    c.norm_placement = ef::NormPlacement::after;
    c.embedding_norm = true;
    c.final_norm = false;
    c.head = ef::Head::none;
  } else if (kind == "gpt") {
    c.norm.bias = bias;
  } else if (kind == "palm") {
    c.norm.bias = false;
    c.branches = ef::Branches::parallel_one_norm;
  } else if (kind == "falcon") {
    c.branches =
        c.n_key_value_heads == 1 ? ef::Branches::parallel_one_norm : ef::Branches::parallel_two_norms;
  } else if (kind == "llama") {
    c.norm.kind = ef::NormKind::rms;
  } else if (kind == "megatron") {
    c.final_norm = false;
  } else if (kind == "t5" || kind == "bart") {
    c.stacks = ef::Stacks::encoder_decoder;
    c.encoder_layers = integer(in, "encoder_layers");
    if (kind == "t5") {
      c.norm.kind = ef::NormKind::rms;
      c.positions = ef::Positions::relative_buckets;
    } else {
      c.norm_placement = ef::NormPlacement::after;
      c.embedding_norm = true;
      c.final_norm = false;
    }
  }
  return c;
}

}  // namespace

Json params(const std::string& name, const Json& in) {
  if (in.contains("architecture_of"))
    return plan::parameters_of(plan::published(in["architecture_of"].get<std::string>()));
  if (name == "params/bloom-embedding")
    return plan::count_parameters(plan::published("bloom-176b").config).token_embeddings;
  if (in.contains("exclude")) {
    const auto count = plan::count_parameters(plan::published(in.at("base").get<std::string>()).config);
    return count.total() - count.positions;
  }
  if (has(name, "rounded/megatron")) {
    ef::ModelConfig c = gpt(integer(in, "layers"), integer(in, "hidden"), 1, integer(in, "vocab"));
    c.max_positions = integer(in, "seq");
    c.final_norm = false;
    return plan::count_parameters(c).total();
  }
  const std::string model = name.substr(name.find('/') + 1);
  for (const plan::CatalogEntry& entry : plan::catalog()) {
    if (entry.name != model) continue;
    const Index counted = plan::parameters_of(entry);
    const bool outside = entry.outside_of_config != 0;  // no config says it
    if (!outside && plan::count_parameters(config_of(in)).total() != counted)
      return "the catalog's architecture differs";
    return counted;
  }
  return plan::count_parameters(config_of(in)).total();
}

}  // namespace cases
