// A label for each word of a text, such as names of people and places:
//   tag ~/models/bert-ner --text "Ada Lovelace lived in London."
#include "common.hpp"
#include "encoder.hpp"

#include <algorithm>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, text;
  bool json = false;
  int threads = 1;
};

/// Where each code point of a text begins, and its end.
std::vector<std::size_t> code_points(const std::string& text) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) begins.push_back(i);
  begins.push_back(text.size());
  return begins;
}

void tag(const Arguments& a) {
  const auto model = ef::load_tagger<float>(a.folder);
  const auto texts = example::encode(ef::load_tokenizer(a.folder), model.config(), {a.text});
  const ef::Encoding& encoding = texts.encodings[0];
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::Matrix<float> logits = model(texts.tokens, run, nullptr, texts.types);
  const std::vector<std::size_t> begins = code_points(a.text);
  nlohmann::json result = nlohmann::json::array();
  for (std::size_t i = 0; i < encoding.ids.size();) {
    const ef::Index word = encoding.word_ids[i];
    std::size_t next = i + 1;
    while (next < encoding.ids.size() && encoding.word_ids[next] == word) ++next;
    if (word >= 0) {  // not a special token; the first token of a word speaks for it
      const std::vector<double> p = example::softmax(logits, static_cast<ef::Index>(i));
      const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
      const ef::Index begin = encoding.offsets[i].begin, end = encoding.offsets[next - 1].end;
      const std::size_t from = begins[static_cast<std::size_t>(begin)];
      const std::string text = a.text.substr(from, begins[static_cast<std::size_t>(end)] - from);
      result.push_back({{"word", text},
                        {"begin", begin},
                        {"end", end},
                        {"label", model.labels()[best]},
                        {"probability", p[best]}});
      if (!a.json) std::printf("%-20s %-12s %.4f\n", text.c_str(), model.labels()[best].c_str(), p[best]);
    }
    i = next;
  }
  if (a.json) example::print(result);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Gives each word of a text a label.");
  Arguments a;
  app.add_option("folder", a.folder, "folder with config.json, *.safetensors and tokenizer.json")->required();
  app.add_option("--text", a.text, "the text")->required()->check(example::some_text);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { tag(a); });
}
