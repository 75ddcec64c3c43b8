// Tokenizers, their files and training, and files of texts.
#include <eigenformer/text/byte_tokenizer.inl.hpp>
#include <eigenformer/text/load_older_tokenizer.inl.hpp>
#include <eigenformer/text/load_tokenizer.inl.hpp>
#include <eigenformer/text/read_tagged.inl.hpp>
#include <eigenformer/text/read_text.inl.hpp>
#include <eigenformer/text/text_stream.inl.hpp>
#include <eigenformer/text/tokenizer.inl.hpp>
#include <eigenformer/text/train_tokenizer.inl.hpp>
