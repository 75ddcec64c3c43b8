#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/generate/speculative.hpp>

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

namespace generate_speculative {

namespace ef = eigenformer;

using support::some_tokens;

namespace {

ef::CausalLM<float> random_model(ef::ModelConfig config, std::uint64_t seed) {
  ef::CausalLM<float> model(config, ef::Seed{seed});
  support::enliven(model.parameters());
  return model;
}

/// A model small enough that all that it may write can be counted.
ef::ModelConfig five_words() {
  return {.vocab_size = 5, .d_model = 8, .n_layers = 1, .n_heads = 2, .d_ff = 16, .max_positions = 16};
}

using Text = std::vector<ef::Token>;

/// Adds the probability of every text of `more` further tokens, by the chain rule.
void add_texts(const ef::CausalLM<float>& model, const ef::GenerationConfig& config, Text text, double p,
               ef::Index more, std::map<Text, double>& out) {
  if (more == 0) {
    out[text] += p;
    return;
  }
  const ef::RowVector<float> logits = model({text}).bottomRows(1);
  const ef::RowVector<double> next = ef::probabilities(logits, config, text);
  for (ef::Token t = 0; t < next.size(); ++t) {
    if (!(next[t] > 0)) continue;
    text.push_back(t);
    add_texts(model, config, text, p * next[t], more - 1, out);
    text.pop_back();
  }
}

/// Pearson's statistic in standard deviations (Wilson & Hilferty 1931), cells of fewer than 5 expected texts
/// taken together.
double chi_square(const std::map<Text, double>& exact, const std::map<Text, int>& found, int runs) {
  double statistic = 0, rest_expected = 0, rest_found = runs;
  int cells = 0;
  const auto add = [&](double expected, double seen) {
    statistic += (seen - expected) * (seen - expected) / expected;
    ++cells;
  };
  for (const auto& [text, p] : exact) {
    const double expected = p * runs, seen = found.contains(text) ? found.at(text) : 0;
    if (expected < 5) {
      rest_expected += expected;
      continue;
    }
    rest_found -= seen;
    add(expected, seen);
  }
  if (rest_expected > 0.5) add(rest_expected, rest_found);
  const double df = cells - 1, scale = 2 / (9 * df);
  return (std::cbrt(statistic / df) - (1 - scale)) / std::sqrt(scale);
}

/// How far texts of four new tokens are from the model's distribution, and how often proposals were kept.
struct Trial {
  double deviations = 0, acceptance = 0;
};
template <class Drafter>
Trial trial(const ef::CausalLM<float>& model, const ef::GenerationConfig& config, Drafter& drafter,
            int runs) {
  const Text prompt{1, 3};
  std::map<Text, double> exact;
  add_texts(model, config, prompt, 1, config.max_new_tokens.value(), exact);
  ef::Threads threads(1);
  ef::Session<float> session(model, threads);
  std::map<Text, int> found;
  ef::SpeculativeCounts all;
  for (int run = 0; run < runs; ++run) {
    ef::Sampler sampler(config, static_cast<std::uint64_t>(run));
    drafter.begin(static_cast<std::uint64_t>(run));
    session.truncate(0);
    const auto result =
        ef::generate_speculative(session, sampler, drafter, prompt, [](ef::Token) {}, {.draft_tokens = 2});
    ++found[result.generation.tokens];
    all.proposed += result.counts.proposed;
    all.accepted += result.counts.accepted;
  }
  for (const auto& [text, count] : found) CHECK(exact.contains(text));
  return {chi_square(exact, found, runs), all.acceptance_rate()};
}

/// A draft model, each text of which draws from a stream of its own. `lie` may change what it says of its
/// probabilities.
struct Draft {
  const ef::CausalLM<float>& model;
  ef::GenerationConfig config;
  std::function<void(ef::Proposal&)> lie = [](ef::Proposal&) {};
  ef::Threads threads{1};
  std::optional<ef::DraftModel<float>> draft{};

  void begin(std::uint64_t stream) { draft.emplace(model, threads, ef::Sampler(config, stream)); }
  void propose(std::span<const ef::Token> tokens, ef::Index count, ef::Index drawn, ef::Proposal& proposal) {
    draft->propose(tokens, count, drawn, proposal);
    lie(proposal);
  }
};

}  // namespace

TEST_CASE("greedy text is that of plain decoding, whoever proposes") {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const auto model = support::lively<float>(named.config), other = random_model(named.config, 77);
    const auto prompt = some_tokens(12, 61);
    ef::Threads threads(2);
    const ef::GenerationConfig plain{.max_new_tokens = 60, .temperature = 0, .log_probabilities = true};
    auto penalised = plain;
    penalised.repetition_penalty = 1.4;
    penalised.no_repeat_ngram = 3;
    penalised.min_new_tokens = 20;
    penalised.end_tokens = {3, 11, 40};
    penalised.forced_bos = 9;
    penalised.forced_eos = 3;
    for (const ef::GenerationConfig& config : {plain, penalised}) {
      const auto expected = ef::generate(model, prompt, config, threads, [](ef::Token) {});
      const auto check = [&](auto& drafter, ef::Index draft_tokens) {
        std::vector<ef::Token> told;
        const auto [found, counts] = ef::generate_speculative(
            model, drafter, prompt, config, threads, [&](ef::Token t) { told.push_back(t); }, {draft_tokens});
        CHECK(found.tokens == expected.tokens);
        CHECK(found.finish == expected.finish);
        CHECK(found.log_probabilities == expected.log_probabilities);
        CHECK(told == std::vector<ef::Token>(found.new_tokens().begin(), found.new_tokens().end()));
        CHECK(counts.written == std::ssize(told));
        CHECK(counts.accepted <= counts.proposed);
        CHECK(counts.passes + counts.accepted >= counts.written);
        return counts;
      };
      for (const ef::Index draft_tokens : {0, 1, 4, 100}) {
        ef::DraftModel<float> same(model, threads, ef::Sampler(config)),
            bad(other, threads, ef::Sampler(config));
        ef::PromptLookup lookup;
        const auto counts = check(same, draft_tokens);
        if (!config.forced_bos && draft_tokens > 0) CHECK(counts.acceptance_rate() == 1);
        if (!config.forced_bos) CHECK(counts.passes == (60 + draft_tokens) / (draft_tokens + 1));
        check(bad, draft_tokens);
        check(lookup, draft_tokens);
      }
    }
  }
}

TEST_CASE("with certain proposals sampled text too is that of plain decoding, token for token") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  ef::SpeculativeCounts all;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const ef::GenerationConfig config{
        .max_new_tokens = 100, .temperature = 0.5, .top_k = 4, .presence_penalty = -1, .seed = seed};
    const auto prompt = some_tokens(30, 7);
    const auto expected = ef::generate(model, prompt, config, threads, [](ef::Token) {});
    ef::PromptLookup lookup;
    const auto looked = ef::generate_speculative(model, lookup, prompt, config, threads, [](ef::Token) {});
    CHECK(looked.generation.tokens == expected.tokens);
    ef::DraftModel<float> greedy(model, threads, ef::Sampler({.temperature = 0}));
    const auto drafted = ef::generate_speculative(model, greedy, prompt, config, threads, [](ef::Token) {});
    CHECK(drafted.generation.tokens == expected.tokens);
    CHECK(drafted.counts.accepted > 0);
    all.accepted += looked.counts.accepted;
  }
  CHECK(all.accepted > 0);
}

TEST_CASE("sampled text has the model's distribution, whatever the draft and the processors") {
  const auto model = random_model(five_words(), 5), other = random_model(five_words(), 77);
  const ef::GenerationConfig plain{.max_new_tokens = 4, .temperature = 0.4, .seed = 3};
  auto narrow = plain, penalised = plain;
  narrow.top_k = 3;
  narrow.top_p = 0.9;
  penalised.repetition_penalty = 1.2;
  penalised.frequency_penalty = 0.2;
  penalised.no_repeat_ngram = 2;
  penalised.logit_bias = {{2, 0.3}};
  for (const auto& config : {plain, narrow, penalised}) {
    Draft same{model, config}, bad{other, config};
    const Trial of_same = trial(model, config, same, 6000), of_bad = trial(model, config, bad, 6000);
    CHECK(std::fabs(of_same.deviations) < 3.5);
    CHECK(std::fabs(of_bad.deviations) < 3.5);
    CHECK(of_same.acceptance == 1);
    CHECK(of_bad.acceptance < 0.9);
    CHECK(of_bad.acceptance > 0.1);
    auto hotter = config;
    hotter.temperature = 2;
    hotter.top_k = 0;
    Draft hot{other, hotter};
    CHECK(std::fabs(trial(model, config, hot, 6000).deviations) < 3.5);
  }
}

TEST_CASE("the test of the distribution notices wrong probabilities of acceptance") {
  const auto model = random_model(five_words(), 5), other = random_model(five_words(), 77);
  const ef::GenerationConfig config{.max_new_tokens = 4, .temperature = 0.4, .seed = 3};
  Draft kept_always{other, config, [](ef::Proposal& proposal) {
                      for (auto& q : proposal.probabilities) q *= 1e-9;
                    }};
  Draft said_uniform{other, config, [](ef::Proposal& proposal) {
                       for (auto& q : proposal.probabilities) q.setConstant(0.2);
                     }};
  CHECK(trial(model, config, kept_always, 3000).deviations > 10);
  CHECK(trial(model, config, said_uniform, 3000).deviations > 10);
}

TEST_CASE("end tokens, callbacks and stop texts end a text amid accepted proposals where they end it alone") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  const auto prompt = some_tokens(10, 61);
  ef::Threads threads(1);
  const auto free =
      ef::generate(model, prompt, {.max_new_tokens = 40, .temperature = 0}, threads, [](ef::Token) {});
  for (const std::size_t at : {0u, 1u, 5u, 17u, 38u}) {
    const ef::Token end = free.new_tokens()[at];
    const ef::GenerationConfig config{.max_new_tokens = 40, .temperature = 0, .end_tokens = {end}};
    const auto expected = ef::generate(model, prompt, config, threads, [](ef::Token) {});
    ef::DraftModel<float> same(model, threads, ef::Sampler(config));
    ef::Session<float> session(model, threads);
    ef::Sampler sampler(config);
    const auto found = ef::generate_speculative(session, sampler, same, prompt, [](ef::Token) {});
    CHECK(found.generation.tokens == expected.tokens);
    CHECK(found.generation.finish == ef::Finish::end_token);
    CHECK(session.size() + 1 == std::ssize(found.generation.tokens));
    session.feed({&found.generation.tokens.back(), 1});  // and it goes on from there
    CHECK(session.logits() == model({found.generation.tokens}).bottomRows(1));

    // a callback that throws leaves the cache as one that ends the text
    ef::Session<float> thrown(model, threads);
    ef::Sampler again(config);
    CHECK_THROWS_AS(ef::generate_speculative(thrown, again, same, prompt,
                                             [](ef::Token) { throw std::runtime_error("the caller"); }),
                    std::runtime_error);
    CHECK(thrown.size() == std::ssize(prompt));

    // a text that grows by a letter a token, up to a word that begins at this place
    std::string stop;
    for (std::size_t i = at; i < (std::min)(at + 2, std::size_t{40}); ++i)
      stop += static_cast<char>('0' + free.new_tokens()[i]);
    const auto up_to = [&](auto&& generate) {
      ef::StopTexts stops({stop});
      std::string text;
      generate([&](ef::Token token) {
        const auto [piece, stopped] = stops.push(std::string(1, static_cast<char>('0' + token)));
        text += piece;
        return !stopped;
      });
      return text;
    };
    const ef::GenerationConfig open{.max_new_tokens = 40, .temperature = 0};
    CHECK(up_to([&](auto&& each) { ef::generate(model, prompt, open, threads, each); }) ==
          up_to([&](auto&& each) {
            const auto stopped = ef::generate_speculative(model, same, prompt, open, threads, each);
            CHECK(stopped.generation.finish == ef::Finish::callback);
          }));
  }
}

TEST_CASE("text goes on to the end of the window, also past the end of the draft's") {
  const auto config = tiny::decoders()[1].config;  // 200 positions
  auto shorter = config;
  shorter.max_positions = 170;
  const auto model = support::lively<float>(config), draft = support::lively<float>(shorter);
  const auto prompt = some_tokens(150, 61);
  ef::Threads threads(1);
  const ef::GenerationConfig greedy{.max_new_tokens = 50, .temperature = 0};
  const auto expected = ef::generate(model, prompt, greedy, threads, [](ef::Token) {});
  ef::DraftModel<float> drafter(draft, threads, ef::Sampler(greedy));
  const auto found = ef::generate_speculative(model, drafter, prompt, greedy, threads, [](ef::Token) {});
  CHECK(found.generation.tokens == expected.tokens);
  CHECK(found.counts.accepted > 10);
  CHECK(found.counts.proposed <= 21);
  auto longer = greedy;
  longer.max_new_tokens = 51;
  CHECK_THROWS_AS(ef::generate_speculative(model, drafter, prompt, longer, threads, [](ef::Token) {}),
                  ef::WindowError);
}

TEST_CASE("a session with a history goes on from it") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  const auto history = some_tokens(30, 7), prompt = some_tokens(5, 7);
  ef::Threads threads(1);
  const ef::GenerationConfig config{.max_new_tokens = 40, .temperature = 0, .repetition_penalty = 1.2};
  ef::Session<float> plain(model, threads), fast(model, threads);
  plain.feed(history);
  fast.feed(history);
  ef::Sampler first(config), second(config);
  ef::PromptLookup lookup;
  const auto expected = ef::generate(
      plain, first, prompt, [](ef::Token) {}, history);
  const auto found = ef::generate_speculative(
      fast, second, lookup, prompt, [](ef::Token) {}, {}, history);
  CHECK(found.generation.tokens == expected.tokens);
  CHECK(found.generation.prompt_size == 35);
  CHECK(fast.size() == plain.size());
  CHECK(second.drawn() == first.drawn());
}

TEST_CASE("a lookup proposes what followed the longest and latest match") {
  const auto looked = [](const Text& text, ef::Index count, ef::PromptLookup lookup = {}) {
    ef::Proposal proposal;
    lookup.propose(text, count, 0, proposal);
    CHECK(proposal.probabilities.empty());
    return proposal.tokens;
  };
  CHECK(looked({1, 2, 3, 9, 1, 2, 3}, 3) == Text{9, 1, 2});
  CHECK(looked({1, 2, 3, 9, 5, 2, 3, 8, 1, 2, 3}, 1) == Text{9});  // three tokens before two
  CHECK(looked({2, 3, 9, 2, 3, 8, 2, 3}, 1) == Text{8});           // the later of two
  CHECK(looked({4, 4}, 5) == Text{4});
  CHECK(looked({1, 2, 3}, 5) == Text{});
  CHECK(looked({1}, 5) == Text{});
  CHECK(looked({7, 1, 2, 7}, 2, {.longest = 3, .shortest = 2}) == Text{});
}

TEST_CASE("a draft of another vocabulary and proposals that are none are refused") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  auto config = tiny::decoders()[1].config;
  config.vocab_size = 60;
  const ef::CausalLM<float> other(config, ef::Seed{1});
  ef::Threads threads(1);
  const auto refusal = [&](auto& drafter, const ef::GenerationConfig& asked = {},
                           ef::Index draft_tokens = 4) {
    try {
      ef::generate_speculative(model, drafter, Text{1, 2}, asked, threads, [](ef::Token) {}, {draft_tokens});
    } catch (const ef::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  ef::DraftModel<float> alien(other, threads, ef::Sampler());
  CHECK(refusal(alien) == "the draft's vocabulary of 60 tokens is not the model's, of 61");
  struct Fixed {
    ef::Proposal fixed;
    void propose(std::span<const ef::Token>, ef::Index, ef::Index, ef::Proposal& out) const { out = fixed; }
  };
  const auto row = [](ef::Index size, double p) { return ef::RowVector<double>::Constant(size, p).eval(); };
  Fixed many{{{1, 2, 3, 4, 5}, {}}}, outside{{{61}, {}}}, half{{{1, 2}, {row(61, 0.1)}}};
  Fixed short_row{{{1}, {row(60, 0.1)}}}, impossible{{{1}, {row(61, 0)}}};
  CHECK(refusal(many) == "5 tokens proposed, 4 asked for");
  CHECK(refusal(outside) == "token 61 at position 0 is outside the vocabulary of 61");
  CHECK(refusal(half) == "probabilities of 1 tokens for 2 proposed");
  CHECK(refusal(short_row) == "probabilities of 60 tokens for a vocabulary of 61");
  CHECK(refusal(impossible) == "token 1 was proposed at probability 0");
  ef::PromptLookup lookup;
  CHECK(refusal(lookup, {}, -1) == "draft_tokens: -1 is negative");
  CHECK(refusal(lookup, {.num_beams = 2}) == "num_beams: beam search takes no proposals");
  CHECK(refusal(lookup, {.num_return_sequences = 2}) ==
        "num_return_sequences: proposals are for one sequence at a time");
  CHECK(refusal(lookup, {.temperature = -2}) == "temperature: -2 is not a finite number of at least 0");
}

}  // namespace generate_speculative
