// The pieces that the training of a unigram model begins with: all frequent substrings of the words (Kudo
// 2018, section 3.2).
#pragma once

#include <eigenformer/text/training_words.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI::text {

/// A piece with its score: log-probability, or count × characters while seeds are chosen.
struct ScoredPiece {
  std::string piece;
  double score;
};

/// The higher score first, of equal ones the lower bytes first.
inline bool scored_before(const ScoredPiece& a, const ScoredPiece& b) {
  return a.score != b.score ? a.score > b.score : a.piece < b.piece;
}

/// All characters of the alphabet, and of the substrings of two and more characters that occur at least twice
/// those with the highest count × characters. Substrings that one character always follows are left out: the
/// longer one stands for them.
///
/// Substrings are counted length by length, and one is only looked at where the one shorter by a character is
/// frequent: memory is that of the frequent ones.
///
/// @param alphabet  in order; substrings with other characters are no pieces
/// @param longest   characters of a piece
/// @param most      number of pieces beside the alphabet
/// @return          with log-probabilities, as if each score were a count; the alphabet first
inline std::vector<ScoredPiece> unigram_seeds(const std::vector<WordCount>& words,
                                              const std::vector<std::string>& alphabet, std::size_t longest,
                                              std::size_t most) {
  struct Seen {
    std::int64_t count = 0;
    bool extended = false;  // one character follows it wherever it stands
  };
  using Table = std::unordered_map<std::string_view, Seen>;
  struct Place {
    std::size_t word;
    std::size_t begin, end;  // bytes of it
  };
  Table shorter;
  std::vector<Place> places;
  for (const std::string& character : alphabet) shorter[character];
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].word;
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t next = at + utf8_length(word[at]);
      if (const auto found = shorter.find(std::string_view(word).substr(at, next - at));
          found != shorter.end()) {
        found->second.count += words[i].count;
        places.push_back({i, at, next});
      }
      at = next;
    }
  }
  std::vector<ScoredPiece> characters, seeds;
  for (const std::string& character : alphabet)
    characters.push_back({character, static_cast<double>(shorter[character].count)});
  const Table letters = shorter;

  for (std::size_t length = 2; length <= longest && !places.empty(); ++length) {
    Table table;
    std::vector<Place> longer;
    for (Place place : places) {
      const std::string_view word = words[place.word].word;
      if (place.end == word.size()) continue;
      const std::size_t next = place.end + utf8_length(word[place.end]);
      if (!letters.contains(word.substr(place.end, next - place.end))) continue;
      place.end = next;
      table[word.substr(place.begin, next - place.begin)].count += words[place.word].count;
      longer.push_back(place);
    }
    std::erase_if(table, [](const auto& entry) { return entry.second.count < 2; });
    for (const auto& [piece, seen] : table) {
      std::size_t last = piece.size() - 1;
      while (is_continuation(piece[last])) --last;
      Seen& before = shorter[piece.substr(0, last)];
      before.extended = before.extended || before.count == seen.count;
    }
    if (length > 2)
      for (const auto& [piece, seen] : shorter)
        if (!seen.extended)
          seeds.push_back(
              {std::string(piece), static_cast<double>(seen.count) * static_cast<double>(length - 1)});
    std::erase_if(longer, [&](const Place& place) {
      return !table.contains(
          std::string_view(words[place.word].word).substr(place.begin, place.end - place.begin));
    });
    shorter = std::move(table);
    places = std::move(longer);
    if (length == longest || places.empty())
      for (const auto& [piece, seen] : shorter)
        seeds.push_back({std::string(piece), static_cast<double>(seen.count) * static_cast<double>(length)});
  }
  std::sort(seeds.begin(), seeds.end(), scored_before);
  if (seeds.size() > most) seeds.resize(most);
  characters.insert(characters.end(), std::make_move_iterator(seeds.begin()),
                    std::make_move_iterator(seeds.end()));
  double total = 0;
  for (const ScoredPiece& seed : characters) total += seed.score;
  for (ScoredPiece& seed : characters) seed.score = std::log(seed.score) - std::log(total);
  return characters;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
