// Reads a story of the small English back: does it keep its hero, its thing, its friend and its places, and
// does it end? What a model made up is judged by the same rules as the grammar's own stories.
#pragma once

#include "small_english_draw.hpp"
#include "small_english_plots.hpp"

#include <cctype>
#include <set>
#include <string>
#include <vector>

namespace example {

namespace english {

/// Words of letters, in order; a mark at a sentence's end is a word of its own.
inline std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> out;
  bool inside = false;
  for (const char c : text) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (letter) {
      if (!inside) out.emplace_back();
      out.back() += c;
    } else if (c == '.' || c == '!' || c == '?') {
      out.emplace_back(1, c);
    }
    inside = letter;
  }
  return out;
}

inline std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

inline bool among(List list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// All words that a story can hold but names, in small letters.
inline const std::set<std::string>& story_words() {
  static const std::set<std::string> all = [] {
    std::set<std::string> out{"an", "a", "he", "she", "him", "her", "his"};
    const auto add = [&](std::string_view forms) {
      bool slot = false;
      std::string text;
      for (const char c : forms) {
        if (c == '{' || c == '}') slot = c == '{';
        text += slot || c == '}' ? ' ' : c;
      }
      for (const std::string& word : split_words(text)) out.insert(lower(word));
    };
    for (const std::string_view forms : {words::opening, words::other_opening, words::daily, words::home,
                                         words::feast, words::after, words::ending, words::closing})
      add(forms);
    for (const words::Plot& plot : words::plots)
      for (const std::string_view sentence : plot.sentences) add(sentence);
    for (const List list : {List(words::people), List(words::animals), List(words::objects),
                            List(words::qualities), List(words::natures), List(words::places),
                            List(words::times), List(words::happy), List(words::sad)})
      for (const std::string_view word : list) add(word);
    return out;
  }();
  return all;
}

}  // namespace english

/// What is wrong with a story; "" where it holds together: one hero, who stays a he or a she; one thing, one
/// quality of it; at most two others of people and animals, and two places; no sentence twice; an end.
inline std::string what_is_wrong(std::string_view story) {
  using english::List, english::among, english::lower;
  std::set<std::string> heroes, things, qualities, persons, places, sentences;
  std::map<std::string, std::set<std::string>> natures;  // of persons
  bool he = false, she = false;
  std::string before, sentence;
  for (const std::string& word : english::split_words(story)) {
    const std::string small = lower(word);
    const bool known = english::story_words().count(small) != 0;
    if (among(List(words::women), word) || among(List(words::men), word) ||
        (!known && std::isalpha(static_cast<unsigned char>(word[0]))))
      heroes.insert(word);
    he = he || small == "he" || small == "him" || small == "his";
    she = she || small == "she" || small == "her";
    if (among(words::objects, small)) {
      things.insert(small);
      // what was broken may have been made anew
      if (among(words::qualities, before) && before != "new") qualities.insert(before);
    }
    if (among(words::people, small) || among(words::animals, small)) {
      persons.insert(small);
      if (among(words::natures, before)) natures[small].insert(before);
    }
    if (among(words::places, small)) places.insert(small);
    if (word == "." || word == "!" || word == "?") {
      if (sentence.size() > 28 && !sentences.insert(sentence).second) return "says twice:" + sentence;
      sentence.clear();
    } else {
      sentence += " " + word;
    }
    before = small;
  }
  const auto list = [](const std::set<std::string>& all) {
    std::string out;
    for (const std::string& one : all) out += " " + one;
    return out;
  };
  if (heroes.size() != 1) return "heroes:" + list(heroes);
  if (he && she) return "its hero is a he and a she";
  if (things.size() != 1) return "things:" + list(things);
  if (qualities.size() > 1) return "the thing is" + list(qualities);
  if (persons.size() > 2) return "persons:" + list(persons);
  for (const auto& [person, its] : natures)
    if (its.size() > 1) return "the " + person + " is" + list(its);
  if (places.size() > 2) return "places:" + list(places);
  const char last = story.empty() ? ' ' : story.back();
  if (!sentence.empty() || std::string_view(".!?\"").find(last) == std::string_view::npos)
    return "it has no end";
  return "";
}

}  // namespace example
