// Speculative decoding beside plain decoding, in the same run. Weights are random, so what is accepted is
// made: the text repeats, or the drafter knows it and is right as often as said.
#include "models.hpp"
#include <eigenformer/generate/speculative.hpp>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

/// Proposes the text that greedy decoding writes, each token of it with this probability, and otherwise
/// another.
struct Oracle {
  const std::vector<ef::Token>& text;
  double right;

  void propose(std::span<const ef::Token> tokens, ef::Index count, ef::Index, ef::Proposal& proposal) const {
    const ef::Random random(ef::Seed{4});
    for (std::size_t at = tokens.size(); at < tokens.size() + static_cast<std::size_t>(count); ++at)
      proposal.tokens.push_back(random.uniform(at) < right ? text[at] : (text[at] + 1) % 32000);
  }
};

const ef::GenerationConfig& greedy() {
  static const ef::GenerationConfig config{.max_new_tokens = 64, .temperature = 0};
  return config;
}

std::vector<ef::Token> prompt() { return shapes::tokens(16, 32000); }

template <class Drafter>
void generate(benchmark::State& state, Drafter& drafter, ef::Threads& threads, ef::Index draft_tokens) {
  const auto& model = shapes::model<shapes::llama_110m>();
  ef::SpeculativeCounts counts;
  for (auto _ : state)
    counts = ef::generate_speculative(model, drafter, prompt(), greedy(), threads, [](ef::Token) {},
                                      {.draft_tokens = draft_tokens})
                 .counts;
  state.SetItemsProcessed(state.iterations() * greedy().max_new_tokens.value());
  state.counters["acceptance"] = counts.acceptance_rate();
  state.counters["per_pass"] = counts.tokens_per_pass();
}

/// A drafter that costs nothing: the most that any can gain at this rate.
void oracle(benchmark::State& state) {
  const auto& model = shapes::model<shapes::llama_110m>();
  ef::Threads threads(static_cast<int>(state.range(0)));
  static const std::vector<ef::Token> text = ef::generate(model, prompt(), greedy(), [](ef::Token) {}).tokens;
  Oracle drafter{text, 0.01 * static_cast<double>(state.range(2))};
  generate(state, drafter, threads, state.range(1));
}
BENCHMARK(oracle)
    ->Name("speculative/llama_110m/oracle")
    ->ArgNames({"threads", "draft_tokens", "right_percent"})
    ->ArgsProduct({{1, 2}, {0, 2, 4, 8}, {50, 80, 100}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// A draft of the same random weights in a smaller shape accepts nothing: what a useless draft costs.
void useless(benchmark::State& state) {
  static const ef::CausalLM<float> small(
      [] {
        auto config = shapes::llama_15m;
        config.max_positions = 1024;
        return config;
      }(),
      ef::Seed{2});
  ef::Threads threads(static_cast<int>(state.range(0)));
  ef::DraftModel<float> drafter(small, threads, ef::Sampler(greedy()));
  generate(state, drafter, threads, state.range(1));
}
BENCHMARK(useless)
    ->Name("speculative/llama_110m/useless_15m_draft")
    ->ArgNames({"threads", "draft_tokens"})
    ->ArgsProduct({{1}, {4}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// Greedy text of random weights falls into a loop: what a lookup is made for.
void lookup(benchmark::State& state) {
  ef::Threads threads(static_cast<int>(state.range(0)));
  ef::PromptLookup drafter;
  generate(state, drafter, threads, state.range(1));
}
BENCHMARK(lookup)
    ->Name("speculative/llama_110m/lookup")
    ->ArgNames({"threads", "draft_tokens"})
    ->ArgsProduct({{1, 2}, {0, 4, 8}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
