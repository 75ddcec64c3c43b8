// Which class a text, or a pair of texts, belongs to:
//   classify ~/models/sst2 --text "A joy from start to end."
//   classify ~/models/mnli --text "It rains." --pair "The ground gets wet."
#include "common.hpp"
#include "encoder.hpp"

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder;
  std::vector<std::string> texts, pairs;
  bool json = false;
  int threads = 1;
};

/// Of several classes one holds; a single class holds or not.
std::vector<double> probabilities(const ef::Matrix<float>& logits, ef::Index row) {
  if (logits.cols() == 1) return {1.0 / (1.0 + std::exp(-static_cast<double>(logits(row, 0))))};
  return example::softmax(logits, row);
}

void classify(Arguments a) {
  a.texts = example::given_or_lines(std::move(a.texts));
  const auto model = ef::load_classifier<float>(a.folder);
  const auto texts = example::encode(ef::load_tokenizer(a.folder), model.config(), a.texts, a.pairs);
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::Matrix<float> logits = model(texts.tokens, run, nullptr, texts.types);
  nlohmann::json result = nlohmann::json::array();
  for (std::size_t t = 0; t < a.texts.size(); ++t) {
    const std::vector<double> p = probabilities(logits, static_cast<ef::Index>(t));
    nlohmann::json scores = nlohmann::json::object();
    for (std::size_t i = 0; i < p.size(); ++i) scores[model.labels()[i]] = p[i];
    const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
    result.push_back({{"text", a.texts[t]}, {"label", model.labels()[best]}, {"probabilities", scores}});
    if (a.json) continue;
    if (a.texts.size() > 1) {
      std::printf("%7.4f  %-16s %s\n", p[best], model.labels()[best].c_str(), a.texts[t].c_str());
    } else {
      for (std::size_t i = 0; i < p.size(); ++i) std::printf("%7.4f  %s\n", p[i], model.labels()[i].c_str());
    }
  }
  if (a.json) example::print(result);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Gives texts, or pairs of texts, a class.");
  Arguments a;
  app.add_option("folder", a.folder, "folder with config.json, *.safetensors and tokenizer.json")->required();
  app.add_option("--text", a.texts, "a text; may be given again; default: the lines of standard input")
      ->check(example::some_text);
  app.add_option("--pair", a.pairs, "second part of a pair, one for each --text");
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { classify(a); });
}
