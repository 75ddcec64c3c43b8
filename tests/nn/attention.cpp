#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/nn/attention.hpp>

#include <limits>

#include <doctest/doctest.h>

namespace nn_attention {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::random_matrix;

namespace {

/// What attend must give, from the probabilities written out plainly.
template <class S>
ef::Matrix<double> by_definition(const ef::AttentionRule<S>& rule, const ef::AttentionSequence<S>& sequence,
                                 const ef::Matrix<S>& q) {
  const Index size = rule.head_size, shared = rule.heads / rule.key_value_heads;
  const auto& memory = sequence.memory;
  ef::Matrix<double> y = ef::Matrix<double>::Zero(sequence.rows, q.cols());
  for (Index h = 0; h < rule.heads; ++h) {
    const ef::Matrix<S> p = ef::attention_probabilities<S>(rule, sequence, q, h);
    for (Index i = 0; i < sequence.rows; ++i)
      for (Index k = 0; k < memory.count; ++k) {
        if (p(i, k) == S(0)) continue;
        const S* const value = static_cast<const S*>(memory.pages[k / memory.page_rows]) + memory.values +
                               k % memory.page_rows * memory.stride + h / shared * memory.head;
        for (Index c = 0; c < size; ++c)
          y(i, h * size + c) += static_cast<double>(p(i, k)) * static_cast<double>(value[c]);
      }
  }
  return y;
}

/// Keys and values of one sequence in pages of `page_rows`, rows of all heads side by side.
template <class S> struct Pages {
  std::vector<ef::Matrix<S>> pages;
  std::vector<const void*> pointers;
  ef::KeyValueRows<S> rows;

  Pages(Index count, Index page_rows, Index heads, Index size, unsigned seed) {
    const Index width = heads * size;
    for (Index at = 0; at < count; at += page_rows)
      pages.push_back(random_matrix<S>(page_rows, 2 * width, seed + static_cast<unsigned>(at)));
    for (const auto& page : pages) pointers.push_back(page.data());
    rows = {pointers.data(), page_rows, 0, width, 2 * width, size, count};
  }
};

template <class S> void check_rule(ef::AttentionRule<S> rule, bool scaled_positions) {
  rule.scale = S(1.7);
  ef::ScoreBias<S> bias;
  bias.slopes = random_matrix<S>(1, rule.heads, 9).cwiseAbs() * S(0.1);
  if (scaled_positions) rule.bias = &bias;
  // past, new rows and page size of sequences that share a call
  struct Shape {
    Index past, rows, page;
  };
  const Shape shapes[] = {{0, 1, 128}, {0, 77, 77}, {300, 1, 128}, {130, 40, 128}, {9, 5, 4}, {0, 300, 300}};
  std::vector<Pages<S>> memories;
  std::vector<ef::AttentionSequence<S>> sequences;
  Index first = 0;
  for (const auto& s : shapes) {
    memories.emplace_back(s.past + s.rows, s.page, rule.key_value_heads, rule.head_size, 20);
    sequences.push_back({first, s.rows, s.past, memories.back().rows});
    first += s.rows;
  }
  const auto q = random_matrix<S>(first, rule.heads * rule.head_size, 30);
  Machine machine(1), several(3);
  ef::Matrix<S> y(first, q.cols()), threaded = q;
  ef::attend<S>(rule, machine.run, sequences, q, y);
  ef::attend<S>(rule, several.run, sequences, threaded, threaded);  // in place
  CHECK(support::same_bits<S>(threaded, y));
  for (const auto& sequence : sequences) {
    const ef::Matrix<S> part = y.middleRows(sequence.first, sequence.rows);
    CHECK(support::distance<S>(part, by_definition(rule, sequence, q)) < support::tolerance<S>());
    ef::AttentionSequence<S> alone = sequence;
    alone.first = 0;
    ef::Matrix<S> single(sequence.rows, q.cols());
    ef::attend<S>(rule, machine.run, std::span(&std::as_const(alone), 1),
                  q.middleRows(sequence.first, sequence.rows), single);
    CHECK(support::same_bits<S>(single, part));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("attention mixes by its probabilities for every rule, alone, together and on threads", S,
                   float, double) {
  for (const Index window : {0, 1, 5, 130})
    for (const double cap : {0.0, 1.5})
      for (const Index groups : {4, 2, 1}) {
        CAPTURE(window);
        CAPTURE(cap);
        CAPTURE(groups);
        ef::AttentionRule<S> rule;
        rule.heads = 4;
        rule.key_value_heads = groups;
        rule.head_size = groups == 2 ? 7 : 16;
        rule.window = window;
        rule.cap = S(cap);
        check_rule(rule, window == 5 || groups == 1);
      }
  ef::AttentionRule<S> all;
  all.heads = 6;
  all.key_value_heads = 3;
  all.head_size = 20;
  all.causal = false;
  check_rule(all, false);
  check_rule(all, true);
}

TEST_CASE("keys and values in half are attended to as the floats that they are") {
  Machine machine;
  for (const Index size : {8, 16, 40, 64})
    for (const Index window : {0, 50}) {
      CAPTURE(size);
      ef::AttentionRule<float> rule;
      rule.heads = 4;
      rule.key_value_heads = 2;
      rule.head_size = size;
      rule.window = window;
      Pages<float> wide(300, 128, 2, size, 5);
      std::vector<std::vector<ef::half>> narrow;
      std::vector<const void*> pointers;
      for (auto& page : wide.pages) {
        narrow.emplace_back(static_cast<std::size_t>(page.size()));
        ef::lanes::convert(page.data(), page.size(), narrow.back().data());
        ef::lanes::convert(narrow.back().data(), page.size(), page.data());
        pointers.push_back(narrow.back().data());
      }
      for (const Index queries : {1, 40, 300}) {
        ef::AttentionSequence<float> sequence{0, queries, 300 - queries, wide.rows};
        const auto q = random_matrix<float>(queries, 4 * size, 6);
        ef::Matrix<float> expected(queries, 4 * size), y(queries, 4 * size);
        ef::attend<float>(rule, machine.run, std::span(&sequence, 1), q, expected);
        const auto p = ef::attention_probabilities<float>(rule, sequence, q, 3);
        sequence.memory.pages = pointers.data();
        sequence.memory.format = ef::Format::f16;
        ef::attend<float>(rule, machine.run, std::span(&sequence, 1), q, y);
        CHECK((y - expected).cwiseAbs().maxCoeff() < 2e-6f);
        CHECK(support::same_bits<float>(ef::attention_probabilities<float>(rule, sequence, q, 3), p));
      }
    }
}

TEST_CASE_TEMPLATE("a key at minus infinity has no weight, whatever block of keys it stands in", S, float,
                   double) {
  Machine machine;
  ef::AttentionRule<S> rule;
  rule.head_size = 8;
  rule.causal = false;
  const Pages<S> memory(300, 300, 1, 8, 1);
  const auto q = random_matrix<S>(3, 8, 2);
  const std::pair<Index, Index> spans[] = {{0, 5}, {130, 131}, {290, 300}};
  for (const auto& [from, to] : spans) {
    ef::Matrix<S> added = ef::Matrix<S>::Constant(3, 300, -std::numeric_limits<S>::infinity());
    added.middleCols(from, to - from).setZero();
    rule.added = added.data();
    const ef::AttentionSequence<S> whole{0, 3, 0, memory.rows};
    ef::Matrix<S> y(3, 8);
    ef::attend<S>(rule, machine.run, std::span(&whole, 1), q, y);
    rule.added = nullptr;
    ef::AttentionSequence<S> part = whole;  // only the keys that are seen
    const void* const start = memory.pages[0].data() + from * memory.rows.stride;
    part.memory.pages = &start;
    part.memory.count = to - from;
    CHECK(support::distance<S>(y, by_definition(rule, part, q)) < support::tolerance<S>());
  }
}

TEST_CASE_TEMPLATE("scores of any size give finite results", S, float, double) {
  Machine machine;
  ef::AttentionRule<S> rule;
  rule.head_size = 8;
  rule.scale = S(1e4);
  const Pages<S> memory(200, 200, 1, 8, 3);
  const auto q = random_matrix<S>(200, 8, 4);
  const ef::AttentionSequence<S> sequence{0, 200, 0, memory.rows};
  ef::Matrix<S> y(200, 8);
  ef::attend<S>(rule, machine.run, std::span(&sequence, 1), q, y);
  CHECK(y.allFinite());
  CHECK(y.cwiseAbs().maxCoeff() <= S(1));
}

}  // namespace nn_attention
