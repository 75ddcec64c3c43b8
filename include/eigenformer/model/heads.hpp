// What turns hidden states into answers: words, masked words, and one vector a text.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/ragged.hpp>
#include <eigenformer/model/parameters.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

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

/// The gradient of word_logits: dx += for its result y and that one's gradient dy, which is used up.
template <class S>
void word_logits_backward(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x, View<S> y,
                          Out<S> dy, Out<S> dx, Transformer<S>& grad) {
  eigen_assert(dy.rows() == y.rows() && dy.cols() == y.cols() && "dy has the shape of y");
  using V = lanes::Vector<S>;
  const V scale(S(config.logits_scale)), one(S(1)), cap(S(config.logits_cap));
  for (Index r = 0; r < y.rows(); ++r) {
    const S* const logits = y.data() + r * y.outerStride();
    S* const row = dy.data() + r * dy.outerStride();
    if (config.logits_cap != 0.0)
      map(
          dy.cols(), row, [&](const V& d, const V& v) { return d * (one - v / cap * (v / cap)); }, row,
          logits);
    if (config.logits_scale != 1.0)
      map(
          dy.cols(), row, [&](const V& d) { return d * scale; }, row);
  }
  product_input_gradient<S>(run, config.tied_embeddings ? p.tokens : p.head.output.weight, dy, dx);
  Weight<S>& d_table = config.tied_embeddings ? grad.tokens : grad.head.output.weight;
  if (!d_table.empty()) product_weight_gradient<S>(run, dy, x, d_table.values());
  bias_gradient<S>(run, dy, grad.head.output.bias);
}

/// What the gradient of transform_words needs: the inputs of its activation and of its norm.
template <class S> struct TransformSaved {
  Matrix<S> linear, activated;  ///< [rows, d_model]
};

/// y = norm(act(transform(x))), what the words of masked places are looked up with; y may be x.
template <class S>
void transform_words(const HeadParameters<S>& p, const ModelConfig& config, Run& run, View<S> x, Out<S> y,
                     TransformSaved<S>* saved = nullptr) {
  const Workspace::Frame frame(run.workspace);
  auto h = run.workspace.matrix<S>(x.rows(), x.cols());
  forward(p.transform, run, x, h);
  if (saved) saved->linear = h;
  activate(config.activation, h.size(), h.data(), h.data());
  if (saved) saved->activated = h;
  forward(p.transform_norm, config.norm, run, h, y);
}

/// dx += the gradient of transform_words at x.
template <class S>
void transform_words_backward(const HeadParameters<S>& p, const ModelConfig& config, Run& run,
                              const TransformSaved<S>& saved, View<S> x, View<S> dy, Out<S> dx,
                              HeadParameters<S>& grad) {
  const Workspace::Frame frame(run.workspace);
  auto d = run.workspace.matrix<S>(x.rows(), x.cols());
  d.setZero();
  backward<S>(p.transform_norm, config.norm, run, saved.activated, dy, d, grad.transform_norm);
  activation_backward(config.activation, d.size(), saved.linear.data(), d.data());
  backward<S>(p.transform, run, x, d, dx, grad.transform);
}

/// logits [rows, vocab_size] for the word behind each hidden state: words(norm(act(transform(x)))).
/// Devlin et al. 2018, "BERT", §3.1; the transform is in the published code.
template <class S>
void masked_word_logits(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x, Out<S> y) {
  const Workspace::Frame frame(run.workspace);
  auto h = run.workspace.matrix<S>(x.rows(), x.cols());
  transform_words<S>(p.head, config, run, x, h);
  word_logits<S>(p, config, run, h, y);
}

/// [sequences, d_model]: act(pooler(first token)) of each sequence of hidden states x [rows, d_model].
/// `linear`, where wanted, becomes the input of the activation.
/// @throws InputError  for a layout of another number of rows
template <class S>
Matrix<S> pool_first(const HeadParameters<S>& p, const ModelConfig& config, Run& run, View<S> x,
                     const Ragged& layout, Matrix<S>* linear = nullptr) {
  layout.check_rows(x.rows());
  const Workspace::Frame frame(run.workspace);
  auto first = run.workspace.matrix<S>(layout.sequences(), x.cols());
  for (Index s = 0; s < layout.sequences(); ++s) first.row(s) = x.row(layout.begin(s));
  Matrix<S> y(layout.sequences(), p.pooler.weight.rows());
  forward(p.pooler, run, first, y);
  if (linear) *linear = y;
  activate(config.pooler_activation, y.size(), y.data(), y.data());
  return y;
}

/// dx += the gradient of pool_first at x, for dy [sequences, d_model], which is used up.
template <class S>
void pool_first_backward(const HeadParameters<S>& p, const ModelConfig& config, Run& run,
                         const Matrix<S>& linear, View<S> x, const Ragged& layout, Matrix<S>& dy, Out<S> dx,
                         HeadParameters<S>& grad) {
  eigen_assert(dy.rows() == linear.rows() && dy.cols() == linear.cols() && "dy is of what was pooled");
  const Workspace::Frame frame(run.workspace);
  activation_backward(config.pooler_activation, dy.size(), linear.data(), dy.data());
  auto first = run.workspace.matrix<S>(layout.sequences(), x.cols());
  auto d_first = run.workspace.matrix<S>(layout.sequences(), x.cols());
  d_first.setZero();
  for (Index s = 0; s < layout.sequences(); ++s) first.row(s) = x.row(layout.begin(s));
  backward<S>(p.pooler, run, first, dy, d_first, grad.pooler);
  for (Index s = 0; s < layout.sequences(); ++s) dx.row(layout.begin(s)) += d_first.row(s);
}

EIGENFORMER_ONCE(model, void word_logits<float>(const Transformer<float>&, const ModelConfig&, Run&,
                                                View<float>, Out<float>));
EIGENFORMER_ONCE(model, void word_logits<double>(const Transformer<double>&, const ModelConfig&, Run&,
                                                 View<double>, Out<double>));
EIGENFORMER_ONCE(model, void word_logits_backward<float>(const Transformer<float>&, const ModelConfig&, Run&,
                                                         View<float>, View<float>, Out<float>, Out<float>,
                                                         Transformer<float>&));
EIGENFORMER_ONCE(model, void word_logits_backward<double>(const Transformer<double>&, const ModelConfig&,
                                                          Run&, View<double>, View<double>, Out<double>,
                                                          Out<double>, Transformer<double>&));
EIGENFORMER_ONCE(model, void transform_words<float>(const HeadParameters<float>&, const ModelConfig&, Run&,
                                                    View<float>, Out<float>, TransformSaved<float>*));
EIGENFORMER_ONCE(model, void transform_words<double>(const HeadParameters<double>&, const ModelConfig&, Run&,
                                                     View<double>, Out<double>, TransformSaved<double>*));
EIGENFORMER_ONCE(model, void masked_word_logits<float>(const Transformer<float>&, const ModelConfig&, Run&,
                                                       View<float>, Out<float>));
EIGENFORMER_ONCE(model, void masked_word_logits<double>(const Transformer<double>&, const ModelConfig&, Run&,
                                                        View<double>, Out<double>));
EIGENFORMER_ONCE(model, Matrix<float> pool_first<float>(const HeadParameters<float>&, const ModelConfig&,
                                                        Run&, View<float>, const Ragged&, Matrix<float>*));
EIGENFORMER_ONCE(model,
                 Matrix<double> pool_first<double>(const HeadParameters<double>&, const ModelConfig&, Run&,
                                                   View<double>, const Ragged&, Matrix<double>*));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
