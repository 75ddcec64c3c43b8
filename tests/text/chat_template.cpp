#include "golden.hpp"
#include <eigenformer/core/error.hpp>
#include <eigenformer/text/chat_template.hpp>

namespace text_chat_template {

namespace ef = eigenformer;
using nlohmann::ordered_json;

namespace {

const std::filesystem::path folder = std::filesystem::temp_directory_path() / "eigenformer-chat-template";

/// A folder with a tokenizer_config.json, which goes away with this.
class Folder {
 public:
  explicit Folder(const ordered_json& config) {
    std::filesystem::create_directories(folder);
    write("tokenizer_config.json", config.dump());
  }
  ~Folder() { std::filesystem::remove_all(folder); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
  }
};

ordered_json table() {
  std::ifstream file(golden::data / "chat" / "templates.json");
  return ordered_json::parse(file);
}

/// What load_chat_template or the rendering of one message says.
std::string refusal(const ordered_json& config, const ef::ChatOptions& options = {}) {
  const Folder files(config);
  try {
    ef::load_chat_template(folder).render({{"user", "Hi"}}, options);
  } catch (const ef::Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("chat templates of every manner render as transformers renders them") {
  const ordered_json reference = table();
  std::tm time{};
  time.tm_year = 124, time.tm_mon = 6, time.tm_mday = 26, time.tm_wday = 5, time.tm_yday = 207;
  CHECK(reference["cases"].size() > 200);
  for (const auto& entry : reference["templates"].items()) {
    const std::string& name = entry.key();
    ordered_json config = reference["special_tokens"];
    config["chat_template"] = entry.value();
    const Folder files(config);
    const ef::ChatTemplate chat = ef::load_chat_template(folder);
    for (const ordered_json& row : reference["cases"]) {
      if (row["template"] != name) continue;
      const auto conversation = row["conversation"].get<std::string>();
      CAPTURE(name);
      CAPTURE(conversation);
      const ef::ChatOptions options{.add_generation_prompt = row["add_generation_prompt"],
                                    .tools = row["tools"] ? reference["tools"] : ordered_json(),
                                    .time = time};
      const ordered_json& messages = reference["conversations"][conversation];
      if (row["expected"].is_null())
        CHECK_THROWS_AS(chat.render_json(messages, options), ef::Error);
      else
        CHECK(chat.render_json(messages, options) == row["expected"].get<std::string>());
    }
  }
}

TEST_CASE("messages as structs and as JSON render alike") {
  const Folder files(ordered_json(
      {{"chat_template", "{% for m in messages %}{{ m | tojson }}{% endfor %}{{ add_generation_prompt }}"}}));
  const ef::ChatTemplate chat = ef::load_chat_template(folder);
  CHECK(chat.render({{"user", "Hi"}, {"tool", "4", {{"name", "add"}, {"id", 1}}}}) ==
        R"({"role": "user", "content": "Hi"}{"role": "tool", "content": "4", "name": "add", "id": 1}True)");
  CHECK(chat.render_json({{{"role", "user"}, {"content", "Hi"}}}, {.add_generation_prompt = false}) ==
        R"({"role": "user", "content": "Hi"}False)");
  CHECK(chat.render({{"assistant", "", {{"content", nullptr}}}}) ==
        R"({"role": "assistant", "content": null}True)");
}

TEST_CASE("special tokens come as strings or objects, of either file, the configuration's first") {
  const Folder files(ordered_json(
      {{"bos_token", "<s>"},
       {"eos_token", {{"content", "</s>"}, {"special", true}}},
       {"pad_token", nullptr},
       {"add_bos_token", true},
       {"chat_template", "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ unk_token }}"}}));
  files.write("special_tokens_map.json", R"({"bos_token": "other", "unk_token": {"content": "<unk>"}})");
  CHECK(ef::load_chat_template(folder).render({}) == "<s></s>False<unk>");
}

TEST_CASE("of several templates the named one is taken, with tools that for them") {
  const ordered_json config = {{"chat_template",
                                {{{"name", "default"}, {"template", "plain"}},
                                 {{"name", "tool_use"}, {"template", "tools"}},
                                 {{"name", "rag"}, {"template", "documents {{ documents | length }}"}}}}};
  const Folder files(config);
  const ef::ChatTemplate chat = ef::load_chat_template(folder);
  CHECK(chat.render({}) == "plain");
  CHECK(chat.render({}, {.tools = ordered_json::array({1})}) == "tools");
  CHECK(chat.render({}, {.documents = {1, 2}, .template_name = "rag"}) == "documents 2");
  CHECK_THROWS_WITH_AS(chat.render({}, {.template_name = "x"}),
                       "chat_template: there is no \"x\" among default, rag, tool_use", ef::ConfigError);
  files.write("chat_template.jinja", "from the file of its own\n");
  CHECK(ef::load_chat_template(folder).render({}) == "from the file of its own");
}

TEST_CASE("further variables reach the template") {
  const Folder files(ordered_json({{"chat_template", "{{ enable_thinking is false }} {{ style.name }}"}}));
  CHECK(ef::load_chat_template(folder).render(
            {}, {.variables = {{"enable_thinking", false}, {"style", {{"name", "x"}}}}}) == "True x");
}

TEST_CASE("a folder or a message that cannot be is refused with its cause") {
  CHECK(refusal(ordered_json::object()).find("there is no chat_template") != std::string::npos);
  CHECK(refusal({{"chat_template", 5}}).find("chat_template: expected a string or a list") !=
        std::string::npos);
  CHECK(refusal({{"chat_template", {1}}}).find("expected objects with") != std::string::npos);
  CHECK(refusal({{"chat_template", {{{"name", "a"}, {"template", "b"}}, {{"name", "a"}, {"template", "b"}}}}})
            .find("the name \"a\" stands twice") != std::string::npos);
  CHECK(
      refusal({{"chat_template", "\n{{ x"}}).find("tokenizer_config.json: chat_template: line 2: the tag") !=
      std::string::npos);
  CHECK(
      refusal({{"chat_template", "a"}, {"bos_token", 5}}).find("bos_token: expected a string or an object") !=
      std::string::npos);
  CHECK(refusal({{"chat_template", std::string(2'000'000, 'a')}}).find("more than 1048576 bytes") !=
        std::string::npos);
  CHECK(refusal({{"chat_template", "a"}}, {.variables = 5}) ==
        "the variables of a chat template are not a JSON object");

  const Folder files(ordered_json({{"chat_template", "{{ messages }}"}}));
  const ef::ChatTemplate chat = ef::load_chat_template(folder);
  CHECK_THROWS_WITH_AS(chat.render({{"user", "a\xFF"}}), "a chat message is not UTF-8 at byte 1",
                       ef::InputError);
  CHECK_THROWS_AS(chat.render({{"user", "a", 5}}), ef::InputError);
  CHECK_THROWS_AS(chat.render_json(5), ef::InputError);
  CHECK_THROWS_AS(chat.render_json({18446744073709551615u}), ef::InputError);
  ordered_json deep = 1;
  for (int i = 0; i < 100; ++i) deep = ordered_json::array({deep});
  CHECK_THROWS_AS(chat.render_json(ordered_json::array({deep})), ef::InputError);
}

}  // namespace text_chat_template
