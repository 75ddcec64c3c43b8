// Reading reference records: one JSON object a line.
#pragma once

#include "support/skip.hpp"
#include <eigenformer/text/tokenizer.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace golden {

inline const std::filesystem::path shared = EIGENFORMER_SHARED_DATA;
inline const std::filesystem::path data = std::filesystem::path(EIGENFORMER_TEST_DATA) / "text";

/// Whether other people's files, which are below `shared`, are there; says so where they are not.
inline bool present(const std::filesystem::path& file) {
  return support::shared_has(file.lexically_relative(shared).generic_string());
}

/// The records of a file, whose lines end with "\n" alone.
inline std::vector<nlohmann::json> records(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<nlohmann::json> out;
  for (std::string line; std::getline(stream, line);) out.push_back(nlohmann::json::parse(line));
  REQUIRE_MESSAGE(!out.empty(), file.string());
  return out;
}

/// The records of components/`name`: those of our own data and, where there are more, those too.
inline std::vector<nlohmann::json> component_records(const char* name) {
  std::vector<nlohmann::json> out = records(data / "components" / name);
  const auto more = shared / "tokenizers" / "components" / name;
  if (present(more))
    for (auto& record : records(more)) out.push_back(std::move(record));
  return out;
}

/// What the reference engine, which does unasked what the file says, made of the text or texts of a record.
inline eigenformer::Encoding encoding_of(const eigenformer::Tokenizer& tokenizer,
                                         const nlohmann::json& record) {
  eigenformer::EncodeOptions options = tokenizer.file_options();
  options.add_special_tokens = record["add_special_tokens"];
  const auto text = record["text"].get<std::string>();
  if (!record.contains("text_pair")) return tokenizer.encode_full(text, std::nullopt, options);
  const auto second = record["text_pair"].get<std::string>();
  return tokenizer.encode_full(text, second, options);
}

/// Compares all that a record of golden.jsonl holds.
inline void check_encoding(const eigenformer::Tokenizer& tokenizer, const nlohmann::json& record) {
  const auto text = record["text"].get<std::string>();
  const bool pair = record.contains("text_pair"), special = record["add_special_tokens"];
  CAPTURE(text);
  CAPTURE(pair);
  CAPTURE(special);
  const auto encoding = encoding_of(tokenizer, record);
  const auto ids = record["ids"].get<std::vector<eigenformer::Token>>();
  CHECK(encoding.ids == ids);
  const bool whole = !tokenizer.file_options().truncation && !tokenizer.file_options().padding;
  if (!pair && whole) CHECK(tokenizer.encode(text, special) == ids);
  CHECK(encoding.tokens == record["tokens"].get<std::vector<std::string>>());
  std::vector<eigenformer::Offset> offsets;
  for (const auto& offset : record["offsets"]) offsets.push_back({offset[0], offset[1]});
  CHECK(encoding.offsets == offsets);
  if (record.value("category", "") != "long10k") {  // that record leaves these out
    const std::vector<int> zeros(ids.size(), 0);
    CHECK(encoding.type_ids == record.value("type_ids", zeros));
    CHECK(encoding.special_tokens_mask == record.value("special_tokens_mask", zeros));
  }
  const auto decoded = record["decoded"].get<std::string>();
  CHECK(tokenizer.decode(ids, true) == decoded);
  CHECK(tokenizer.decode(ids, false) == record.value("decoded_with_special", decoded));
}

}  // namespace golden
