// What is trained here is read by Hugging Face's engine, where node and its package tokenizers are there (npm
// install @anush008/tokenizers; NODE_PATH tells where).
#include "golden.hpp"
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/train_tokenizer.hpp>

#include <cstdlib>

namespace text_train_node {

namespace ef = eigenformer;
using nlohmann::json;

TEST_CASE("Hugging Face's engine reads a trained tokenizer and gives the same ids and texts") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "eigenformer-train-node";
  std::filesystem::create_directories(folder);
  const auto path = [&](const char* name) { return (folder / name).string(); };
  const auto write = [&](const char* name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
  };
  const std::string script = (golden::data.parent_path().parent_path() / "text" / "read_back.js").string();

  std::vector<std::string> lines;
  std::ifstream corpus(golden::data / "train" / "corpus.txt", std::ios::binary);
  for (std::string line; std::getline(corpus, line);) lines.push_back(line + "\n");
  std::vector<std::string> texts = lines;
  for (const char* text : {"", " ", "never seen before: Ωmega ½ ﬁne ЖЖ 한국 🏳️‍🌈",
                           "  two  spaces\t\ttabs \r\n", "a<|endoftext|>b </s> [SEP]"})
    texts.emplace_back(text);
  write("lines.json", json(texts).dump());

  using Model = ef::TokenizerModel;
  for (const Model model : {Model::byte_level_bpe, Model::word_piece, Model::unigram}) {
    const std::string file =
        ef::train_tokenizer(lines, {.model = model, .vocab_size = 500, .min_frequency = 1});
    write("tokenizer.json", file);
    const std::string command = "node \"" + script + "\" \"" + path("tokenizer.json") + "\" \"" +
                                path("lines.json") + "\" > \"" + path("ids.json") + "\" 2> \"" +
                                path("errors.txt") + '"';
    const int status = std::system(command.c_str());
    const std::string errors = ef::text::read_file(folder / "errors.txt");
    // 3: the script found no package; 127: the shell found no node (both in the second byte of the status on
    // POSIX)
    if (status == 3 || status == 3 << 8 || status == 127 << 8 ||
        errors.find("is not recognized") != std::string::npos) {
      support::skip("node or its package tokenizers is not there");
      break;
    }
    CAPTURE(errors);
    REQUIRE(status == 0);
    const json found = json::parse(ef::text::read_file(folder / "ids.json"));
    const ef::Tokenizer tokenizer = ef::parse_tokenizer(file, "trained");
    REQUIRE(found.size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(texts[i]);
      const auto ids = tokenizer.encode(texts[i]);
      CHECK(ids == found[i]["ids"].get<std::vector<ef::Token>>());
      CHECK(tokenizer.decode(ids) == found[i]["text"].get<std::string>());
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace text_train_node
