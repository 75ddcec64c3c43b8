// WordLevel: a vocabulary of whole words.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/model.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

class WordLevel final : public TokenModel {
 public:
  /// @param unk_token  for words that are not in the vocabulary
  WordLevel(Vocabulary vocabulary, std::string unk_token)
      : TokenModel(std::move(vocabulary)),
        unk_token_(std::move(unk_token)),
        unk_(vocabulary_.find(unk_token_)) {}

  /// @throws InputError  if the word is unknown, and the vocabulary has no unk_token
  void encode(std::string_view word, std::vector<Piece>& out) const override {
    Token id = vocabulary_.find(word);
    if (id == Vocabulary::none) id = unk_;
    if (id == Vocabulary::none)
      fail(InputError(concat("the word \"", printable(word),
                             "\" is not in the vocabulary, and its unk_token \"", unk_token_,
                             "\" is not either")));
    out.push_back({id, static_cast<std::uint32_t>(word.size())});
  }

 private:
  std::string unk_token_;
  Token unk_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
