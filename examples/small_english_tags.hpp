// Sentences of the small English whose words are tagged: who (PER), where (LOC) and what (OBJ).
#pragma once

#include "small_english_draw.hpp"

#include <vector>

namespace example::english {

/// {P} is somebody, {L} a place, {O} a thing; {V} a verb in the past, {B} one in its base form.
inline constexpr words::Text tagged_forms =
    "{P} {V} {O} .|{P} {V} {O} in {L} .|{P} {V} {O} near {L} .|in {L} , {P} {V} {O} .|{P} lives in {L} .|{P} "
    "lived "
    "near {L} with {P} .|{P} is in {L} .|{P} went to {L} .|{P} came from {L} .|{P} walked from {L} to {L} "
    ".|{P} and "
    "{P} went to {L} .|{P} met {P} in {L} .|{P} met {P} .|{P} gave {O} to {P} .|{P} gave {P} {O} .|{P} "
    "bought {O} "
    "from {P} .|{O} belongs to {P} .|{O} is in {L} .|{O} and {O} are in {L} .|where is {P} ?|where is {O} "
    "?|did {P} "
    "{B} {O} in {L} ?|can {P} {B} {O} ?|{P} will {B} {O} for {P} .|on the way to {L} , {P} lost {O} .|{P} is "
    "not in "
    "{L} .|{P} did not {B} {O} .|{P} was happy in {L} .|{P} carried {O} from {L} to {L} .|yesterday {P} saw "
    "{P} near "
    "{L} .|{P} asked {P} for {O} .|the friend of {P} has {O} .|there is {O} in {L} .|{P} has {O} .|{P} , {P} "
    "and {P} "
    "live in {L} .|\" {O} is mine , \" said {P} .|{P} told {P} about {L} .|{P} can sing .|who is {P} ?|thank "
    "you , "
    "{P} !";
inline constexpr words::Text tagged_persons =
    "{name}|{name}|{New}|{New}|{name} {New}|{New} {New}|the {person}|the {nature} {person}|the {nature} "
    "{person}|a "
    "{nature} {person}|my {person}|the {new}";
inline constexpr words::Text tagged_places =
    "the {place}|the {place}|the old {place}|a {quality} {place}|the {quality} {place}|{New}|{New}|the {new}";
inline constexpr words::Text tagged_things =
    "the {object}|a {quality} {object}|the {quality} {object}|his {object}|her {quality} {object}|a "
    "{new}|the {new}|a "
    "{quality} {new}";

/// `first` has spaces between all words and marks; `second` has a tag for each.
inline CorpusLine tagged(Draw& draw) {
  Words words{draw};
  std::vector<std::string> text, tags;
  std::string content;
  int entities = 0;
  const auto add = [&](std::string_view part, std::string_view type) {
    bool inside = false;
    for (std::size_t begin = 0; begin <= part.size();) {
      const std::size_t end = (std::min)(part.find(' ', begin), part.size());
      text.emplace_back(part.substr(begin, end - begin));
      begin = end + 1;
      const std::string& word = text.back();
      static constexpr words::Text small[] = {"the", "a", "an", "my", "his", "her"};
      const bool marked =
          !type.empty() && std::find(std::begin(small), std::end(small), word) == std::end(small);
      tags.push_back(marked ? (inside ? "I-" : "B-") + std::string(type) : "O");
      inside = marked;
    }
    if (!type.empty() && entities++ < 2) content += text.back() + "|";
  };
  const std::string_view form = draw.form(tagged_forms);
  for (std::size_t begin = 0; begin <= form.size();) {
    const std::size_t end = (std::min)(form.find(' ', begin), form.size());
    const std::string_view part = form.substr(begin, end - begin);
    begin = end + 1;
    if (part == "{P}")
      add(words.text(draw.form(tagged_persons)), "PER");
    else if (part == "{L}")
      add(words.text(draw.form(tagged_places)), "LOC");
    else if (part == "{O}")
      add(words.text(draw.form(tagged_things)), "OBJ");
    else if (part == "{V}")
      add(draw.of(words::verbs).past, "");
    else if (part == "{B}")
      add(draw.of(words::verbs).base, "");
    else
      add(part, "");
  }
  text.front() = capital(text.front());
  CorpusLine line{text.front(), tags.front(), content, words.invented ? "new names" : "known"};
  for (std::size_t i = 1; i < text.size(); ++i) line.first += " " + text[i], line.second += " " + tags[i];
  return line;
}

}  // namespace example::english
