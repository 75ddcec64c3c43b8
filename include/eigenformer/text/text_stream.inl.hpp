// The definitions of text_stream.hpp.
#pragma once

#include <eigenformer/text/text_stream.hpp>
#include <eigenformer/text/tokenizer_parts.hpp>

#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

EIGENFORMER_ROOM TextStream::TextStream(Tokenizer tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)),
      decoding_(std::make_unique<text::Decoding>(tokenizer_.parts().decoder)),
      skip_special_tokens_(skip_special_tokens) {}
EIGENFORMER_ROOM TextStream::TextStream(const TextStream& other)
    : tokenizer_(other.tokenizer_),
      decoding_(std::make_unique<text::Decoding>(*other.decoding_)),
      skip_special_tokens_(other.skip_special_tokens_) {}
EIGENFORMER_ROOM TextStream::TextStream(TextStream&&) noexcept = default;
EIGENFORMER_ROOM TextStream& TextStream::operator=(TextStream other) noexcept {
  std::swap(tokenizer_, other.tokenizer_);
  std::swap(decoding_, other.decoding_);
  std::swap(skip_special_tokens_, other.skip_special_tokens_);
  return *this;
}
EIGENFORMER_ROOM TextStream::~TextStream() = default;

EIGENFORMER_ROOM std::string TextStream::push(Token token) {
  std::string out;
  if (const auto string = tokenizer_.decodable(token, skip_special_tokens_)) decoding_->push(*string, out);
  return out;
}

EIGENFORMER_ROOM std::string TextStream::finish() {
  std::string out;
  decoding_->finish(out);
  return out;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
