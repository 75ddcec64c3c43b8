#include "golden.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/load_older_tokenizer.hpp>
#include <eigenformer/text/sentencepiece_model.hpp>

#include <bit>

namespace text_sentencepiece_model {

namespace ef = eigenformer;
using nlohmann::json;

namespace {

// --- writing protocol buffers (protobuf.dev, "Encoding") ---

std::string varint(std::uint64_t number) {
  std::string out;
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(static_cast<unsigned char>(number | 0x80));
  return out + static_cast<char>(static_cast<unsigned char>(number));
}
std::string number_field(std::uint64_t field, std::uint64_t value) {
  return varint(field << 3) + varint(value);
}
std::string text_field(std::uint64_t field, const std::string& text) {
  return varint(field << 3 | 2) + varint(text.size()) + text;
}
std::string piece(const std::string& text, double score, std::uint64_t type) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(score));
  std::string value;
  for (int shift = 0; shift < 32; shift += 8)
    value += static_cast<char>(static_cast<unsigned char>(bits >> shift & 0xFF));
  return text_field(1, text_field(1, text) + varint(2 << 3 | 5) + value + number_field(3, type));
}

constexpr std::uint64_t normal = 1, unknown = 2, control = 3, byte = 6;

std::string specials() {
  return piece("<unk>", 0, unknown) + piece("<s>", 0, control) + piece("</s>", 0, control);
}

std::string small_bpe(bool remove_extra_spaces = false) {
  std::string out = specials();
  for (const char* text : {"<0x00>", "<0xC3>", "<0xA9>"}) out += piece(text, 0, byte);
  double score = 0;
  for (const char* text : {"▁a", "ab", "▁ab"}) out += piece(text, -score++, normal);
  for (const char* text : {"▁", "a", "b"}) out += piece(text, -score++, normal);
  return out + text_field(2, number_field(3, 2) + number_field(35, 1)) +
         text_field(3, number_field(4, remove_extra_spaces ? 1 : 0));
}

ef::Tokenizer parsed(const std::string& content) {
  return ef::text::parse_sentencepiece_model(content, {.bos = true}, "m.model");
}

}  // namespace

TEST_CASE("a BPE model joins by score, and bytes stand for what it does not know") {
  const ef::Tokenizer tokenizer = parsed(small_bpe());
  using Ids = std::vector<ef::Token>;
  CHECK(tokenizer.encode("ab") == Ids{1, 8});  // ▁a, then ▁ab
  CHECK(tokenizer.encode("bab") == Ids{1, 9, 11, 7});
  CHECK(tokenizer.encode("é", false) == Ids{9, 4, 5});
  CHECK(tokenizer.encode("a  b", false) == Ids{6, 9, 9, 11});
  CHECK(parsed(small_bpe(true)).encode(" a   b ", false) == Ids{6, 9, 11});
  CHECK(tokenizer.encode("a<s>b", false) == Ids{6, 1, 9, 11});
  CHECK(tokenizer.decode(tokenizer.encode("a é  b")) == "a é  b");
}

TEST_CASE("bad models are refused with the reason") {
  const auto refused = [](const std::string& content) -> std::string {
    try {
      parsed(content);
    } catch (const ef::Error& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string good = small_bpe();
  CHECK(refused(good) == "accepted");
  CHECK(refused("") == "m.model: no piece is for what is unknown");
  CHECK(refused("{\"model\": 1}").starts_with("m.model: it is no SentencePiece model: "));
  CHECK(refused(good + piece("ab", 0, normal)) == "m.model: \"ab\" stands twice");
  CHECK(refused(good + piece("zz", 0, 5)) == "m.model: piece 12 is of type 5, which is not supported");
  CHECK(refused(good + piece(std::string(2000, 'a'), 0, normal)) ==
        "m.model: a piece has 2000 bytes, more than 1024");
  CHECK(refused(good + piece("\xFF", 0, normal)) ==
        "m.model: it is no SentencePiece model: piece 12 is empty, not UTF-8, or has no finite score");
  CHECK(refused(specials() + text_field(2, number_field(3, 4))) ==
        "m.model: models of type 4 are not supported, only Unigram (1) and BPE (2)");
  CHECK(refused(good + varint(1 << 3 | 2) + varint(~std::uint64_t{0})).find("bytes where 0 are left") !=
        std::string::npos);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    const std::string said = refused(good.substr(0, size));  // refused, or whole up to here: never a crash
    CHECK(!said.empty());
  }
}

TEST_CASE("LLaMA's model gives what its tokenizer.json gives") {
  const auto folder = golden::shared / "tokenizers" / "llama2";
  if (!golden::present(folder)) return;
  const auto file = json::parse(ef::text::read_file(folder / "tokenizer.json"));
  std::vector<std::string> tokens(file["model"]["vocab"].size());
  for (const auto& [token, id] : file["model"]["vocab"].items()) tokens.at(id) = token;
  std::string content;
  const auto score = [&](std::size_t id) {  // of runs of spaces, the least of all
    const bool spaces = tokens[id].size() > 3 && tokens[id].find_first_not_of("▁") == std::string::npos;
    return spaces ? -1e9 : 259 - static_cast<double>(id);
  };
  for (std::size_t id = 0; id < tokens.size(); ++id)
    content += id < 3     ? piece(tokens[id], 0, id == 0 ? unknown : control)
               : id < 259 ? piece(tokens[id], 0, byte)
                          : piece(tokens[id], score(id), normal);
  content += text_field(2, number_field(3, 2) + number_field(35, 1)) + text_field(3, number_field(4, 0));
  const ef::Tokenizer tokenizer = parsed(content);
  for (const auto& record : golden::records(folder / "golden.jsonl"))
    golden::check_encoding(tokenizer, record);
}

TEST_CASE("T5's model gives what its tokenizer.json gives, but for spaces that SentencePiece takes away") {
  const auto folder = golden::shared / "tokenizers" / "t5";
  if (!golden::present(folder)) return;
  const auto file = json::parse(ef::text::read_file(folder / "tokenizer.json"));
  std::string content, charsmap;
  for (std::size_t id = 0; id < 32000; ++id) {
    const auto& entry = file["model"]["vocab"][id];
    const std::uint64_t type = id == 2 ? unknown : id < 2 ? control : normal;
    content += piece(entry[0], entry[1], type);
  }
  for (const auto& step : file["normalizer"]["normalizers"])
    if (step["type"] == "Precompiled")
      charsmap = ef::text::decode_base64(step["precompiled_charsmap"].get<std::string>(), "t5");
  REQUIRE(!charsmap.empty());
  content += text_field(2, number_field(3, 1)) + text_field(3, text_field(2, charsmap));
  const auto tokenizer = ef::text::parse_sentencepiece_model(content, {.eos = true}, "t5");
  int compared = 0;
  for (const auto& record : golden::records(folder / "golden.jsonl")) {
    const auto text = record["text"].get<std::string>();
    const bool plain = text.find("  ") == text.npos && text.find('<') == text.npos &&
                       std::all_of(text.begin(), text.end(), [](char c) { return c >= ' '; });
    if (!plain || text.starts_with(' ') || text.ends_with(' ') || record.contains("text_pair")) continue;
    CAPTURE(text);
    CHECK(tokenizer.encode(text, record["add_special_tokens"]) ==
          record["ids"].get<std::vector<ef::Token>>());
    ++compared;
  }
  CHECK(compared > 20);
}

TEST_CASE("an older folder is known by its files, and its config says which special tokens go around") {
  const auto folder = std::filesystem::temp_directory_path() / "eigenformer_older_tokenizer";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
  };
  using Ids = std::vector<ef::Token>;
  CHECK_THROWS_AS(ef::load_older_tokenizer(folder), ef::FileError);
  write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\nab\n");
  CHECK(ef::load_older_tokenizer(folder).encode("AB") == Ids{1, 3, 2});
  write("tokenizer_config.json", R"({"do_lower_case": false})");
  CHECK(ef::load_older_tokenizer(folder).encode("AB") == Ids{1, 0, 2});
  write("spiece.model", small_bpe());
  CHECK(ef::load_older_tokenizer(folder).encode("ab") == Ids{8, 2});
  write("tokenizer.model", small_bpe());
  CHECK(ef::load_older_tokenizer(folder).encode("ab") == Ids{1, 8});
  write("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true})");
  CHECK(ef::load_older_tokenizer(folder).encode("ab") == Ids{8, 2});
  write("tokenizer_config.json", R"({"add_bos_token": "yes"})");
  CHECK_THROWS_AS(ef::load_older_tokenizer(folder), ef::FileError);
  std::filesystem::remove_all(folder);
}

}  // namespace text_sentencepiece_model
