#include "golden.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <functional>

namespace text_load_tokenizer {

namespace ef = eigenformer;
using nlohmann::json;

namespace {

std::string small_file() { return ef::text::read_file(golden::data / "byte_fallback_bpe.json"); }

/// What is said of a file that is the small one but for a change.
std::string refusal(const std::function<void(json&)>& change) {
  json file = json::parse(small_file());
  change(file);
  try {
    ef::parse_tokenizer(file.dump(), "t.json");
  } catch (const ef::Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal_of(const std::string& content) {
  try {
    ef::parse_tokenizer(content, "t.json");
  } catch (const ef::FileError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("the unchanged file is accepted, from its folder's name or its own") {
  CHECK(refusal([](json&) {}) == "accepted");
  CHECK_THROWS_AS(ef::load_tokenizer_json(golden::data / "absent"), ef::FileError);
  CHECK_THROWS_AS(ef::load_tokenizer_json(golden::data), ef::FileError);  // a folder without tokenizer.json
}

TEST_CASE("what is not JSON is refused with the place") {
  CHECK(refusal_of("").starts_with("t.json: not JSON at byte 1: parse error"));
  CHECK(refusal_of("[]") == "t.json: expected a JSON object");
  CHECK(refusal_of("{\"a\": \"\xFF\"}").starts_with("t.json: not JSON at byte 8: parse error"));
  std::string truncated = small_file();
  truncated.resize(truncated.size() / 2);
  CHECK(refusal_of(truncated).starts_with("t.json: not JSON at byte "));
  CHECK(refusal_of("{\"a\": 1, \"a\": 2}") == "t.json: a: the key \"a\" stands twice");
  CHECK(refusal_of("{\"a\": " + std::string(1'000'000, '[')) == "t.json: a: nested more than 64 deep");
}

TEST_CASE("every cut of the file is refused") {
  const std::string whole = small_file();
  for (std::size_t size = 0; size < whole.size(); size += 37) {
    CAPTURE(size);
    CHECK(refusal_of(whole.substr(0, size)) != "accepted");
  }
}

TEST_CASE("wrong types are refused by the name of the field") {
  CHECK(refusal([](json& file) { file["normalizer"] = 3; }) == "t.json: normalizer: expected an object");
  CHECK(refusal([](json& file) { file["model"] = json::array(); }) == "t.json: model: expected an object");
  CHECK(refusal([](json& file) { file["model"]["fuse_unk"] = "yes"; }) ==
        "t.json: model.fuse_unk: expected true or false");
  CHECK(refusal([](json& file) { file["model"]["vocab"]["a"] = "one"; }) ==
        "t.json: model.vocab: the id of \"a\" is not an integer");
  CHECK(refusal([](json& file) { file["model"]["vocab"]["a"] = 1.5; }) ==
        "t.json: model.vocab: the id of \"a\" is not an integer");
  CHECK(refusal([](json& file) { file["model"]["merges"][1] = 7; }) ==
        "t.json: model.merges[1]: expected two tokens");
  CHECK(refusal([](json& file) {
          file["model"]["merges"][1] = {"a", "b", "c"};
        }) == "t.json: model.merges[1]: expected two tokens, found 3");
  CHECK(refusal([](json& file) {
          file["model"]["merges"] = {"a b", "ab"};
        }) == "t.json: model.merges[1]: expected two tokens with one space between, found \"ab\"");
  CHECK(refusal([](json& file) { file["added_tokens"][0]["id"] = -1; }) ==
        "t.json: added_tokens[0].id: -1 is negative");
  CHECK(refusal([](json& file) { file["added_tokens"][0]["id"] = 1u << 31; }) ==
        "t.json: added_tokens[0].id: 2147483648 is larger than 2147483647");
  CHECK(refusal([](json& file) { file["added_tokens"][0]["content"] = ""; }) ==
        "t.json: added_tokens[0].content: expected a string that is not empty");
  CHECK(refusal([](json& file) { file["decoder"]["decoders"][3].erase("start"); }) ==
        "t.json: decoder.decoders[3].start: expected an integer");
}

TEST_CASE("what is not supported is refused by name") {
  CHECK(refusal([](json& file) { file["normalizer"]["normalizers"][0]["type"] = "Rot13"; }) ==
        "t.json: normalizer.normalizers[0].type: \"Rot13\" is not supported");
  CHECK(refusal([](json& file) { file["decoder"]["type"] = "Sprache"; }) ==
        "t.json: decoder.type: \"Sprache\" is not supported");
  CHECK(refusal([](json& file) { file["model"]["type"] = "Morse"; }) ==
        "t.json: model.type: \"Morse\" is not supported");
  CHECK(refusal([](json& file) { file["model"]["dropout"] = 0.1; }) ==
        "t.json: model.dropout: dropout is not supported: it makes encoding random");
  CHECK(refusal([](json& file) { file["post_processor"]["type"] = "Later"; }) ==
        "t.json: post_processor.type: \"Later\" is not supported");
}

TEST_CASE("vocabularies may have gaps, but no string or id twice and no id out of proportion") {
  CHECK(refusal([](json& file) { file["model"]["vocab"]["far"] = 900'000; }) == "accepted");
  CHECK(
      refusal([](json& file) { file["model"]["vocab"]["far"] = 2'000'000'000; }) ==
      "t.json: token \"far\" has id 2000000000, which is not between 0 and 1004319, the most for 270 tokens");
  CHECK(refusal([](json& file) { file["model"]["vocab"]["far"] = -5; }) ==
        "t.json: token \"far\" has id -5, which is not between 0 and 1004319, the most for 270 tokens");
  CHECK(refusal([](json& file) { file["model"]["vocab"]["far"] = 18'000'000'000'000'000'000u; }) ==
        "t.json: model.vocab: id 18000000000000000000 is too large");
  CHECK(refusal([](json& file) { file["model"]["vocab"]["double"] = 260; }) ==
        "t.json: model.vocab: \"double\" and \"a\" both have id 260");
  CHECK(refusal_of("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"a\": 1}, \"merges\": []}}") ==
        "t.json: model.vocab: \"a\" stands twice");
  CHECK(refusal([](json& file) { file["added_tokens"][3]["id"] = 260; }) ==
        "t.json: added_tokens[3]: \"<mask>\" has id 260, which is that of \"a\"");
  CHECK(refusal([](json& file) { file["added_tokens"][3]["id"] = 2'000'000'000; }) ==
        "t.json: token \"<mask>\" has id 2000000000, which is not between 0 and 1004399, the most for 275 "
        "tokens");
  CHECK(refusal([](json& file) { file["added_tokens"][4] = file["added_tokens"][3]; }) ==
        "t.json: added_tokens[4]: \"<mask>\" stands twice");
}

TEST_CASE("merges and special tokens that name unknown tokens are refused") {
  CHECK(refusal([](json& file) {
          file["model"]["merges"][2] = {"zz", "a"};
        }) == "t.json: model.merges[2]: token \"zz\" is not in the vocabulary");
  CHECK(refusal([](json& file) {
          file["model"]["merges"][2] = {"b", "a"};
        }) == "t.json: model.merges[2]: the merged token \"ba\" is not in the vocabulary");
  CHECK(refusal([](json& file) { file["model"]["unk_token"] = "?"; }) ==
        "t.json: model.unk_token: \"?\" is not in the vocabulary");
  CHECK(refusal([](json& file) { file["post_processor"]["single"][0]["SpecialToken"]["id"] = "<x>"; }) ==
        "t.json: post_processor.special_tokens.<x>: expected an object");
  CHECK(refusal([](json& file) {
          file["post_processor"]["special_tokens"]["<s>"]["ids"] = {1, 2};
        }) == "t.json: post_processor.special_tokens.<s>: 2 ids, but 1 tokens");
  CHECK(refusal([](json& file) { file["post_processor"]["single"].erase(1); }) ==
        "t.json: post_processor.single: expected the sequence A once, and no B");
}

}  // namespace text_load_tokenizer
