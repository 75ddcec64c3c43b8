// Trains a tokenizer on text files and writes DIR/tokenizer.json, which Hugging Face's libraries read too.
//
//   train_tokenizer corpus.txt --model bpe --vocab-size 8000 --out my-tokenizer
//   tokenize my-tokenizer --text "Hello"
#include "common.hpp"
#include <eigenformer/hub/write_file.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/train_tokenizer.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace ef = eigenformer;

namespace {

struct Options {
  std::vector<std::string> files, special_tokens;
  std::string model = "bpe", out;
  ef::TokenizerTraining training;
  bool cased = false, overwrite = false, json = false;
};

void show(const ef::text::TrainingProgress& progress) {
  const double share =
      progress.total == 0 ? 1.0 : static_cast<double>(progress.done) / static_cast<double>(progress.total);
  std::fprintf(stderr, "\r%-10s %3.0f %%", std::string(progress.stage).c_str(), 100 * share);
  std::fflush(stderr);
}

/// Tokens of the files under the new tokenizer, line by line as they were read.
ef::Index count_tokens(const ef::Tokenizer& tokenizer, const std::vector<std::string>& files) {
  ef::Index tokens = 0;
  for (const std::string& file : files) {
    std::ifstream stream(file, std::ios::binary);
    for (std::string line; std::getline(stream, line);) {
      if (!stream.eof()) line += '\n';
      tokens += static_cast<ef::Index>(tokenizer.encode(line, false).size());
    }
  }
  return tokens;
}

void run(Options& o) {
  const std::filesystem::path target = std::filesystem::path(o.out) / "tokenizer.json";
  if (std::filesystem::exists(o.out) && !std::filesystem::is_directory(o.out))
    ef::fail(ef::FileError(o.out, "is a file, where a folder is to be written"));
  if (std::filesystem::exists(target) && !o.overwrite)
    ef::fail(ef::FileError(target.string(),
                           "is there already: choose another folder, or replace it with --overwrite"));
  o.training.model = o.model == "bpe"         ? ef::TokenizerModel::byte_level_bpe
                     : o.model == "wordpiece" ? ef::TokenizerModel::word_piece
                                              : ef::TokenizerModel::unigram;
  o.training.special_tokens = o.special_tokens;
  o.training.lowercase = !o.cased;
  const bool terminal = example::is_terminal(stderr);
  if (terminal) o.training.progress = show;

  const example::Stopwatch watch;
  ef::TokenizerTrainer trainer(o.training);
  std::uintmax_t bytes = 0;
  for (const std::string& file : o.files) {
    if (std::filesystem::is_directory(file)) ef::fail(ef::FileError(file, "is a folder"));
    trainer.add_file(file);
    bytes += std::filesystem::file_size(file);
  }
  if (bytes == 0) ef::fail(ef::FileError(o.files.front(), "is empty"));
  const std::string content = trainer.train();
  const double seconds = watch.seconds();
  if (terminal) std::fputs("\r                 \r", stderr);

  ef::create_folder(o.out);
  ef::write_file(target.string(), content);

  const ef::Tokenizer tokenizer = ef::load_tokenizer_json(o.out);
  const ef::Index tokens = count_tokens(tokenizer, o.files);
  const double bytes_per_token = static_cast<double>(bytes) / static_cast<double>(tokens);
  if (o.json)
    return example::print({{"file", target.string()},
                           {"model", o.model},
                           {"vocab_size", tokenizer.vocab_size()},
                           {"bytes", bytes},
                           {"tokens", tokens},
                           {"bytes_per_token", bytes_per_token},
                           {"seconds", seconds}});
  std::printf("%s: %td tokens learned from %ju bytes in %.1f s\n", target.string().c_str(),
              tokenizer.vocab_size(), bytes, seconds);
  std::printf("the training text has %td tokens, %.2f bytes each\n", tokens, bytes_per_token);
  if (tokenizer.vocab_size() < o.training.vocab_size)
    std::printf("(fewer than %td, because no more of them are frequent enough)\n", o.training.vocab_size);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains a tokenizer on text files");
  Options o;
  app.add_option("files", o.files, "UTF-8 text, read line by line")->required();
  app.add_option("--model", o.model, "bpe (of bytes, as GPT-2), wordpiece (as BERT) or unigram (as T5)")
      ->check(CLI::IsMember({"bpe", "wordpiece", "unigram"}));
  app.add_option("--vocab-size", o.training.vocab_size, "tokens, special ones included");
  app.add_option("--out", o.out, "the folder to write tokenizer.json into")->required();
  app.add_option("--special-tokens", o.special_tokens,
                 "the first ids; what the model is known for where absent")
      ->delimiter(',');
  app.add_option("--min-frequency", o.training.min_frequency, "of a pair that is merged (bpe, wordpiece)");
  app.add_option("--character-coverage", o.training.character_coverage,
                 "share of the text whose characters are kept (wordpiece, unigram)");
  app.add_option("--max-piece-length", o.training.max_piece_length, "characters (unigram)");
  app.add_flag("--overwrite", o.overwrite, "replace a tokenizer.json that is there already");
  app.add_flag("--cased", o.cased, "keep capitals and accents (wordpiece)");
  app.add_flag("--json", o.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { run(o); });
}
