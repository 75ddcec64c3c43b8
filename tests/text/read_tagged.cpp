#include <eigenformer/core/error.hpp>
#include <eigenformer/text/read_tagged.hpp>

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

namespace text_read_tagged {

namespace {

/// A file that is gone with its name.
struct File {
  std::filesystem::path path = std::filesystem::temp_directory_path() / "eigenformer-read-tagged.jsonl";
  explicit File(const std::string& content) { std::ofstream(path) << content; }
  ~File() { std::filesystem::remove(path); }
};

std::string refusal(const std::string& content) {
  const File file(content);
  try {
    eigenformer::read_tagged_lines(file.path);
  } catch (const eigenformer::FileError& error) {
    const std::string text = error.what();
    return text.substr(text.find("line "));
  }
  return "";
}

}  // namespace

TEST_CASE("tagged lines: words and their tags, by either name, numbers as their digits") {
  const File file(
      "{\"tokens\": [\"Ada\", \"sang\"], \"tags\": [\"B-PER\", \"O\"], \"id\": 7}\n\n"
      "{\"tokens\": [\"Köln\"], \"ner_tags\": [5]}\n");
  const auto records = eigenformer::read_tagged_lines(file.path);
  REQUIRE(records.size() == 2);
  CHECK(records[0].words == std::vector<std::string>{"Ada", "sang"});
  CHECK(records[0].tags == std::vector<std::string>{"B-PER", "O"});
  CHECK(records[0].line == 1);
  CHECK(records[1].words == std::vector<std::string>{"Köln"});
  CHECK(records[1].tags == std::vector<std::string>{"5"});
  CHECK(records[1].line == 3);
  CHECK(eigenformer::holds_tagged_lines(file.path));
}

TEST_CASE("tagged lines: what is no such record is refused with its line") {
  const std::string good = "{\"tokens\": [\"a\"], \"tags\": [\"O\"]}\n";
  CHECK(refusal(good + "[1]") == "line 2: is not a JSON object");
  CHECK(refusal(good + "{\"text\": \"a\"}") == "line 2: has no \"tokens\"");
  CHECK(refusal(good + "{\"tokens\": [\"a\"]}") == "line 2: has neither \"tags\" nor \"ner_tags\"");
  CHECK(refusal("{\"tokens\": \"a\", \"tags\": [\"O\"]}") == "line 1: \"tokens\" is not a list");
  CHECK(refusal("{\"tokens\": [1], \"tags\": [\"O\"]}") ==
        "line 1: \"tokens\" holds something that is no string");
  CHECK(refusal("{\"tokens\": [\"a\"], \"tags\": [0.5]}") ==
        "line 1: \"tags\" holds something that is no string and no whole number");
  CHECK(refusal("{\"tokens\": [], \"tags\": []}") == "line 1: \"tokens\" is empty");
  CHECK(refusal("{\"tokens\": [\" \"], \"tags\": [\"O\"]}") ==
        "line 1: \"tokens\" holds a word without any letter");
  CHECK(refusal("{\"tokens\": [\"a\", \"b\"], \"tags\": [\"O\"]}") == "line 1: has 2 words and 1 tags");
}

TEST_CASE("tagged lines: texts with a label are not taken for them") {
  const File file("{\"text\": \"a\", \"label\": \"b\"}\n");
  CHECK_FALSE(eigenformer::holds_tagged_lines(file.path));
}

}  // namespace text_read_tagged
