// The tokenizer inside a GGUF file encodes and decodes as the tokenizer.json that it was made from.
#include "files.hpp"
#include "gguf_models.hpp"
#include "support/skip.hpp"
#include <eigenformer/hub/load_chat_template.hpp>
#include <eigenformer/hub/load_tokenizer.hpp>

namespace hub_gguf_tokenizer {

namespace ef = eigenformer;
using files::TemporaryFolder;
using gguf_file::Writer;

namespace {

const std::string data = std::string(EIGENFORMER_TEST_DATA) + "/text/";

const char* const texts[] = {"",
                             " ",
                             "ab",
                             "a b c  abc   12 123",
                             "  Hello, World! 2024's it'll\n\n\tx\r\n  ",
                             "na\xC3\xAFve caf\xC3\xA9 \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x98\x80 e\xCC\x81",
                             "<s>ab</s><unk> <mask> <|endoftext|>",
                             "\u2581a \u2581",
                             "Once upon a time, there was a DOG. It's 3.14159 km away\xE2\x80\xA6"};

/// The tokens of a tokenizer.json with their kinds.
void put_tokens(Writer& out, const ef::Json& json) {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> kinds;
  const auto put = [&](std::size_t id, const std::string& token, std::int32_t kind) {
    while (tokens.size() <= id) {
      tokens.push_back("[PAD" + std::to_string(tokens.size()) + "]");
      kinds.push_back(5);
    }
    tokens[id] = token;
    kinds[id] = kind;
  };
  for (const auto& [token, id] : json["model"]["vocab"].items())
    put(id.get<std::size_t>(), token, token.size() == 6 && token.starts_with("<0x") ? 6 : 1);
  for (const ef::Json& added : json["added_tokens"])
    put(added["id"].get<std::size_t>(), added["content"].get<std::string>(),
        json["model"]["unk_token"] == added["content"] ? 2
        : added["special"].get<bool>()                 ? 3
                                                       : 4);
  out.strings("tokenizer.ggml.tokens", tokens);
  out.i32s("tokenizer.ggml.token_type", kinds);
}

std::vector<std::pair<std::string, std::string>> merges(const ef::Json& json) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const ef::Json& merge : json["model"]["merges"])
    if (merge.is_array()) {
      out.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      const auto text = merge.get<std::string>();
      out.emplace_back(text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1));
    }
  return out;
}

/// A file with the tokenizer of a tokenizer.json, which is LLaMA's kind.
Writer sentencepiece(const ef::Json& json) {
  Writer out;
  out.text("general.architecture", "llama");
  out.text("tokenizer.ggml.model", "llama");
  put_tokens(out, json);
  std::map<std::string, float> rank;  // the score of a token is that of the merge that makes it
  float next = 0;
  for (const auto& [left, right] : merges(json)) rank.emplace(left + right, next -= 1);
  std::vector<float> scores;
  std::map<std::size_t, std::string> by_id;
  for (const auto& [token, id] : json["model"]["vocab"].items()) by_id[id.get<std::size_t>()] = token;
  for (const ef::Json& added : json["added_tokens"]) by_id[added["id"].get<std::size_t>()] = "";
  for (const auto& [id, token] : by_id) {
    scores.resize(id + 1);
    scores[id] = rank.contains(token) ? rank[token] : -1e6f;
  }
  out.f32s("tokenizer.ggml.scores", scores);
  out.u32("tokenizer.ggml.bos_token_id", 1);
  out.u32("tokenizer.ggml.eos_token_id", 2);
  return out;
}

Writer byte_level(const ef::Json& json, const std::string& pre) {
  Writer out;
  out.text("general.architecture", "llama");
  out.text("tokenizer.ggml.model", "gpt2");
  if (!pre.empty()) out.text("tokenizer.ggml.pre", pre);
  put_tokens(out, json);
  std::vector<std::string> list;
  for (const auto& [left, right] : merges(json)) list.push_back(left + " " + right);
  out.strings("tokenizer.ggml.merges", list);
  return out;
}

/// Both tokenizers on all texts; `plain` leaves out what goes around a text.
void check_same(const ef::Tokenizer& found, const ef::Tokenizer& expected, bool plain = false) {
  for (const std::string text : texts) {
    CAPTURE(text);
    const std::vector<ef::Token> ids = expected.encode(text, !plain);
    CHECK(found.encode(text, !plain) == ids);
    CHECK(found.decode(ids) == expected.decode(ids));
    CHECK(found.decode(ids, false) == expected.decode(ids, false));
  }
}

}  // namespace

TEST_CASE("a SentencePiece tokenizer with scores is that of its tokenizer.json") {
  const TemporaryFolder files;
  ef::Json json = ef::read_json(data + "byte_fallback_bpe.json");
  json["added_tokens"] = {json["added_tokens"][0], json["added_tokens"][1], json["added_tokens"][2]};
  const ef::Tokenizer expected = ef::parse_tokenizer(json.dump(), "expected");
  Writer out = sentencepiece(json);
  check_same(ef::load_tokenizer(files.write("x.gguf", out.bytes())), expected);
  out.boolean("tokenizer.ggml.add_bos_token", false);
  const ef::Tokenizer bare = ef::load_tokenizer(files.write("x.gguf", out.bytes()));
  check_same(bare, expected, true);
  CHECK(bare.encode("ab") == expected.encode("ab", false));
  out.boolean("tokenizer.ggml.add_eos_token", true);
  std::vector<ef::Token> ended = expected.encode("ab", false);
  ended.push_back(2);
  CHECK(ef::load_tokenizer(files.write("x.gguf", out.bytes())).encode("ab") == ended);
  out.boolean("tokenizer.ggml.add_space_prefix", false);
  json["normalizer"] = json["normalizer"]["normalizers"][1];
  json["decoder"]["decoders"].erase(3);
  check_same(ef::load_tokenizer(files.write("x.gguf", out.bytes())),
             ef::parse_tokenizer(json.dump(), "expected"), true);
}

TEST_CASE("tokens of the user are whole, runs of spaces among them") {
  const TemporaryFolder files;
  Writer out;
  out.text("tokenizer.ggml.model", "llama");
  out.strings("tokenizer.ggml.tokens", {"<unk>", "\u2581", "a", "\u2581a", "\u2581\u2581", "\n\n", "\n"});
  out.i32s("tokenizer.ggml.token_type", {2, 1, 1, 1, 4, 4, 1});
  out.f32s("tokenizer.ggml.scores", {0, -5, -4, -1, 0, 0, -6});
  out.boolean("tokenizer.ggml.add_bos_token", false);
  out.boolean("tokenizer.ggml.add_space_prefix", false);
  const ef::Tokenizer tokenizer = ef::load_tokenizer(files.write("x.gguf", out.bytes()));
  using Ids = std::vector<ef::Token>;
  CHECK(tokenizer.encode("a a") == Ids{2, 3});
  CHECK(tokenizer.encode("a  a") == Ids{2, 4, 2});
  CHECK(tokenizer.encode("a   a") == Ids{2, 4, 3});
  CHECK(tokenizer.encode("a\n\n\na") == Ids{2, 5, 6, 2});
  CHECK(tokenizer.decode(Ids{2, 4, 2, 5}) == "a  a\n\n");
}

TEST_CASE("a byte-level tokenizer cuts texts as its name says") {
  const TemporaryFolder files;
  ef::Json json = ef::read_json(data + "byte_level_bpe.json");
  for (ef::Json& added : json["added_tokens"]) added["lstrip"] = false;
  json["post_processor"] = nullptr;
  const auto split = [](const std::string_view pattern) {
    return ef::Json{
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
          {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  };
  const ef::Json plain = json["pre_tokenizer"];
  const auto check = [&](const std::string& pre, const ef::Json& pre_tokenizer, bool nfc = false,
                         bool whole = false) {
    CAPTURE(pre);
    json["pre_tokenizer"] = pre_tokenizer;
    json["normalizer"] = nfc ? ef::Json{{"type", "NFC"}} : ef::Json();
    json["model"]["ignore_merges"] = whole;
    Writer out = byte_level(json, pre);
    out.boolean("tokenizer.ggml.add_bos_token", false);
    check_same(ef::load_tokenizer(files.write("x.gguf", out.bytes())),
               ef::parse_tokenizer(json.dump(), "expected"));
  };
  check("gpt-2", plain);
  // As the tokenizer.json files of LLaMA 3, Qwen2, BLOOM, SmolLM and Mistral Nemo have them.
  check(
      "llama-bpe",
      split(
          R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"),
      false, true);
  check(
      "qwen2",
      split(
          R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"),
      true);
  check("bloom", split(" ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"));
  check("smollm", {{"type", "Sequence"},
                   {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, plain}}});
}

TEST_CASE("a beginning is put before texts where the name or the file says so") {
  const TemporaryFolder files;
  const ef::Json json = ef::read_json(data + "byte_level_bpe.json");
  const auto first = [&](const std::string& pre, std::optional<bool> add) {
    Writer out = byte_level(json, pre);
    out.u32("tokenizer.ggml.bos_token_id", 1);
    if (add) out.boolean("tokenizer.ggml.add_bos_token", *add);
    return ef::load_tokenizer(files.write("x.gguf", out.bytes())).encode("a").front();
  };
  CHECK(first("llama-bpe", std::nullopt) == 1);
  CHECK(first("llama-bpe", false) != 1);
  CHECK(first("gpt-2", std::nullopt) != 1);
  CHECK(first("gpt-2", true) == 1);
}

TEST_CASE("the chat template inside a file is rendered with the file's special tokens") {
  const TemporaryFolder files;
  Writer out = byte_level(ef::read_json(data + "byte_level_bpe.json"), "gpt-2");
  out.u32("tokenizer.ggml.bos_token_id", 0);
  out.u32("tokenizer.ggml.eos_token_id", 1);
  const std::string none = files.write("none.gguf", out.bytes());
  CHECK(files::refusal([&] { ef::hub::chat_template_of(none); }) ==
        "tokenizer.chat_template: is missing (" + none + ")");
  out.text("tokenizer.chat_template",
           "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}{% endfor %}");
  const ef::ChatTemplate chat = ef::hub::chat_template_of(files.write("x.gguf", out.bytes()));
  CHECK(chat.render({{"user", "Hi"}, {"assistant", "Ho"}}) == "<s>[user] Hi</s>[assistant] Ho</s>");
}

TEST_CASE("tokenizers that are not known, or whose lists do not go together, are refused by name") {
  const TemporaryFolder files;
  const auto refusal = [&](const Writer& out) {
    const std::string file = files.write("x.gguf", out.bytes());
    std::string message = files::refusal([&] { ef::load_tokenizer(file); });
    if (const auto at = message.find(file); at != message.npos) message.replace(at, file.size(), "x.gguf");
    return message;
  };
  const ef::Json json = ef::read_json(data + "byte_level_bpe.json");
  Writer out;
  CHECK(refusal(out) == "tokenizer.ggml.model: is missing (x.gguf)");
  out.text("tokenizer.ggml.model", "rwkv");
  CHECK(refusal(out) ==
        "tokenizer.ggml.model: \"rwkv\" is not one of those that the library reads: llama, gpt2 (x.gguf)");
  CHECK(refusal(byte_level(json, "")) ==
        "tokenizer.ggml.pre: is missing: how the model cuts texts is not known (x.gguf)");
  CHECK(refusal(byte_level(json, "default"))
            .starts_with("tokenizer.ggml.pre: \"default\" is not one of those that the library knows: gpt-2, "
                         "llama-bpe"));
  const auto lists = [&](const std::vector<std::string>& tokens, const std::vector<std::int32_t>& kinds,
                         const std::vector<float>& scores) {
    Writer made;
    made.text("tokenizer.ggml.model", "llama");
    made.boolean("tokenizer.ggml.add_bos_token", false);
    made.strings("tokenizer.ggml.tokens", tokens);
    made.i32s("tokenizer.ggml.token_type", kinds);
    made.f32s("tokenizer.ggml.scores", scores);
    return refusal(made);
  };
  CHECK(lists({"<unk>", "a"}, {2, 1}, {0, 0}) == "");
  CHECK(lists({"<unk>", ""}, {2, 1}, {0, 0}) == "");  // llama.cpp gives it a name that no text has
  CHECK(lists({"<unk>", "a"}, {2}, {0, 0}) ==
        "tokenizer.ggml.token_type: has 1 elements, there are 2 tokens (x.gguf)");
  CHECK(lists({"<unk>", "a"}, {2, 7}, {0, 0}) == "tokenizer.ggml.token_type: token 1 is of type 7 (x.gguf)");
  CHECK(lists({"<unk>", "a"}, {2, 1}, {0}) ==
        "tokenizer.ggml.scores: has 1 elements, there are 2 tokens (x.gguf)");
  CHECK(lists({"<unk>", "a"}, {2, 1}, {0, NAN}) == "tokenizer.ggml.scores: token 1 has nan (x.gguf)");
  CHECK(lists({"<unk>", "\xff"}, {2, 1}, {0, 0}) == "tokenizer.ggml.tokens: token 1 is not UTF-8 (x.gguf)");
  CHECK(lists({"<unk>", "a", "a"}, {2, 1, 1}, {0, 0, 0}).find("\"a\" stands twice") != std::string::npos);
  Writer special = byte_level(json, "gpt-2");
  special.u32("tokenizer.ggml.bos_token_id", 100000);
  special.boolean("tokenizer.ggml.add_bos_token", true);
  CHECK(refusal(special) == "tokenizer.ggml.bos_token_id: 100000 is none of the 264 tokens (x.gguf)");
  Writer merged = byte_level(json, "gpt-2");
  merged.strings("tokenizer.ggml.merges", {});
  CHECK(refusal(merged) == "x.gguf: the value of \"tokenizer.ggml.merges\": the key stands twice");
}

TEST_CASE("real tokenizers encode a text as their tokenizer.json") {
  const TemporaryFolder files;
  for (const auto& each :
       {std::pair{"llama2", ""}, {"gpt2", "gpt-2"}, {"llama3-16k", "llama-bpe"}, {"bloom-style", "bloom"}}) {
    const std::string name = each.first, pre = each.second;
    const std::string file = "tokenizers/" + name + "/tokenizer.json";
    if (!support::shared_has(file)) continue;
    const std::string path = EIGENFORMER_SHARED_DATA "/" + file;
    CAPTURE(name);
    const ef::Json json = ef::read_json(path);
    Writer out = !pre.empty() ? byte_level(json, pre) : sentencepiece(json);
    if (!pre.empty()) out.boolean("tokenizer.ggml.add_bos_token", false);
    check_same(ef::load_tokenizer(files.write("x.gguf", out.bytes())), ef::load_tokenizer(path),
               !pre.empty());
  }
}

}  // namespace hub_gguf_tokenizer
