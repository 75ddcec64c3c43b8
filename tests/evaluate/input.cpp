#include <eigenformer/evaluate/chrf.hpp>
#include <eigenformer/evaluate/classification.hpp>
#include <eigenformer/evaluate/entities.hpp>
#include <eigenformer/evaluate/exact_match.hpp>
#include <eigenformer/evaluate/perplexity.hpp>
#include <eigenformer/evaluate/rouge.hpp>

#include <doctest/doctest.h>

namespace evaluate_input {

namespace ef = eigenformer;
namespace evaluate = eigenformer::evaluate;
using ef::Index;
using Texts = std::vector<std::string>;
using Streams = std::vector<Texts>;
using Tagged = std::vector<evaluate::Tags>;

TEST_CASE("labels that are missing, unequal in number or outside the classes are refused by their place") {
  using Labels = std::vector<Index>;
  CHECK_THROWS_WITH_AS(evaluate::Confusion(Labels{}, Labels{}, 2), "there are no labels to compare",
                       ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::Confusion(Labels{0, 1}, Labels{0}, 2), "1 predicted labels for 2 true ones",
                       ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::Confusion(Labels{0, 1}, Labels{0, 2}, 2),
                       "label 2 at place 1 is none of 2 classes", ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::Confusion(Labels{-1}, Labels{0}, 2),
                       "label -1 at place 0 is none of 2 classes", ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::Confusion(Labels{0}, Labels{0}, 0),
                       "there must be at least one class, there are 0", ef::InputError);
  CHECK_THROWS_AS(evaluate::accuracy(Texts{}, Texts{}), ef::InputError);
}

TEST_CASE("texts without a partner and unknown options are refused") {
  CHECK_THROWS_WITH_AS(evaluate::bleu(Texts{"a"}, Streams{}), "there are no references", ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::bleu(Texts{}, Streams{{}}), "there are no texts to compare", ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::chrf(Texts{"a"}, Streams{{"a", "b"}}), "1 predicted texts for 2 true ones",
                       ef::InputError);
  CHECK_THROWS_AS(evaluate::exact_match(Texts{"a"}, Texts{}), ef::InputError);
  CHECK_THROWS_AS(evaluate::answer_scores("a", Texts{}), ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::smoothing("exponent"),
                       "smooth_method: one of exp, floor, add-k, none was expected, found exponent",
                       ef::ConfigError);
  CHECK_THROWS_WITH_AS(evaluate::bleu_tokens("14a"), "tokenize: 13a or none was expected, found 14a",
                       ef::ConfigError);
  CHECK_THROWS_AS(evaluate::chrf(Texts{"a"}, Streams{{"a"}}, {.char_order = 0}), ef::ConfigError);
  CHECK_THROWS_AS(evaluate::chrf(Texts{"a"}, Streams{{"a"}}, {.word_order = -1}), ef::ConfigError);
  CHECK_THROWS_AS(evaluate::chrf(Texts{"a"}, Streams{{"a"}}, {.beta = 0}), ef::ConfigError);
  CHECK_THROWS_AS(evaluate::rouge_n("a", "a", 0), ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::rouge_l("a\xFF", "a"), "the text \"a?\" is not UTF-8 at byte 1",
                       ef::InputError);
  CHECK_THROWS_AS(evaluate::bleu(Texts{"\xFF"}, Streams{{"a"}}), ef::InputError);
}

TEST_CASE("tags that are none, or of another number of words, are refused") {
  CHECK_THROWS_WITH_AS(evaluate::entity_scores(Tagged{{"B-A", "X"}}, Tagged{{"O", "O"}}),
                       "the tag \"X\" is neither O nor B- or I- with a type", ef::InputError);
  CHECK_THROWS_AS(evaluate::entities({"B-"}), ef::InputError);
  CHECK_THROWS_AS(evaluate::entities({""}), ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::entity_scores(Tagged{{"O"}}, Tagged{{"O", "O"}}),
                       "sentence 0: 2 predicted tags for 1 true ones", ef::InputError);
  CHECK_THROWS_AS(evaluate::tag_accuracy(Tagged{{}}, Tagged{{}}), ef::InputError);
}

TEST_CASE("perplexity without a token and windows without room are refused") {
  CHECK_THROWS_WITH_AS(evaluate::LogLoss{}.perplexity(), "perplexity needs at least one scored token, has 0",
                       ef::InputError);
  CHECK_THROWS_AS(evaluate::windows(1, 8, 4), ef::InputError);
  CHECK_THROWS_AS(evaluate::windows(10, 1, 1), ef::InputError);
  CHECK_THROWS_WITH_AS(evaluate::windows(10, 8, 8),
                       "the stride must lie between 1 and 7 (the window is 8), is 8", ef::InputError);
  CHECK_THROWS_AS(evaluate::windows(10, 8, 0), ef::InputError);
}

TEST_CASE("windows score every token but the first once, for any length") {
  for (Index tokens = 2; tokens < 40; ++tokens)
    for (Index window = 2; window < 12; ++window)
      for (Index stride = 1; stride < window; ++stride) {
        CAPTURE(tokens);
        CAPTURE(window);
        CAPTURE(stride);
        Index next = 1;
        for (const evaluate::Window& w : evaluate::windows(tokens, window, stride)) {
          REQUIRE(w.scored == next);
          REQUIRE(w.scored > w.begin);
          REQUIRE(w.end - w.begin <= window);
          REQUIRE(w.end > w.scored);
          next = w.end;
        }
        REQUIRE(next == tokens);
      }
}

TEST_CASE("tokens 13a part marks of Western texts but keep numbers and contractions whole") {
  const auto words = [](const char* text) {
    return evaluate::bleu_words(text, evaluate::BleuTokens::mteval_13a);
  };
  CHECK(words("It's 1,234.5 (or so), in 1990-95.") ==
        Texts{"It's", "1,234.5", "(", "or", "so", ")", ",", "in", "1990", "-", "95", "."});
  CHECK(words("&quot;a&amp;b&quot; well-known\nend") ==
        Texts{"\"", "a", "&", "b", "\"", "well-known", "end"});
}

TEST_CASE("classes that never occur do not lower the macro average, and micro is accuracy") {
  const std::vector<Index> truth = {0, 0, 1, 3}, predicted = {0, 1, 1, 3};
  const evaluate::Confusion confusion(truth, predicted, 10);
  CHECK(confusion.count(0, 1) == 1);
  CHECK(confusion.support(0) == 2);
  CHECK(confusion.of(0).f1 == doctest::Approx(2.0 / 3));
  CHECK(confusion.macro().f1 == doctest::Approx((2.0 / 3 + 2.0 / 3 + 1) / 3));
  CHECK(confusion.micro().f1 == doctest::Approx(confusion.accuracy()));
}

TEST_CASE("articles and case are no part of an answer, in other scripts too") {
  CHECK(evaluate::answer_words("The \xC3\x89"
                               "cole, a \xD0\x94\xD0\x9E\xD0\x9C!") == Texts{"\xC3\xA9"
                                                                             "cole",
                                                                             "\xD0\xB4\xD0\xBE\xD0\xBC"});
}

}  // namespace evaluate_input
