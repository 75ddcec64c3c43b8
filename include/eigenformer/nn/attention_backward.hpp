// The gradients of attention.hpp, which would be too long with them.
//
// Probabilities p are computed again from queries, keys and the softmax statistics that the forward pass
// kept, a block of queries and keys at a time (Dao et al. 2022, "FlashAttention", algorithm 4), so no matrix
// of queries by keys exists. With y = p v and δ = Σ dy · y of a query and head:
//   dv = pᵀ dy      ds = p ∘ (dy vᵀ − δ)      dq = scale · ds k      dk = scale · dsᵀ q
// With dropout y = (m ∘ p) v, for a mask m that is drawn again: dv = (m ∘ p)ᵀ dy, ds = p ∘ (m ∘ dy vᵀ − δ),
// and ds is multiplied by 1 − (s / cap)² where scores are capped. Position biases get ds itself.
#pragma once

#include <eigenformer/core/product_backward.hpp>
#include <eigenformer/nn/attention.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Which rows belong to one sequence: of queries, and of keys and values. In self-attention they are the
/// same.
struct AttentionRows {
  Index first = 0, rows = 0;
  Index first_key = 0, keys = 0;
};

namespace detail {

/// The part of one sequence and key/value head.
template <class S> struct AttendBackward {
  const AttentionRule<S>& rule;
  const AttentionSaved<S>& saved;
  const AttentionRows& sequence;
  Index group;
  View<S> dy;
  Out<S> dq, dk, dv;
  S* d_distance;  ///< [shared heads, distances] of the rule's bias, or none

  Index shared() const { return rule.heads / rule.key_value_heads; }
  /// Values of scratch memory for blocks of `rows` rows (queries times heads of the group).
  static Index scratch_size(Index rows, Index size) {
    return rows * (3 * size + 4 * key_block + 1) + dot_scratch<S>(rows, size);
  }

  /// Queries [begin, end) against all their keys.
  void operator()(Index begin, Index end, S* scratch) {
    const Index size = rule.head_size, rows = (end - begin) * shared();
    S* const queries = scratch;
    S* const d_out = queries + rows * size;
    S* const d_queries = d_out + rows * size;
    S* const p = d_queries + rows * size;
    S* const ds = p + rows * key_block;
    S* const slopes = ds + rows * key_block;  // of the cap
    S* const turned = slopes + rows * key_block;
    S* const deltas = turned + rows * key_block;
    S* const packed = deltas + rows;
    for (Index i = 0; i < rows; ++i) {
      const S* const q = at(saved.query, i, begin);
      const S* const mixed = at(saved.mixed, i, begin);
      const S* const d = dy.data() + row(i, begin) * dy.outerStride() + head(i) * size;
      deltas[i] = S(0);
      for (Index c = 0; c < size; ++c) {
        queries[i * size + c] = q[c] * rule.scale;
        d_out[i * size + c] = d[c];
        deltas[i] += d[c] * mixed[c];
      }
    }
    std::fill(d_queries, d_queries + rows * size, S(0));
    const Index first_key = reach(rule, begin, sequence.keys).first;
    const Index last_key = reach(rule, end - 1, sequence.keys).second;
    const Index width = saved.key.cols();
    for (Index block = first_key / key_block * key_block; block < last_key; block += key_block) {
      const Index n = (std::min)(key_block, last_key - block);
      const Index place = (sequence.first_key + block) * width + group * size;
      S* const d_key = dk.data() + (sequence.first_key + block) * dk.outerStride() + group * size;
      S* const d_value = dv.data() + (sequence.first_key + block) * dv.outerStride() + group * size;
      dot_kernel(queries, size, saved.key.data() + place, width, rows, n, size, Epilogue<S>{}, p, key_block,
                 packed);
      dot_kernel(d_out, size, saved.value.data() + place, width, rows, n, size, Epilogue<S>{}, ds, key_block,
                 packed);
      for (Index i = 0; i < rows; ++i)
        slope_of_row(i, begin, block, n, deltas[i], p + i * key_block, ds + i * key_block,
                     slopes + i * key_block);
      transpose(p, key_block, n, rows, turned);
      mix_kernel(turned, rows, d_out, size, n, rows, size, d_value, dv.outerStride());
      transpose(ds, key_block, n, rows, turned);
      mix_kernel(turned, rows, queries, size, n, rows, size, d_key, dk.outerStride());
      mix_kernel(ds, key_block, saved.key.data() + place, width, rows, n, size, d_queries, size);
    }
    for (Index i = 0; i < rows; ++i) {
      S* const to = dq.data() + row(i, begin) * dq.outerStride() + head(i) * size;
      for (Index c = 0; c < size; ++c) to[c] += d_queries[i * size + c] * rule.scale;
    }
  }

 private:
  Index head(Index i) const { return group * shared() + i % shared(); }
  Index row(Index i, Index begin) const { return sequence.first + begin + i / shared(); }
  const S* at(const Matrix<S>& m, Index i, Index begin) const {
    return m.data() + row(i, begin) * m.cols() + head(i) * rule.head_size;
  }

  /// For one query and head, n keys from `block` on: p holds scores and becomes probabilities, ds holds
  /// dy · vᵀ and becomes the gradient of the scores.
  void slope_of_row(Index i, Index begin, Index block, Index n, S delta, S* p, S* ds, S* slopes) const {
    using V = lanes::Vector<S>;
    const Index query = begin + i / shared();
    auto [from, to] = reach(rule, query, sequence.keys);
    from = std::clamp(from - block, Index{0}, n);
    to = std::clamp(to - block, from, n);
    const Index m = to - from;
    for (S* const x : {p, ds}) {
      std::fill(x, x + from, S(0));
      std::fill(x + to, x + n, S(0));
    }
    if (m == 0) return;
    p += from;
    ds += from;
    if (rule.cap != S(0)) {
      cap_scores(rule, m, p);
      const V inverse(S(1) / rule.cap);
      map(
          m, slopes, [&](const V& s) { return V(S(1)) - (s * inverse) * (s * inverse); }, p);
    }
    add_biases(rule, head(i), query, query, block + from, m, sequence.keys, p);
    const S* const kept = saved.statistics.data() + row(i, begin) * saved.statistics.cols() + 2 * head(i);
    const V maximum(kept[0]), inverse(kept[1]), shift(delta);
    map(
        m, p, [&](const V& s) { return exp(s - maximum) * inverse; }, p);
    rule.drop_keys(row(i, begin), head(i), block + from, m, ds);
    map(
        m, ds, [&](const V& d, const V& w) { return w * (d - shift); }, ds, p);
    rule.drop_keys(row(i, begin), head(i), block + from, m, p);
    if (d_distance) {
      S* const to_distance =
          d_distance + i % shared() * rule.bias->distances + (block + from - query - rule.bias->first);
      for (Index k = 0; k < m; ++k) to_distance[k] += ds[k];
    }
    if (rule.cap != S(0))
      map(
          m, ds, [](const V& d, const V& s) { return d * s; }, ds, slopes);
  }
};

}  // namespace detail

/// dq, dk, dv += the gradients of attend()'s queries, keys and values, from dy [rows, heads · head_size].
/// `d_bias` [heads, distances], where wanted, is added to: the gradient of the rule's bias by distance.
/// Each sequence and key/value head is one task; its sums have one order.
template <class S>
void attend_backward(const AttentionRule<S>& rule, Run& run, std::span<const AttentionRows> sequences,
                     const AttentionSaved<S>& saved, View<S> dy, Out<S> dq, Out<S> dk, Out<S> dv,
                     S* d_bias = nullptr) {
  eigen_assert(saved.query.cols() == rule.heads * rule.head_size && "queries are as wide as all heads");
  eigen_assert(dy.rows() == saved.query.rows() && dy.cols() == saved.query.cols() &&
               "dy has the shape of the queries");
  eigen_assert(dq.rows() == saved.query.rows() && dq.cols() == saved.query.cols() &&
               "dq has the shape of the queries");
  eigen_assert(dk.rows() == saved.key.rows() && dk.cols() == saved.key.cols() &&
               "dk has the shape of the keys");
  eigen_assert(dv.rows() == saved.value.rows() && dv.cols() == saved.value.cols() &&
               "dv has the shape of the values");
  const Workspace::Frame frame(run.workspace);
  const Index groups = rule.key_value_heads, shared = rule.heads / groups;
  const Index tasks = static_cast<Index>(sequences.size()) * groups;
  const Index distances = d_bias ? rule.bias->distances : 0;
  Index tallest = 0;
  for (const auto& s : sequences) tallest = (std::max)(tallest, s.rows);
  const Index scratch_size = detail::AttendBackward<S>::scratch_size(
      (std::min)(tallest, detail::query_block) * shared, rule.head_size);
  S* const scratch = run.workspace.template take<S>(run.threads.count() * scratch_size);
  S* const by_distance = run.workspace.template take<S>(tasks * shared * distances);  // one part a task
  std::fill(by_distance, by_distance + tasks * shared * distances, S(0));
  run.threads.parallel_for(tasks, [&](Index task, int worker) {
    const AttentionRows& sequence = sequences[static_cast<std::size_t>(task / groups)];
    detail::AttendBackward<S> part{rule,
                                   saved,
                                   sequence,
                                   task % groups,
                                   dy,
                                   dq,
                                   dk,
                                   dv,
                                   d_bias ? by_distance + task * shared * distances : nullptr};
    for (Index begin = 0; begin < sequence.rows; begin += detail::query_block)
      part(begin, (std::min)(sequence.rows, begin + detail::query_block), scratch + worker * scratch_size);
  });
  for (Index task = 0; task < tasks; ++task) {
    const S* const part = by_distance + task * shared * distances;
    for (Index i = 0; i < shared * distances; ++i) d_bias[task % groups * shared * distances + i] += part[i];
  }
}

/// The gradient of forward(Attention): dh [rows, d_model] += for queries made from h, and d_source += for
/// keys and values made from `source`; in self-attention both are the same as h and dh. dy [rows, d_model].
template <class S>
void backward(const Attention<S>& p, const AttentionRule<S>& rule, const ModelConfig& config, Run& run,
              View<S> turns, std::span<const AttentionRows> sequences, const AttentionSaved<S>& saved,
              View<S> h, View<S> source, View<S> dy, Out<S> dh, Out<S> d_source, Attention<S>& grad,
              S* d_bias = nullptr) {
  eigen_assert(h.rows() == saved.query.rows() && source.rows() == saved.key.rows() &&
               "saved is of a forward pass of h");
  const Workspace::Frame frame(run.workspace);
  auto d_mixed = run.workspace.matrix<S>(h.rows(), saved.mixed.cols());
  auto dq = run.workspace.matrix<S>(h.rows(), saved.query.cols());
  auto dk = run.workspace.matrix<S>(source.rows(), saved.key.cols());
  auto dv = run.workspace.matrix<S>(source.rows(), saved.value.cols());
  for (Eigen::Map<Matrix<S>>* const m : {&d_mixed, &dq, &dk, &dv}) m->setZero();
  backward<S>(p.out, run, saved.mixed, dy, d_mixed, grad.out);
  attend_backward<S>(rule, run, sequences, saved, d_mixed, dq, dk, dv, d_bias);
  if (turns.cols()) {
    rotate_backward<S>(config, turns, dq);
    rotate_backward<S>(config, turns, dk);
  }
  backward<S>(p.query, run, h, dq, dh, grad.query);
  backward<S>(p.key, run, source, dk, d_source, grad.key);
  backward<S>(p.value, run, source, dv, d_source, grad.value);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
