// The encoder families against what Hugging Face transformers computes from the same files.
#include "fixtures.hpp"
#include <eigenformer/hub/safetensors.hpp>

#include <doctest/doctest.h>

namespace hub_encoders {

namespace ef = eigenformer;
using fixtures::folder;
using fixtures::tolerance;

namespace {

/// The token types of each sequence where the group has them, without padding.
ef::TokenBatch token_types(const ef::SafeTensors& file, const std::string& group) {
  if (!file.find(group + "token_type_ids")) return {};
  return fixtures::padded(file, group + "token_type_ids", group + "attention_mask").tokens;
}

/// A model's results in both groups of its folder.
template <class S, class Model> void check_encoder(const Model& model, const std::string& path) {
  const ef::SafeTensors expected(path + "/expected.safetensors");
  for (const std::string group : {"padded.", "single."}) {
    CAPTURE(group);
    const auto input = fixtures::padded(expected, group + "input_ids", group + "attention_mask");
    const ef::TokenBatch types = token_types(expected, group);
    for (const int threads : {1, 2}) {
      ef::Threads pool(threads);
      ef::Workspace workspace;
      ef::Run run{pool, workspace};
      ef::Trace<S> trace;
      trace.keep_attentions = true;
      const ef::Matrix<S> logits = model(input.tokens, run, &trace, types);
      const ef::TensorView& stored = expected.at(group + "logits");
      if (stored.shape.size() == 2)
        CHECK(fixtures::distance(logits, stored, 0) < tolerance<S>());
      else
        CHECK(fixtures::distance(logits, stored, input) < tolerance<S>());
      REQUIRE(static_cast<ef::Index>(trace.hidden_states.size()) == model.config().n_layers + 1);
      fixtures::check_states(trace, expected, group, input);
      fixtures::check_attentions(trace.attentions, expected, group + "attentions.", input, input);
      if (const ef::TensorView* const pooled = expected.find(group + "pooler_output"))
        CHECK(fixtures::distance(model.pooled(run, trace.hidden_states.back(), ef::Ragged(input.tokens)),
                                 *pooled, 0) < tolerance<S>());
    }
  }
}

}  // namespace

TEST_CASE_TEMPLATE("encoders give the logits, states and attentions of the reference", S, float, double) {
  for (const std::string family : {"bert", "roberta", "distilbert"}) {
    CAPTURE(family);
    check_encoder<S>(ef::load_masked_lm<S>(folder(family + "-mlm")), folder(family + "-mlm"));
    check_encoder<S>(ef::load_classifier<S>(folder(family + "-seqcls")), folder(family + "-seqcls"));
    check_encoder<S>(ef::load_tagger<S>(folder(family + "-tokcls")), folder(family + "-tokcls"));
  }
}

TEST_CASE("an old checkpoint with gamma and beta, two heads, a tied copy and buffers is the same model") {
  const auto old = ef::load_masked_lm<double>(folder("bert-old"));
  const auto today = ef::load_masked_lm<double>(folder("bert-mlm"));
  const ef::TokenBatch batch{{3, 1, 4, 1, 5}, {9, 2, 6}};
  CHECK(old(batch) == today(batch));

  const auto bare = ef::load_encoder<double>(folder("bert-old"));  // its pooler is there, and read
  const ef::SafeTensors expected(folder("bert-old") + "/expected.safetensors");
  const ef::SafeTensors inputs(folder("bert-mlm") + "/expected.safetensors");
  const auto input = fixtures::padded(inputs, "padded.input_ids", "padded.attention_mask");
  const ef::Matrix<double> pooled = ef::alone([&](ef::Run& run) {
    return bare.pooled(run, bare(input.tokens, token_types(inputs, "padded.")), ef::Ragged(input.tokens));
  });
  CHECK(fixtures::distance(pooled, expected.at("padded.pooler_output"), 0) < 1e-9);
}

TEST_CASE("labels are those of the config") {
  CHECK(ef::load_tagger<float>(folder("bert-tokcls")).labels() ==
        std::vector<std::string>{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"});
}

TEST_CASE("a bare encoder loads from the checkpoint of any head and gives the same hidden states") {
  for (const std::string family : {"bert", "roberta", "distilbert"})
    for (const std::string head : {"-mlm", "-seqcls", "-tokcls"}) {
      CAPTURE(family + head);
      const auto encoder = ef::load_encoder<double>(folder(family + head));
      const ef::SafeTensors expected(folder(family + head) + "/expected.safetensors");
      const auto input = fixtures::padded(expected, "padded.input_ids", "padded.attention_mask");
      CHECK(fixtures::distance(encoder(input.tokens, token_types(expected, "padded.")),
                               expected.at("padded.hidden_states.2"), input) < 1e-9);
      CHECK(encoder.config().pooler ==
            (family + head == "bert-seqcls"));  // those of the others are their heads'
    }
}

TEST_CASE("a checkpoint with another head than the one asked for is refused by name") {
  CHECK_THROWS_WITH_AS(ef::load_tagger<float>(folder("bert-seqcls")),
                       doctest::Contains("a head for classes of texts"), ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::load_masked_lm<float>(folder("bert-tokcls")), doctest::Contains("masked words"),
                       ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::load_encoder<float>(folder("gpt2")), doctest::Contains("gpt2"), ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::load_causal_lm<float>(folder("bert-mlm")), doctest::Contains("decoder"),
                       ef::ConfigError);
}

TEST_CASE("a text past the learned positions, and token types that the model lacks, are refused") {
  const auto encoder = ef::load_encoder<float>(folder("bert-mlm"));
  const ef::TokenBatch longest{std::vector<ef::Token>(64, 5)}, longer{std::vector<ef::Token>(65, 5)};
  CHECK(encoder(longest).rows() == 64);
  CHECK_THROWS_WITH_AS(encoder(longer), doctest::Contains("65"), ef::WindowError);
  CHECK_THROWS_WITH_AS(encoder({{1, 2}}, {{0, 2}}), doctest::Contains("token type 2"), ef::InputError);
  CHECK_THROWS_WITH_AS(encoder({{1, 2}}, {{0}}), doctest::Contains("1 token types for 2 tokens"),
                       ef::InputError);
  CHECK_THROWS_AS(encoder({{1, 2}}, {{0, 1}, {0}}), ef::InputError);
  CHECK_THROWS_AS(encoder({{1, 97}}), ef::InputError);
  CHECK_THROWS_AS(encoder({{}}), ef::InputError);
}

}  // namespace hub_encoders
