#include <eigenformer/train/masking.hpp>

#include <cmath>
#include <string>

#include <doctest/doctest.h>

namespace train_masking {

namespace ef = eigenformer;
using ef::Index;

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

TEST_CASE("an example becomes the same in any batch, and another under another seed or number") {
  const ef::TokenBatch sequences = texts(6, 40);
  const ef::TrainingBatch all = ef::masked_batch(sequences, masking(), ef::Seed{7}, 10);
  const ef::TrainingBatch last = ef::masked_batch({sequences[4], sequences[5]}, masking(), ef::Seed{7}, 14);
  CHECK(last.inputs[0] == all.inputs[4]);
  CHECK(last.inputs[1] == all.inputs[5]);
  CHECK(std::vector(all.labels.end() - 84, all.labels.end()) == last.labels);
  CHECK(ef::masked_batch(sequences, masking(), ef::Seed{8}, 10).labels != all.labels);
  CHECK(ef::masked_batch(sequences, masking(), ef::Seed{7}, 11).labels != all.labels);
  // what every machine must draw
  ef::TokenBatch counted(1);
  for (ef::Token token = 10; token < 34; ++token) counted[0].push_back(token);
  const ef::TrainingBatch pinned =
      ef::masked_batch(counted, {.mask_token = mask, .vocab_size = 1000, .rate = 0.5}, ef::Seed{1}, 0);
  CHECK(pinned.inputs[0] == std::vector<ef::Token>{10, 4, 12, 13, 4,  15, 4, 4,  18,  19, 20,  21,
                                                   4,  4, 24, 4,  26, 4,  4, 29, 741, 4,  884, 33});
}

TEST_CASE("whole words are picked or left, and make up the rate") {
  const ef::TokenBatch sequences = texts(300, 60);
  std::vector<std::vector<Index>> words;
  for (const auto& tokens : sequences) {
    words.push_back({-1});
    for (Index i = 0, word = 0; i < 60; ++i) {  // words of 1, 2, 3, 1, 2, 3, … tokens
      words.back().push_back(word);
      if (i % 6 == 0 || i % 6 == 2 || i % 6 == 5) ++word;
    }
    words.back().push_back(-1);
    CHECK(words.back().size() == tokens.size());
  }
  const ef::TrainingBatch batch = ef::masked_batch(sequences, masking(), ef::Seed{7}, 0, words);
  std::size_t row = 0;
  int long_words = 0;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    int picked = 0;
    for (std::size_t i = 0; i < sequences[s].size(); ++i, ++row) {
      picked += batch.labels[row] != none;
      if (i > 0 && words[s][i] >= 0 && words[s][i] == words[s][i - 1]) {
        CHECK((batch.labels[row] == none) == (batch.labels[row - 1] == none));
        long_words += batch.labels[row] != none;
      }
      if (words[s][i] < 0) CHECK(batch.labels[row] == none);
    }
    CHECK(picked <= 9);  // 15 % of 60
    CHECK(picked >= 7);  // what is passed over is longer than what is missing
  }
  CHECK(long_words > 300);
  // a word that exceeds the rate alone is still learned
  const ef::TrainingBatch one =
      ef::masked_batch({{10, 11, 12, 13}}, masking(), ef::Seed{7}, 0, {{0, 0, 0, 0}});
  CHECK(one.labels == std::vector<ef::Token>{10, 11, 12, 13});
}

TEST_CASE("a batch of which chance picks nothing still asks for one token") {
  ef::Masking rarely = masking();
  rarely.rate = 1e-9;
  const ef::TrainingBatch batch = ef::masked_batch(texts(3, 5), rarely, ef::Seed{7}, 0);
  CHECK(std::count(batch.labels.begin(), batch.labels.end(), none) == 20);
  rarely.rate = 0;
  const ef::TrainingBatch off = ef::masked_batch(texts(3, 5), rarely, ef::Seed{7}, 0);
  CHECK(std::count(off.labels.begin(), off.labels.end(), none) == 21);
  rarely.rate = 1;
  const ef::TrainingBatch all = ef::masked_batch(texts(3, 5), rarely, ef::Seed{7}, 0);
  CHECK(std::count(all.labels.begin(), all.labels.end(), none) == 6);
}

TEST_CASE("masking says what it cannot do") {
  const ef::TokenBatch some = texts(2, 5);
  const auto fails = [&](const auto& change) {
    ef::Masking m = masking();
    change(m);
    CHECK_THROWS_AS(ef::masked_batch(some, m, ef::Seed{1}, 0), ef::ConfigError);
  };
  fails([](ef::Masking& m) { m.rate = 1.5; });
  fails([](ef::Masking& m) { m.rate = -0.1; });
  fails([](ef::Masking& m) { m.rate = NAN; });
  fails([](ef::Masking& m) { m.to_mask = 0.95; });
  fails([](ef::Masking& m) { m.to_random = -0.1; });
  fails([](ef::Masking& m) { m.mask_token = 1000; });
  fails([](ef::Masking& m) { m.mask_token = -1; });
  fails([](ef::Masking& m) { m.vocab_size = 0; });
  const auto refuses = [](const ef::TokenBatch& batch, const std::vector<std::vector<Index>>& words = {}) {
    CHECK_THROWS_AS(ef::masked_batch(batch, masking(), ef::Seed{1}, 0, words), ef::InputError);
  };
  refuses({});
  refuses({{10, 11}, {}});
  refuses({{begin, end}, {begin, mask, end}});  // nothing but special tokens
  refuses({{10, 11}}, {{-1, -1}});              // nothing but tokens of no word
  refuses({{10, 11}}, {{0}});
  refuses({{10, 11}}, {{0, 1}, {0}});
}

}  // namespace train_masking
