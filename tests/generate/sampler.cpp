#include "generate/naive_sampling.hpp"
#include "support/allocation_counter.hpp"
#include <eigenformer/generate/sampler.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace generate_sampler {

namespace ef = eigenformer;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Numbers that are the same on every platform, unlike those of std's distributions.
struct Numbers {
  std::mt19937_64 bits{17};
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }
  double normal() {  // near enough: a sum of twelve
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }
};

/// Logits of many shapes: smooth, with ties, with removed tokens, far apart, all equal.
std::vector<double> random_logits(Numbers& numbers, std::size_t size) {
  const std::size_t shape = numbers.below(6);
  std::vector<double> logits(size);
  for (double& logit : logits) {
    logit = numbers.normal() * 3;
    if (shape == 1) logit = std::round(logit);
    if (shape == 2) logit = numbers.below(3) == 0 ? -infinity : logit;
    if (shape == 3) logit *= 1000;
    if (shape == 4) logit = 0.25;
    if (shape == 5) logit = numbers.below(50) == 0 ? logit + 12 : logit * 0.1;
    logit = static_cast<double>(static_cast<float>(logit));
  }
  logits[numbers.below(size)] = 1.5;
  return logits;
}

ef::GenerationConfig random_config(Numbers& numbers) {
  ef::GenerationConfig config;
  const auto sometimes = [&] { return numbers.below(3) == 0; };
  const std::array<double, 6> temperatures = {1e-30, 0.02, 0.7, 1, 1.9, 1e30};
  config.temperature = temperatures[numbers.below(6)];
  if (sometimes()) config.top_k = static_cast<ef::Index>(1 + numbers.below(60));
  if (sometimes()) config.top_p = 1 - numbers.uniform();
  if (sometimes()) config.min_p = numbers.uniform();
  if (sometimes()) config.typical_p = 1 - numbers.uniform();
  if (sometimes()) config.epsilon_cutoff = numbers.uniform() * 0.1;
  if (sometimes()) config.eta_cutoff = numbers.uniform() * 0.1;
  return config;
}

template <class Vector> double largest_difference(const ef::RowVector<double>& got, const Vector& want) {
  double largest = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    largest = (std::max)(largest, std::abs(got(static_cast<ef::Index>(i)) - want[i]));
  }
  return largest;
}

template <class Error, class Call> std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("probabilities equal those of full sorts for all shapes of logits and all configurations") {
  Numbers numbers;
  const std::array<std::size_t, 9> sizes = {1, 2, 3, 50, 255, 256, 257, 1000, 30000};
  for (int round = 0; round < 1500; ++round) {
    const std::size_t size = sizes[numbers.below(round % 50 == 0 ? 9 : 8)];
    const std::vector<double> logits = random_logits(numbers, size);
    const ef::GenerationConfig config = random_config(numbers);
    CAPTURE(round);
    CAPTURE(size);
    CAPTURE(config.temperature);
    CAPTURE(config.top_k);
    CAPTURE(config.top_p);
    CAPTURE(config.min_p);
    CAPTURE(config.typical_p);
    CAPTURE(config.epsilon_cutoff);
    CAPTURE(config.eta_cutoff);
    const auto want = naive::probabilities(logits, config);
    const Eigen::Map<const Eigen::VectorXd> row(logits.data(), std::ssize(logits));
    CHECK(largest_difference(ef::probabilities(row, config), want) < 1e-12);
  }
}

TEST_CASE("float logits give the nucleus of full sorts") {
  Numbers numbers;
  for (int round = 0; round < 300; ++round) {
    const std::vector<double> logits = random_logits(numbers, 1 + numbers.below(3000));
    const ef::GenerationConfig config{.temperature = 0.25 + 2 * numbers.uniform(),
                                      .top_p = 1 - numbers.uniform()};
    CAPTURE(round);
    CAPTURE(config.temperature);
    CAPTURE(config.top_p);
    const Eigen::RowVectorXf row =
        Eigen::Map<const Eigen::RowVectorXd>(logits.data(), std::ssize(logits)).cast<float>();
    const auto want = naive::probabilities(logits, config);
    const auto got = ef::probabilities(row, config);
    CHECK(largest_difference(got, want) < 2e-6);
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (want[i] > 1e-30) CHECK(got(static_cast<ef::Index>(i)) > 0);
      if (want[i] == 0) CHECK(got(static_cast<ef::Index>(i)) < 1e-30);
    }
  }
}

TEST_CASE("draws follow the probabilities") {
  Numbers numbers;
  const std::array<ef::GenerationConfig, 4> configs = {
      {{.seed = 1},
       {.temperature = 1.5, .top_k = 20, .seed = 2},
       {.top_p = 0.9, .seed = 3},
       {.temperature = 0.8, .top_k = 40, .top_p = 0.95, .seed = 4}}};
  for (const ef::GenerationConfig& config : configs) {
    Eigen::VectorXf logits(600);  // more than two blocks
    for (float& logit : logits) logit = static_cast<float>(2 * numbers.normal());
    ef::Sampler sampler(config);
    const auto p = sampler.probabilities(logits);
    constexpr int draws = 40000;
    std::vector<int> counts(600);
    for (int i = 0; i < draws; ++i) ++counts[static_cast<std::size_t>(sampler(logits))];
    CHECK(sampler.drawn() == draws);

    double chi_squared = 0, rest = 0, rest_count = 0;
    int cells = 0;
    for (ef::Index i = 0; i < 600; ++i) {
      const double expected = p(i) * draws, count = counts[static_cast<std::size_t>(i)];
      if (p(i) == 0) CHECK(count == 0);
      if (expected >= 5) {
        chi_squared += (count - expected) * (count - expected) / expected;
        ++cells;
      } else {
        rest += expected;
        rest_count += count;
      }
    }
    if (rest >= 5) {
      chi_squared += (rest_count - rest) * (rest_count - rest) / rest;
      ++cells;
    }
    CAPTURE(config.seed);
    CHECK(cells > 10);
    // mean and deviation of the chi-squared distribution; 3.1 deviations are passed once in a thousand
    const double freedom = cells - 1;
    CHECK(chi_squared < freedom + 3.1 * std::sqrt(2 * freedom));
    CHECK(chi_squared > freedom - 3.1 * std::sqrt(2 * freedom));
  }
}

TEST_CASE("the same seed draws the same tokens, on every machine these") {
  Eigen::VectorXf logits(1000);
  for (ef::Index i = 0; i < 1000; ++i) logits(i) = static_cast<float>((i * 37) % 101) / 16;
  const auto draw = [&](const ef::GenerationConfig& config, std::uint64_t stream) {
    ef::Sampler sampler(config, stream);
    std::string tokens;
    for (int i = 0; i < 8; ++i) tokens += std::to_string(sampler(logits)) + " ";
    return tokens;
  };
  // from a second program: Philox, full sorts, cumulative sums
  CHECK(draw({.seed = 1}, 0) == "898 876 559 35 666 294 122 466 ");
  CHECK(draw({.temperature = 0.7, .top_p = 0.9, .seed = 1}, 0) == "898 873 559 35 666 292 125 464 ");
  CHECK(draw({.temperature = 0.8, .top_k = 40, .top_p = 0.95, .seed = 7}, 0) ==
        "726 767 19 232 999 322 434 464 ");
  CHECK(draw({.seed = 1}, 1) != draw({.seed = 1}, 0));
  CHECK(draw({.seed = 2}, 0) != draw({.seed = 1}, 0));

  ef::Sampler first({.seed = 5});
  first(logits);
  ef::Sampler copy = first;  // goes on where the original stands
  for (int i = 0; i < 20; ++i) CHECK(first(logits) == copy(logits));
}

TEST_CASE("any vector expression of float or double gives the same tokens") {
  Numbers numbers;
  Eigen::MatrixXd table(400, 3);
  for (double& value : table.reshaped()) value = static_cast<double>(static_cast<float>(numbers.normal()));
  const ef::Matrix<double> rows = table.transpose();
  const ef::Matrix<double> single = rows.row(1);
  const Eigen::ArrayXf array = table.col(1).array().cast<float>();
  const ef::GenerationConfig config{.temperature = 0.9, .top_k = 30, .seed = 11};
  ef::Sampler by_column(config), by_row(config), by_stride(config), by_sum(config), by_float(config),
      by_matrix(config);
  for (int i = 0; i < 50; ++i) {
    const ef::Token token = by_column(table.col(1));
    CHECK(by_row(rows.row(1)) == token);
    CHECK(by_stride(rows.transpose().col(1).transpose()) == token);
    CHECK(by_sum(table.col(1) + Eigen::VectorXd::Zero(400)) == token);
    CHECK(by_float(array) == token);
    CHECK(by_matrix(single) == token);
  }
  ef::Sampler strided(config), copied(config);
  for (int i = 0; i < 50; ++i) CHECK(strided(rows.col(7)) == copied(Eigen::VectorXd(rows.col(7))));
}

TEST_CASE("temperature 0 takes the largest logit, of several the lowest id, whatever else is asked for") {
  Eigen::VectorXd logits(600);
  logits.setZero();
  logits(300) = logits(299) = logits(599) = 3;
  ef::Sampler greedy({.temperature = 0, .top_k = 5, .top_p = 0.5, .typical_p = 0.5, .seed = 9});
  for (int i = 0; i < 10; ++i) CHECK(greedy(logits) == 299);
  const auto p = greedy.probabilities(logits);
  CHECK(p(299) == 1);
  CHECK(p.sum() == 1);
  ef::Sampler penalised({.temperature = 0, .repetition_penalty = 2});
  const std::vector<ef::Token> history = {299, 300};
  CHECK(penalised(logits, history) == 599);
}

TEST_CASE("end tokens are not drawn before the minimum of new tokens") {
  Eigen::VectorXf logits(3);
  logits << 9, 1, 0;
  ef::Sampler sampler({.min_new_tokens = 2, .temperature = 0, .end_tokens = {0}});
  CHECK(sampler(logits) == 1);
  CHECK(sampler(logits) == 1);
  CHECK(sampler(logits) == 0);
}

TEST_CASE("a step that a user adds sees the history and acts before the temperature") {
  Eigen::VectorXf logits = Eigen::VectorXf::Zero(10);
  const std::vector<ef::Token> history = {4, 2};
  ef::Sampler sampler({.temperature = 0.5, .repetition_penalty = 2});
  REQUIRE(sampler.chain().size() == 1);
  sampler.chain().push_back([](std::span<const ef::Token> tokens, ef::RowOut<double> row) {
    row(tokens.back()) += 3;
    ef::top_k(row, 1);
  });
  CHECK(sampler.probabilities(logits, history)(2) == 1);
  sampler.chain().pop_back();
  CHECK(sampler.probabilities(logits, history)(2) == doctest::Approx(0.1));
}

TEST_CASE("the common chains allocate nothing after the first draw") {
  Numbers numbers;
  Eigen::VectorXf logits(5000);
  for (float& logit : logits) logit = static_cast<float>(numbers.normal());
  ef::Matrix<double> columns = ef::Matrix<double>::Zero(5000, 2);
  columns.col(0) = logits.cast<double>();
  const std::vector<ef::Token> history = {1, 2, 3, 1, 2};
  const std::array<ef::GenerationConfig, 7> configs = {
      {{.temperature = 0},
       {.temperature = 0.7},
       {.top_k = 40},
       {.temperature = 0.8, .top_p = 0.95},
       {.temperature = 0.8, .top_k = 40, .top_p = 0.95},
       {.min_p = 0.05},
       {.top_k = 40, .repetition_penalty = 1.2, .no_repeat_ngram = 2}}};
  for (const ef::GenerationConfig& config : configs) {
    ef::Sampler sampler(config);
    const AllocationCounter first;
    sampler(logits, history);
    if (AllocationCounter::counts) CHECK(first.count() > 0);  // else the counter does not work
    sampler(columns.col(0), history);                         // copied, as it does not lie side by side
    const AllocationCounter counter;
    for (int i = 0; i < 20; ++i) {
      sampler(logits, history);
      sampler(columns.col(0), history);
    }
    CHECK(counter.count() == 0);
  }
}

TEST_CASE("logits that no token can be drawn from are refused with the position") {
  ef::Sampler sampler({.top_k = 3});
  Eigen::VectorXf logits = Eigen::VectorXf::Zero(1000);
  const auto message = [&] { return refusal<ef::InputError>([&] { sampler(logits); }); };
  for (const ef::Index bad : {0, 255, 256, 700, 999}) {
    logits(bad) = static_cast<float>(not_a_number);
    CHECK(message() == "logits: nan at position " + std::to_string(bad));
    logits(bad) = static_cast<float>(infinity);
    CHECK(message() == "logits: inf at position " + std::to_string(bad));
    logits(bad) = 0;
  }
  CHECK(sampler.drawn() == 0);  // a refused draw is none
  logits.setConstant(-static_cast<float>(infinity));
  CHECK(message() == "logits: all 1000 are -infinity, there is no token to choose");
  logits.resize(0);
  CHECK(message() == "logits: empty, there is no token to choose");
  CHECK(refusal<ef::InputError>([&] { sampler(Eigen::MatrixXf::Zero(2, 3)); }) ==
        "logits: 2 x 3 is no single row or column");

  ef::Sampler all_banned({.banned_tokens = {0, 1}});
  CHECK(refusal<ef::InputError>([&] { all_banned(Eigen::VectorXd::Zero(2)); }) ==
        "logits: all 2 are -infinity, there is no token to choose");
}

TEST_CASE("tokens outside the vocabulary and impossible configurations are refused") {
  const Eigen::VectorXd logits = Eigen::VectorXd::Zero(50);
  ef::Sampler sampler;
  const std::vector<ef::Token> history = {1, 50}, negative = {-4};
  CHECK(refusal<ef::InputError>([&] { sampler(logits, history); }) ==
        "token 50 at position 1 is outside the vocabulary of 50");
  CHECK(refusal<ef::InputError>([&] { sampler(logits, negative); }) ==
        "token -4 at position 0 is outside the vocabulary of 50");
  ef::Sampler biased({.logit_bias = {{60, 1.0}}});
  CHECK(refusal<ef::ConfigError>([&] { biased(logits); }) ==
        "logit_bias: token 60 is outside the vocabulary of 50");
  CHECK_NOTHROW(biased(Eigen::VectorXd::Zero(61)));
  CHECK(refusal<ef::ConfigError>([&] { biased(logits); }) != "");
  CHECK(refusal<ef::ConfigError>([] { ef::Sampler({.top_p = 0}); }) == "top_p: 0 is not in (0, 1]");
}

}  // namespace generate_sampler
