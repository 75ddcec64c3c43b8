// Sentences of the small English with their mood: happy, sad, or unclear where none is told.
#pragma once

#include "small_english_sentences.hpp"

namespace example::english {

/// How a mood can be told: {mood}, {gladly}, {good}, {enjoy} and {event} speak for it, {other}, {bad}, {hate}
/// and {mishap} for the opposite one.
struct MoodForm {
  std::string_view item, cue, forms;  ///< `cue`: the slot that tells the mood
};
inline constexpr MoodForm mood_forms[] = {
    {"told", "mood",
     "{who} {was} {mood}.|{who} {is} {mood}.|{who} {was} {degree} {mood}.|{who} {is} {degree} {mood} "
     "today.|{who} felt {mood}.|{who} felt {degree} {mood} in the {place}.|{who} looked {mood}."},
    {"told", "mood",
     "in the {place}, {who} {was} {mood}.|{who} {was} {mood} and {past} {thing}.|{who} {past} {thing} and "
     "felt "
     "{mood}.|nobody in the {place} was as {mood} as {who}.|{who} {past} {thing} because {they} {was} "
     "{mood}."},
    {"told", "mood",
     "how {mood} {who} {is}!|{mood} and {nature}, {who} went to the {place}.|{mood}.|{who} went home "
     "{mood}.|the {mood} {person} {past} {thing}.|{thing} made {who} {mood}.|{mood}!|{who} {is} so {mood} "
     "that "
     "{they} {past} {thing}."},
    {"told", "gladly",
     "{who} {past} {thing} {gladly}.|{gladly}, {who} {past} {thing}.|{who} {gladly} {past} {thing}."},
    {"told", "good",
     "the {object} was {good}.|what a {good} {object}!|{who} had a {good} day in the {place}.|this is a "
     "{good} "
     "{object}.|the {place} is {degree} {good}.|it was a {good} day.|{who} {past} a {good} {object}."},
    {"told", "enjoy",
     "{who} {enjoyed} the {object}.|{who} {enjoys} {thing}.|{who} {enjoyed} {thing} in the {place}.|{who} "
     "really {enjoyed} the {place}."},
    {"denied", "other",
     "{who} {was} not {other}.|{who} {is} not {other}.|{who} {was} not {degree} {other}.|{who} {was}n't "
     "{other}.|{who} {is}n't {other} today.|{who} {was} not {other} at all.|{who} {was} not {other} at all "
     "in "
     "the {place}."},
    {"denied", "other",
     "{who} {was} no longer {other} in the {place}.|{who} {was} never {other}.|{who} did not feel "
     "{other}.|{who} didn't look {other}.|in the {place}, {who} {was} not {other}.|not {other}.|{who} {past} "
     "{thing} and {was} not {other}.|nobody in the {place} was {other}.|nobody was {other}."},
    {"denied", "bad",
     "the {object} was not {bad}.|this is not a {bad} {object}.|{who} did not have a {bad} day.|the {object} "
     "wasn't {bad} at all.|it was not a {bad} day in the {place}."},
    {"denied", "hate",
     "{who} did not {hate} the {object}.|{who} {does} not {hate} the {object}.|{who} didn't {hate} "
     "{thing}.|{who} "
     "did not {hate} {thing} in the {place}.|{who} never {hated} the {object}.|{who} {does}n't {hate} "
     "{thing}."},
    {"denied", "cry",
     "{who} did not {cry}.|{who} didn't {cry} in the {place}.|{who} did not {cry} about the {object}."},
    {"changed", "mood",
     "{who} felt {other} before, but now {they} {is} {mood}.|{who} {was} not {other} but {mood}.|first {who} "
     "{was} {other}, then {mood}.|{who} {was} {mood}, not {other}.|{who} {was} {other} at first, but soon "
     "{they} {was} {mood}."},
    {"changed", "event",
     "{who} {was} {other} at first, but then {event}.|{who} felt {other}, but then {event}."},
    {"events", "event",
     "{who} {event}.|in the {place}, {who} {event}.|{who} {past} {thing} and {event}.|today {who} {event}."}};

inline constexpr words::Text happy_events =
    "won {thing}|got {thing} as a present|found the lost {object} again|heard good news about the "
    "{object}|met an old friend|smiled|smiled at the {object}|laughed|laughed about the {object}|danced for "
    "joy";
inline constexpr words::Text sad_events =
    "lost {thing}|lost the {object}|dropped the {object} into the river|could not find the {object} "
    "again|heard "
    "bad news about the {object}|missed an old friend|cried|cried about the {object}|sighed|wept for the "
    "{object}";
inline constexpr words::Text happy_acts = "smile|laugh", sad_acts = "cry|sigh|weep";
inline constexpr words::Verb likes[] = {{"like", "likes", "liked", "liked"},
                                        {"love", "loves", "loved", "loved"},
                                        {"enjoy", "enjoys", "enjoyed", "enjoyed"}};
inline constexpr words::Verb dislikes[] = {{"hate", "hates", "hated", "hated"},
                                           {"dislike", "dislikes", "disliked", "disliked"},
                                           {"fear", "fears", "feared", "feared"}};

/// Who has a mood: its words, and the forms that go with them.
inline void fix_person(Words& words) {
  Draw& draw = words.draw;
  struct Forms {
    words::Text who, was, is, does, they;
  };
  constexpr Forms pronouns[] = {{"I", "was", "am", "do", "I"},
                                {"he", "was", "is", "does", "he"},
                                {"she", "was", "is", "does", "she"},
                                {"we", "were", "are", "do", "we"},
                                {"they", "were", "are", "do", "they"},
                                {"you", "were", "are", "do", "you"},
                                {"everybody", "was", "is", "does", "everybody"}};
  Forms forms = draw.of(pronouns);
  std::string who(forms.who), head = who;
  if (draw.once_in(8)) {
    forms = pronouns[4];
    words.fixed["head"] = head = draw.word(words::plain_plurals) + "s";
    who = words.text(draw.form("the {head}|the {nature} {head}|my {head}|these {head}"));
  } else if (!draw.once_in(4)) {
    forms = pronouns[1 + draw.below(2)];
    words.fixed["head"] = head = words(draw.form("name|name|New|person|person|person|new"));
    const bool named = head[0] >= 'A' && head[0] <= 'Z';
    who = named ? head
                : words.text(
                      draw.form("the {head}|the {nature} {head}|the {nature} {head}|my {head}|her {head}"));
  }
  words.fixed.insert({{"who", who},
                      {"head", head},
                      {"was", std::string(forms.was)},
                      {"is", std::string(forms.is)},
                      {"does", std::string(forms.does)},
                      {"they", std::string(forms.they)}});
}

/// A sentence that tells a mood, by a word, its denial, a change or an event.
inline CorpusLine mood(Draw& draw) {
  Words words{draw};
  const bool glad = draw.once_in(2);
  fix_person(words);
  const MoodForm* how = &draw.of(mood_forms);
  words::Text form = draw.form(how->forms);
  const auto has = [&](std::string_view slot) { return form.find(slot) != form.npos; };
  // what the split looks at must be read off a held-out line, or training may have the same text
  while (draw.take_held_out && !has("{who}") && !has("{object}"))
    how = &draw.of(mood_forms), form = draw.form(how->forms);
  const auto& other_verb = glad ? draw.of(dislikes) : draw.of(likes);
  const auto& verb = glad ? draw.of(likes) : draw.of(dislikes);
  const bool singular = words.fixed["does"] == "does";
  words.fixed.insert({{"mood", draw.word(glad ? List(words::happy) : List(words::sad))},
                      {"other", draw.word(glad ? List(words::sad) : List(words::happy))},
                      {"gladly", draw.word(glad ? List(words::happily) : List(words::sadly))},
                      {"good", draw.word(glad ? List(words::good) : List(words::bad))},
                      {"bad", draw.word(glad ? List(words::bad) : List(words::good))},
                      {"enjoy", std::string(verb.base)},
                      {"enjoyed", std::string(verb.past)},
                      {"enjoys", std::string(singular ? verb.third : verb.base)},
                      {"hate", std::string(other_verb.base)},
                      {"hated", std::string(other_verb.past)},
                      {"cry", std::string(draw.form(glad ? sad_acts : happy_acts))}});
  const words::Text event = draw.form(glad ? happy_events : sad_events);
  std::string cue = how->cue == "event" ? std::string(event) : words.fixed.at(how->cue);
  if (how->item == "denied") cue = "not " + cue;
  // what has no person is told of a thing or a place
  const std::string head = has("{who}") ? words.fixed.at("head") : words.fix("object");
  if (how->cue == "event") words.fixed["event"] = words.text(event);
  return {capital(words.text(form)), glad ? "happy" : "sad", head + "|" + cue,
          words.invented && how->item == "told" ? "new names" : how->item};
}

/// What tells no mood: plain statements and questions, and words without sense.
inline CorpusLine no_mood(Draw& draw) {
  switch (draw.below(6)) {
    case 0:
    case 1: {
      CorpusLine line = pair(draw, false);
      return {draw.once_in(4) ? line.second : line.first, "unclear", line.content, "plain"};
    }
    case 2: {  // whether somebody is in a mood is asked, not told
      Words words{draw};
      fix_person(words);
      words.fixed["mood"] = draw.word(draw.once_in(2) ? List(words::happy) : List(words::sad));
      const std::string text =
          words.text(draw.form("{was} {who} {mood}?|{is} {who} {mood}?|{is} {who} {degree} {mood}?|"
                               "why {is} {who} {mood}?|{was} {who} {mood} in the {place}?"));
      return {capital(text), "unclear", words.fixed.at("head") + "|asked " + words.fixed.at("mood"), "plain"};
    }
    default: break;
  }
  std::string text;
  const bool known = draw.once_in(3);  // known words in no order
  const std::uint64_t count = 1 + draw.below(6);
  for (std::uint64_t i = 0; i < count; ++i) {
    Words words{draw};
    std::string word =
        words(draw.form(known ? "object|place|quality|nature|person|name|past|side|spot|modal" : "new"));
    if (!known && draw.once_in(8)) word = std::to_string(draw.below(1000));
    text += (i ? " " : "") + word;
  }
  if (draw.once_in(3)) text = capital(text);
  text += draw.form("||.|!|?");
  return {text, "unclear", text, "nonsense"};
}

/// Three moods, each about as often.
inline CorpusLine label(Draw& draw) { return draw.once_in(3) ? no_mood(draw) : mood(draw); }

}  // namespace example::english
