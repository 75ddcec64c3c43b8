// How good a model is on data that it has not learned from. A decoder: its perplexity on a text, by windows
// that overlap, or on documents; an encoder: how often it finds masked words, or a text's label, or the tags
// of its words; an encoder-decoder: how often it writes the target.
//   evaluate ~/models/gpt2 --text book.txt --window 1024 --stride 512
//   evaluate my-encoder --text held-out.txt --lines --baseline train.txt
//   evaluate my-rewriter --text held-out.jsonl --show-wrong 5
#include "common.hpp"
#include "measure.hpp"
#include "objectives.hpp"
#include "tagging.hpp"
#include <eigenformer/hub/load_config.hpp>

namespace ef = eigenformer;

namespace {

struct Arguments {
  std::string folder, text, baseline;
  ef::LoadOptions load;
  ef::TextLossOptions options;
  ef::Index show_wrong = 0;
  std::uint64_t seed = 0;
  int threads = 1;
  bool lines = false, json = false;
};

/// A model, what is measured on it, and how.
struct Measuring {
  const Arguments& a;
  ef::HubConfig config = ef::load_config(a.folder);
  ef::Tokenizer tokenizer = ef::load_tokenizer(a.folder);
  example::Reading how{.tokenizer = tokenizer,
                       .vocab_size = config.model.vocab_size,
                       .frame = example::frame_of(tokenizer),
                       .lines = a.lines};
  std::vector<ef::Token> end_tokens = ef::load_generation_config(a.folder).end_tokens;
  ef::Threads threads{a.threads};
  ef::Workspace workspace{};
  ef::Run run{threads, workspace};
  ef::Index shown = 0;

  void show(const std::string& source, const std::string& written, const std::string& wanted) {
    if (shown++ < a.show_wrong)
      std::fprintf(stderr, "source   %s\nwritten  %s\nwanted   %s\n\n", source.c_str(), written.c_str(),
                   wanted.c_str());
  }
  /// What measures tell of wrong answers.
  auto showing() {
    return [this](const auto&... texts) { show(texts...); };
  }

  example::Measures decoder() {
    const auto model = ef::load_causal_lm<float>(a.folder, a.load);
    const example::Measured what = example::read_measured(a.text, how, a.folder);
    if (!what.documents.empty()) {
      if (how.frame.after.empty() && !end_tokens.empty()) how.frame.after = {end_tokens.front()};
      return example::measure_documents(model, what, example::count_tokens(a.baseline, how), run);
    }
    const bool progress = example::is_terminal(stderr);
    const ef::TextLossOptions options = example::settled(a.options, model.config());
    const auto loss = example::loss_of(model, what, options, run, [&](ef::Index scored) {
      if (progress) std::fprintf(stderr, "\r%td of %zu tokens", scored, what.text.size() - 1);
    });
    if (progress) std::fputs("\r\033[K", stderr);
    example::Measures found{{"perplexity", loss.perplexity()},
                            {"mean_loss", loss.mean()},
                            {"bits_per_token", loss.bits_per_token()},
                            {"tokens", what.text.size()}};
    found.update(example::json_of(what, loss, options));
    return found;
  }

  example::Measures encoder() {
    if (config.model.head == ef::Head::text_classes) {
      how.classes = true;
      return example::measure_classes(ef::load_classifier<float>(a.folder, a.load), tokenizer,
                                      example::read_corpus({a.text}, how), run, showing());
    }
    if (config.model.head == ef::Head::token_classes)
      return example::measure_tags(
          ef::load_tagger<float>(a.folder, a.load), tokenizer, ef::read_tagged_lines(a.text), run,
          [&](const ef::TaggedRecord& record, const ef::evaluate::Tags& found) {
            show(example::spaced(record.words), example::spaced(found), example::spaced(record.tags));
          });
    const auto model = ef::load_masked_lm<float>(a.folder, a.load);
    const example::Frame frame = std::exchange(how.frame, {});  // goes around pieces that fit the window
    const ef::Index window = config.model.max_positions - frame.size();
    ef::TokenBatch pieces = example::pieces_of(example::read_corpus({a.text}, how), {.length = window});
    for (auto& piece : pieces) piece = frame.around(std::move(piece));
    return example::measure_masks(model, tokenizer, pieces, example::count_tokens(a.baseline, how),
                                  example::mask_token(tokenizer), ef::Seed{a.seed}, run);
  }

  example::Measures rewriter() {
    how.pairs = true;
    how.target_frame = how.frame;
    return example::measure_targets(ef::load_seq2seq<float>(a.folder, a.load), tokenizer,
                                    example::read_corpus({a.text}, how), end_tokens, threads, showing());
  }
};

void measure(const Arguments& a) {
  Measuring measuring{a};
  const example::Stopwatch watch;
  example::Measures found = measuring.config.model.stacks == ef::Stacks::decoder   ? measuring.decoder()
                            : measuring.config.model.stacks == ef::Stacks::encoder ? measuring.encoder()
                                                                                   : measuring.rewriter();
  const double seconds = watch.seconds();
  found["seconds"] = seconds;
  if (const auto scored = found.find("scored_tokens"); scored != found.end())
    found["tokens_per_second"] = scored->get<double>() / seconds;
  if (a.json) return example::print(found);
  for (auto& [name, value] : found.items()) {
    std::string shown = name;
    std::replace(shown.begin(), shown.end(), '_', ' ');
    if (value.is_number_float())
      std::printf("%-30s %.4f\n", shown.c_str(), value.get<double>());
    else
      std::printf("%-30s %s\n", shown.c_str(), value.dump().c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Measures a model: perplexity, masked words found, labels or tags found, or targets written exactly.");
  Arguments a;
  app.add_option("folder", a.folder,
                 "folder with config.json, *.safetensors and tokenizer.json, or GGUF file")
      ->required();
  app.add_option("--text", a.text,
                 "a text, or JSON lines (*.jsonl) with \"text\", and \"target\" for an encoder-decoder or "
                 "\"label\" for a classifier; for a tagger with \"tokens\" and \"tags\"")
      ->required();
  app.add_flag("--lines", a.lines, "each line of the text is a document of its own");
  app.add_option("--baseline", a.baseline, "a text to count tokens on, for what counting alone reaches");
  app.add_option("--window", a.options.window, "tokens that a decoder sees at a time; default: all it can")
      ->check(CLI::PositiveNumber);
  app.add_option("--stride", a.options.stride, "tokens from one window to the next; default: half the window")
      ->check(CLI::PositiveNumber);
  example::add_seed(app, a.seed, "of the places that are masked");
  app.add_option("--show-wrong", a.show_wrong,
                 "so many answers (labels, tags, targets) that were wrong, on stderr");
  example::add_dtype(app, a.load.dtype);
  example::add_threads(app, a.threads);
  app.add_flag("--json", a.json, "print one JSON value");
  return example::run(app, argc, argv, [&] { measure(a); });
}
