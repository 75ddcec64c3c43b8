// Preference alignment from pairs: of two answers to a prompt, one was preferred.
//
// With log-probabilities l of the chosen (c) and the rejected (r) answer, and those of the reference model,
// which is the model before training, computed once:
//   dpo    h = β ((l_c − ref_c) − (l_r − ref_r));   loss = −(1 − ε) ln σ(h) − ε ln σ(−h)
//          Rafailov et al. 2023, "Direct Preference Optimization", eq. 7; ε: label smoothing (Mitchell 2023)
//   ipo    loss = (h / β − 1 / (2β))²
//          Azar et al. 2023, "A General Theoretical Paradigm", eq. 17
//   simpo  loss = −ln σ(β l_c / |c| − β l_r / |r| − γ)
//          Meng et al. 2024, "SimPO", eq. 6
//   orpo   loss = −l_c / |c| − β ln σ(ln odds_c − ln odds_r),  odds = p / (1 − p),  p = e^(l / length)
//          Hong et al. 2024, "ORPO", eq. 6, whose λ is β here
// The gradient reaches the model through the cross-entropy of the answers' tokens, each weighted by the slope
// of the loss in its answer's log-probability.
#pragma once

#include <eigenformer/train/lora.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

enum class PreferenceLoss { dpo, ipo, simpo, orpo };

/// Whether a loss compares with the reference model.
constexpr bool uses_reference(PreferenceLoss kind) {
  return kind == PreferenceLoss::dpo || kind == PreferenceLoss::ipo;
}

struct PreferenceOptions {
  PreferenceLoss loss = PreferenceLoss::dpo;
  double beta = 0.1;
  double label_smoothing =
      0.0;              ///< of dpo: the share of pairs whose preference is taken to be wrong, below ½
  double margin = 0.5;  ///< γ of simpo
};

/// @throws ConfigError  for options that cannot be
inline void validate(const PreferenceOptions& o) {
  if (!(o.beta > 0) || !std::isfinite(o.beta))
    fail(ConfigError("beta", concat("must be positive, is ", o.beta)));
  if (!(o.label_smoothing >= 0 && o.label_smoothing < 0.5))
    fail(ConfigError("label_smoothing", concat("must lie in [0, 0.5), is ", o.label_smoothing)));
  if (o.label_smoothing > 0 && o.loss != PreferenceLoss::dpo)
    fail(ConfigError("label_smoothing", "belongs to dpo alone"));
  if (!std::isfinite(o.margin)) fail(ConfigError("margin", concat("must be finite, is ", o.margin)));
}

/// The log-probability of an answer, in nats, and its number of tokens.
struct AnswerScore {
  double log_probability = 0;
  Index tokens = 0;
};

/// A pair as its loss sees it.
struct PairScores {
  AnswerScore chosen{}, rejected{};
  double reference_chosen = 0, reference_rejected = 0;  ///< log-probabilities; of dpo and ipo
};

/// The loss of a pair, its slopes in the two log-probabilities, and the rewards that the model gives:
/// β (l − ref), or β l / length where there is no reference.
struct PairLoss {
  double loss = 0, d_chosen = 0, d_rejected = 0;
  double chosen_reward = 0, rejected_reward = 0;
};

namespace detail {

/// ln σ(x) without overflow.
inline double log_sigmoid(double x) {
  return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x));
}
inline double sigmoid_of(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

}  // namespace detail

inline PairLoss pair_loss(const PreferenceOptions& o, const PairScores& s) {
  using detail::log_sigmoid;
  using detail::sigmoid_of;
  const double lc = s.chosen.log_probability, lr = s.rejected.log_probability;
  const auto nc = static_cast<double>(s.chosen.tokens), nr = static_cast<double>(s.rejected.tokens);
  PairLoss out;
  const bool reference = uses_reference(o.loss);
  out.chosen_reward = o.beta * (reference ? lc - s.reference_chosen : lc / nc);
  out.rejected_reward = o.beta * (reference ? lr - s.reference_rejected : lr / nr);
  const double h = out.chosen_reward - out.rejected_reward;
  switch (o.loss) {
    case PreferenceLoss::dpo: {
      const double wrong = o.label_smoothing;
      out.loss = -(1 - wrong) * log_sigmoid(h) - wrong * log_sigmoid(-h);
      out.d_chosen = o.beta * (wrong * sigmoid_of(h) - (1 - wrong) * sigmoid_of(-h));
      out.d_rejected = -out.d_chosen;
      break;
    }
    case PreferenceLoss::ipo: {
      const double off = h / o.beta - 1 / (2 * o.beta);
      out.loss = off * off;
      out.d_chosen = 2 * off;
      out.d_rejected = -out.d_chosen;
      break;
    }
    case PreferenceLoss::simpo: {
      const double slope = -o.beta * sigmoid_of(o.margin - h);
      out.loss = -log_sigmoid(h - o.margin);
      out.d_chosen = slope / nc;
      out.d_rejected = -slope / nr;
      break;
    }
    case PreferenceLoss::orpo: {
      const auto log_odds = [](double mean) { return mean - std::log(-std::expm1(mean)); };
      constexpr double certain = -1e-7;  // in float a sure answer has probability 1, whose odds are infinite
      const double c = (std::min)(lc / nc, certain), r = (std::min)(lr / nr, certain);
      const double ratio = log_odds(c) - log_odds(r), slope = -o.beta * sigmoid_of(-ratio);
      out.loss = -c - o.beta * log_sigmoid(ratio);
      out.d_chosen = (-1 + slope / -std::expm1(c)) / nc;
      out.d_rejected = -slope / -std::expm1(r) / nr;
      break;
    }
  }
  return out;
}

/// Two answers to a prompt, and what the reference model gives them.
struct PreferencePair {
  std::vector<Token> prompt, chosen, rejected;  ///< answers end with their end token, if there is one
  double reference_chosen = 0, reference_rejected = 0;
};

/// How a batch of pairs went: means over its pairs.
struct PreferenceReport {
  Index pairs = 0;
  double loss = 0, accuracy = 0;  ///< accuracy: the share of pairs whose chosen answer has the higher reward
  double margin = 0;              ///< the chosen answer's reward over that of the rejected one
  double chosen_reward = 0, rejected_reward = 0;
};

namespace detail {

/// The answers of pairs as sequences under one pass, chosen and rejected in turn: prompt and answer, and
/// labels for the answer's tokens alone.
/// @throws InputError  for an empty prompt or answer, with the pair's number
inline TokenBatch answers_of(std::span<const PreferencePair* const> pairs, std::vector<Token>& labels) {
  TokenBatch batch;
  for (std::size_t i = 0; i < pairs.size(); ++i)
    for (const auto* const answer : {&pairs[i]->chosen, &pairs[i]->rejected}) {
      const auto& prompt = pairs[i]->prompt;
      if (prompt.empty() || answer->empty())
        fail(InputError(concat("pair ", i, ": ", prompt.empty() ? "the prompt" : "an answer", " is empty")));
      auto& tokens = batch.emplace_back(prompt);
      tokens.insert(tokens.end(), answer->begin(), answer->end() - 1);  // the last token is only predicted
      labels.insert(labels.end(), prompt.size() - 1, ignored_label);
      labels.insert(labels.end(), answer->begin(), answer->end());
    }
  return batch;
}

/// Sums of a batch's losses by sequence.
inline std::vector<AnswerScore> scores_of(const TokenBatch& batch, std::span<const Token> labels,
                                          std::span<const double> losses) {
  std::vector<AnswerScore> scores;
  std::size_t row = 0;
  for (const auto& tokens : batch) {
    AnswerScore& score = scores.emplace_back();
    for (std::size_t i = 0; i < tokens.size(); ++i, ++row)
      if (labels[row] != ignored_label) {
        score.log_probability -= losses[row];
        ++score.tokens;
      }
  }
  return scores;
}

}  // namespace detail

/// Writes what a model gives both answers of each pair into the pairs, as their reference. Call it before
/// training, on the model itself: then it is the reference, and no second copy of it is needed. With adapters
/// the reference is the base below them, which new adapters do not change.
/// @throws InputError, WindowError  as answers_of, or for a pair that the model cannot see whole
template <class S>
void set_reference(const CausalLM<S>& model, std::vector<PreferencePair>& pairs, Run& run) {
  TrainingMemory<S> memory;
  for (PreferencePair& pair : pairs) {
    const PreferencePair* const one = &pair;
    std::vector<Token> labels;
    const TokenBatch batch = detail::answers_of({&one, 1}, labels);
    LossOptions options;
    options.weigh = [&](std::span<const double> losses, std::span<double>) {
      const auto scores = detail::scores_of(batch, labels, losses);
      pair.reference_chosen = scores[0].log_probability;
      pair.reference_rejected = scores[1].log_probability;
    };
    loss_and_gradient(model, batch, labels, options, run, memory, nullptr);
  }
}

/// The loss of pairs and, with `grad`, the gradient of the sum of their losses times `weight` (0: of their
/// mean), as loss_and_gradient.
/// @throws InputError, WindowError  as set_reference; ConfigError as validate
template <class S>
PreferenceReport preference_loss_and_gradient(const CausalLM<S>& model,
                                              std::span<const PreferencePair* const> pairs,
                                              const PreferenceOptions& options, double weight, Run& run,
                                              TrainingMemory<S>& memory,
                                              std::type_identity_t<Transformer<S>>* grad) {
  validate(options);
  if (pairs.empty()) fail(InputError("a batch of no pairs"));
  std::vector<Token> labels;
  const TokenBatch batch = detail::answers_of(pairs, labels);
  const double one = 1.0 / static_cast<double>(pairs.size());
  const double factor = weight != 0 ? weight : one;
  PreferenceReport report{.pairs = static_cast<Index>(pairs.size())};
  LossOptions through;
  through.weigh = [&](std::span<const double> losses, std::span<double> weights) {
    const auto scores = detail::scores_of(batch, labels, losses);
    std::size_t row = 0;
    Index preferred = 0;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const PairLoss pair = pair_loss(options, {scores[2 * i], scores[2 * i + 1], pairs[i]->reference_chosen,
                                                pairs[i]->reference_rejected});
      report.loss += one * pair.loss;
      report.chosen_reward += one * pair.chosen_reward;
      report.rejected_reward += one * pair.rejected_reward;
      report.margin += one * (pair.chosen_reward - pair.rejected_reward);
      if (pair.chosen_reward > pair.rejected_reward) ++preferred;
      for (const std::size_t answer : {2 * i, 2 * i + 1}) {  // a row's loss is minus its log-probability
        const double slope = answer == 2 * i ? pair.d_chosen : pair.d_rejected;
        for (std::size_t k = 0; k < batch[answer].size(); ++k) weights[row++] = -factor * slope;
      }
    }
    report.accuracy = static_cast<double>(preferred) / static_cast<double>(pairs.size());
  };
  loss_and_gradient(model, batch, labels, through, run, memory, grad);
  return report;
}

/// Pairs numbered `numbers` of all as a trainer's batch, whose labels are those numbers: one pair a label.
inline TrainingBatch preference_batch(const std::vector<PreferencePair>& all,
                                      std::span<const Index> numbers) {
  TrainingBatch batch;
  for (const Index n : numbers) {
    const PreferencePair& pair = all.at(static_cast<std::size_t>(n));
    for (const auto& [answer, to] :
         {std::pair{&pair.chosen, &batch.inputs}, {&pair.rejected, &batch.targets}}) {
      to->push_back(pair.prompt);
      to->back().insert(to->back().end(), answer->begin(), answer->end());
    }
    batch.labels.push_back(static_cast<Token>(n));
  }
  return batch;
}

/// A model as a trainer aligns it with pairs, which have their reference where the loss uses one: its
/// adapters where it has any, otherwise all of it. Model and pairs must stay where they are and outlive the
/// result; batches are those of preference_batch. `report`, where given, hears of every batch, also of those
/// that are measured alone.
/// @throws ConfigError  as validate
template <class S>
Trainable<S> trainable_preferences(CausalLM<S>& model, const std::vector<PreferencePair>& pairs,
                                   const PreferenceOptions& options,
                                   std::function<void(const PreferenceReport&, bool learn)> report = {},
                                   bool recompute = false) {
  validate(options);
  Trainable<S> out;
  std::shared_ptr<detail::KeptForTraining<S>> kept;
  if (has_lora(model.parameters())) {
    kept = detail::prepare_lora<S>(model, recompute, out);
  } else {
    kept = detail::prepare_all<S>(model, recompute, out);
  }
  out.labels_of_texts = true;  // one label a pair
  out.loss = [&model, &pairs, options, report, kept](const TrainingBatch& batch, const LossOptions& loss,
                                                     Run& run, const DropoutPass* learn) {
    if (loss.label_smoothing > 0)
      fail(ConfigError("label_smoothing", "of preferences belongs into PreferenceOptions"));
    std::vector<const PreferencePair*> here;
    for (const Token n : batch.labels) here.push_back(&pairs.at(static_cast<std::size_t>(n)));
    const PreferenceReport made = preference_loss_and_gradient<S>(model, here, options, loss.weight, run,
                                                                  kept->memory, kept->gradient_of(learn));
    if (report) report(made, learn != nullptr);
    return Loss{made.loss * static_cast<double>(made.pairs), made.pairs};
  };
  return out;
}

EIGENFORMER_ONCE(train,
                 void set_reference<float>(const CausalLM<float>&, std::vector<PreferencePair>&, Run&));
EIGENFORMER_ONCE(train,
                 void set_reference<double>(const CausalLM<double>&, std::vector<PreferencePair>&, Run&));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
