// Shows how a tokenizer cuts text:
//   tokenize ~/models/gpt2 --text "To be, or not"
//   tokenize ~/models/gpt2 --json < texts.jsonl
#include "common.hpp"
#include <eigenformer/hub/load_tokenizer.hpp>
#include <eigenformer/text/load_older_tokenizer.hpp>

#include <iostream>
#include <iterator>
#include <optional>

namespace ef = eigenformer;
using nlohmann::json;

namespace {

struct Arguments {
  std::string folder, text;
  bool json = false, decode = false;
};

/// What the file's own truncation took away is not in the output.
void tell_of_cuts(const ef::Encoding& encoding) {
  if (!encoding.overflowing.empty())
    std::cerr << "the text was cut after " << encoding.size() << " tokens, as the tokenizer.json asks\n";
}

/// {"text", "text_pair"?, "add_special_tokens"?} in, all that encoding gives out.
json encoded(const ef::Tokenizer& tokenizer, const json& line) {
  const auto text = line.at("text").get<std::string>();
  const auto pair = line.value("text_pair", json());
  const std::string second = pair.is_null() ? "" : pair.get<std::string>();
  ef::EncodeOptions options = tokenizer.file_options();
  options.add_special_tokens = line.value("add_special_tokens", true);
  const ef::Encoding encoding = tokenizer.encode_full(
      text, pair.is_null() ? std::nullopt : std::optional<std::string_view>(second), options);
  tell_of_cuts(encoding);
  json offsets = json::array();
  for (const ef::Offset& offset : encoding.offsets) offsets.push_back({offset.begin, offset.end});
  return {{"ids", encoding.ids},
          {"tokens", encoding.tokens},
          {"offsets", offsets},
          {"type_ids", encoding.type_ids},
          {"special_tokens_mask", encoding.special_tokens_mask},
          {"decoded", tokenizer.decode(encoding.ids)},
          {"decoded_with_special", tokenizer.decode(encoding.ids, false)}};
}

/// {"ids", "skip_special_tokens"?} in, the text out.
json decoded(const ef::Tokenizer& tokenizer, const json& line) {
  const auto ids = line.at("ids").get<std::vector<ef::Token>>();
  return {{"decoded", tokenizer.decode(ids, line.value("skip_special_tokens", true))}};
}

void show(const ef::Tokenizer& tokenizer, const std::string& text) {
  const ef::Encoding encoding = tokenizer.encode_full(text, std::nullopt, tokenizer.file_options());
  tell_of_cuts(encoding);
  for (std::size_t i = 0; i < encoding.ids.size(); ++i)
    std::cout << encoding.ids[i] << '\t' << encoding.offsets[i].begin << '-' << encoding.offsets[i].end
              << '\t' << encoding.tokens[i] << '\n';
  std::cout << encoding.size() << " tokens\n";
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Encodes text as the tokenizer of a Hugging Face folder says, truncation and padding included, "
      "and "
      "decodes ids.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with a tokenizer.json, or with what older ones have instead, or GGUF file")
      ->required();
  auto* const text = app.add_option("--text", a.text, "text to encode; default: what stands on stdin");
  auto* const lines = app.add_flag("--json", a.json, "read and print JSON lines")->excludes(text);
  app.add_flag("--decode", a.decode, "lines hold ids to decode")->needs(lines);
  return example::run(app, argc, argv, [&] {
    const ef::Tokenizer tokenizer =
        ef::is_gguf(a.folder) ? ef::load_tokenizer(a.folder) : ef::load_older_tokenizer(a.folder);
    if (a.json) {
      for (std::string line; std::getline(std::cin, line);) {
        if (line.empty()) continue;
        const json request = json::parse(line);
        example::print(a.decode ? decoded(tokenizer, request) : encoded(tokenizer, request));
      }
      return;
    }
    if (app.count("--text") == 0)
      a.text.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    show(tokenizer, a.text);
  });
}
