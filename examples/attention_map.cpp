// Where every head of every layer looks, as one page for a browser:
//   attention_map ~/models/bert-base-uncased --text "The cat sat on the mat." --out map.html
#include "attention_page.hpp"
#include "common.hpp"
#include "encoder.hpp"
#include <eigenformer/hub/load_config.hpp>
#include <eigenformer/hub/write_file.hpp>

#include <filesystem>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, text, target, out = "attention.html";
  bool json = false;
  int threads = 1;
};

/// The texts of tokens, as they read; the names of those that have none.
std::vector<std::string> strings(const ef::Tokenizer& tokenizer, const std::vector<ef::Token>& ids) {
  std::vector<std::string> out;
  for (const ef::Token id : ids) {
    out.push_back(tokenizer.decode(std::vector{id}, false));
    if (out.back().empty()) out.back() = tokenizer.id_to_token(id).value_or(std::to_string(id));
  }
  return out;
}

/// What the page calls a model: the last part of its path.
std::string name_of(const std::string& folder) {
  return std::filesystem::weakly_canonical(folder).filename().string();
}

/// The maps of any model: its own attention, and where it has two stacks that of both and across.
std::vector<page::Map> maps(const Arguments& a) {
  const ef::ModelConfig config = ef::load_config(a.folder).model;
  const ef::Tokenizer tokenizer = ef::load_tokenizer(a.folder);
  const auto texts = example::encode(tokenizer, config, {a.text});
  const std::vector<std::string> tokens = strings(tokenizer, texts.tokens[0]);
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  ef::Trace<float> trace, target_trace;
  trace.keep_attentions = target_trace.keep_attentions = true;
  if (!a.target.empty() && config.stacks != ef::Stacks::encoder_decoder)
    throw ef::InputError("--target is for models with an encoder and a decoder");
  if (config.stacks == ef::Stacks::encoder)
    ef::load_encoder<float>(a.folder)(texts.tokens, run, &trace, texts.types);
  else if (config.stacks == ef::Stacks::decoder)
    ef::load_causal_lm<float>(a.folder).hidden_states(texts.tokens, run, &trace);
  if (config.stacks != ef::Stacks::encoder_decoder)
    return {{"each token over the text", tokens, tokens, trace.attentions}};

  std::vector<ef::Token> target{config.decoder_start_token};
  const auto words = tokenizer.encode(a.target);
  target.insert(target.end(), words.begin(), words.end());
  ef::load_seq2seq<float>(a.folder)(texts.tokens, {target}, run, &trace, &target_trace);
  const std::vector<std::string> written = strings(tokenizer, target);
  return {
      {"encoder: each token over the source", tokens, tokens, trace.attentions},
      {"decoder: each token over the target so far", written, written, target_trace.attentions},
      {"across: each token of the target over the source", written, tokens, target_trace.cross_attentions}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Draws the attention of every layer and head over the tokens of a text.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with config.json, *.safetensors and tokenizer.json, or GGUF file")
      ->required();
  app.add_option("--text", a.text, "the text, or the source")->required()->check(example::some_text);
  app.add_option("--target", a.target, "what an encoder-decoder is to have written");
  app.add_option("--out", a.out, "page to write")->capture_default_str();
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    const std::vector<page::Map> drawn = maps(a);
    const std::string html = page::html(name_of(a.folder), drawn);
    ef::write_file(a.out, html);
    if (a.json) return example::print({{"out", a.out}, {"bytes", html.size()}});
    for (const page::Map& map : drawn)
      std::printf("%s: %zu layers of %zu heads, %zu x %zu tokens\n", map.title.c_str(), map.heads.size(),
                  map.heads.front().size(), map.queries.size(), map.keys.size());
    std::printf("%s: open it in a browser\n", a.out.c_str());
  });
}
