// The three kinds of transformer in one sitting, from Eigen alone: no model files, no other library. Each is
// built from a config, shows its shapes, is trained for a few seconds, and is asked again. Start here to
// learn what the parts are.
//
// The decoder learns to continue a nursery rhyme, letter by letter; the encoder to fill its gaps; the
// encoder-decoder to write a word backwards.
#include <eigenformer/eigenformer.hpp>

#include <cstdio>
#include <string>

namespace ef = eigenformer;
using ef::Index;

namespace {

const std::string rhyme =
    "One for sorrow, two for joy, three for a girl, four for a boy, five for silver, six for gold, seven for "
    "a "
    "secret never to be told. ";

/// A token is a byte here: the smallest tokenizer that there is.
std::vector<ef::Token> tokens_of(const std::string& text) { return {text.begin(), text.end()}; }
std::string text_of(const std::vector<ef::Token>& tokens) { return {tokens.begin(), tokens.end()}; }

/// A matrix of numbers between 0 and 1 as shades, one row of text a row.
void print_shades(const char* title, const ef::Matrix<float>& m, const std::string& rows,
                  const std::string& columns) {
  std::printf("\n%s\n    %s\n", title, columns.c_str());
  const std::string shades = " .:-=+*#%@";
  for (Index r = 0; r < m.rows(); ++r) {
    std::printf("  %c ", rows[static_cast<std::size_t>(r)]);
    for (Index c = 0; c < m.cols(); ++c)
      std::putchar(shades[static_cast<std::size_t>(std::clamp(m(r, c) * 10, 0.0f, 9.0f))]);
    std::putchar('\n');
  }
}

/// Trains on batch after batch, tells how the loss falls, and returns the last one.
template <class Model, class Batches>
double learn(Model& model, Index steps, double rate, ef::Threads& threads, const Batches& batches) {
  const ef::TrainerOptions options{.steps = steps,
                                   .schedule = {.rate = rate, .decay = ef::Decay::cosine, .warmup = 50}};
  ef::Trainer trainer(model, options, threads);
  double loss = 0;
  trainer.run(batches, [&](const ef::StepReport& report) {
    loss = report.loss;
    if (report.step == 1 || report.step % (steps / 4) == 0)
      std::printf("  step %3td: loss %.3f\n", report.step, report.loss);
  });
  return loss;
}

// --- where a token stands
// ----------------------------------------------------------------------------------------

void show_positions() {
  std::printf(
      "Positional encodings tell a transformer where a token stands.\n\n"
      "sinusoidal (Vaswani et al. 2017), added to the embedding: positions 0 to 3, width 8\n");
  for (Index position = 0; position < 4; ++position) {
    ef::RowVector<float> row = ef::RowVector<float>::Zero(8);
    ef::add_sinusoidal(position, 8, row.data());
    for (const float x : row) std::printf("%7.3f", x);
    std::putchar('\n');
  }
  std::printf(
      "\nrotary (Su et al. 2021), pairs of columns of queries and keys turn: radians per position, head size "
      "8\n");
  std::vector<double> radians(4);
  ef::inverse_frequencies(ef::presets::llama({.width = 8, .heads = 1}), 0, radians);
  for (const double x : radians) std::printf("%7.3f", x);
  std::printf(
      "\n\nALiBi (Press et al. 2022), subtracted from a score per position of distance: of 4 heads\n");
  for (const double x : ef::alibi_slopes(4)) std::printf("%7.3f", x);
  std::printf(
      "\n\nrelative buckets (Raffel et al. 2020), one learned number each: of distances 0 to -40, in steps "
      "of 4\n");
  for (Index distance = 0; distance <= 40; distance += 4)
    std::printf("%4td", ef::relative_bucket(-distance, false, {32, 128}));
  std::printf("\n");
}

// --- decoder: what comes next?
// -----------------------------------------------------------------------------------

double run_decoder(ef::Threads& threads) {
  const ef::ModelConfig config =
      ef::presets::llama({.vocab_size = 128, .layers = 2, .width = 64, .heads = 4, .window = 192});
  ef::CausalLM<float> model(config, ef::Seed{1});
  std::printf("\n=== A decoder, as LLaMA: %td parameters; every token sees those before it\n",
              ef::count(model.parameters()));

  const std::string beginning = "five for ";
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  const ef::Matrix<float> before = model({tokens_of(beginning)}, run);
  std::printf("logits of %zu tokens: [%td, %td], one row a token, one column a token that may come next\n",
              beginning.size(), before.rows(), before.cols());

  const ef::WindowDraws windows(tokens_of(rhyme + rhyme + rhyme), 65, 8, ef::Seed{1});
  const double loss =
      learn(model, 200, 3e-3, threads, [&](Index step) { return ef::next_token_batch(windows(step)); });

  ef::Trace<float> trace;
  trace.keep_attentions = true;
  const ef::Matrix<float> logits = model({tokens_of(beginning)}, run, &trace);
  std::printf("hidden states: %zu matrices [%td, %td], after the embeddings and after each layer\n",
              trace.hidden_states.size(), trace.hidden_states[0].rows(), trace.hidden_states[0].cols());
  print_shades("attention of head 0 in layer 0: rows look at columns, none ahead of itself",
               trace.attentions[0][0], beginning, beginning);

  const ef::GenerationConfig settings[] = {
      {.max_new_tokens = 60, .temperature = 0},
      {.max_new_tokens = 60, .temperature = 1.5, .seed = 1},
      {.max_new_tokens = 60, .temperature = 1.5, .top_k = 3, .seed = 1},
      {.max_new_tokens = 60, .temperature = 1.5, .top_p = 0.8, .seed = 1}};
  const char* const names[] = {"greedy", "temperature 1.5", "  and top-k 3", "  and top-p 0.8"};
  std::printf("\nlikely letters after \"%s\", and what is drawn:\n", beginning.c_str());
  for (std::size_t i = 0; i < 4; ++i) {
    const ef::RowVector<double> p = ef::probabilities(logits.row(logits.rows() - 1), settings[i]);
    const auto result = ef::generate(model, tokens_of(beginning), settings[i], threads, [](ef::Token) {});
    std::printf("  %-16s s %.2f, g %.2f, j %.2f  %s\n", names[i], p('s'), p('g'), p('j'),
                text_of(result.tokens).c_str());
  }
  return loss;
}

// --- encoder: what stood here?
// -----------------------------------------------------------------------------------

double run_encoder(ef::Threads& threads) {
  const ef::ModelConfig config =
      ef::presets::bert({.vocab_size = 128, .layers = 2, .width = 64, .heads = 4, .window = 64});
  ef::MaskedLM<float> model(config, ef::Seed{2});
  std::printf("\n=== An encoder, as BERT: %td parameters; every token sees its whole text\n",
              ef::count(model.parameters()));

  const ef::TokenBatch lines = {tokens_of("one for sorrow"),   tokens_of("two for joy"),
                                tokens_of("three for a girl"), tokens_of("four for a boy"),
                                tokens_of("five for silver"),  tokens_of("six for gold")};
  const ef::Masking masking{.mask_token = '_', .vocab_size = 128};
  const double loss = learn(model, 600, 2e-3, threads, [&](Index step) {
    return ef::masked_batch(lines, masking, ef::Seed{2},
                            static_cast<std::uint64_t>(step * std::ssize(lines)));
  });

  for (const std::string gaps : {"three for a g_rl", "f_ur for a _oy", "s_x for g_ld"}) {
    const ef::Matrix<float> logits = model({tokens_of(gaps)});
    std::string filled = gaps;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      Index likeliest = 0;
      logits.row(static_cast<Index>(i)).maxCoeff(&likeliest);
      if (gaps[i] == '_') filled[i] = static_cast<char>(likeliest);
    }
    std::printf("  %s -> %s\n", gaps.c_str(), filled.c_str());
  }
  return loss;
}

// --- encoder-decoder: one text into another
// ----------------------------------------------------------------------

double run_encoder_decoder(ef::Threads& threads) {
  ef::ModelConfig config =
      ef::presets::bart({.vocab_size = 128, .layers = 1, .width = 64, .heads = 4, .window = 16});
  config.norm_placement =
      ef::NormPlacement::before;  // small models learn faster so than with BART's norms after
  config.embedding_norm = false;
  config.final_norm = true;
  config.decoder_start_token = '>';
  constexpr ef::Token end = '.';
  ef::Seq2Seq<float> model(config, ef::Seed{3});
  std::printf(
      "\n=== An encoder-decoder, as BART: %td parameters; the decoder looks at what the encoder read\n",
      ef::count(model.parameters()));

  const ef::Random random(ef::Seed{3}, 0);
  const auto backwards = [&](Index step) {  // 32 random words of six letters, and each of them backwards
    ef::TokenBatch sources, targets;
    for (std::uint64_t word = 0; word < 32; ++word) {
      std::vector<ef::Token> letters;
      for (std::uint64_t i = 0; i < 6; ++i)
        letters.push_back('a' + static_cast<ef::Token>(random.below(
                                    (static_cast<std::uint64_t>(step) * 32 + word) * 6 + i, 26)));
      sources.push_back(letters);
      targets.emplace_back(letters.rbegin(), letters.rend());
      targets.back().push_back(end);
    }
    return ef::pair_batch(std::move(sources), targets, config.decoder_start_token, end);
  };
  const double loss = learn(model, 300, 3e-3, threads, backwards);

  for (const std::string word : {"window", "garden"}) {
    const auto written =
        ef::generate(model, tokens_of(word), {.max_new_tokens = 10, .temperature = 0, .end_tokens = {end}},
                     threads, [](ef::Token) {});
    std::printf("  %s -> %s\n", word.c_str(), text_of(written.tokens).c_str());
  }
  ef::Workspace workspace;
  ef::Run run{threads, workspace};
  ef::Trace<float> encoder, decoder;
  decoder.keep_attentions = true;
  const std::string source = "window", target = ">wodni";
  model({tokens_of(source)}, {tokens_of(target)}, run, &encoder, &decoder);
  ef::Matrix<float> all = decoder.cross_attentions[0][0];
  for (std::size_t head = 1; head < 4; ++head) all += decoder.cross_attentions[0][head];
  print_shades("cross-attention, mean of four heads: rows write, columns are read", all / 4, target, source);
  return loss;
}

}  // namespace

int main() {
  ef::Threads threads(1);
  show_positions();
  const double decoder = run_decoder(threads), encoder = run_encoder(threads),
               both = run_encoder_decoder(threads);
  // Random guesses cost ln 128 = 4.85 at first.
  const bool learned = decoder < 0.2 && encoder < 0.5 && both < 0.1;
  std::printf("\n%s\n", learned ? "All three have learned." : "A model has not learned what it should.");
  return learned ? 0 : 1;
}
