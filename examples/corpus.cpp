// Draws a corpus for small models from a small grammar of English: stories as lines of text, and as JSON
// lines statements with their questions, sentences with a mood, and sentences whose words are tagged.
//   corpus --kind stories --lines 20000 --seed 1 > stories.txt
//   corpus --kind labels --lines 2000 --held-out --item denied > held-out.jsonl
// It also reads stories that a model told, and says how many hold together:
//   generate examples/models/story --prompt "Once upon a time" --num-return 50 --json > told.json
//   corpus --check told.json --prompt "Once upon a time"
#include "common.hpp"
#include "small_english.hpp"
#include "small_english_check.hpp"
#include <eigenformer/text/read_text.hpp>

namespace {

using example::CorpusKind;

/// The words between spaces.
std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = (std::min)(text.find(' ', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

nlohmann::json record(const example::CorpusLine& line, CorpusKind kind) {
  if (kind == CorpusKind::tags) return {{"tokens", words(line.first)}, {"tags", words(line.second)}};
  nlohmann::json out{{"text", line.first}};
  if (kind == CorpusKind::pairs) out["target"] = line.second;
  if (kind == CorpusKind::labels) out["label"] = line.second;
  return out;
}

/// The sorts of lines that a kind has, the first hundred of a seed being enough to meet all.
const std::map<CorpusKind, std::vector<std::string>> items{
    {CorpusKind::stories, {"known", "new names"}},
    {CorpusKind::tales, {"known", "new names"}},
    {CorpusKind::pairs, {"known", "new words"}},
    {CorpusKind::labels, {"told", "new names", "denied", "changed", "events", "plain", "nonsense"}},
    {CorpusKind::tags, {"known", "new names"}}};

/// A story in pieces of so many sentences, with a newline between each two; 0: whole.
std::string in_pieces(const std::string& story, std::uint64_t sentences) {
  std::string out;
  std::uint64_t ended = 0;
  for (std::size_t i = 0; i < story.size(); ++i) {
    const char before = i > 0 ? story[i - 1] : ' ', mark = before == '"' && i > 1 ? story[i - 2] : before;
    const bool ends = story[i] == ' ' && (mark == '.' || mark == '!' || mark == '?');
    out += ends && sentences > 0 && ++ended % sentences == 0 ? '\n' : story[i];
  }
  return out;
}

/// Says of stories how many hold together: of the lines of a text, or of what `generate --json` wrote.
void check(const std::string& file, const std::string& prompt, bool show, bool as_json) {
  const std::string content = eigenformer::read_text(file);
  std::vector<std::string> stories;
  if (const auto json = nlohmann::json::parse(content, nullptr, false); json.is_object()) {
    if (!json.contains("texts"))
      throw eigenformer::FileError(file, "has no \"texts\", as generate --json writes");
    for (const auto& text : json["texts"]) stories.push_back(prompt + text.get<std::string>());
  } else {
    for (std::size_t begin = 0; begin < content.size();) {
      const std::size_t end = (std::min)(content.find('\n', begin), content.size());
      if (end > begin) stories.push_back(prompt + content.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  std::size_t whole = 0, words_told = 0;
  for (const std::string& story : stories) {
    const std::string wrong = example::what_is_wrong(story);
    whole += wrong.empty();
    words_told += words(story).size();
    if (show && !wrong.empty()) std::fprintf(stderr, "%s\n%s\n\n", wrong.c_str(), story.c_str());
  }
  const auto count = static_cast<double>(stories.size());
  const double share = static_cast<double>(whole) / count, length = static_cast<double>(words_told) / count;
  if (as_json)
    return example::print({{"stories", stories.size()}, {"whole", share}, {"words_a_story", length}});
  std::printf("%-30s %.4f\n%-30s %zu\n%-30s %.1f\n", "stories that hold together", share, "stories",
              stories.size(), "words a story", length);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes stories (lines of text), pairs of statement and question (JSON lines with \"text\" and "
      "\"target\"), sentences with their mood (\"text\" and \"label\": happy, sad or unclear), or words with "
      "their tags (\"tokens\" and \"tags\").");
  const std::map<std::string, CorpusKind> kinds{{"stories", CorpusKind::stories},
                                                {"tales", CorpusKind::tales},
                                                {"pairs", CorpusKind::pairs},
                                                {"labels", CorpusKind::labels},
                                                {"tags", CorpusKind::tags}};
  std::string kind = "stories", item, checked, prompt;
  std::uint64_t lines = 1000, seed = 1, sentences = 0;
  bool held_out = false, plain = false, show_wrong = false, json = false;
  app.add_option("--kind", kind, "stories, tales (stories that ask for less memory), pairs, labels or tags")
      ->check(CLI::IsMember(kinds));
  app.add_option(
      "--item", item,
      "only lines of this sort: known, new names (stories, tales, tags); known, new words (pairs); told, "
      "new names, denied, changed, events, plain, nonsense (labels)");
  app.add_option("--lines", lines, "how many");
  example::add_seed(app, seed, "the same seed draws the same lines");
  app.add_option("--sentences", sentences,
                 "stories and tales: a line for each so many sentences; 0: for the whole story");
  app.add_flag("--plain", plain, "nothing but the text of each line");
  app.add_flag("--held-out", held_out,
               "only combinations, and invented words, that the other split never has");
  auto* const checking =
      app.add_option("--check", checked,
                     "say how many of this file's stories hold together: lines of text, or "
                     "what generate --json wrote");
  app.add_option("--prompt", prompt, "stands before each story that is checked")->needs(checking);
  app.add_flag("--show-wrong", show_wrong, "the stories that do not, and why, on stderr")->needs(checking);
  app.add_flag("--json", json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    if (!checked.empty()) return check(checked, prompt, show_wrong, json);
    const CorpusKind which = kinds.at(kind);
    const auto& known = items.at(which);
    if (!item.empty() && std::find(known.begin(), known.end(), item) == known.end())
      throw eigenformer::ConfigError("--item", kind + " have no lines of the sort \"" + item + "\"");
    const example::SmallEnglish english(which, eigenformer::Seed{seed}, held_out, item);
    nlohmann::json all = nlohmann::json::array();
    for (std::uint64_t i = 0; i < lines; ++i) {
      const example::CorpusLine line = english.at(i);
      if (json)
        all.push_back(record(line, which));
      else if (which == CorpusKind::stories || which == CorpusKind::tales || plain)
        std::printf("%s\n", in_pieces(line.first, sentences).c_str());
      else
        example::print(record(line, which));
    }
    if (json) example::print(all);
  });
}
