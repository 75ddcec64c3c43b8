// One step of training (forward, backward, clipping, AdamW) of each of the three families: tokens per second,
// and GFLOP/s of the matrix products, three times those of a forward pass.
#include "models.hpp"
#include <eigenformer/model/presets.hpp>
#include <eigenformer/model/seq2seq.hpp>
#include <eigenformer/train/masters.hpp>
#include <eigenformer/train/trainer.hpp>

#include <benchmark/benchmark.h>

namespace ef = eigenformer;

namespace {

// Twelve sequences of 256 tokens through 6 layers of width 384 (of an encoder-decoder 3 and 3, 128 and 128).
constexpr ef::Index sequences = 12, length = 256, vocabulary = 512;
constexpr ef::presets::Sizes sizes{
    .vocab_size = vocabulary, .layers = 6, .width = 384, .heads = 6, .window = length};

ef::TokenBatch texts(ef::Index tokens) {
  return ef::TokenBatch(static_cast<std::size_t>(sequences), shapes::tokens(tokens, vocabulary));
}

/// In float, with activations computed again, or with weights and products in bfloat16.
enum Way { plain, recompute, bfloat16 };

template <class Model>
void train(benchmark::State& state, Model& model, const ef::TrainingBatch& batch, Way way) {
  ef::Threads threads(static_cast<int>(state.range(0)));
  ef::Trainer<float> trainer(
      way == bfloat16 ? ef::trainable_bfloat16(model) : ef::trainable(model, way == recompute),
      {.steps = 1000000, .bf16_products = way == bfloat16}, threads);
  trainer.step(batch);  // memory takes its shape
  ef::StepReport last;
  for (auto _ : state) last = trainer.step(batch);
  state.SetItemsProcessed(state.iterations() * last.tokens);
  ef::Index products = 0;  // multiply-adds of a token; of an encoder-decoder each token passes one stack
  ef::visit(model.parameters(), [&](const std::string& path, const auto& leaf) {
    if (ef::can_quantise(path)) products += leaf.size();
  });
  const bool both = model.config().stacks == ef::Stacks::encoder_decoder;
  const double flops = 6.0 * static_cast<double>(products * last.tokens) / (both ? 2 : 1);
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void decoder(benchmark::State& state, Way way) {
  ef::CausalLM<float> model(ef::presets::gpt2(sizes), ef::Seed{1});
  train(state, model, {texts(length), {}, {}, ef::next_tokens(texts(length))}, way);
}

void encoder(benchmark::State& state, Way way) {
  ef::MaskedLM<float> model(ef::presets::bert(sizes), ef::Seed{1});
  ef::TrainingBatch batch{texts(length), {}, {}, {}};
  for (ef::Index i = 0; i < sequences * length; ++i)  // 15 % are to be predicted
    batch.labels.push_back(i % 20 < 3 ? static_cast<ef::Token>(i % vocabulary) : ef::ignored_label);
  train(state, model, batch, way);
}

void encoder_decoder(benchmark::State& state, Way way) {
  ef::presets::Sizes half = sizes;
  half.layers = 3;
  ef::Seq2Seq<float> model(ef::presets::t5(half), ef::Seed{1});
  train(state, model, {texts(length / 2), {}, texts(length / 2), ef::next_tokens(texts(length / 2))}, way);
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(decoder, 6x384, plain)->Name("train_step/decoder")->Apply(arguments);
BENCHMARK_CAPTURE(encoder, 6x384, plain)->Name("train_step/encoder")->Apply(arguments);
BENCHMARK_CAPTURE(encoder_decoder, 3x384, plain)->Name("train_step/encoder_decoder")->Apply(arguments);
BENCHMARK_CAPTURE(decoder, 6x384_recompute, recompute)
    ->Name("train_step/decoder/recompute")
    ->Apply(arguments);
BENCHMARK_CAPTURE(decoder, 6x384_bf16, bfloat16)->Name("train_step/decoder/bf16")->Apply(arguments);
BENCHMARK_CAPTURE(encoder, 6x384_bf16, bfloat16)->Name("train_step/encoder/bf16")->Apply(arguments);

}  // namespace
