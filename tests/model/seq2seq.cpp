#include "support/lively.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/model/session.hpp>

#include <doctest/doctest.h>

namespace model_seq2seq {

namespace ef = eigenformer;

using support::some_tokens;

namespace {

ef::Seq2Seq<float> lively(const ef::ModelConfig& config) {
  return support::lively<float, ef::Seq2Seq>(config);
}

}  // namespace

TEST_CASE("a target at once, in chunks, and token by token gives the same logits to the bit") {
  for (const auto& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    const auto model = lively(named.config);
    const auto source = some_tokens(150, 61, 3), target = some_tokens(140, 61, 4);
    const ef::Matrix<float> all = model({source}, {target});
    CHECK(all.allFinite());
    for (const int count : {1, 2}) {
      ef::Threads threads(count);
      ef::Workspace workspace;
      ef::Run run{threads, workspace};
      const auto read = model.read({source}, run).front();
      for (const ef::Index chunk : {512, 37}) {
        ef::Session<float> session(model, threads, read, {.chunk = chunk});
        session.feed(target);
        CHECK(session.logits() == all.row(139));
      }
      ef::Session<float> session(model, threads, read);
      for (std::size_t i = 0; i < target.size(); ++i) {
        session.feed({&target[i], 1});
        REQUIRE(session.logits() == all.row(static_cast<ef::Index>(i)));
      }
    }
  }
}

TEST_CASE("targets with caches in half and in float go together, over a source as it was read") {
  for (const auto& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    const auto model = lively(named.config);
    const auto source = some_tokens(150, 61, 3), target = some_tokens(20, 61, 4);
    ef::Threads threads(2);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    const auto read = model.read({source}, run).front();
    const auto session = [&](std::optional<ef::Format> format) {
      return ef::Session<float>(model, threads, read, {.cache_format = format});
    };
    auto exact = session({}), half = session(ef::Format::f16);
    exact.feed(target);
    half.feed(target);
    const float error = (half.logits() - exact.logits()).cwiseAbs().maxCoeff();
    CHECK(error > 0);
    CHECK(error < 0x1p-9f * exact.logits().cwiseAbs().maxCoeff());
    auto exact_too = session({}), half_too = session(ef::Format::f16);
    ef::Session<float>* const both[] = {&half_too, &exact_too};
    for (const ef::Token& token : target) {
      const std::span<const ef::Token> next[] = {{&token, 1}, {&token, 1}};
      ef::feed_together<float>(both, next);
    }
    CHECK(half_too.logits() == half.logits());
    CHECK(exact_too.logits() == exact.logits());
  }
}

TEST_CASE(
    "a pair's logits do not depend on the other pairs, their order or threads, and another source changes "
    "them") {
  for (const auto& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    const auto model = lively(named.config);
    ef::TokenBatch sources, targets;
    for (ef::Index i = 0; i < 6; ++i) {
      sources.push_back(some_tokens(3 + 29 * i % 67, 61, i));
      targets.push_back(some_tokens(1 + 17 * i % 31, 61, i + 7));
    }
    const ef::Matrix<float> together = model(sources, targets);
    const ef::Ragged layout(targets);
    for (std::size_t s = 0; s < sources.size(); ++s) {
      const auto at = static_cast<ef::Index>(s);
      const auto part = together.middleRows(layout.begin(at), layout.length(at));
      CHECK(model({sources[s]}, {targets[s]}) == part);
      CHECK((model({sources[(s + 1) % 6]}, {targets[s]}) - part).cwiseAbs().maxCoeff() > 1e-3F);
    }
    const ef::TokenBatch last_sources(sources.rbegin(), sources.rend()),
        last_targets(targets.rbegin(), targets.rend());
    const ef::Ragged its_layout(last_targets);
    for (const int count : {1, 2, 3}) {
      ef::Threads threads(count);
      ef::Workspace workspace;
      ef::Run run{threads, workspace};
      const ef::Matrix<float> reversed = model(last_sources, last_targets, run);
      for (ef::Index s = 0; s < 6; ++s)
        CHECK(reversed.middleRows(its_layout.begin(5 - s), layout.length(s)) ==
              together.middleRows(layout.begin(s), layout.length(s)));
    }
  }
}

TEST_CASE("encoded sources of another batch than the layout's are refused") {
  const auto model = lively(tiny::seq2seq()[0].config);
  ef::Threads threads(1);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::Matrix<float> encoded = model.encode({some_tokens(5, 61)}, run);
  const ef::TokenBatch other{some_tokens(5, 61), some_tokens(3, 61)};
  CHECK_THROWS_WITH_AS(model.cross_key_values(run, encoded, ef::Ragged(other)),
                       doctest::Contains("5 rows of hidden states for the 8 tokens"), ef::InputError);
}

TEST_CASE("a fork goes on alone and looks at the same source") {
  const auto model = lively(tiny::seq2seq()[0].config);
  ef::Threads threads(1);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const auto source = some_tokens(11, 61);
  ef::Session<float> session(model, threads, model.read({source}, run).front());
  session.feed(std::vector<ef::Token>{0, 5});
  ef::Session<float> fork = session.fork();
  CHECK(fork.source() == session.source());
  const ef::Token left = 7, right = 8;
  session.feed({&left, 1});
  fork.feed({&right, 1});
  CHECK(session.logits() == model({source}, {{0, 5, 7}}).row(2));
  CHECK(fork.logits() == model({source}, {{0, 5, 8}}).row(2));
}

}  // namespace model_seq2seq
