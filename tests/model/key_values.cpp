#include "support/matrices.hpp"
#include <eigenformer/model/key_values.hpp>

#include <doctest/doctest.h>

namespace model_key_values {

namespace ef = eigenformer;
using ef::Index;
using support::same_bits;
using M = ef::Matrix<float>;

namespace {

constexpr ef::ModelConfig config{.vocab_size = 5,
                                 .d_model = 12,
                                 .n_layers = 2,
                                 .n_heads = 4,
                                 .n_key_value_heads = 2,
                                 .d_ff = 8,
                                 .max_positions = 1000};

/// What `layer` was given as keys: a value that names the token, the layer and the column.
M keys_of(Index layer, Index first, Index rows, float mark = 0) {
  M m(rows, 6);
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < 6; ++c) m(r, c) = mark + static_cast<float>((first + r + 1) * 100 + layer * 10 + c);
  return m;
}

void feed(ef::KeyValues<float>& cache, Index rows, float mark = 0) {
  cache.prepare(rows);
  for (Index layer = 0; layer < 2; ++layer) {
    const M keys = keys_of(layer, cache.size(), rows, mark), values = -keys;
    cache.write(layer, rows, keys.data(), values.data(), keys.cols());
  }
  cache.advance(rows);
}

bool holds(const ef::KeyValues<float>& cache, Index from, Index to, float mark = 0) {
  bool good = cache.size() >= to;
  for (Index layer = 0; layer < 2; ++layer) {
    const M expected = keys_of(layer, from, to - from, mark);
    good = good && same_bits<float>(cache.keys(layer).middleRows(from, to - from), expected) &&
           same_bits<float>(cache.values(layer).middleRows(from, to - from), M(-expected));
  }
  return good;
}

}  // namespace

TEST_CASE("keys and values of every layer come back as they were written, across pages") {
  ef::KeyValues<float> cache(config, 400);
  Index size = 0;
  for (const Index rows : {1, 100, 26, 2, 128, 1, 142}) {
    feed(cache, rows);
    size += rows;
    CHECK(cache.size() == size);
    CHECK(holds(cache, 0, size));
  }
  CHECK(size == cache.capacity());
}

TEST_CASE("attention finds head h of row i of a layer where the description of its rows says") {
  ef::KeyValues<float> cache(config, 300);
  feed(cache, 300);
  for (Index layer = 0; layer < 2; ++layer) {
    const auto rows = cache.rows(layer, 300);
    CHECK(rows.count == 300);
    const M expected = keys_of(layer, 0, 300);
    int wrong = 0;
    for (Index i = 0; i < 300; ++i)
      for (Index h = 0; h < 2; ++h)
        for (Index c = 0; c < 3; ++c) {
          const float* const at = static_cast<const float*>(rows.pages[i / rows.page_rows]) +
                                  i % rows.page_rows * rows.stride + h * rows.head + c;
          wrong += at[rows.keys] != expected(i, h * 3 + c) || at[rows.values] != -expected(i, h * 3 + c);
        }
    CHECK(wrong == 0);
  }
}

TEST_CASE("going past the capacity is refused with both numbers, and changes nothing") {
  ef::KeyValues<float> cache(config, 130);
  feed(cache, 129);
  try {
    cache.prepare(2);
    FAIL("131 tokens were taken");
  } catch (const ef::WindowError& error) {
    CHECK(error.window == 130);
    CHECK(error.asked == 131);
    CHECK(std::string(error.what()) == "the cache holds 130 tokens, 131 are needed");
  }
  CHECK(cache.size() == 129);
  feed(cache, 1);
  CHECK(holds(cache, 0, 130));
}

TEST_CASE("a fork shares what both have and copies a page before either writes to it") {
  for (const Index shared : {1, 100, 127, 128, 129, 256, 300}) {
    CAPTURE(shared);
    ef::KeyValues<float> cache(config, 400);
    feed(cache, shared);
    ef::KeyValues<float> fork = cache.fork(), second = fork.fork();
    CHECK(cache.rows(0, 1).pages[0] == fork.rows(0, 1).pages[0]);
    feed(fork, 60, 0.5f);
    feed(cache, 40, 0.25f);
    feed(second, 100, 0.75f);
    for (const auto* each : {&cache, &fork, &second}) CHECK(holds(*each, 0, shared));
    CHECK(holds(cache, shared, shared + 40, 0.25f));
    CHECK(holds(fork, shared, shared + 60, 0.5f));
    CHECK(holds(second, shared, shared + 100, 0.75f));
    if (shared >= 128) CHECK(cache.rows(0, 1).pages[0] == fork.rows(0, 1).pages[0]);
  }
}

TEST_CASE("after a truncation other tokens can follow, and a fork keeps what was forgotten") {
  for (const Index kept : {0, 5, 128, 200, 256}) {
    CAPTURE(kept);
    ef::KeyValues<float> cache(config, 500);
    feed(cache, 300);
    const ef::KeyValues<float> fork = cache.fork();
    cache.truncate(kept);
    CHECK(cache.size() == kept);
    feed(cache, 150, 0.5f);
    CHECK(holds(cache, 0, kept));
    CHECK(holds(cache, kept, kept + 150, 0.5f));
    CHECK(holds(fork, 0, 300));
  }
  ef::KeyValues<float> cache(config, 20);
  feed(cache, 10);
  cache.truncate(15);  // nothing stands there
  CHECK(cache.size() == 10);
  CHECK_THROWS_AS(cache.truncate(-1), ef::InputError);
  CHECK(cache.size() == 10);
}

TEST_CASE("keys and values in half come back rounded to nearest, from forks too") {
  ef::KeyValues<float> cache(config, 300, ef::Format::f16);
  CHECK(cache.format() == ef::Format::f16);
  const auto rounded = [](const M& m) -> M {
    return m.unaryExpr([](float x) { return static_cast<float>(ef::half(x)); });
  };
  feed(cache, 200, 0.3f);
  ef::KeyValues<float> fork = cache.fork();
  feed(cache, 60, 0.3f);
  feed(fork, 60, 0.7f);
  for (Index layer = 0; layer < 2; ++layer) {
    const M expected = rounded(keys_of(layer, 0, 260, 0.3f)), other = rounded(keys_of(layer, 200, 60, 0.7f));
    CHECK(same_bits<float>(cache.keys(layer), expected));
    CHECK(same_bits<float>(cache.values(layer), M(-expected)));
    CHECK(same_bits<float>(fork.keys(layer).topRows(200), expected.topRows(200)));
    CHECK(same_bits<float>(fork.keys(layer).bottomRows(60), other));
  }
  feed(cache, 1, 1e6f);  // infinite in half, and then NaN where a weight is zero
  CHECK((cache.keys(1).row(260).array() == 65504.0f).all());
  CHECK((cache.values(1).row(260).array() == -65504.0f).all());
}

TEST_CASE("a format that attention does not read is refused") {
  CHECK_THROWS_WITH_AS(ef::KeyValues<float>(config, 10, ef::Format::int8),
                       "cache_format: keys and values are not stored in int8 here", ef::ConfigError);
  CHECK_THROWS_AS(ef::KeyValues<float>(config, 10, ef::Format::bf16), ef::ConfigError);
  CHECK_THROWS_AS(ef::KeyValues<float>(config, 10, ef::Format::f64), ef::ConfigError);
  CHECK_THROWS_AS(ef::KeyValues<double>(config, 10, ef::Format::f16), ef::ConfigError);
}

TEST_CASE("the memory of a cache is counted in whole pages") {
  CHECK(ef::KeyValues<float>::bytes(config, 0) == 0);
  CHECK(ef::KeyValues<float>::bytes(config, 1) == 128 * 2 * 2 * 6 * 4);
  CHECK(ef::KeyValues<float>::bytes(config, 1, ef::Format::f16) == 128 * 2 * 2 * 6 * 2);
  CHECK(ef::KeyValues<double>::bytes(config, 129) == 256 * 2 * 2 * 6 * 8);
}

}  // namespace model_key_values
