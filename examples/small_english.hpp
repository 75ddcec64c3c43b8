// A small grammar of English, from which texts for small models are drawn: stories, statements with their
// questions, and sentences with a mood. Every line is a function of the seed and its number alone.
#pragma once

#include "small_english_words.hpp"
#include <eigenformer/core/random.hpp>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace example {

/// One line of text. `second` is a pair's question or a label's class (happy or sad), empty for a story.
/// `content` decides the split, and can be read off the text. It is a combination of two words: a story's
/// thing and place, a pair's subject and verb (or mood), a label's person and what tells the mood.
struct CorpusLine {
  std::string first, second, content;
};

enum class CorpusKind { stories, pairs, labels };

/// Whether lines of this content are kept from training: one content in eight, by its FNV-1a hash. All lines
/// of a content fall on the same side, so a held-out line combines two words that training never combines.
inline bool held_out(std::string_view content) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (hash >> 32) % 8 == 0;
}

/// The lines of one kind. `at` gives line `index` of a seed.
class SmallEnglish {
 public:
  SmallEnglish(CorpusKind kind, eigenformer::Seed seed, bool take_held_out)
      : kind_(kind), seed_(seed), held_out_(take_held_out) {}

  CorpusLine at(std::uint64_t index) const {
    Draw draw{eigenformer::Random(seed_, index)};
    for (;;) {  // until a content of this split is drawn: eight tries on average for a held-out one
      CorpusLine line = kind_ == CorpusKind::stories ? story(draw)
                        : kind_ == CorpusKind::pairs ? pair(draw)
                                                     : label(draw);
      if (example::held_out(line.content) == held_out_) return line;
    }
  }

 private:
  using Slots = std::map<std::string_view, std::string>;
  using List = std::span<const std::string_view>;

  struct Draw {
    eigenformer::Random random;
    std::uint64_t next = 0;
    std::uint64_t below(std::uint64_t n) { return random.below(next++, n); }
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    template <class T, std::size_t n> const T& of(const T (&list)[n]) { return list[below(n)]; }
    std::string word(List list) { return std::string(list[below(list.size())]); }
    /// One of the forms between bars.
    std::string_view form(std::string_view forms) {
      std::vector<std::string_view> all;
      for (std::size_t begin = 0; begin <= forms.size();) {
        const std::size_t end = (std::min)(forms.find('|', begin), forms.size());
        all.push_back(forms.substr(begin, end - begin));
        begin = end + 1;
      }
      return all[below(all.size())];
    }
  };

  static std::string capital(std::string text) {
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
  }

  /// A text with its slots filled in; "a" becomes "an" before a vowel.
  static std::string fill(std::string_view text, const Slots& slots) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] != '{') {
        out += text[at++];
        continue;
      }
      const std::size_t end = text.find('}', at);
      const std::string& word = slots.at(text.substr(at + 1, end - at - 1));
      const bool article = out == "a " || out == "A " || out.ends_with(" a ") || out.ends_with(" A ");
      if (article && std::string_view("aeiou").find(word[0]) != std::string_view::npos)
        out.insert(out.size() - 1, "n");
      out += word;
      at = end + 1;
    }
    return out;
  }

  static std::string a_thing(Draw& draw) {
    return fill("a {quality} {object}",
                {{"quality", draw.word(words::qualities)}, {"object", draw.word(words::objects)}});
  }
  static std::string person(Draw& draw) {
    return draw.word(draw.once_in(3) ? List(words::animals) : List(words::people));
  }

  /// Who a pair speaks of: the word that the split looks at, all words, and whether they are several.
  struct Subject {
    std::string head, words;
    bool plural = false;
  };
  static Subject subject(Draw& draw) {
    const std::string name = draw.word(draw.once_in(2) ? List(words::women) : List(words::men));
    switch (draw.below(8)) {
      case 0: return {name, name};
      case 1: {
        constexpr words::Text pronouns[] = {"he", "she", "they", "we"};
        const std::uint64_t which = draw.below(4);
        return {std::string(pronouns[which]), std::string(pronouns[which]), which >= 2};
      }
      default: break;
    }
    const std::string head = person(draw);
    Subject out{head, "the " + draw.word(words::natures) + " " + head};
    switch (draw.below(8)) {
      case 0: out.words += " and " + name, out.plural = true; break;
      case 1: out.words += " from the " + draw.word(words::places); break;
      case 2: out.words += " with " + a_thing(draw); break;
      case 3:
        out.words += " who " + draw.word(words::modals) + " " + std::string(draw.of(words::verbs).base) +
                     " " + a_thing(draw);
        break;
      default: break;
    }
    return out;
  }

  /// A statement and its question: the auxiliary, or the one that the verb implies, comes first, whatever
  /// stands between it and the subject's first word.
  static CorpusLine pair(Draw& draw) {
    const auto [head, who, plural] = subject(draw);
    const words::Verb& verb = draw.of(words::verbs);
    std::string cue(verb.base), auxiliary, statement, rest;
    switch (draw.below(5)) {
      case 0: auxiliary = "did", rest = verb.base, statement = verb.past; break;
      case 1:
        auxiliary = plural ? "do" : "does", rest = verb.base, statement = plural ? verb.base : verb.third;
        break;
      case 2: auxiliary = draw.word(words::modals), rest = verb.base; break;
      case 3: auxiliary = plural ? "have" : "has", rest = verb.participle; break;
      default:
        auxiliary = draw.once_in(2) ? (plural ? "were" : "was") : (plural ? "are" : "is");
        rest = cue = draw.word(draw.once_in(2) ? List(words::happy) : List(words::sad));
    }
    if (statement.empty()) statement = auxiliary + " " + rest;
    std::string what = cue == verb.base ? " " + a_thing(draw) : "";
    if (what.empty() || draw.once_in(4)) what += " in the " + draw.word(words::places);
    if (draw.once_in(4)) what += " " + draw.word(words::manners);
    std::string first = who + " " + statement + what, last = rest + what;
    if (draw.once_in(6)) {
      const std::string where = "near the " + draw.word(words::places);
      first = where + ", " + first, last += " " + where;
    }
    return {capital(first) + ".", capital(auxiliary) + " " + who + " " + last + "?", head + "|" + cue};
  }

  /// A sentence and its mood, which a word, its denial or an event tells.
  static CorpusLine label(Draw& draw) {
    const bool glad = draw.once_in(2);
    const std::string head = person(draw);
    const std::string mood = draw.word(glad ? List(words::happy) : List(words::sad));
    const std::string other = draw.word(glad ? List(words::sad) : List(words::happy));
    const words::Text event = glad ? draw.of(words::happy_events) : draw.of(words::sad_events);
    Slots slots{{"who", "the " + draw.word(words::natures) + " " + head},
                {"past", std::string(draw.of(words::verbs).past)},
                {"quality", draw.word(words::qualities)},
                {"object", draw.word(words::objects)},
                {"place", draw.word(words::places)},
                {"mood", mood},
                {"other", other}};
    slots["event"] = fill(event, slots);
    const words::Text form = draw.of(words::moods);
    const auto has = [&](const char* slot) { return form.find(slot) != form.npos; };
    const std::string cue = has("{mood}") ? mood : has("{event}") ? std::string(event) : other;
    return {capital(fill(form, slots)), glad ? "happy" : "sad", head + "|" + cue};
  }

  static CorpusLine story(Draw& draw) {
    const bool she = draw.once_in(2);
    const words::Plot& plot = draw.of(words::plots);
    Slots slots{{"hero", draw.word(she ? List(words::women) : List(words::men))},
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
    std::string text = fill(draw.form(words::opening), slots);
    for (const words::Text sentence : plot.sentences) {
      words::Text form = draw.form(sentence);
      if (form.starts_with('?')) {
        if (draw.once_in(2)) continue;
        form.remove_prefix(1);
      }
      text += " " + fill(form, slots);
    }
    text += " " + fill(draw.form(words::ending), slots);
    return {text, "", slots["object"] + "|" + slots["place"]};
  }

  CorpusKind kind_;
  eigenformer::Seed seed_;
  bool held_out_;
};

}  // namespace example
