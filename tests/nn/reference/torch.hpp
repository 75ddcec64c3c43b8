// The reference values of PyTorch's layers, and its modules as this library's parameters.
#pragma once

#include "support/matrices.hpp"
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/nn/block.hpp>

#include <string>
#include <vector>

namespace torch {

namespace ef = eigenformer;
using ef::Index;

inline ef::SafeTensors open(const std::string& name) {
  return ef::SafeTensors(std::string(EIGENFORMER_TEST_DATA) + "/torch-nn/" + name + ".safetensors");
}

/// Rows [first, first + rows) of a tensor whose last dimension are columns.
template <class S> ef::Matrix<S> rows_of(const ef::TensorView& tensor, Index first, Index rows) {
  const Index columns = tensor.shape.back();
  ef::Matrix<S> m(rows, columns);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = tensor.element<S>(first * columns + i);
  return m;
}

/// Element b of a batch [batch, rows, columns].
template <class S> ef::Matrix<S> item(const ef::TensorView& batch, Index b) {
  const Index rows = batch.shape.at(batch.shape.size() - 2);
  return rows_of<S>(batch, b * rows, rows);
}

template <class S> ef::RowVector<S> vector(const ef::TensorView& tensor, Index first, Index size) {
  ef::RowVector<S> v(size);
  for (Index i = 0; i < size; ++i) v[i] = tensor.element<S>(first + i);
  return v;
}

template <class S> ef::Linear<S> linear(const ef::SafeTensors& file, const std::string& path) {
  const ef::TensorView& weight = file.at(path + ".weight");
  ef::Linear<S> p;
  p.weight = ef::Weight<S>(rows_of<S>(weight, 0, weight.shape[0]));
  if (const auto* const bias = file.find(path + ".bias")) p.bias = vector<S>(*bias, 0, bias->size());
  return p;
}

template <class S> ef::Norm<S> norm(const ef::SafeTensors& file, const std::string& path) {
  ef::Norm<S> p;
  p.weight = vector<S>(file.at(path + ".weight"), 0, file.at(path + ".weight").size());
  p.bias = vector<S>(file.at(path + ".bias"), 0, p.weight.size());
  return p;
}

/// nn.MultiheadAttention: three projections in one matrix, or apart where keys have another width.
template <class S> ef::Attention<S> attention(const ef::SafeTensors& file, const std::string& path) {
  ef::Attention<S> p;
  p.out = linear<S>(file, path + "out_proj");
  const Index width = p.out.weight.rows();
  ef::Linear<S>* const parts[] = {&p.query, &p.key, &p.value};
  const char* const names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
  const auto* const together = file.find(path + "in_proj_weight");
  const auto* const bias = file.find(path + "in_proj_bias");
  for (Index i = 0; i < 3; ++i) {
    parts[i]->weight = ef::Weight<S>(together ? rows_of<S>(*together, i * width, width)
                                              : rows_of<S>(file.at(path + names[i]), 0, width));
    if (bias) parts[i]->bias = vector<S>(*bias, i * width, width);
  }
  return p;
}

/// The rows that a padding mask (true: padding) leaves of a memory.
template <class S> ef::Matrix<S> unpadded(const ef::Matrix<S>& memory, const ef::TensorView* mask, Index b) {
  ef::Matrix<S> out(memory.rows(), memory.cols());
  Index kept = 0;
  for (Index r = 0; r < memory.rows(); ++r)
    if (!mask || !mask->element<bool>(b * memory.rows() + r)) out.row(kept++) = memory.row(r);
  return out.topRows(kept);
}

template <class S> ef::AttentionRule<S> rule(Index heads, Index width) {
  ef::AttentionRule<S> r;
  r.heads = r.key_value_heads = heads;
  r.head_size = width / heads;
  r.scale = S(1 / std::sqrt(static_cast<double>(r.head_size)));
  r.causal = false;
  return r;
}

/// y (+)= multi-head attention of queries over the keys and values made from `keys` and `values`; the
/// probabilities of every head too, where they are asked for.
template <class S>
void attend(const ef::Attention<S>& p, const ef::AttentionRule<S>& rule, ef::Run& run, ef::View<S> queries,
            ef::View<S> keys, ef::View<S> values, ef::Out<S> y, bool add,
            std::vector<ef::Matrix<S>>* probabilities = nullptr) {
  const Index width = p.key.weight.rows();
  ef::Matrix<S> q(queries.rows(), p.query.weight.rows()), memory(keys.rows(), 2 * width);
  forward<S>(p.query, run, queries, q);
  forward<S>(p.key, run, keys, memory.leftCols(width));
  forward<S>(p.value, run, values, memory.rightCols(width));
  const void* const page = memory.data();
  const ef::AttentionSequence<S> sequence{
      0, q.rows(), 0, {&page, keys.rows(), 0, width, 2 * width, rule.head_size, keys.rows()}};
  if (probabilities)
    for (Index h = 0; h < rule.heads; ++h)
      probabilities->push_back(ef::attention_probabilities<S>(rule, sequence, q, h));
  ef::Matrix<S> mixed(q.rows(), q.cols());
  ef::attend<S>(rule, run, std::span(&sequence, 1), q, mixed);
  add ? forward_add<S>(p.out, run, mixed, y) : forward<S>(p.out, run, mixed, y);
}

}  // namespace torch
