// Hugging Face folders and tokenizers, and all of eigenformer.hpp. Needs nlohmann-json, Oniguruma and
// utf8proc.
#pragma once

#include <eigenformer/eigenformer.hpp>
#include <eigenformer/hub/generation_config.hpp>
#include <eigenformer/hub/load.hpp>
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/text_stream.hpp>
