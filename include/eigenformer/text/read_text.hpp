// Texts to train on and to measure: plain files, and JSON lines.
#pragma once

#include <eigenformer/text/tokenizer_json.hpp>
#include <eigenformer/text/utf8.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The text of a file.
/// @throws FileError  if it cannot be read, is empty, or is not UTF-8
[[gnu::cold]] inline std::string read_text(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) fail(FileError(path.string(), "is a folder"));
  std::string out = text::read_file(path);
  if (out.empty()) fail(FileError(path.string(), "is empty"));
  if (const std::size_t valid = text::utf8_valid_prefix(out); valid < out.size())
    fail(FileError(path.string(), concat("is not UTF-8 at byte ", valid)));
  return out;
}

/// One line of a file of JSON lines.
struct TextRecord {
  std::string text;
  std::optional<std::string> pair{};   ///< "pair", "target" or "completion": what belongs to the text
  std::optional<std::string> label{};  ///< a name, or a number as text
  Index line = 0;                      ///< counted from 1
};

namespace detail {

[[noreturn]] inline void refuse_line(const std::string& file, Index line, const std::string& why) {
  fail(FileError(file, concat("line ", line, ": ", why)));
}

[[gnu::cold]] inline TextRecord read_record(const std::string& content, const std::string& file, Index line) {
  const nlohmann::json json = nlohmann::json::parse(content, nullptr, false);
  if (!json.is_object()) refuse_line(file, line, "is not a JSON object");
  TextRecord out{.text = {}, .line = line};
  const auto string = [&](const char* key) -> std::optional<std::string> {
    const auto at = json.find(key);
    if (at == json.end() || at->is_null()) return std::nullopt;
    if (!at->is_string()) refuse_line(file, line, concat('"', key, "\" is not a string"));
    return at->get<std::string>();
  };
  auto text = string("text");
  if (text) {
    out.pair = string("pair");
    if (auto target = string("target")) {
      if (out.pair) refuse_line(file, line, "has both \"pair\" and \"target\"");
      out.pair = std::move(target);
    }
  } else {  // beside a "text" these may mean anything: a "source" is often where it was found
    for (const auto& [first, second] : {std::pair{"prompt", "completion"}, {"source", "target"}}) {
      text = string(first);
      if (!text) continue;
      out.pair = string(second);
      if (!out.pair) refuse_line(file, line, concat("has a \"", first, "\" and no \"", second, '"'));
      break;
    }
  }
  if (!text) refuse_line(file, line, "has no \"text\"");
  out.text = std::move(*text);
  if (const auto at = json.find("label"); at != json.end() && !at->is_null()) {
    if (at->is_string())
      out.label = at->get<std::string>();
    else if (at->is_number_integer())
      out.label = at->dump();
    else
      refuse_line(file, line, "\"label\" is neither a string nor a whole number");
  }
  return out;
}

/// What read(line, file, its number from 1) makes of each line of a file that is not blank.
/// @throws FileError  for a file without any
template <class Record>
[[gnu::cold]] std::vector<Record> read_records(const std::filesystem::path& path,
                                               Record (*read)(const std::string&, const std::string&,
                                                              Index)) {
  const std::string content = read_text(path), file = path.string();
  std::vector<Record> out;
  Index line = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = (std::min)(content.find('\n', begin), content.size());
    const std::string one = content.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (one.find_first_not_of(" \t\r") == std::string::npos) continue;
    out.push_back(read(one, file, line));
  }
  if (out.empty()) fail(FileError(file, "has no records"));
  return out;
}

}  // namespace detail

/// The records of a file of JSON lines: {"text": …}, with "pair" (or "target") and "label" where they are
/// known. Without a "text", {"prompt", "completion"} and {"source", "target"} are read as text and pair.
/// Other fields are passed over, and so are blank lines.
/// @throws FileError  with the line, for what is no such record; for a file without any
[[gnu::cold]] inline std::vector<TextRecord> read_json_lines(const std::filesystem::path& path) {
  return detail::read_records(path, detail::read_record);
}

/// Token ids as they stand in a file: little-endian, of 16 bits (as nanoGPT's and llm.c's are, without a
/// header) or 32.
/// @throws FileError  if it cannot be read, is empty, ends within an id, or holds one that is none of
///                    vocab_size tokens, with its place
[[gnu::cold]] inline std::vector<Token> read_token_file(const std::filesystem::path& path, int bits,
                                                        Index vocab_size) {
  if (bits != 16 && bits != 32) fail(ConfigError("bits", concat("must be 16 or 32, is ", bits)));
  const std::string content = text::read_file(path), file = path.string();
  const auto width = static_cast<std::size_t>(bits / 8);
  if (content.empty()) fail(FileError(file, "is empty"));
  if (content.size() % width != 0)
    fail(FileError(file,
                   concat("has ", content.size(), " bytes, which are not whole ids of ", bits, " bits")));
  std::vector<Token> out;
  out.reserve(content.size() / width);
  for (std::size_t at = 0; at < content.size(); at += width) {
    std::uint32_t id = 0;
    for (std::size_t b = 0; b < width; ++b)
      id |= std::uint32_t{static_cast<unsigned char>(content[at + b])} << (8 * b);
    if (static_cast<Index>(id) >= vocab_size)
      fail(FileError(file,
                     concat("id ", id, " at place ", at / width, " is none of ", vocab_size, " tokens")));
    out.push_back(static_cast<Token>(id));
  }
  return out;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
