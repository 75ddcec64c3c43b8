// Against what transformers computes (tests/data/sampling), and the refusals of single processors.
#include <eigenformer/generate/sampler.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace ef = eigenformer;

namespace {

using Json = nlohmann::json;
using Row = ef::RowVector<double>;
constexpr double removed = -std::numeric_limits<double>::infinity();

/// The tables of the reference data; every one is [10, columns] of 8-byte numbers.
struct Reference {
  Reference() {
    std::ifstream json_file(EIGENFORMER_TEST_DATA "/sampling/sampling.json");
    REQUIRE(json_file.good());
    cases = Json::parse(json_file)["cases"];
    std::ifstream file(EIGENFORMER_TEST_DATA "/sampling/sampling.safetensors", std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
    std::uint64_t header_bytes = 0;
    REQUIRE(bytes.size() > 8);
    std::memcpy(&header_bytes, bytes.data(), 8);
    header = Json::parse(bytes.substr(8, header_bytes));
    data = 8 + header_bytes;
  }

  template <class T> std::vector<T> row(const std::string& name, std::size_t i) const {
    const auto columns = header.at(name)["shape"][1].get<std::size_t>();
    std::vector<T> values(columns);
    const auto begin = header[name]["data_offsets"][0].get<std::size_t>() + i * columns * sizeof(T);
    std::memcpy(values.data(), bytes.data() + data + begin, columns * sizeof(T));
    return values;
  }

  std::vector<ef::Token> tokens(std::size_t i) const {
    const auto ids = row<std::int64_t>("input_ids", i);
    std::vector<ef::Token> out;
    for (const std::int64_t id : ids) out.push_back(static_cast<ef::Token>(id));
    return out;
  }

  Row logits(const std::string& name, std::size_t i) const {
    const auto values = row<double>(name, i);
    return Eigen::Map<const Row>(values.data(), std::ssize(values));
  }

  Json cases, header;
  std::string bytes;
  std::size_t data = 0;
};

bool marked(const Json& rows, std::size_t row) {
  return std::find(rows.begin(), rows.end(), row) != rows.end();
}

/// In rows marked for both, the last bit of a sum of equal probabilities decides how many of them stay.
bool left_to_rounding(const Json& entry, std::size_t row) {
  return marked(entry["tie_dependent_rows"], row) && marked(entry["precision_dependent_rows"], row);
}

void apply(const std::string& name, const Json& setting, const std::vector<ef::Token>& tokens, Row& logits) {
  if (name == "min_length") {
    const std::vector<ef::Token> end = {setting[1].get<ef::Token>()};
    return ef::min_length(tokens, logits, setting[0].get<ef::Index>(), end);
  }
  const double value = setting.is_object() ? setting["value"].get<double>() : setting.get<double>();
  const ef::Index keep = setting.is_object() ? setting["min_tokens_to_keep"].get<ef::Index>() : 1;
  if (name == "repetition_penalty") return ef::TokenPenalties{.repetition = value}(tokens, logits);
  if (name == "presence_penalty") return ef::TokenPenalties{.presence = value}(tokens, logits);
  if (name == "frequency_penalty") return ef::TokenPenalties{.frequency = value}(tokens, logits);
  if (name == "no_repeat_ngram_size")
    return ef::no_repeat_ngrams(tokens, logits, static_cast<ef::Index>(value));
  if (name == "temperature") return ef::temperature(logits, value);
  if (name == "top_k") return ef::top_k(logits, static_cast<ef::Index>(value), keep);
  if (name == "top_p") return ef::top_p(logits, value, keep);
  if (name == "min_p") return ef::min_p(logits, value, keep);
  if (name == "typical_p") return ef::typical_p(logits, value, keep);
  if (name == "epsilon_cutoff") return ef::epsilon_cutoff(logits, value, keep);
  if (name == "eta_cutoff") return ef::eta_cutoff(logits, value, keep);
  FAIL("no processor of this name: ", name);
}

/// The configuration that is this chain; false where it needs `min_tokens_to_keep`.
bool configure(const Json& chain, std::size_t length, ef::GenerationConfig& config) {
  for (const Json& step : chain) {
    const auto name = step[0].get<std::string>();
    if (step[1].is_object()) return false;
    if (name == "min_length") {
      config.end_tokens = {step[1][1].get<ef::Token>()};
      config.min_new_tokens = length < step[1][0].get<std::size_t>();
      continue;
    }
    const double value = step[1].get<double>();
    if (name == "repetition_penalty") config.repetition_penalty = value;
    if (name == "presence_penalty") config.presence_penalty = value;
    if (name == "frequency_penalty") config.frequency_penalty = value;
    if (name == "no_repeat_ngram_size") config.no_repeat_ngram = static_cast<ef::Index>(value);
    if (name == "temperature") config.temperature = value;
    if (name == "top_k") config.top_k = static_cast<ef::Index>(value);
    if (name == "top_p") config.top_p = value;
    if (name == "min_p") config.min_p = value;
    if (name == "typical_p") config.typical_p = value;
    if (name == "epsilon_cutoff") config.epsilon_cutoff = value;
    if (name == "eta_cutoff") config.eta_cutoff = value;
  }
  return true;
}

/// Largest difference; of rows in which equal tokens compete, after sorting.
double difference(Row got, Row want, bool sorted) {
  if (sorted) {
    std::sort(got.begin(), got.end());
    std::sort(want.begin(), want.end());
  }
  double largest = 0;
  for (ef::Index i = 0; i < want.size(); ++i) {
    if (got(i) == want(i)) continue;  // -infinity too
    const double apart = std::abs(got(i) - want(i)) / (std::max)(1.0, std::abs(want(i)));
    largest = std::isfinite(apart) ? (std::max)(largest, apart) : std::numeric_limits<double>::infinity();
  }
  return largest;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ef::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("every processor and chain gives the scores and probabilities of transformers within 1e-12") {
  const Reference reference;
  int compared = 0;
  for (const Json& entry : reference.cases) {
    const auto name = entry["name"].get<std::string>();
    for (std::size_t row = 0; row < 10; ++row) {
      CAPTURE(name);
      CAPTURE(row);
      if (left_to_rounding(entry, row)) continue;
      const bool sorted = marked(entry["tie_dependent_rows"], row);
      Row logits = reference.logits("rows", row);
      for (const Json& step : entry["chain"]) apply(step[0], step[1], reference.tokens(row), logits);
      CHECK(difference(logits, reference.logits(name + ".scores", row), sorted) < 1e-12);
      const Row probabilities = ef::probabilities(logits, {});
      CHECK(difference(probabilities, reference.logits(name + ".probabilities", row), sorted) < 1e-12);
      ++compared;
    }
  }
  CHECK(compared == 347);
}

TEST_CASE(
    "a config gives the probabilities of transformers, in double within 1e-12 and in float within 1e-6") {
  const Reference reference;
  int compared = 0;
  for (const Json& entry : reference.cases) {
    const auto name = entry["name"].get<std::string>();
    for (std::size_t row = 0; row < 10; ++row) {
      CAPTURE(name);
      CAPTURE(row);
      const auto tokens = reference.tokens(row);
      ef::GenerationConfig config;
      if (!configure(entry["chain"], tokens.size(), config) || left_to_rounding(entry, row)) continue;
      const bool sorted = marked(entry["tie_dependent_rows"], row);
      const Row logits = reference.logits("rows", row);
      const Row want = reference.logits(name + ".probabilities", row);
      CHECK(difference(ef::probabilities(logits, config, tokens), want, sorted) < 1e-12);
      ++compared;
      if (marked(entry["precision_dependent_rows"], row)) continue;
      const Eigen::VectorXf column = logits.transpose().cast<float>();
      CHECK(difference(ef::probabilities(column, config, tokens), want, sorted) < 1e-6);
    }
  }
  CHECK(compared == 287);
}

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
  CHECK(difference(logits, want, false) == 0);
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
