// Shows what a model folder holds, and runs one forward pass on inputs from a file:
//   inspect ~/models/gpt2
//   inspect ~/models/gpt2 --inputs in.safetensors --outputs out.safetensors --double
#include "common.hpp"
#include <eigenformer/hub.hpp>

#include <cstring>

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

/// Ragged rows as [batch, length, width] with zeros at padding; the bytes are kept in `storage`.
template <class S>
ef::TensorView pad(const std::string& name, const ef::Matrix<S>& rows, const Padded& input,
                   std::vector<std::vector<std::byte>>& storage) {
  const auto width = static_cast<std::size_t>(rows.cols()) * sizeof(S);
  auto& bytes = storage.emplace_back(input.real.size() * width);
  ef::Index row = 0;
  for (std::size_t i = 0; i < input.real.size(); ++i)
    if (input.real[i]) std::memcpy(bytes.data() + i * width, rows.data() + rows.cols() * row++, width);
  const auto type = sizeof(S) == 8 ? ef::ElementType::f64 : ef::ElementType::f32;
  return {name, type, {input.batch, input.length, rows.cols()}, bytes, "", nullptr};
}

template <class S> void forward(const Arguments& a) {
  const auto model = ef::load_causal_lm<S>(a.folder);
  const Padded input = read_padded(ef::SafeTensors(a.inputs), "input_ids", "attention_mask");
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  ef::Trace<S> trace;
  const ef::Matrix<S> logits = model(input.tokens, run, &trace);
  std::vector<std::vector<std::byte>> storage;
  std::vector<ef::TensorView> tensors{pad("logits", logits, input, storage)};
  for (std::size_t i = 0; i < trace.hidden_states.size(); ++i)
    tensors.push_back(pad(ef::concat("hidden_states.", i), trace.hidden_states[i], input, storage));
  ef::write_safetensors(a.outputs, tensors);
}

void describe(const Arguments& a) {
  const ef::HubConfig config = ef::load_config(a.folder);
  const auto model = ef::load_causal_lm<float>(a.folder);
  const ef::ModelConfig& c = config.model;
  ef::Index bytes = 0, parameters = 0;
  ef::visit(model.parameters(), [&](const std::string&, const auto& leaf) {
    parameters += leaf.size();
    if constexpr (requires { leaf.format(); })
      bytes += leaf.size() * ef::bytes_of(leaf.format());
    else
      bytes += leaf.size() * static_cast<ef::Index>(sizeof(float));
  });
  const ef::Index cache = ef::KeyValues<float>::bytes(c, c.max_positions);
  if (a.json)
    return example::print({{"model_type", config.model_type},
                           {"parameters", parameters},
                           {"bytes", bytes},
                           {"vocab_size", c.vocab_size},
                           {"d_model", c.d_model},
                           {"n_layers", c.n_layers},
                           {"n_heads", c.n_heads},
                           {"n_key_value_heads", c.key_value_heads()},
                           {"head_size", c.head_width()},
                           {"d_ff", c.d_ff},
                           {"max_positions", c.max_positions},
                           {"tied_embeddings", c.tied_embeddings},
                           {"key_value_cache_bytes", cache}});
  const auto row = [](const char* name, ef::Index value) { std::printf("%-22s %td\n", name, value); };
  std::printf("%-22s %s\n", "architecture", config.model_type.c_str());
  row("parameters", parameters);
  std::printf("%-22s %td (%.1f MB, %.1f MiB)\n", "bytes of weights", bytes, static_cast<double>(bytes) * 1e-6,
              static_cast<double>(bytes) / 1048576.0);
  row("vocabulary", c.vocab_size);
  row("width", c.d_model);
  row("layers", c.n_layers);
  row("heads", c.n_heads);
  row("key/value heads", c.key_value_heads());
  row("head size", c.head_width());
  row("feed-forward width", c.d_ff);
  row("context window", c.max_positions);
  std::printf("%-22s %s\n", "output matrix", c.tied_embeddings ? "the embedding table" : "its own");
  row("bytes of a full cache", cache);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows a model folder, or runs one forward pass of it.");
  Arguments a;
  app.add_option("folder", a.folder, "folder with config.json and *.safetensors")->required();
  auto* const outputs =
      app.add_option("--outputs", a.outputs, "safetensors file for logits and hidden states");
  app.add_option("--inputs", a.inputs, "safetensors file with input_ids and attention_mask")->needs(outputs);
  outputs->needs("--inputs");
  app.add_flag("--double", a.in_double, "compute in double precision");
  app.add_option("--threads", a.threads, "threads to use")->capture_default_str();
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    if (a.inputs.empty()) return describe(a);
    a.in_double ? forward<double>(a) : forward<float>(a);
    if (a.json) example::print({{"outputs", a.outputs}});
  });
}
