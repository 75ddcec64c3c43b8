// Training of WordPiece: as the reference engine trains it, by the merges of byte-pair encoding, where tokens
// that do not begin a word begin with "##". (The original chooses pairs by likelihood, Schuster and Nakajima
// 2012; its trainer was never published.)
#pragma once

#include <eigenformer/text/train_bpe.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// The vocabulary by id: special tokens, the characters as they begin words and as they continue them, merged
/// tokens.
///
/// @param words  in the order of their bytes
/// @throws ConfigError  if the characters and special tokens are more than vocab_size
inline std::vector<std::string> train_word_piece(const std::vector<WordCount>& words,
                                                 std::vector<std::string> special_tokens,
                                                 double character_coverage, const BpeTraining& options,
                                                 const TrainingCallback& progress = {}) {
  const std::vector<std::string> alphabet = alphabet_of(words, character_coverage);
  const std::set<std::string> kept(alphabet.begin(), alphabet.end());
  std::set<std::string> continuing;
  for (const WordCount& word : words) {
    for (std::size_t at = utf8_length(word.word[0]); at < word.word.size();
         at += utf8_length(word.word[at])) {
      std::string character = word.word.substr(at, utf8_length(word.word[at]));
      if (kept.contains(character)) continuing.insert(options.continuing_prefix + character);
    }
  }
  std::vector<std::string> tokens = std::move(special_tokens);
  tokens.insert(tokens.end(), alphabet.begin(), alphabet.end());
  tokens.insert(tokens.end(), continuing.begin(), continuing.end());
  return train_bpe(words, std::move(tokens), options, progress).tokens;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
