#include "support/allocation_counter.hpp"
#include "support/lively.hpp"
#include "support/skip.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/model/session.hpp>

#include <thread>

#include <doctest/doctest.h>

namespace model_session {

namespace ef = eigenformer;

using support::some_tokens;

namespace {

ef::CausalLM<float> lively(const ef::ModelConfig& config) { return support::lively<float>(config); }

}  // namespace

TEST_CASE("a prompt at once, in chunks, and token by token gives the same logits to the bit") {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig& config = named.config;
    const auto model = lively(config);
    const auto tokens = some_tokens(150, config.vocab_size);
    const ef::Matrix<float> all = model({tokens});
    CHECK(all.allFinite());
    ef::Threads threads(1);
    for (const ef::Index chunk : {512, 64, 37, 1}) {
      ef::Session<float> session(model, threads, {.chunk = chunk});
      session.feed(tokens);
      CHECK(session.logits() == all.row(149));
    }
    ef::Session<float> session(model, threads);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      session.feed({&tokens[i], 1});
      REQUIRE(session.logits() == all.row(static_cast<ef::Index>(i)));
    }
  }
}

TEST_CASE("a cache in half moves the logits by its rounding, and by the same bits for any way of feeding") {
  auto decoders = tiny::decoders();
  ef::ModelConfig wide = decoders[1].config;  // heads that fill vectors
  wide.n_layers = 1;  // as every layer passes on and enlarges the rounding of those before it
  wide.d_model = 160;
  wide.n_heads = 4;
  wide.n_key_value_heads = 2;
  wide.head_size = 40;
  decoders.push_back({"wide", wide});
  for (const auto& named : decoders) {
    CAPTURE(named.name);
    const ef::ModelConfig& config = named.config;
    const auto model = lively(config);
    const auto tokens = some_tokens(150, config.vocab_size);
    ef::Threads one(1), three(3);
    ef::Session<float> exact(model, one), whole(model, one, {.cache_format = ef::Format::f16});
    exact.feed(tokens);
    whole.feed(tokens);
    const float error = (whole.logits() - exact.logits()).cwiseAbs().maxCoeff();
    CHECK(error > 0);
    CHECK(error < 0x1p-9f * exact.logits().cwiseAbs().maxCoeff());
    ef::Session<float> chunks(model, three, {.chunk = 37, .cache_format = ef::Format::f16});
    chunks.feed(std::span(tokens).first(149));
    ef::Session<float> fork = chunks.fork();
    chunks.feed(std::span(tokens).last(1));
    fork.feed(std::span(tokens).last(1));
    CHECK(chunks.logits() == whole.logits());
    CHECK(fork.logits() == whole.logits());
  }
}

TEST_CASE("sequences of different lengths fed together get what each gets alone, to the bit") {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig& config = named.config;
    const auto model = lively(config);
    ef::Threads threads(2);
    std::vector<ef::Session<float>> together, alone;
    std::vector<ef::Session<float>*> pointers;
    std::vector<std::vector<ef::Token>> texts;
    together.reserve(11);
    for (ef::Index i = 0; i < 11; ++i) {
      texts.push_back(some_tokens(1 + 9 * i % 40, config.vocab_size, i));
      pointers.push_back(&together.emplace_back(model, threads, ef::SessionOptions{.chunk = 48}));
      alone.emplace_back(model, threads);
    }
    for (int round = 0; round < 3; ++round) {
      std::vector<std::span<const ef::Token>> next;
      for (const auto& text : texts) next.push_back(round == 0 ? std::span(text) : std::span(text).first(1));
      ef::feed_together<float>(pointers, next);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        alone[i].feed(next[i]);
        CHECK(together[i].logits() == alone[i].logits());
      }
    }
  }
}

TEST_CASE("the number of threads does not show in the bits") {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig& config = named.config;
    auto wide = config;
    wide.d_ff = 1000;  // wide enough that products are split
    wide.vocab_size = 3001;
    const auto model = lively(wide);
    const auto tokens = some_tokens(100, wide.vocab_size);
    ef::Threads one(1);
    ef::Session<float> expected(model, one);
    expected.feed(tokens);
    for (const int count : {2, 3, 5}) {
      ef::Threads threads(count);
      ef::Session<float> session(model, threads);
      session.feed(tokens);
      CHECK(session.logits() == expected.logits());
    }
  }
}

TEST_CASE("sessions of one model run on several threads at once") {
  const auto model = lively(tiny::decoders()[1].config);
  const auto tokens = some_tokens(60, model.config().vocab_size);
  const ef::Matrix<float> expected = model({tokens});
  std::vector<std::thread> users;
  std::vector<char> equal(4, 0);
  ef::Threads shared(2);
  for (std::size_t i = 0; i < equal.size(); ++i)
    users.emplace_back([&, i] {
      ef::Session<float> session(model, shared);
      for (const ef::Token token : tokens) session.feed({&token, 1});
      equal[i] = session.logits() == expected.row(59);
    });
  for (auto& user : users) user.join();
  CHECK(equal == std::vector<char>(4, 1));
}

TEST_CASE("a fork goes its own way, and neither side sees the other") {
  const auto model = lively(tiny::decoders()[1].config);
  const auto tokens = some_tokens(140, model.config().vocab_size);
  ef::Threads threads(1);
  ef::Session<float> session(model, threads);
  session.feed(tokens);
  ef::Session<float> fork = session.fork();
  CHECK(fork.logits() == session.logits());
  const ef::Token left = 3, right = 4;
  session.feed({&left, 1});
  fork.feed({&right, 1});
  auto with_left = tokens, with_right = tokens;
  with_left.push_back(left);
  with_right.push_back(right);
  CHECK(session.logits() == model({with_left}).row(140));
  CHECK(fork.logits() == model({with_right}).row(140));

  session.truncate(100);
  CHECK(session.size() == 100);
  session.feed({&right, 1});
  auto shorter = std::vector<ef::Token>(tokens.begin(), tokens.begin() + 100);
  shorter.push_back(right);
  CHECK(session.logits() == model({shorter}).row(100));
}

TEST_CASE("the logits after every token of a feed are those of the whole text, to the bit") {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const auto model = lively(named.config);
    const auto tokens = some_tokens(120, named.config.vocab_size);
    const ef::Matrix<float> all = model({tokens});
    ef::Threads threads(2);
    for (const ef::Index chunk : {512, 32, 1}) {
      ef::Session<float> session(model, threads, {.chunk = chunk});
      session.feed(std::span(tokens).first(20));
      ef::Matrix<float> logits(100, named.config.vocab_size);
      session.feed(std::span(tokens).subspan(20), logits);
      CHECK(logits == all.bottomRows(100));
      CHECK(session.logits() == all.row(119));
      CHECK_THROWS_WITH_AS(session.feed(std::span(tokens).first(7), logits), "logits [100, 61] for [7, 61]",
                           ef::InputError);
      CHECK(session.size() == 120);
    }
    std::vector<ef::Session<float>> sessions;
    sessions.emplace_back(model, threads);
    sessions.emplace_back(model, threads);
    sessions[1].feed(std::span(tokens).first(50));
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    ef::Matrix<float> logits(100, named.config.vocab_size);
    ef::Out<float> out(logits);
    const std::vector<ef::Session<float>*> both{&sessions[0], &sessions[1]};
    const std::vector<std::span<const ef::Token>> parts{std::span(tokens).first(30),
                                                        std::span(tokens).subspan(50)};
    ef::feed_together<float>(run, 24, both, parts, &out);
    CHECK(logits.topRows(30) == all.topRows(30));
    CHECK(logits.bottomRows(70) == all.bottomRows(70));
    CHECK(sessions[0].logits() == all.row(29));
    CHECK(sessions[1].logits() == all.row(119));
    CHECK_THROWS_AS(ef::feed_together<float>(run, 0, both, parts), ef::ConfigError);
  }
}

TEST_CASE("a fork of a session's beginning goes on from there, with room of its own") {
  const auto model = lively(tiny::decoders()[1].config);
  const auto tokens = some_tokens(140, model.config().vocab_size);
  const ef::Matrix<float> all = model({tokens});
  ef::Threads threads(1);
  ef::Session<float> session(model, threads, {.capacity = 140});
  session.feed(std::span(tokens).first(139));
  for (const ef::Index size : {0, 1, 63, 64, 65, 139}) {
    CAPTURE(size);
    ef::Session<float> fork = session.fork(size, 180);
    CHECK(fork.size() == size);
    CHECK(fork.capacity() == 180);
    fork.feed(std::span(tokens).subspan(static_cast<std::size_t>(size)));
    CHECK(fork.logits() == all.row(139));
    fork.feed(std::span(tokens).first(40));
    CHECK_THROWS_AS(fork.feed({tokens.data(), 1}), ef::WindowError);
  }
  ef::Session<float> narrow = session.fork(60, 61);
  narrow.feed({&tokens[60], 1});
  CHECK(narrow.logits() == all.row(60));
  session.feed({&tokens[139], 1});  // what the forks wrote is theirs alone
  CHECK(session.logits() == all.row(139));
  CHECK_THROWS_AS(session.fork(141, 180), ef::InputError);
  CHECK_THROWS_AS(session.fork(-1, 180), ef::InputError);
  CHECK_THROWS_AS(session.fork(100, 99), ef::WindowError);
  CHECK_THROWS_AS(session.fork(100, 201), ef::WindowError);
}

TEST_CASE("a decode step allocates nothing once it has run") {
  if (!AllocationCounter::counts) {
    support::skip("allocations are not counted in this build");
    return;
  }
  for (const auto& named : tiny::decoders()) {
    const ef::ModelConfig& config = named.config;
    for (const int count : {1, 2}) {
      CAPTURE(named.name);
      CAPTURE(count);
      const auto model = lively(config);
      ef::Threads threads(count);
      ef::Session<float> session(model, threads);
      const ef::Token token = 3;
      session.feed({&token, 1});  // sizes every buffer
      const AllocationCounter counter;
      for (int i = 0; i < 150; ++i) session.feed({&token, 1});
      CHECK(counter.count() == 0);
    }
  }
}

TEST_CASE("a decode step of an encoder-decoder allocates nothing once it has run") {
  if (!AllocationCounter::counts) {
    support::skip("allocations are not counted in this build");
    return;
  }
  for (const auto& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    const auto model = support::lively<float, ef::Seq2Seq>(named.config);
    ef::Threads threads(1);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    ef::Session<float> session(model, threads, model.read({some_tokens(40, 61)}, run).front());
    const ef::Token token = 3;
    session.feed({&token, 1});
    const AllocationCounter counter;
    for (int i = 0; i < 150; ++i) session.feed({&token, 1});
    CHECK(counter.count() == 0);
  }
}

TEST_CASE("what does not fit is found before any work is done, and says both numbers") {
  const auto model = lively(tiny::decoders()[0].config);  // 200 positions, 61 tokens
  ef::Threads threads(1);
  ef::Session<float> session(model, threads, {.capacity = 10});
  const auto refusal = [&](const std::vector<ef::Token>& tokens) -> std::string {
    try {
      session.feed(tokens);
    } catch (const ef::Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal({}) == "a sequence of no tokens");
  CHECK(refusal({1, 61}) == "token 61 at position 1 is outside the vocabulary of 61");
  CHECK(refusal({-1}) == "token -1 at position 0 is outside the vocabulary of 61");
  CHECK(refusal(some_tokens(11, 61)) == "11 tokens exceed the session's capacity of 10");
  CHECK(session.size() == 0);
  CHECK(refusal(some_tokens(10, 61)) == "");
  CHECK(refusal({1}) == "11 tokens exceed the session's capacity of 10");
  CHECK(session.size() == 10);

  try {
    model({some_tokens(201, 61)});
    FAIL("a sequence beyond the window was taken");
  } catch (const ef::WindowError& error) {
    CHECK(error.window == 200);
    CHECK(error.asked == 201);
    CHECK(std::string(error.what()) == "201 tokens exceed the context window of 200");
  }
  CHECK_THROWS_AS(ef::Session<float>(model, threads, {.capacity = 201}), ef::WindowError);
  CHECK_THROWS_AS(ef::Session<float>(model, threads, {.capacity = -1}), ef::ConfigError);
  CHECK_THROWS_AS(ef::Session<float>(model, threads, {.chunk = 0}), ef::ConfigError);
  CHECK_THROWS_AS(ef::Threads(0), ef::ConfigError);

  const ef::Token token = 1;
  const std::vector<ef::Session<float>*> twice{&session, &session};
  const std::vector<std::span<const ef::Token>> tokens(2, std::span(&token, 1));
  session.truncate(3);
  CHECK_THROWS_WITH_AS(ef::feed_together<float>(twice, tokens), "session 1 is session 0 again",
                       ef::InputError);
  CHECK(session.size() == 3);
}

}  // namespace model_session
