// How well a causal model predicts a text, by windows that overlap:
//   evaluate ~/models/gpt2 --text book.txt --window 1024 --stride 512
#include "common.hpp"
#include <eigenformer/hub.hpp>
#include <eigenformer/train/text_loss.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, text;
  ef::LoadOptions load;
  ef::TextLossOptions options;
  int threads = 1;
  bool json = false;
};

std::string read_text(const std::string& path) {
  if (std::filesystem::is_directory(path)) throw ef::FileError(path, "is a folder");
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) throw ef::FileError(path, "cannot be read");
  if (text.empty()) throw ef::FileError(path, "is empty");
  return text;
}

void measure(const Arguments& a) {
  const auto tokenizer = ef::load_tokenizer(a.folder);
  const std::vector<ef::Token> tokens = tokenizer.encode(read_text(a.text));
  const auto model = ef::load_causal_lm<float>(a.folder, a.load);
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const bool progress = isatty(fileno(stderr)) != 0;
  const auto begin = std::chrono::steady_clock::now();
  const auto loss = ef::text_loss(model, tokens, a.options, run, [&](ef::Index scored) {
    if (progress) std::fprintf(stderr, "\r%td of %zu tokens", scored, tokens.size() - 1);
  });
  if (progress) std::fputs("\r\033[K", stderr);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double rate = static_cast<double>(loss.tokens) / seconds;
  if (a.json) {
    example::print({{"perplexity", loss.perplexity()},
                    {"mean_loss", loss.mean()},
                    {"bits_per_token", loss.bits_per_token()},
                    {"tokens", tokens.size()},
                    {"scored_tokens", loss.tokens},
                    {"tokens_per_second", rate}});
    return;
  }
  std::printf("perplexity      %.4f\n", loss.perplexity());
  std::printf("mean loss       %.4f nats, %.4f bits a token\n", loss.mean(), loss.bits_per_token());
  std::printf("tokens          %zu, %td of them scored\n", tokens.size(), loss.tokens);
  std::printf("speed           %.0f scored tokens/s\n", rate);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures the perplexity of a causal language model on a text.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with config.json, *.safetensors and tokenizer.json, or GGUF file")
      ->required();
  app.add_option("--text", a.text, "file with the text")->required();
  app.add_option("--window", a.options.window, "tokens that the model sees at a time; default: all it can")
      ->check(CLI::PositiveNumber);
  app.add_option("--stride", a.options.stride, "tokens from one window to the next; default: half the window")
      ->check(CLI::PositiveNumber);
  example::add_dtype(app, a.load.dtype);
  app.add_option("--threads", a.threads, "threads to use")->capture_default_str();
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { measure(a); });
}
