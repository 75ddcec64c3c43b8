#include "support/allocation_counter.hpp"
#include "support/lively.hpp"
#include "support/skip.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/generate/batch.hpp>

#include <map>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

namespace generate_batch {

namespace ef = eigenformer;

using support::some_tokens;

namespace {

struct Request {
  std::vector<ef::Token> prompt;
  ef::GenerationConfig config;
};

/// Requests of many lengths and settings.
std::vector<Request> requests(ef::Index count, ef::Index vocabulary) {
  std::vector<Request> all;
  for (ef::Index i = 0; i < count; ++i) {
    ef::GenerationConfig config{.max_new_tokens = 3 + 7 * i % 29, .seed = static_cast<std::uint64_t>(i)};
    config.log_probabilities = i % 3 == 0;
    if (i % 4 == 0) config.temperature = 0;
    if (i % 4 == 1) config.top_k = 5;
    if (i % 4 == 2) config.repetition_penalty = 1.3;
    if (i % 5 == 0) config.end_tokens = {7, 8, 9, 10};
    all.push_back({some_tokens(1 + 23 * i % 70, vocabulary, i), config});
  }
  return all;
}

ef::Generation alone(const ef::CausalLM<float>& model, const Request& request) {
  return ef::generate(model, request.prompt, request.config, [](ef::Token) {});
}

void check_equal(const ef::Generation& found, const ef::Generation& expected) {
  CHECK(found.tokens == expected.tokens);
  CHECK(found.prompt_size == expected.prompt_size);
  CHECK(found.finish == expected.finish);
  CHECK(found.log_probabilities == expected.log_probabilities);
}

std::map<ef::Index, ef::BatchResult> by_id(std::vector<ef::BatchResult> results) {
  std::map<ef::Index, ef::BatchResult> out;
  for (auto& result : results) {
    const ef::Index id = result.id;
    CHECK(out.emplace(id, std::move(result)).second);
  }
  return out;
}

std::string what(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("sequences that join and leave between steps get what each gets alone, to the bit") {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const auto model = support::lively<float>(named.config);
    const auto all = requests(14, named.config.vocab_size);
    ef::Threads threads(2);
    for (const ef::Index budget : {6, 16, 300}) {
      for (const ef::Index every : {0, 1, 3}) {  // all at once, or one each so many steps
        ef::Batch<float> batch(model, threads, {.sequences = 5, .tokens_per_step = budget});
        std::vector<std::vector<ef::Token>> told(all.size());
        std::vector<ef::BatchResult> results;
        std::size_t next = 0;
        for (ef::Index step = 0; next < all.size() || batch.running() + batch.waiting() > 0; ++step) {
          while (next < all.size() && (every == 0 || step % every == 0)) {
            const std::size_t i = next++;
            const ef::Index id =
                batch.add(all[i].prompt, all[i].config, [&told, i](ef::Token t) { told[i].push_back(t); });
            CHECK(id == static_cast<ef::Index>(i));
            if (every > 0) break;
          }
          const ef::Index before = batch.computed();
          batch.step();
          CHECK(batch.computed() - before <= budget);
          CHECK(batch.running() <= 5);
          for (auto& result : batch.take_finished()) results.push_back(std::move(result));
        }
        const auto found = by_id(std::move(results));
        REQUIRE(found.size() == all.size());
        for (const auto& [id, result] : found) {
          const auto& request = all[static_cast<std::size_t>(id)];
          check_equal(result.generation, alone(model, request));
          const auto fresh = result.generation.new_tokens();
          CHECK(told[static_cast<std::size_t>(id)] == std::vector<ef::Token>(fresh.begin(), fresh.end()));
          CHECK(!result.error);
        }
      }
    }
  }
}

TEST_CASE("a long prompt is read in parts beside the sequences that write") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  ef::Batch<float> batch(model, threads, {.sequences = 4, .tokens_per_step = 11});
  std::vector<int> told(2, 0);
  batch.add({1, 2, 3}, {.max_new_tokens = 60}, [&](ef::Token) { ++told[0]; });
  batch.step();
  batch.add(some_tokens(100, 61), {.max_new_tokens = 5}, [&](ef::Token) { ++told[1]; });
  for (int step = 0; step < 9; ++step) batch.step();
  CHECK(told == std::vector<int>{10, 0});  // a token each step, and ten of the prompt
  batch.step();
  CHECK(told == std::vector<int>{11, 1});
}

TEST_CASE("a prefix that sequences share is computed once, whenever they come") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  const auto prefix = some_tokens(90, 61);
  ef::Threads threads(1);
  std::vector<Request> all;
  for (ef::Token i = 0; i < 6; ++i) {
    all.push_back({prefix, {.max_new_tokens = 10, .seed = static_cast<std::uint64_t>(i)}});
    for (ef::Token more = 0; more <= i; ++more) all.back().prompt.push_back((7 * i + more) % 61);
  }
  for (const bool shares : {true, false})
    for (const int arrival : {0, 1, 2}) {  // together, while others write, after others have ended
      CAPTURE(arrival);
      ef::Batch<float> batch(model, threads,
                             {.tokens_per_step = 40, .shared_prefix = shares ? 16 : 0, .kept = 1});
      ef::Index expected = 0, added = 0;
      for (const auto& request : all) {
        batch.add(request.prompt, request.config);
        const auto prompt = static_cast<ef::Index>(request.prompt.size());
        expected += prompt - (shares && added++ > 0 ? 90 : 0) + 9;  // the last token drawn is not fed
        for (int step = 0; arrival == 1 && step < 5; ++step) batch.step();
        if (arrival == 2) batch.run();
      }
      batch.run();
      CHECK(batch.computed() == expected);
      const auto found = by_id(batch.take_finished());
      REQUIRE(found.size() == all.size());
      for (const auto& [id, result] : found)
        check_equal(result.generation, alone(model, all[static_cast<std::size_t>(id)]));
    }
}

TEST_CASE("a prompt that another one contains whole still gets logits of its own") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  ef::Batch<float> batch(model, threads);
  const Request longer{some_tokens(80, 61), {.max_new_tokens = 9}};
  const Request same = longer, shorter{some_tokens(64, 61), {.max_new_tokens = 9}};
  for (const auto* request : {&longer, &same, &shorter}) batch.add(request->prompt, request->config);
  batch.run();
  CHECK(batch.computed() == 80 + 1 + 1 + 3 * 8);
  for (const auto& [id, result] : by_id(batch.take_finished()))
    check_equal(result.generation, alone(model, id == 2 ? shorter : longer));
}

TEST_CASE("a bad request is refused, and the others do not notice") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);  // 200 positions, 61 tokens
  ef::Threads threads(1);
  ef::Batch<float> batch(model, threads);
  const Request good{some_tokens(20, 61), {.max_new_tokens = 12}};
  const auto refusal = [&](const std::vector<ef::Token>& prompt, const ef::GenerationConfig& config) {
    try {
      batch.add(prompt, config);
    } catch (const ef::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  batch.add(good.prompt, good.config);
  batch.step();
  CHECK(refusal({}, {}) == "a sequence of no tokens");
  CHECK(refusal({1, 61}, {}) == "token 61 at position 1 is outside the vocabulary of 61");
  CHECK(refusal(some_tokens(150, 61), {.max_new_tokens = 51}) ==
        "a prompt of 150 tokens and 51 new ones exceed the context window of 200");
  CHECK(refusal({1}, {.temperature = -1}) == "temperature: -1 is not a finite number of at least 0");
  CHECK(refusal({1}, {.end_tokens = {99}}) == "end_tokens: token 99 is outside the vocabulary of 61");
  CHECK(refusal({1}, {.num_beams = 2}) == "num_beams: a batch does not search: see generate_beams");
  CHECK(refusal({1}, {.num_return_sequences = 2}) ==
        "num_return_sequences: add the prompt as often, with a stream each");
  CHECK(batch.running() + batch.waiting() == 1);

  ef::GenerationConfig impossible{.max_new_tokens = 4};
  for (ef::Token t = 0; t < 61; ++t) impossible.banned_tokens.push_back(t);
  const ef::Index banned = batch.add({1, 2}, impossible);
  const ef::Index thrower = batch.add({1, 2}, {.max_new_tokens = 9}, [n = 0](ef::Token) mutable {
    if (++n == 3) throw std::runtime_error("the caller's trouble");
  });
  const ef::Index quitter =
      batch.add({1, 2}, {.max_new_tokens = 9}, [n = 0](ef::Token) mutable { return ++n < 3; });
  CHECK(banned == 1);  // what was refused has no number
  batch.run();
  const auto found = by_id(batch.take_finished());
  REQUIRE(found.size() == 4);
  check_equal(found.at(0).generation, alone(model, good));
  CHECK(found.at(banned).generation.finish == ef::Finish::error);
  CHECK(what(found.at(banned).error) == "logits: all 61 are -infinity, there is no token to choose");
  CHECK(found.at(thrower).generation.finish == ef::Finish::error);
  CHECK(what(found.at(thrower).error) == "the caller's trouble");
  CHECK(found.at(thrower).generation.new_tokens().size() == 3);
  CHECK(found.at(quitter).generation.finish == ef::Finish::callback);
  CHECK(found.at(quitter).generation.new_tokens().size() == 3);
}

TEST_CASE("a sequence is cancelled while it waits, reads or writes, also by a callback, which may add too") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  ef::Batch<float> batch(model, threads, {.sequences = 3, .tokens_per_step = 8});
  const Request good{some_tokens(9, 61, 3), {.max_new_tokens = 12}};
  ef::Index added = -1;
  const ef::Index writer = batch.add({5}, {.max_new_tokens = 50});
  const ef::Index reader = batch.add(some_tokens(60, 61), {.max_new_tokens = 50});
  const ef::Index host = batch.add(good.prompt, good.config, [&, n = 0](ef::Token) mutable {
    if (++n != 2) return;
    CHECK(batch.cancel(writer));
    added = batch.add(good.prompt, good.config);
  });
  const ef::Index waiter = batch.add({6}, {.max_new_tokens = 50});
  batch.step();
  CHECK(batch.waiting() == 1);
  CHECK(batch.cancel(waiter));
  batch.step();
  CHECK(batch.cancel(reader));
  batch.run();
  CHECK(!batch.cancel(reader));
  CHECK(!batch.cancel(99));
  const auto found = by_id(batch.take_finished());
  REQUIRE(found.size() == 5);
  for (const ef::Index id : {writer, reader, waiter})
    CHECK(found.at(id).generation.finish == ef::Finish::cancelled);
  CHECK(!found.at(writer).generation.new_tokens().empty());
  CHECK(found.at(reader).generation.new_tokens().empty());
  CHECK(found.at(waiter).generation.new_tokens().empty());
  for (const ef::Index id : {host, added}) check_equal(found.at(id).generation, alone(model, good));
  CHECK(!batch.step());
}

TEST_CASE("a batch whose caches are in half gives what a session with such a cache gives alone") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  const std::vector<Request> all = requests(9, 61);
  ef::Batch<float> batch(model, threads, {.sequences = 4, .cache_format = ef::Format::f16});
  for (const Request& request : all) batch.add(request.prompt, request.config);
  batch.run();
  for (const auto& [id, result] : by_id(batch.take_finished())) {
    const Request& request = all[static_cast<std::size_t>(id)];
    ef::Session<float> session(model, threads, {.cache_format = ef::Format::f16});
    ef::Sampler sampler(request.config);
    check_equal(result.generation, ef::generate(session, sampler, request.prompt, [](ef::Token) {}));
  }
}

TEST_CASE("a step in which nobody comes or goes allocates nothing") {
  if (!AllocationCounter::counts) {
    support::skip("allocations are not counted in this build");
    return;
  }
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  ef::Batch<float> batch(model, threads);
  const auto prefix = some_tokens(30, 61);
  for (std::uint64_t i = 0; i < 5; ++i)
    batch.add(prefix, ef::Sampler({.max_new_tokens = 150, .top_k = 10}, i), [](ef::Token) {});
  for (int step = 0; step < 5; ++step) batch.step();
  const AllocationCounter counter;
  for (int step = 0; step < 120; ++step) batch.step();
  CHECK(counter.count() == 0);
  CHECK(batch.running() == 5);
}

TEST_CASE("options of a batch that cannot work are refused") {
  const auto model = support::lively<float>(tiny::decoders()[1].config);
  ef::Threads threads(1);
  const auto refusal = [&](ef::BatchOptions options) {
    try {
      ef::Batch<float>(model, threads, options);
    } catch (const ef::ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(refusal({.sequences = 0}) == "sequences: 0 is not at least 1");
  CHECK(refusal({.sequences = 8, .tokens_per_step = 8}) ==
        "tokens_per_step: 8 is not more than sequences: prompts would wait for ever");
  CHECK(refusal({.shared_prefix = -1}) == "shared_prefix: -1 is negative");
  CHECK(refusal({.kept = -1}) == "kept: -1 is negative");
  CHECK(refusal({.cache_format = ef::Format::int4}) ==
        "cache_format: keys and values are not stored in int4 here");
  CHECK(refusal({.cache_format = ef::Format::f16}) == "");
  CHECK(refusal({}) == "");
}

}  // namespace generate_batch
