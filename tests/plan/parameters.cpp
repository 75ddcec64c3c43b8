#include <eigenformer/model/key_values.hpp>
#include <eigenformer/model/parameters.hpp>
#include <eigenformer/plan.hpp>

#include <set>

#include <doctest/doctest.h>

namespace plan_parameters {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;

namespace {

/// Parameters that the library allocates for a config.
ef::Index allocated(const ef::ModelConfig& config) {
  ef::Transformer<float> p;
  ef::Index count = 0;
  ef::for_each_shape(p, config, [&](const std::string&, auto&, ef::Index rows, ef::Index columns) {
    count += rows * columns;
  });
  return count;
}

}  // namespace

TEST_CASE("the count of every model of the catalog equals what the library would allocate") {
  for (const plan::CatalogEntry& entry : plan::catalog()) {
    if (!entry.disclosed()) continue;
    INFO(entry.name);
    CHECK(plan::count_parameters(entry.config).total() == allocated(entry.config));
  }
}

TEST_CASE("the count follows every axis of the config") {
  ef::ModelConfig base{
      .vocab_size = 50, .d_model = 12, .n_layers = 3, .n_heads = 3, .d_ff = 20, .max_positions = 9};
  for (int bits = 0; bits < 1 << 12; ++bits) {
    ef::ModelConfig c = base;
    const auto on = [&](int bit) { return (bits >> bit & 1) != 0; };
    c.stacks = on(0) ? (on(1) ? ef::Stacks::encoder_decoder : ef::Stacks::encoder) : ef::Stacks::decoder;
    c.gated = on(2);
    c.norm.kind = on(3) ? ef::NormKind::rms : ef::NormKind::layer;
    c.norm.bias = on(4);
    c.biases = {.query_key_value = on(5), .attention_out = on(6), .feed_forward = !on(5), .logits = on(6)};
    c.tied_embeddings = on(7);
    c.positions = on(8) ? ef::Positions::learned : ef::Positions::relative_buckets;
    c.position_offset = on(9) ? 2 : 0;
    c.n_key_value_heads = on(9) ? 1 : 0;
    c.encoder_layers = on(9) ? 2 : 0;
    c.head = on(10) ? ef::Head::masked_words : ef::Head::token_classes;
    c.n_labels = 5;
    c.pooler = on(11);
    c.token_types = on(11) ? 2 : 0;
    const bool cross = c.stacks == ef::Stacks::encoder_decoder;  // has no place in parallel branches
    c.branches = on(11) && on(10) && !cross ? ef::Branches::parallel_one_norm : ef::Branches::sequential;
    c.norm_placement = on(11) && !on(10) ? ef::NormPlacement::both : ef::NormPlacement::before;
    INFO(bits);
    REQUIRE(plan::count_parameters(c).total() == allocated(c));
  }
}

TEST_CASE("published exact counts are met to the last parameter, and names occur once") {
  std::set<std::string_view> names;
  int exact = 0;
  for (const plan::CatalogEntry& entry : plan::catalog()) {
    INFO(entry.name);
    CHECK(names.insert(entry.name).second);
    CHECK_FALSE(entry.source.empty());
    CHECK_FALSE(entry.objective.empty());
    CHECK(entry.context_tokens() > 0);
    if (entry.exact_parameters == 0) continue;
    CHECK(plan::parameters_of(entry) == entry.exact_parameters);
    ++exact;
  }
  CHECK(exact >= 60);
  CHECK(names.size() >= 100);
}

TEST_CASE("the catalog says what popular figures get wrong") {
  CHECK(plan::published("llama-65b").context_tokens() == 2048);
  const std::pair<const char*, const char*> notes[] = {{"llama-65b", "4,096 often said is LLaMA 2"},
                                                       {"bert-base-uncased", "110M"},
                                                       {"bert-large-uncased", "340M"},
                                                       {"gpt2", "117M"},
                                                       {"gpt2-medium", "345M"},
                                                       {"gpt2-large", "762M"},
                                                       {"gpt2-xl", "1542M"},
                                                       {"gpt3-xl", "24 heads"},
                                                       {"gpt3-13b", "5140"},
                                                       {"gpt3-175b", "174.6B"},
                                                       {"gpt-4", "No parameter count is published"},
                                                       {"gpt-j-6b", "6,053,381,344"},
                                                       {"bloom-176b", "250,680"},
                                                       {"palm-540b", "miscount attention"},
                                                       {"bloomberggpt-50b", "6ND gives 1.73e23"},
                                                       {"chinchilla-70b", "5.88e23"},
                                                       {"gopher-280b", "5.04e23"},
                                                       {"opt-175b", "Sources disagree"},
                                                       {"t5-large", "770M"}};
  for (const auto& [model, text] : notes) {
    const std::string name = model;
    CAPTURE(name);
    CHECK(plan::published(name).note.find(text) != std::string_view::npos);
  }
  CHECK_THROWS_WITH_AS(plan::parameters_of(plan::published("gpt-4")),
                       "gpt-4: neither architecture nor parameter count is published", ef::InputError);
}

TEST_CASE("a prompt and an answer share a decoder's window, and have one each in an encoder-decoder") {
  const auto use = [](const char* model, ef::Index prompt, ef::Index answer) {
    return plan::window_use(plan::published(model).config, prompt, answer);
  };
  CHECK(use("gpt2", 900, 124).fits());
  CHECK(use("gpt2", 900, 124).prompt_left == 0);
  CHECK_FALSE(use("gpt2", 900, 125).fits());
  CHECK(use("gpt-4", 8000, 200).answer_left == -8);  // of which no more than the window is public
  CHECK(use("t5-base", 500, 400).fits());
  CHECK(use("t5-base", 500, 400).prompt_left == 12);
  CHECK(use("t5-base", 500, 400).answer_left == 112);
  CHECK_FALSE(use("t5-base", 500, 513).fits());
  CHECK(use("bert-base-cased", 512, 0).fits());
  CHECK_THROWS_WITH_AS(use("bert-base-cased", 5, 1), "an encoder alone gives no answer", ef::InputError);
}

TEST_CASE("Adafactor's states and mixed storage are sums over the tensors of an architecture") {
  const ef::ModelConfig gpt2 = plan::published("gpt2").config;
  const ef::Index d = 768,
                  blocks = 4 * (d + d) + 2 * (d + 4 * d) + 4 * d + 5 * d + 4 * d;  // with biases, norms
  CHECK(plan::adafactor_states(gpt2) == 12 * blocks + (50257 + d) + (1024 + d) + 2 * d);
  const auto m = plan::training_memory({.parameters = 124'439'808,
                                        .precision = plan::fp32_adafactor,
                                        .adafactor_states = plan::adafactor_states(gpt2)});
  CHECK(m.optimizer_bytes == 4.0 * static_cast<double>(plan::adafactor_states(gpt2)));

  const ef::ModelConfig llama = plan::published("llama-2-7b").config;
  const double matrices = 32.0 * (4 * 4096.0 * 4096 + 3 * 4096.0 * 11008);
  const double others = 6'738'415'616 - matrices;
  CHECK(plan::weight_bytes(llama, plan::storage_format("NF4-DQ"), plan::storage_format("F16")) ==
        doctest::Approx(matrices * (4 + 8.0 / 64 + 32.0 / 64 / 256) / 8 + others * 2));
  CHECK(plan::weight_bytes(llama, plan::storage_format("F16"), plan::storage_format("F16")) ==
        2.0 * 6'738'415'616);
}

TEST_CASE("predicted bytes of weights and cache are those that the library holds") {
  ef::ModelConfig c{.vocab_size = 100,
                    .d_model = 32,
                    .n_layers = 2,
                    .n_heads = 4,
                    .n_key_value_heads = 2,
                    .d_ff = 64,
                    .max_positions = 256};
  for (const ef::Stacks stacks : {ef::Stacks::decoder, ef::Stacks::encoder, ef::Stacks::encoder_decoder}) {
    c.stacks = stacks;
    double bytes = 0;
    ef::Transformer<float> shapes;
    ef::for_each_shape(shapes, c, [&](const std::string&, auto&, ef::Index rows, ef::Index columns) {
      bytes += 4.0 * static_cast<double>(rows * columns);
    });
    CHECK(plan::weight_bytes(plan::count_parameters(c).total(), plan::storage_format("F32")) == bytes);
  }
  c.stacks = ef::Stacks::decoder;

  plan::KeyValueCacheOptions o = plan::cache_of(c, 256);
  o.format = plan::storage_format("F32");
  CHECK(plan::key_value_cache_bytes(o) == ef::KeyValues<float>::bytes(c, 256));
}

}  // namespace plan_parameters
