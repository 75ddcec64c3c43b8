// What single processors do and refuse.
#include <eigenformer/generate/sampler.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace generate_logits {

namespace ef = eigenformer;

namespace {

using Row = ef::RowVector<double>;
constexpr double removed = -std::numeric_limits<double>::infinity();

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ef::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("penalties count prompt and continuation alike, each token once for presence") {
  Row logits(4);
  logits << 2, -2, 1, 0;
  const std::vector<ef::Token> tokens = {0, 1, 0, 0};
  ef::TokenPenalties penalties{.repetition = 2, .presence = 0.5, .frequency = 0.25};
  penalties(tokens, logits);
  CHECK(logits(0) == 2 / 2.0 - 0.5 - 3 * 0.25);
  CHECK(logits(1) == -2 * 2.0 - 0.5 - 0.25);
  CHECK(logits(2) == 1);
  CHECK(logits(3) == 0);
  penalties(tokens, logits);  // the counters were cleared
  CHECK(logits(1) == -4.75 * 2.0 - 0.5 - 0.25);
}

TEST_CASE("bias and bans act on the tokens they name alone") {
  Row logits = Row::Zero(5);
  const std::vector<ef::TokenBias> biases = {{1, 2.5}, {3, removed}};
  const std::vector<ef::Token> banned = {4};
  ef::add_bias(logits, biases);
  ef::ban(logits, banned);
  Row want(5);
  want << 0, 2.5, 0, removed, removed;
  CHECK(logits == want);
}

TEST_CASE("processors refuse tokens outside the vocabulary by value and position") {
  Row logits = Row::Zero(5);
  const std::vector<ef::Token> above = {0, 5}, negative = {-1};
  const std::vector<ef::TokenBias> bias = {{9, 1.0}};
  const std::string message = "token 5 at position 1 is outside the vocabulary of 5";
  CHECK(refusal([&] { ef::TokenPenalties{.presence = 1}(above, logits); }) == message);
  CHECK(refusal([&] { ef::no_repeat_ngrams(above, logits, 2); }) == message);
  CHECK(refusal([&] { ef::ban(logits, above); }) == message);
  CHECK(refusal([&] { ef::min_length({}, logits, 1, negative); }) ==
        "token -1 at position 0 is outside the vocabulary of 5");
  CHECK(refusal([&] { ef::add_bias(logits, bias); }) ==
        "token 9 at position 0 is outside the vocabulary of 5");
  CHECK(logits == Row::Zero(5));
}

TEST_CASE("processors refuse impossible values, and the values that mean all keep all") {
  Row logits(3);
  logits << 3, 0, -900;
  const Row before = logits;
  CHECK_THROWS_WITH_AS(ef::temperature(logits, 0), "temperature: 0 divides nothing", ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::top_k(logits, -1), "top_k: -1 is negative", ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::top_p(logits, std::nan("")), "top_p: nan is not in (0, 1]", ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::min_p(logits, 2), "min_p: 2 is not in [0, 1]", ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::typical_p(logits, 0), "typical_p: 0 is not in (0, 1]", ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::epsilon_cutoff(logits, -1), "epsilon_cutoff: -1 is not in [0, 1)",
                       ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::eta_cutoff(logits, 1), "eta_cutoff: 1 is not in [0, 1)", ef::ConfigError);
  ef::temperature(logits, 1);
  ef::top_k(logits, 0);
  ef::top_p(logits, 1);
  ef::min_p(logits, 0);
  ef::typical_p(logits, 1);
  ef::epsilon_cutoff(logits, 0);
  ef::eta_cutoff(logits, 0);
  CHECK(logits == before);
}

TEST_CASE("truncations refuse rows from which no token can be drawn") {
  Row logits = Row::Zero(300);
  logits(290) = std::numeric_limits<double>::quiet_NaN();
  CHECK(refusal([&] { ef::top_k(logits, 5); }) == "logits: nan at position 290");
  CHECK(refusal([&] { ef::top_p(logits, 0.5); }) == "logits: nan at position 290");
  logits.setConstant(removed);
  CHECK(refusal([&] { ef::min_p(logits, 0.5); }) ==
        "logits: all 300 are -infinity, there is no token to choose");
  Row none;
  CHECK(refusal([&] { ef::typical_p(none, 0.5); }) == "logits: empty, there is no token to choose");
}

}  // namespace generate_logits
