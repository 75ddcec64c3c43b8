// How a model is saved: the definitions of save.hpp.
#pragma once

#include <eigenformer/hub/gguf_tokenizer.hpp>
#include <eigenformer/hub/load_config_text.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/hub/save_config.hpp>
#include <eigenformer/hub/save_parameters.hpp>
#include <eigenformer/text/tokenizer_parts.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// The tensors of a model as streams to a file.
template <class S>
std::vector<TensorStream> tensor_streams(const std::map<std::string, JoinedTensor<S>>& tensors,
                                         std::optional<Format> dtype) {
  std::vector<TensorStream> streams;
  for (const auto& each : tensors) {
    const std::string& name = each.first;
    const JoinedTensor<S>& tensor = each.second;
    Format format = dtype.value_or(tensor.format().value_or(format_of<S>));
    if (is_quantised(format)) {
      append_quantised(tensor, name, format, streams);
      continue;
    }
    streams.push_back({name, element_type(format), tensor.shape, [&, format](FileWriter& out) {
                         switch (format) {
                           case Format::f64: return write_numbers<double>(tensor, name, out);
                           case Format::bf16: return write_numbers<bfloat16>(tensor, name, out);
                           case Format::f16: return write_numbers<half>(tensor, name, out);
                           default: return write_numbers<float>(tensor, name, out);
                         }
                       }});
  }
  return streams;
}

/// The format of those tensors that are written as whole numbers; none where there are none.
/// @throws ConfigError  for both int8 and int4 in one model
template <class S>
std::optional<Format> quantised_format(const std::map<std::string, JoinedTensor<S>>& tensors,
                                       std::optional<Format> dtype) {
  std::optional<Format> found;
  if (dtype) return found;
  for (const auto& [name, tensor] : tensors) {
    const std::optional<Format> format = tensor.format();
    if (!format || !is_quantised(*format)) continue;
    if (found && found != format) fail(ConfigError(name, "int8 and int4 do not go in one folder"));
    found = format;
  }
  return found;
}

/// What transformers calls the type of a checkpoint's numbers.
[[gnu::cold]] inline const char* torch_dtype(Format format) {
  switch (format) {
    case Format::f64: return "float64";
    case Format::bf16: return "bfloat16";
    case Format::f16: return "float16";
    default: return "float32";
  }
}

/// The special tokens as fields of config.json and generation_config.json. A field that the family's own
/// config needs, as RoBERTa its pad_token_id, stays.
[[gnu::cold]] inline void write_tokens(const SaveOptions& options, Json& json) {
  json["bos_token_id"] = options.start_token ? Json(*options.start_token) : Json(nullptr);
  const auto& end = options.end_tokens;
  json["eos_token_id"] = end.empty() ? Json(nullptr) : end.size() == 1 ? Json(end[0]) : Json(end);
  if (options.padding_token && !json.contains("pad_token_id")) json["pad_token_id"] = *options.padding_token;
}

/// Whether a source, if there is one, says how to generate.
[[gnu::cold]] inline bool has_generation_config(const std::string& source) {
  return !source.empty() && (is_gguf(source) || detail::path_exists(source + "/generation_config.json"));
}

/// Copies a source's tokenizer and generation_config.json, as far as it has them.
[[gnu::cold]] inline void copy_tokenizer(const std::string& source, const std::string& folder) {
  if (is_gguf(source)) {
    const Gguf file(source);
    write_file(folder + "/generation_config.json", text_of(gguf_generation(file.metadata())));
    if (file.metadata().has("tokenizer.ggml.model"))
      write_file(folder + "/tokenizer.json", text_of(gguf_tokenizer(file.metadata())));
    return;
  }
  for (const char* const name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "merges.txt", "vocab.txt",
        "chat_template.jinja", "generation_config.json"}) {
    const std::string from = concat(source, "/", name);
    if (!detail::path_exists(from)) continue;
    const MappedFile file(from);
    write_file(concat(folder, "/", name), [&](FileWriter& out) { out.write(file.bytes()); });
  }
}

}  // namespace hub

template <class Model> void save(const Model& model, const std::string& folder, const SaveOptions& options) {
  using S = typename std::remove_cvref_t<decltype(model.parameters().tokens.dense())>::Scalar;
  if (options.dtype && is_quantised(*options.dtype))
    fail(ConfigError("dtype", concat("a model that is to be written as ", name_of(*options.dtype),
                                     " is loaded or quantised so first")));
  std::vector<std::string> labels;
  if constexpr (requires { model.labels(); }) labels = model.labels();
  Json base;
  std::string type = options.model_type;
  if (!options.source.empty()) {
    hub::ConfigText source = hub::load_config_text(options.source);
    if (type.empty()) type = JsonFields(source.json, source.file).text("model_type");
    base = std::move(source.json);
  }
  hub::WrittenConfig written = hub::describe(model.config(), type, labels);
  const hub::TensorCollector<S> collected(model.parameters(), written.config);
  Json& json = written.json;
  const Format format = options.dtype.value_or(model.parameters().tokens.format());
  json["torch_dtype"] = hub::torch_dtype(is_quantised(format) ? format_of<S> : format);
  if (const auto stored = hub::quantised_format(collected.tensors(), options.dtype))
    json["quantization_config"] = {
        {"quant_method", "eigenformer"}, {"format", name_of(*stored)}, {"group_size", quantised_group}};
  hub::write_tokens(options, json);
  if (!base.is_null()) json = hub::merged_config(base, written);

  create_folder(folder);
  write_safetensors(folder + "/model.safetensors", hub::tensor_streams<S>(collected.tensors(), options.dtype),
                    {{"format", "pt"}});
  if (model.config().stacks != Stacks::encoder && !hub::has_generation_config(options.source)) {
    Json generation = Json::object();
    hub::write_tokens(options, generation);
    if (model.config().stacks == Stacks::encoder_decoder)
      generation["decoder_start_token_id"] = model.config().decoder_start_token;
    write_file(folder + "/generation_config.json", hub::text_of(generation));
  }
  if (!options.source.empty()) hub::copy_tokenizer(options.source, folder);
  write_file(folder + "/config.json", hub::text_of(json));
}

template <class Model>
void save(const Model& model, const Tokenizer& tokenizer, const std::string& folder,
          const SaveOptions& options) {
  if (tokenizer.parts().json.empty())
    fail(ConfigError("tokenizer", "was not read from a tokenizer.json: give the folder that it came from"));
  Json json{{"tokenizer_class", "PreTrainedTokenizerFast"},
            {"model_max_length", model.config().max_positions},
            {"clean_up_tokenization_spaces", false}};
  const auto put = [&](const char* key, std::optional<Token> id) {
    if (!id) return;
    const auto token = tokenizer.id_to_token(*id);
    if (!token) fail(ConfigError(key, concat("the tokenizer has no token ", *id)));
    json[key] = *token;
  };
  put("bos_token", options.start_token);
  if (!options.end_tokens.empty()) put("eos_token", options.end_tokens.front());
  put("pad_token", options.padding_token);
  for (const auto& [key, name] : {std::pair{"unk_token", "[UNK]"},
                                  {"cls_token", "[CLS]"},
                                  {"sep_token", "[SEP]"},
                                  {"mask_token", "[MASK]"},
                                  {"unk_token", "<unk>"},
                                  {"mask_token", "<mask>"}})
    if (tokenizer.token_to_id(name)) json[key] = name;
  save(model, folder, options);
  write_file(folder + "/tokenizer.json", tokenizer.parts().json);
  write_file(folder + "/tokenizer_config.json", hub::text_of(json));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
