// The definitions of read_tagged.hpp.
#pragma once

#include <eigenformer/text/json_lines.hpp>
#include <eigenformer/text/read_tagged.hpp>
#include <eigenformer/text/read_text.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// A field's list of strings; whole numbers are taken as their digits where `numbers` says so.
[[gnu::cold]] inline std::vector<std::string> read_words(const nlohmann::json& json, const char* key,
                                                         bool numbers, const std::string& file, Index line) {
  if (!json.is_array()) refuse_line(file, line, concat('"', key, "\" is not a list"));
  std::vector<std::string> out;
  for (const auto& one : json) {
    if (one.is_string())
      out.push_back(one.get<std::string>());
    else if (numbers && one.is_number_integer())
      out.push_back(one.dump());
    else
      refuse_line(
          file, line,
          concat('"', key, "\" holds something that is no string", numbers ? " and no whole number" : ""));
  }
  return out;
}

[[gnu::cold]] inline TaggedRecord read_tagged_record(const std::string& content, const std::string& file,
                                                     Index line) {
  const nlohmann::json json = nlohmann::json::parse(content, nullptr, false);
  if (!json.is_object()) refuse_line(file, line, "is not a JSON object");
  const auto tokens = json.find("tokens");
  if (tokens == json.end()) refuse_line(file, line, "has no \"tokens\"");
  const char* key = json.contains("tags") ? "tags" : "ner_tags";
  const auto tags = json.find(key);
  if (tags == json.end()) refuse_line(file, line, "has neither \"tags\" nor \"ner_tags\"");
  TaggedRecord out{read_words(*tokens, "tokens", false, file, line), read_words(*tags, key, true, file, line),
                   line};
  if (out.words.empty()) refuse_line(file, line, "\"tokens\" is empty");
  for (const std::string& word : out.words)
    if (word.find_first_not_of(" \t\r\n") == word.npos)
      refuse_line(file, line, "\"tokens\" holds a word without any letter");
  if (out.words.size() != out.tags.size())
    refuse_line(file, line, concat("has ", out.words.size(), " words and ", out.tags.size(), " tags"));
  return out;
}

}  // namespace detail

EIGENFORMER_ROOM std::vector<TaggedRecord> read_tagged_lines(const std::string& path) {
  return detail::read_records(read_text(path), path, detail::read_tagged_record);
}

EIGENFORMER_ROOM bool holds_tagged_lines(const std::string& path) {
  const std::string content = read_text(path);
  const std::size_t begin = content.find_first_not_of(" \t\r\n");
  if (begin == content.npos) return false;
  const std::size_t end = (std::min)(content.find('\n', begin), content.size());
  const nlohmann::json json = nlohmann::json::parse(content.substr(begin, end - begin), nullptr, false);
  return json.is_object() && json.contains("tokens");
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
