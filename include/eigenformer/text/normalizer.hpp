// Normalizers: what a tokenizer does to a text before it is cut into words.
//
// A normalizer is a list of steps (a Sequence in the file is flattened). Each step rewrites the whole text;
// the origins it assigns are those of the reference engine, so that offsets agree with it.
#pragma once

#include <eigenformer/text/aligned_text.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI::text {

struct NormalizerStep {
  enum class Kind {
    prepend,  // `content` before the text, unless the text is empty
    replace   // every occurrence of `pattern` by `content`
  };
  Kind kind;
  std::string pattern;  // not empty
  std::string content;
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

// A replacement has the origin of the last byte it replaces.
inline void replace(AlignedText& text, std::string_view pattern, std::string_view content) {
  const std::string_view view = text.view();
  std::size_t match = view.find(pattern);
  if (match == std::string_view::npos) return;
  AlignedText::Rewrite rewrite(text);
  std::size_t done = 0;
  for (; match != std::string_view::npos; match = view.find(pattern, done)) {
    rewrite.copy(done, match);
    done = match + pattern.size();
    rewrite.put(content, done - 1);
  }
  rewrite.copy(done, view.size());
  rewrite.commit();
}

}  // namespace detail

/// Applies all steps in order.
inline void normalize(const Normalizer& normalizer, AlignedText& text) {
  for (const NormalizerStep& step : normalizer) {
    switch (step.kind) {
      case NormalizerStep::Kind::prepend: detail::prepend(text, step.content); break;
      case NormalizerStep::Kind::replace: detail::replace(text, step.pattern, step.content); break;
    }
  }
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
