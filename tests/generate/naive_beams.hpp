// Beam search once more, by the rules in the words of the reference data: no cache, every text computed anew,
// every continuation listed and sorted. Slow, and plainly right.
#pragma once

#include <eigenformer/generate/generate.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace naive {

namespace ef = eigenformer;

struct Path {
  std::vector<ef::Token> tokens;
  double value = 0;  ///< the sum while it runs, the score once it has ended
};

inline bool higher(const Path& x, const Path& y) { return x.value > y.value; }

inline bool holds(const std::vector<ef::Token>& tokens, ef::Token token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

/// Whether the last n tokens stand somewhere before, too.
inline bool repeats(const std::vector<ef::Token>& tokens, std::ptrdiff_t n) {
  return n > 0 && std::ssize(tokens) >= n &&
         std::search(tokens.begin(), tokens.end(), tokens.end() - n, tokens.end()) != tokens.end() - n;
}

/// All ways in which a path may go on in one token.
inline std::vector<Path> continuations(const ef::CausalLM<double>& model, const Path& path, ef::Index step,
                                       const ef::GenerationConfig& config) {
  const ef::Matrix<double> all = model({path.tokens});
  const ef::RowVector<double> logits = all.row(all.rows() - 1);
  std::vector<Path> out;
  for (ef::Token token = 0; token < static_cast<ef::Token>(logits.size()); ++token) {
    double score = ef::log_probability(logits, token);
    if (holds(path.tokens, token)) score *= config.repetition_penalty;  // of a negative score
    for (const ef::TokenBias& entry : config.logit_bias) score += entry.token == token ? entry.bias : 0;
    Path next = path;
    next.tokens.push_back(token);
    if (repeats(next.tokens, config.no_repeat_ngram)) continue;
    if (step <= config.min_new_tokens && holds(config.end_tokens, token)) continue;
    if (config.forced_eos && step == config.max_new_tokens) {
      if (token != *config.forced_eos) continue;
      score = 0;
    }
    next.value += score;
    out.push_back(std::move(next));
  }
  return out;
}

/// The hypotheses that have ended, best first.
inline std::vector<Path> beam_search(const ef::CausalLM<double>& model, const std::vector<ef::Token>& prompt,
                                     const ef::GenerationConfig& config) {
  const auto beams = static_cast<std::size_t>(config.num_beams);
  const std::size_t listed = beams * (std::max)(std::size_t{2}, 1 + config.end_tokens.size());
  std::vector<Path> running{{prompt}}, ended;
  const auto penalized = [&](double sum, ef::Index length) {
    return sum / std::pow(static_cast<double>(length), config.length_penalty);
  };
  const auto end = [&](Path path, ef::Index length) {
    path.value = penalized(path.value, length);
    ended.push_back(std::move(path));
    std::stable_sort(ended.begin(), ended.end(), higher);
    if (ended.size() > beams) ended.pop_back();
  };
  for (ef::Index step = 1; step <= config.max_new_tokens; ++step) {
    std::vector<Path> list;
    for (const Path& path : running)
      for (Path& next : continuations(model, path, step, config)) list.push_back(std::move(next));
    std::stable_sort(list.begin(), list.end(), higher);
    if (list.size() > listed) list.resize(listed);
    running.clear();
    for (std::size_t rank = 0; rank < list.size() && running.size() < beams; ++rank) {
      if (!holds(config.end_tokens, list[rank].tokens.back()))
        running.push_back(list[rank]);
      else if (rank < beams)
        end(list[rank], step);
    }
    if (ended.size() < beams) continue;
    const ef::Index longest = config.length_penalty > 0 ? config.max_new_tokens.value() : step;
    const double worst = ended.back().value, best = list[0].value;
    if (config.early_stopping == ef::EarlyStopping::yes) return ended;
    if (config.early_stopping == ef::EarlyStopping::no && worst >= penalized(best, step)) return ended;
    if (config.early_stopping == ef::EarlyStopping::never && worst >= penalized(best, longest)) return ended;
  }
  for (Path& path : running) end(std::move(path), config.max_new_tokens.value());
  return ended;
}

}  // namespace naive
