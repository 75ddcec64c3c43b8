#include "golden.hpp"
#include "stream.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/vocabulary.hpp>

namespace text_tokenizer {

namespace ef = eigenformer;

TEST_CASE("every record of stories260K is encoded, decoded and streamed as the reference engine does") {
  const auto folder = golden::shared / "models" / "stories260K";
  if (!golden::present(folder)) return;
  const auto tokenizer = ef::load_tokenizer_json(folder);
  CHECK(tokenizer.vocab_size() == 512);
  for (const auto& record : golden::records(folder / "tokenizer_golden.jsonl")) {
    golden::check_encoding(tokenizer, record);
    check_stream(tokenizer, record["ids"], true);
    check_stream(tokenizer, record["ids"], false);
  }
  for (const auto& record : golden::records(folder / "tokenizer_decode_golden.jsonl")) {
    const std::vector<ef::Token> ids = record["ids"];
    const bool skip = record["skip_special_tokens"];
    CAPTURE(ids);
    CHECK(tokenizer.decode(ids, skip) == record["decoded"].get<std::string>());
    check_stream(tokenizer, ids, skip);
  }
}

namespace {

ef::Tokenizer small() { return ef::load_tokenizer_json(golden::data / "byte_fallback_bpe.json"); }

std::vector<ef::Token> ids(std::string_view text) { return small().encode(text, false); }

}  // namespace

// Vocabulary of the small tokenizer: bytes from 3 on, ▁ 259, a 260, b 261, c 262, é 263, ab 264, ▁a 265, ▁ab
// 266, bc 267, ▁▁ 268, <mask> 269, <end> 270, "b c" 271.
TEST_CASE("the small tokenizer merges in the order of its merges") {
  CHECK(ids("ab") == std::vector<ef::Token>{266});
  CHECK(ids("abc") == std::vector<ef::Token>{266, 262});
  CHECK(ids("bc") == std::vector<ef::Token>{259, 267});
  CHECK(ids("a  b") == std::vector<ef::Token>{265, 268, 261});
  CHECK(ids("").empty());
}

TEST_CASE("characters outside the vocabulary become their bytes") {
  CHECK(ids("é") == std::vector<ef::Token>{259, 263});
  CHECK(ids("ü") == std::vector<ef::Token>{259, 3 + 0xC3, 3 + 0xBC});
  CHECK(ids("▁") == std::vector<ef::Token>{268});  // the text's own U+2581 is like a space
}

TEST_CASE("added tokens are found before the model sees the text") {
  CHECK(ids("a<s>a") == std::vector<ef::Token>{265, 1, 265});
  CHECK(ids("a  <mask> a") == std::vector<ef::Token>{265, 269, 259, 265});  // lstrip
  CHECK(ids("a <end>  a") == std::vector<ef::Token>{265, 259, 270, 265});   // rstrip
  CHECK(ids("<s") == std::vector<ef::Token>{259, 3 + '<', 3 + 's'});
  // "b c" is normalized, its content becomes "▁b▁c", and is looked for in the normalized text
  CHECK(ids("ab c") == std::vector<ef::Token>{266, 259, 262});
  CHECK(ids("a b ca") == std::vector<ef::Token>{265, 271, 260});
}

TEST_CASE("special tokens are added when asked for, and left out when decoding") {
  const auto tokenizer = small();
  CHECK(tokenizer.encode("ab") == std::vector<ef::Token>{1, 266});
  const std::vector<ef::Token> tokens{1, 266, 2, 270, 265};
  CHECK(tokenizer.decode(tokens) == "ab<end> a");
  CHECK(tokenizer.decode(tokens, false) == "<s> ab</s><end> a");
  CHECK(tokenizer.is_special(1));
  CHECK_FALSE(tokenizer.is_special(270));
  CHECK_FALSE(tokenizer.is_special(9999));
}

TEST_CASE("an encoding tells where its tokens stand in the original, in code points") {
  const auto encoding = small().encode_full("aü  b", "c");
  CHECK(encoding.ids == std::vector<ef::Token>{1, 265, 198, 191, 268, 261, 2, 259, 262});
  CHECK(encoding.tokens ==
        std::vector<std::string>{"<s>", "▁a", "<0xC3>", "<0xBC>", "▁▁", "b", "</s>", "▁", "c"});
  CHECK(encoding.offsets ==
        std::vector<ef::Offset>{{0, 0}, {0, 1}, {1, 2}, {1, 2}, {2, 4}, {4, 5}, {0, 0}, {0, 1}, {0, 1}});
  CHECK(encoding.type_ids == std::vector<int>{0, 0, 0, 0, 0, 0, 1, 1, 1});
  CHECK(encoding.special_tokens_mask == std::vector<int>{1, 0, 0, 0, 0, 0, 1, 0, 0});
  CHECK(encoding.attention_mask == std::vector<int>(9, 1));
  CHECK(encoding.word_ids == std::vector<ef::Index>{-1, 0, 0, 0, 0, 0, -1, 0, 0});
}

TEST_CASE("the vocabulary can be asked both ways, added tokens included") {
  const auto tokenizer = small();
  CHECK(tokenizer.vocab_size() == 272);
  CHECK(tokenizer.token_to_id("▁ab") == 266);
  CHECK(tokenizer.token_to_id("<mask>") == 269);
  CHECK_FALSE(tokenizer.token_to_id("nothing").has_value());
  CHECK(tokenizer.id_to_token(265) == "▁a");
  CHECK(tokenizer.id_to_token(270) == "<end>");
  CHECK_FALSE(tokenizer.id_to_token(272).has_value());
  CHECK_FALSE(tokenizer.id_to_token(-1).has_value());
}

TEST_CASE("text that is not UTF-8 is refused with the place") {
  CHECK_THROWS_WITH_AS(ids("ab\xFF"), "the text is not UTF-8 at byte 2 of 3", ef::InputError);
  CHECK_THROWS_WITH_AS(ids("a\xED\xA0\x80"), "the text is not UTF-8 at byte 1 of 4",
                       ef::InputError);  // a surrogate
  CHECK(ids(ef::text::replace_invalid_utf8("a\xF0\x9F\x98")) ==
        std::vector<ef::Token>{265, 242, 194, 192});  // U+FFFD
}

TEST_CASE("encoding what was decoded gives the text back, and streaming what decoding gives") {
  const auto tokenizer = small();
  for (const char* text : {"a", "ab c  abc", " leading", "trailing ", "日本 😀 a", "\n\t", "<s>a</s>"}) {
    CAPTURE(text);
    const auto tokens = tokenizer.encode(text);
    if (std::string(text).find("<s>") == std::string::npos) CHECK(tokenizer.decode(tokens) == text);
    check_stream(tokenizer, tokens, true);
    check_stream(tokenizer, tokens, false);
  }
  std::uint64_t state = 1;  // lists of random tokens, most of them bytes that make no character
  for (int list = 0; list < 200; ++list) {
    std::vector<ef::Token> tokens;
    for (int i = 0; i < list % 30; ++i)
      tokens.push_back(static_cast<ef::Token>((state = ef::text::mixed(state + 1)) % 280));
    check_stream(tokenizer, tokens, list % 2 == 0);
  }
}

TEST_CASE("a stream gives a character only when all its bytes are there") {
  ef::TextStream stream(small());
  CHECK(stream.push(1) == "");
  CHECK(stream.push(265) == "a");
  CHECK(stream.push(3 + 0xC3) == "");
  CHECK(stream.push(3 + 0xBC) == "");  // held back: one more byte and the whole run were no UTF-8
  CHECK(stream.push(265) == "ü a");
  CHECK(stream.push(3 + 0xC3) == "");
  CHECK(stream.finish() == "\xEF\xBF\xBD");
  CHECK(stream.push(265) == "a");  // a new list has begun
}

TEST_CASE("a copy of a stream goes on from what is held back, and neither disturbs the other") {
  ef::TextStream stream(small());
  CHECK(stream.push(3 + 0xC3) == "");
  ef::TextStream copy = stream, assigned(small());
  assigned = copy;
  CHECK(copy.push(3 + 0xBC) == "");
  CHECK(copy.push(265) == "ü a");
  CHECK(stream.finish() == "\xEF\xBF\xBD");
  ef::TextStream moved = std::move(assigned);
  CHECK(moved.push(3 + 0xA4) == "");
  CHECK(moved.push(265) == "ä a");
}

}  // namespace text_tokenizer
