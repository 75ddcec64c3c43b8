// The model of a tokenizer: one of four ways to make tokens of words.
#pragma once

#include <eigenformer/text/bpe.hpp>
#include <eigenformer/text/unigram.hpp>
#include <eigenformer/text/word_piece.hpp>

#include <variant>

namespace eigenformer::inline EIGENFORMER_ABI::text {

using TokenModel = std::variant<Bpe, WordPiece, Unigram, WordLevel>;

inline const Vocabulary& vocabulary_of(const TokenModel& model) {
  return std::visit([](const auto& m) -> const Vocabulary& { return m.vocabulary(); }, model);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
