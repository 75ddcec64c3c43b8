// A smaller copy of a model, with the error that it costs:
//   quantize ~/models/gpt2 gpt2-int8 --dtype int8 --text book.txt
// bf16 and f16 copies are folders of Hugging Face; int8 and int4 copies are read by this library alone
// (hub/stored_quantised.hpp).
#include "common.hpp"
#include "output.hpp"
#include "perplexity.hpp"
#include <eigenformer/hub.hpp>
#include <eigenformer/hub/gguf.hpp>
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/hub/save.hpp>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, out, text;
  std::optional<ef::Format> dtype;
  bool per_row = false, lines = false, overwrite = false, json = false;
  ef::TextLossOptions loss;
  int threads = 1;
};

/// What became of a matrix or vector.
struct Error {
  std::string name;
  ef::Format format;
  double square = 0, square_error = 0, largest = 0;
  ef::Index size = 0;

  /// The root of the mean square of the errors, relative to that of the numbers.
  double relative() const { return square > 0 ? std::sqrt(square_error / square) : 0.0; }
};

/// Bytes of all tensors of a folder or GGUF file.
ef::Index bytes_of(const std::string& path) {
  ef::Index bytes = 0;
  const auto add = [&](const auto& file) {
    const auto& tensors = file.tensors();
    for (const auto& [name, tensor] : tensors) bytes += static_cast<ef::Index>(tensor.data.size());
  };
  if (ef::is_gguf(path))
    add(ef::Gguf(path));
  else
    add(ef::open_folder(path));
  return bytes;
}

/// The format in which a model's numbers are its own: blocks of a GGUF file are such in float.
std::optional<ef::Format> exact_format(const std::string& path) {
  return ef::is_gguf(path) ? std::optional(ef::Format::f32) : std::nullopt;
}

std::vector<Error> errors_between(const ef::Transformer<float>& exact, const ef::Transformer<float>& copy) {
  std::vector<ef::Matrix<float>> numbers;
  const auto dense = [](const auto& leaf) {
    if constexpr (requires { leaf.format(); })
      return leaf.dense();
    else
      return ef::Matrix<float>(leaf);
  };
  ef::visit(exact, [&](const std::string&, const auto& leaf) { numbers.push_back(dense(leaf)); });
  std::vector<Error> out;
  std::size_t at = 0;
  ef::visit(copy, [&](const std::string& path, const auto& leaf) {
    const ef::Matrix<float>& before = numbers[at++];
    if (before.size() == 0) return;
    const ef::Matrix<double> wide = before.cast<double>();
    const ef::Matrix<double> error = dense(leaf).template cast<double>() - wide;
    Error e{
        path,         ef::Format::f32, wide.squaredNorm(), error.squaredNorm(), error.cwiseAbs().maxCoeff(),
        before.size()};
    if constexpr (requires { leaf.format(); }) e.format = leaf.format();
    out.push_back(std::move(e));
  });
  return out;
}

/// How well the model and its copy predict a text.
struct Perplexities {
  ef::evaluate::LogLoss before, after;
  nlohmann::ordered_json over;  ///< what both are over
  std::string in_words;
};

Perplexities perplexities(const Arguments& a, const example::Measured& what, const ef::CausalLM<float>& exact,
                          const ef::CausalLM<float>& copy) {
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::TextLossOptions options = example::settled(a.loss, exact.config());
  const auto loss = [&](const ef::CausalLM<float>& model) {
    return example::loss_of(model, what, options, run, [](ef::Index) {});
  };
  const ef::evaluate::LogLoss before = loss(exact);
  return {before, loss(copy), example::json_of(what, before, options),
          example::words_of(what, before, options)};
}

void report(const Arguments& a, const std::vector<Error>& errors,
            const std::optional<Perplexities>& measured) {
  Error all{"all", *a.dtype};
  for (const Error& e : errors) {
    all.square += e.square;
    all.square_error += e.square_error;
    all.largest = (std::max)(all.largest, e.largest);
    all.size += e.size;
  }
  const ef::Index bytes = bytes_of(a.folder), left = bytes_of(a.out);
  if (a.json) {
    nlohmann::json tensors = nlohmann::json::array();
    for (const Error& e : errors)
      tensors.push_back({{"name", e.name},
                         {"format", ef::name_of(e.format)},
                         {"numbers", e.size},
                         {"relative_rms_error", e.relative()},
                         {"largest_error", e.largest}});
    nlohmann::json out{{"tensors", tensors},
                       {"relative_rms_error", all.relative()},
                       {"largest_error", all.largest},
                       {"bytes_before", bytes},
                       {"bytes_after", left}};
    if (measured) {
      out["perplexity_before"] = measured->before.perplexity();
      out["perplexity_after"] = measured->after.perplexity();
      out["perplexity_over"] = measured->over;
    }
    example::print(out);
    return;
  }
  std::printf("%-52s %-6s %12s %12s\n", "parameter", "format", "relative rms", "largest");
  for (const Error& e : errors)
    std::printf("%-52s %-6s %12.3g %12.3g\n", e.name.c_str(), std::string(ef::name_of(e.format)).c_str(),
                e.relative(), e.largest);
  std::printf("%-52s %-6s %12.3g %12.3g\n\n", "all", "", all.relative(), all.largest);
  std::printf("bytes        %td -> %td, %.1f %%\n", bytes, left,
              100.0 * static_cast<double>(left) / static_cast<double>(bytes));
  if (!measured) return;
  const double before = measured->before.perplexity(), after = measured->after.perplexity();
  std::printf("perplexity   %.4f -> %.4f, %+.3f %%, over %s\n", before, after, 100 * (after / before - 1),
              measured->in_words.c_str());
}

/// Writes the smaller copy by what loads a model of this kind, and compares the two.
template <class Load> void copy_by(const Arguments& a, const Load& load) {
  using Model = decltype(load(a.folder));
  constexpr bool writes_on = std::is_same_v<Model, ef::CausalLM<float>>;
  example::Measured what;
  if (!a.text.empty()) {
    if (!writes_on) throw ef::InputError("--text goes with models that write, one token after the other");
    const ef::Tokenizer tokenizer = ef::load_tokenizer(a.folder);
    what = example::read_measured(a.text, {.tokenizer = tokenizer, .lines = a.lines}, a.folder);
  }
  const Model exact = load(a.folder);
  example::replace_model(a.out, [&] {
    if (!ef::is_quantised(*a.dtype)) return ef::save(exact, a.out, {.dtype = a.dtype, .source = a.folder});
    Model smaller = load(a.folder);
    ef::quantise(smaller.parameters(), *a.dtype, a.per_row);
    ef::save(smaller, a.out, {.source = a.folder});
  });
  const Model copy = load(a.out);  // what others will read
  std::optional<Perplexities> measured;
  if constexpr (writes_on)
    if (!a.text.empty()) measured = perplexities(a, what, exact, copy);
  report(a, errors_between(exact.parameters(), copy.parameters()), measured);
}

void quantize(const Arguments& a) {
  if (a.per_row && !ef::is_quantised(*a.dtype)) throw ef::InputError("--per-row goes with int8 and int4");
  example::check_output(a.out, a.overwrite, a.folder);
  using ef::Head;
  const ef::ModelConfig config = ef::load_config(a.folder).model;
  if (config.stacks == ef::Stacks::decoder)
    copy_by(a, [](const std::string& path) {
      return ef::load_causal_lm<float>(path, {.dtype = exact_format(path)});
    });
  else if (config.stacks == ef::Stacks::encoder_decoder)
    copy_by(a, [](const std::string& path) { return ef::load_seq2seq<float>(path); });
  else if (config.head == Head::masked_words)
    copy_by(a, [](const std::string& path) { return ef::load_masked_lm<float>(path); });
  else if (config.head == Head::text_classes)
    copy_by(a, [](const std::string& path) { return ef::load_classifier<float>(path); });
  else if (config.head == Head::token_classes)
    copy_by(a, [](const std::string& path) { return ef::load_tagger<float>(path); });
  else
    copy_by(a, [](const std::string& path) { return ef::load_encoder<float>(path); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Writes a smaller copy of a model, and tells the error that it costs.");
  Arguments a;
  app.add_option("folder", a.folder, "folder with config.json and *.safetensors, or GGUF file")->required();
  app.add_option("out", a.out, "folder of the copy")->required();
  example::add_dtype(app, a.dtype);
  app.get_option("--dtype")->required()->description("format of the copy");
  app.add_flag("--per-row", a.per_row, "int8, int4: one scale for each row, not for 32 numbers of it");
  example::add_overwrite(app, a.overwrite);
  auto* const text =
      app.add_option("--text", a.text,
                     "a text, or JSON lines (*.jsonl) with \"text\", whose perplexity is measured before and "
                     "after, as evaluate does");
  app.add_flag("--lines", a.lines, "each line of the text is a document of its own")->needs(text);
  app.add_option("--window", a.loss.window, "tokens that the model sees at a time; default: all it can")
      ->check(CLI::PositiveNumber)
      ->needs(text);
  app.add_option("--stride", a.loss.stride, "tokens from one window to the next; default: half the window")
      ->check(CLI::PositiveNumber)
      ->needs(text);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { quantize(a); });
}
