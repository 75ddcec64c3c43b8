// Every record of other people's tokenizers, as the reference engine encodes and decodes it.
#include "golden.hpp"
#include "stream.hpp"
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

namespace text_golden_folders {

namespace ef = eigenformer;

TEST_CASE("published tokenizers encode, decode and stream every record as the reference engine does") {
  for (const char* name : {"gpt2", "roberta-style", "bloom-style", "llama2", "bert-base-uncased", "t5",
                           "clip-12k", "llama3-16k", "unigram-bytefallback"}) {
    const auto folder = golden::shared / "tokenizers" / name;
    if (!golden::present(folder)) continue;
    CAPTURE(name);
    const auto tokenizer = ef::load_tokenizer_json(folder);
    for (const auto& record : golden::records(folder / "golden.jsonl")) {
      golden::check_encoding(tokenizer, record);
      check_stream(tokenizer, record["ids"], true);
    }
    for (const auto& record : golden::records(folder / "decode_golden.jsonl")) {
      const std::vector<ef::Token> ids = record["ids"];
      const bool skip = record["skip_special_tokens"];
      CAPTURE(ids);
      CHECK(tokenizer.decode(ids, skip) == record["decoded"].get<std::string>());
      check_stream(tokenizer, ids, skip);
    }
  }
}

TEST_CASE("small tokenizers with single settings give what the reference engine gives") {
  const auto files =
      nlohmann::json::parse(ef::text::read_file(golden::data / "components" / "micro_tokenizers.json"));
  for (const auto& record : golden::component_records("micro.jsonl")) {
    const auto name = record["tokenizer"].get<std::string>();
    CAPTURE(name);
    const auto tokenizer = ef::parse_tokenizer(files[name].dump(), name);
    golden::check_encoding(tokenizer, record);
    const auto encoding = golden::encoding_of(tokenizer, record);
    CAPTURE(encoding.tokens);
    if (record.contains("attention_mask"))
      CHECK(encoding.attention_mask == record["attention_mask"].get<std::vector<int>>());
    if (record.contains("word_ids")) {
      std::vector<ef::Index> words;
      for (const auto& word : record["word_ids"])
        words.push_back(word.is_null() ? -1 : word.get<ef::Index>());
      CHECK(encoding.word_ids == words);
    }
    std::vector<std::vector<ef::Token>> overflowing;
    for (const auto& more : encoding.overflowing) overflowing.push_back(more.ids);
    CHECK(overflowing == record.value("overflowing", std::vector<std::vector<ef::Token>>()));
  }
}

}  // namespace text_golden_folders
