// A causal language model: a decoder and the head that turns its hidden states into logits.
#pragma once

#include <eigenformer/model/transformer.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

/// Blocks under causal attention, without a head. Const after construction: any number of threads may share
/// it.
template <class S> class Decoder {
 public:
  /// Random weights, reproducible.
  Decoder(const ModelConfig& config, Seed seed) : Decoder(config, random_parameters<S>(config, seed)) {}

  /// Takes parameters, as a loader or a trainer made them.
  /// @throws ConfigError  for a config without a decoder stack alone
  Decoder(const ModelConfig& config, Transformer<S> parameters)
      : config_(config), parameters_(std::move(parameters)), tables_(config) {
    if (config.stacks != Stacks::decoder)
      fail(ConfigError("stacks", "a decoder was asked for, the config describes another kind of model"));
  }

  const ModelConfig& config() const { return config_; }
  const Transformer<S>& parameters() const { return parameters_; }
  Transformer<S>& parameters() { return parameters_; }

  /// Hidden states after the final norm, [tokens of all sequences, d_model].
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> operator()(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr) const {
    std::vector<SequenceInput<S>> inputs;
    for (const auto& tokens : batch) {
      check_tokens(tokens, config_);
      check_window(static_cast<Index>(tokens.size()), config_);
      inputs.push_back({tokens});
    }
    Matrix<S> x(Ragged(batch).rows(), config_.d_model);
    hidden(run, inputs, x, trace);
    finish<S>(parameters_.decoder, config_, run, x, trace);
    return x;
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& batch) const {
    Threads threads(1);
    Workspace workspace;
    Run run{threads, workspace};
    return (*this)(batch, run);
  }

  /// Hidden states before the final norm, for sequences that were checked; see forward(Stack).
  void hidden(Run& run, std::span<const SequenceInput<S>> inputs, Out<S> x, Trace<S>* trace = nullptr) const {
    forward<S>(parameters_.decoder, parameters_.tokens, config_, tables_, true, run, inputs, x, trace);
  }

 private:
  ModelConfig config_;
  Transformer<S> parameters_;
  PositionTables<S> tables_;
};

/// A decoder with logits over the vocabulary.
template <class S> class CausalLM : public Decoder<S> {
 public:
  using Decoder<S>::Decoder;

  /// logits [rows, vocab_size] of normed hidden states: x · Eᵀ (+ bias), scaled and capped.
  void logits(Run& run, View<S> x, Out<S> y) const {
    const ModelConfig& config = this->config();
    const Transformer<S>& p = this->parameters();
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

  /// Logits of every token of every sequence, [tokens, vocab_size].
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> operator()(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr) const {
    const Matrix<S> x = Decoder<S>::operator()(batch, run, trace);
    Matrix<S> y(x.rows(), this->config().vocab_size);
    logits(run, x, y);
    return y;
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& batch) const {
    Threads threads(1);
    Workspace workspace;
    Run run{threads, workspace};
    return (*this)(batch, run);
  }
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
