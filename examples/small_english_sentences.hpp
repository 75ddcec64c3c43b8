// Statements of the small English and their questions.
#pragma once

#include "small_english_draw.hpp"

namespace example::english {

/// Who a statement speaks of: the word that the split looks at, all words, and whether they are several.
struct Subject {
  std::string head, words;
  bool plural = false;
};

inline Subject subject(Words& words) {
  Draw& draw = words.draw;
  const std::uint64_t kind = draw.below(16);
  if (kind < 5) {
    const std::string name = words(kind < 3 ? "name" : "New");
    return {name, name};
  }
  if (kind < 7) {
    constexpr words::Text pronouns[] = {"he", "she", "it", "they", "we", "you"};
    const std::uint64_t which = draw.below(6);
    return {std::string(pronouns[which]), std::string(pronouns[which]), which >= 3};
  }
  Subject out;
  if (draw.once_in(6)) {
    out.head = draw.word(words::plain_plurals) + "s", out.plural = true;
  } else {
    out.head = words(draw.once_in(6) ? "new" : "person");
  }
  words.fixed["head"] = out.head;
  out.words = words.text(draw.form(
      out.plural ? "the {head}|the {nature} {head}|my {head}|two {head}|these {head}"
                 : "the {head}|the {head}|the {nature} {head}|the {nature} {head}|the {nature} {head}|my "
                   "{head}|her {head}|his {nature} {head}|this {head}|a {head}|a {nature} {head}"));
  switch (draw.below(12)) {
    case 0: out.words += words.text(" and {name}"), out.plural = true; break;
    case 1: out.words += words.text(" from the {place}"); break;
    case 2: out.words += words.text(" with {thing}"); break;
    case 3:
      words.fixed["verb"] = draw.of(words::verbs).base;
      out.words += words.text(" who {modal} {verb} {thing}");
      break;
    default: break;
  }
  return out;
}

/// What follows a form of "be", without a mood or with one; a single person may also be somebody.
inline std::string state(Words& words, bool plural, bool moody, std::string& cue) {
  Draw& draw = words.draw;
  switch (draw.below(plural ? 5 : 6)) {
    case 0: return cue = draw.of(words::doings).going;
    case 1: return cue = words("side"), words.fixed["cue"] = cue, words.text("{cue} the {spot}");
    case 2: return cue = words("place"), "in the " + cue;
    case 3: return cue = words("nature");
    case 4:
      if (!moody) return cue = words("spot"), "near the " + cue;
      cue = draw.word(draw.once_in(2) ? List(words::happy) : List(words::sad));
      return draw.once_in(3) ? words("degree") + " " + cue : cue;
    default: return cue = words("people"), words.fixed["cue"] = cue, words.text("a {nature} {cue}");
  }
}

/// A statement and its question: the auxiliary, or the one that the verb implies, comes first, whatever
/// stands between it and the subject's first word. Without moods it tells none.
inline CorpusLine pair(Draw& draw, bool moody = true) {
  Words words{draw};
  const auto [head, who, plural] = subject(words);
  std::string cue, auxiliary, statement, rest;
  bool object = false;  // whether the verb takes one
  const std::uint64_t kind = draw.below(10);
  if (kind < 3) {
    auxiliary = draw.once_in(2) ? (plural ? "were" : "was") : (plural ? "are" : "is");
    rest = state(words, plural, moody, cue);
  } else {
    words::Doing verb{};
    if (draw.once_in(3)) {
      verb = draw.of(words::doings);
    } else {
      object = true;
      const std::size_t first = moody ? 0 : words::moody_verbs;
      const words::Verb& found = words::verbs[first + draw.below(std::size(words::verbs) - first)];
      verb = {found.base, found.third, found.past, found.participle, ""};
    }
    cue = verb.base;
    switch (kind) {
      case 3:
      case 4: auxiliary = "did", rest = verb.base, statement = verb.past; break;
      case 5:
      case 6:
        auxiliary = plural ? "do" : "does", rest = verb.base, statement = plural ? verb.base : verb.third;
        break;
      case 7: auxiliary = plural ? "have" : "has", rest = verb.participle; break;
      default:
        auxiliary = words("modal"), rest = verb.base;
        if (draw.once_in(8)) rest = cue = words("new"), object = draw.once_in(2);
    }
  }
  const bool denied = draw.once_in(12) && auxiliary != "can";
  if (denied) rest = "not " + rest, statement.clear();
  if (statement.empty()) statement = auxiliary + " " + rest;
  std::string what = object ? " " + words("thing") : "";
  if (draw.once_in(4))
    what += words.text(draw.form(
        " in the {place}| in the {place}| near the {place}| {side} the {spot}| in the {new}| in {New}"));
  if (draw.once_in(5)) what += " " + words("manner");
  std::string first = who + " " + statement + what, last = rest + what;
  if (draw.once_in(8)) {
    const std::string where = words.text("near the {place}");
    first = where + ", " + first, last += " " + where;
  }
  return {capital(first) + ".", capital(auxiliary) + " " + who + " " + last + "?", head + "|" + cue,
          words.invented ? "new words" : "known"};
}

}  // namespace example::english
