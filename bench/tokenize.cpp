// Encoding and decoding, in bytes of text a second. EIGENFORMER_TOKENIZERS names a folder of folders with a
// tokenizer.json each, EIGENFORMER_TEXT a file of text.
#include <eigenformer/text/load_tokenizer.hpp>

#include <cstdlib>
#include <filesystem>
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
  const std::pair<const char*, std::vector<std::string>> sizes[] = {
      {"documents", documents(text, 0)}, {"64_bytes", documents(text, 64)}, {"whole", {text}}};
  for (const auto& entry : std::filesystem::directory_iterator(folders)) {
    if (!std::filesystem::exists(entry.path() / "tokenizer.json")) continue;
    const ef::Tokenizer tokenizer = ef::load_tokenizer(entry.path());
    for (const auto& [size, texts] : sizes)
      for (const auto& [name, job] :
           {std::pair("ids", Job::ids), {"full", Job::full}, {"decode", Job::decode}})
        benchmark::RegisterBenchmark(
            ("tokenize/" + entry.path().filename().string() + '/' + size + '/' + name).c_str(),
            [tokenizer, &texts = texts, job = job](benchmark::State& state) {
              run(state, tokenizer, texts, job);
            });
  }
  benchmark::RunSpecifiedBenchmarks();
}
