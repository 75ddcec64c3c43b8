// The definitions of chat_template.hpp.
#pragma once

#include <eigenformer/text/chat_template.hpp>
#include <eigenformer/text/jinja.hpp>
#include <eigenformer/text/template_value.hpp>
#include <eigenformer/text/tokenizer_json.hpp>

#include <filesystem>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// What a ChatTemplate holds.
struct text::ChatTemplates {
  std::map<std::string, jinja::Template> templates;
  std::map<std::string, jinja::Value> special_tokens;
};

namespace text::detail {

inline const jinja::Template& chosen(const ChatTemplates& all, const ChatOptions& options) {
  if (all.templates.size() == 1 && options.template_name.empty()) return all.templates.begin()->second;
  std::string name = options.template_name;
  if (name.empty())
    name = !options.tools.is_null() && all.templates.contains("tool_use") ? "tool_use" : "default";
  if (const auto found = all.templates.find(name); found != all.templates.end()) return found->second;
  std::string names;
  for (const auto& known : all.templates) names += (names.empty() ? "" : ", ") + known.first;
  fail(ConfigError("chat_template", concat("there is no \"", name, "\" among ", names)));
}

inline std::string render_values(const ChatTemplates& all, jinja::Value messages,
                                 const ChatOptions& options) {
  std::map<std::string, jinja::Value> variables = all.special_tokens;
  variables.insert_or_assign("messages", std::move(messages));
  variables.insert_or_assign("add_generation_prompt", options.add_generation_prompt);
  variables.insert_or_assign("tools", detail::template_value(options.tools));
  variables.insert_or_assign("documents", detail::template_value(options.documents));
  if (!options.variables.is_null() && !options.variables.is_object())
    fail(InputError("the variables of a chat template are not a JSON object"));
  for (const auto& [name, value] : options.variables.items())
    variables.insert_or_assign(name, detail::template_value(value));
  return chosen(all, options).render(std::move(variables), options.time, options.limits);
}

}  // namespace text::detail

EIGENFORMER_ROOM ChatTemplate::ChatTemplate(std::map<std::string, text::jinja::Template> templates,
                                            std::map<std::string, std::string> special_tokens) {
  auto all = std::make_shared<text::ChatTemplates>();
  all->templates = std::move(templates);
  for (auto& [name, token] : special_tokens) all->special_tokens.emplace(name, std::move(token));
  templates_ = std::move(all);
}

EIGENFORMER_ROOM std::string ChatTemplate::render(const std::vector<ChatMessage>& messages,
                                                  const ChatOptions& options) const {
  std::vector<text::jinja::Value> values;
  for (const ChatMessage& message : messages) {
    nlohmann::ordered_json json = {{"role", message.role}, {"content", message.content}};
    if (!message.fields.is_object())
      fail(InputError("the further fields of a chat message are not a JSON object"));
    for (const auto& [key, value] : message.fields.items()) json[key] = value;
    values.push_back(text::detail::template_value(json));
  }
  return text::detail::render_values(*templates_, text::jinja::list(std::move(values)), options);
}

EIGENFORMER_ROOM std::string ChatTemplate::render_json(const nlohmann::ordered_json& messages,
                                                       const ChatOptions& options) const {
  if (!messages.is_array()) fail(InputError("chat messages are not a JSON list"));
  return text::detail::render_values(*templates_, text::detail::template_value(messages), options);
}

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

EIGENFORMER_ROOM ChatTemplate load_chat_template(const std::string& path) {
  const std::filesystem::path folder = path;
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
