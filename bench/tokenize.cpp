// Encoding and decoding, in bytes of text a second. EIGENFORMER_TOKENIZERS names folders with a
// tokenizer.json, or folders of such folders, with a colon between, EIGENFORMER_TEXT a file of text.
// compare/tokenize.mjs times Hugging Face's engine on the same texts.
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>
#include <eigenformer/text/utf8.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

/// Documents of ten lines, or of as many bytes as are asked for.
std::vector<std::string> documents(const std::string& text, std::size_t bytes) {
  std::vector<std::string> out(1);
  std::size_t lines = 0;
  for (const char c : text) {
    const bool full = bytes == 0 ? lines >= 10 : out.back().size() >= bytes;
    if (full && !ef::text::is_continuation(c)) {
      out.emplace_back();
      lines = 0;
    }
    out.back() += c;
    lines += c == '\n' ? 1 : 0;
  }
  return out;
}

/// What has a tokenizer.json in a list of folders: one itself, or the folders in it.
std::vector<std::filesystem::path> tokenizers(const std::string& folders) {
  const auto is_tokenizer = [](const std::filesystem::path& folder) {
    return std::filesystem::exists(folder / "tokenizer.json");
  };
  std::vector<std::filesystem::path> out;
  std::istringstream list(folders);
  for (std::string folder; std::getline(list, folder, ':');) {
    if (is_tokenizer(folder)) {
      out.emplace_back(folder);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (is_tokenizer(entry.path())) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

enum class Job { ids, full, decode };

void run(benchmark::State& state, const ef::Tokenizer& tokenizer, const std::vector<std::string>& texts,
         Job job) {
  std::size_t bytes = 0;
  std::vector<std::vector<ef::Token>> ids;
  for (const std::string& text : texts) {
    bytes += text.size();
    if (job == Job::decode) ids.push_back(tokenizer.encode(text));
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      switch (job) {
        case Job::ids: benchmark::DoNotOptimize(tokenizer.encode(texts[i])); break;
        case Job::full: benchmark::DoNotOptimize(tokenizer.encode_full(texts[i])); break;
        case Job::decode: benchmark::DoNotOptimize(tokenizer.decode(ids[i])); break;
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const char* folders = std::getenv("EIGENFORMER_TOKENIZERS");
  const char* file = std::getenv("EIGENFORMER_TEXT");
  if (folders == nullptr || file == nullptr) {
    std::fputs("set EIGENFORMER_TOKENIZERS to a folder of tokenizers and EIGENFORMER_TEXT to a text file\n",
               stderr);
    return 1;
  }
  const std::string text = ef::text::read_file(file);
  const std::pair<const char*, std::vector<std::string>> sizes[] = {{"10_bytes", documents(text, 10)},
                                                                    {"100_bytes", documents(text, 100)},
                                                                    {"documents", documents(text, 0)},
                                                                    {"whole", {text}}};
  for (const std::filesystem::path& folder : tokenizers(folders)) {
    const ef::Tokenizer tokenizer = ef::load_tokenizer_json(folder);
    for (const auto& [size, texts] : sizes)
      for (const auto& [name, job] :
           {std::pair("ids", Job::ids), {"full", Job::full}, {"decode", Job::decode}})
        benchmark::RegisterBenchmark(
            ("tokenize/" + folder.filename().string() + '/' + size + '/' + name).c_str(),
            [tokenizer, &texts = texts, job = job](benchmark::State& state) {
              run(state, tokenizer, texts, job);
            });
  }
  benchmark::RunSpecifiedBenchmarks();
}
