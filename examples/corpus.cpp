// Draws a corpus for small models from a small grammar of English; pairs and labels are lines with a tab.
//   corpus --kind stories --lines 20000 --seed 1 > stories.txt
#include "common.hpp"
#include "small_english.hpp"

int main(int argc, char** argv) {
  CLI::App app("Writes stories, pairs of statement and question, or sentences with their mood.");
  using example::CorpusKind;
  const std::map<std::string, CorpusKind> kinds{
      {"stories", CorpusKind::stories}, {"pairs", CorpusKind::pairs}, {"labels", CorpusKind::labels}};
  std::string kind = "stories";
  std::uint64_t lines = 1000, seed = 1;
  bool held_out = false, json = false;
  app.add_option("--kind", kind, "stories, pairs or labels")->check(CLI::IsMember(kinds));
  app.add_option("--lines", lines, "how many");
  app.add_option("--seed", seed, "the same seed draws the same lines");
  app.add_flag("--held-out", held_out, "only combinations that the other split never has");
  app.add_flag("--json", json, "print one JSON value");
  return example::run(app, argc, argv, [&] {
    const example::Corpus corpus(kinds.at(kind), eigenformer::Seed{seed}, held_out);
    nlohmann::json all = nlohmann::json::array();
    for (std::uint64_t i = 0; i < lines; ++i) {
      const example::CorpusLine line = corpus.at(i);
      if (json)
        all.push_back({{"text", line.first}, {"target", line.second}});
      else
        std::printf("%s%s%s\n", line.first.c_str(), line.second.empty() ? "" : "\t", line.second.c_str());
    }
    if (json) example::print(all);
  });
}
