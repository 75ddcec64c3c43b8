// JSON lines: the names that a text and what belongs to it may have, and what is refused.
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/read_text.hpp>

#include <fstream>

#include <doctest/doctest.h>

namespace text_read_text {

namespace ef = eigenformer;

namespace {

std::vector<ef::TextRecord> records(const std::string& content) {
  const auto path = std::filesystem::temp_directory_path() / "eigenformer-records.jsonl";
  std::ofstream(path, std::ios::binary) << content;
  return ef::read_json_lines(path);
}

}  // namespace

TEST_CASE("records are read by each name of text, pair and label; blank lines count") {
  const auto all = records(R"({"text": "a"})"
                           "\n\r\n"
                           R"({"text": "a", "pair": "b", "label": 3})"
                           "\n"
                           R"({"text": "a", "target": "b", "label": "x"})"
                           "\n"
                           R"({"prompt": "a", "completion": "b"})"
                           "\n"
                           R"({"source": "a", "target": "b"})");
  REQUIRE(all.size() == 5);
  for (const ef::TextRecord& record : all) CHECK(record.text == "a");
  CHECK(!all[0].pair);
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i].pair == "b");
  CHECK(all[1].label == "3");
  CHECK(all[2].label == "x");
  CHECK(all[1].line == 3);
}

TEST_CASE("beside a text, prompt and source are fields of the user's own") {
  const auto all = records(R"({"text": "a", "source": {"site": 1}, "prompt": "p", "completion": "c"})");
  CHECK(all[0].text == "a");
  CHECK(!all[0].pair);
}

TEST_CASE("what is no record is refused with its line") {
  for (const auto& [content, why] :
       {std::pair{"", "is empty"},
        {"\n \n", "has no records"},
        {"{\"text\": \"a\"}\n[]", "line 2: is not a JSON object"},
        {R"({"label": 1})", "line 1: has no \"text\""},
        {R"({"text": 1})", "line 1: \"text\" is not a string"},
        {R"({"text": "a", "label": 0.5})", "line 1: \"label\" is neither a string nor a whole number"},
        {R"({"text": "a", "pair": "b", "target": "c"})", "line 1: has both \"pair\" and \"target\""},
        {R"({"prompt": "a"})", "line 1: has a \"prompt\" and no \"completion\""},
        {R"({"source": "a", "completion": "b"})", "line 1: has a \"source\" and no \"target\""}})
    CHECK_THROWS_WITH_AS(records(content), doctest::Contains(why), ef::FileError);
}

}  // namespace text_read_text
