// Where every head of every layer looks, as one page for a browser:
//   attention_map ~/models/bert-base-uncased --text "The cat sat on the mat." --out map.html
#include "attention_page.hpp"
#include "common.hpp"
#include "encoder.hpp"

#include <fstream>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, text, target, out;
  bool json = false;
  int threads = 1;
};

/// The strings of tokens.
std::vector<std::string> strings(const ef::Tokenizer& tokenizer, const std::vector<ef::Token>& ids) {
  std::vector<std::string> out;
  for (const ef::Token id : ids) out.push_back(tokenizer.id_to_token(id).value_or(std::to_string(id)));
  return out;
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
  app.add_option("--text", a.text, "the text, or the source")->required();
  app.add_option("--target", a.target, "what an encoder-decoder is to have written");
  app.add_option("--out", a.out, "page to write")->required();
  app.add_option("--threads", a.threads, "threads to use")->capture_default_str();
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    const std::string html = page::html(a.folder, maps(a));
    std::ofstream file(a.out, std::ios::binary);
    file << html;
    if (!file.flush()) throw ef::FileError(a.out, "cannot be written");
    if (a.json) example::print({{"out", a.out}, {"bytes", html.size()}});
  });
}
