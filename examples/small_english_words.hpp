// The words of the small English that small_english.hpp draws from. Every mood word, name and noun stands in
// one list alone, so that a text can be read back by its words (small_english_check.hpp).
#pragma once

#include <string_view>

namespace example::words {

using Text = std::string_view;

inline constexpr Text people[] = {
    "farmer",   "baker",    "sailor",     "teacher",   "doctor",    "king",      "queen",    "girl",
    "boy",      "painter",  "hunter",     "singer",    "tailor",    "miller",    "cook",     "soldier",
    "shepherd", "gardener", "blacksmith", "fisherman", "carpenter", "librarian", "postman",  "nurse",
    "merchant", "dancer",   "pilot",      "princess",  "prince",    "neighbor",  "stranger", "grandmother"};
inline constexpr Text animals[] = {"rabbit",   "fox",  "bear",  "mouse", "dog",  "cat",
                                   "horse",    "goat", "duck",  "owl",   "crow", "squirrel",
                                   "hedgehog", "frog", "sheep", "turtle"};
/// Those whose plural is formed with an s.
inline constexpr Text plain_plurals[] = {
    "farmer", "baker",  "sailor", "teacher",  "doctor", "king",   "queen", "girl",   "boy",  "painter",
    "hunter", "singer", "rabbit", "bear",     "dog",    "cat",    "horse", "goat",   "duck", "owl",
    "crow",   "frog",   "turtle", "squirrel", "tailor", "dancer", "pilot", "soldier"};
inline constexpr Text women[] = {"Anna", "Clara", "Emma", "Grace", "Iris", "Kate",  "Mia",  "Olive",
                                 "Rose", "Sarah", "Lily", "Nora",  "Ruth", "Alice", "Jane", "Helen"};
inline constexpr Text men[] = {"Ben", "David", "Felix", "Henry", "Jack", "Leo",  "Noah", "Paul",
                               "Tom", "Oscar", "Peter", "Sam",   "Max",  "Adam", "Hugo", "Martin"};
inline constexpr Text objects[] = {
    "hat",    "lamp",  "book",    "drum",   "boat",     "kite",   "coin",    "ring",    "bell",   "basket",
    "cake",   "apple", "clock",   "ribbon", "mirror",   "spoon",  "cup",     "coat",    "rope",   "shell",
    "map",    "stone", "whistle", "ball",   "letter",   "key",    "ladder",  "blanket", "bottle", "brush",
    "candle", "doll",  "flag",    "flute",  "feather",  "glove",  "hammer",  "jar",     "knife",  "pencil",
    "pillow", "pot",   "purse",   "scarf",  "necklace", "shovel", "umbrella"};
inline constexpr Text qualities[] = {"red",   "blue",   "green",  "old",    "new",    "small",
                                     "heavy", "light",  "round",  "shiny",  "dusty",  "white",
                                     "black", "yellow", "wooden", "golden", "silver", "tiny",
                                     "large", "purple", "brown",  "grey",   "soft",   "plain"};
inline constexpr Text natures[] = {"old",    "young",  "tall",    "clever",  "quiet", "brave",
                                   "kind",   "proud",  "lazy",    "gentle",  "calm",  "shy",
                                   "strong", "polite", "curious", "patient", "busy",  "friendly"};
inline constexpr Text places[] = {
    "forest", "market", "garden", "village", "castle", "barn",   "meadow",   "harbor",   "kitchen", "school",
    "tower",  "valley", "church", "library", "bakery", "stable", "workshop", "orchard",  "cave",    "field",
    "museum", "park",   "cellar", "attic",   "desert", "palace", "mill",     "courtyard"};
/// What one can be on, under or behind.
inline constexpr Text spots[] = {"mat",  "table", "bed",   "roof",  "bridge", "hill",  "box",
                                 "wall", "tree",  "shelf", "bench", "carpet", "chair", "sofa"};
inline constexpr Text sides[] = {"on", "under", "behind", "beside", "near"};

inline constexpr Text happy[] = {"happy",   "glad",   "cheerful", "delighted", "merry",
                                 "pleased", "joyful", "thankful", "excited",   "content"};
inline constexpr Text sad[] = {"sad",     "gloomy",  "upset",        "lonely",  "miserable",
                               "worried", "unhappy", "disappointed", "tearful", "sorrowful"};
inline constexpr Text happily[] = {"happily", "gladly", "cheerfully", "merrily", "joyfully"};
inline constexpr Text sadly[] = {"sadly", "gloomily", "miserably", "unhappily", "tearfully"};
inline constexpr Text good[] = {"good", "wonderful", "lovely", "great", "nice", "delightful", "perfect"};
inline constexpr Text bad[] = {"bad", "terrible", "awful", "horrible", "boring", "dreadful", "nasty"};
inline constexpr Text degrees[] = {"very", "so", "really", "quite", "rather", "too"};

struct Verb {
  Text base, third, past, participle;
};
/// Verbs that take an object.
inline constexpr Verb verbs[] = {{"find", "finds", "found", "found"},
                                 {"lose", "loses", "lost", "lost"},
                                 {"break", "breaks", "broke", "broken"},
                                 {"steal", "steals", "stole", "stolen"},
                                 {"like", "likes", "liked", "liked"},
                                 {"admire", "admires", "admired", "admired"},
                                 {"forget", "forgets", "forgot", "forgotten"},
                                 {"want", "wants", "wanted", "wanted"},
                                 {"drop", "drops", "dropped", "dropped"},
                                 {"love", "loves", "loved", "loved"},
                                 // from here on without a mood
                                 {"buy", "buys", "bought", "bought"},
                                 {"sell", "sells", "sold", "sold"},
                                 {"carry", "carries", "carried", "carried"},
                                 {"see", "sees", "saw", "seen"},
                                 {"take", "takes", "took", "taken"},
                                 {"hide", "hides", "hid", "hidden"},
                                 {"make", "makes", "made", "made"},
                                 {"watch", "watches", "watched", "watched"},
                                 {"clean", "cleans", "cleaned", "cleaned"},
                                 {"paint", "paints", "painted", "painted"},
                                 {"bring", "brings", "brought", "brought"},
                                 {"hold", "holds", "held", "held"},
                                 {"borrow", "borrows", "borrowed", "borrowed"},
                                 {"throw", "throws", "threw", "thrown"},
                                 {"catch", "catches", "caught", "caught"},
                                 {"wash", "washes", "washed", "washed"},
                                 {"touch", "touches", "touched", "touched"},
                                 {"choose", "chooses", "chose", "chosen"},
                                 {"draw", "draws", "drew", "drawn"},
                                 {"keep", "keeps", "kept", "kept"},
                                 {"open", "opens", "opened", "opened"},
                                 {"push", "pushes", "pushed", "pushed"},
                                 {"repair", "repairs", "repaired", "repaired"},
                                 {"need", "needs", "needed", "needed"},
                                 {"lift", "lifts", "lifted", "lifted"},
                                 {"bury", "buries", "buried", "buried"},
                                 {"polish", "polishes", "polished", "polished"},
                                 {"send", "sends", "sent", "sent"},
                                 {"shake", "shakes", "shook", "shaken"},
                                 {"use", "uses", "used", "used"},
                                 {"move", "moves", "moved", "moved"},
                                 {"have", "has", "had", "had"}};
inline constexpr int moody_verbs = 10;  ///< so many at the beginning of the list tell a mood

/// Verbs that take none.
struct Doing {
  Text base, third, past, participle, going;
};
inline constexpr Doing doings[] = {
    {"sing", "sings", "sang", "sung", "singing"},      {"sleep", "sleeps", "slept", "slept", "sleeping"},
    {"swim", "swims", "swam", "swum", "swimming"},     {"run", "runs", "ran", "run", "running"},
    {"walk", "walks", "walked", "walked", "walking"},  {"wait", "waits", "waited", "waited", "waiting"},
    {"work", "works", "worked", "worked", "working"},  {"play", "plays", "played", "played", "playing"},
    {"jump", "jumps", "jumped", "jumped", "jumping"},  {"sit", "sits", "sat", "sat", "sitting"},
    {"stand", "stands", "stood", "stood", "standing"}, {"talk", "talks", "talked", "talked", "talking"},
    {"rest", "rests", "rested", "rested", "resting"},  {"live", "lives", "lived", "lived", "living"},
    {"dance", "dances", "danced", "danced", "dancing"}};
inline constexpr Text modals[] = {"can", "will", "must", "should", "could", "may"};
inline constexpr Text manners[] = {"again",          "today",           "at night",
                                   "in the morning", "with great care", "alone"};

/// What an action is done to, in words of the other lists or in {new} ones.
inline constexpr Text things =
    "a {quality} {object}|a {quality} {object}|a {quality} {object}|a {object}|the {object}|the {quality} "
    "{object}|his {object}|her {object}|my {object}|a {new}|the {quality} {new}";

/// Pieces of words that nobody has ever met.
inline constexpr Text onsets[] = {"b",  "br", "c", "d", "dr", "f",  "fl", "g",  "gr", "h",  "j",  "k",
                                  "kr", "l",  "m", "n", "p",  "pl", "qu", "r",  "s",  "sn", "st", "t",
                                  "tr", "v",  "w", "y", "z",  "bl", "ch", "sh", "th", "sk", "gl", "sw"};
inline constexpr Text vowels[] = {"a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ee", "oo", "ai", "y"};
inline constexpr Text codas[] = {"",  "",   "",  "n", "l",  "r",  "x",  "t",
                                 "m", "ck", "p", "s", "nd", "rb", "lf", "g"};

}  // namespace example::words
