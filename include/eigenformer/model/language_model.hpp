// What models that write have in common, and all that a session needs of one: a decoder stack, and the head
// that turns its hidden states into logits.
#pragma once

#include <eigenformer/model/heads.hpp>
#include <eigenformer/model/transformer.hpp>

#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The part that CausalLM and Seq2Seq share. Const after construction: any number of threads may share it.
template <class S> class LanguageModel {
 public:
  const ModelConfig& config() const { return config_; }
  const Transformer<S>& parameters() const { return parameters_; }
  Transformer<S>& parameters() { return parameters_; }
  const PositionTables<S>& tables() const { return tables_; }

  /// x [rows, d_model]: the decoder's hidden states before its final norm, for inputs that were checked; see
  /// forward(Stack).
  void hidden(Run& run, std::span<const SequenceInput<S>> inputs, Out<S> x, Trace<S>* trace = nullptr) const {
    forward<S>(parameters_.decoder, parameters_.tokens, config_, tables_, true, run, inputs, x, trace);
  }

  /// logits [rows, vocab_size] of hidden states after the final norm: x · Eᵀ (+ bias), scaled and capped.
  void logits(Run& run, View<S> x, Out<S> y) const { word_logits<S>(parameters_, config_, run, x, y); }

 protected:
  LanguageModel(const ModelConfig& config, Transformer<S> parameters)
      : config_(config), parameters_(std::move(parameters)), tables_(config) {}

  /// Hidden states after the final norm of whole sequences, [rows of all, d_model].
  Matrix<S> whole(Run& run, std::span<const SequenceInput<S>> inputs, Trace<S>* trace) const {
    return hidden_states<S>(parameters_.decoder, parameters_.tokens, config_, tables_, true, run, inputs,
                            trace);
  }

  Matrix<S> logits_of(Run& run, View<S> hidden) const {
    Matrix<S> y(hidden.rows(), config_.vocab_size);
    logits(run, hidden, y);
    return y;
  }

 private:
  ModelConfig config_;
  Transformer<S> parameters_;
  PositionTables<S> tables_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
