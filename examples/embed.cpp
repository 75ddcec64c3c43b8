// Texts as vectors, one a text, and how similar they are:
//   embed ~/models/all-MiniLM-L6-v2 --text "A cat sleeps." --text "A kitten naps." --normalize
#include "common.hpp"
#include "encoder.hpp"
#include <eigenformer/hub/json.hpp>
#include <eigenformer/hub/load_config.hpp>

#include <filesystem>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, pool;
  std::vector<std::string> texts;
  bool normalize = false, json = false;
  int threads = 1;
};

/// What a sentence-transformers folder says, or else the mean.
std::string pooling_of(const std::string& folder) {
  const std::string path = folder + "/1_Pooling/config.json";
  if (!std::filesystem::exists(path)) return "mean";
  const ef::Json value = ef::read_json(path);
  const ef::JsonFields json(value, path);
  if (json.boolean("pooling_mode_mean_tokens", false)) return "mean";
  if (json.boolean("pooling_mode_cls_token", false)) return "cls";
  if (json.boolean("pooling_mode_lasttoken", false)) return "last";
  json.refuse("pooling_mode_mean_tokens", "none of the poolings mean, cls and last token is chosen");
}

/// Hidden states of any model: of an encoder, a decoder, or the encoder of both.
ef::Matrix<float> hidden_states(const std::string& folder, const ef::ModelConfig& config,
                                const example::Texts& texts, ef::Run& run) {
  switch (config.stacks) {
    case ef::Stacks::encoder: return ef::load_encoder<float>(folder)(texts.tokens, run, nullptr, texts.types);
    case ef::Stacks::decoder: return ef::load_causal_lm<float>(folder).hidden_states(texts.tokens, run);
    case ef::Stacks::encoder_decoder: return ef::load_seq2seq<float>(folder).encode(texts.tokens, run);
  }
  return {};
}

/// One row a text.
ef::Matrix<float> pool(const ef::Matrix<float>& hidden, const ef::Ragged& layout, const std::string& how) {
  ef::Matrix<float> out(layout.sequences(), hidden.cols());
  for (ef::Index s = 0; s < layout.sequences(); ++s) {
    const auto rows = hidden.middleRows(layout.begin(s), layout.length(s));
    if (how == "cls")
      out.row(s) = rows.row(0);
    else if (how == "last")
      out.row(s) = rows.row(rows.rows() - 1);
    else
      out.row(s) = rows.colwise().mean();
  }
  return out;
}

void embed(Arguments a) {
  a.texts = example::given_or_lines(std::move(a.texts));
  if (a.pool.empty()) a.pool = pooling_of(a.folder);
  const ef::ModelConfig config = ef::load_config(a.folder).model;
  const auto texts = example::encode(ef::load_tokenizer(a.folder), config, a.texts);
  ef::Threads threads(a.threads);
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  ef::Matrix<float> vectors =
      pool(hidden_states(a.folder, config, texts, run), ef::Ragged(texts.tokens), a.pool);
  ef::Matrix<float> directions = vectors.rowwise().normalized();
  const ef::Matrix<float> similarity = directions * directions.transpose();
  if (a.normalize) vectors = std::move(directions);

  if (a.json) {
    const auto rows = [](const ef::Matrix<float>& m) {
      nlohmann::json all = nlohmann::json::array();
      for (ef::Index r = 0; r < m.rows(); ++r)
        all.push_back(std::vector<float>(m.row(r).data(), m.row(r).data() + m.cols()));
      return all;
    };
    return example::print(
        {{"pooling", a.pool}, {"embeddings", rows(vectors)}, {"similarity", rows(similarity)}});
  }
  if (a.texts.size() == 1) {
    for (ef::Index c = 0; c < vectors.cols(); ++c) std::printf("%.6f\n", static_cast<double>(vectors(0, c)));
    return;
  }
  std::printf("cosine similarity of %zu vectors of %td numbers (%s of the tokens)\n", a.texts.size(),
              vectors.cols(), a.pool.c_str());
  for (ef::Index r = 0; r < similarity.rows(); ++r) {
    for (ef::Index c = 0; c < similarity.cols(); ++c)
      std::printf("%7.3f", static_cast<double>(similarity(r, c)));
    std::printf("  %s\n", a.texts[static_cast<std::size_t>(r)].c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Turns texts into vectors, and shows how similar they are.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with config.json, *.safetensors and tokenizer.json, or GGUF file")
      ->required();
  app.add_option("--text", a.texts, "a text; may be given again; default: the lines of standard input")
      ->check(example::some_text);
  app.add_option("--pool", a.pool, "which tokens make the vector; default: what the folder says, or mean")
      ->check(CLI::IsMember({"cls", "mean", "last"}));
  app.add_flag("--normalize", a.normalize, "vectors of length 1");
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { embed(a); });
}
