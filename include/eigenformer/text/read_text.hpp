// Texts to train on and to measure: plain files, and JSON lines.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/types.hpp>

#include <optional>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The text of a file.
/// @throws FileError  if it cannot be read, is empty, or is not UTF-8
std::string read_text(const std::string& path);

/// One line of a file of JSON lines.
struct TextRecord {
  std::string text;
  std::optional<std::string> pair{};   ///< "pair", "target" or "completion": what belongs to the text
  std::optional<std::string> label{};  ///< a name, or a number as text
  Index line = 0;                      ///< counted from 1
};

/// The records of a file of JSON lines: {"text": …}, with "pair" (or "target") and "label" where they are
/// known. Without a "text", {"prompt", "completion"} and {"source", "target"} are read as text and pair.
/// Other fields are passed over, and so are blank lines.
/// @throws FileError  with the line, for what is no such record; for a file without any
std::vector<TextRecord> read_json_lines(const std::string& path);

/// Token ids as they stand in a file: little-endian, of 16 bits (as nanoGPT's and llm.c's are, without a
/// header) or 32.
/// @throws FileError  if it cannot be read, is empty, ends within an id, or holds one that is none of
///                    vocab_size tokens, with its place
std::vector<Token> read_token_file(const std::string& path, int bits, Index vocab_size);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/read_text.inl.hpp>
#endif
