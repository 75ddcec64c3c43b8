// The processors once more, by their definitions and full sorts: slow, and plainly right.
#pragma once

#include <eigenformer/generate/config.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace naive {

namespace ef = eigenformer;
using Row = std::vector<double>;

inline constexpr double removed = -std::numeric_limits<double>::infinity();

inline Row softmax(const Row& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  Row p(logits.size());
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = std::exp(logits[i] - largest);
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= total;
  return p;
}

/// Positions by ascending value; of equal values the higher position first.
inline std::vector<std::size_t> ascending(const Row& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.rbegin(), order.rend(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

inline double entropy(const Row& p) {
  double sum = 0;
  for (const double value : p) sum -= value > 0 ? value * std::log(value) : 0;
  return sum;
}

inline void top_k(Row& logits, ef::Index k) {
  const auto order = ascending(logits);
  const double bar = logits[order[order.size() - std::min(static_cast<std::size_t>(k), order.size())]];
  for (double& logit : logits) logit = logit < bar ? removed : logit;
}

inline void top_p(Row& logits, double p) {
  const auto order = ascending(logits);
  const Row probabilities = softmax(logits);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    sum += probabilities[order[i]];
    if (sum <= 1 - p) logits[order[i]] = removed;
  }
}

inline void cut_below(Row& logits, double bar) {
  const Row probabilities = softmax(logits);
  const double largest = *std::max_element(logits.begin(), logits.end());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (probabilities[i] < bar && logits[i] < largest) logits[i] = removed;
  }
}

inline void min_p(Row& logits, double share) {
  const Row p = softmax(logits);
  cut_below(logits, share * *std::max_element(p.begin(), p.end()));
}

inline void typical_p(Row& logits, double mass) {
  const Row p = softmax(logits);
  const double expected = entropy(p);
  Row distance(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) distance[i] = std::abs(-std::log(p[i]) - expected);
  auto order = ascending(distance);
  std::size_t last = 0;
  for (double sum = p[order[0]]; sum < mass && last + 1 < order.size();) sum += p[order[++last]];
  const double bar = distance[order[last]];
  for (std::size_t i = 0; i < p.size(); ++i) logits[i] = distance[i] > bar ? removed : logits[i];
}

inline void eta_cutoff(Row& logits, double epsilon) {
  cut_below(logits, std::min(epsilon, std::sqrt(epsilon) * std::exp(-entropy(softmax(logits)))));
}

/// From the logits after penalties and bans.
inline Row probabilities(Row logits, const ef::GenerationConfig& config) {
  if (config.temperature == 0) {
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    Row p(logits.size(), 0);
    p[static_cast<std::size_t>(best)] = 1;
    return p;
  }
  for (double& logit : logits) logit /= config.temperature;
  if (config.top_k > 0) top_k(logits, config.top_k);
  if (config.top_p < 1) top_p(logits, config.top_p);
  if (config.min_p > 0) min_p(logits, config.min_p);
  if (config.typical_p < 1) typical_p(logits, config.typical_p);
  if (config.epsilon_cutoff > 0) cut_below(logits, config.epsilon_cutoff);
  if (config.eta_cutoff > 0) eta_cutoff(logits, config.eta_cutoff);
  return softmax(logits);
}

}  // namespace naive
