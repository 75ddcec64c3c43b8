// Stories of the small English: one hero, one friend, one thing, and an end.
#pragma once

#include "small_english_draw.hpp"
#include "small_english_plots.hpp"

namespace example::english {

/// A tale is a story that asks a small model to remember less: hero and friend have their trades from
/// different halves of the list, the thing has one of the first qualities alone, and no ending asks once more
/// what kind of friend it was.
inline CorpusLine story(Draw& draw, bool tale = false) {
  const bool she = draw.once_in(2);
  const bool invented = draw.once_in(4);
  const words::Plot& plot = draw.of(words::plots);
  Slots slots{
      {"hero", invented ? capital(draw.invented()) : draw.word(she ? List(words::women) : List(words::men))},
      {"he", she ? "she" : "he"},
      {"He", she ? "She" : "He"},
      {"him", she ? "her" : "him"},
      {"his", she ? "her" : "his"},
      {"His", she ? "Her" : "His"},
      {"nature", draw.word(words::natures)},
      {"trade", draw.word(words::people)},
      {"home", draw.word(words::places)},
      {"time", draw.word(words::times)},
      {"quality", draw.word(words::qualities)},
      {"object", draw.word(words::objects)},
      {"place", draw.word(words::places)},
      {"kind", draw.word(words::natures)},
      {"friend", draw.word(plot.of_animal ? List(words::animals) : List(words::people))},
      {"glad", draw.word(words::happy)},
      {"sad", draw.word(words::sad)}};
  while (slots["friend"] == slots["trade"]) slots["friend"] = draw.word(words::people);
  if (tale) {
    const List people(words::people), qualities(words::qualities);
    slots["trade"] = draw.word(people.first(people.size() / 2));
    if (!plot.of_animal) slots["friend"] = draw.word(people.last(people.size() / 2));
    slots["quality"] = draw.word(qualities.first(qualities.size() / 2));
  }
  while (slots["place"] == slots["home"]) slots["place"] = draw.word(words::places);
  std::string text = fill(draw.form(draw.once_in(2) ? words::opening : words::other_opening), slots);
  const auto tell = [&](words::Text forms, bool kind_again = true) {
    words::Text form = draw.form(forms);
    while (!kind_again && form.find("{kind}") != form.npos) form = draw.form(forms);
    if (form.starts_with('?')) {
      if (draw.once_in(2)) return;
      form.remove_prefix(1);
    }
    text += " " + fill(form, slots);
  };
  tell(words::daily);
  tell(words::home);
  for (const words::Text sentence : plot.sentences)
    if (!sentence.empty()) tell(sentence);
  tell(words::feast);
  tell(words::after);
  tell(words::ending, !tale);
  tell(words::closing);
  return {text, "", slots["object"] + "|" + slots["place"], invented ? "new names" : "known"};
}

}  // namespace example::english
