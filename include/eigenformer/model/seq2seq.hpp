// A sequence-to-sequence model: an encoder reads the source, a decoder writes the target and looks at what
// the encoder made of the source through keys and values that are computed once. Vaswani et al. 2017.
#pragma once

#include <eigenformer/model/language_model.hpp>

#include <memory>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

template <class S> class Seq2Seq : public LanguageModel<S> {
 public:
  /// Random weights, reproducible.
  Seq2Seq(const ModelConfig& config, Seed seed) : Seq2Seq(config, random_parameters<S>(config, seed)) {}

  /// Takes parameters, as a loader or a trainer made them.
  /// @throws ConfigError  for a config without both stacks
  Seq2Seq(const ModelConfig& config, Transformer<S> parameters)
      : LanguageModel<S>(config, std::move(parameters)),
        encoder_config_(config.encoder()),
        encoder_tables_(encoder_config_) {
    if (config.stacks != Stacks::encoder_decoder)
      fail(ConfigError("stacks",
                       "an encoder and a decoder were asked for, the config describes another kind "
                       "of model"));
  }

  const ModelConfig& encoder_config() const { return encoder_config_; }
  const PositionTables<S>& encoder_tables() const { return encoder_tables_; }

  /// Hidden states of the sources' tokens after the encoder, [tokens of all sources, d_model].
  /// @throws InputError, WindowError  before any work is done
  Matrix<S> encode(const TokenBatch& sources, Run& run, Trace<S>* trace = nullptr) const {
    const Transformer<S>& p = this->parameters();
    return hidden_states<S>(p.encoder, p.tokens, encoder_config_, encoder_tables_, false, run,
                            whole_sequences<S>(sources), trace);
  }

  /// What the decoder needs of each source: the keys and values of its cross-attention in every layer, from
  /// the hidden states of encode(). Never written to again, so any number of sessions may share one.
  /// @throws InputError  for the layout of another batch
  std::vector<std::shared_ptr<const KeyValues<S>>> cross_key_values(Run& run, View<S> encoded,
                                                                    const Ragged& layout) const {
    layout.check_rows(encoded.rows());
    const ModelConfig& config = this->config();
    std::vector<KeyValues<S>> sources;
    for (Index s = 0; s < layout.sequences(); ++s) {
      sources.emplace_back(config, layout.length(s));
      sources.back().prepare(layout.length(s));
    }
    const Workspace::Frame frame(run.workspace);
    auto k = run.workspace.matrix<S>(encoded.rows(), config.key_value_width());
    auto v = run.workspace.matrix<S>(encoded.rows(), config.key_value_width());
    for (Index layer = 0; layer < config.n_layers; ++layer) {
      const Attention<S>& cross = this->parameters().decoder.blocks[static_cast<std::size_t>(layer)].cross;
      forward(cross.key, run, encoded, k);
      forward(cross.value, run, encoded, v);
      for (Index s = 0; s < layout.sequences(); ++s)
        sources[static_cast<std::size_t>(s)].write(layer, layout.length(s), k.row(layout.begin(s)).data(),
                                                   v.row(layout.begin(s)).data(), k.cols());
    }
    std::vector<std::shared_ptr<const KeyValues<S>>> shared;
    for (Index s = 0; s < layout.sequences(); ++s) {
      sources[static_cast<std::size_t>(s)].advance(layout.length(s));
      shared.push_back(std::make_shared<const KeyValues<S>>(std::move(sources[static_cast<std::size_t>(s)])));
    }
    return shared;
  }

  /// The same from the sources' tokens.
  /// @throws InputError, WindowError  before any work is done
  std::vector<std::shared_ptr<const KeyValues<S>>> read(const TokenBatch& sources, Run& run,
                                                        Trace<S>* trace = nullptr) const {
    return cross_key_values(run, encode(sources, run, trace), Ragged(sources));
  }

  /// Logits after every token of every target, [tokens of all targets, vocab_size]. A target begins with the
  /// config's decoder_start_token.
  /// @throws InputError, WindowError  before any work is done, also for another number of targets than
  /// sources
  Matrix<S> operator()(const TokenBatch& sources, const TokenBatch& targets, Run& run,
                       Trace<S>* encoder = nullptr, Trace<S>* decoder = nullptr) const {
    if (sources.size() != targets.size())
      fail(InputError(concat(targets.size(), " targets for ", sources.size(), " sources")));
    std::vector<SequenceInput<S>> inputs = whole_sequences<S>(targets);
    for (const auto& input : inputs) check_input(input, this->config());
    const auto memory = read(sources, run, encoder);
    for (std::size_t s = 0; s < inputs.size(); ++s) inputs[s].source = memory[s].get();
    return this->logits_of(run, this->whole(run, inputs, decoder));
  }

  /// The same on the calling thread alone.
  Matrix<S> operator()(const TokenBatch& sources, const TokenBatch& targets) const {
    return alone([&](Run& run) { return (*this)(sources, targets, run); });
  }

 private:
  ModelConfig encoder_config_;
  PositionTables<S> encoder_tables_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
