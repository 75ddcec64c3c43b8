// Models and tokenizers from Hugging Face folders and GGUF files.
#define EIGENFORMER_ONCE_load
#include <eigenformer/hub/generation_config.inl.hpp>
#include <eigenformer/hub/load.inl.hpp>
#include <eigenformer/hub/load_adapter.inl.hpp>
#include <eigenformer/hub/load_config.inl.hpp>
#include <eigenformer/hub/load_tokenizer.inl.hpp>
