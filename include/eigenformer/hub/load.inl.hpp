// How a model is loaded: the definitions of load.hpp.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/fill.hpp>
#include <eigenformer/hub/gguf_config.hpp>
#include <eigenformer/hub/load.hpp>
#include <eigenformer/hub/load_config.hpp>

#include <map>
#include <span>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// The parameters of a GGUF file.
template <class S>
Transformer<S> load_gguf_parameters(const std::string& path, const HubConfig& config,
                                    const LoadOptions& options) {
  const Gguf file(path);
  const std::map<std::string, TensorView> tensors = file.tensors();
  const auto read = [&](std::span<const std::byte> bytes) { file.forget(bytes); };
  return Filler<S>(tensors, *gguf_family(file).names, config, options, path, read).fill();
}

template <class S>
Transformer<S> load_parameters(const std::string& folder, HubConfig& config, const LoadOptions& options) {
  if (is_gguf(folder)) return load_gguf_parameters<S>(folder, config, options);
  const SafeTensors tensors = open_folder(folder);
  Filler<S> filler(tensors, config, options, folder);
  ModelConfig& model = config.model;
  if (model.stacks == Stacks::encoder && model.head == Head::none)
    model.pooler = filler.has("head.pooler.weight");
  if (model.stacks == Stacks::encoder_decoder) model.biases.logits = filler.has("head.output.bias");
  return filler.fill();
}

/// The config of a folder whose model must have these stacks.
/// @throws ConfigError  naming folder and model_type if it has others
[[gnu::cold]] inline HubConfig load_config_of(const std::string& folder, Stacks stacks,
                                              const char* asked_for) {
  HubConfig config = load_config(folder);
  if (config.model.stacks != stacks)
    fail(ConfigError(folder,
                     concat(asked_for, " was asked for, found a model of type \"", config.model_type, "\"")));
  return config;
}

/// The parameters of an encoder's checkpoint with this head.
template <class S>
Transformer<S> load_encoder_parameters(const std::string& folder, HubConfig& config, Head head,
                                       const LoadOptions& options) {
  ModelConfig& model = config.model;
  if (head != Head::none && model.head != Head::none && model.head != head)
    fail(ConfigError(folder, concat("a model with a head for ", name_of(head),
                                    " was asked for, this one has a head for ", name_of(model.head))));
  model.head = head;
  model.pooler = head == Head::text_classes;
  return load_parameters<S>(folder, config, options);
}

}  // namespace hub

template <class S> CausalLM<S> load_causal_lm(const std::string& folder, const LoadOptions& options) {
  HubConfig config = hub::load_config_of(folder, Stacks::decoder, "a decoder");
  Transformer<S> parameters = hub::load_parameters<S>(folder, config, options);
  return CausalLM<S>(config.model, std::move(parameters));
}

template <class S> Seq2Seq<S> load_seq2seq(const std::string& folder, const LoadOptions& options) {
  HubConfig config = hub::load_config_of(folder, Stacks::encoder_decoder, "an encoder-decoder");
  Transformer<S> parameters = hub::load_parameters<S>(folder, config, options);
  return Seq2Seq<S>(config.model, std::move(parameters));
}

template <class S> Encoder<S> load_encoder(const std::string& folder, const LoadOptions& options) {
  HubConfig config = hub::load_config_of(folder, Stacks::encoder, "an encoder");
  Transformer<S> parameters = hub::load_encoder_parameters<S>(folder, config, Head::none, options);
  return Encoder<S>(config.model, std::move(parameters));
}

template <class S> MaskedLM<S> load_masked_lm(const std::string& folder, const LoadOptions& options) {
  HubConfig config = hub::load_config_of(folder, Stacks::encoder, "an encoder");
  Transformer<S> parameters = hub::load_encoder_parameters<S>(folder, config, Head::masked_words, options);
  return MaskedLM<S>(config.model, std::move(parameters));
}

template <class S> Classifier<S> load_classifier(const std::string& folder, const LoadOptions& options) {
  HubConfig config = hub::load_config_of(folder, Stacks::encoder, "an encoder");
  Transformer<S> parameters = hub::load_encoder_parameters<S>(folder, config, Head::text_classes, options);
  return Classifier<S>(config.model, std::move(parameters), config.labels);
}

template <class S> Tagger<S> load_tagger(const std::string& folder, const LoadOptions& options) {
  HubConfig config = hub::load_config_of(folder, Stacks::encoder, "an encoder");
  Transformer<S> parameters = hub::load_encoder_parameters<S>(folder, config, Head::token_classes, options);
  return Tagger<S>(config.model, std::move(parameters), config.labels);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
