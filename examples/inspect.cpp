// Shows what a model folder holds, and runs one forward pass on inputs from a file:
//   inspect ~/models/gpt2
//   inspect ~/models/gpt2 --inputs in.safetensors --outputs out.safetensors --double
#include "common.hpp"
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/write_safetensors.hpp>

#include <cstring>
#include <filesystem>
#include <list>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, inputs, outputs;
  bool in_double = false, json = false;
  int threads = 1;
};

/// [batch, length] of a padded input and which of it is real.
struct Padded {
  ef::Index batch = 0, length = 0;
  std::vector<char> real;
  ef::TokenBatch tokens;
};

Padded read_padded(const ef::SafeTensors& file, const std::string& ids_name, const std::string& mask_name) {
  const ef::TensorView& ids = file.at(ids_name);
  if (ids.shape.size() != 2) throw ef::ShapeError(ids_name, {-1, -1}, ids.shape, ids.file);
  Padded out{ids.shape[0], ids.shape[1], {}, {}};
  out.real.assign(static_cast<std::size_t>(ids.size()), 1);
  if (const ef::TensorView* const mask = file.find(mask_name)) {
    if (mask->shape != ids.shape) throw ef::ShapeError(mask_name, ids.shape, mask->shape, mask->file);
    out.real = mask->values<char>();
  }
  out.tokens.resize(static_cast<std::size_t>(out.batch));
  for (ef::Index i = 0; i < ids.size(); ++i) {
    if (!out.real[static_cast<std::size_t>(i)]) continue;
    const auto id = ids.element<std::int64_t>(i);
    if (id < 0 || id > INT32_MAX) throw ef::InputError(ef::concat(ids_name, ": ", id, " is no token id"));
    out.tokens[static_cast<std::size_t>(i / out.length)].push_back(static_cast<ef::Token>(id));
  }
  return out;
}

/// What a pass writes out, under the names of Hugging Face.
template <class S> class Outputs {
 public:
  /// [sequences, width] as it is.
  void add(const std::string& name, const ef::Matrix<S>& rows) {
    const auto* const data = reinterpret_cast<const std::byte*>(rows.data());
    keep(name, {rows.rows(), rows.cols()}, {data, data + rows.size() * static_cast<ef::Index>(sizeof(S))});
  }

  /// Ragged rows as [batch, length, width] with zeros at padding.
  void add(const std::string& name, const ef::Matrix<S>& rows, const Padded& input) {
    const auto width = static_cast<std::size_t>(rows.cols()) * sizeof(S);
    std::vector<std::byte> bytes(input.real.size() * width);
    ef::Index row = 0;
    for (std::size_t i = 0; i < input.real.size(); ++i)
      if (input.real[i]) std::memcpy(bytes.data() + i * width, rows.data() + rows.cols() * row++, width);
    keep(name, {input.batch, input.length, rows.cols()}, std::move(bytes));
  }

  void add(const std::string& prefix, const ef::Trace<S>& trace, const Padded& input) {
    for (std::size_t i = 0; i < trace.hidden_states.size(); ++i)
      add(ef::concat(prefix, "hidden_states.", i), trace.hidden_states[i], input);
  }

  void write(const std::string& path) const { ef::write_safetensors(path, tensors_); }

 private:
  void keep(const std::string& name, std::vector<ef::Index> shape, std::vector<std::byte> bytes) {
    const auto type = sizeof(S) == 8 ? ef::ElementType::f64 : ef::ElementType::f32;
    storage_.push_back(std::move(bytes));
    tensors_.push_back({name, type, std::move(shape), storage_.back(), "", nullptr});
  }

  std::list<std::vector<std::byte>> storage_;
  std::vector<ef::TensorView> tensors_;
};

template <class S>
void pass(const ef::CausalLM<S>& model, const ef::SafeTensors& inputs, ef::Run& run, Outputs<S>& out) {
  const Padded input = read_padded(inputs, "input_ids", "attention_mask");
  ef::Trace<S> trace;
  out.add("logits", model(input.tokens, run, &trace), input);
  out.add("", trace, input);
}

template <class S>
void pass(const ef::Seq2Seq<S>& model, const ef::SafeTensors& inputs, ef::Run& run, Outputs<S>& out) {
  const Padded source = read_padded(inputs, "input_ids", "attention_mask");
  const Padded target = read_padded(inputs, "decoder_input_ids", "decoder_attention_mask");
  ef::Trace<S> encoder, decoder;
  out.add("logits", model(source.tokens, target.tokens, run, &encoder, &decoder), target);
  out.add("encoder_", encoder, source);
  out.add("decoder_", decoder, target);
}

/// Any encoder; one without a head has no logits.
template <class Model, class S>
void pass_encoder(const Model& model, const ef::SafeTensors& inputs, ef::Run& run, Outputs<S>& out) {
  const Padded input = read_padded(inputs, "input_ids", "attention_mask");
  ef::TokenBatch types;
  if (inputs.find("token_type_ids")) types = read_padded(inputs, "token_type_ids", "attention_mask").tokens;
  ef::Trace<S> trace;
  const ef::Matrix<S> y = model(input.tokens, run, &trace, types);
  const ef::ModelConfig& config = model.config();
  if (config.head == ef::Head::text_classes)
    out.add("logits", y);
  else if (config.head != ef::Head::none)
    out.add("logits", y, input);
  out.add("", trace, input);
  if (config.pooler)
    out.add("pooler_output", model.pooled(run, trace.hidden_states.back(), ef::Ragged(input.tokens)));
}

/// Whether a file is the model's, or stands in its folder.
bool is_part_of(const std::string& file, const std::string& folder) {
  std::error_code none;
  const auto parent = std::filesystem::absolute(file, none).parent_path();
  return std::filesystem::equivalent(file, folder, none) || std::filesystem::equivalent(parent, folder, none);
}

template <class S> void forward(const Arguments& a) {
  const ef::ModelConfig config = ef::load_config(a.folder).model;
  if (std::filesystem::exists(a.outputs) && (is_part_of(a.outputs, a.folder) || a.outputs == a.inputs))
    throw ef::FileError(a.outputs, "is read here, and would be overwritten: choose another --outputs");
  const ef::SafeTensors inputs(a.inputs);
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  Outputs<S> out;
  if (config.stacks == ef::Stacks::encoder_decoder)
    pass(ef::load_seq2seq<S>(a.folder), inputs, run, out);
  else if (config.stacks == ef::Stacks::decoder)
    pass(ef::load_causal_lm<S>(a.folder), inputs, run, out);
  else if (config.head == ef::Head::masked_words)
    pass_encoder(ef::load_masked_lm<S>(a.folder), inputs, run, out);
  else if (config.head == ef::Head::text_classes)
    pass_encoder(ef::load_classifier<S>(a.folder), inputs, run, out);
  else if (config.head == ef::Head::token_classes)
    pass_encoder(ef::load_tagger<S>(a.folder), inputs, run, out);
  else
    pass_encoder(ef::load_encoder<S>(a.folder), inputs, run, out);
  out.write(a.outputs);
}

void describe(const Arguments& a) {
  ef::HubConfig config = ef::load_config(a.folder);
  const auto loaded = ef::hub::load_parameters<float>(a.folder, config, {});
  const ef::ModelConfig& c = config.model;
  ef::Index bytes = 0, parameters = 0;
  ef::visit(loaded, [&](const std::string&, const auto& leaf) {
    parameters += leaf.size();
    if constexpr (requires { leaf.format(); })
      bytes += leaf.bytes();
    else
      bytes += leaf.size() * static_cast<ef::Index>(sizeof(float));
  });
  const char* const stacks = c.stacks == ef::Stacks::encoder   ? "encoder"
                             : c.stacks == ef::Stacks::decoder ? "decoder"
                                                               : "encoder-decoder";
  const ef::Index cache =
      c.stacks == ef::Stacks::encoder ? 0 : ef::KeyValues<float>::bytes(c, c.max_positions);
  if (a.json)
    return example::print({{"model_type", config.model_type},
                           {"stacks", stacks},
                           {"head", ef::name_of(c.head)},
                           {"parameters", parameters},
                           {"bytes", bytes},
                           {"vocab_size", c.vocab_size},
                           {"d_model", c.d_model},
                           {"n_layers", c.n_layers},
                           {"encoder_layers", c.stacks == ef::Stacks::decoder ? 0 : c.encoder().n_layers},
                           {"n_heads", c.n_heads},
                           {"n_key_value_heads", c.key_value_heads()},
                           {"head_size", c.head_width()},
                           {"d_ff", c.d_ff},
                           {"max_positions", c.max_positions},
                           {"tied_embeddings", c.tied_embeddings},
                           {"key_value_cache_bytes", cache}});
  const auto row = [](const char* name, ef::Index value) { std::printf("%-22s %td\n", name, value); };
  std::printf("%-22s %s (%s), head for %s\n", "architecture", config.model_type.c_str(), stacks,
              ef::name_of(c.head));
  row("parameters", parameters);
  std::printf("%-22s %td (%.1f MB, %.1f MiB)\n", "bytes of weights", bytes, static_cast<double>(bytes) * 1e-6,
              static_cast<double>(bytes) / 1048576.0);
  row("vocabulary", c.vocab_size);
  row("width", c.d_model);
  if (c.stacks == ef::Stacks::encoder_decoder) row("encoder layers", c.encoder().n_layers);
  row(c.stacks == ef::Stacks::encoder_decoder ? "decoder layers" : "layers", c.n_layers);
  row("heads", c.n_heads);
  row("key/value heads", c.key_value_heads());
  row("head size", c.head_width());
  row("feed-forward width", c.d_ff);
  row("context window", c.max_positions);
  std::printf("%-22s %s\n", "output matrix", c.tied_embeddings ? "the embedding table" : "its own");
  if (cache) row("bytes of a full cache", cache);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows a model folder, or runs one forward pass of it.");
  Arguments a;
  app.add_option("folder", a.folder, "folder with config.json and *.safetensors, or GGUF file")->required();
  auto* const outputs =
      app.add_option("--outputs", a.outputs, "safetensors file for logits and hidden states");
  app.add_option("--inputs", a.inputs, "safetensors file with input_ids and attention_mask")->needs(outputs);
  outputs->needs("--inputs");
  app.add_flag("--double", a.in_double, "compute in double precision");
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    if (a.inputs.empty()) return describe(a);
    a.in_double ? forward<double>(a) : forward<float>(a);
    if (a.json) example::print({{"outputs", a.outputs}});
  });
}
