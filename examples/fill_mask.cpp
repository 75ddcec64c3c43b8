// The likeliest words behind a mask:
//   fill_mask ~/models/bert-base-uncased --text "Paris is the [MASK] of France."
#include "common.hpp"
#include "encoder.hpp"

#include <algorithm>
#include <numeric>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, text;
  ef::Index top = 5;
  bool json = false;
  int threads = 1;
};

void fill(const Arguments& a) {
  const auto model = ef::load_masked_lm<float>(a.folder);
  const auto tokenizer = ef::load_tokenizer(a.folder);
  const auto texts = example::encode(tokenizer, model.config(), {a.text});
  const std::vector<ef::Token>& ids = texts.tokens[0];
  const ef::Token mask = example::mask_token(tokenizer);
  std::vector<ef::Index> masks;
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (ids[i] == mask) masks.push_back(static_cast<ef::Index>(i));
  if (masks.empty())
    throw ef::InputError(ef::concat("the text has no mask; write it as ", *tokenizer.id_to_token(mask)));

  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::Matrix<float> logits = model(texts.tokens, run, nullptr, texts.types);
  nlohmann::json result = nlohmann::json::array();
  for (const ef::Index place : masks) {
    const std::vector<double> p = example::softmax(logits, place);
    std::vector<ef::Token> order(p.size());
    std::iota(order.begin(), order.end(), 0);
    const auto top = (std::min)(a.top, static_cast<ef::Index>(p.size()));
    std::partial_sort(order.begin(), order.begin() + top, order.end(), [&](ef::Token x, ef::Token y) {
      return p[static_cast<std::size_t>(x)] > p[static_cast<std::size_t>(y)];
    });
    nlohmann::json candidates = nlohmann::json::array();
    if (!a.json && masks.size() > 1)
      std::printf("%smask at token %td\n", place == masks[0] ? "" : "\n", place);
    for (ef::Index i = 0; i < top; ++i) {
      const ef::Token token = order[static_cast<std::size_t>(i)];
      std::vector<ef::Token> filled = ids;
      filled[static_cast<std::size_t>(place)] = token;
      const std::string word = tokenizer.decode(std::vector{token}, false);
      const std::string text = tokenizer.decode(filled, masks.size() == 1);  // other masks stay to be seen
      const double probability = p[static_cast<std::size_t>(token)];
      candidates.push_back({{"token", token}, {"word", word}, {"probability", probability}, {"text", text}});
      if (!a.json) std::printf("%7.4f  %-16s %s\n", probability, word.c_str(), text.c_str());
    }
    result.push_back({{"position", place}, {"candidates", candidates}});
  }
  if (a.json) example::print(result);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Says which words may stand behind the masks of a text.");
  Arguments a;
  app.add_option("folder", a.folder, "folder with config.json, *.safetensors and tokenizer.json")->required();
  app.add_option("--text", a.text, "text with at least one mask")->required()->check(example::some_text);
  app.add_option("--top", a.top, "words for each mask")->capture_default_str()->check(CLI::PositiveNumber);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { fill(a); });
}
