#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/generate/beams.hpp>

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

namespace generate_beams {

namespace ef = eigenformer;

namespace {

ef::CausalLM<double> model_of(ef::Index vocabulary) {
  ef::ModelConfig config = tiny::decoders()[0].config;
  config.vocab_size = vocabulary;
  return support::lively<double>(config);
}

/// ln p of a whole continuation, by the model on the whole text.
double log_probability(const ef::CausalLM<double>& model, const std::vector<ef::Token>& tokens,
                       std::size_t prompt) {
  const ef::Matrix<double> logits = model({tokens});
  double sum = 0;
  for (std::size_t i = prompt; i < tokens.size(); ++i)
    sum += ef::log_probability(logits.row(static_cast<ef::Index>(i) - 1), tokens[i]);
  return sum;
}

std::vector<ef::Generation> beams(const ef::CausalLM<double>& model, const std::vector<ef::Token>& prompt,
                                  const ef::GenerationConfig& config) {
  ef::Threads threads(1);
  return ef::generate_beams(model, ef::TokenBatch{prompt}, config, threads).front();
}

}  // namespace

TEST_CASE("with a beam for every prefix the search finds the best of all continuations") {
  const auto model = model_of(5);
  const std::vector<ef::Token> prompt{1, 3};
  std::vector<std::pair<double, std::vector<ef::Token>>> all;  // 5³ continuations of three tokens
  for (ef::Token a = 0; a < 5; ++a)
    for (ef::Token b = 0; b < 5; ++b)
      for (ef::Token c = 0; c < 5; ++c) {
        const std::vector<ef::Token> tokens{1, 3, a, b, c};
        all.emplace_back(log_probability(model, tokens, 2), tokens);
      }
  std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
  const auto found = beams(model, prompt, {.max_new_tokens = 3, .num_beams = 30, .num_return_sequences = 10});
  REQUIRE(found.size() == 10);
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].tokens == all[i].second);
    CHECK(std::fabs(found[i].score - all[i].first / 3) < 1e-12);
    CHECK(found[i].finish == ef::Finish::length);
    CHECK(found[i].prompt_size == 2);
  }
}

TEST_CASE("one beam is greedy") {
  const auto model = model_of(61);
  const std::vector<ef::Token> prompt{7, 30, 2};
  ef::Threads threads(1);
  const auto greedy =
      ef::generate(model, prompt, {.max_new_tokens = 20, .temperature = 0}, threads, [](ef::Token) {});
  CHECK(beams(model, prompt, {.max_new_tokens = 20})[0].tokens == greedy.tokens);
}

TEST_CASE("a hypothesis that ends is scored by its own length, and the penalty decides between lengths") {
  const auto model = model_of(61);
  const std::vector<ef::Token> prompt{7, 30, 2};
  const auto unbounded = beams(model, prompt, {.max_new_tokens = 12, .num_beams = 4});
  const ef::Token end = unbounded[0].new_tokens()[5];  // so that the best one ends early
  std::size_t lengths[3];
  for (const double penalty : {-2.0, 0.0, 3.0}) {
    const auto found = beams(model, prompt,
                             {.max_new_tokens = 12,
                              .end_tokens = {end},
                              .num_beams = 4,
                              .length_penalty = penalty,
                              .early_stopping = ef::EarlyStopping::never,
                              .num_return_sequences = 4});
    for (const ef::Generation& each : found) {
      const auto length = static_cast<double>(each.new_tokens().size());
      CHECK(std::fabs(each.score - log_probability(model, each.tokens, 3) / std::pow(length, penalty)) <
            1e-9);
      CHECK((each.finish == ef::Finish::end_token) == (each.tokens.back() == end));
    }
    CHECK(std::is_sorted(found.begin(), found.end(),
                         [](const auto& x, const auto& y) { return x.score > y.score; }));
    lengths[penalty < 0 ? 0 : penalty > 0 ? 2 : 1] = found[0].new_tokens().size();
  }
  CHECK(lengths[0] <= lengths[1]);
  CHECK(lengths[1] <= lengths[2]);
  CHECK(lengths[0] < lengths[2]);
}

TEST_CASE("bans, n-grams, the least length and forced tokens hold for every hypothesis") {
  const auto model = model_of(61);
  const auto found = beams(model, {7, 30, 2},
                           {.max_new_tokens = 14,
                            .min_new_tokens = 9,
                            .no_repeat_ngram = 2,
                            .banned_tokens = {4, 5},
                            .end_tokens = {9, 11},
                            .num_beams = 5,
                            .num_return_sequences = 5,
                            .forced_bos = 40,
                            .forced_eos = 9});
  REQUIRE(found.size() == 5);
  for (const ef::Generation& each : found) {
    const auto made = each.new_tokens();
    CHECK(made[0] == 40);
    CHECK(made.size() >= 10);  // nine others, then an end token
    CHECK((made.back() == 9 || made.back() == 11));
    for (std::size_t i = 0; i < made.size(); ++i) {
      CHECK(made[i] != 4);
      CHECK(made[i] != 5);
      for (std::size_t j = 0; j < i; ++j)
        CHECK_FALSE((i + 1 < made.size() && made[i] == made[j] && made[i + 1] == made[j + 1]));
    }
  }
}

namespace {

/// That a prompt's or source's hypotheses are the same beside others and alone, with any number of threads.
template <class Model> void check_company(const Model& model, const ef::TokenBatch& prompts) {
  const ef::GenerationConfig config{
      .max_new_tokens = 10, .end_tokens = {13, 29}, .num_beams = 3, .num_return_sequences = 2};
  ef::Threads one(1);
  const auto together = ef::generate_beams(model, prompts, config, one);
  REQUIRE(together.size() == prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i)
    for (const int count : {1, 2, 3}) {
      ef::Threads threads(count);
      const auto alone = ef::generate_beams(model, {prompts[i]}, config, threads).front();
      REQUIRE(together[i].size() == 2);
      for (std::size_t k = 0; k < 2; ++k) {
        CHECK(alone[k].tokens == together[i][k].tokens);
        CHECK(alone[k].score == together[i][k].score);
      }
    }
}

}  // namespace

TEST_CASE("a prompt's hypotheses depend neither on the other prompts nor on the threads") {
  const ef::TokenBatch prompts{{7, 30, 2}, {1}, support::some_tokens(140, 61)};
  check_company(model_of(61), prompts);
  for (const auto& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    check_company(support::lively<float, ef::Seq2Seq>(named.config), prompts);
  }
}

TEST_CASE("beams that are reordered keep the full pages that they share, where they lie") {
  const auto model = model_of(61);
  ef::Threads threads(1);
  const auto text = support::some_tokens(150, 61);  // a page holds 128 tokens
  std::vector<ef::Session<double>> beams;
  beams.emplace_back(model, threads);
  beams[0].feed(text);
  const auto page = [](const ef::Session<double>& beam, std::size_t i) {
    return beam.cache().rows(0, beam.size()).pages[i];
  };
  const void* const first = page(beams[0], 0);
  const std::vector<std::vector<std::size_t>> parents{{0, 0, 0}, {2, 0, 2}, {1, 1, 1}};
  std::vector<std::vector<ef::Token>> texts{text};
  for (std::size_t step = 0; step < parents.size(); ++step) {
    CAPTURE(step);
    beams = ef::detail::descend(std::move(beams), parents[step]);
    REQUIRE(beams.size() == 3);
    std::vector<std::vector<ef::Token>> next;
    for (std::size_t b = 0; b < 3; ++b) {
      CHECK(page(beams[b], 0) == first);
      for (std::size_t c = 0; c < 3; ++c)  // those of one parent share all of it until they are fed
        CHECK((page(beams[b], 1) == page(beams[c], 1)) == (parents[step][b] == parents[step][c]));
      next.push_back(texts[parents[step][b]]);
      next.back().push_back(static_cast<ef::Token>(7 * step + b));
    }
    texts = std::move(next);
    for (std::size_t b = 0; b < 3; ++b) {
      beams[b].feed(std::span(texts[b]).last(1));
      CHECK(page(beams[b], 0) == first);
      for (std::size_t c = 0; c < b; ++c) CHECK(page(beams[b], 1) != page(beams[c], 1));
      const ef::Matrix<double> whole = model({texts[b]});
      CHECK(beams[b].logits() == whole.row(whole.rows() - 1));
    }
  }
}

TEST_CASE("fewer hypotheses than beams are returned where the vocabulary has no more") {
  const auto found = beams(
      model_of(2), {1}, {.max_new_tokens = 2, .end_tokens = {0}, .num_beams = 6, .num_return_sequences = 6});
  CHECK(found.size() == 3);  // 0; 1 0; 1 1
}

TEST_CASE("of equal scores the hypothesis that ended later comes first, as in transformers") {
  const ef::GenerationConfig config{.max_new_tokens = 9,
                                    .end_tokens = {0},
                                    .num_beams = 2,
                                    .length_penalty = 0,
                                    .early_stopping = ef::EarlyStopping::yes,
                                    .num_return_sequences = 2};
  ef::detail::BeamRow row(config, {5}, 9);
  row.advance(std::vector<ef::detail::Continuation>{{-1, 0, 0}, {-1, 0, 3}, {-2, 0, 4}});
  row.advance(std::vector<ef::detail::Continuation>{{-1, 0, 0}, {-2, 1, 6}, {-3, 0, 7}});
  CHECK(row.done());
  const auto found = std::move(row).results();
  REQUIRE(found.size() == 2);
  CHECK(found[0].tokens == std::vector<ef::Token>{5, 3, 0});
  CHECK(found[1].tokens == std::vector<ef::Token>{5, 0});
}

TEST_CASE("settings that beams do not have are refused by name") {
  const auto model = model_of(61);
  const auto refused = [&](const ef::GenerationConfig& config, const char* field) {
    CHECK_THROWS_WITH_AS(beams(model, {1}, config), doctest::Contains(field), ef::ConfigError);
  };
  refused({.temperature = 0.5, .num_beams = 2}, "temperature");
  refused({.top_k = 5, .num_beams = 2}, "top_k");
  refused({.top_p = 0.5, .num_beams = 2}, "top_p");
  refused({.stop_texts = {"."}, .num_beams = 2}, "stop_texts");
  refused({.log_probabilities = true, .num_beams = 2}, "log_probabilities");
  refused({.num_beams = 0}, "num_beams: 0 is");
  refused({.num_beams = 2, .num_return_sequences = 3}, "num_return_sequences");
  refused({.end_tokens = {61}, .num_beams = 2}, "end_tokens");
  CHECK_THROWS_AS(beams(model, {1, 61}, {.num_beams = 2}), ef::InputError);
  CHECK_THROWS_AS(beams(model, {}, {.num_beams = 2}), ef::InputError);
  CHECK_THROWS_AS(beams(model, {1}, {.max_new_tokens = 200, .num_beams = 2}), ef::WindowError);
  ef::Threads threads(1);
  CHECK(ef::generate_beams(model, {}, {.num_beams = 2}, threads).empty());
}

}  // namespace generate_beams
