// Chat messages as the prompt that a model was trained on: its folder's chat_template, a Jinja template, with
// its special tokens.
#pragma once

#include <eigenformer/text/jinja.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

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

namespace text::detail {

/// A value of a template from JSON.
///
/// @throws InputError  if a text is not UTF-8, a number too large, or the nesting too deep
template <class Json> jinja::Value template_value(const Json& json, int level = 1) {
  if (level >= jinja::deepest_value)
    fail(InputError(concat("a chat message is nested more than ", jinja::deepest_value - 1, " deep")));
  const auto checked = [](const std::string& text) -> const std::string& {
    const std::size_t valid = utf8_valid_prefix(text);
    if (valid != text.size()) fail(InputError(concat("a chat message is not UTF-8 at byte ", valid)));
    return text;
  };
  switch (json.type()) {
    case Json::value_t::string: return checked(json.template get_ref<const std::string&>());
    case Json::value_t::boolean: return json.template get<bool>();
    case Json::value_t::number_unsigned:
      if (json.template get<std::uint64_t>() >
          static_cast<std::uint64_t>((std::numeric_limits<std::int64_t>::max)()))
        fail(InputError("an integer of a chat message has more than 63 bits"));
      return json.template get<std::int64_t>();
    case Json::value_t::number_integer: return json.template get<std::int64_t>();
    case Json::value_t::number_float: return json.template get<double>();
    case Json::value_t::array: {
      std::vector<jinja::Value> items;
      for (const Json& item : json) items.push_back(template_value(item, level + 1));
      return jinja::list(std::move(items));
    }
    case Json::value_t::object: {
      jinja::Dict dict;
      for (const auto& [key, item] : json.items())
        dict.items.emplace_back(checked(key), template_value(item, level + 1));
      return dict;
    }
    default: return jinja::None{};
  }
}

}  // namespace text::detail

/// The chat templates of a model.
class ChatTemplate {
 public:
  /// @param templates       at least one, by name
  /// @param special_tokens  what the templates are given beside the messages: bos_token, eos_token, …
  ChatTemplate(std::map<std::string, text::jinja::Template> templates,
               std::map<std::string, std::string> special_tokens)
      : templates_(std::move(templates)) {
    for (auto& [name, token] : special_tokens) special_tokens_.emplace(name, std::move(token));
  }

  /// The prompt for a conversation.
  ///
  /// It holds the special tokens as text: encode it with add_special_tokens = false.
  ///
  /// @throws InputError   if the template refuses the conversation (as an unknown role)
  /// @throws ConfigError  if there is no template of the name
  /// @throws FileError    with the line, on what the template cannot do
  std::string render(const std::vector<ChatMessage>& messages, const ChatOptions& options = {}) const {
    std::vector<text::jinja::Value> values;
    for (const ChatMessage& message : messages) {
      nlohmann::ordered_json json = {{"role", message.role}, {"content", message.content}};
      if (!message.fields.is_object())
        fail(InputError("the further fields of a chat message are not a JSON object"));
      for (const auto& [key, value] : message.fields.items()) json[key] = value;
      values.push_back(text::detail::template_value(json));
    }
    return render_values(text::jinja::list(std::move(values)), options);
  }

  /// The same for messages as JSON: a list of objects.
  std::string render_json(const nlohmann::ordered_json& messages, const ChatOptions& options = {}) const {
    if (!messages.is_array()) fail(InputError("chat messages are not a JSON list"));
    return render_values(text::detail::template_value(messages), options);
  }

 private:
  std::string render_values(text::jinja::Value messages, const ChatOptions& options) const {
    std::map<std::string, text::jinja::Value> variables = special_tokens_;
    variables.insert_or_assign("messages", std::move(messages));
    variables.insert_or_assign("add_generation_prompt", options.add_generation_prompt);
    variables.insert_or_assign("tools", text::detail::template_value(options.tools));
    variables.insert_or_assign("documents", text::detail::template_value(options.documents));
    if (!options.variables.is_null() && !options.variables.is_object())
      fail(InputError("the variables of a chat template are not a JSON object"));
    for (const auto& [name, value] : options.variables.items())
      variables.insert_or_assign(name, text::detail::template_value(value));
    return chosen(options).render(std::move(variables), options.time, options.limits);
  }

  const text::jinja::Template& chosen(const ChatOptions& options) const {
    if (templates_.size() == 1 && options.template_name.empty()) return templates_.begin()->second;
    std::string name = options.template_name;
    if (name.empty())
      name = !options.tools.is_null() && templates_.contains("tool_use") ? "tool_use" : "default";
    if (const auto found = templates_.find(name); found != templates_.end()) return found->second;
    std::string names;
    for (const auto& known : templates_) names += (names.empty() ? "" : ", ") + known.first;
    fail(ConfigError("chat_template", concat("there is no \"", name, "\" among ", names)));
  }

  std::map<std::string, text::jinja::Template> templates_;
  std::map<std::string, text::jinja::Value> special_tokens_;
};

namespace text::detail {

/// A JSON file, or an empty object where there is none.
inline nlohmann::json read_json_if_present(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return nlohmann::json::object();
  return parse_tokenizer_json(read_file(file), file.string()).root;
}

/// Adds the fields named …_token, each a string or an object with "content".
inline void add_special_tokens(const nlohmann::json& json, const std::string& file,
                               std::map<std::string, std::string>& out) {
  for (const auto& [name, value] : json.items()) {
    if (!name.ends_with("_token") || value.is_null() || value.is_boolean())
      continue;  // add_bos_token is a bool
    const nlohmann::json& content = value.is_object() && value.contains("content") ? value["content"] : value;
    if (!content.is_string())
      fail(FileError(file, concat(name, ": expected a string or an object with \"content\"")));
    out.emplace(name, content.get<std::string>());
  }
}

/// The field chat_template: a template, or a list of {"name", "template"}.
inline void add_templates(const nlohmann::json& json, const std::string& file,
                          std::map<std::string, jinja::Template>& out) {
  const auto found = json.find("chat_template");
  if (found == json.end() || found->is_null()) return;
  const std::string name = file + ": chat_template";
  if (found->is_string()) {
    out.emplace("default", jinja::Template(found->get_ref<const std::string&>(), name));
    return;
  }
  if (!found->is_array()) fail(FileError(name, "expected a string or a list"));
  for (const nlohmann::json& entry : *found) {
    if (!entry.is_object() || !entry.contains("name") || !entry.contains("template") ||
        !entry["name"].is_string() || !entry["template"].is_string())
      fail(FileError(name, "expected objects with \"name\" and \"template\""));
    const auto key = entry["name"].get<std::string>();
    if (!out.emplace(key, jinja::Template(entry["template"].get_ref<const std::string&>(),
                                          concat(name, " \"", printable(key), '"')))
             .second)
      fail(FileError(name, concat("the name \"", printable(key), "\" stands twice")));
  }
}

}  // namespace text::detail

/// Loads the chat template of a model's folder: chat_template.jinja, or the one in tokenizer_config.json. The
/// special tokens are those of tokenizer_config.json and, where it lacks them, of special_tokens_map.json.
///
/// @throws FileError  if there is none, or it needs what is not supported
inline ChatTemplate load_chat_template(const std::filesystem::path& folder) {
  const std::filesystem::path config_file = folder / "tokenizer_config.json",
                              map_file = folder / "special_tokens_map.json",
                              template_file = folder / "chat_template.jinja";
  const nlohmann::json config = text::detail::read_json_if_present(config_file);
  std::map<std::string, text::jinja::Template> templates;
  if (std::filesystem::exists(template_file))
    templates.emplace("default",
                      text::jinja::Template(text::read_file(template_file), template_file.string()));
  else
    text::detail::add_templates(config, config_file.string(), templates);
  if (templates.empty())
    fail(FileError(config_file.string(),
                   "there is no chat_template: the model is not made for conversations"));
  std::map<std::string, std::string> special_tokens;
  text::detail::add_special_tokens(config, config_file.string(), special_tokens);
  text::detail::add_special_tokens(text::detail::read_json_if_present(map_file), map_file.string(),
                                   special_tokens);
  return ChatTemplate(std::move(templates), std::move(special_tokens));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
