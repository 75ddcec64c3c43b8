// A real trained model as a GGUF file: the TinyStories model of 260 thousand parameters with its tokenizer.
#include "files.hpp"
#include "gguf_models.hpp"
#include "support/skip.hpp"
#include <eigenformer/hub.hpp>

#include <doctest/doctest.h>

namespace hub_gguf_stories260k {

namespace ef = eigenformer;
using gguf_file::Type;

namespace {

const std::string folder = std::string(EIGENFORMER_SHARED_DATA) + "/models/stories260K";

/// The tokens and scores of llama2.c's tokenizer file: the longest token's length, then for each a score and
/// its bytes. Its first three are <unk>, <s> and </s>, then come the bytes.
void put_tokenizer(gguf_file::Writer& out) {
  const std::string file = files::read(folder + "/tok512.bin");
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<std::int32_t> kinds;
  for (std::size_t at = 4; at < file.size();) {
    float score = 0;
    std::int32_t length = 0;
    std::memcpy(&score, file.data() + at, 4);
    std::memcpy(&length, file.data() + at + 4, 4);
    std::string token = file.substr(at + 8, static_cast<std::size_t>(length));
    at += 8 + token.size();
    const std::size_t id = tokens.size();
    for (std::size_t space; id > 2 && (space = token.find(' ')) != token.npos;)
      token.replace(space, 1, "\xE2\x96\x81");
    constexpr const char* special[] = {"<unk>", "<s>", "</s>"};
    tokens.push_back(id < 3 ? special[id] : token);
    scores.push_back(score);
    kinds.push_back(id == 0 ? 2 : id < 3 ? 3 : token.starts_with("<0x") ? 6 : 1);
  }
  out.text("tokenizer.ggml.model", "llama");
  out.strings("tokenizer.ggml.tokens", tokens);
  out.f32s("tokenizer.ggml.scores", scores);
  out.i32s("tokenizer.ggml.token_type", kinds);
}

}  // namespace

TEST_CASE("stories260K from one GGUF file continues every golden prompt token for token") {
  if (!support::shared_has("models/stories260K")) return;
  gguf_file::Writer out = gguf_models::model(folder);
  put_tokenizer(out);
  const files::TemporaryFolder files;
  const std::string path = files.write("stories260K.gguf", out.bytes());
  const char* const kept = std::getenv("EIGENFORMER_KEEP_GGUF");  // to open it with other programs
  if (kept) std::filesystem::copy_file(path, kept, std::filesystem::copy_options::overwrite_existing);
  const auto model = ef::load_causal_lm<float>(path);
  const auto tokenizer = ef::load_tokenizer(path);
  CHECK(ef::load_generation_config(path).end_tokens == std::vector<ef::Token>{2});
  ef::Threads threads(1);
  const ef::Json golden = ef::read_json(folder + "/golden.json");
  for (const ef::Json& prompt : golden["prompts"]) {
    const auto text = prompt["prompt"].get<std::string>();
    CAPTURE(text);
    const std::vector<ef::Token> ids = tokenizer.encode(text);
    CHECK(ids == prompt["prompt_ids"].get<std::vector<ef::Token>>());
    const ef::GenerationConfig config{.max_new_tokens = 200, .temperature = 0, .end_tokens = {1}};
    const auto result = ef::generate(model, ids, config, threads, [](ef::Token) {});
    const auto drawn = result.new_tokens();
    CHECK(std::vector<ef::Token>(drawn.begin(), drawn.end()) ==
          prompt["continuation_ids"].get<std::vector<ef::Token>>());
    CHECK(tokenizer.decode(ids) == ef::load_tokenizer(folder).decode(ids));
  }
}

}  // namespace hub_gguf_stories260k
