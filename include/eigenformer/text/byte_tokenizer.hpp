// A tokenizer that needs no training: one token a byte, and special tokens after those.
#pragma once

#include <eigenformer/text/tokenizer.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Ids 0 … 255 are the bytes of the text's UTF-8; special tokens have 256 and what follows. Written to a
/// folder it is a tokenizer.json like any other: byte-level BPE without merges.
/// @throws ConfigError, FileError  for a special token that is empty or stands twice
Tokenizer byte_tokenizer(const std::vector<std::string>& special_tokens = {"<|endoftext|>"});

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/byte_tokenizer.inl.hpp>
#endif
