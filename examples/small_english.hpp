// A small grammar of English, from which texts for small models are drawn: stories, statements with their
// questions, and sentences with a mood. Every line is a function of the seed and its number alone.
#pragma once

#include <eigenformer/core/random.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace example {

namespace words {

using Text = std::string_view;
struct Verb {
  Text base, third, past, participle;
};

inline constexpr Text people[] = {"farmer", "baker",   "sailor",  "teacher", "doctor", "king",   "queen",
                                  "girl",   "boy",     "painter", "hunter",  "singer", "tailor", "miller",
                                  "cook",   "soldier", "rabbit",  "fox",     "bear",   "mouse"};
inline constexpr Text names[] = {"Anna", "Ben",  "Clara", "David", "Emma", "Felix", "Grace", "Henry",
                                 "Iris", "Jack", "Kate",  "Leo",   "Mia",  "Noah",  "Olive", "Paul"};
inline constexpr Text objects[] = {"hat",  "lamp",   "book", "drum",  "boat",  "kite",   "coin",    "ring",
                                   "bell", "basket", "cake", "apple", "clock", "ribbon", "mirror",  "spoon",
                                   "cup",  "coat",   "rope", "shell", "map",   "stone",  "whistle", "ball"};
inline constexpr Text qualities[] = {"red",   "blue",  "green", "old",   "new",   "small", "heavy",
                                     "light", "round", "shiny", "dusty", "white", "black", "yellow"};
inline constexpr Text natures[] = {"old", "young", "tall", "clever", "quiet", "brave", "kind", "proud"};
inline constexpr Text places[] = {"forest", "market", "garden",  "village", "castle", "barn",
                                  "meadow", "harbor", "kitchen", "school",  "tower",  "valley"};
inline constexpr Text happy[] = {"happy", "glad", "cheerful", "delighted", "merry", "pleased"};
inline constexpr Text sad[] = {"sad", "gloomy", "upset", "lonely", "miserable", "worried"};
inline constexpr Verb verbs[] = {
    {"find", "finds", "found", "found"},        {"buy", "buys", "bought", "bought"},
    {"sell", "sells", "sold", "sold"},          {"carry", "carries", "carried", "carried"},
    {"lose", "loses", "lost", "lost"},          {"see", "sees", "saw", "seen"},
    {"take", "takes", "took", "taken"},         {"hide", "hides", "hid", "hidden"},
    {"make", "makes", "made", "made"},          {"break", "breaks", "broke", "broken"},
    {"watch", "watches", "watched", "watched"}, {"want", "wants", "wanted", "wanted"},
    {"clean", "cleans", "cleaned", "cleaned"},  {"paint", "paints", "painted", "painted"},
    {"steal", "steals", "stole", "stolen"},     {"bring", "brings", "brought", "brought"},
    {"hold", "holds", "held", "held"},          {"admire", "admires", "admired", "admired"}};
inline constexpr Text modals[] = {"can", "will", "must", "should", "could", "may"};

}  // namespace words

/// One line of text. `second` is a pair's question or a label's class (happy or sad), empty for a story.
/// `content` decides the split, and can be read off the text: a story's hero, thing and place; a pair's
/// subject and what is said of it; a label's person, mood, and thing or place.
struct CorpusLine {
  std::string first, second, content;
};

enum class CorpusKind { stories, pairs, labels };

/// Whether lines of this content are kept from training: one content in eight, by its FNV-1a hash. All lines
/// of a content fall on the same side, so a held-out line is a combination that training never shows.
inline bool held_out(std::string_view content) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : content) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return (hash >> 32) % 8 == 0;
}

/// The lines of one kind. `at` gives line `index` of a seed.
class Corpus {
 public:
  Corpus(CorpusKind kind, eigenformer::Seed seed, bool take_held_out)
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
  struct Draw {
    eigenformer::Random random;
    std::uint64_t next = 0;
    std::uint64_t below(std::uint64_t n) { return random.below(next++, n); }
    template <class T, std::size_t n> const T& of(const T (&list)[n]) { return list[below(n)]; }
    std::string word(std::span<const std::string_view> list) { return std::string(list[below(list.size())]); }
  };

  static std::string a(const std::string& phrase) {
    const bool vowel = std::string_view("aeiou").find(phrase[0]) != std::string_view::npos;
    return (vowel ? "an " : "a ") + phrase;
  }
  static std::string capital(std::string text) {
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
  }

  static CorpusLine pair(Draw& draw) {
    const std::string person = draw.word(words::people), object = draw.word(words::objects);
    const words::Verb& verb = draw.of(words::verbs);
    const bool plural = draw.below(4) == 0;
    const std::string who = "the " + draw.word(words::natures) + " " + person;
    const std::string subject = plural               ? who + " and " + draw.word(words::names)
                                : draw.below(3) == 0 ? draw.word(words::names)
                                                     : who;
    const std::string what = a(draw.word(words::qualities) + " " + object);
    const std::string base(verb.base);
    std::string auxiliary, statement, rest;
    switch (draw.below(5)) {
      case 0:
        auxiliary = "did", rest = base + " " + what;
        statement = std::string(verb.past) + " " + what;
        break;
      case 1:
        auxiliary = plural ? "do" : "does", rest = base + " " + what;
        statement = std::string(plural ? verb.base : verb.third) + " " + what;
        break;
      case 2: auxiliary = draw.word(words::modals), rest = base + " " + what; break;
      case 3: auxiliary = plural ? "have" : "has", rest = std::string(verb.participle) + " " + what; break;
      default: {
        const bool past = draw.below(2) == 0;
        auxiliary = past ? (plural ? "were" : "was") : (plural ? "are" : "is");
        rest = (draw.below(2) == 0 ? draw.word(words::happy) : draw.word(words::sad)) + " in the " +
               draw.word(words::places);
      }
    }
    if (statement.empty()) statement = auxiliary + " " + rest;
    return {capital(subject) + " " + statement + ".", capital(auxiliary) + " " + subject + " " + rest + "?",
            subject + "|" + rest};
  }

  static CorpusLine label(Draw& draw) {
    const bool glad = draw.below(2) == 0;
    const std::string person = draw.word(words::people), object = draw.word(words::objects);
    const std::string place = draw.word(words::places);
    const words::Verb& verb = draw.of(words::verbs);
    const std::string mood = glad ? draw.word(words::happy) : draw.word(words::sad);
    const std::string what = a(draw.word(words::qualities) + " " + object);
    const std::string who = "the " + draw.word(words::natures) + " " + person;
    std::string text;
    const std::uint64_t form = draw.below(3);
    switch (form) {
      case 0: text = who + " was " + mood + " and " + std::string(verb.past) + " " + what + "."; break;
      case 1: text = who + " " + std::string(verb.past) + " " + what + " and felt " + mood + "."; break;
      default: text = "in the " + place + ", " + who + " was " + mood + "."; break;
    }
    return {capital(text), glad ? "happy" : "sad", person + "|" + mood + "|" + (form < 2 ? object : place)};
  }

  static CorpusLine story(Draw& draw) {
    const std::uint64_t name = draw.below(std::size(words::names));
    constexpr std::string_view women = "Anna Clara Emma Grace Iris Kate Mia Olive";
    const std::string hero(words::names[name]);
    const bool she = women.find(hero) != std::string_view::npos;
    const std::string He = she ? "She" : "He", he = she ? "she" : "he", his = she ? "her" : "his";
    const std::string object = draw.word(words::objects), quality = draw.word(words::qualities);
    const std::string place = draw.word(words::places), friend_ = draw.word(words::people);
    const bool lost = draw.below(2) == 0;  // a loss makes the hero sad, until the friend helps
    std::string text = hero + " was " + a(draw.word(words::natures) + " " + draw.word(words::people)) + ". ";
    if (lost) {
      text += He + " had " + a(quality + " " + object) + ". One day " + he + " lost the " + object +
              " in the " + place + ". " + hero + " was very " + draw.word(words::sad) + ". ";
      text += "The " + friend_ + " came and found the " + quality + " " + object + ". ";
    } else {
      text += "One day " + he + " went to the " + place + " and found " + a(quality + " " + object) + ". ";
      text += He + " gave the " + object + " to the " + friend_ + ". ";
    }
    text += draw.below(2) == 0 ? "In the end " + hero + " was " + draw.word(words::happy) + "."
                               : "The " + friend_ + " thanked " + hero + " and " + he + " went home with " +
                                     his + " new friend.";
    return {text, "", hero + "|" + object + "|" + place};
  }

  CorpusKind kind_;
  eigenformer::Seed seed_;
  bool held_out_;
};

}  // namespace example
