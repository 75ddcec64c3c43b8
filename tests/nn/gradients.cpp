#include "support/finite_differences.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/nn/attention_backward.hpp>
#include <eigenformer/nn/block.hpp>

#include <doctest/doctest.h>

namespace nn_gradients {

namespace ef = eigenformer;
using ef::Index;
using support::gradient_error;
using support::Machine;
using support::parameters_error;
using support::random_matrix;
using M = ef::Matrix<double>;

namespace {

constexpr double most = 1e-8;

ef::Linear<double> linear(Index out, Index in, bool bias, unsigned seed) {
  ef::Linear<double> p;
  p.weight = ef::Weight<double>(random_matrix<double>(out, in, seed));
  if (bias) p.bias = random_matrix<double>(1, out, seed + 1);
  return p;
}
ef::Linear<double> zeros(const ef::Linear<double>& p) {
  ef::Linear<double> g;
  g.weight = ef::Weight<double>(p.weight.rows(), p.weight.cols());
  g.bias = ef::RowVector<double>::Zero(p.bias.size());
  return g;
}
ef::Norm<double> zeros(const ef::Norm<double>& p) {
  return {ef::RowVector<double>::Zero(p.weight.size()), ef::RowVector<double>::Zero(p.bias.size())};
}
ef::Attention<double> attention(Index width, Index source, Index queries, Index keys, bool bias) {
  return {linear(queries, width, bias, 1), linear(keys, source, bias, 3), linear(keys, source, bias, 5),
          linear(width, queries, bias, 7)};
}
ef::Attention<double> zeros(const ef::Attention<double>& p) {
  return {zeros(p.query), zeros(p.key), zeros(p.value), zeros(p.out)};
}
ef::FeedForward<double> feed_forward(Index width, Index inner, bool gated, bool bias) {
  ef::FeedForward<double> p{{}, linear(inner, width, bias, 11), linear(width, inner, bias, 13)};
  if (gated) p.gate = linear(inner, width, bias, 15);
  return p;
}
ef::FeedForward<double> zeros(const ef::FeedForward<double>& p) {
  return {zeros(p.gate), zeros(p.up), zeros(p.down)};
}

}  // namespace

TEST_CASE("the gradients of a linear layer are its slopes, and are added to what is there") {
  Machine machine(2);
  for (const bool bias : {true, false}) {
    ef::Linear<double> p = linear(5, 9, bias, 1), grad = zeros(p);
    M x = random_matrix<double>(4, 9, 3), y(4, 5);
    const M dy = random_matrix<double>(4, 5, 4);
    const auto f = [&] {
      ef::forward<double>(p, machine.run, x, y);
      return y.cwiseProduct(dy).sum();
    };
    M dx = M::Constant(4, 9, 2.0);
    ef::backward<double>(p, machine.run, x, dy, dx, grad);
    dx.array() -= 2.0;
    CHECK(gradient_error(x.data(), dx.data(), x.size(), f) < most);
    CHECK(parameters_error(p, grad, f) < most);
    const M once = grad.weight.dense();
    ef::parameter_gradient<double>(machine.run, x, dy, grad);
    CHECK(support::distance<double>(grad.weight.dense(), 2 * once) < 1e-14);
    ef::Linear<double> frozen;
    ef::backward<double>(p, machine.run, x, dy, dx, frozen);
    CHECK(frozen.weight.empty());
  }
}

TEST_CASE("the gradients of norms of both kinds, with and without bias and offset, are their slopes") {
  Machine machine(2);
  for (const auto kind : {ef::NormKind::layer, ef::NormKind::rms})
    for (const double offset : {0.0, 1.0})
      for (const bool bias : {true, false}) {
        const ef::ModelConfig::Norm config{.kind = kind, .epsilon = 1e-3, .offset = offset};
        ef::Norm<double> p{random_matrix<double>(1, 11, 1), {}};
        if (bias) p.bias = random_matrix<double>(1, 11, 2);
        ef::Norm<double> grad = zeros(p);
        M x = random_matrix<double>(70, 11, 3), y(70, 11), dx = M::Zero(70, 11);
        const M dy = random_matrix<double>(70, 11, 4);
        const auto f = [&] {
          ef::forward<double>(p, config, machine.run, x, y);
          return y.cwiseProduct(dy).sum();
        };
        ef::backward<double>(p, config, machine.run, x, dy, dx, grad);
        CHECK(gradient_error(x.data(), dx.data(), x.size(), f, 7) < most);
        CHECK(parameters_error(p, grad, f) < most);
      }
}

TEST_CASE("the gradients of feed-forward layers with every activation, plain and gated, are their slopes") {
  Machine machine(2);
  for (int kind = 0; kind <= static_cast<int>(ef::Activation::sigmoid); ++kind)
    for (const bool gated : {false, true}) {
      CAPTURE(kind);
      CAPTURE(gated);
      ef::ModelConfig config;
      config.activation = static_cast<ef::Activation>(kind);
      config.gated = gated;
      ef::FeedForward<double> p = feed_forward(6, 10, gated, true), grad = zeros(p);
      M x = random_matrix<double>(5, 6, 8), y(5, 6), dx = M::Zero(5, 6);
      const M dy = random_matrix<double>(5, 6, 4);
      ef::FeedForwardSaved<double> saved;
      const auto f = [&] {
        ef::forward<double>(p, config, machine.run, x, y, false, &saved);
        return y.cwiseProduct(dy).sum();
      };
      f();
      const ef::FeedForwardSaved<double> kept = saved;
      ef::backward<double>(p, config, machine.run, kept, x, dy, dx, grad);
      CHECK(gradient_error(x.data(), dx.data(), x.size(), f) < most);
      CHECK(parameters_error(p, grad, f) < most);
    }
}

namespace {

/// Attention of sequences of these lengths, over themselves or over memories of other lengths.
struct Case {
  ef::AttentionRule<double> rule;
  std::vector<Index> lengths, memories;  // no memories: self-attention
  bool rotary = false, buckets = false;
  Index step = 1;  // which of the numbers are compared
};

void check_attention(Case c) {
  Machine machine(3);
  constexpr Index width = 9, source_width = 7;
  const bool self = c.memories.empty();
  ef::ModelConfig config;
  config.head_size = c.rule.head_size;
  config.positions = ef::Positions::rotary;
  ef::Attention<double> p = attention(width, self ? width : source_width, c.rule.heads * c.rule.head_size,
                                      c.rule.key_value_heads * c.rule.head_size, true);
  ef::Attention<double> grad = zeros(p);
  std::vector<ef::AttentionRows> rows;
  Index total = 0, keys = 0, longest = 0;
  for (std::size_t s = 0; s < c.lengths.size(); ++s) {
    const Index count = self ? c.lengths[s] : c.memories[s];
    rows.push_back({total, c.lengths[s], keys, count});
    total += c.lengths[s];
    keys += count;
    longest = (std::max)({longest, c.lengths[s], count});
  }
  M h = random_matrix<double>(total, width, 2), y(total, width);
  M source = self ? M() : random_matrix<double>(keys, source_width, 3);
  const M dy = random_matrix<double>(total, width, 4);
  M turns(total, c.rotary ? c.rule.head_size : 0);
  const double frequencies[] = {1.0, 0.3, 0.1, 0.03};
  for (const auto& s : rows)
    for (Index r = 0; r < s.rows && c.rotary; ++r)
      ef::rotary_row<double>({frequencies, static_cast<std::size_t>(c.rule.head_size / 2)}, 1.1, r,
                             turns.data() + (s.first + r) * turns.cols());
  M table = random_matrix<double>(c.rule.heads, c.buckets ? 2 * longest - 1 : 0, 5);
  M d_table = M::Zero(table.rows(), table.cols());
  const ef::ScoreBias<double> bias{{}, table.data(), table.cols(), 1 - longest};
  if (c.buckets) c.rule.bias = &bias;
  ef::AttentionSaved<double> saved;
  const auto f = [&] {
    const M& from = self ? h : source;
    std::vector<ef::AttentionSequence<double>> sequences;
    std::vector<const void*> pages(rows.size());
    const auto point = [&](ef::View<double> k, ef::View<double> v) {
      for (std::size_t s = 0; s < rows.size(); ++s) {
        pages[s] = k.data() + rows[s].first_key * k.cols();
        sequences[s].memory = {&pages[s], rows[s].keys,     0,           v.data() - k.data(),
                               k.cols(),  c.rule.head_size, rows[s].keys};
      }
    };
    for (const auto& s : rows) sequences.push_back({s.first, s.rows, 0, {}});
    if (self) {
      ef::forward<double>(
          p, c.rule, config, machine.run, turns, sequences, h, y, false,
          [&](ef::View<double>, ef::View<double> k, ef::View<double> v) { point(k, v); }, &saved);
    } else {
      M k(keys, p.key.weight.rows()), v(keys, p.key.weight.rows());
      ef::forward<double>(p.key, machine.run, from, k);
      ef::forward<double>(p.value, machine.run, from, v);
      point(k, v);
      ef::forward_source<double>(
          p, c.rule, machine.run, sequences, h, y, false,
          [&](ef::View<double> queries) { saved.keep(queries, k, v, c.rule.heads); }, &saved);
    }
    return y.cwiseProduct(dy).sum();
  };
  f();
  M dh = M::Zero(total, width), d_source = M::Zero(keys, source_width);
  ef::backward<double>(p, c.rule, config, machine.run, turns, rows, saved, h, self ? h : source, dy, dh,
                       self ? dh : d_source, grad, c.buckets ? d_table.data() : nullptr);
  CHECK(gradient_error(h.data(), dh.data(), h.size(), f, c.step) < most);
  CHECK(gradient_error(source.data(), d_source.data(), source.size(), f, c.step) < most);
  CHECK(parameters_error(p, grad, f, c.step) < most);
  CHECK(gradient_error(table.data(), d_table.data(), table.size(), f, c.step) < most);
}

ef::AttentionRule<double> rule(Index heads, Index groups, Index size, bool causal) {
  ef::AttentionRule<double> r;
  r.heads = heads;
  r.key_value_heads = groups;
  r.head_size = size;
  r.scale = 0.4;
  r.causal = causal;
  return r;
}

}  // namespace

TEST_CASE("the gradients of attention are its slopes: every rule, alone and over another sequence") {
  for (const Index groups : {4, 2, 1}) {
    CAPTURE(groups);
    Case plain{rule(4, groups, 6, true), {7, 1, 5}, {}};
    check_attention(plain);
    Case windowed = plain;
    windowed.rule.window = 3;
    windowed.rotary = true;
    check_attention(windowed);
    Case capped = plain;
    capped.rule.cap = 0.8;
    capped.buckets = true;
    check_attention(capped);
    check_attention({rule(4, groups, 6, false), {4, 6}, {}, true, true});
    check_attention({rule(4, groups, 5, false), {4, 6}, {9, 2}, false, true});
  }
  const M slopes = random_matrix<double>(1, 2, 9);
  ef::ScoreBias<double> alibi;
  alibi.slopes = slopes;
  Case sloped{rule(2, 2, 4, true), {6}, {}};
  sloped.rule.bias = &alibi;
  check_attention(sloped);
  M added = random_matrix<double>(6, 6, 10);
  added.triangularView<Eigen::StrictlyUpper>().setConstant(-INFINITY);
  Case masked{rule(2, 1, 4, false), {6}, {}};
  masked.rule.added = added.data();
  check_attention(masked);
}

TEST_CASE("the gradients of attention hold across blocks of queries and of keys") {
  Case causal{rule(2, 1, 4, true), {150, 40}, {}};
  causal.step = 97;
  check_attention(causal);
  causal.rule.window = 20;
  causal.buckets = true;
  check_attention(causal);
  Case cross{rule(2, 2, 4, false), {40, 3}, {290, 130}};
  cross.step = 97;
  check_attention(cross);
}

TEST_CASE_TEMPLATE("gradients of attention have the same bits on any number of threads, in any batch", S,
                   float, double) {
  constexpr Index heads = 4, groups = 2, size = 6, width = heads * size;
  ef::AttentionRule<S> r;
  r.heads = heads;
  r.key_value_heads = groups;
  r.head_size = size;
  const Index lengths[] = {40, 3, 150};
  Machine one(1), several(3);
  ef::AttentionSaved<S> saved;
  const auto m = [&](Index columns, unsigned seed) { return random_matrix<S>(193, columns, seed); };
  saved.keep(m(width, 1), m(groups * size, 2), m(groups * size, 3), heads);
  saved.mixed = m(width, 4);
  for (Index i = 0; i < saved.statistics.size(); ++i) saved.statistics.data()[i] = S(i % 2 ? 0.03 : 1.5);
  const ef::Matrix<S> dy = m(width, 5);
  std::vector<ef::AttentionRows> rows;
  Index at = 0;
  for (const Index n : lengths) {
    rows.push_back({at, n, at, n});
    at += n;
  }
  const auto gradients = [&](Machine& machine, std::span<const ef::AttentionRows> some, ef::Matrix<S>& dq,
                             ef::Matrix<S>& dk, ef::Matrix<S>& dv) {
    ef::attend_backward<S>(r, machine.run, some, saved, dy, dq, dk, dv);
  };
  ef::Matrix<S> q1 = ef::Matrix<S>::Zero(193, width), k1 = ef::Matrix<S>::Zero(193, groups * size), v1 = k1;
  ef::Matrix<S> q2 = q1, k2 = k1, v2 = k1, q3 = q1, k3 = k1, v3 = k1;
  gradients(one, rows, q1, k1, v1);
  gradients(several, rows, q2, k2, v2);
  for (const auto& sequence : rows) gradients(several, {&sequence, 1}, q3, k3, v3);
  for (const auto& [a, b] : {std::pair{&q1, &q2}, {&k1, &k2}, {&v1, &v2}, {&q1, &q3}, {&k1, &k3}, {&v1, &v3}})
    CHECK(support::same_bits<S>(*a, *b));
  CHECK(q1.cwiseAbs().maxCoeff() > S(0));
}

}  // namespace nn_gradients
