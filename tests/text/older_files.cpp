#include "golden.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/load_older_tokenizer.hpp>
#include <eigenformer/text/older_files.hpp>

namespace text_older_files {

namespace ef = eigenformer;

namespace {

/// Writes the vocabulary of a tokenizer.json as older files, and checks that both encode every record alike.
template <class Rebuild> void check_rebuilt(const char* name, Rebuild&& rebuild) {
  const auto folder = golden::shared / "tokenizers" / name;
  if (!golden::present(folder)) return;
  const auto file = nlohmann::json::parse(ef::text::read_file(folder / "tokenizer.json"));
  const ef::Tokenizer tokenizer = rebuild(file["model"]);
  for (const auto& record : golden::records(folder / "golden.jsonl"))
    golden::check_encoding(tokenizer, record);
}

ef::Tokenizer from_merges(const nlohmann::json& model) {
  std::string merges = "#version: 0.2\n";
  for (const auto& merge : model["merges"]) merges += merge.get<std::string>() + "\n";
  return ef::text::parse_vocab_and_merges(model["vocab"].dump(), merges, "old");
}

}  // namespace

TEST_CASE("vocab.json and merges.txt give the tokenizer of the tokenizer.json they belong to") {
  check_rebuilt("gpt2", from_merges);
}

TEST_CASE("vocab.txt gives the tokenizer of the tokenizer.json it belongs to") {
  check_rebuilt("bert-base-uncased", [](const nlohmann::json& model) {
    std::vector<std::string> tokens(model["vocab"].size());
    for (const auto& [token, id] : model["vocab"].items()) tokens.at(id) = token;
    std::string lines;
    for (const auto& token : tokens) lines += token + "\r\n";
    return ef::text::parse_vocab_txt(lines, true, "old");
  });
}

TEST_CASE("older files that are not what they should be are refused with the place") {
  CHECK_THROWS_WITH_AS(ef::text::parse_vocab_txt("[UNK]\n[CLS]\na\na\n", true, "v.txt"),
                       "v.txt: line 4: \"a\" stands twice", ef::FileError);
  CHECK_THROWS_WITH_AS(ef::text::parse_vocab_txt("[UNK]\n[CLS]\n", true, "v.txt"),
                       "v.txt: \"[SEP]\" is not in the vocabulary", ef::FileError);
  CHECK_THROWS_WITH_AS(ef::text::parse_vocab_and_merges("{\"a\": 0}", "a", "old"),
                       "old: merges.txt: expected two tokens with one space between, found \"a\"",
                       ef::FileError);
  CHECK_THROWS_WITH_AS(ef::text::parse_vocab_and_merges("{\"a\": 0}", "a b", "old"),
                       "old.merges[0]: token \"b\" is not in the vocabulary", ef::ConfigError);
  CHECK_THROWS_AS(ef::text::parse_vocab_and_merges("[1", "", "old"), ef::FileError);
}

}  // namespace text_older_files
