// Chat messages as the prompt that a model was trained on: its folder's chat_template, a Jinja template, with
// its special tokens.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/text/jinja_limits.hpp>

#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace text {
struct ChatTemplates;
namespace jinja {
class Template;
}
}  // namespace text

/// One message. Templates print JSON in the order of its keys, so that the order is kept.
struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool", or what else the template knows
  std::string content;
  /// Further fields, as "tool_calls"; one named "content" stands in place of the text.
  nlohmann::ordered_json fields = nlohmann::ordered_json::object();
};

struct ChatOptions {
  bool add_generation_prompt = true;      // end with what begins the assistant's answer
  nlohmann::ordered_json tools = {};      // a list of JSON schemas of functions
  nlohmann::ordered_json documents = {};  // of retrieval
  nlohmann::ordered_json variables = {};  // an object: what else the template is given
  std::string template_name = {};    // of a folder with several; empty: "tool_use" with tools, or "default"
  std::optional<std::tm> time = {};  // for templates that write the date
  text::jinja::Limits limits = {};
};

/// The chat templates of a model. Copies share them; any number of threads may use one.
class ChatTemplate {
 public:
  /// @param templates       at least one, by name
  /// @param special_tokens  what the templates are given beside the messages: bos_token, eos_token, …
  ChatTemplate(std::map<std::string, text::jinja::Template> templates,
               std::map<std::string, std::string> special_tokens);

  /// The prompt for a conversation.
  ///
  /// It holds the special tokens as text: encode it with add_special_tokens = false.
  ///
  /// @throws InputError   if the template refuses the conversation (as an unknown role)
  /// @throws ConfigError  if there is no template of the name
  /// @throws FileError    with the line, on what the template cannot do
  std::string render(const std::vector<ChatMessage>& messages, const ChatOptions& options = {}) const;

  /// The same for messages as JSON: a list of objects.
  std::string render_json(const nlohmann::ordered_json& messages, const ChatOptions& options = {}) const;

 private:
  std::shared_ptr<const text::ChatTemplates> templates_;
};

/// Loads the chat template of a model's folder: chat_template.jinja, or the one in tokenizer_config.json. The
/// special tokens are those of tokenizer_config.json and, where it lacks them, of special_tokens_map.json.
///
/// @throws FileError  if there is none, or it needs what is not supported
ChatTemplate load_chat_template(const std::string& folder);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#ifndef EIGENFORMER_COMPILED
#include <eigenformer/text/chat_template.inl.hpp>
#endif
