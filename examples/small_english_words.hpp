// The words and the sentences of the small English that small_english.hpp draws from.
#pragma once

#include <string_view>

namespace example::words {

using Text = std::string_view;
struct Verb {
  Text base, third, past, participle;
};

inline constexpr Text people[] = {
    "farmer",   "baker",    "sailor",     "teacher",   "doctor",    "king",      "queen",    "girl",
    "boy",      "painter",  "hunter",     "singer",    "tailor",    "miller",    "cook",     "soldier",
    "shepherd", "gardener", "blacksmith", "fisherman", "carpenter", "librarian", "postman",  "nurse",
    "merchant", "dancer",   "pilot",      "princess",  "prince",    "neighbor",  "stranger", "grandmother"};
inline constexpr Text animals[] = {"rabbit",   "fox",  "bear",  "mouse", "dog",  "cat",
                                   "horse",    "goat", "duck",  "owl",   "crow", "squirrel",
                                   "hedgehog", "frog", "sheep", "turtle"};
inline constexpr Text women[] = {"Anna", "Clara", "Emma", "Grace", "Iris", "Kate",  "Mia",  "Olive",
                                 "Rose", "Sarah", "Lily", "Nora",  "Ruth", "Alice", "Jane", "Helen"};
inline constexpr Text men[] = {"Ben", "David", "Felix", "Henry", "Jack", "Leo",  "Noah", "Paul",
                               "Tom", "Oscar", "Peter", "Sam",   "Max",  "Adam", "Hugo", "Martin"};
inline constexpr Text objects[] = {
    "hat",    "lamp",   "book",    "drum",   "boat",     "kite",  "coin",   "ring",    "bell",   "basket",
    "cake",   "apple",  "clock",   "ribbon", "mirror",   "spoon", "cup",    "coat",    "rope",   "shell",
    "map",    "stone",  "whistle", "ball",   "letter",   "key",   "ladder", "blanket", "bottle", "brush",
    "candle", "chair",  "doll",    "flag",   "feather",  "flute", "glove",  "hammer",  "jar",    "knife",
    "pencil", "pillow", "pot",     "purse",  "necklace", "scarf", "shovel", "umbrella"};
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
inline constexpr Text happy[] = {"happy",   "glad",   "cheerful", "delighted", "merry",
                                 "pleased", "joyful", "thankful", "excited"};
inline constexpr Text sad[] = {"sad",     "gloomy",  "upset",        "lonely", "miserable",
                               "worried", "unhappy", "disappointed", "tearful"};
inline constexpr Verb verbs[] = {{"find", "finds", "found", "found"},
                                 {"buy", "buys", "bought", "bought"},
                                 {"sell", "sells", "sold", "sold"},
                                 {"carry", "carries", "carried", "carried"},
                                 {"lose", "loses", "lost", "lost"},
                                 {"see", "sees", "saw", "seen"},
                                 {"take", "takes", "took", "taken"},
                                 {"hide", "hides", "hid", "hidden"},
                                 {"make", "makes", "made", "made"},
                                 {"break", "breaks", "broke", "broken"},
                                 {"watch", "watches", "watched", "watched"},
                                 {"want", "wants", "wanted", "wanted"},
                                 {"clean", "cleans", "cleaned", "cleaned"},
                                 {"paint", "paints", "painted", "painted"},
                                 {"steal", "steals", "stole", "stolen"},
                                 {"bring", "brings", "brought", "brought"},
                                 {"hold", "holds", "held", "held"},
                                 {"admire", "admires", "admired", "admired"},
                                 {"borrow", "borrows", "borrowed", "borrowed"},
                                 {"drop", "drops", "dropped", "dropped"},
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
                                 {"like", "likes", "liked", "liked"},
                                 {"forget", "forgets", "forgot", "forgotten"},
                                 {"lift", "lifts", "lifted", "lifted"},
                                 {"bury", "buries", "buried", "buried"},
                                 {"polish", "polishes", "polished", "polished"},
                                 {"send", "sends", "sent", "sent"},
                                 {"shake", "shakes", "shook", "shaken"},
                                 {"use", "uses", "used", "used"},
                                 {"move", "moves", "moved", "moved"}};
inline constexpr Text modals[] = {"can", "will", "must", "should", "could", "may"};
inline constexpr Text manners[] = {"again",          "today",           "at night",
                                   "in the morning", "with great care", "alone"};

// Sentences with {slots}. A story is an opening, a plot and an ending; of each sentence one form is drawn
// from those between bars, and one that begins with ? may be left out.
inline constexpr Text times[] = {
    "One day",        "One morning", "One evening",         "On a cold day",
    "On a sunny day", "In spring",   "Early in the winter", "After a long night"};
inline constexpr Text opening =
    "{hero} was a {nature} {trade}.|Once there was a {nature} {trade} called {hero}.|"
    "Long ago a {nature} {trade} lived near the {home}, and {his} name was {hero}.|"
    "In the {home} lived {hero}, a {nature} {trade}.";
inline constexpr Text ending =
    "In the end {hero} was {glad}.|The {friend} thanked {hero}, and {he} went home {glad}.|"
    "From that day on {hero} and the {friend} were good friends.|{hero} never forgot the {kind} {friend}.|"
    "That night {he} slept well and dreamed of the {object}.";

struct Plot {
  bool of_animal;  // whether the friend is one
  Text sentences[5];
};
inline constexpr Plot plots[] = {
    {false,
     {"{He} had a {quality} {object}.|{He} loved {his} {quality} {object} very much.|"
      "{His} father had given {him} a {quality} {object}.",
      "{time} {he} lost the {object} in the {place}.|{time} {he} went to the {place} and left the {object} "
      "there.|"
      "{time} a crow took the {object} and hid it in the {place}.",
      "{hero} was very {sad}.|{He} looked for it all day and became {sad}.|{He} cried, because the {object} "
      "was gone.",
      "A {kind} {friend} asked why {he} was so {sad}.",
      "The {friend} came and found the {quality} {object}.|Then the {friend} saw something {quality}. It was "
      "the {object}!|"
      "But the {friend} had seen the {object} and brought it back."}},
    {false,
     {"{time} {he} went to the {place} and found a {quality} {object}.|{time} {he} bought a {quality} "
      "{object} in the {place}.|"
      "{time} {he} sat in the {place} and made a {quality} {object}.",
      "?{He} showed it to everybody.|?It was the best {object} that {he} had ever seen.",
      "{He} met a {kind} {friend} who had no {object}.|A {kind} {friend} came by and looked at the {object}.",
      "{He} gave the {object} to the {friend}.|\"This {object} is for you,\" {he} said to the {friend}.",
      "The {friend} was {glad} and smiled.|\"Thank you, {hero}!\" said the {friend}."}},
    {true,
     {"{time} {he} met a {kind} {friend} in the {place}.|{time} a {kind} {friend} came out of the {place}.",
      "The {friend} had lost its {quality} {object}.|The {friend} wanted a {quality} {object}, but it had "
      "none.",
      "?It was {sad} and hungry.|?\"Please help me,\" said the {friend}.",
      "{hero} and the {friend} looked for the {object} together.|{hero} felt sorry and went to look for the "
      "{object}.",
      "They found the {object} under a tree.|The {object} was behind a wall, and the {friend} danced.|"
      "At last {he} gave the {friend} a {quality} {object}."}},
    {false,
     {"{time} {he} walked to the {place} to sell a {quality} {object}.|{time} {he} carried a {quality} "
      "{object} to the {place}.",
      "On the way it began to rain.|On the way it began to snow.|The road was long and the wind was cold.",
      "{He} met a {kind} {friend} under a tree.|A {kind} {friend} gave {him} bread and milk.",
      "?{He} was tired, but the {friend} helped {him}.",
      "The {friend} liked the {object} and paid well for it.|In return {he} gave the {object} to the "
      "{friend}.|"
      "They carried the {object} together until they saw the {place}."}},
    {false,
     {"{time} {hero} and a {kind} {friend} saw a {quality} {object} in the {place}.|"
      "{time} {hero} played in the {place} with a {kind} {friend}, and they found a {quality} {object}.",
      "\"The {object} is mine,\" said the {friend}.|Both of them wanted the {object}.",
      "{hero} was {sad} and went away.|They shouted, and {hero} became {sad}.",
      "?But {he} could not sleep that night.",
      "Then the {friend} said sorry, and they shared the {object}.|But soon they laughed and shared the "
      "{object}."}},
    {false,
     {"{time} {he} was in the {place} and broke the {quality} {object} of a {kind} {friend}.|"
      "{time} {he} dropped the {quality} {object} of a {kind} {friend} in the {place}, and it broke.",
      "{He} was {sad} and told the {friend} about it.|At first {he} hid the pieces, for {he} was {sad}.",
      "?\"I am sorry about your {object},\" said {hero}.",
      "The {friend} was not angry at all.|\"It was only a {object},\" said the {friend}.",
      "Together they repaired the {object}.|{hero} worked all night and made a new {object}."}}};

// A sentence's mood: {mood} and {event} speak for it, {other} is a word of the opposite mood.
inline constexpr Text moods[] = {"{who} was {mood} and {past} a {quality} {object}.",
                                 "{who} {past} a {quality} {object} and felt {mood}.",
                                 "in the {place}, {who} was {mood}.",
                                 "{who} was not {other} at all in the {place}.",
                                 "{who} was no longer {other} in the {place}.",
                                 "nobody in the {place} was as {mood} as {who}.",
                                 "{who} {event}.",
                                 "in the {place}, {who} {event}.",
                                 "{who} was {other} at first, but then {event}.",
                                 "{who} {past} a {quality} {object} and {event}.",
                                 "{who} felt {other} before, but now felt {mood}."};
inline constexpr Text happy_events[] = {"won a {quality} {object}",
                                        "got a {quality} {object} as a present",
                                        "found the lost {object} again",
                                        "heard good news about the {object}",
                                        "met an old friend",
                                        "smiled at the {object}",
                                        "laughed about the {object}",
                                        "danced with the {object}"};
inline constexpr Text sad_events[] = {"lost a {quality} {object}",
                                      "dropped the {object} into the river",
                                      "could not find the {object} again",
                                      "heard bad news about the {object}",
                                      "missed an old friend",
                                      "cried about the {object}",
                                      "sighed at the {object}",
                                      "wept for the {object}"};

}  // namespace example::words
