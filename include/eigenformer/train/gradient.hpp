// The loss of a batch and its gradient, for each of the three families.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/model/backward.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/seq2seq.hpp>
#include <eigenformer/train/loss.hpp>

#include <span>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// What one batch's forward pass leaves for its backward pass. Kept from step to step, it is allocated once.
template <class S> struct TrainingMemory {
  /// Activation checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): keeps of
  /// each block its input alone, and computes the block once more in the backward pass. The same bits.
  bool recompute = false;
  /// What passes with a gradient drop; those without one (evaluation) drop nothing. Whoever trains numbers
  /// the passes.
  DropoutPass dropout;
  StackSaved<S> encoder, decoder;
  Matrix<S> x, dx;               ///< [rows, d_model] of the stack that the loss looks at
  Matrix<S> encoded, d_encoded;  ///< [source rows, d_model], of an encoder-decoder
};

/// The label of each token of a batch is the token after it; a sequence's last token has none.
inline std::vector<Token> next_tokens(const TokenBatch& batch) {
  std::vector<Token> labels;
  for (const auto& tokens : batch)
    for (std::size_t i = 0; i < tokens.size(); ++i)
      labels.push_back(i + 1 < tokens.size() ? tokens[i + 1] : ignored_label);
  return labels;
}

namespace detail {

/// One stack with its tables, as a training pass uses it.
template <class S> struct TrainedStack {
  const Stack<S>& p;
  const Weight<S>& tokens;
  const ModelConfig& config;
  const PositionTables<S>& tables;
  bool causal;
  std::span<const SequenceInput<S>> inputs;
  const EncodedSource<S>* source = nullptr;

  /// x: hidden states after the final norm.
  void forward(Run& run, Matrix<S>& x, StackSaved<S>* saved) const {
    Index rows = 0;
    for (const auto& input : inputs) {
      check_input(input, config);
      rows += input.rows();
    }
    x.resize(rows, config.d_model);
    eigenformer::forward<S>(p, tokens, config, tables, causal, run, inputs, x, nullptr, saved, source);
    finish<S>(p, config, run, x);
  }

  void backward(Run& run, StackSaved<S>& saved, Matrix<S>& dx, Stack<S>& grad, Weight<S>& d_tokens,
                Matrix<S>* d_source = nullptr) const {
    finish_backward<S>(p, config, run, saved, dx, grad);
    eigenformer::backward<S>(p, config, tables, causal, run, inputs, saved, dx, grad, d_tokens, source,
                             d_source);
  }
};

/// A stack under a loss: loss(x, dx) adds the gradient of x to dx, where a gradient is wanted.
template <class S, class F>
Loss with_loss(const TrainedStack<S>& stack, Run& run, TrainingMemory<S>& memory, StackSaved<S>& saved,
               bool gradient, F&& loss) {
  validate(memory.dropout.rates);
  saved.recompute = memory.recompute;
  saved.dropout = memory.dropout;
  stack.forward(run, memory.x, gradient ? &saved : nullptr);
  memory.dx.setZero(gradient ? memory.x.rows() : 0, memory.x.cols());
  return loss(memory.x, memory.dx);
}

}  // namespace detail

/// The loss of a causal language model on whole sequences; labels[r] is the word expected after row r (see
/// next_tokens), or ignored_label. With `grad`, a struct of the model's shapes, its gradient is added there;
/// parameters whose gradient is empty are frozen.
/// @throws InputError, WindowError  before any work is done, or if no label counts
template <class S>
Loss loss_and_gradient(const CausalLM<S>& model, const TokenBatch& batch, std::span<const Token> labels,
                       const LossOptions& options, Run& run, TrainingMemory<S>& memory,
                       std::type_identity_t<Transformer<S>>* grad) {
  const Transformer<S>& p = model.parameters();
  const auto inputs = whole_sequences<S>(batch);
  const detail::TrainedStack<S> stack{p.decoder, p.tokens, model.config(), model.tables(), true, inputs};
  const Loss loss = detail::with_loss(
      stack, run, memory, memory.decoder, grad != nullptr, [&](Matrix<S>& x, Matrix<S>& dx) {
        return word_loss<S>(p, model.config(), run, x, labels, options, dx, grad);
      });
  if (grad) stack.backward(run, memory.decoder, memory.dx, grad->decoder, grad->tokens);
  return loss;
}

/// The same for an encoder: of masked words, one label a token (ignored_label where nothing was masked); of
/// labels for tokens, one a token; of labels for texts, one a sequence. `types` as in Encoder.
/// @throws InputError, WindowError  before any work is done, or if no label counts
/// @throws ConfigError  for an encoder without a head
template <class S>
Loss loss_and_gradient(const Encoder<S>& model, const TokenBatch& batch, const TokenBatch& types,
                       std::span<const Token> labels, const LossOptions& options, Run& run,
                       TrainingMemory<S>& memory, std::type_identity_t<Transformer<S>>* grad) {
  const Transformer<S>& p = model.parameters();
  const ModelConfig& config = model.config();
  if (config.head == Head::none) fail(ConfigError("head", "an encoder without a head has no loss"));
  const auto inputs = whole_sequences<S>(batch, types);
  const detail::TrainedStack<S> stack{p.encoder, p.tokens, config, model.tables(), false, inputs};
  const bool words = config.head == Head::masked_words;
  const Loss loss = detail::with_loss(
      stack, run, memory, memory.encoder, grad != nullptr, [&](Matrix<S>& x, Matrix<S>& dx) {
        return words ? word_loss<S>(p, config, run, x, labels, options, dx, grad)
                     : label_loss<S>(p, config, run, x, Ragged(batch), labels, options, dx, grad);
      });
  if (grad) stack.backward(run, memory.encoder, memory.dx, grad->encoder, grad->tokens);
  return loss;
}

/// The same for an encoder-decoder; targets are what the decoder is fed (the start token first), labels[r]
/// the word expected after row r of the targets.
/// @throws InputError, WindowError  before any work on the stack they concern, or if no label counts
template <class S>
Loss loss_and_gradient(const Seq2Seq<S>& model, const TokenBatch& sources, const TokenBatch& targets,
                       std::span<const Token> labels, const LossOptions& options, Run& run,
                       TrainingMemory<S>& memory, std::type_identity_t<Transformer<S>>* grad) {
  if (sources.size() != targets.size())
    fail(InputError(concat(targets.size(), " targets for ", sources.size(), " sources")));
  const Transformer<S>& p = model.parameters();
  const auto source_inputs = whole_sequences<S>(sources);
  const detail::TrainedStack<S> encoder{
      p.encoder, p.tokens, model.encoder_config(), model.encoder_tables(), false, source_inputs};
  validate(memory.dropout.rates);
  memory.encoder.recompute = memory.recompute;
  memory.encoder.dropout = memory.dropout;
  encoder.forward(run, memory.encoded, grad ? &memory.encoder : nullptr);

  const Ragged layout(sources);
  const EncodedSource<S> source{memory.encoded, layout};
  const auto inputs = whole_sequences<S>(targets);
  const detail::TrainedStack<S> decoder{p.decoder, p.tokens, model.config(), model.tables(),
                                        true,      inputs,   &source};
  const Loss loss = detail::with_loss(
      decoder, run, memory, memory.decoder, grad != nullptr, [&](Matrix<S>& x, Matrix<S>& dx) {
        return word_loss<S>(p, model.config(), run, x, labels, options, dx, grad);
      });
  if (!grad) return loss;
  memory.d_encoded.setZero(memory.encoded.rows(), memory.encoded.cols());
  decoder.backward(run, memory.decoder, memory.dx, grad->decoder, grad->tokens, &memory.d_encoded);
  encoder.backward(run, memory.encoder, memory.d_encoded, grad->encoder, grad->tokens);
  return loss;
}

EIGENFORMER_ONCE(train, Loss loss_and_gradient<float>(const CausalLM<float>&, const TokenBatch&,
                                                      std::span<const Token>, const LossOptions&, Run&,
                                                      TrainingMemory<float>&, Transformer<float>*));
EIGENFORMER_ONCE(train, Loss loss_and_gradient<double>(const CausalLM<double>&, const TokenBatch&,
                                                       std::span<const Token>, const LossOptions&, Run&,
                                                       TrainingMemory<double>&, Transformer<double>*));
EIGENFORMER_ONCE(train,
                 Loss loss_and_gradient<float>(const Encoder<float>&, const TokenBatch&, const TokenBatch&,
                                               std::span<const Token>, const LossOptions&, Run&,
                                               TrainingMemory<float>&, Transformer<float>*));
EIGENFORMER_ONCE(train,
                 Loss loss_and_gradient<double>(const Encoder<double>&, const TokenBatch&, const TokenBatch&,
                                                std::span<const Token>, const LossOptions&, Run&,
                                                TrainingMemory<double>&, Transformer<double>*));
EIGENFORMER_ONCE(train,
                 Loss loss_and_gradient<float>(const Seq2Seq<float>&, const TokenBatch&, const TokenBatch&,
                                               std::span<const Token>, const LossOptions&, Run&,
                                               TrainingMemory<float>&, Transformer<float>*));
EIGENFORMER_ONCE(train,
                 Loss loss_and_gradient<double>(const Seq2Seq<double>&, const TokenBatch&, const TokenBatch&,
                                                std::span<const Token>, const LossOptions&, Run&,
                                                TrainingMemory<double>&, Transformer<double>*));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
