// AdamW, SGD with momentum and Adafactor, each by the formulas of its reference implementation.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/matrix.hpp>
#include <eigenformer/train/leaf.hpp>

#include <functional>
#include <utility>
#include <variant>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Loshchilov & Hutter 2017, "Decoupled Weight Decay Regularization", as PyTorch computes it:
///   p −= rate · λ · p;   m = β₁ m + (1 − β₁) g;   v = β₂ v + (1 − β₂) g²
///   p −= rate · m / (1 − β₁ᵗ) / (√v / √(1 − β₂ᵗ) + ε)
struct AdamW {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0.01;
};

/// As PyTorch computes it: g += λ · p;  m = μ m + g (first m = g);  p −= rate · m, or rate · (g + μ m).
struct Sgd {
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0.0;
};

/// Shazeer & Stern 2018, "Adafactor", with the rate given from outside. Second moments of a matrix are kept
/// as one number a row and one a column; there is no first moment:
///   β = 1 − t^(−decay);   r = β r + (1 − β) mean_c(g² + ε₁);   c likewise over rows
///   u = g · √(mean(r) / (r c));   u /= max(1, rms(u) / clip)
///   p −= rate · λ · p;   p −= rate · u        with rate · max(ε₂, rms(p)) for rate where `relative`
struct Adafactor {
  double decay = 0.8, epsilon1 = 1e-30, epsilon2 = 1e-3, clip = 1.0;
  bool relative = false;
  double weight_decay = 0.0;
};

using OptimizerConfig = std::variant<AdamW, Sgd, Adafactor>;

/// Which parameters decay: given a parameter's path and whether it is a matrix.
using DecayRule = std::function<bool(const std::string& path, bool matrix)>;

/// The usual rule: matrices decay, biases and the weights of norms do not.
inline bool decay_matrices(const std::string&, bool matrix) { return matrix; }

/// Changes parameters by their gradients, step after step. Lists of leaves always come in the same order.
template <class S> class Optimizer {
 public:
  /// What is kept of a parameter between steps, empty where the optimiser needs none or it is frozen:
  /// AdamW m and v; Sgd m; Adafactor r [rows] and c [columns], of vectors v in `second` alone.
  struct State {
    Matrix<S> first, second;
  };

  explicit Optimizer(OptimizerConfig config, DecayRule decays = decay_matrices)
      : config_(std::move(config)), decays_(std::move(decays)) {}

  /// One update with this learning rate. A leaf without a gradient is frozen.
  /// @throws InputError  where a gradient has another size than its parameter, before anything changes
  void step(Run& run, const std::vector<Leaf<S>>& parameters, const std::vector<Leaf<S>>& gradient,
            double rate);

  Index steps() const { return steps_; }
  const std::vector<State>& states() const { return states_; }

  /// Goes on where another optimiser of the same kind stood.
  /// @throws InputError  for states that are not of these parameters, or of others than those that learn
  void restore(Index steps, std::vector<State> states, const std::vector<Leaf<S>>& parameters,
               const std::vector<Leaf<S>>& gradient);

 private:
  using V = lanes::Vector<S>;
  static constexpr Index grain = 1 << 12;  // numbers that are worth a thread

  template <class Config> double decay_of(const Config& config, const Leaf<S>& p) const {
    return decays_(p.path, p.matrix) ? config.weight_decay : 0.0;
  }
  static bool shaped(const Matrix<S>& m, Index rows, Index columns) {
    return m.rows() == rows && m.cols() == columns;
  }
  static bool fits(const AdamW&, const Leaf<S>& p, const State& s) {
    return shaped(s.first, p.rows, p.columns) && shaped(s.second, p.rows, p.columns);
  }
  static bool fits(const Sgd&, const Leaf<S>& p, const State& s) {
    return shaped(s.first, p.rows, p.columns) && s.second.size() == 0;
  }
  static bool fits(const Adafactor&, const Leaf<S>& p, const State& s) {
    return p.matrix ? shaped(s.first, p.rows, 1) && shaped(s.second, 1, p.columns)
                    : s.first.size() == 0 && shaped(s.second, p.rows, p.columns);
  }
  static void prepare(Matrix<S>& moment, const Leaf<S>& p) {
    if (moment.size() == 0) moment = Matrix<S>::Zero(p.rows, p.columns);
  }
  /// body(first, n) over parts that stay in the first-level cache.
  template <class Body> static void parts(Run& run, Index size, Body&& body) {
    constexpr Index part = 1 << 10;
    run.threads.slices(size, grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; i += part) body(i, (std::min)(part, end - i));
    });
  }

  void update(Run& run, const AdamW& c, const Leaf<S>& p, const S* gradient, State& state, double rate);

  void update(Run& run, const Sgd& c, const Leaf<S>& p, const S* gradient, State& state, double rate);

  /// On the calling thread: its sums go over whole matrices.
  void update(Run& run, const Adafactor& c, const Leaf<S>& p, const S* gradient, State& state, double rate);

  OptimizerConfig config_;
  DecayRule decays_;
  Index steps_ = 0;
  std::vector<State> states_;
};

template <class S>
void Optimizer<S>::step(Run& run, const std::vector<Leaf<S>>& parameters,
                        const std::vector<Leaf<S>>& gradient, double rate) {
  if (parameters.size() != gradient.size())
    fail(InputError(concat(gradient.size(), " gradients for ", parameters.size(), " parameters")));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (gradient[i].size() != 0 && gradient[i].size() != parameters[i].size())
      fail(InputError(concat("the gradient of ", parameters[i].path, " has ", gradient[i].size(),
                             " numbers, not ", parameters[i].size())));
  states_.resize(parameters.size());
  ++steps_;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (gradient[i].size() != 0)
      std::visit(
          [&](const auto& config) {
            update(run, config, parameters[i], gradient[i].values, states_[i], rate);
          },
          config_);
}

template <class S>
void Optimizer<S>::restore(Index steps, std::vector<State> states, const std::vector<Leaf<S>>& parameters,
                           const std::vector<Leaf<S>>& gradient) {
  if (steps < 0 || states.size() != (steps ? parameters.size() : 0))
    fail(InputError(
        concat(states.size(), " states after ", steps, " steps for ", parameters.size(), " parameters")));
  for (std::size_t i = 0; i < states.size(); ++i) {
    const bool kept = states[i].first.size() || states[i].second.size();
    if (kept != (gradient[i].size() > 0))
      fail(InputError(concat("the optimiser has ", kept ? "a" : "no", " state of ", parameters[i].path,
                             ", which is ", kept ? "frozen" : "trained")));
    if (kept && !std::visit([&](const auto& c) { return fits(c, parameters[i], states[i]); }, config_))
      fail(InputError(concat("the optimiser's state of ", parameters[i].path, " is that of another ",
                             "parameter or optimiser")));
  }
  steps_ = steps;
  states_ = std::move(states);
}

template <class S>
void Optimizer<S>::update(Run& run, const AdamW& c, const Leaf<S>& p, const S* gradient, State& state,
                          double rate) {
  prepare(state.first, p);
  prepare(state.second, p);
  const auto t = static_cast<double>(steps_);
  const V keep(S(1 - rate * decay_of(c, p)));
  const V beta1(S(c.beta1)), rest1(S(1 - c.beta1)), beta2(S(c.beta2)), rest2(S(1 - c.beta2));
  const V step_size(S(rate / (1 - std::pow(c.beta1, t)))), epsilon(S(c.epsilon));
  const V inverse(S(1 / std::sqrt(1 - std::pow(c.beta2, t))));
  parts(run, p.size(), [&](Index i, Index n) {
    S *const m = state.first.data() + i, *const v = state.second.data() + i;
    map(
        n, m, [&](const V& a, const V& g) { return beta1 * a + rest1 * g; }, m, gradient + i);
    map(
        n, v, [&](const V& a, const V& g) { return beta2 * a + rest2 * g * g; }, v, gradient + i);
    map(
        n, p.values + i,
        [&](const V& x, const V& a, const V& b) {
          return x * keep - step_size * a / (sqrt(b) * inverse + epsilon);
        },
        p.values + i, m, v);
  });
}

template <class S>
void Optimizer<S>::update(Run& run, const Sgd& c, const Leaf<S>& p, const S* gradient, State& state,
                          double rate) {
  prepare(state.first, p);
  const V decay(S(decay_of(c, p))), momentum(S(c.momentum)), step_size{S(rate)};
  parts(run, p.size(), [&](Index i, Index n) {
    S *const m = state.first.data() + i, *const x = p.values + i;
    map(
        n, m, [&](const V& a, const V& g, const V& w) { return momentum * a + (g + decay * w); }, m,
        gradient + i, x);
    map(
        n, x,
        [&](const V& w, const V& a, const V& g) {
          return w - step_size * (c.nesterov ? g + decay * w + momentum * a : a);
        },
        x, m, gradient + i);
  });
}

template <class S>
void Optimizer<S>::update(Run& run, const Adafactor& c, const Leaf<S>& p, const S* gradient, State& state,
                          double rate) {
  const Index rows = p.rows, columns = p.columns;
  const double beta = 1 - std::pow(static_cast<double>(steps_), -c.decay);
  const S keep = S(beta), rest = S(1 - beta), tiny = S(c.epsilon1);
  const Workspace::Frame frame(run.workspace);
  auto u = run.workspace.matrix<S>(rows, columns);  // first g² + ε₁, then the update
  const Eigen::Map<const Matrix<S>> g(gradient, rows, columns);
  Eigen::Map<Matrix<S>> x(p.values, rows, columns);
  if (p.matrix) {
    if (state.first.size() == 0) {
      state.first = Matrix<S>::Zero(rows, 1);
      state.second = Matrix<S>::Zero(1, columns);
    }
    u = g.cwiseAbs2();
    u.array() += tiny;
    state.first = keep * state.first + (rest / S(static_cast<double>(columns))) * u.rowwise().sum();
    state.second = keep * state.second + (rest / S(static_cast<double>(rows))) * u.colwise().sum();
    const S mean = state.first.mean();
    for (Index r = 0; r < rows; ++r)
      u.row(r) =
          g.row(r).cwiseProduct((state.second * (state.first(r, 0) / mean)).cwiseSqrt().cwiseInverse());
  } else {
    prepare(state.second, p);
    state.second = keep * state.second + rest * (g.array().square() + tiny).matrix();
    u = g.cwiseQuotient(state.second.cwiseSqrt());
  }
  const auto rms = [&](double squares) { return std::sqrt(squares / static_cast<double>(p.size())); };
  const double scale = c.relative ? (std::max)(c.epsilon2, rms(static_cast<double>(x.squaredNorm()))) : 1.0;
  const double step_size = rate * scale;
  const double shorter = (std::max)(1.0, rms(static_cast<double>(u.squaredNorm())) / c.clip);
  x = S(1 - step_size * decay_of(c, p)) * x - S(step_size / shorter) * u;
}

EIGENFORMER_ONCE(train, class Optimizer<float>);
EIGENFORMER_ONCE(train, class Optimizer<double>);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
