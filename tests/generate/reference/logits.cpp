// Logits processors against what transformers computes (tests/data/sampling).
#include <eigenformer/generate/sampler.hpp>
#include <eigenformer/hub/safetensors.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace generate_reference_logits {

namespace ef = eigenformer;

namespace {

using Json = ef::Json;
using Row = ef::RowVector<double>;

/// The tables of the reference data: ten rows each.
struct Reference {
  ef::Json cases = ef::read_json(EIGENFORMER_TEST_DATA "/sampling/sampling.json")["cases"];
  ef::SafeTensors tables{EIGENFORMER_TEST_DATA "/sampling/sampling.safetensors"};

  Row logits(const std::string& name, std::size_t row) const {
    const auto values = tables.at(name).values<double>();
    return Eigen::Map<const ef::Matrix<double>>(values.data(), 10, std::ssize(values) / 10)
        .row(static_cast<ef::Index>(row));
  }
  std::vector<ef::Token> tokens(std::size_t row) const {
    const auto ids = tables.at("input_ids").values<ef::Token>();
    const auto length = std::ssize(ids) / 10, begin = static_cast<std::ptrdiff_t>(row) * length;
    return {ids.begin() + begin, ids.begin() + begin + length};
  }
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

}  // namespace generate_reference_logits
