// Low-rank adapters of a model: which matrices get one, adding them, taking them off, and merging them into
// the matrices. Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"; the adapter itself is
// LowRank in nn/linear.hpp.
//
// The matrices beneath stay as they are, in any format, mapped or owned: with adapters on an int8 or int4
// model this is QLoRA's arrangement (Dettmers et al. 2023).
#pragma once

#include <eigenformer/model/parameters.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct LoraConfig {
  Index rank = 8;
  double alpha = 16;  ///< the change is scaled by alpha / rank
  /// Which matrices of the blocks: "query", "key", "value", "out", "gate", "up", "down", more of their path
  /// ("cross.query", "encoder.blocks.0.attention.query"), "*" for any characters; or "all".
  std::vector<std::string> targets{"query", "value"};
  Seed seed{};
};

namespace detail {

/// Whether a text is what a pattern describes, in which "*" stands for any characters, or none.
inline bool glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = pattern.npos, after = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++after;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<Index>(p), pattern.end(), [](char c) { return c == '*'; });
}

/// Whether a target names this path, or the end of it from a dot on.
inline bool is_target(std::string_view target, std::string_view path) {
  if (target == "all") return true;
  for (std::size_t from = 0;; ++from) {
    if (glob(target, path.substr(from))) return true;
    from = path.find('.', from);
    if (from == path.npos) return false;
  }
}

/// The matrices that can have an adapter: those of the blocks that this architecture has.
template <class P, class F> void for_each_block_linear(P& parameters, F&& f) {
  for_each_linear(parameters, [&](const std::string& path, auto& linear) {
    if (path.find(".blocks.") != path.npos && !linear.weight.empty()) f(path, linear);
  });
}

}  // namespace detail

/// A new adapter for a matrix [out, in]: A uniform in ±1/√in (He et al. 2015's initialisation with a = √5, as
/// the peft library has it), B zero, so that nothing changes yet.
template <class S>
LowRank<S> new_adapter(Index out, Index in, Index rank, double alpha, const Random& random) {
  LowRank<S> adapter{Weight<S>(rank, in), Weight<S>(out, rank), S(alpha / static_cast<double>(rank))};
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  S* const a = adapter.a.values().data();
  for (Index i = 0; i < rank * in; ++i)
    a[i] = S(bound * (2 * random.uniform(static_cast<std::uint64_t>(i)) - 1));
  return adapter;
}

/// Adds adapters; those that a matrix already has are replaced. The same seed gives the same numbers on every
/// machine.
/// @throws ConfigError  for an alpha that is not positive, a rank below 1 or beyond a matrix's smaller side,
///                      no targets, or one that names no matrix; before anything changes
template <class S> void add_lora(Transformer<S>& p, const LoraConfig& config) {
  if (!(config.alpha > 0) || !std::isfinite(config.alpha))
    fail(ConfigError("alpha", concat("must be positive, is ", config.alpha)));
  if (config.rank < 1) fail(ConfigError("rank", concat("must be at least 1, is ", config.rank)));
  if (config.targets.empty()) fail(ConfigError("targets", "there are none"));
  const auto wanted = [&](const std::string& path) {
    return std::any_of(config.targets.begin(), config.targets.end(),
                       [&](const std::string& target) { return detail::is_target(target, path); });
  };
  std::vector<bool> named(config.targets.size());
  std::string known;
  detail::for_each_block_linear(p, [&](const std::string& path, const Linear<S>& linear) {
    for (std::size_t i = 0; i < named.size(); ++i)
      if (detail::is_target(config.targets[i], path)) named[i] = true;
    const std::string name = path.substr(path.rfind('.') + 1);
    if (known.find(name) == known.npos) known += (known.empty() ? "" : ", ") + name;
    const Index most = (std::min)(linear.weight.rows(), linear.weight.cols());
    if (wanted(path) && config.rank > most)
      fail(ConfigError("rank",
                       concat(config.rank, " exceeds the smaller side of ", path, ", which is ", most)));
  });
  for (std::size_t i = 0; i < named.size(); ++i)
    if (!named[i])
      fail(ConfigError("targets", concat("\"", printable(config.targets[i]),
                                         "\" names no matrix; this model has ", known)));
  std::uint64_t stream = 0x6c6f7261ULL << 32;  // apart from those of random_parameters
  detail::for_each_block_linear(p, [&](const std::string& path, Linear<S>& linear) {
    const Random random(config.seed, stream++);
    if (wanted(path))
      linear.lora =
          new_adapter<S>(linear.weight.rows(), linear.weight.cols(), config.rank, config.alpha, random);
  });
}

/// Whether any matrix has an adapter.
template <class S> bool has_lora(const Transformer<S>& p) {
  bool any = false;
  for_each_linear(p, [&](const std::string&, const Linear<S>& linear) { any = any || !linear.lora.empty(); });
  return any;
}

/// Numbers that the adapters hold.
template <class S> Index count_lora(const Transformer<S>& p) {
  Index n = 0;
  for_each_linear(p, [&](const std::string&, const Linear<S>& linear) { n += count(linear.lora); });
  return n;
}

/// Takes the adapters off and returns them, in the order of their matrices: the model is its base again.
template <class S> std::vector<LowRank<S>> take_lora(Transformer<S>& p) {
  std::vector<LowRank<S>> all;
  for_each_linear(p, [&](const std::string&, Linear<S>& linear) {
    all.push_back(std::exchange(linear.lora, LowRank<S>{}));
  });
  return all;
}

/// Puts back what take_lora took.
template <class S> void put_lora(Transformer<S>& p, std::vector<LowRank<S>> all) {
  std::size_t i = 0;
  for_each_linear(p, [&](const std::string&, Linear<S>& linear) { linear.lora = std::move(all.at(i++)); });
}

/// W += scale · B · A for each adapter, which is then gone. The matrices that have one become the model's
/// own, in the format of S. Until here the base was not touched.
template <class S> void merge_lora(Transformer<S>& p, Run& run) {
  for_each_linear(p, [&](const std::string&, Linear<S>& linear) {
    if (linear.lora.empty()) return;
    const LowRank<S> adapter = std::exchange(linear.lora, LowRank<S>{});
    Matrix<S> w = linear.weight.dense();
    const Matrix<S> b = adapter.b.dense() * adapter.scale;
    product_input_gradient<S>(run, adapter.a, b, w);  // w += b · a
    linear.weight = Weight<S>(std::move(w));
  });
}

EIGENFORMER_ONCE(model, void add_lora<float>(Transformer<float>&, const LoraConfig&));
EIGENFORMER_ONCE(model, void merge_lora<float>(Transformer<float>&, Run&));
EIGENFORMER_ONCE(model, void add_lora<double>(Transformer<double>&, const LoraConfig&));
EIGENFORMER_ONCE(model, void merge_lora<double>(Transformer<double>&, Run&));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
