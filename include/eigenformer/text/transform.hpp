// Rewriting a text character by character, with the origins that the reference engine gives.
//
// The result is a list of characters, each with a change: 0 takes the place of the next character of the
// source, +1 is put after it, -n takes the place of the next and drops n more. A +1 has the origin of the
// character before it, which is not always the one it was made from: combining marks move with theirs.
#pragma once

#include <eigenformer/text/aligned_text.hpp>
#include <eigenformer/text/unicode.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct Change {
  char32_t character;
  Index change;
};

/// Replaces the bytes [begin, end) of a text by a list of changes.
inline void transform(AlignedText::Edit& edit, std::string_view view, std::size_t begin, std::size_t end,
                      const std::vector<Change>& changes) {
  AlignedText::Rewrite& rewrite = edit.instead_of(begin, end);
  std::size_t at = begin;  // the next byte of the source
  std::string bytes;
  for (const Change& change : changes) {
    bytes.clear();
    append_utf8(bytes, change.character);
    if (change.change > 0 || at >= end) {
      if (at == 0)
        rewrite.insert(bytes);
      else
        rewrite.put(bytes, at - 1);
      continue;
    }
    rewrite.put(bytes, at);
    for (Index skip = 1 - change.change; skip > 0 && at < end; --skip) at += utf8_length(view[at]);
  }
}

/// Goes through the characters, [at, end) their bytes: edit_one(edit, at, end) tells `edit` which change.
template <class EditOne> void edit_characters(AlignedText& text, EditOne&& edit_one) {
  AlignedText::Edit edit(text);
  const std::string_view view = text.view();
  for (std::size_t at = 0, end = 0; at < view.size(); at = end) {
    end = at + utf8_length(view[at]);
    edit_one(edit, at, end);
  }
  edit.commit();
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
