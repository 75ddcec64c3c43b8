// A transformer stack written down a second time: plain loops in double precision over whole [T, T] matrices,
// without caches, blocks of keys, or anything of the library but its config and its stored parameters.
#pragma once

#include <eigenformer/model/parameters.hpp>

#include <cmath>
#include <complex>
#include <span>
#include <vector>

namespace naive {

namespace ef = eigenformer;
using ef::Index;
using M = ef::Matrix<double>;

struct Result {
  std::vector<M> hidden;                  ///< after the embeddings and after each block, none normed
  std::vector<std::vector<M>> attention;  ///< [layer][head]: [queries, keys]
  M normed;                               ///< the last of `hidden` after the final norm
  M logits;
};

template <class S> struct Model {
  const ef::ModelConfig& c;
  const ef::Transformer<S>& p;
  const ef::Stack<S>& stack;
  bool causal = true;

  static M linear(const ef::Weight<S>& weight, const ef::RowVector<S>& bias, const M& x) {
    const ef::Matrix<S> w = weight.dense();
    M y(x.rows(), w.rows());
    for (Index r = 0; r < x.rows(); ++r)
      for (Index o = 0; o < w.rows(); ++o) {
        double sum = bias.size() ? static_cast<double>(bias[o]) : 0;
        for (Index i = 0; i < w.cols(); ++i) sum += x(r, i) * static_cast<double>(w(o, i));
        y(r, o) = sum;
      }
    return y;
  }
  static M linear(const ef::Linear<S>& l, const M& x) { return linear(l.weight, l.bias, x); }

  M norm(const ef::Norm<S>& n, const M& x) const {
    M y(x.rows(), x.cols());
    const auto size = static_cast<double>(x.cols());
    for (Index r = 0; r < x.rows(); ++r) {
      double mean = 0, variance = 0;
      if (c.norm.kind == ef::NormKind::layer)
        for (Index i = 0; i < x.cols(); ++i) mean += x(r, i) / size;
      for (Index i = 0; i < x.cols(); ++i) variance += std::pow(x(r, i) - mean, 2) / size;
      for (Index i = 0; i < x.cols(); ++i)
        y(r, i) = (x(r, i) - mean) / std::sqrt(variance + c.norm.epsilon) *
                      (static_cast<double>(n.weight[i]) + c.norm.offset) +
                  (n.bias.size() ? static_cast<double>(n.bias[i]) : 0);
    }
    return y;
  }

  double activation(double x) const {
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    switch (c.activation) {
      case ef::Activation::gelu: return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
      case ef::Activation::gelu_tanh:
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
      case ef::Activation::gelu_quick: return x * sigmoid(1.702 * x);
      case ef::Activation::relu: return x > 0 ? x : 0;
      case ef::Activation::relu_squared: return x > 0 ? x * x : 0;
      case ef::Activation::silu: return x * sigmoid(x);
      case ef::Activation::mish: return x * std::tanh(std::log1p(std::exp(x)));
      case ef::Activation::tanh: return std::tanh(x);
      case ef::Activation::sigmoid: return sigmoid(x);
    }
    return 0;
  }

  M feed_forward(const ef::FeedForward<S>& f, const M& x) const {
    M up = linear(f.up, x);
    const M gate = c.gated ? linear(f.gate, x) : up;
    for (Index r = 0; r < up.rows(); ++r)
      for (Index i = 0; i < up.cols(); ++i)
        up(r, i) = c.gated ? activation(gate(r, i)) * up(r, i) : activation(up(r, i));
    return linear(f.down, up);
  }

  /// Every head of x turned by its row's position: pairs of columns as complex numbers.
  void rotate(M& x) const {
    const Index size = c.head_size ? c.head_size : c.d_model / c.n_heads;
    const Index turning = c.rotary.dimensions ? c.rotary.dimensions : size;
    for (Index r = 0; r < x.rows(); ++r)
      for (Index head = 0; head < x.cols() / size; ++head)
        for (Index j = 0; j < turning / 2; ++j) {
          const bool halves = c.rotary.pairing == ef::RotaryPairing::halves;
          const Index a = head * size + (halves ? j : 2 * j);
          const Index b = head * size + (halves ? j + turning / 2 : 2 * j + 1);
          const double angle =
              static_cast<double>(r) /
              std::pow(c.rotary.base, 2 * static_cast<double>(j) / static_cast<double>(turning));
          const auto z = std::complex<double>(x(r, a), x(r, b)) * std::polar(1.0, angle);
          x(r, a) = z.real();
          x(r, b) = z.imag();
        }
  }

  /// Slopes as the authors of ALiBi compute them, by halving the problem.
  static std::vector<double> slopes(Index heads) {
    Index power = 1;
    while (2 * power <= heads) power *= 2;
    if (power == heads) {
      std::vector<double> all;
      const double first = std::pow(2.0, -std::pow(2.0, -(std::log2(static_cast<double>(heads)) - 3)));
      for (Index i = 0; i < heads; ++i) all.push_back(std::pow(first, static_cast<double>(i + 1)));
      return all;
    }
    std::vector<double> all = slopes(power);
    const std::vector<double> finer = slopes(2 * power);
    for (std::size_t i = 0; static_cast<Index>(all.size()) < heads; i += 2) all.push_back(finer[i]);
    return all;
  }

  Index bucket(Index distance) const {
    Index half = c.relative_buckets.count, base = 0;
    if (!causal) {
      half /= 2;
      if (distance > 0) base = half;
    }
    const Index away = causal ? (distance > 0 ? 0 : -distance) : (distance < 0 ? -distance : distance);
    const Index exact = half / 2;
    if (away < exact) return base + away;
    const auto ratio = [&](Index n) { return std::log(static_cast<double>(n) / static_cast<double>(exact)); };
    const auto further = static_cast<Index>(ratio(away) / ratio(c.relative_buckets.max_distance) *
                                            static_cast<double>(half - exact));
    return base + (exact + further < half ? exact + further : half - 1);
  }

  M attention(const ef::Attention<S>& a, Index layer, const M& x, std::vector<M>& kept) const {
    M q = linear(a.query, x), k = linear(a.key, x);
    const M v = linear(a.value, x);
    if (c.positions == ef::Positions::rotary) {
      rotate(q);
      rotate(k);
    }
    const Index size = c.head_size ? c.head_size : c.d_model / c.n_heads;
    const Index groups = c.n_key_value_heads ? c.n_key_value_heads : c.n_heads;
    const double scale = c.score_scale > 0 ? c.score_scale : 1 / std::sqrt(static_cast<double>(size));
    const ef::Matrix<S> table = stack.relative_bias.dense();
    M mixed = M::Zero(x.rows(), c.n_heads * size);
    for (Index head = 0; head < c.n_heads; ++head) {
      const Index group = head * groups / c.n_heads;
      M weights = M::Zero(x.rows(), x.rows());
      for (Index i = 0; i < x.rows(); ++i) {
        const auto seen = [&](Index j) {
          const bool windowed = c.window > 0 && layer % c.window_every == 0;
          return !causal || (j <= i && (!windowed || i - j < c.window));
        };
        double total = 0;
        for (Index j = 0; j < x.rows(); ++j) {
          if (!seen(j)) continue;
          double score = 0;
          for (Index d = 0; d < size; ++d) score += q(i, head * size + d) * k(j, group * size + d);
          score *= scale;
          if (c.score_cap > 0) score = c.score_cap * std::tanh(score / c.score_cap);
          if (c.positions == ef::Positions::alibi)
            score += slopes(c.n_heads)[static_cast<std::size_t>(head)] * static_cast<double>(j - i);
          if (c.positions == ef::Positions::relative_buckets)
            score += static_cast<double>(table(bucket(j - i), head));
          weights(i, j) = std::exp(score);
          total += weights(i, j);
        }
        for (Index j = 0; j < x.rows(); ++j) {
          weights(i, j) /= total;
          for (Index d = 0; d < size; ++d)
            mixed(i, head * size + d) += weights(i, j) * v(j, group * size + d);
        }
      }
      kept.push_back(weights);
    }
    return linear(a.out, mixed);
  }

  M block(const ef::Block<S>& b, Index layer, const M& x, std::vector<M>& kept) const {
    const auto attend = [&](const M& h) { return attention(b.attention, layer, h, kept); };
    const auto feed = [&](const M& h) { return feed_forward(b.feed_forward, h); };
    switch (c.branches) {
      case ef::Branches::parallel_one_norm: {
        const M h = norm(b.attention_norm, x);
        return x + attend(h) + feed(h);
      }
      case ef::Branches::parallel_two_norms:
        return x + attend(norm(b.attention_norm, x)) + feed(norm(b.feed_forward_norm, x));
      case ef::Branches::sequential: break;
    }
    switch (c.norm_placement) {
      case ef::NormPlacement::after: {
        const M y = norm(b.attention_norm, x + attend(x));
        return norm(b.feed_forward_norm, y + feed(y));
      }
      case ef::NormPlacement::both: {
        const M y = x + norm(b.attention_post_norm, attend(norm(b.attention_norm, x)));
        return y + norm(b.feed_forward_post_norm, feed(norm(b.feed_forward_norm, y)));
      }
      case ef::NormPlacement::before: break;
    }
    const bool normed = c.residual_source == ef::ResidualSource::normed;
    const M h = norm(b.attention_norm, x);
    const M y = (normed ? h : x) + attend(h);
    const M g = norm(b.feed_forward_norm, y);
    return (normed ? g : y) + feed(g);
  }

  M embed(std::span<const ef::Token> tokens) const {
    const ef::Matrix<S> table = p.tokens.dense(), positions = stack.positions.dense();
    const ef::Matrix<S> types = stack.token_types.dense();
    M x(static_cast<Index>(tokens.size()), c.d_model);
    for (Index r = 0; r < x.rows(); ++r)
      for (Index i = 0; i < c.d_model; ++i) {
        double value = c.embedding_scale * static_cast<double>(table(tokens[static_cast<std::size_t>(r)], i));
        if (c.positions == ef::Positions::learned)
          value += static_cast<double>(positions(c.position_offset + r, i));
        if (c.positions == ef::Positions::sinusoidal) {
          const double angle = static_cast<double>(r) / std::pow(10000.0, static_cast<double>(i - i % 2) /
                                                                              static_cast<double>(c.d_model));
          value += i % 2 ? std::cos(angle) : std::sin(angle);
        }
        if (c.token_types) value += static_cast<double>(types(0, i));
        x(r, i) = value;
      }
    return c.embedding_norm ? norm(stack.embedding_norm, x) : x;
  }

  Result operator()(std::span<const ef::Token> tokens) const {
    Result out;
    out.hidden.push_back(embed(tokens));
    for (std::size_t layer = 0; layer < stack.blocks.size(); ++layer) {
      auto& kept = out.attention.emplace_back();
      out.hidden.push_back(block(stack.blocks[layer], static_cast<Index>(layer), out.hidden.back(), kept));
    }
    out.normed = c.final_norm ? norm(stack.final_norm, out.hidden.back()) : out.hidden.back();
    const auto& head = p.head.output;
    out.logits = linear(c.tied_embeddings ? p.tokens : head.weight, head.bias, out.normed);
    for (Index r = 0; r < out.logits.rows(); ++r)
      for (Index i = 0; i < out.logits.cols(); ++i) {
        double& logit = out.logits(r, i);
        logit *= c.logits_scale;
        if (c.logits_cap > 0) logit = c.logits_cap * std::tanh(logit / c.logits_cap);
      }
    return out;
  }
};

}  // namespace naive
