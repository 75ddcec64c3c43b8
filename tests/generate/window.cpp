#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/generate/batch.hpp>
#include <eigenformer/generate/beams.hpp>
#include <eigenformer/generate/speculative.hpp>

#include <limits>
#include <string>
#include <utility>

#include <doctest/doctest.h>

namespace generate_window {

namespace ef = eigenformer;

using support::some_tokens;

namespace {

constexpr ef::Index window = 200;  // of the models here

/// What each way of writing makes of a prompt of the same model.
struct Way {
  const char* name;
  ef::Generation (*write)(const ef::CausalLM<float>&, const std::vector<ef::Token>&,
                          const ef::GenerationConfig&);
};

const Way ways[] = {
    {"alone",
     [](const ef::CausalLM<float>& model, const std::vector<ef::Token>& prompt,
        const ef::GenerationConfig& config) {
       return ef::generate(model, prompt, config, [](ef::Token) {});
     }},
    {"beside others",
     [](const ef::CausalLM<float>& model, const std::vector<ef::Token>& prompt,
        const ef::GenerationConfig& config) {
       ef::Threads threads(1);
       return ef::generate_batch(model, {{1, 2}, prompt}, config, threads, [](ef::Index, ef::Token) {})
           .back();
     }},
    {"in a session",
     [](const ef::CausalLM<float>& model, const std::vector<ef::Token>& prompt,
        const ef::GenerationConfig& config) {
       ef::Threads threads(1);
       ef::Session<float> session(model, threads);
       ef::Sampler sampler(config);
       const std::span<const ef::Token> all(prompt);
       session.feed(all.first(1));
       ef::Generation made = ef::generate(
           session, sampler, all.subspan(1), [](ef::Token) {}, all.first(1));
       return made;
     }},
    {"in a batch",
     [](const ef::CausalLM<float>& model, const std::vector<ef::Token>& prompt,
        const ef::GenerationConfig& config) {
       ef::Threads threads(1);
       ef::Batch<float> batch(model, threads);
       batch.add(prompt, config);
       batch.run();
       return batch.take_finished().front().generation;
     }},
    {"with proposals",
     [](const ef::CausalLM<float>& model, const std::vector<ef::Token>& prompt,
        const ef::GenerationConfig& config) {
       ef::Threads threads(1);
       ef::PromptLookup lookup;
       return ef::generate_speculative(model, lookup, prompt, config, threads, [](ef::Token) {}).generation;
     }},
    {"one beam", [](const ef::CausalLM<float>& model, const std::vector<ef::Token>& prompt,
                    const ef::GenerationConfig& config) {
       ef::Threads threads(1);
       return ef::generate_beams(model, {prompt}, config, threads).front().front();
     }}};

/// What the WindowError says that a call throws; empty when it throws none.
template <class Call> std::string refusal(Call&& call) {
  try {
    call();
  } catch (const ef::WindowError& error) {
    CHECK(error.window == window);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("without a number of new tokens a sequence gets the usual one, or what the window leaves") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  REQUIRE(model.config().max_positions == window);
  for (const Way& way : ways) {
    CAPTURE(way.name);
    for (const auto& [prompt_size, room] :
         {std::pair<ef::Index, ef::Index>{3, 128}, {72, 128}, {73, 127}, {150, 50}, {199, 1}}) {
      const auto prompt = some_tokens(prompt_size, 61);
      const ef::Generation open = way.write(model, prompt, {.temperature = 0});
      CHECK(std::ssize(open.new_tokens()) == room);
      CHECK(open.most_new_tokens == room);
      CHECK(open.finish == ef::Finish::length);
      const ef::Generation asked = way.write(model, prompt, {.max_new_tokens = room, .temperature = 0});
      CHECK(open.tokens == asked.tokens);
    }
  }
}

TEST_CASE("a number of new tokens that was asked for and does not fit is refused") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  const auto prompt = some_tokens(150, 61);
  for (const Way& way : ways) {
    CAPTURE(way.name);
    const auto write = [&](const ef::GenerationConfig& config) { way.write(model, prompt, config); };
    CHECK(refusal([&] { write({.max_new_tokens = 51}); }) ==
          "a prompt of 150 tokens and 51 new ones exceed the context window of 200");
    CHECK(refusal([&] { write({.max_new_tokens = std::numeric_limits<ef::Index>::max()}); }) != "");
    CHECK(refusal([&] { write({.min_new_tokens = 51}); }) ==
          "a prompt of 150 tokens and at least 51 new ones exceed the context window of 200");
    CHECK(refusal([&] { way.write(model, some_tokens(200, 61), {}); }) ==
          "a prompt of 200 tokens leaves no room for a new one in the context window of 200");
  }
}

TEST_CASE("a least number of new tokens above the usual one is reached, and the forced end comes last") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  for (const Way& way : ways) {
    CAPTURE(way.name);
    CHECK(std::ssize(way.write(model, {5, 6}, {.min_new_tokens = 160, .temperature = 0}).new_tokens()) ==
          160);
    const ef::Generation forced = way.write(model, some_tokens(150, 61), {.temperature = 0, .forced_eos = 7});
    CHECK(std::ssize(forced.new_tokens()) == 50);
    CHECK(forced.tokens.back() == 7);
  }
}

TEST_CASE("the target of a source may fill the decoder's window, however long the source is") {
  for (const auto& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    ef::ModelConfig config = named.config;
    config.max_positions = 20;
    const auto model = support::lively<float, ef::Seq2Seq>(config);
    const ef::Generation made =
        ef::generate(model, std::vector<ef::Token>{4, 5, 6, 7}, {.temperature = 0}, [](ef::Token) {});
    CHECK(std::ssize(made.new_tokens()) == 19);
    ef::Threads threads(1);
    const auto beams = ef::generate_beams(model, {{4, 5, 6, 7}}, {.num_beams = 2}, threads).front();
    CHECK(std::ssize(beams.front().new_tokens()) == 19);
  }
}

}  // namespace generate_window
