#include "stream.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/regex.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <chrono>
#include <filesystem>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace text_families {

namespace ef = eigenformer;
using nlohmann::json;
using Ids = std::vector<ef::Token>;
using Offsets = std::vector<ef::Offset>;
using Strings = std::vector<std::string>;

namespace {

const std::filesystem::path folder = std::filesystem::path(EIGENFORMER_TEST_DATA) / "text";

ef::Tokenizer load(const std::string& name) { return ef::load_tokenizer_json(folder / (name + ".json")); }

/// What is said of a file that is one of ours but for a change.
template <class Change> std::string refusal(const std::string& name, Change&& change) {
  json file = json::parse(ef::text::read_file(folder / (name + ".json")));
  change(file);
  try {
    ef::parse_tokenizer(file.dump(), "t.json");
  } catch (const ef::Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

// Vocabulary of byte_level_bpe: bytes from 3 on, ab 259, Ġa 260, Ġab 261, é 262, 12 263.
TEST_CASE("a byte-level vocabulary spells every text, and offsets leave out the space before a word") {
  const auto tokenizer = load("byte_level_bpe");
  CHECK(tokenizer.encode("ab ab", false) == Ids{259, 261});
  CHECK(tokenizer.encode("ab12", false) == Ids{259, 263});  // letters and digits are words of their own
  CHECK(tokenizer.encode("é", false) == Ids{262});
  CHECK(tokenizer.encode("ü", false) == Ids{3 + 0xC3, 3 + 0xBC});
  CHECK(tokenizer.encode("a  b", false) == Ids{3 + 'a', 3 + ' ', 3 + ' ', 3 + 'b'});  // " ", then " b"
  const auto encoding = tokenizer.encode_full("ab ab  <mask>ü");
  CHECK(encoding.ids == Ids{0, 259, 261, 2, 3 + 0xC3, 3 + 0xBC, 1});
  CHECK(encoding.tokens == Strings{"<s>", "ab", "Ġab", "  <mask>", "Ã", "¼", "</s>"});
  CHECK(encoding.offsets == Offsets{{0, 0}, {0, 2}, {3, 5}, {7, 13}, {13, 14}, {13, 14}, {0, 0}});
  const auto pair = tokenizer.encode_full("ab", "ab");
  CHECK(pair.ids == Ids{0, 259, 1, 1, 259, 1});
  CHECK(pair.type_ids == std::vector<int>(6, 0));
}

TEST_CASE("bytes that are not UTF-8 are decoded as replacement characters, and streamed alike") {
  const auto tokenizer = load("byte_level_bpe");
  for (const Ids& ids : {Ids{3 + 0xC3, 3 + 'a'}, Ids{3 + 0xF0, 3 + 0x9F, 3 + 0x98, 3 + 0x80},
                         Ids{3 + 0xE2, 3 + 0x82}, Ids{3 + 0xFF, 0, 262}})
    check_stream(tokenizer, ids, true);
  CHECK(tokenizer.decode(Ids{3 + 0xC3, 3 + 'a'}) ==
        "\xEF\xBF\xBD"
        "a");
  CHECK(tokenizer.decode(Ids{3 + 0xF0, 3 + 0x9F, 3 + 0x98, 3 + 0x80}) == "😀");
  CHECK(tokenizer.decode(Ids{3 + 0xE2, 3 + 0x82}) == "\xEF\xBF\xBD");
  ef::TextStream stream(tokenizer);
  CHECK(stream.push(3 + 0xC3) == "");
  CHECK(stream.push(3 + 0xA9) == "é");
}

// Vocabulary of word_piece: [PAD] [UNK] [CLS] [SEP] [MASK] un ##want ##ed run ##ning cafe , . 中 un- - do
// not.
TEST_CASE("WordPiece cuts words at their longest tokens after BERT's clean-up") {
  const auto tokenizer = load("word_piece");
  CHECK(tokenizer.encode("UNwanted running") == Ids{2, 5, 6, 7, 8, 9, 3});
  CHECK(tokenizer.encode("Café, un-run", false) == Ids{10, 11, 5, 15, 8});
  CHECK(tokenizer.encode("run中run", false) == Ids{8, 13, 8});
  CHECK(tokenizer.encode("unx", false) == Ids{1});
  CHECK(tokenizer.encode("ununununununun", false) == Ids{1});  // longer than twelve characters
  CHECK(tokenizer.encode("r\vun\x7F", false) == Ids{8});       // control characters are not there at all
  CHECK(tokenizer.decode(Ids{2, 5, 6, 7, 11, 8, 12, 3}) == "unwanted, run.");
  CHECK(tokenizer.decode(Ids{8, 16, 17}) == "run do not");  // clean-up sees one token at a time
  CHECK(tokenizer.encode_full("Café run").offsets == Offsets{{0, 0}, {0, 4}, {5, 8}, {0, 0}});
}

TEST_CASE(
    "where it is asked for, a file's truncation cuts texts into windows that overlap, and its padding fills "
    "the input") {
  const std::string text = "run run un un do not";
  const auto cut_to = [&](int length, int stride) {
    json file = json::parse(ef::text::read_file(folder / "word_piece.json"));
    file["truncation"] = {
        {"direction", "Right"}, {"max_length", length}, {"strategy", "LongestFirst"}, {"stride", stride}};
    const auto tokenizer = ef::parse_tokenizer(file.dump(), "t.json");
    CHECK(tokenizer.encode(text) == Ids{2, 8, 8, 5, 5, 16, 17, 3});  // nothing is cut unasked
    CHECK(tokenizer.encode_full(text).ids == tokenizer.encode(text));
    return tokenizer.encode_full(text, std::nullopt, tokenizer.file_options());
  };
  CHECK(load("word_piece").encode_full(text).ids == Ids{2, 8, 8, 5, 5, 16, 17, 3});
  const auto cut = cut_to(6, 1);
  CHECK(cut.ids == Ids{2, 8, 8, 5, 5, 3});
  REQUIRE(cut.overflowing.size() == 1);
  CHECK(cut.overflowing[0].ids == Ids{2, 5, 16, 17, 3});  // one token shared, as the stride says
  CHECK(cut.overflowing[0].offsets == Offsets{{0, 0}, {11, 13}, {14, 16}, {17, 20}, {0, 0}});
  CHECK_THROWS_AS(cut_to(4, 2), ef::ConfigError);  // windows of two tokens cannot share two
  CHECK_THROWS_AS(cut_to(1, 0), ef::Error);        // no room for the special tokens

  json file = json::parse(ef::text::read_file(folder / "word_piece.json"));
  file["padding"] = {{"strategy", {{"Fixed", 5}}}, {"direction", "Left"},
                     {"pad_to_multiple_of", 4},    {"pad_id", 0},
                     {"pad_type_id", 0},           {"pad_token", "[PAD]"}};
  const auto pads = ef::parse_tokenizer(file.dump(), "t.json");
  CHECK(pads.encode("run") == Ids{2, 8, 3});
  const auto padded = pads.encode_full("run", std::nullopt, pads.file_options());
  CHECK(padded.ids == Ids{0, 0, 0, 0, 0, 2, 8, 3});
  CHECK(padded.attention_mask == std::vector<int>{0, 0, 0, 0, 0, 1, 1, 1});
}

// Vocabulary of unigram: <unk> </s> ▁ ▁a ▁ab b c bc ▁abc, with scores.
TEST_CASE("Unigram takes the most probable way to cut a word") {
  const auto tokenizer = load("unigram");
  CHECK(tokenizer.encode("ab", false) == Ids{4});             // -2.5 beats ▁a b at -4
  CHECK(tokenizer.encode("abc", false) == Ids{8});            // -4.5 beats ▁ab c at -4.75
  CHECK(tokenizer.encode("a bc", false) == Ids{3, 2, 5, 6});  // b c at -4.25 beats bc at -4.5
  CHECK(tokenizer.encode("a   ﹪ﬁ ") == Ids{3, 2, 0, 1});     // neighbouring unknown characters are one token
  CHECK(tokenizer.encode_full("a ﬁ").tokens == Strings{"▁a", "▁", "fi", "</s>"});
  CHECK(tokenizer.decode(Ids{4, 3, 6, 1}) == "ab ac");
}

TEST_CASE("components that lie are refused with their place") {
  const auto path = [](json& file) -> json& { return file["normalizer"]; };
  CHECK(
      refusal("unigram", [&](json& file) { path(file)["normalizers"][1]["pattern"]["Regex"] = "(a"; }) ==
      "t.json: normalizer.normalizers[1].pattern.Regex: \"(a\" does not compile: end pattern with unmatched "
      "parenthesis");
  CHECK(refusal("unigram",
                [&](json& file) {
                  path(file)["normalizers"][1]["pattern"]["Regex"] = std::string(16385, 'a');
                }) ==
        "t.json: normalizer.normalizers[1].pattern.Regex: has 16385 bytes, more than the 16384 of a pattern");
  CHECK(refusal("unigram", [&](json& file) {
          path(file)["normalizers"][1]["pattern"]["Regex"] = std::string(16384, 'a');
        }) == "accepted");
  CHECK(refusal("unigram", [&](json& file) {
          path(file) = {{"type", "Precompiled"}, {"precompiled_charsmap", "a?=="}};
        }) == "t.json: normalizer.precompiled_charsmap: it is not base64");
  CHECK(refusal("unigram", [&](json& file) {
          path(file) = {{"type", "Precompiled"}, {"precompiled_charsmap", "/////wAA"}};
        }) == "t.json: normalizer.precompiled_charsmap: a trie of 4294967295 bytes in a map of 6");
  CHECK(refusal("unigram", [](json& file) { file["model"]["vocab"][3][0] = "b"; }) ==
        "t.json: model.vocab[5]: \"b\" stands twice");
  CHECK(refusal("unigram", [](json& file) { file["model"]["vocab"][3] = "b"; }) ==
        "t.json: model.vocab[3]: expected an array");
  CHECK(refusal("unigram", [](json& file) { file["model"]["unk_id"] = 9; }) ==
        "t.json: model.unk_id: 9 is not the id of one of 9 tokens");
  CHECK(refusal("unigram", [](json& file) { file["pre_tokenizer"]["prepend_scheme"] = "often"; }) ==
        "t.json: pre_tokenizer.prepend_scheme: \"often\" is not supported");
  CHECK(refusal("unigram", [](json& file) {
          file["pre_tokenizer"] = {{"type", "Syllables"}};
        }) == "t.json: pre_tokenizer.type: \"Syllables\" is not supported");
  CHECK(refusal("word_piece", [](json& file) { file["model"]["unk_token"] = "?"; }) ==
        "t.json: model.unk_token: \"?\" is not in the vocabulary");
  CHECK(
      refusal("word_piece", [](json& file) {
        file["truncation"] = {{"direction", "Right"}, {"max_length", 6}, {"strategy", "Some"}, {"stride", 0}};
      }) == "t.json: truncation.strategy: \"Some\" is not supported");
}

TEST_CASE("an expression that runs away is an error, not a hang") {
  json file = json::parse(ef::text::read_file(folder / "byte_level_bpe.json"));
  file["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", "(x+x+)+y"}}}, {"behavior", "Isolated"}, {"invert", false}};
  const auto tokenizer = ef::parse_tokenizer(file.dump(), "t.json");
  CHECK_THROWS_AS(tokenizer.encode(std::string(200, 'x')), ef::InputError);
}

TEST_CASE("an expression that backtracks much at every place is an error too") {
  json file = json::parse(ef::text::read_file(folder / "byte_level_bpe.json"));
  const auto cut_by = [&](const char* regex, const std::string& text) {
    file["pre_tokenizer"] = {
        {"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
    return ef::parse_tokenizer(file.dump(), "t.json").encode(text);
  };
  const std::string text(100'000, 'x');
  CHECK_THROWS_AS(cut_by("x*?y|x", text), ef::InputError);  // all of the rest is tried at each place
  CHECK(cut_by("x*?y|x+", text) == cut_by("x+", text));     // only once
  std::string words;
  while (words.size() < 200'000) words += "some words, 12 of them; and more ";
  CHECK(cut_by(R"(\p{L}+(?=y)|\p{N}+z|[a-z]+|\s+|.)", words) == cut_by(R"([a-z]+|\s+|[0-9]|.)", words));
}

TEST_CASE("an expression that reads much at every place is an error too, though it never backtracks") {
  const ef::text::Regex regex("x*y|x", "test");  // as y is no x, Oniguruma makes x* possessive
  const std::string text(30'000, 'x');
  ef::text::RegexSearch search({.seconds = 0.1, .seconds_per_byte = 0});
  search.start(text);
  const auto all = [&] {
    for (std::size_t at = 0; at < text.size(); at = search.find(regex, text, at)->end) continue;
  };
  CHECK_THROWS_AS(all(), ef::InputError);  // it would take about 3 s
}

TEST_CASE("a megabyte of one character takes seconds at most, where quadratic time would take minutes") {
  for (const std::string name : {"byte_level_bpe", "unigram", "word_piece"}) {
    const auto tokenizer = load(name);
    for (const std::string character : {" ", "a", "1", ".", "é"}) {
      CAPTURE(name);
      CAPTURE(character);
      std::string text;
      while (text.size() < 1'000'000) text += character;
      const auto start = std::chrono::steady_clock::now();
      tokenizer.encode_full(text);
      CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 5);
    }
  }
}

}  // namespace text_families
