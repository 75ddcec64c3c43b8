// Attention of each sequence and head:
//   scores = scale · q kᵀ            (capped, with position bias)
//   p = softmax(scores)              over the keys that a query may see
//   y = p v
// Vaswani et al. 2017, §3.2; groups of query heads share a key/value head (Ainslie et al. 2023; Shazeer 2019).
//
// Keys are visited in blocks with a running maximum and sum (Milakov & Gimelshein 2018; Dao et al. 2022), so
// memory does not grow with the length, and no mask exists: a query's reach is a range of keys. A sequence's
// result depends on nothing but the sequence.
#pragma once

#include <eigenformer/core/elementwise.hpp>
#include <eigenformer/core/mix_kernel.hpp>
#include <eigenformer/nn/dropout.hpp>
#include <eigenformer/nn/linear.hpp>
#include <eigenformer/nn/position.hpp>

#include <cmath>
#include <limits>
#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The projections around attention.
template <class S> struct Attention {
  Linear<S> query;  ///< [heads · head_size, d_model]
  Linear<S> key;    ///< [key/value heads · head_size, d_model]
  Linear<S> value;
  Linear<S> out;  ///< [d_model, heads · head_size]

  static void members(auto& self, auto&& visit) {
    visit("query", self.query);
    visit("key", self.key);
    visit("value", self.value);
    visit("out", self.out);
  }
};

/// Whether keys and values may be stored in a format: the scalar's own, and half beside float.
template <class S> constexpr bool can_store_key_values(Format format) {
  return format == own_format<S> || (std::is_same_v<S, float> && format == Format::f16);
}

/// f(a number of the type that such a format stores).
template <class S, class F> void with_stored(Format format, F&& f) {
  if constexpr (std::is_same_v<S, float>)
    if (format == Format::f16) return f(half());
  f(S());
}

/// Keys and values of one sequence where they lie: pages of neighbouring rows. Row i of the sequence is row
/// i mod page_rows of page i / page_rows; a page that no query reaches may be null.
/// Several pages hold at most 128 rows each, or a multiple of that.
template <class S> struct KeyValueRows {
  const void* const* pages = nullptr;
  Index page_rows = 0;
  Index keys = 0, values = 0;  ///< offsets within a page, in numbers, as strides are
  Index stride = 0;            ///< from a row to the next
  Index head = 0;              ///< from a key/value head to the next
  Index count = 0;             ///< rows that hold tokens
  Format format = own_format<S>;

  /// f(the first number of page i), a pointer to S or half.
  template <class F> void with_page(Index i, F&& f) const {
    with_stored<S>(format, [&]<class T>(T) { f(static_cast<const T*>(pages[i])); });
  }
};

/// One sequence's part in a call: `rows` queries from row `first` on, the first of them at position `past`.
template <class S> struct AttentionSequence {
  Index first = 0, rows = 0;
  Index past = 0;
  KeyValueRows<S> memory;
};

/// How queries attend. Sizes as in ModelConfig, resolved.
template <class S> struct AttentionRule {
  Index heads = 1, key_value_heads = 1, head_size = 1;
  S scale = S(1);
  S cap = S(0);        ///< cap · tanh(score / cap); 0: none
  bool causal = true;  ///< a query at position p sees keys 0 … p
  Index window = 0;    ///< and of these the last `window`; 0: all
  const ScoreBias<S>* bias = nullptr;
  const S* added = nullptr;  ///< [queries, keys] of one sequence, added to the scores of every head; or none
  Dropout drop{};            ///< of the probabilities, while training

  /// Drops probabilities of keys first … first + n − 1, for a query (its row in the batch) and head.
  void drop_keys(Index row, Index head, Index first, Index n, S* p) const {
    if (drop.on()) drop.apply(row * heads + head, first, n, p);
  }
};

/// The rule of a config's layer.
template <class S>
AttentionRule<S> attention_rule(const ModelConfig& config, Index layer, bool causal,
                                const ScoreBias<S>& bias) {
  using std::sqrt;
  AttentionRule<S> rule;
  rule.heads = config.n_heads;
  rule.key_value_heads = config.key_value_heads();
  rule.head_size = config.head_width();
  rule.scale =
      S(config.score_scale > 0 ? config.score_scale : 1 / sqrt(static_cast<double>(config.head_width())));
  rule.cap = S(config.score_cap);
  rule.causal = causal;
  rule.window = config.windowed(layer) ? config.window : 0;
  rule.bias = bias.empty() ? nullptr : &bias;
  return rule;
}

/// What backward needs of a forward pass: memory that grows with the rows, not with their square.
template <class S> struct AttentionSaved {
  Matrix<S> query;       ///< [rows, heads · head_size], turned
  Matrix<S> key, value;  ///< [rows of the memory, key/value heads · head_size], keys turned
  Matrix<S> mixed;       ///< [rows, heads · head_size], the input of the projection out
  Matrix<S> statistics;  ///< [rows, 2 · heads], see attend

  void keep(View<S> q, View<S> k, View<S> v, Index heads) {
    query = q;
    key = k;
    value = v;
    statistics.resize(q.rows(), 2 * heads);
  }
};

namespace detail {

inline constexpr Index query_block = 32;  // queries of a task
inline constexpr Index key_block = 128;   // keys of a block, at most a page

/// The keys that a query at `position` sees: [first, last).
template <class S> std::pair<Index, Index> reach(const AttentionRule<S>& rule, Index position, Index count) {
  if (!rule.causal) return {0, count};
  return {rule.window ? (std::max)(Index{0}, position + 1 - rule.window) : 0, position + 1};
}

/// Scores of n keys become cap · tanh(score / cap).
template <class S> void cap_scores(const AttentionRule<S>& rule, Index n, S* scores) {
  using V = lanes::Vector<S>;
  map(
      n, scores, [&](const V& v) { return V(rule.cap) * tanh(v / V(rule.cap)); }, scores);
}

/// Adds position bias and mask, where there are any, to the scores of keys first … first + n − 1 of `keys`.
template <class S>
void add_biases(const AttentionRule<S>& rule, Index head, Index query, Index position, Index first, Index n,
                Index keys, S* scores) {
  if (rule.bias) rule.bias->add(head, position, first, n, scores);
  if (rule.added)
    for (Index k = 0; k < n; ++k) scores[k] += rule.added[query * keys + first + k];
}

/// Scores of one query and head become weights e^(score − maximum) in place; the running maximum and sum, and
/// the mixed values so far, are carried over to the new maximum.
template <class S> void absorb(Index n, S* scores, Index head_size, S& maximum, S& sum, S* mixed) {
  using V = lanes::Vector<S>;
  using std::exp;
  const S highest = (std::max)(maximum, largest(n, scores));
  if (highest == -std::numeric_limits<S>::infinity()) {  // an added mask hides all of these keys
    std::fill(scores, scores + n, S(0));
    return;
  }
  if (maximum != highest) {
    const S shrink = sum == S(0) ? S(0) : S(exp(maximum - highest));
    sum *= shrink;
    for (Index c = 0; c < head_size; ++c) mixed[c] *= shrink;
    maximum = highest;
  }
  map(
      n, scores, [&](const V& v) { return exp(v - V(highest)); }, scores);
  sum += sum_of(n, scores, [](const V& v) { return v; });
}

/// Queries [begin, end) of a sequence against one key/value head. `scratch` holds attend_scratch values;
/// `statistics` as in attend.
template <class S>
void attend_block(const AttentionRule<S>& rule, const AttentionSequence<S>& sequence, Index group,
                  Index begin, Index end, View<S> q, Out<S> y, S* statistics, S* scratch) {
  const Index size = rule.head_size, shared = rule.heads / rule.key_value_heads;
  const Index rows = (end - begin) * shared;  // row i · shared + h: query begin + i, head h of the group
  S* const queries = scratch;
  S* const mixed = queries + rows * size;
  S* const scores = mixed + rows * size;
  S* const maxima = scores + rows * key_block;
  S* const sums = maxima + rows;
  S* const packed = sums + rows;
  for (Index i = 0; i < rows; ++i) {
    const S* const from = q.data() + (sequence.first + begin + i / shared) * q.outerStride() +
                          (group * shared + i % shared) * size;
    for (Index c = 0; c < size; ++c) queries[i * size + c] = from[c] * rule.scale;
  }
  std::fill(mixed, mixed + rows * size, S(0));
  std::fill(maxima, maxima + rows, -std::numeric_limits<S>::infinity());
  std::fill(sums, sums + rows, S(0));

  const KeyValueRows<S>& memory = sequence.memory;
  const Index first_key = reach(rule, sequence.past + begin, memory.count).first;
  const Index last_key = reach(rule, sequence.past + end - 1, memory.count).second;
  const Index step = (std::min)(key_block, memory.page_rows);
  for (Index block = first_key / step * step; block < last_key; block += step) {
    const Index n = (std::min)(step, last_key - block);
    const Index page = block / memory.page_rows;
    const Index row = block % memory.page_rows * memory.stride + group * memory.head;
    memory.with_page(page, [&](const auto* numbers) {
      dot_kernel(queries, size, numbers + memory.keys + row, memory.stride, rows, n, size, Epilogue<S>{},
                 scores, key_block, packed);
    });
    for (Index i = 0; i < rows; ++i) {
      const Index query = begin + i / shared, position = sequence.past + query;
      S* const row_scores = scores + i * key_block;
      auto [from, to] = reach(rule, position, memory.count);
      from = std::clamp(from - block, Index{0}, n);
      to = std::clamp(to - block, from, n);
      std::fill(row_scores, row_scores + from, S(0));
      std::fill(row_scores + to, row_scores + n, S(0));
      if (from == to) continue;
      if (rule.cap != S(0)) cap_scores(rule, to - from, row_scores + from);
      add_biases(rule, group * shared + i % shared, query, position, block + from, to - from, memory.count,
                 row_scores + from);
      absorb(to - from, row_scores + from, size, maxima[i], sums[i], mixed + i * size);
      rule.drop_keys(sequence.first + query, group * shared + i % shared, block + from, to - from,
                     row_scores + from);
    }
    memory.with_page(page, [&](const auto* numbers) {
      mix_kernel(scores, key_block, numbers + memory.values + row, memory.stride, rows, n, size, mixed, size);
    });
  }
  for (Index i = 0; i < rows; ++i) {
    S* const to = y.data() + (sequence.first + begin + i / shared) * y.outerStride() +
                  (group * shared + i % shared) * size;
    const S inverse = S(1) / sums[i];
    for (Index c = 0; c < size; ++c) to[c] = mixed[i * size + c] * inverse;
    if (statistics) {
      S* const kept =
          statistics + ((sequence.first + begin + i / shared) * rule.heads + group * shared + i % shared) * 2;
      kept[0] = maxima[i];
      kept[1] = inverse;
    }
  }
}

}  // namespace detail

/// y [rows, heads · head_size]: for each sequence its queries' mixed values, from q [rows, heads ·
/// head_size]. `statistics` [rows, 2 · heads], where wanted, becomes each softmax's maximum and inverse sum.
template <class S>
void attend(const AttentionRule<S>& rule, Run& run, std::span<const AttentionSequence<S>> sequences,
            View<S> q, Out<S> y, S* statistics = nullptr) {
  eigen_assert(q.cols() == rule.heads * rule.head_size && "q is as wide as all heads");
  eigen_assert(y.rows() == q.rows() && y.cols() == q.cols() && "y has the shape of q");
  for ([[maybe_unused]] const auto& s : sequences)
    eigen_assert(s.first >= 0 && s.first + s.rows <= q.rows() && "q holds the rows of all sequences");
  const Workspace::Frame frame(run.workspace);
  const Index shared = rule.heads / rule.key_value_heads;
  const auto blocks = [](const AttentionSequence<S>& s) {
    return (s.rows + detail::query_block - 1) / detail::query_block;
  };
  struct Task {
    Index sequence, group, block;
  };
  Index tasks = 0, work = 0, tallest = 0;
  for (const auto& s : sequences) {
    tasks += blocks(s) * rule.key_value_heads;
    work += s.rows * s.memory.count * rule.heads * rule.head_size;
    tallest = (std::max)(tallest, s.rows);
  }
  Task* const list = run.workspace.template take<Task>(tasks);
  Index listed = 0;
  for (Index s = 0; s < static_cast<Index>(sequences.size()); ++s)
    for (Index g = 0; g < rule.key_value_heads; ++g)
      for (Index b = 0; b < blocks(sequences[static_cast<std::size_t>(s)]); ++b) list[listed++] = {s, g, b};

  const Index rows = (std::min)(tallest, detail::query_block) * shared;
  const Index scratch_size =
      rows * (2 * rule.head_size + detail::key_block + 2) + dot_scratch<S>(rows, rule.head_size);
  constexpr Index worth_a_thread = 1 << 14;
  const Index workers = work < worth_a_thread ? 1 : run.threads.count();
  S* const scratch = run.workspace.template take<S>(workers * scratch_size);
  const auto perform = [&](Index task, int worker) {
    const Task& t = list[task];
    const AttentionSequence<S>& sequence = sequences[static_cast<std::size_t>(t.sequence)];
    const Index begin = t.block * detail::query_block;
    detail::attend_block(rule, sequence, t.group, begin,
                         (std::min)(sequence.rows, begin + detail::query_block), q, y, statistics,
                         scratch + worker * scratch_size);
  };
  if (workers == 1)
    for (Index task = 0; task < tasks; ++task) perform(task, 0);
  else
    run.threads.parallel_for(tasks, perform);
}

/// y (+)= out(attend(query(h), key(h), value(h))) for h [rows, d_model]. Queries and keys are turned by
/// `turns` [rows, dimensions] where positions are rotary (otherwise it has no columns). keep(q, k, v), with k
/// and v [rows, key/value width] one behind the other in memory, sees to it that `sequences` point to keys
/// and values.
template <class S, class Keep>
void forward(const Attention<S>& p, const AttentionRule<S>& rule, const ModelConfig& config, Run& run,
             View<S> turns, std::span<const AttentionSequence<S>> sequences, View<S> h, Out<S> y, bool add,
             Keep&& keep, AttentionSaved<S>* saved = nullptr) {
  eigen_assert(p.value.weight.rows() == p.key.weight.rows() && "keys are as wide as values");
  eigen_assert((turns.cols() == 0 || turns.rows() == h.rows()) && "turns has as many rows as h");
  const Workspace::Frame frame(run.workspace);
  const Index rows = h.rows(), width = p.key.weight.rows();
  auto q = run.workspace.matrix<S>(rows, p.query.weight.rows());
  S* const memory = run.workspace.take<S>(2 * rows * width);
  Eigen::Map<Matrix<S>> k(memory, rows, width), v(memory + rows * width, rows, width);
  forward(p.query, run, h, q);
  forward(p.key, run, h, k);
  forward(p.value, run, h, v);
  if (turns.cols()) {
    rotate<S>(config, turns, q);
    rotate<S>(config, turns, k);
  }
  keep(q, k, v);
  if (saved) saved->keep(q, k, v, rule.heads);
  // a task has read its queries before it writes to their place
  attend<S>(rule, run, sequences, q, q, saved ? saved->statistics.data() : nullptr);
  if (saved) saved->mixed = q;
  add ? forward_add(p.out, run, q, y) : forward(p.out, run, q, y);
}

/// y (+)= out(attend(query(h), K, V)) for keys and values of a source, computed before, that `sequences`
/// point to. look(q) sees the queries, and keeps them with keys and values in `saved`.
template <class S, class Look>
void forward_source(const Attention<S>& p, const AttentionRule<S>& rule, Run& run,
                    std::span<const AttentionSequence<S>> sequences, View<S> h, Out<S> y, bool add,
                    Look&& look, AttentionSaved<S>* saved = nullptr) {
  const Workspace::Frame frame(run.workspace);
  auto q = run.workspace.matrix<S>(h.rows(), p.query.weight.rows());
  forward(p.query, run, h, q);
  look(q);
  attend<S>(rule, run, sequences, q, q, saved ? saved->statistics.data() : nullptr);
  if (saved) saved->mixed = q;
  add ? forward_add(p.out, run, q, y) : forward(p.out, run, q, y);
}

/// The probabilities themselves, [queries, keys] of one sequence and head: for people who look at them, not
/// for computing. Written out plainly, as the definition reads.
template <class S>
Matrix<S> attention_probabilities(const AttentionRule<S>& rule, const AttentionSequence<S>& sequence,
                                  View<S> q, Index head) {
  eigen_assert(head >= 0 && head < rule.heads && q.cols() == rule.heads * rule.head_size &&
               "q is as wide as all heads");
  using std::exp;
  using std::tanh;
  const KeyValueRows<S>& memory = sequence.memory;
  const Index group = head / (rule.heads / rule.key_value_heads), size = rule.head_size;
  Matrix<S> p = Matrix<S>::Zero(sequence.rows, memory.count);
  for (Index i = 0; i < sequence.rows; ++i) {
    const auto [from, to] = detail::reach(rule, sequence.past + i, memory.count);
    S highest = -std::numeric_limits<S>::infinity(), sum(0);
    for (Index k = from; k < to; ++k) {
      S score(0);
      memory.with_page(k / memory.page_rows, [&](const auto* numbers) {
        const auto* const key =
            numbers + memory.keys + k % memory.page_rows * memory.stride + group * memory.head;
        for (Index c = 0; c < size; ++c)
          score += q(sequence.first + i, head * size + c) * lanes::element_as<S>(key[c]);
      });
      score *= rule.scale;
      if (rule.cap != S(0)) score = rule.cap * S(tanh(score / rule.cap));
      if (rule.bias) rule.bias->add(head, sequence.past + i, k, 1, &score);
      if (rule.added) score += rule.added[i * memory.count + k];
      p(i, k) = score;
      highest = (std::max)(highest, score);
    }
    for (Index k = from; k < to; ++k) sum += p(i, k) = S(exp(p(i, k) - highest));
    for (Index k = from; k < to; ++k) p(i, k) /= sum;
  }
  return p;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
