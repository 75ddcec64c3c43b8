// Pre-tokenizers: how a normalized text is cut into the words that the model gets one by one.
//
// A pre-tokenizer is a list of steps (a Sequence in the file is flattened). All steps work on one buffer and
// a list of words in it; those that change characters rewrite the buffer once.
#pragma once

#include <eigenformer/text/added_tokens.hpp>
#include <eigenformer/text/byte_alphabet.hpp>
#include <eigenformer/text/pattern.hpp>

#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// What becomes of the matches.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

struct PreTokenizerStep {
  enum class Kind {
    split,       // cuts at matches
    byte_level,  // bytes become characters of the byte alphabet
    space,       // a space goes before each word that does not begin with one
    metaspace    // spaces become `replacement`, which is put before words as `prepend` says
  };
  enum class Prepend { always, first, never };
  Kind kind = Kind::split;
  Pattern pattern = {};
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;  // what matches and what lies between change places
  std::string replacement = {};
  Prepend prepend = Prepend::never;
};

using PreTokenizer = std::vector<PreTokenizerStep>;

/// Bytes of the buffer; with the added token that they are, or null.
struct Word {
  Span span = {};
  const AddedToken* added = nullptr;
};

namespace detail {

/// Puts the pieces of a word together as the behavior says. Pieces come in order through add().
class Splitter {
 public:
  Splitter(const PreTokenizerStep& step, std::vector<Word>& out) : step_(step), out_(out) {}

  void begin(Span word) {
    word_ = word;
    first_ = out_.size();
    previous_ = false;
  }

  /// @param match  whether the bytes [begin, end) of the word are a match; nothing happens if there are none
  void add(std::size_t begin, std::size_t end, bool match) {
    if (begin == end) return;
    match = match != step_.invert;
    const Span piece{word_.begin + static_cast<std::uint32_t>(begin),
                     word_.begin + static_cast<std::uint32_t>(end)};
    const bool any = out_.size() > first_;
    switch (step_.behavior) {
      case SplitBehavior::removed:
        if (!match) out_.push_back({piece});
        break;
      case SplitBehavior::isolated: out_.push_back({piece}); break;
      case SplitBehavior::contiguous: join(piece, any && match == previous_); break;
      case SplitBehavior::merged_with_previous: join(piece, any && match && !previous_); break;
      case SplitBehavior::merged_with_next: join(piece, any && previous_ && !match); break;
    }
    previous_ = match;
  }

 private:
  void join(Span piece, bool to_last) {
    if (to_last)
      out_.back().span.end = piece.end;
    else
      out_.push_back({piece});
  }

  const PreTokenizerStep& step_;
  std::vector<Word>& out_;
  Span word_;
  std::size_t first_ = 0;
  bool previous_ = false;
};

inline void split(const PreTokenizerStep& step, std::string_view text, std::vector<Word>& words) {
  std::vector<Word> out;
  out.reserve(words.size() + text.size() / 4);
  Splitter splitter(step, out);
  Matches matches(step.pattern);
  for (const Word& word : words) {
    if (word.added) {
      out.push_back(word);
      continue;
    }
    const std::string_view part = text.substr(word.span.begin, word.span.end - word.span.begin);
    splitter.begin(word.span);
    matches.start(part);
    std::size_t done = 0;
    for (Span match; matches.next(match); done = match.end) {
      splitter.add(done, match.begin, false);
      splitter.add(match.begin, match.end, true);
    }
    splitter.add(done, part.size(), false);
  }
  words = std::move(out);
}

/// Rewrites each word that is no added token by write(rewrite, view, word); drops what lies between words.
template <class Write> void rewrite_words(AlignedText& text, std::vector<Word>& words, Write&& write) {
  AlignedText::Rewrite rewrite(text);
  const std::string_view view = text.view();
  for (Word& word : words) {
    const auto begin = static_cast<std::uint32_t>(rewrite.size());
    if (word.added)
      rewrite.copy(word.span.begin, word.span.end);
    else
      write(rewrite, view, word.span);
    word.span = {begin, static_cast<std::uint32_t>(rewrite.size())};
  }
  rewrite.commit();
}

inline void metaspace(const PreTokenizerStep& step, AlignedText& text, std::vector<Word>& words) {
  using Prepend = PreTokenizerStep::Prepend;
  rewrite_words(text, words, [&](AlignedText::Rewrite& rewrite, std::string_view view, Span word) {
    const std::string_view part = view.substr(word.begin, word.end - word.begin);
    const bool wanted = step.prepend == Prepend::always ||
                        (step.prepend == Prepend::first && word.begin == 0 && text.base() == 0);
    if (wanted && !part.starts_with(step.replacement) && !part.starts_with(' '))
      rewrite.put(step.replacement, word.begin);
    std::size_t done = word.begin;
    for (std::size_t i = word.begin; i < word.end; ++i) {
      if (view[i] != ' ') continue;
      rewrite.copy(done, i);
      rewrite.put(step.replacement, i);
      done = i + 1;
    }
    rewrite.copy(done, word.end);
  });
}

}  // namespace detail

/// Applies all steps in order.
///
/// @param words  the whole text or, where added tokens were found in it, those and what lies between them
inline void pre_tokenize(const PreTokenizer& pre_tokenizer, AlignedText& text, std::vector<Word>& words) {
  for (const PreTokenizerStep& step : pre_tokenizer) {
    switch (step.kind) {
      case PreTokenizerStep::Kind::split: detail::split(step, text.view(), words); break;
      case PreTokenizerStep::Kind::metaspace: detail::metaspace(step, text, words); break;
      case PreTokenizerStep::Kind::space:
        detail::rewrite_words(text, words,
                              [](AlignedText::Rewrite& rewrite, std::string_view view, Span word) {
                                if (word.begin < word.end && view[word.begin] != ' ')
                                  rewrite.put(" ", word.begin);
                                rewrite.copy(word.begin, word.end);
                              });
        break;
      case PreTokenizerStep::Kind::byte_level:
        detail::rewrite_words(text, words,
                              [](AlignedText::Rewrite& rewrite, std::string_view view, Span word) {
                                for (std::size_t i = word.begin; i < word.end; ++i)
                                  rewrite.put(byte_character(static_cast<unsigned char>(view[i])), i);
                              });
        break;
    }
  }
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
