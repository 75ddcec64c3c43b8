// Texts whose words are tagged, such as names of people and places: JSON lines as Hugging Face's data sets
// for token classification have them.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/types.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// One line: words, and a tag for each.
struct TaggedRecord {
  std::vector<std::string> words, tags;
  Index line = 0;  ///< counted from 1
};

/// The records of a file of JSON lines {"tokens": ["Ada", "sang"], "tags": ["B-PER", "O"]}; the tags may also
/// be called "ner_tags", and a whole number stands for a tag of this name. Other fields are passed over, and
/// so are blank lines.
/// @throws FileError  with the line, for what is no such record; for a file without any
std::vector<TaggedRecord> read_tagged_lines(const std::string& path);

/// Whether a file's first line that is not blank is an object with "tokens", as read_tagged_lines reads them.
bool holds_tagged_lines(const std::string& path);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/read_tagged.inl.hpp>
#endif
