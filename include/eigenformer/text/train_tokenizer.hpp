// Trains a tokenizer on texts and writes it as the tokenizer.json that this library and Hugging Face's engine
// read: byte-level BPE as GPT-2's, WordPiece as BERT's, or a unigram model as T5's.
//
// The result depends on the words of the texts and the options alone, not on the order of the texts.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/types.hpp>
#include <eigenformer/text/training_progress.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

enum class TokenizerModel { byte_level_bpe, word_piece, unigram };

struct TokenizerTraining {
  TokenizerModel model = TokenizerModel::byte_level_bpe;
  Index vocab_size = 30'000;  // special tokens included
  /// The first ids, in this order. Empty: <|endoftext|>; [PAD] [UNK] [CLS] [SEP] [MASK]; <pad> </s> <unk>.
  std::vector<std::string> special_tokens = {};
  Index min_frequency = 2;        // of a pair, for BPE and WordPiece
  bool lowercase = true;          // WordPiece: lower case and no accents, as bert-base-uncased
  double character_coverage = 1;  // WordPiece, unigram: share of the text whose characters are kept
  Index max_piece_length = 16;    // unigram: characters
  text::TrainingCallback progress = {};
};

/// Gathers texts, then trains. One at a time; add() may be called from anywhere a text comes.
class TokenizerTrainer {
 public:
  /// @throws ConfigError  if an option cannot be
  explicit TokenizerTrainer(TokenizerTraining options);
  TokenizerTrainer(TokenizerTrainer&&) noexcept;
  TokenizerTrainer& operator=(TokenizerTrainer&&) noexcept;
  ~TokenizerTrainer();

  /// @throws InputError  if the text is not UTF-8, or longer than 1 GiB
  void add(std::string_view text);

  /// Adds a file line by line.
  ///
  /// @throws FileError, InputError  if it cannot be read, or is not UTF-8
  void add_file(const std::string& path);

  /// Trains on what has been added, which is then gone.
  ///
  /// @return  the content of a tokenizer.json
  /// @throws InputError   if no text has been added
  /// @throws ConfigError  if vocab_size has no room for the characters
  std::string train();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Trains on a range of texts: anything whose elements are strings.
///
/// @return  the content of a tokenizer.json, for parse_tokenizer() or a file
/// @throws  as TokenizerTrainer
template <class Texts> std::string train_tokenizer(const Texts& texts, const TokenizerTraining& options) {
  TokenizerTrainer trainer(options);
  for (const auto& text : texts) trainer.add(text);
  return trainer.train();
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/train_tokenizer.inl.hpp>
#endif
