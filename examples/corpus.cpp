// Draws a corpus for small models from a small grammar of English: stories as lines of text, statements with
// their questions and sentences with a mood as JSON lines.
//   corpus --kind stories --lines 20000 --seed 1 > stories.txt
//   corpus --kind pairs --lines 2000 --held-out > held-out.jsonl
#include "common.hpp"
#include "small_english.hpp"

namespace {

nlohmann::json record(const example::CorpusLine& line, example::CorpusKind kind) {
  nlohmann::json out{{"text", line.first}};
  if (kind == example::CorpusKind::pairs) out["target"] = line.second;
  if (kind == example::CorpusKind::labels) out["label"] = line.second;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes stories (lines of text), pairs of statement and question (JSON lines with \"text\" and "
      "\"target\"), or sentences with their mood (JSON lines with \"text\" and \"label\").");
  using example::CorpusKind;
  const std::map<std::string, CorpusKind> kinds{
      {"stories", CorpusKind::stories}, {"pairs", CorpusKind::pairs}, {"labels", CorpusKind::labels}};
  std::string kind = "stories";
  std::uint64_t lines = 1000, seed = 1;
  bool held_out = false, json = false;
  app.add_option("--kind", kind, "stories, pairs or labels")->check(CLI::IsMember(kinds));
  app.add_option("--lines", lines, "how many");
  example::add_seed(app, seed, "the same seed draws the same lines");
  app.add_flag("--held-out", held_out, "only combinations that the other split never has");
  app.add_flag("--json", json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    const CorpusKind which = kinds.at(kind);
    const example::SmallEnglish english(which, eigenformer::Seed{seed}, held_out);
    nlohmann::json all = nlohmann::json::array();
    for (std::uint64_t i = 0; i < lines; ++i) {
      const example::CorpusLine line = english.at(i);
      if (json)
        all.push_back(record(line, which));
      else if (which == CorpusKind::stories)
        std::printf("%s\n", line.first.c_str());
      else
        example::print(record(line, which));
    }
    if (json) example::print(all);
  });
}
