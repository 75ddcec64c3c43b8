#include "hub/files.hpp"
#include <eigenformer/hub/json.hpp>

#include <doctest/doctest.h>

namespace hub_json {

namespace ef = eigenformer;

namespace {
std::string refusal(const std::string& text) {
  return files::refusal([&] { ef::parse_json(text, "x.json"); });
}
std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }
}  // namespace

TEST_CASE("the parsed value is the one that the JSON library reads") {
  for (const std::string text :
       {R"({"a": [1, -2, 3.5, 1e300, true, false, null, "é\u00e9\n"], "b": {"c": {}, "d": []}, "": ""})",
        "[]", "17", R"("text")", "null", " {\"a\": [[], [[1], 2]], \"b\": 18446744073709551615} \n",
        R"([{"a": 1}, {"a": 2}, {"b": {"a": 3}}])"}) {
    CAPTURE(text);
    CHECK(ef::parse_json(text, "x.json") == ef::Json::parse(text));
  }
  const std::string config = EIGENFORMER_TEST_DATA "/llama/config.json";
  CHECK(ef::read_json(config) == ef::Json::parse(files::read(config)));
}

TEST_CASE("a key that stands twice in one object is refused, wherever the object is") {
  CHECK(refusal(R"({"a": 1, "b": 2, "a": 3})") == "x.json: the key \"a\" stands twice in one object");
  CHECK(refusal(R"({"a": [{"b": {"c": 1, "c": 1}}]})") == "x.json: the key \"c\" stands twice in one object");
  CHECK(refusal(R"({"a": 1, "\u0061": 3})") == "x.json: the key \"a\" stands twice in one object");
  CHECK(refusal(R"({"\u001b": 1, "\u001b": 3})") == "x.json: the key \"?\" stands twice in one object");
}

TEST_CASE("64 levels are read and 65 refused, however many follow") {
  CHECK(refusal(nested(64)) == "");
  CHECK(refusal(nested(65)) == "x.json: is nested deeper than 64 levels");
  CHECK(refusal(std::string(10'000'000, '[')) == "x.json: is nested deeper than 64 levels");
}

TEST_CASE("text that is not JSON is refused with the place and the reason") {
  CHECK(refusal("") ==
        "x.json: is not valid JSON at byte 1: syntax error while parsing value - unexpected end of input; "
        "expected '[', '{', or a literal");
  CHECK(refusal("{\"a\": 1} 2").starts_with("x.json: is not valid JSON at byte 10: syntax error"));
  CHECK(refusal("{\"a\": NaN}").starts_with("x.json: is not valid JSON at byte 7: syntax error"));
  CHECK(refusal("\"\xff\"").starts_with("x.json: is not valid JSON at byte 2: syntax error"));
  CHECK(refusal("[1e999]").find("number overflow parsing '1e999'") != std::string::npos);
  const std::string message = refusal("\"\x1b[2J" + std::string(5000, 'x'));
  CHECK(message.size() < 300);
  CHECK(message.find('\x1b') == std::string::npos);
}

TEST_CASE("fields have their type and value, or a default where they are absent or null") {
  const ef::Json json = ef::parse_json(
      R"({"n": 12, "x": 0.5, "yes": true, "name": "gpt2", "none": null, "in": {"n": -7, "deep": {"x": 2}}})",
      "x.json");
  const ef::JsonFields fields(json, "x.json");
  CHECK(fields.integer("n") == 12);
  CHECK(fields.integer("absent", 3) == 3);
  CHECK(fields.integer("none", 4) == 4);
  CHECK(fields.number("x") == 0.5);
  CHECK(fields.number("n") == 12.0);
  CHECK(fields.number("absent", 1.5) == 1.5);
  CHECK(fields.boolean("yes", false));
  CHECK(fields.boolean("absent", true));
  CHECK(fields.text("name") == "gpt2");
  CHECK(fields.text("none", "otherwise") == "otherwise");
  CHECK(fields.fields("in").integer("n") == -7);
  CHECK(fields.has("n"));
  CHECK_FALSE(fields.has("none"));
}

TEST_CASE("a field of another type is refused with its name, its value and the file") {
  const ef::Json json = ef::parse_json(
      R"({"half": 2.5, "whole": 2.0, "text": "12", "huge": 1e30, "list": [1, 2], "none": null,
          "large": 9007199254740993, "larger": 9223372036854775808, "largest": 18446744073709551615,
          "small": -9007199254740993, "smallest": -9223372036854775808, "most": 9007199254740992,
          "least": -9007199254740992, "in": {"factor": "two", "deep": {"x": false}}})",
      "x.json");
  const ef::JsonFields fields(json, "x.json");
  const auto integer = [&](const char* key) { return files::refusal([&] { fields.integer(key, 1); }); };
  CHECK(integer("half") == "half: an integer was expected, found 2.5 (x.json)");
  CHECK(integer("whole") == "whole: an integer was expected, found 2.0 (x.json)");
  CHECK(integer("text") == "text: an integer was expected, found \"12\" (x.json)");
  CHECK(integer("large") == "large: is too large: 9007199254740993 (x.json)");
  CHECK(integer("larger") == "larger: is too large: 9223372036854775808 (x.json)");
  CHECK(integer("largest") == "largest: is too large: 18446744073709551615 (x.json)");
  CHECK(integer("small") == "small: is too large: -9007199254740993 (x.json)");
  CHECK(integer("smallest") == "smallest: is too large: -9223372036854775808 (x.json)");
  CHECK(integer("most") == "");
  CHECK(integer("least") == "");
  CHECK(integer("huge") == "huge: an integer was expected, found 1e+30 (x.json)");
  CHECK(files::refusal([&] { fields.integer("absent"); }) == "absent: is missing (x.json)");
  CHECK(files::refusal([&] { fields.integer("none"); }) == "none: is missing (x.json)");
  CHECK(files::refusal([&] { fields.number("text"); }) ==
        "text: a number was expected, found \"12\" (x.json)");
  CHECK(files::refusal([&] { fields.boolean("half", true); }) ==
        "half: true or false was expected, found 2.5 (x.json)");
  CHECK(files::refusal([&] { fields.text("list"); }) == "list: a string was expected, found [1,2] (x.json)");
  CHECK(files::refusal([&] { fields.fields("list"); }) ==
        "list: an object was expected, found [1,2] (x.json)");
  CHECK(files::refusal([&] { fields.fields("in").number("factor"); }) ==
        "in.factor: a number was expected, found \"two\" (x.json)");
  CHECK(files::refusal([&] { fields.fields("in").fields("deep").number("x"); }) ==
        "in.deep.x: a number was expected, found false (x.json)");
  const ef::Json list = ef::parse_json("[1]", "x.json");
  CHECK(files::refusal([&] { ef::JsonFields(list, "x.json"); }) ==
        "x.json: a JSON object was expected, found [1]");
}

}  // namespace hub_json
