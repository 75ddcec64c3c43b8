// Cross-entropy, with ignored labels and label smoothing, and its gradient; for words without ever holding
// the logits of all tokens.
//   loss = −Σ_c t_c ln softmax(z)_c,   t = (1 − ε) · [c = label] + ε / classes     (ε: label smoothing)
//   dz   = softmax(z) − t
// Szegedy et al. 2016, "Rethinking the Inception Architecture", §7, for the smoothing.
#pragma once

#include <eigenformer/model/heads.hpp>

#include <cmath>
#include <functional>
#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The label of a place that does not count.
inline constexpr Token ignored_label = -100;

struct LossOptions {
  double label_smoothing = 0.0;
  /// Multiplies the gradient of each counted label's loss; 0: one over their number, which gives the gradient
  /// of the mean. A batch in parts gives each of them one over the number in the whole batch.
  double weight = 0.0;
  /// Where given, of words: is called once with the loss of every row (0 where its label is ignored), and
  /// says by what each row's loss is multiplied in the gradient, in place of `weight`. The hidden states'
  /// logits are then computed twice.
  std::function<void(std::span<const double> losses, std::span<double> weights)> weigh = {};
  /// Rows of the call at hand: `weights` in place of `weight`, and `losses` that become the rows' own.
  std::span<const double> weights = {};
  std::span<double> losses = {};
};

/// Losses of the labels that count, in nats.
struct Loss {
  double sum = 0;
  Index counted = 0;
  double mean() const { return sum / static_cast<double>(counted); }
};

/// How many labels count.
/// @throws InputError  for a label that is neither ignored nor one of `classes`, with its place, or for
///                     another number of labels than `rows`
inline Index count_labels(std::span<const Token> labels, Index rows, Index classes) {
  if (static_cast<Index>(labels.size()) != rows)
    fail(InputError(concat(labels.size(), " labels for ", rows, " rows")));
  Index counted = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == ignored_label) continue;
    if (labels[i] < 0 || labels[i] >= classes)
      fail(InputError(concat("label ", labels[i], " at place ", i, " is none of ", classes, " classes")));
    ++counted;
  }
  return counted;
}

/// The loss of one row of n logits, which become weight · dz.
template <class S> double cross_entropy(Index n, S* logits, Token label, double smoothing, double weight) {
  using V = lanes::Vector<S>;
  using std::log;
  const auto classes = static_cast<double>(n);
  const S highest = largest(n, logits), wanted = logits[label];
  const double mean =
      smoothing > 0 ? static_cast<double>(sum_of(n, logits, [](const V& v) { return v; })) / classes : 0.0;
  map(
      n, logits, [&](const V& v) { return exp(v - V(highest)); }, logits);
  const S sum = sum_of(n, logits, [](const V& v) { return v; });
  const V scale(S(weight) / sum), uniform(S(weight * smoothing / classes));
  map(
      n, logits, [&](const V& v) { return v * scale - uniform; }, logits);
  logits[label] -= S(weight * (1 - smoothing));
  const double normaliser = static_cast<double>(highest) + log(static_cast<double>(sum));
  return normaliser - (1 - smoothing) * static_cast<double>(wanted) - smoothing * mean;
}

/// The loss of rows of logits [rows, classes], which become its gradient (rows without a label: zeros).
/// @throws InputError  as count_labels
template <class S>
Loss cross_entropy(Run& run, Out<S> logits, std::span<const Token> labels, const LossOptions& options) {
  Loss loss;
  loss.counted = count_labels(labels, logits.rows(), logits.cols());
  const double weight = options.weight != 0 ? options.weight : 1.0 / static_cast<double>(loss.counted);
  const Workspace::Frame frame(run.workspace);
  double* const each = run.workspace.take<double>(logits.rows());
  const Index grain = (std::max)(Index{1}, Index{1 << 12} / logits.cols());
  run.threads.slices(logits.rows(), grain, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      S* const row = logits.data() + r * logits.outerStride();
      const Token label = labels[static_cast<std::size_t>(r)];
      each[r] = 0;
      if (label == ignored_label)
        std::fill(row, row + logits.cols(), S(0));
      else
        each[r] =
            cross_entropy(logits.cols(), row, label, options.label_smoothing,
                          options.weights.empty() ? weight : options.weights[static_cast<std::size_t>(r)]);
    }
  });
  for (Index r = 0; r < logits.rows(); ++r) loss.sum += each[r];
  if (!options.losses.empty()) std::copy(each, each + logits.rows(), options.losses.begin());
  return loss;
}

namespace detail {

/// Whether there is no label to learn from.
/// @throws InputError  then, unless this is a part of a batch whose other parts may have some
inline bool nothing_counts(const Loss& loss, const LossOptions& options) {
  if (loss.counted == 0 && options.weight == 0) fail(InputError("no label counts: all of them are ignored"));
  return loss.counted == 0;
}

/// Logits that are held at a time.
inline constexpr Index logits_at_a_time = Index{1} << 22;

/// word_loss for hidden states that all count, after the head's transform.
template <class S>
double word_loss_slices(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x,
                        std::span<const Token> labels, const LossOptions& options, Out<S> dx,
                        std::type_identity_t<Transformer<S>>* grad) {
  const Index most = std::clamp(logits_at_a_time / config.vocab_size, Index{16}, Index{1024});
  const bool capped = config.logits_cap != 0.0;
  double sum = 0;
  for (Index first = 0; first < x.rows(); first += most) {
    const Workspace::Frame frame(run.workspace);
    const Index rows = (std::min)(most, x.rows() - first);
    auto y = run.workspace.matrix<S>(rows, config.vocab_size);
    word_logits<S>(p, config, run, x.middleRows(first, rows), y);
    auto capped_logits = run.workspace.matrix<S>(capped ? rows : 0, config.vocab_size);
    if (capped) capped_logits = y;
    const auto part = [&](auto all) {
      return all.empty() ? all : all.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows));
    };
    LossOptions here{options.label_smoothing, options.weight};
    here.weights = part(options.weights);
    here.losses = part(options.losses);
    sum += cross_entropy<S>(run, y, part(labels), here).sum;
    if (!grad) continue;
    word_logits_backward<S>(p, config, run, x.middleRows(first, rows), capped ? capped_logits : y, y,
                            dx.middleRows(first, rows), *grad);
  }
  return sum;
}

/// The same for options that weigh: `places` are the rows that count of all `rows`.
template <class S>
double weighed_word_loss(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x,
                         std::span<const Token> labels, LossOptions options, const Index* places, Index rows,
                         Out<S> dx, std::type_identity_t<Transformer<S>>* grad) {
  if (!options.weigh) return word_loss_slices<S>(p, config, run, x, labels, options, dx, grad);
  const Workspace::Frame frame(run.workspace);
  const auto take = [&](Index n) {
    double* const numbers = run.workspace.take<double>(n);
    std::fill(numbers, numbers + n, 0.0);
    return std::span<double>(numbers, static_cast<std::size_t>(n));
  };
  const std::span<double> all_losses = take(rows), all_weights = take(rows), losses = take(x.rows()),
                          weights = take(x.rows());
  options.losses = losses;
  const double sum = word_loss_slices<S>(p, config, run, x, labels, options, dx, nullptr);
  for (std::size_t i = 0; i < losses.size(); ++i) all_losses[static_cast<std::size_t>(places[i])] = losses[i];
  options.weigh(all_losses, all_weights);
  if (!grad) return sum;
  for (std::size_t i = 0; i < losses.size(); ++i)
    weights[i] = all_weights[static_cast<std::size_t>(places[i])];
  options.weights = weights;
  options.losses = {};
  word_loss_slices<S>(p, config, run, x, labels, options, dx, grad);
  return sum;
}

}  // namespace detail

/// The loss of the words that hidden states x [rows, d_model] (after the final norm) predict, one label a
/// row. Only rows whose label counts are computed, some millions of logits at a time. With `grad`, dx [rows,
/// d_model] += the gradient of x, and the head's gradients (those of tied embeddings too) are added to *grad.
/// @throws InputError  as count_labels, or if no label counts; a part of a batch (with LossOptions::weight)
///                     without one has a loss and a gradient of zero
template <class S>
Loss word_loss(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x,
               std::span<const Token> labels, LossOptions options, Out<S> dx,
               std::type_identity_t<Transformer<S>>* grad) {
  Loss loss;
  loss.counted = count_labels(labels, x.rows(), config.vocab_size);
  if (detail::nothing_counts(loss, options)) return loss;
  if (options.weight == 0) options.weight = 1.0 / static_cast<double>(loss.counted);
  const Workspace::Frame frame(run.workspace);
  Index* const places = run.workspace.take<Index>(loss.counted);
  Token* const counted = run.workspace.take<Token>(loss.counted);
  Index n = 0;
  for (Index r = 0; r < x.rows(); ++r)
    if (const Token label = labels[static_cast<std::size_t>(r)]; label != ignored_label) {
      places[n] = r;
      counted[n++] = label;
    }
  const std::span<const Token> targets(counted, static_cast<std::size_t>(n));
  auto h = run.workspace.matrix<S>(n, x.cols());
  auto dh = run.workspace.matrix<S>(grad ? n : 0, x.cols());
  for (Index i = 0; i < n; ++i) h.row(i) = x.row(places[i]);
  dh.setZero();
  if (config.head == Head::masked_words) {
    auto words = run.workspace.matrix<S>(n, x.cols());
    auto d_words = run.workspace.matrix<S>(dh.rows(), x.cols());
    d_words.setZero();
    TransformSaved<S> saved;
    transform_words<S>(p.head, config, run, h, words, &saved);
    loss.sum = detail::weighed_word_loss<S>(p, config, run, words, targets, options, places, x.rows(),
                                            d_words, grad);
    if (grad) transform_words_backward<S>(p.head, config, run, saved, h, d_words, dh, grad->head);
  } else {
    loss.sum = detail::weighed_word_loss<S>(p, config, run, h, targets, options, places, x.rows(), dh, grad);
  }
  for (Index i = 0; i < dh.rows(); ++i) dx.row(places[i]) += dh.row(i);
  return loss;
}

/// The loss of an encoder's labels: one a sequence of `layout` where the head has classes of texts, otherwise
/// one a row of x [rows, d_model]. dx and grad as in word_loss.
/// @throws InputError  as count_labels, or if no label counts; a part of a batch (with LossOptions::weight)
///                     without one has a loss and a gradient of zero
template <class S>
Loss label_loss(const Transformer<S>& p, const ModelConfig& config, Run& run, View<S> x, const Ragged& layout,
                std::span<const Token> labels, const LossOptions& options, Out<S> dx,
                std::type_identity_t<Transformer<S>>* grad) {
  const bool texts = config.head == Head::text_classes;
  Loss loss;
  loss.counted = count_labels(labels, texts ? layout.sequences() : x.rows(), config.n_labels);
  if (detail::nothing_counts(loss, options)) return loss;
  Matrix<S> linear;
  const Matrix<S> states = texts ? pool_first<S>(p.head, config, run, x, layout, &linear) : Matrix<S>(x);
  Matrix<S> y(states.rows(), config.n_labels);
  forward(p.head.output, run, states, y);
  loss = cross_entropy<S>(run, y, labels, options);
  if (!grad) return loss;
  if (!texts) {
    backward<S>(p.head.output, run, states, y, dx, grad->head.output);
    return loss;
  }
  Matrix<S> d_pooled = Matrix<S>::Zero(states.rows(), states.cols());
  backward<S>(p.head.output, run, states, y, d_pooled, grad->head.output);
  pool_first_backward<S>(p.head, config, run, linear, x, layout, d_pooled, dx, grad->head);
  return loss;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
