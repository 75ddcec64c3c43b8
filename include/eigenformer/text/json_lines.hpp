// The records of a file that has a JSON value in each line.
#pragma once

#include <eigenformer/text/tokenizer_json.hpp>

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

[[noreturn]] inline void refuse_line(const std::string& file, Index line, const std::string& why) {
  fail(FileError(file, concat("line ", line, ": ", why)));
}

/// What read(line, file, its number from 1) makes of each line of a file's content that is not blank.
/// @throws FileError  for a file without any
template <class Record>
[[gnu::cold]] std::vector<Record> read_records(const std::string& content, const std::string& path,
                                               Record (*read)(const std::string&, const std::string&,
                                                              Index)) {
  std::vector<Record> out;
  Index line = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = (std::min)(content.find('\n', begin), content.size());
    const std::string one = content.substr(begin, end - begin);
    begin = end + 1;
    ++line;
    if (one.find_first_not_of(" \t\r") == std::string::npos) continue;
    out.push_back(read(one, path, line));
  }
  if (out.empty()) fail(FileError(path, "has no records"));
  return out;
}

}  // namespace detail

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
