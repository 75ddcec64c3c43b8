#include "support/golden_case.hpp"
#include <eigenformer/evaluate/bleu.hpp>
#include <eigenformer/evaluate/chrf.hpp>
#include <eigenformer/evaluate/classification.hpp>
#include <eigenformer/evaluate/entities.hpp>
#include <eigenformer/evaluate/exact_match.hpp>
#include <eigenformer/evaluate/perplexity.hpp>
#include <eigenformer/evaluate/rouge.hpp>

#include <fstream>
#include <functional>

#include <doctest/doctest.h>

namespace evaluate_cases {

namespace ef = eigenformer;
namespace evaluate = eigenformer::evaluate;
using ef::Index;
using support::Json;
using Texts = std::vector<std::string>;

namespace {

Json bleu(const Json& in) {
  evaluate::BleuCounts counts;
  evaluate::BleuOptions options;
  if (in.contains("counts")) {
    counts.matches = in.at("counts");
    counts.ngrams = in.at("totals");
    counts.length = in.at("sys_len");
    counts.reference_length = in.at("ref_len");
  } else {
    const Json& named = in.at("options");
    options.smoothing = evaluate::smoothing(named.value("smooth_method", "exp"));
    options.smoothing_value = named.value("smooth_value", options.smoothing_value);
    options.tokens = evaluate::bleu_tokens(named.value("tokenize", "13a"));
    counts = evaluate::bleu_counts(in.at("hypotheses").get<Texts>(),
                                   in.at("references").get<std::vector<Texts>>(), options.tokens);
  }
  const evaluate::Bleu result = evaluate::bleu(counts, options);
  return {{"score", result.score},
          {"bp", result.brevity_penalty},
          {"counts", result.counts.matches},
          {"totals", result.counts.ngrams}};
}

Json chrf(const Json& in) {
  const Json& named = in.at("options");
  evaluate::ChrfOptions options;
  options.beta = named.value("beta", options.beta);
  options.eps_smoothing = named.value("eps_smoothing", options.eps_smoothing);
  return {{"score", evaluate::chrf(in.at("hypotheses").get<Texts>(),
                                   in.at("references").get<std::vector<Texts>>(), options)}};
}

Json rouge(const Json& in) {
  if (in.contains("ref"))
    return evaluate::longest_common_subsequence(in["ref"].get<std::vector<int>>(),
                                                in.at("can").get<std::vector<int>>());
  if (in.at("stemmer") != false) return "no stemmer";
  const std::string target = in.at("target"), prediction = in.at("prediction"), type = in.at("type");
  const evaluate::Scores s = type == "rougeL"      ? evaluate::rouge_l(target, prediction)
                             : type == "rougeLsum" ? evaluate::rouge_l_summary(target, prediction)
                                                   : evaluate::rouge_n(target, prediction, type.back() - '0');
  return {{"precision", s.precision}, {"recall", s.recall}, {"fmeasure", s.f1}};
}

Json seqeval(const Json& in) {
  const auto truth = in.at("y_true").get<std::vector<evaluate::Tags>>(),
             predicted = in.at("y_pred").get<std::vector<evaluate::Tags>>();
  const auto as_json = [](const evaluate::Scores& s) {
    return Json{{"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}};
  };
  Json result = {
      {"default", as_json(evaluate::entity_scores(truth, predicted).micro)},
      {"strict_IOB2", as_json(evaluate::entity_scores(truth, predicted, evaluate::TagScheme::iob2).micro)}};
  result["default"]["accuracy"] = evaluate::tag_accuracy(truth, predicted);
  const evaluate::TagCounts counts = evaluate::count_tags(truth, predicted);
  result.update(Json{{"TP", counts.true_positives},
                     {"FP", counts.false_positives},
                     {"FN", counts.false_negatives},
                     {"TN", counts.true_negatives}});
  return result;
}

Json squad(const Json& in) {
  const std::string answer = in.at("prediction");
  const evaluate::AnswerScores s = in.contains("truths")
                                       ? evaluate::answer_scores(answer, in["truths"].get<Texts>())
                                       : evaluate::answer_scores(answer, in.at("truth").get<std::string>());
  return {{"exact_match", s.exact_match}, {"f1", s.f1}};
}

Json perplexity(const Json& in) {
  evaluate::LogLoss loss;
  if (in.contains("batches")) {
    for (const Json& batch : in["batches"]) {
      const Index tokens = batch.at("tokens");
      loss += {batch.at("mean_nll").get<double>() * static_cast<double>(tokens), tokens};
    }
  } else {
    for (const Json& one : in.at("neg_log_likelihoods")) loss += {one.get<double>(), 1};
  }
  return loss.perplexity();
}

Json classification(const Json& in) {
  const auto truth = in.at("y_true").get<std::vector<Index>>(),
             predicted = in.at("y_pred").get<std::vector<Index>>();
  const evaluate::Confusion confusion(truth, predicted, 3);
  return {{"accuracy", confusion.accuracy()},
          {"f1_macro", confusion.macro().f1},
          {"f1_weighted", confusion.weighted().f1}};
}

}  // namespace

TEST_CASE("every metric of the facts is that of the field's reference tool") {
  const std::map<std::string, Json (*)(const Json&)> metrics = {{"bleu", bleu},
                                                                {"chrf", chrf},
                                                                {"rouge", rouge},
                                                                {"seqeval", seqeval},
                                                                {"squad", squad},
                                                                {"perplexity", perplexity},
                                                                {"classification", classification}};
  std::ifstream file(EIGENFORMER_TEST_DATA "/facts/cases.json");
  int checked = 0;
  for (const Json& one : Json::parse(file)) {
    const std::string name = one.at("name");
    if (!name.starts_with("metric/")) continue;
    INFO(name);
    const std::string metric = name.substr(7, name.find('/', 7) - 7);
    REQUIRE(metrics.count(metric) == 1);
    Json actual;
    try {
      actual = metrics.at(metric)(one.at("inputs"));
    } catch (const ef::InputError&) {
      actual = "error";
    }
    INFO("expected ", one.at("expected").dump(), ", calculated ", actual.dump());
    CHECK(support::matches(actual, one.at("expected"), one.at("tolerance")));
    ++checked;
  }
  CHECK(checked == 50);
}

}  // namespace evaluate_cases
