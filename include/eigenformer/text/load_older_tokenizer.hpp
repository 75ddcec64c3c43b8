// Tokenizers of older folders, which have SentencePiece's tokenizer.model (LLaMA) or spiece.model (T5),
// vocab.json and merges.txt (GPT-2), or vocab.txt (BERT), and no tokenizer.json. Apart from
// load_tokenizer.hpp, as few programs need them and they take time to compile.
#pragma once

#include <eigenformer/text/tokenizer.hpp>

#include <string>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The tokenizer of a folder in whichever form it has: tokenizer.json where there is one.
///
/// What older files do not say is read from tokenizer_config.json: do_lower_case (for vocab.txt; true where
/// it is absent), add_bos_token and add_eos_token (for SentencePiece; where they are absent, <s> goes before
/// a text for a tokenizer.model, as with LLaMA, and </s> after it for a spiece.model, as with T5).
/// @throws as load_tokenizer_json()
Tokenizer load_older_tokenizer(const std::string& folder_or_file);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/load_older_tokenizer.inl.hpp>
#endif
