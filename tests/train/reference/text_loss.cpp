#include "support/machine.hpp"
#include "train/reference/reference.hpp"
#include <eigenformer/hub/json.hpp>
#include <eigenformer/train/text_loss.hpp>

namespace train_text_loss {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;

namespace {

ef::Json reference_json() { return ef::read_json(EIGENFORMER_TEST_DATA "/evaluation/perplexity-gpt2.json"); }

bool near(double found, double expected) { return std::fabs(found - expected) < 1e-9 * std::fabs(expected); }

}  // namespace

TEST_CASE("a text that fits the window has transformers' loss, token by token and as a whole") {
  const ef::Json one = reference_json()["single"];
  const auto text = one["input_ids"].get<std::vector<ef::Token>>();
  const auto each = one["token_nll"].get<std::vector<double>>();
  const auto model = ef::load_causal_lm<double>(reference::folder("gpt2"));
  Machine machine(2);
  const ef::evaluate::LogLoss loss = ef::text_loss(model, text, {}, machine.run);
  CHECK(loss.tokens == one["scored_tokens"].get<Index>());
  CHECK(near(loss.sum, one["sum_nll"]));
  CHECK(near(loss.perplexity(), one["perplexity"]));
  CHECK(near(loss.bits_per_token(), one["bits_per_token"]));
  for (Index i = 1; i < static_cast<Index>(text.size()); ++i) {
    CAPTURE(i);
    const std::vector<ef::evaluate::Window> only = {{0, i + 1, i}};
    CHECK(near(ef::window_loss(model, text, only, machine.run).sum, each[static_cast<std::size_t>(i - 1)]));
  }
}

TEST_CASE("texts of different lengths weigh by their tokens") {
  const ef::Json batch = reference_json()["batch"];
  const auto model = ef::load_causal_lm<double>(reference::folder("gpt2"));
  Machine machine(1);
  ef::evaluate::LogLoss total;
  for (std::size_t row = 0; row < batch["labels"].size(); ++row) {
    std::vector<ef::Token> text;
    for (const ef::Token token : batch["labels"][row].get<std::vector<ef::Token>>())
      if (token != ef::ignored_label) text.push_back(token);
    const auto loss = ef::text_loss(model, text, {}, machine.run);
    CHECK(near(loss.perplexity(), batch["per_row_perplexity"][row]));
    total += loss;
  }
  CHECK(total.tokens == batch["scored_tokens"].get<Index>());
  CHECK(near(total.perplexity(), batch["perplexity"]));
}

TEST_CASE("a long text is scored by the windows of the reference, one at a time or several in a pass") {
  const ef::Json strided = reference_json()["strided"];
  const auto text = strided["input_ids"].get<std::vector<ef::Token>>();
  const auto model = ef::load_causal_lm<double>(reference::folder("gpt2"));
  Machine machine(2);
  const Index window = strided["max_length"], stride = strided["stride"];
  const auto windows = ef::evaluate::windows(static_cast<Index>(text.size()), window, stride);
  REQUIRE(windows.size() == strided["windows"].size());
  for (std::size_t i = 0; i < windows.size(); ++i) {
    CAPTURE(i);
    const ef::Json& expected = strided["windows"][i];
    CHECK(windows[i].begin == expected["begin"].get<Index>());
    CHECK(windows[i].end == expected["end"].get<Index>());
    const auto loss = ef::window_loss(model, text, std::span(&windows[i], 1), machine.run);
    CHECK(loss.tokens == expected["scored_tokens"].get<Index>());
    CHECK(near(loss.sum, expected["sum_nll"]));
  }
  for (const Index rows : {1, 100, 1000}) {
    CAPTURE(rows);
    Index reported = 0;
    const auto loss = ef::text_loss(model, text, {.window = window, .stride = stride, .rows = rows},
                                    machine.run, [&](Index tokens) { reported = tokens; });
    CHECK(loss.tokens == static_cast<Index>(text.size()) - 1);
    CHECK(reported == loss.tokens);
    CHECK(near(loss.perplexity(), strided["perplexity"]));
  }
}

TEST_CASE("texts and windows that cannot be scored are refused with the cause") {
  const auto model = ef::load_causal_lm<float>(reference::folder("gpt2"));
  Machine machine(1);
  const std::vector<ef::Token> one = {1}, foreign = {1, 2, 100000}, long_text(200, 3);
  CHECK_THROWS_WITH_AS(ef::text_loss(model, one, {}, machine.run),
                       "a text needs at least 2 tokens to be scored, has 1", ef::InputError);
  CHECK_THROWS_AS(ef::text_loss(model, foreign, {}, machine.run), ef::InputError);
  CHECK_THROWS_AS(ef::text_loss(model, long_text, {.window = 100000}, machine.run), ef::WindowError);
}

}  // namespace train_text_loss
