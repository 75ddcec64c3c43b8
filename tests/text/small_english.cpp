#include "../../examples/small_english.hpp"

#include "../../examples/small_english_check.hpp"

#include <map>
#include <set>

#include <doctest/doctest.h>

namespace text_small_english {

namespace {
using example::CorpusKind;
using example::SmallEnglish;
constexpr CorpusKind kinds[] = {CorpusKind::stories, CorpusKind::tales, CorpusKind::pairs, CorpusKind::labels,
                                CorpusKind::tags};

std::vector<std::string> spaced(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == ' ')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}
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

// Words as they came out on the machine that the shipped models were trained on.
TEST_CASE("corpus: the first lines of seed 1 are the same on every machine") {
  const auto first = [](CorpusKind kind) { return SmallEnglish(kind, eigenformer::Seed{1}, false).at(0); };
  CHECK(first(CorpusKind::pairs).first == "The tall crow could not throw a dond in Goorbnendjeg.");
  CHECK(first(CorpusKind::labels).first == "He was not thankful but upset.");
  CHECK(first(CorpusKind::tags).first == "The togligswack lives in the old stable .");
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

TEST_CASE("corpus: a word that is invented for one split is never invented for the other") {
  const auto words = [](bool held_out) {
    std::set<std::string> out;
    for (std::uint64_t i = 0; i < 3000; ++i) {
      example::english::Draw draw{eigenformer::Random(eigenformer::Seed{5}, i), held_out};
      out.insert(draw.invented());
    }
    return out;
  };
  const auto seen = words(false), kept = words(true);
  CHECK(seen.size() > 2000);
  CHECK(kept.size() > 1000);
  for (const std::string& word : kept) CHECK(seen.count(word) == 0);
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

TEST_CASE("corpus: every sort of label has its classes, and all three classes are common") {
  const SmallEnglish corpus(CorpusKind::labels, eigenformer::Seed{2}, false);
  std::map<std::string, std::set<std::string>> classes;
  std::map<std::string, int> count;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const auto line = corpus.at(i);
    classes[std::string(line.item)].insert(line.second), ++count[line.second];
  }
  const std::set<std::string> moods{"happy", "sad"}, none{"unclear"};
  CHECK(classes == std::map<std::string, std::set<std::string>>{{"told", moods},
                                                                {"new names", moods},
                                                                {"denied", moods},
                                                                {"changed", moods},
                                                                {"events", moods},
                                                                {"plain", none},
                                                                {"nonsense", none}});
  for (const auto& [label, lines] : count) CHECK(lines > 600);
}

TEST_CASE("corpus: an item asked for is the only one that is drawn") {
  const SmallEnglish corpus(CorpusKind::labels, eigenformer::Seed{2}, true, "denied");
  for (std::uint64_t i = 0; i < 100; ++i) CHECK(corpus.at(i).item == "denied");
}

TEST_CASE("corpus: each word has a tag, articles none, and an I- continues what a B- began") {
  const SmallEnglish corpus(CorpusKind::tags, eigenformer::Seed{2}, false);
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const auto line = corpus.at(i);
    const auto words = spaced(line.first), tags = spaced(line.second);
    REQUIRE(words.size() == tags.size());
    for (std::size_t j = 0; j < words.size(); ++j) {
      seen.insert(tags[j]);
      const std::string word = example::english::lower(words[j]);
      if (word == "the" || word == "a" || word == "an" || word == "." || word == "?") CHECK(tags[j] == "O");
      if (tags[j][0] == 'I') CHECK((j > 0 && tags[j - 1].substr(1) == tags[j].substr(1)));
    }
  }
  CHECK(seen == std::set<std::string>{"O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-OBJ", "I-OBJ"});
}

TEST_CASE("corpus: stories hold together, and those with a word changed do not") {
  for (const CorpusKind kind : {CorpusKind::stories, CorpusKind::tales}) {
    const SmallEnglish corpus(kind, eigenformer::Seed{2}, false);
    int whole = 0;
    for (std::uint64_t i = 0; i < 300; ++i) whole += example::what_is_wrong(corpus.at(i).first).empty();
    // a hero who is a singer and no stranger may meet sentences that read like another's
    CHECK(whole >= 295);
  }

  const std::string story =
      "Once upon a time there was a kind baker called Anna. She had a red hat. One day she lost the hat in "
      "the "
      "mill. Anna was very sad. A brave sailor asked why she was so sad. The sailor found the red hat. The "
      "end.";
  CHECK(example::what_is_wrong(story) == "");
  const auto with = [&](const std::string& word, const std::string& other) {
    std::string changed = story;
    changed.replace(changed.rfind(word), word.size(), other);
    return example::what_is_wrong(changed);
  };
  CHECK(with("Anna", "Emma") == "heroes: Anna Emma");
  CHECK(with("Anna", "Blorf") == "heroes: Anna Blorf");
  CHECK(with("she", "he") == "its hero is a he and a she");
  CHECK(with("hat", "cup") == "things: cup hat");
  CHECK(with("red", "blue") == "the thing is blue red");
  CHECK(with("sailor", "miller") == "persons: baker miller sailor");
  CHECK(with(" The end.", " The") == "it has no end");
  CHECK(with("The end.", "A brave sailor asked why she was so sad.") ==
        "says twice: A brave sailor asked why she was so sad");
}

}  // namespace text_small_english
