// T5 and BART against what Hugging Face transformers computes from the same files (data/README.md).
#include "fixtures.hpp"
#include "generations.hpp"
#include <eigenformer/hub/safetensors.hpp>

#include <doctest/doctest.h>

namespace hub_seq2seq {

namespace ef = eigenformer;
using fixtures::folder;
using fixtures::tolerance;

TEST_CASE_TEMPLATE("logits, states and attentions of both stacks are those of the reference", S, float,
                   double) {
  for (const char* const name : fixtures::seq2seq) {
    CAPTURE(std::string(name));
    const auto model = ef::load_seq2seq<S>(folder(name));
    const ef::SafeTensors expected(folder(name) + "/expected.safetensors");
    ef::Threads threads(2);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    for (const std::string group : {"nopad.", "padded."}) {
      CAPTURE(group);
      const auto source = fixtures::padded(expected, group + "input_ids", group + "attention_mask");
      const auto target =
          fixtures::padded(expected, group + "decoder_input_ids", group + "decoder_attention_mask");
      ef::Trace<S> encoder, decoder;
      encoder.keep_attentions = decoder.keep_attentions = true;
      const ef::Matrix<S> logits = model(source.tokens, target.tokens, run, &encoder, &decoder);
      CHECK(fixtures::distance(logits, expected.at(group + "logits"), target) < tolerance<S>());
      fixtures::check_states(encoder, expected, group + "encoder_", source);
      fixtures::check_states(decoder, expected, group + "decoder_", target);
      fixtures::check_attentions(encoder.attentions, expected, group + "encoder_attentions.", source, source);
      fixtures::check_attentions(decoder.attentions, expected, group + "decoder_attentions.", target, target);
      fixtures::check_attentions(decoder.cross_attentions, expected, group + "cross_attentions.", target,
                                 source);
    }
  }
}

TEST_CASE_TEMPLATE("a session's caches and step logits are those of the reference", S, float, double) {
  for (const char* const name : fixtures::seq2seq) {
    CAPTURE(std::string(name));
    const auto model = ef::load_seq2seq<S>(folder(name));
    const ef::SafeTensors expected(folder(name) + "/expected.safetensors");
    if (!expected.find("kv.input_ids")) continue;
    const auto source = expected.at("kv.input_ids").values<ef::Token>();
    const auto target = expected.at("kv.decoder_input_ids").values<ef::Token>();
    ef::Threads threads(1);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    ef::Session<S> session(model, threads, model.read({source}, run).front());
    for (std::size_t step = 0; step < target.size(); ++step) {
      session.feed({&target[step], 1});
      const ef::Matrix<S> logits = session.logits();
      CHECK(fixtures::distance(logits, expected.at("kv.step_logits"),
                               static_cast<ef::Index>(step) * logits.cols()) < tolerance<S>());
    }
    const ef::Index size = model.config().head_width();
    for (ef::Index h = 0; h < model.config().key_value_heads(); ++h) {  // stored [1, head, position, size]
      const auto check = [&](const ef::Matrix<S>& all, const char* stored) {
        const ef::Matrix<S> one = all.middleCols(h * size, size);
        CHECK(fixtures::distance(one, expected.at(stored), h * one.size()) < tolerance<S>());
      };
      check(session.cache().keys(0), "kv.key.0");
      check(session.cache().values(0), "kv.value.0");
      check(session.source()->keys(0), "kv.cross_key.0");
      check(session.source()->values(0), "kv.cross_value.0");
    }
  }
}

TEST_CASE_TEMPLATE("greedy generations are token for token those of the reference", S, float, double) {
  for (const char* const name : fixtures::seq2seq)
    fixtures::check_greedy(ef::load_seq2seq<S>(folder(name)), folder(name));
}

TEST_CASE("a source or a target past the learned positions, and mismatched inputs, are refused") {
  const auto bart = ef::load_seq2seq<float>(folder("bart")), t5 = ef::load_seq2seq<float>(folder("t5"));
  const std::vector<ef::Token> fits(64, 5), exceeds(65, 5);
  CHECK(bart({fits}, {fits}).rows() == 64);
  CHECK_THROWS_WITH_AS(bart({exceeds}, {fits}), doctest::Contains("65"), ef::WindowError);
  CHECK_THROWS_WITH_AS(bart({fits}, {exceeds}), doctest::Contains("65"), ef::WindowError);
  CHECK_THROWS_WITH_AS(bart({fits, fits}, {fits}), doctest::Contains("1 targets for 2 sources"),
                       ef::InputError);
  CHECK_THROWS_AS(bart({{}}, {fits}), ef::InputError);
  CHECK_THROWS_AS(ef::load_seq2seq<float>(folder("gpt2")), ef::ConfigError);
  CHECK_THROWS_AS(ef::load_causal_lm<float>(folder("t5")), ef::ConfigError);

  ef::Threads threads(1);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const auto read = ef::load_seq2seq<float>(folder("flan-t5")).read({{3, 1, 4}}, run).front();
  CHECK_THROWS_WITH_AS(ef::Session<float>(t5, threads, read), doctest::Contains("source"), ef::InputError);
  CHECK_THROWS_AS(ef::Session<float>(t5, threads, nullptr), ef::InputError);
}

}  // namespace hub_seq2seq
