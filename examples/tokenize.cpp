// Shows how a tokenizer cuts text:
//   tokenize ~/models/gpt2 --text "To be, or not"
//   tokenize ~/models/gpt2 --json < texts.jsonl
#include "common.hpp"
#include <eigenformer/hub/gguf.hpp>
#include <eigenformer/hub/load_tokenizer.hpp>
#include <eigenformer/text/load_older_tokenizer.hpp>

#include <iostream>
#include <limits>
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

/// A line as JSON. @throws InputError  which counts lines from 1
json parsed(const std::string& line, ef::Index number) {
  json request = json::parse(line, nullptr, false);
  if (request.is_object()) return request;
  throw ef::InputError(ef::concat("line ", number,
                                  " of standard input is no JSON object, such as {\"text\": "
                                  "\"To be\"}: ",
                                  ef::printable(line)));
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
  std::vector<ef::Token> ids;
  for (const json& id : line.at("ids")) {
    const bool fits = id.is_number_integer() && id >= 0 && id <= std::numeric_limits<ef::Token>::max();
    if (!fits) throw ef::InputError(ef::concat("ids: ", id.dump(), " is no token id"));
    ids.push_back(id.get<ef::Token>());
  }
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

/// JSON lines in, JSON lines out.
void each_line(const ef::Tokenizer& tokenizer, bool decode) {
  if (example::is_terminal(stdin))
    throw ef::InputError("no lines: give --text, or JSON lines on standard input");
  ef::Index number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const json request = parsed(line, number);
    try {
      example::print(decode ? decoded(tokenizer, request) : encoded(tokenizer, request));
    } catch (const json::exception&) {
      throw ef::InputError(ef::concat("line ", number, " of standard input should hold ",
                                      decode ? "\"ids\", a list of whole numbers, and perhaps "
                                               "\"skip_special_tokens\", true or false"
                                             : "\"text\" and perhaps \"text_pair\", both strings, and "
                                               "\"add_special_tokens\", true or false"));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Encodes text as the tokenizer of a Hugging Face folder says, truncation and padding included, and "
      "decodes "
      "ids.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with a tokenizer.json, or with what older ones have instead, or GGUF file")
      ->required();
  auto* const text =
      app.add_option("--text", a.text, "text to encode; default: what stands on standard input");
  auto* const lines =
      app.add_flag("--json", a.json,
                   "print JSON; without --text read JSON lines, too: \"text\", and perhaps \"text_pair\" and "
                   "\"add_special_tokens\"");
  app.add_flag("--decode", a.decode,
               "decode instead: the JSON lines hold \"ids\", and perhaps \"skip_special_tokens\"")
      ->needs(lines)
      ->excludes(text);
  return example::run(app, argc, argv, [&] {
    const ef::Tokenizer tokenizer =
        ef::is_gguf(a.folder) ? ef::load_tokenizer(a.folder) : ef::load_older_tokenizer(a.folder);
    const bool given = app.count("--text") > 0;
    if (a.json && given) return example::print(encoded(tokenizer, {{"text", a.text}}));
    if (a.json) return each_line(tokenizer, a.decode);
    if (!given) a.text = example::standard_input("no text: give --text, or a text on standard input");
    show(tokenizer, a.text);
  });
}
