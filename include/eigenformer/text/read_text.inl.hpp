// The definitions of read_text.hpp.
#pragma once

#include <eigenformer/text/json_lines.hpp>
#include <eigenformer/text/read_text.hpp>
#include <eigenformer/text/utf8.hpp>

#include <filesystem>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM std::string read_text(const std::string& path) {
  if (std::filesystem::is_directory(path)) fail(FileError(path, "is a folder"));
  std::string out = text::read_file(path);
  if (out.empty()) fail(FileError(path, "is empty"));
  if (const std::size_t valid = text::utf8_valid_prefix(out); valid < out.size())
    fail(FileError(path, concat("is not UTF-8 at byte ", valid)));
  return out;
}

namespace detail {

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

}  // namespace detail

EIGENFORMER_ROOM std::vector<TextRecord> read_json_lines(const std::string& path) {
  return detail::read_records(read_text(path), path, detail::read_record);
}

EIGENFORMER_ROOM std::vector<Token> read_token_file(const std::string& path, int bits, Index vocab_size) {
  if (bits != 16 && bits != 32) fail(ConfigError("bits", concat("must be 16 or 32, is ", bits)));
  const std::string content = text::read_file(path);
  const auto width = static_cast<std::size_t>(bits / 8);
  if (content.empty()) fail(FileError(path, "is empty"));
  if (content.size() % width != 0)
    fail(FileError(path,
                   concat("has ", content.size(), " bytes, which are not whole ids of ", bits, " bits")));
  std::vector<Token> out;
  out.reserve(content.size() / width);
  for (std::size_t at = 0; at < content.size(); at += width) {
    std::uint32_t id = 0;
    for (std::size_t b = 0; b < width; ++b)
      id |= std::uint32_t{static_cast<unsigned char>(content[at + b])} << (8 * b);
    if (static_cast<Index>(id) >= vocab_size)
      fail(FileError(path,
                     concat("id ", id, " at place ", at / width, " is none of ", vocab_size, " tokens")));
    out.push_back(static_cast<Token>(id));
  }
  return out;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
