// Encoders: hidden states in which every token has seen its whole sequence, and the three heads on them.
#pragma once

#include <eigenformer/model/heads.hpp>
#include <eigenformer/model/transformer.hpp>

#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Blocks under attention in both directions. Const after construction: any number of threads may share it.
template <class S> class Encoder {
 public:
  /// Random weights, reproducible. The config's stack becomes an encoder, without a head.
  Encoder(const ModelConfig& config, Seed seed)
      : Encoder(with_head(config, Head::none), random_parameters<S>(with_head(config, Head::none), seed)) {}

  /// Takes parameters, as a loader or a trainer made them.
  /// @throws ConfigError  for a config of other stacks
  Encoder(const ModelConfig& config, Transformer<S> parameters)
      : config_(config), parameters_(std::move(parameters)), tables_(config) {
    if (config.stacks != Stacks::encoder)
      fail(ConfigError("stacks", "an encoder was asked for, the config describes another kind of model"));
  }

  const ModelConfig& config() const { return config_; }
  const Transformer<S>& parameters() const { return parameters_; }
  Transformer<S>& parameters() { return parameters_; }
  const PositionTables<S>& tables() const { return tables_; }

  /// Hidden states of every token, [tokens of all sequences, d_model], after the final norm where the config
  /// has one. `types`: the type of each token, as for pairs of texts; none: all of type 0.
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> operator()(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr,
                       const TokenBatch& types = {}) const {
    return hidden_states<S>(parameters_.encoder, parameters_.tokens, config_, tables_, false, run,
                            whole_sequences<S>(batch, types), trace);
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& batch, const TokenBatch& types = {}) const {
    return alone([&](Run& run) { return (*this)(batch, run, nullptr, types); });
  }

  /// One vector a sequence, [sequences, d_model], from the hidden states of a batch: act(pooler(first
  /// token)).
  /// @throws ConfigError  if the model has no pooler
  /// @throws InputError   for the layout of another batch
  Matrix<S> pooled(Run& run, View<S> hidden, const Ragged& layout) const {
    if (!config_.pooler) fail(ConfigError("pooler", "this encoder has none"));
    return pool_first<S>(parameters_.head, config_, run, hidden, layout);
  }

 protected:
  /// The config as an encoder's with this head, and what the head needs beside it.
  static ModelConfig with_head(ModelConfig config, Head head) {
    config.stacks = Stacks::encoder;
    config.head = head;
    if (head == Head::text_classes) config.pooler = true;
    return config;
  }

  /// @throws ConfigError  for a config with another head
  static Transformer<S> checked(Transformer<S> parameters, const ModelConfig& config, Head head) {
    if (config.head != head) fail(ConfigError("head", "the config describes another head than this model's"));
    return parameters;
  }

 private:
  ModelConfig config_;
  Transformer<S> parameters_;
  PositionTables<S> tables_;
};

/// An encoder that says which word stands behind a mask.
template <class S> class MaskedLM : public Encoder<S> {
  using Base = Encoder<S>;

 public:
  MaskedLM(const ModelConfig& config, Seed seed)
      : MaskedLM(with_head(config), random_parameters<S>(with_head(config), seed)) {}
  MaskedLM(const ModelConfig& config, Transformer<S> parameters)
      : Base(config, Base::checked(std::move(parameters), config, Head::masked_words)) {}

  /// logits [rows, vocab_size] of hidden states, of those rows that are wanted.
  void logits(Run& run, View<S> hidden, Out<S> y) const {
    masked_word_logits<S>(this->parameters(), this->config(), run, hidden, y);
  }

  /// Logits of every token of every sequence, [tokens, vocab_size].
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> operator()(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr,
                       const TokenBatch& types = {}) const {
    const Matrix<S> x = Base::operator()(batch, run, trace, types);
    Matrix<S> y(x.rows(), this->config().vocab_size);
    logits(run, x, y);
    return y;
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& batch, const TokenBatch& types = {}) const {
    return alone([&](Run& run) { return (*this)(batch, run, nullptr, types); });
  }

 private:
  static ModelConfig with_head(const ModelConfig& config) {
    return Base::with_head(config, Head::masked_words);
  }
};

/// An encoder with labels: one a text (Classifier) or one a token (Tagger).
template <class S, Head head> class Labeller : public Encoder<S> {
  using Base = Encoder<S>;

 public:
  /// Random weights; labels are called LABEL_0, LABEL_1, …
  Labeller(const ModelConfig& config, Seed seed)
      : Labeller(Base::with_head(config, head), random_parameters<S>(Base::with_head(config, head), seed),
                 numbered(config.n_labels)) {}

  /// @throws ConfigError  for another head, or another number of labels than the config has
  Labeller(const ModelConfig& config, Transformer<S> parameters, std::vector<std::string> labels)
      : Base(config, Base::checked(std::move(parameters), config, head)), labels_(std::move(labels)) {
    if (static_cast<Index>(labels_.size()) != config.n_labels)
      fail(ConfigError("labels", concat(labels_.size(), " names for ", config.n_labels, " labels")));
  }

  const std::vector<std::string>& labels() const { return labels_; }

  /// logits [rows, n_labels]: of every token for a Tagger, of the sequences of `layout` for a Classifier.
  /// @throws InputError  for the layout of another batch
  Matrix<S> logits(Run& run, View<S> hidden, const Ragged& layout) const {
    layout.check_rows(hidden.rows());
    const Linear<S>& output = this->parameters().head.output;
    const bool texts = head == Head::text_classes;
    Matrix<S> y(texts ? layout.sequences() : hidden.rows(), this->config().n_labels);
    if (texts)
      forward(output, run, this->pooled(run, hidden, layout), y);
    else
      forward(output, run, hidden, y);
    return y;
  }

  /// Logits of a batch, [sequences, n_labels] for a Classifier, [tokens, n_labels] for a Tagger.
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> operator()(const TokenBatch& batch, Run& run, Trace<S>* trace = nullptr,
                       const TokenBatch& types = {}) const {
    return logits(run, Base::operator()(batch, run, trace, types), Ragged(batch));
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& batch, const TokenBatch& types = {}) const {
    return alone([&](Run& run) { return (*this)(batch, run, nullptr, types); });
  }

 private:
  static std::vector<std::string> numbered(Index count) {
    std::vector<std::string> names;
    for (Index i = 0; i < count; ++i) names.push_back(concat("LABEL_", i));
    return names;
  }

  std::vector<std::string> labels_;
};

template <class S> using Classifier = Labeller<S, Head::text_classes>;
template <class S> using Tagger = Labeller<S, Head::token_classes>;

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
