// What turns hidden states into answers: words, masked words, and one vector a text.
#pragma once

#include <eigenformer/core/ragged.hpp>
#include <eigenformer/model/parameters.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

/// logits [rows, vocab_size] of normed hidden states: x · Eᵀ (+ bias), scaled and capped; E is the embedding
/// table where the config ties them.
template <class S>
void word_logits(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x, Out<S> y) {
  const Linear<S>& output = p.head.output;
  product(run, config.tied_embeddings ? p.tokens : output.weight, x,
          {.bias = output.bias.size() ? output.bias.data() : nullptr}, y);
  using V = lanes::Vector<S>;
  const V scale(S(config.logits_scale)), cap(S(config.logits_cap));
  for (Index r = 0; r < y.rows(); ++r) {
    S* const row = y.data() + r * y.outerStride();
    if (config.logits_scale != 1.0)
      map(
          y.cols(), row, [&](const V& v) { return v * scale; }, row);
    if (config.logits_cap != 0.0)
      map(
          y.cols(), row, [&](const V& v) { return cap * tanh(v / cap); }, row);
  }
}

/// logits [rows, vocab_size] for the word behind each hidden state: words(norm(act(transform(x)))).
/// Devlin et al. 2018, "BERT", §3.1; the transform is in the published code.
template <class S>
void masked_word_logits(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x, Out<S> y) {
  const Workspace::Frame frame(run.workspace);
  auto h = run.workspace.matrix<S>(x.rows(), x.cols());
  forward(p.head.transform, run, x, h);
  activate(config.activation, h.size(), h.data(), h.data());
  forward(p.head.transform_norm, config.norm, run, h, h);
  word_logits<S>(p, config, run, h, y);
}

/// [sequences, d_model]: act(pooler(first token)) of each sequence of hidden states x [rows, d_model].
template <class S>
Matrix<S> pool_first(const HeadParameters<S>& p, const ModelConfig& config, Run& run, View<S> x,
                     const Ragged& layout) {
  const Workspace::Frame frame(run.workspace);
  auto first = run.workspace.matrix<S>(layout.sequences(), x.cols());
  for (Index s = 0; s < layout.sequences(); ++s) first.row(s) = x.row(layout.begin(s));
  Matrix<S> y(layout.sequences(), p.pooler.weight.rows());
  forward(p.pooler, run, first, y);
  activate(config.pooler_activation, y.size(), y.data(), y.data());
  return y;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
