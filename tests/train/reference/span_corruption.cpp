#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/span_corruption.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace train_reference_span_corruption {

namespace ef = eigenformer;
using ef::Index;
using Tokens = std::vector<ef::Token>;

namespace {

ef::Json cases(const char* group) {
  return ef::read_json(std::string(EIGENFORMER_TEST_DATA) + "/objectives/objectives.json")[group];
}

Tokens text(Index length) {
  Tokens tokens;
  for (Index i = 0; i < length; ++i) tokens.push_back(static_cast<ef::Token>(100 + i));
  return tokens;
}

}  // namespace

TEST_CASE("lengths of texts and targets, and counts of noise, are those of T5") {
  const ef::Json all = cases("span_corruption_lengths");
  CHECK(all.size() > 20);
  for (const auto& c : all) {
    const Index inputs = c["inputs_length"];
    const double density = c["noise_density"], mean = c["mean_noise_span_length"];
    CAPTURE(inputs);
    CAPTURE(density);
    CAPTURE(mean);
    const ef::CorruptedLengths lengths = ef::corrupted_lengths(inputs, density, mean);
    CHECK(lengths.tokens == c["tokens_length"].get<Index>());
    CHECK(lengths.targets == c["targets_length"].get<Index>());
    const ef::SpanCorruption corruption{
        .vocab_size = 32100, .noise_density = density, .mean_span_length = mean, .sentinels = 2000};
    const ef::NoiseCounts n = ef::noise_counts(lengths.tokens, corruption);
    CHECK(n.tokens == c["noise_tokens"].get<Index>());
    CHECK(n.spans == c["noise_spans"].get<Index>());
    // and a text of that length does fill the inputs
    const ef::TrainingBatch batch =
        ef::span_corruption_batch({text(lengths.tokens)}, corruption, ef::Seed{3}, 0);
    CHECK(static_cast<Index>(batch.inputs[0].size()) <= inputs);
    CHECK(static_cast<Index>(batch.labels.size()) == n.tokens + n.spans + 1);
  }
}

TEST_CASE("inputs and labels of a given mask are those of T5") {
  for (const auto& c : cases("span_corruption")) {
    std::vector<bool> mask;
    for (const auto& noise : c["noise_mask"]) mask.push_back(noise.get<int>() != 0);
    const ef::SpanCorruption corruption{.vocab_size = c["vocab_size"], .end_token = c["eos_token_id"]};
    const auto tokens = c["input_ids"].get<Tokens>();
    CHECK(ef::with_sentinels(tokens, mask, true, corruption) == c["encoder_input_ids"].get<Tokens>());
    CHECK(ef::with_sentinels(tokens, mask, false, corruption) == c["labels"].get<Tokens>());
  }
}

}  // namespace train_reference_span_corruption
