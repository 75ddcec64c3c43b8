// Normalizers: what a tokenizer does to a text before it is cut into words.
//
// A normalizer is a list of steps (a Sequence in the file is flattened). Each step rewrites the whole text;
// the origins it assigns are those of the reference engine, so that offsets agree with it.
#pragma once

#include <eigenformer/text/byte_alphabet.hpp>
#include <eigenformer/text/normal_forms.hpp>
#include <eigenformer/text/pattern.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct NormalizerStep {
  enum class Kind {
    prepend,  // `content` before the text, unless the text is empty
    replace,  // every match of `pattern` by `content`
    strip,    // white space off the ends
    nfc,
    nfd,
    nfkc,
    nfkd,
    lowercase,
    strip_accents,     // combining marks go
    clean,             // BERT: control characters go, white space becomes spaces
    pad_chinese,       // BERT: a space on either side of each Chinese character
    strip_bert_marks,  // BERT: nonspacing marks go
    nmt,               // SentencePiece: control characters go, others become spaces
    charsmap,          // SentencePiece's map
    byte_level         // bytes become characters of the byte alphabet
  };
  Kind kind = Kind::prepend;
  Pattern pattern = {};
  std::string content = {};
  bool left = false, right = false;
  Charsmap map = {};
};

using Normalizer = std::vector<NormalizerStep>;

namespace detail {

// New characters have the origin of the character they stand before.
inline void prepend(AlignedText& text, std::string_view content) {
  if (text.view().empty()) return;
  AlignedText::Rewrite rewrite(text);
  rewrite.put(content, 0);
  rewrite.copy(0, text.view().size());
  rewrite.commit();
}

/// The content gets the origin of the last byte it replaces.
inline void replace(AlignedText& text, const Pattern& pattern, std::string_view content) {
  Matches matches(pattern);
  matches.start(text.view());
  Span match;
  if (!matches.next(match)) return;
  AlignedText::Rewrite rewrite(text);
  std::size_t done = 0;
  do {
    rewrite.copy(done, match.begin);
    if (match.begin < match.end)
      rewrite.put(content, match.end - 1);
    else
      rewrite.insert(content);
    done = match.end;
  } while (matches.next(match));
  rewrite.copy(done, text.view().size());
  rewrite.commit();
}

inline void strip(AlignedText& text, bool left, bool right) {
  const std::string_view view = text.view();
  const std::size_t end = right ? white_space_before(view, view.size()) : view.size();
  const std::size_t begin = left ? (std::min)(white_space_after(view, 0), end) : 0;
  if (begin == 0 && end == view.size()) return;
  AlignedText::Rewrite rewrite(text);
  rewrite.copy(begin, end);
  rewrite.commit();
}

inline void clean(AlignedText& text) {
  const std::string_view view = text.view();
  edit_characters(text, [&](AlignedText::Edit& edit, std::size_t at, std::size_t end) {
    if (view[at] >= ' ' && view[at] != '\x7F') return;
    const char32_t c = code_point(view, at);
    if (contains(control_changes, c))
      edit.instead_of(at, end);
    else if (c != 0x85 && is_white_space(c))
      edit.instead_of(at, end).put(" ", at);
  });
}

/// The blocks of Chinese characters as BERT knows them, with the reference engine's slip at U+2B820.
inline bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

inline void pad_chinese(AlignedText& text) {
  const std::string_view view = text.view();
  edit_characters(text, [&](AlignedText::Edit& edit, std::size_t at, std::size_t end) {
    if (view[at] >= 0 || !is_chinese(code_point(view, at))) return;
    AlignedText::Rewrite& rewrite = edit.instead_of(at, end);
    rewrite.put(" ", at);
    rewrite.copy(at, end);
    rewrite.put(" ", at);
  });
}

/// nmt_nfkc's first step (SentencePiece, builder.cc).
inline void nmt(AlignedText& text) {
  const std::string_view view = text.view();
  edit_characters(text, [&](AlignedText::Edit& edit, std::size_t at, std::size_t end) {
    const char32_t c = code_point(view, at);
    const bool space = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 ||
                       (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    const bool removed = (c > 0 && c < 0x20) || c == 0x7F || c == 0x8F || c == 0x9F;
    if (space)
      edit.instead_of(at, end).put(" ", at);
    else if (removed)
      edit.instead_of(at, end);
  });
}

}  // namespace detail

/// Applies all steps in order.
inline void normalize(const Normalizer& normalizer, AlignedText& text) {
  using Kind = NormalizerStep::Kind;
  for (const NormalizerStep& step : normalizer) {
    switch (step.kind) {
      case Kind::prepend: detail::prepend(text, step.content); break;
      case Kind::replace: detail::replace(text, step.pattern, step.content); break;
      case Kind::strip: detail::strip(text, step.left, step.right); break;
      case Kind::nfc: normal_form(text, false, true); break;
      case Kind::nfd: normal_form(text, false, false); break;
      case Kind::nfkc: normal_form(text, true, true); break;
      case Kind::nfkd: normal_form(text, true, false); break;
      case Kind::lowercase: lower_case(text); break;
      case Kind::strip_accents: remove_characters(text, combining_mark_changes); break;
      case Kind::clean: detail::clean(text); break;
      case Kind::pad_chinese: detail::pad_chinese(text); break;
      case Kind::strip_bert_marks: remove_characters(text, nonspacing_mark_changes); break;
      case Kind::nmt: detail::nmt(text); break;
      case Kind::charsmap: apply_charsmap(text, step.map); break;
      case Kind::byte_level:
        edit_characters(text, [&](AlignedText::Edit& edit, std::size_t at, std::size_t end) {
          AlignedText::Rewrite& rewrite = edit.instead_of(at, end);
          for (; at < end; ++at) rewrite.put(byte_character(static_cast<unsigned char>(text.view()[at])), at);
        });
        break;
    }
  }
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
