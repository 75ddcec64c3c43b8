// A small grammar of English, from which texts for small models are drawn: stories, statements with their
// questions, sentences with a mood, and sentences whose words are tagged. Every line is a function of the
// seed and its number alone.
#pragma once

#include "small_english_moods.hpp"
#include "small_english_sentences.hpp"
#include "small_english_stories.hpp"
#include "small_english_tags.hpp"

namespace example {

enum class CorpusKind { stories, tales, pairs, labels, tags };

/// The lines of one kind. `at` gives line `index` of a seed.
class SmallEnglish {
 public:
  /// `item`: only lines of this sort; "" for all.
  SmallEnglish(CorpusKind kind, eigenformer::Seed seed, bool take_held_out, std::string item = "")
      : kind_(kind), seed_(seed), held_out_(take_held_out), item_(std::move(item)) {}

  CorpusLine at(std::uint64_t index) const {
    english::Draw draw{eigenformer::Random(seed_, index), held_out_};
    for (;;) {  // until a content of this split is drawn: eight tries on average for a held-out one
      CorpusLine line = drawn(draw);
      if (example::held_out(line.content) == held_out_ && (item_.empty() || line.item == item_)) return line;
    }
  }

 private:
  CorpusLine drawn(english::Draw& draw) const {
    switch (kind_) {
      case CorpusKind::stories: return english::story(draw);
      case CorpusKind::tales: return english::story(draw, true);
      case CorpusKind::pairs: return english::pair(draw);
      case CorpusKind::labels: return english::label(draw);
      case CorpusKind::tags: break;
    }
    return english::tagged(draw);
  }

  CorpusKind kind_;
  eigenformer::Seed seed_;
  bool held_out_;
  std::string item_;
};

}  // namespace example
