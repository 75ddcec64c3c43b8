// Models written as folders that this library and Hugging Face's load: config.json, generation_config.json
// and model.safetensors, with the tokenizer where one is given.
//
// Each file is written whole or not at all (write_file.hpp), the weights first and config.json last.
#pragma once

#include <eigenformer/model/each_model.hpp>
#include <eigenformer/text/tokenizer.hpp>

#include <optional>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct SaveOptions {
  /// What numbers are written as: f64, f32, bf16 or f16, rounded to nearest. None: each matrix as it is held,
  /// int8 and int4 as stored_quantised.hpp says, which this library alone reads.
  std::optional<Format> dtype = {};
  /// The family, where several have such models ("roberta", "xlm-roberta"). Empty: the first that fits.
  std::string model_type = {};
  /// Special tokens, for those who generate; what is not given is null, never the family's own number. Where
  /// `source` has a generation_config.json, that says how to generate: these are then in config.json alone.
  std::optional<Token> start_token = {};
  std::vector<Token> end_tokens = {};
  std::optional<Token> padding_token = {};
  /// A folder or GGUF file that the model comes from: the files of its tokenizer and generation_config.json
  /// are copied, and what its config.json says beside the model's own fields (special tokens, dropout) is
  /// carried over. Its model_type counts where none is given here. Empty: none.
  std::string source = {};
};

/// Writes a model (CausalLM, Seq2Seq, Encoder, MaskedLM, Classifier, Tagger) to a folder, which is made where
/// it is not there. It loads again with the same config and, where no dtype rounds them, the same parameters
/// to the bit.
/// @throws ConfigError  for a config that no family of Hugging Face has or that the source's does not fit, a
///                      number beyond the range of dtype, and parameters that are not those of the config
/// @throws FileError    for what cannot be written; a file that was there before is then still whole
template <class Model>
void save(const Model& model, const std::string& folder, const SaveOptions& options = {});

/// The same with the tokenizer beside it: tokenizer.json as it was read, and tokenizer_config.json.
/// @throws ConfigError  also for a tokenizer that comes from no tokenizer.json
template <class Model>
void save(const Model& model, const Tokenizer& tokenizer, const std::string& folder,
          const SaveOptions& options = {});

#define EIGENFORMER_SAVE(Model, S) void save<Model>(const Model&, const std::string&, const SaveOptions&)
EIGENFORMER_ONCE_EACH_MODEL(save, EIGENFORMER_SAVE);
#undef EIGENFORMER_SAVE

#define EIGENFORMER_SAVE(Model, S) \
  void save<Model>(const Model&, const Tokenizer&, const std::string&, const SaveOptions&)
EIGENFORMER_ONCE_EACH_MODEL(save, EIGENFORMER_SAVE);
#undef EIGENFORMER_SAVE

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/hub/save.inl.hpp>
#endif
