#include "support/held_bytes.hpp"
#include "support/machine.hpp"
#include "support/skip.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/core/lanes.hpp>
#include <eigenformer/model/key_values.hpp>
#include <eigenformer/model/session.hpp>
#include <eigenformer/plan.hpp>
#include <eigenformer/train/gradient.hpp>
#include <eigenformer/train/leaf.hpp>
#include <eigenformer/train/optimizer.hpp>

#include <doctest/doctest.h>

namespace train_measured_step {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using ef::Index;
using S = float;

namespace {

ef::TokenBatch texts(std::initializer_list<Index> lengths) {
  ef::TokenBatch batch;
  for (const Index length : lengths) {
    auto& text = batch.emplace_back();
    for (Index i = 0; i < length; ++i) text.push_back(static_cast<ef::Token>((7 * i + length) % 500));
  }
  return batch;
}

const ef::TokenBatch batch = texts({200, 120, 64, 128});
const ef::TokenBatch sources = texts({90, 150, 40, 100});
constexpr Index rows = 512, source_rows = 380;

std::vector<std::pair<const char*, ef::ModelConfig>> decoders() {
  const ef::ModelConfig gpt2{
      .vocab_size = 500, .d_model = 96, .n_layers = 4, .n_heads = 4, .d_ff = 384, .max_positions = 256};
  ef::ModelConfig llama = gpt2, palm = gpt2, gemma = gpt2, large_vocabulary = gpt2;
  llama.norm.kind = ef::NormKind::rms;
  llama.gated = true;
  llama.n_key_value_heads = 2;
  llama.positions = ef::Positions::rotary;
  palm.branches = ef::Branches::parallel_one_norm;
  palm.n_key_value_heads = 1;
  palm.positions = ef::Positions::rotary;
  gemma.norm_placement = ef::NormPlacement::both;
  gemma.logits_cap = 30;
  large_vocabulary.vocab_size = 20000;
  large_vocabulary.n_layers = 1;
  return {{"GPT-2", gpt2},
          {"LLaMA", llama},
          {"PaLM", palm},
          {"Gemma 2", gemma},
          {"GPT-2, wide logits", large_vocabulary}};
}

bool counted_here() {
  if (!held_bytes::counts) support::skip("bytes are not counted with this library or sanitizer");
  return held_bytes::counts;
}

/// Two steps, the first of which shapes the memory: what is held at most in the second is what the
/// calculator says, within 5 %.
template <class Model, class Step>
void check_peak(const Model& model, Index source, Index counted, Step&& step) {
  if (!counted_here()) return;
  auto grad = ef::zero_parameters<S>(model.config());
  for (const bool recompute : {false, true}) {
    CAPTURE(recompute);
    const std::ptrdiff_t before = held_bytes::now;
    support::Machine machine(1);
    ef::TrainingMemory<S> memory;
    memory.recompute = recompute;
    step(machine.run, memory, &grad);
    held_bytes::restart_peak();
    step(machine.run, memory, &grad);
    const double measured = static_cast<double>(held_bytes::peak - before);
    const auto predicted = plan::training_step_memory(
        {.kept = {.config = model.config(), .rows = rows, .source_rows = source, .recompute = recompute},
         .longest = 200,
         .counted_labels = counted,
         .lanes = ef::lanes::count<S>});
    const double total = static_cast<double>(predicted.total_bytes());
    CAPTURE(predicted.scratch_bytes);
    CAPTURE(machine.workspace.high_water());
    CAPTURE(measured);
    CAPTURE(total);
    CHECK(total / measured > 0.95);
    CHECK(total / measured < 1.05);
  }
}

}  // namespace

TEST_CASE("an allocator is asked for weights, gradients and moments as predicted, at most 0.1 % more") {
  if (!counted_here()) return;
  // Wide enough that every bias is a large allocation, and no list of blocks or leaves is.
  const ef::ModelConfig gpt2{
      .vocab_size = 500, .d_model = 1024, .n_layers = 1, .n_heads = 32, .d_ff = 1024, .max_positions = 64};
  ef::ModelConfig bert = gpt2, t5 = gpt2;
  bert.stacks = ef::Stacks::encoder;
  t5.stacks = ef::Stacks::encoder_decoder;
  t5.positions = ef::Positions::relative_buckets;
  for (const ef::ModelConfig& config : {gpt2, bert, t5}) {
    const double bytes = 4.0 * static_cast<double>(plan::count_parameters(config).total());
    const auto check = [&](double times, std::ptrdiff_t before) {
      const double asked = static_cast<double>(held_bytes::asked_for - before);
      CHECK(asked >= times * bytes);
      CHECK(asked <= 1.001 * times * bytes);  // alignment
    };
    const std::ptrdiff_t none = held_bytes::asked_for;
    auto parameters = ef::random_parameters<S>(config, ef::Seed{1});
    check(1, none);
    const std::ptrdiff_t with_weights = held_bytes::asked_for;
    auto grad = ef::zero_parameters<S>(config);
    check(1, with_weights);
    support::Machine machine(1);
    ef::Optimizer<S> adam(ef::AdamW{});
    const auto leaves = ef::leaves<S>(parameters), slopes = ef::leaves<S>(grad);
    const std::ptrdiff_t with_gradients = held_bytes::asked_for;
    adam.step(machine.run, leaves, slopes, 1e-3);
    check(2, with_gradients);
  }
}

TEST_CASE("the peak of a decoder's training step is predicted within 5 %, with and without recomputation") {
  for (const auto& [kind, config] : decoders()) {
    const std::string name = kind;
    CAPTURE(name);
    const ef::CausalLM<S> model(config, ef::Seed{1});
    check_peak(model, 0, rows - 4, [&](ef::Run& run, auto& memory, auto* grad) {
      ef::loss_and_gradient(model, batch, ef::next_tokens(batch), {}, run, memory, grad);
    });
  }
}

TEST_CASE("that of an encoder, too") {
  ef::ModelConfig config = decoders().front().second;
  config.stacks = ef::Stacks::encoder;
  config.norm_placement = ef::NormPlacement::after;
  config.final_norm = false;
  config.embedding_norm = true;
  config.head = ef::Head::masked_words;
  const ef::Encoder<S> model(config, ef::random_parameters<S>(config, ef::Seed{1}));
  check_peak(model, 0, rows - 4, [&](ef::Run& run, auto& memory, auto* grad) {
    ef::loss_and_gradient(model, batch, {}, ef::next_tokens(batch), {}, run, memory, grad);
  });
}

TEST_CASE("that of an encoder-decoder, too") {
  ef::ModelConfig config = decoders().front().second;
  config.stacks = ef::Stacks::encoder_decoder;
  ef::ModelConfig t5 = config;
  t5.norm.kind = ef::NormKind::rms;
  t5.positions = ef::Positions::relative_buckets;
  for (const ef::ModelConfig& c : {config, t5}) {
    const ef::Seq2Seq<S> model(c, ef::Seed{1});
    check_peak(model, source_rows, rows - 4, [&](ef::Run& run, auto& memory, auto* grad) {
      ef::loss_and_gradient(model, sources, batch, ef::next_tokens(batch), {}, run, memory, grad);
    });
  }
}

TEST_CASE("the peak of decoding, weights and cache and scratch memory together, is predicted within 5 %") {
  if (!counted_here()) return;
  for (const auto& [kind, config] : decoders()) {
    const std::string name = kind;
    CAPTURE(name);
    const std::ptrdiff_t before = held_bytes::now;
    held_bytes::restart_peak();
    const ef::CausalLM<S> model(config, ef::Seed{1});
    ef::Threads threads(1);
    ef::Session<S> session(model, threads);
    const std::vector<ef::Token> token{7};
    for (int i = 0; i < 20; ++i) session.feed(token);
    const double measured = static_cast<double>(held_bytes::peak - before);
    const double predicted = plan::inference_memory({
                                                        .config = config,
                                                        .weights = plan::storage_format("F32"),
                                                        .cache = plan::storage_format("F32"),
                                                    })
                                 .total_bytes();
    CHECK(predicted / measured > 0.95);
    CHECK(predicted / measured < 1.05);
  }
}

TEST_CASE("caches ask for what the calculator says, to the byte: windowed or not, whole pages or not") {
  if (!counted_here()) return;
  bool windowed = false;
  for (const auto& [kind, config] : tiny::decoders()) {
    const std::string name = kind;
    CAPTURE(name);
    windowed = windowed || config.window > 0;
    for (const Index tokens : {1, 127, 128, 129, 200}) {
      const std::ptrdiff_t before = held_bytes::asked_for;
      const ef::KeyValues<S> cache(config, tokens);
      CHECK(held_bytes::asked_for - before ==
            plan::key_value_cache_bytes(plan::paged_cache_of(config, tokens)));
    }
  }
  CHECK(windowed);
}

TEST_CASE("an encoder-decoder's caches of target and source ask for what the calculator says, to the byte") {
  if (!counted_here()) return;
  for (const auto& [kind, config] : tiny::seq2seq()) {
    const std::string name = kind;
    CAPTURE(name);
    for (const Index source : {3, 128, 130}) {
      const std::ptrdiff_t before = held_bytes::asked_for;
      const ef::KeyValues<S> target_cache(config, 50), source_cache(config, source);
      CHECK(held_bytes::asked_for - before ==
            plan::key_value_cache_bytes(plan::paged_cache_of(config, 50, source)));
    }
  }
}

}  // namespace train_measured_step
