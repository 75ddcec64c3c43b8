#include <eigenformer/generate/config.hpp>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace generate_config {

namespace ef = eigenformer;

namespace {

/// What the ConfigError says that a call throws; empty when it throws none.
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ef::ConfigError& error) {
    CHECK(std::string(error.what()).rfind(error.field + ": ", 0) == 0);
    return error.what();
  }
  return "";
}

std::string refusal(const ef::GenerationConfig& config) {
  return refusal([&] { ef::validate(config); });
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("the default generation config and the limits of each field are valid") {
  CHECK(refusal(ef::GenerationConfig{}) == "");
  CHECK(refusal({.max_new_tokens = 1,
                 .min_new_tokens = 1,
                 .temperature = 0,
                 .top_p = 1e-300,
                 .min_p = 1,
                 .typical_p = 1e-300,
                 .epsilon_cutoff = 0.999,
                 .eta_cutoff = 0.999,
                 .repetition_penalty = 1e-3,
                 .presence_penalty = -2,
                 .frequency_penalty = -2,
                 .logit_bias = {{0, -infinity}},
                 .num_beams = 2,
                 .length_penalty = -1,
                 .num_return_sequences = 2}) == "");
}

TEST_CASE("a generation config that cannot be is refused with its field and value") {
  struct Case {
    ef::GenerationConfig config;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{.max_new_tokens = 0}, "max_new_tokens: 0 is not at least 1"},
      {{.min_new_tokens = -3}, "min_new_tokens: -3 is negative"},
      {{.max_new_tokens = 4, .min_new_tokens = 5}, "min_new_tokens: 5 is more than max_new_tokens"},
      {{.temperature = -0.5}, "temperature: -0.5 is not a finite number of at least 0"},
      {{.temperature = not_a_number}, "temperature: nan is not a finite number of at least 0"},
      {{.temperature = infinity}, "temperature: inf is not a finite number of at least 0"},
      {{.top_k = -1}, "top_k: -1 is negative"},
      {{.top_p = 0}, "top_p: 0 is not in (0, 1]"},
      {{.top_p = 1.5}, "top_p: 1.5 is not in (0, 1]"},
      {{.top_p = not_a_number}, "top_p: nan is not in (0, 1]"},
      {{.min_p = -0.1}, "min_p: -0.1 is not in [0, 1]"},
      {{.min_p = 1.25}, "min_p: 1.25 is not in [0, 1]"},
      {{.min_p = not_a_number}, "min_p: nan is not in [0, 1]"},
      {{.typical_p = 0}, "typical_p: 0 is not in (0, 1]"},
      {{.typical_p = 2}, "typical_p: 2 is not in (0, 1]"},
      {{.epsilon_cutoff = 1}, "epsilon_cutoff: 1 is not in [0, 1)"},
      {{.epsilon_cutoff = not_a_number}, "epsilon_cutoff: nan is not in [0, 1)"},
      {{.eta_cutoff = -1e-3}, "eta_cutoff: -0.001 is not in [0, 1)"},
      {{.repetition_penalty = 0}, "repetition_penalty: 0 is not a finite number above 0"},
      {{.repetition_penalty = not_a_number}, "repetition_penalty: nan is not a finite number above 0"},
      {{.presence_penalty = infinity}, "presence_penalty: inf is not finite"},
      {{.frequency_penalty = not_a_number}, "frequency_penalty: nan is not finite"},
      {{.no_repeat_ngram = -2}, "no_repeat_ngram: -2 is negative"},
      {{.logit_bias = {{-7, 1.0}}}, "logit_bias: -7 is no token, ids begin at 0"},
      {{.logit_bias = {{7, infinity}}}, "logit_bias: inf is neither a finite number nor -infinity"},
      {{.logit_bias = {{7, not_a_number}}}, "logit_bias: nan is neither a finite number nor -infinity"},
      {{.banned_tokens = {1, -1}}, "banned_tokens: -1 is no token, ids begin at 0"},
      {{.end_tokens = {-2}}, "end_tokens: -2 is no token, ids begin at 0"},
      {{.stop_texts = {"a", ""}}, "stop_texts: an empty text would stop at once"},
      {{.num_beams = 0}, "num_beams: 0 is not at least 1"},
      {{.length_penalty = not_a_number}, "length_penalty: nan is not finite"},
      {{.num_return_sequences = 0}, "num_return_sequences: 0 is not at least 1"},
      {{.num_beams = 2, .num_return_sequences = 3}, "num_return_sequences: 3 is more than num_beams"},
      {{.forced_bos = -1}, "forced_bos: -1 is no token, ids begin at 0"},
      {{.forced_eos = -1}, "forced_eos: -1 is no token, ids begin at 0"},
  };
  for (const Case& refused : cases) CHECK(refusal(refused.config) == refused.message);
}

TEST_CASE("a token of the config that the vocabulary lacks is refused with its field") {
  const auto check = [](const ef::GenerationConfig& config, const std::string& field) {
    CHECK(refusal([&] { ef::validate_tokens(config, 51); }) == "");
    CHECK(refusal([&] { ef::validate_tokens(config, 50); }) ==
          field + ": token 50 is outside the vocabulary of 50");
  };
  check({.logit_bias = {{1, 0.0}, {50, 1.0}}}, "logit_bias");
  check({.banned_tokens = {3, 50}}, "banned_tokens");
  check({.end_tokens = {50}}, "end_tokens");
  check({.forced_bos = 50}, "forced_bos");
  check({.forced_eos = 50}, "forced_eos");
}

}  // namespace generate_config
