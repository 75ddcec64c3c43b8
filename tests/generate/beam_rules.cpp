// The rules of beam search: against a naive second search, and on lists of continuations made by hand.
#include "naive_beams.hpp"
#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/generate/beams.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

namespace generate_beam_rules {

namespace ef = eigenformer;
using ef::detail::BeamRow;

TEST_CASE("hypotheses and scores are those of a naive search, for all lengths, stops and processors") {
  int compared = 0, ended = 0;
  std::vector<ef::GenerationConfig> variants(7);
  variants[1].repetition_penalty = 1.4;
  variants[2].no_repeat_ngram = 2;
  variants[3].min_new_tokens = 6;
  variants[4].forced_eos = 17;
  variants[5].repetition_penalty = 0.8;
  variants[5].min_new_tokens = 3;
  variants[6].logit_bias = {{0, 3.0}};  // with the end tokens below: most of what is ranked ends
  for (const std::size_t which : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
    const auto model = support::lively<double>(tiny::decoders()[which].config);
    const std::vector<ef::Token> prompt{7, 30, 2};
    ef::Threads threads(1);
    for (ef::GenerationConfig config : variants) {
      config.max_new_tokens = 9;
      config.num_beams = 3;
      config.num_return_sequences = 3;
      const auto likely = ef::generate_beams(model, {prompt}, config, threads).front();
      const ef::Token early = likely[0].new_tokens()[2], late = likely[1].new_tokens()[6];
      for (const std::vector<ef::Token>& end_tokens :
           {std::vector<ef::Token>{late}, std::vector<ef::Token>{early, late, 11}})
        for (const double penalty : {-1.0, 0.0, 0.6, 1.0, 2.5})
          for (const auto stop : {ef::EarlyStopping::no, ef::EarlyStopping::yes, ef::EarlyStopping::never}) {
            config.end_tokens = end_tokens;
            if (!config.logit_bias.empty()) {
              config.logit_bias.clear();
              for (const ef::Token end : end_tokens) config.logit_bias.push_back({end, 3.0});
            }
            config.length_penalty = penalty;
            config.early_stopping = stop;
            const auto found = ef::generate_beams(model, {prompt}, config, threads).front();
            const auto expected = naive::beam_search(model, prompt, config);
            REQUIRE(found.size() == 3);
            REQUIRE(expected.size() == 3);
            for (std::size_t i = 0; i < 3; ++i) {
              CHECK(found[i].tokens == expected[i].tokens);
              CHECK(std::fabs(found[i].score - expected[i].value) < 1e-9);
              ended += found[i].new_tokens().size() < 9;
            }
            ++compared;
          }
    }
  }
  CHECK(compared == 630);
  CHECK(ended > 100);
}

namespace {

/// A search of two beams, 0 being the end: 0 ends as "0" with -1 and as "1 0" with -2.4, then the best that
/// runs has -3.9. Returns the step after which the search is done.
int steps_until_done(ef::EarlyStopping stop, double length_penalty, std::vector<double>& scores) {
  const ef::GenerationConfig config{.max_new_tokens = 8,
                                    .end_tokens = {0},
                                    .num_beams = 2,
                                    .length_penalty = length_penalty,
                                    .early_stopping = stop,
                                    .num_return_sequences = 2};
  const std::vector<std::vector<ef::detail::Continuation>> steps{
      {{-0.1, 0, 1}, {-1.0, 0, 0}, {-1.2, 0, 2}},
      {{-2.2, 0, 3}, {-2.4, 0, 0}, {-2.5, 1, 4}},
      {{-3.9, 0, 3}, {-4.0, 1, 4}},
      {{-9.7, 0, 3}, {-9.8, 1, 4}},  // -9.7 / 8 < -2.4 / 2: cannot be beaten at any length
  };
  BeamRow row(config, {5}, 8);
  int step = 0;
  while (!row.done() && step < 4) row.advance(steps[static_cast<std::size_t>(step++)]);
  REQUIRE(row.done());
  for (const ef::Generation& each : std::move(row).results()) scores.push_back(each.score);
  return step;
}

}  // namespace

TEST_CASE("early stopping: at two ended ones, when the next score is worse, when every later one is") {
  using ef::EarlyStopping;
  std::vector<double> scores;
  CHECK(steps_until_done(EarlyStopping::yes, 1, scores) == 2);
  CHECK(steps_until_done(EarlyStopping::no, 1, scores) == 3);     // -3.9 / 3 = -1.3 < -1.2
  CHECK(steps_until_done(EarlyStopping::never, 1, scores) == 4);  // -3.9 / 8 > -1.2
  CHECK(scores == std::vector<double>{-1.0, -1.2, -1.0, -1.2, -1.0, -1.2});
  scores.clear();
  CHECK(steps_until_done(EarlyStopping::never, 0, scores) == 3);   // sums alone: -3.9 < -2.4
  CHECK(steps_until_done(EarlyStopping::never, -1, scores) == 3);  // long ones only lose: -11.7 < -4.8
  CHECK(scores == std::vector<double>{-1.0, -2.4, -1.0, -4.8});
}

TEST_CASE(
    "an end whose rank is not below the number of beams is dropped, and what runs last joins the ended") {
  ef::GenerationConfig config{
      .max_new_tokens = 1, .end_tokens = {0, 9}, .num_beams = 2, .num_return_sequences = 2};
  const std::vector<ef::detail::Continuation> ranked{{-0.1, 0, 1}, {-0.2, 0, 0}, {-0.3, 0, 9}, {-0.4, 0, 2}};
  BeamRow last(config, {5, 6}, 1);
  CHECK(last.advance(ranked) == std::vector<std::size_t>{0, 0});
  REQUIRE(last.done());
  const auto results = std::move(last).results();
  REQUIRE(results.size() == 2);
  CHECK(results[0].tokens == std::vector<ef::Token>{5, 6, 1});
  CHECK(results[0].finish == ef::Finish::length);
  CHECK(results[1].tokens == std::vector<ef::Token>{5, 6, 0});
  CHECK(results[1].finish == ef::Finish::end_token);

  config.max_new_tokens = 2;
  config.early_stopping = ef::EarlyStopping::yes;
  BeamRow first(config, {5, 6}, 2);
  first.advance(ranked);
  CHECK_FALSE(first.done());  // with the end at rank 2 there were two
  REQUIRE(first.beams().size() == 2);
  CHECK(first.beams()[1].tokens == std::vector<ef::Token>{5, 6, 2});
}

TEST_CASE("logits that are no numbers are refused by their position, wherever it is") {
  const ef::ModelConfig config = tiny::decoders()[0].config;
  for (const ef::Index token : {ef::Index{0}, ef::Index{40}, config.vocab_size - 1}) {
    auto model = support::lively<double>(config);  // its output is its embedding: the token's logit is NaN
    model.parameters().tokens.values().data()[token * config.d_model] =
        std::numeric_limits<double>::quiet_NaN();
    ef::Threads threads(1);
    CHECK_THROWS_WITH_AS(
        ef::generate_beams(model, {{7, 30, 2}}, {.max_new_tokens = 4, .num_beams = 3}, threads),
        doctest::Contains(ef::concat("position ", token).c_str()), ef::InputError);
  }
}

}  // namespace generate_beam_rules
