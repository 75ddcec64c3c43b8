// Hugging Face folders, GGUF files and tokenizers, and all of eigenformer.hpp. Needs nlohmann-json, Oniguruma
// and utf8proc.
#pragma once

#include <eigenformer/eigenformer.hpp>
#include <eigenformer/hub/generation_config.hpp>
#include <eigenformer/hub/load.hpp>
#include <eigenformer/hub/load_tokenizer.hpp>
#include <eigenformer/text/text_stream.hpp>
