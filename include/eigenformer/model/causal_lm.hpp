// A causal language model: a decoder whose every token sees those before it, and a head that says what comes
// next.
#pragma once

#include <eigenformer/model/language_model.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

template <class S> class CausalLM : public LanguageModel<S> {
 public:
  /// Random weights, reproducible.
  CausalLM(const ModelConfig& config, Seed seed) : CausalLM(config, random_parameters<S>(config, seed)) {}

  /// Takes parameters, as a loader or a trainer made them.
  /// @throws ConfigError  for a config without a decoder stack alone
  CausalLM(const ModelConfig& config, Transformer<S> parameters)
      : LanguageModel<S>(config, std::move(parameters)) {
    if (config.stacks != Stacks::decoder)
      fail(ConfigError("stacks", "a decoder was asked for, the config describes another kind of model"));
  }

  /// Hidden states after the final norm, [tokens of all sequences, d_model].
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> hidden_states(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr) const {
    return this->whole(run, whole_sequences<S>(batch), trace);
  }

  /// Logits of every token of every sequence, [tokens, vocab_size].
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> operator()(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr) const {
    return this->logits_of(run, hidden_states(batch, run, trace));
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& batch) const {
    return alone([&](Run& run) { return (*this)(batch, run); });
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
