// The stories of the small English. A story is an opening, a plot and an ending; of each sentence one form is
// drawn from those between bars, and one that begins with ? may be left out. {Slots} keep their words through
// the story.
#pragma once

#include "small_english_words.hpp"

namespace example::words {

inline constexpr Text times[] = {
    "One day",        "One morning", "One evening",         "On a cold day",
    "On a sunny day", "In spring",   "Early in the winter", "After a long night"};
/// The first sentence: half of all stories begin with the first list.
inline constexpr Text opening =
    "Once upon a time there was a {nature} {trade} called {hero}.|"
    "Once upon a time, near a {home}, there lived a {nature} {trade} called {hero}.|"
    "Once upon a time a {nature} {trade} lived in a {home}, and {his} name was {hero}.";
inline constexpr Text other_opening =
    "{hero} was a {nature} {trade}.|Once there was a {nature} {trade} called {hero}.|"
    "Long ago a {nature} {trade} lived near the {home}, and {his} name was {hero}.|"
    "In the {home} lived {hero}, a {nature} {trade}.|There was once a {nature} {trade} called {hero}.|"
    "This is the story of {hero}, a {nature} {trade}.";
inline constexpr Text daily =
    "?Every day {hero} worked in the {home}.|?Everybody in the {home} knew {hero}.|"
    "?Every morning {he} walked around the {home} and sang.|?People said that {he} was very {nature}.|"
    "?{He} lived alone in a house behind the {home}.";
inline constexpr Text home =
    "The {home} was old, and its walls were high.|In the evening one could hear music from the {home}.|"
    "{He} had no brothers and no sisters, but many dreams.|{His} house was small, but it was warm and clean.|"
    "In the {home} the days were long, and nothing ever happened.";
inline constexpr Text feast =
    "In the evening they sat by the fire and ate soup.|Then {hero} and the {friend} sat down and had bread "
    "and "
    "honey.|The {friend} sang, and {hero} listened for a long time.|{hero} asked the {friend} to stay for "
    "supper.|When the moon came up, {hero} and the {friend} were still awake.";
inline constexpr Text after =
    "The {object} lay between them and shone in the light.|\"What a day!\" said {hero}.|\"Will you come "
    "again "
    "tomorrow?\" asked the {friend}.|People talked about the {object} for many years.|Since then {he} often "
    "went to the {place}.";
inline constexpr Text ending =
    "In the end {hero} was {glad}, and so was the {friend}.|The {friend} thanked {hero}, and {he} went home "
    "{glad}.|"
    "From that day on {hero} and the {friend} were good friends.|{hero} never forgot the {kind} {friend}.|"
    "That night {he} slept well and dreamed of the {object}.";
inline constexpr Text closing =
    "?The end.|?And the {object}? It still hangs over the door of {hero}.|"
    "?They lived happily ever after.|?And if they have not moved, they still live near the {home}.";

struct Plot {
  bool of_animal;  // whether the friend is one
  Text sentences[11];
};
inline constexpr Plot plots[] = {
    // the lost thing
    {false,
     {"{He} had a {quality} {object}.|{His} father had given {him} a {quality} {object}.|"
      "Nothing was dearer to {him} than {his} {quality} {object}.",
      "?{He} took the {object} along wherever {he} went.|?At night the {object} lay beside {his} bed.|"
      "?The {object} had been in {his} family for many years.",
      "{time} {he} lost the {object} in the {place}.|{time} {he} went to the {place} and left the {object} "
      "there.|{time} a thief took the {object} and hid it in the {place}.",
      "When {he} came home, the {object} was gone.|In the evening {he} wanted to look at the {object}, but "
      "it "
      "was gone.",
      "{hero} was very {sad}.|{He} looked for the {object} all night and became {sad}.|"
      "{He} cried, because the {object} was gone, and felt {sad}.",
      "?{He} asked everybody, but nobody had seen a {quality} {object}.|?{He} could not eat and {he} could "
      "not "
      "sleep.",
      "A {kind} {friend} asked why {he} was so {sad}.|Then a {kind} {friend} knocked at {his} door.",
      "\"I have lost my {quality} {object},\" said {hero}.|{hero} told the {friend} about the {object}.",
      "\"Do not cry, {hero},\" said the {friend}. \"I will help you.\"|The {friend} promised to help, and "
      "they "
      "went to the {place} together.",
      "The {friend} looked around in the {place} and found the {quality} {object}.|"
      "In the {place} the {friend} saw something {quality}. It was the {object}!|"
      "They looked behind every door of the {place}, and there was the {object}.",
      "{hero} held the {object} in both hands and laughed.|\"Thank you!\" said {hero} and danced with the "
      "{object}.|{hero} was so {glad} that {he} kissed the {friend}."}},
    // the present
    {false,
     {"{time} {he} went to the {place} and found a {quality} {object}.|{time} {he} bought a {quality} "
      "{object} in the {place}.|{time} {he} sat in the {place} and made a {quality} {object}.",
      "{He} showed the {object} to everybody.|It was the best {object} that {he} had ever seen.|"
      "{He} carried the {object} home and was {glad}.",
      "?All the children wanted to touch the {object}.|?{He} cleaned the {object} until it was as good as "
      "new.|"
      "?\"What a {quality} {object}!\" people said.",
      "The next day a {kind} {friend} came by.|A week later {he} met a {kind} {friend} near the {place}.",
      "The {friend} looked at the {object} for a long time.|The {friend} saw the {object} and sighed.",
      "\"Why are you so {sad}?\" asked {hero}.|{hero} asked the {friend} what was wrong.",
      "\"I never had a {quality} {object},\" said the {friend}.|\"I had a {quality} {object}, but it fell "
      "into "
      "the river,\" said the {friend}.",
      "{hero} thought about it the whole night.|{hero} did not have to think for long.|{hero} looked at the "
      "{object} once more.",
      "Then {he} gave the {object} to the {friend}.|\"This {object} is for you,\" {he} said to the {friend}.",
      "The {friend} was {glad} and smiled.|\"Thank you, {hero}!\" said the {friend}.|The {friend} could not "
      "believe it and laughed.",
      "?{hero} had no {object} any more, but {he} had a friend.|?\"Giving is better than having,\" said "
      "{hero}.|?Now the {friend} came to see {hero} every day."}},
    // the animal in need
    {true,
     {"{time} {he} met a {kind} {friend} in the {place}.|{time} a {kind} {friend} came out of the {place}.|"
      "{time} {he} heard a {kind} {friend} cry in the {place}.",
      "\"Good day, {friend},\" said {hero}. \"What is wrong?\"|{hero} sat down beside the {friend} and "
      "waited.",
      "The {friend} had lost its {quality} {object}.|\"Somebody took my {quality} {object},\" said the "
      "{friend}.|\"I dropped my {quality} {object} somewhere,\" said the {friend}.",
      "?It was {sad} and hungry.|?It had looked for the {object} for three days.|?\"Without my {object} I "
      "cannot go home,\" it said.",
      "?{hero} gave the {friend} some bread and milk.|?{hero} put a warm hand on the {friend}.",
      "{hero} and the {friend} looked for the {object} together.|{hero} felt sorry and went to look for the "
      "{object}.",
      "They looked all over the {place}, but the {object} was not there.|First they went around the {place}, "
      "and then they looked near the {home}.",
      "Soon it began to rain.|The sun went down, and it became dark.|The wind was cold, but they went on.",
      "They found the {object} under some leaves.|The {object} was behind a door, and the {friend} danced.|"
      "At last {hero} saw the {quality} {object} in the grass.",
      "\"My {object}!\" said the {friend}. \"Thank you, {hero}!\"|The {friend} took the {object} and jumped "
      "up "
      "and down.",
      "?\"If you ever need help, call me,\" said the {friend}.|?Now both of them were tired, and they sat "
      "down "
      "and ate.|?The {friend} was {glad}, and {hero} was {glad}, too."}},
    // the journey
    {false,
     {"{time} {he} walked to the {place} to sell a {quality} {object}.|{time} {he} carried a {quality} "
      "{object} to the {place}.|{time} {he} was asked to bring a {quality} {object} to the {place}.",
      "?The {object} was heavy, and {he} had to rest often.|?{He} had wrapped the {object} in paper.|?It was "
      "the first time that {he} went so far.",
      "On the way it began to rain.|On the way it began to snow.|The road was long and the wind was cold.",
      "{hero} lost the way and was {sad}.|Soon {he} did not know where {he} was, and {he} was {sad}.",
      "Then {he} saw a light, and there lived a {kind} {friend}.|A {kind} {friend} came along and gave {him} "
      "bread and milk.",
      "\"Where are you going?\" asked the {friend}.|\"Who are you?\" asked the {friend}. \"I am {hero},\" "
      "{he} "
      "said.",
      "\"I must bring this {object} to the {place},\" said {hero}.|{hero} showed the {friend} the {quality} "
      "{object}.",
      "\"I know the way,\" said the {friend}. \"Come with me!\"|The {friend} took the {object} and went "
      "ahead.",
      "They went on together and talked and sang.|They carried the {object} together until they saw the "
      "{place}.",
      "In the {place} everybody was waiting for the {object}.|In the {place} people paid well for the "
      "{object}.",
      "?{hero} shared the money with the {friend}.|?\"I could not have done it alone,\" said {hero}.|?The "
      "{friend} was {glad} to have helped."}},
    // the quarrel
    {false,
     {"{time} {hero} and a {kind} {friend} saw a {quality} {object} in the {place}.|"
      "{time} {hero} played in the {place} with a {kind} {friend}, and they found a {quality} {object}.",
      "?The {object} lay in the grass.|?Nobody knew whose {object} it was.|?It was a very fine {object}.",
      "\"The {object} is mine,\" said the {friend}.|Both of them wanted the {object}.|\"I saw the {object} "
      "first,\" said {hero}.",
      "They pulled at the {object} until it nearly broke.|They shouted so much that all people came to look.",
      "{hero} was {sad} and went away.|{hero} ran home and was {sad}.",
      "But {he} could not sleep that night.|At home {he} thought of the {friend} and not of the {object}.",
      "The {friend} was alone with the {object} and did not like it any more.|The {friend} was {sad}, too.",
      "In the morning {hero} went back to the {place}.|The next day they met again in the {place}.",
      "Then the {friend} said sorry, and {hero} said sorry, too.|\"You may have the {object},\" said the "
      "{friend}. \"No, you,\" said {hero}.",
      "They laughed and shared the {object}.|So they agreed that the {object} was for both of them.",
      "?Now everybody in the {home} knows the {quality} {object}.|?They never shouted at each other again.|"
      "?Both of them were {glad}."}},
    // the broken thing
    {false,
     {"{time} {he} was in the {place} and broke the {quality} {object} of a {kind} {friend}.|"
      "{time} {he} dropped the {quality} {object} of a {kind} {friend} in the {place}, and it broke.",
      "Nobody had seen it.|It made a loud noise, and then it was quiet.|The {object} lay in pieces on the "
      "floor.",
      "At first {he} hid the pieces of the {object}, for {he} was {sad}.|{hero} was {sad} and ran away.",
      "?That night {he} dreamed of the {object}.|?{He} could not think of anything else.|?{He} did not say a "
      "word about it.",
      "In the morning {hero} went to the {friend}.|Then {hero} knocked at the door of the {friend}.",
      "\"I am sorry about your {object},\" said {hero}.|\"I broke your {quality} {object},\" said {hero}.",
      "The {friend} was not angry at all.|\"It was only a {object},\" said the {friend}.|The {friend} was "
      "quiet for a while and then smiled.",
      "\"It is good that you told me, {hero},\" said the {friend}.|\"You are brave, {hero},\" said the "
      "{friend}.",
      "Together they went back to the {place}.|They took the pieces and sat down in the {place}.",
      "Together they repaired the {object}.|{hero} worked all night and made a new {object}.",
      "?The {object} was better than before.|?The {object} looked as good as new.|?\"I have never had a "
      "finer "
      "{object},\" said the {friend}."}}};

}  // namespace example::words
