// The model of a tokenizer: what makes tokens of words. There are four: bpe.hpp, word_piece.hpp, unigram.hpp
// and word_level.hpp.
#pragma once

#include <eigenformer/text/piece.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

class TokenModel {
 public:
  TokenModel(const TokenModel&) = delete;
  TokenModel& operator=(const TokenModel&) = delete;
  virtual ~TokenModel() = default;

  const Vocabulary& vocabulary() const { return vocabulary_; }

  /// Appends the tokens of a word, in which they follow one another from its first byte.
  ///
  /// @param word  valid UTF-8, not empty
  virtual void encode(std::string_view word, std::vector<Piece>& out) const = 0;

  /// Whether what encode() means by a token is the text it stands for, and not its string in the vocabulary.
  virtual bool is_unknown(Token) const { return false; }

 protected:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  Vocabulary vocabulary_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
