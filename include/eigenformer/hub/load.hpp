// Models as downloaded: folders with config.json and safetensors, or GGUF files of decoders. One function for
// each face of a model.
//
// Matrices stay in the mapped file where their format and layout allow it; the file must not change while the
// model lives. Those of a GGUF file that are in blocks become int8 or int4 where no other format is asked for
// (gguf_blocks.hpp). All of them throw FileError, ConfigError or ShapeError, with the file, the tensor or
// field, and the offending value.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/hub/hub_config.hpp>
#include <eigenformer/hub/load_options.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/seq2seq.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// The parameters of a folder's checkpoint or of a GGUF file, and in the config which of those it has that it may
/// lack.
template <class S>
Transformer<S> load_parameters(const std::string& folder, HubConfig& config, const LoadOptions& options = {});

EIGENFORMER_ONCE(load, Transformer<float> load_parameters<float>(const std::string&, HubConfig&,
                                                                 const LoadOptions&));
EIGENFORMER_ONCE(load, Transformer<double> load_parameters<double>(const std::string&, HubConfig&,
                                                                   const LoadOptions&));

}  // namespace hub

/// A causal language model: GPT-2, LLaMA, BLOOM, …
template <class S> CausalLM<S> load_causal_lm(const std::string& folder, const LoadOptions& options = {});

/// A sequence-to-sequence model: T5, BART, …
template <class S> Seq2Seq<S> load_seq2seq(const std::string& folder, const LoadOptions& options = {});

/// The bare encoder of a BERT-like checkpoint with any head, or none.
template <class S> Encoder<S> load_encoder(const std::string& folder, const LoadOptions& options = {});

/// A BERT-like checkpoint with the head that fills masks.
template <class S> MaskedLM<S> load_masked_lm(const std::string& folder, const LoadOptions& options = {});

/// A BERT-like checkpoint with a head that gives a text one label.
template <class S> Classifier<S> load_classifier(const std::string& folder, const LoadOptions& options = {});

/// A BERT-like checkpoint with a head that gives each token a label.
template <class S> Tagger<S> load_tagger(const std::string& folder, const LoadOptions& options = {});

EIGENFORMER_ONCE(load, CausalLM<float> load_causal_lm<float>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, CausalLM<double> load_causal_lm<double>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Seq2Seq<float> load_seq2seq<float>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Seq2Seq<double> load_seq2seq<double>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Encoder<float> load_encoder<float>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Encoder<double> load_encoder<double>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, MaskedLM<float> load_masked_lm<float>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, MaskedLM<double> load_masked_lm<double>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Classifier<float> load_classifier<float>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Classifier<double> load_classifier<double>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Tagger<float> load_tagger<float>(const std::string&, const LoadOptions&));
EIGENFORMER_ONCE(load, Tagger<double> load_tagger<double>(const std::string&, const LoadOptions&));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/load.inl.hpp>
#endif
