// The decoder families against what Hugging Face transformers computes from the same files (data/README.md).
#include "fixtures.hpp"
#include "generations.hpp"
#include <eigenformer/hub/fill.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/safetensors.hpp>

#include <doctest/doctest.h>

namespace hub_decoders {

namespace ef = eigenformer;
using fixtures::folder;
using fixtures::tolerance;

TEST_CASE_TEMPLATE("logits, hidden states and attentions are those of the reference", S, float, double) {
  for (const char* const name : fixtures::decoders) {
    CAPTURE(std::string(name));
    const auto model = ef::load_causal_lm<S>(folder(name));
    const ef::SafeTensors expected(folder(name) + "/expected.safetensors");
    ef::Threads threads(1);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    for (const std::string group : {"nopad.", "leftpad."}) {
      CAPTURE(group);
      const auto input = fixtures::padded(expected, group + "input_ids", group + "attention_mask");
      ef::Trace<S> trace;
      trace.keep_attentions = true;
      const ef::Matrix<S> logits = model(input.tokens, run, &trace);
      CHECK(fixtures::distance(logits, expected.at(group + "logits"), input) < tolerance<S>());
      REQUIRE(static_cast<ef::Index>(trace.hidden_states.size()) == model.config().n_layers + 1);
      fixtures::check_states(trace, expected, group, input);

      fixtures::check_attentions(trace.attentions, expected, group + "attentions.", input, input);
    }
  }
}

TEST_CASE_TEMPLATE("a session's cache and step logits are those of the reference", S, float, double) {
  for (const char* const name : fixtures::decoders) {
    CAPTURE(std::string(name));
    const auto model = ef::load_causal_lm<S>(folder(name));
    const ef::SafeTensors expected(folder(name) + "/expected.safetensors");
    const auto tokens = expected.at("kv.input_ids").values<ef::Token>();
    const auto prompt = expected.at("kv.prompt_length").element<std::size_t>(0);
    const ef::TensorView& step_logits = expected.at("kv.step_logits");
    ef::Threads threads(1);
    ef::Session<S> session(model, threads);
    const std::span<const ef::Token> all(tokens);
    for (std::size_t step = 0; prompt + step <= tokens.size(); ++step) {
      session.feed(step == 0 ? all.first(prompt) : all.subspan(prompt + step - 1, 1));
      const ef::Matrix<S> logits = session.logits();
      CHECK(fixtures::distance(logits, step_logits, static_cast<ef::Index>(step) * logits.cols()) <
            tolerance<S>());
    }
    const ef::ModelConfig& config = model.config();
    const ef::Index size = config.head_width();
    for (ef::Index h = 0; h < config.key_value_heads(); ++h) {  // stored [1, head, position, size]
      const ef::Matrix<S> keys = session.cache().keys(0).middleCols(h * size, size);
      const ef::Matrix<S> values = session.cache().values(0).middleCols(h * size, size);
      for (const auto& [rows, stored] : {std::pair(&keys, "kv.key.0"), std::pair(&values, "kv.value.0")})
        if (const ef::TensorView* const tensor = expected.find(stored))
          CHECK(fixtures::distance(*rows, *tensor, h * rows->size()) < tolerance<S>());
    }
  }
}

TEST_CASE_TEMPLATE("greedy generations are token for token those of the reference", S, float, double) {
  for (const char* const name : fixtures::decoders)
    fixtures::check_greedy(ef::load_causal_lm<S>(folder(name)), folder(name));
}

TEST_CASE("PaLM under the names of its PyTorch re-implementation is the same model") {
  const std::string pytorch = folder("palm") + "/palm_pytorch.safetensors";
  const ef::HubConfig config = ef::load_config(folder("palm"));
  const ef::SafeTensors renamed(pytorch), original = ef::open_folder(folder("palm"));
  const ef::CausalLM<double> a(config.model, ef::hub::Filler<double>(renamed, config, {}, pytorch).fill());
  const ef::CausalLM<double> b(config.model, ef::hub::Filler<double>(original, config, {}, "palm").fill());
  const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6}};
  CHECK(a(batch) == b(batch));
}

TEST_CASE("matrices of a float file stay where the file is mapped") {
  const std::string path = folder("llama");
  const ef::SafeTensors tensors = ef::open_folder(path);
  const auto model = ef::CausalLM<float>(
      ef::load_config(path).model, ef::hub::Filler<float>(tensors, ef::load_config(path), {}, path).fill());
  const ef::TensorView& stored = tensors.at("model.layers.1.mlp.up_proj.weight");
  model.parameters().decoder.blocks[1].feed_forward.up.weight.with_elements(
      [&](const auto* elements) { CHECK(static_cast<const void*>(elements) == stored.data.data()); });
}

TEST_CASE(
    "half formats give nearly the logits of float, and nothing but a format that the scalar reads is taken") {
  for (const char* const name : {"llama-gqa", "gpt2"}) {
    const auto exact = ef::load_causal_lm<double>(folder(name));
    const ef::TokenBatch batch{{3, 1, 4, 1, 5, 9, 2, 6}};
    const ef::Matrix<double> logits = exact(batch);
    const double largest = logits.cwiseAbs().maxCoeff();
    // bounds: eight times the rounding of a single weight
    for (const auto& [format, bound] :
         {std::pair{ef::Format::f16, 0x8p-11}, std::pair{ef::Format::bf16, 0x8p-8}}) {
      const auto model = ef::load_causal_lm<float>(folder(name), {.dtype = format});
      CHECK(model.parameters().tokens.format() == format);
      const double error = (model(batch).cast<double>() - logits).cwiseAbs().maxCoeff() / largest;
      CHECK(error < bound);
      CHECK(error > 0);
    }
  }
  CHECK_THROWS_WITH_AS(ef::load_causal_lm<double>(folder("gpt2"), {.dtype = ef::Format::bf16}),
                       doctest::Contains("BF16"), ef::ConfigError);
}

}  // namespace hub_decoders
