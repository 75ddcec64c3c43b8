#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/masking.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace train_reference_masking {

namespace ef = eigenformer;

namespace {

constexpr ef::Token none = ef::ignored_label, mask = 4, begin = 2, end = 3;

ef::Masking masking() {
  return {.mask_token = mask, .vocab_size = 1000, .special_tokens = {begin, end, mask}};
}

/// Texts of `length` tokens from 10 … 999 between two special ones.
ef::TokenBatch texts(int count, int length) {
  ef::TokenBatch all;
  for (int s = 0; s < count; ++s) {
    all.push_back({begin});
    for (int i = 0; i < length; ++i) all.back().push_back(10 + (s * 131 + i * 17) % 990);
    all.back().push_back(end);
  }
  return all;
}

}  // namespace

TEST_CASE("shares of picked, masked, random and kept tokens are those of the rule, within five sigma") {
  const ef::Json rule = ef::read_json(std::string(EIGENFORMER_TEST_DATA) +
                                      "/objectives/objectives.json")["masked_language_modelling"];
  const ef::TokenBatch sequences = texts(1000, 100);
  const ef::TrainingBatch batch = ef::masked_batch(sequences, masking(), ef::Seed{7}, 0);
  double tokens = 0, picked = 0, masked = 0, changed = 0, kept = 0;
  std::size_t row = 0;
  for (std::size_t s = 0; s < sequences.size(); ++s)
    for (std::size_t i = 0; i < sequences[s].size(); ++i, ++row) {
      const ef::Token before = sequences[s][i], after = batch.inputs[s][i], label = batch.labels[row];
      if (before == begin || before == end || label == none) {
        CHECK(after == before);
        CHECK(label == none);
        tokens += before != begin && before != end;
        continue;
      }
      CHECK(label == before);
      ++tokens, ++picked;
      masked += after == mask;
      kept += after == before;
      changed += after != before && after != mask;
    }
  CHECK(row == batch.labels.size());
  CHECK(tokens == rule["tokens"].get<double>());
  const auto share = [&](double found, const char* name, double shift) {
    CAPTURE(std::string(name));
    CHECK(std::fabs(found - shift - rule["expected_fractions"][name].get<double>()) <
          rule["five_sigma"][name].get<double>());
  };
  share(picked / tokens, "picked", 0);
  // one random token in a thousand is the mask, one the token that was there
  share(masked / picked, "picked_to_mask", 1e-4);
  share(kept / picked, "picked_kept", 1e-4);
  share(changed / picked, "picked_to_random", -2e-4);
}

}  // namespace train_reference_masking
