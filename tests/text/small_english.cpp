#include "../../examples/small_english.hpp"

#include <set>

#include <doctest/doctest.h>

namespace text_small_english {

namespace {
using example::CorpusKind;
using example::SmallEnglish;
constexpr CorpusKind kinds[] = {CorpusKind::stories, CorpusKind::pairs, CorpusKind::labels};
}  // namespace

TEST_CASE("corpus: a seed gives the same lines again, another seed gives others") {
  for (const CorpusKind kind : kinds) {
    const SmallEnglish a(kind, eigenformer::Seed{3}, false), b(kind, eigenformer::Seed{3}, false),
        c(kind, eigenformer::Seed{4}, false);
    int equal = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
      CHECK(a.at(i).first == b.at(i).first);
      equal += a.at(i).first == c.at(i).first;
    }
    CHECK(equal < 10);
  }
}

TEST_CASE("corpus: no line and no content stands in both splits") {
  for (const CorpusKind kind : kinds) {
    std::set<std::string> texts, contents;
    for (std::uint64_t i = 0; i < 5000; ++i) {
      const auto line = SmallEnglish(kind, eigenformer::Seed{1}, false).at(i);
      texts.insert(line.first), contents.insert(line.content);
    }
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const auto line = SmallEnglish(kind, eigenformer::Seed{1}, true).at(i);
      CHECK(texts.count(line.first) == 0);
      CHECK(contents.count(line.content) == 0);
    }
  }
}

TEST_CASE("corpus: a question starts with an auxiliary and ends with its mark, a statement with a stop") {
  const std::set<std::string> auxiliaries{"Did",  "Do",     "Does",  "Has", "Have", "Is",  "Are", "Was",
                                          "Were", "Should", "Could", "Can", "Will", "May", "Must"};
  const SmallEnglish corpus(CorpusKind::pairs, eigenformer::Seed{2}, false);
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const auto line = corpus.at(i);
    seen.insert(line.second.substr(0, line.second.find(' ')));
    CHECK(line.second.back() == '?');
    CHECK(line.first.back() == '.');
  }
  CHECK(seen == auxiliaries);
}

}  // namespace text_small_english
