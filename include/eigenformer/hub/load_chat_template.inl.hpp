// The definition of load_chat_template.hpp.
#pragma once

#include <eigenformer/hub/gguf_tokenizer.hpp>
#include <eigenformer/hub/load_chat_template.hpp>
#include <eigenformer/text/jinja.hpp>

#include <map>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// The template in a GGUF file, with its special tokens.
/// @throws ConfigError, FileError  if there is none, or it needs what is not supported
[[gnu::cold]] inline ChatTemplate gguf_chat_template(const std::string& path) {
  constexpr const char* key = "tokenizer.chat_template";
  const Gguf file(path);
  std::map<std::string, text::jinja::Template> templates;
  templates.emplace("default", text::jinja::Template(file.metadata().text(key), concat(path, ": ", key)));
  const GgufTokens tokens = read_gguf_tokens(file.metadata());
  std::map<std::string, std::string> special;
  for (const auto& [name, ours] : {std::pair{"bos", "bos_token"},
                                   {"eos", "eos_token"},
                                   {"unknown", "unk_token"},
                                   {"padding", "pad_token"}})
    if (const auto id = gguf_special(file.metadata(), tokens, name)) special[ours] = tokens.tokens[*id];
  return ChatTemplate(std::move(templates), std::move(special));
}

EIGENFORMER_ROOM ChatTemplate chat_template_of(const std::string& path) {
  return is_gguf(path) ? gguf_chat_template(path) : load_chat_template(path);
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
