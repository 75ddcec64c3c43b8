// Prints a line "NAME HASH" for every kind of result: logits, traces, sessions, gradients, training steps, adapters,
// weights in every format, on one and two threads. Two builds that print the same compute the same bits; a change that
// is to change none is checked by building this against both, and CI compares the two forms of the library by it.
#include "support/tiny_configs.hpp"
#include <eigenformer/eigenformer.hpp>
#include <eigenformer/generate/batch.hpp>
#include <eigenformer/model/lora.hpp>
#include <eigenformer/model/presets.hpp>
#include <eigenformer/train/lora.hpp>
#include <eigenformer/train/objective.hpp>
#include <eigenformer/train/trainer.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace ef = eigenformer;

namespace {

/// FNV-1a, 64 bits.
class Hash {
 public:
  Hash& add(const void* data, std::size_t size) {
    const auto* const bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) state_ = (state_ ^ bytes[i]) * 0x100000001b3u;
    return *this;
  }
  template <class Derived> Hash& add(const Eigen::DenseBase<Derived>& values) {
    const ef::Matrix<typename Derived::Scalar> own = values;
    return add(own.data(), static_cast<std::size_t>(own.size()) * sizeof(typename Derived::Scalar));
  }
  template <class S> Hash& add(const std::vector<ef::Matrix<S>>& all) {
    for (const auto& one : all) add(one);
    return *this;
  }
  template <class S> Hash& add(const std::vector<ef::Leaf<S>>& leaves) {
    for (const auto& leaf : leaves) add(leaf.values, static_cast<std::size_t>(leaf.size()) * sizeof(S));
    return *this;
  }
  void print(const std::string& name) const {
    std::printf("%s %016llx\n", name.c_str(), static_cast<unsigned long long>(state_));
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

ef::TokenBatch some_tokens(ef::Index vocabulary, std::initializer_list<int> lengths, std::uint64_t seed) {
  ef::TokenBatch batch;
  std::uint64_t drawn = 0;
  for (const int length : lengths) {
    auto& tokens = batch.emplace_back();
    for (int i = 0; i < length; ++i)
      tokens.push_back(static_cast<ef::Token>(
          ef::Random(ef::Seed{seed}, 0).below(drawn++, static_cast<std::uint64_t>(vocabulary))));
  }
  return batch;
}

/// What training needs of a batch, by the kind of model.
template <class S> ef::TrainingBatch batch_for(const ef::CausalLM<S>& model) {
  return ef::causal_batch(some_tokens(model.config().vocab_size, {7, 4, 9}, 3));
}
template <class S> ef::TrainingBatch batch_for(const ef::MaskedLM<S>& model) {
  ef::TrainingBatch batch;
  batch.inputs = some_tokens(model.config().vocab_size, {6, 8}, 3);
  batch.labels = std::vector<ef::Token>(14, ef::ignored_label);
  batch.labels[2] = 5, batch.labels[9] = 1;
  return batch;
}
template <class S> ef::TrainingBatch batch_for(const ef::Seq2Seq<S>& model) {
  return ef::pair_batch(some_tokens(model.config().vocab_size, {5, 6}, 3),
                        some_tokens(model.config().vocab_size, {4, 3}, 4), model.config().decoder_start_token,
                        0);
}

/// The loss and gradient of a batch, and the parameters after steps with and without dropout.
template <class S, class Model> void hash_training(const std::string& name, const ef::ModelConfig& config) {
  for (const bool dropout : {false, true})
    for (const bool recompute : {false, true}) {
      Model model(config, ef::Seed{7});
      const ef::TrainingBatch batch = batch_for(model);
      ef::Threads threads(2);
      ef::Trainer<S> trainer(ef::trainable(model, recompute),
                             {.steps = 3,
                              .schedule = {.rate = 1e-2, .warmup = 1},
                              .dropout = dropout ? ef::DropoutRates{0.1, 0.1, 0.1} : ef::DropoutRates{},
                              .seed = {9}},
                             threads);
      Hash hash;
      while (!trainer.finished()) {
        const double loss = trainer.step(batch).loss;
        hash.add(&loss, sizeof loss).add(trainer.model().gradient);
      }
      hash.add(trainer.model().parameters)
          .print(name + ".steps" + (dropout ? ".dropout" : "") + (recompute ? ".recompute" : ""));
    }
}

template <class S> void hash_decoder(const std::string& name, const ef::CausalLM<S>& model, bool trains) {
  const ef::TokenBatch batch = some_tokens(model.config().vocab_size, {7, 3, 11}, 1);
  for (const int count : {1, 2}) {
    ef::Threads threads(count);
    ef::Workspace workspace;
    ef::Run run{threads, workspace};
    ef::Trace<S> trace;
    trace.keep_attentions = true;
    const std::string by = name + ".threads" + std::to_string(count);
    Hash().add(model(batch, run)).print(by + ".logits");
    Hash hash;
    hash.add(model(batch, run, &trace)).add(trace.hidden_states);
    for (const auto& layer : trace.attentions) hash.add(layer);
    hash.print(by + ".trace");

    Hash steps;
    ef::Session<S> session(model, threads, {.chunk = 3});
    session.feed(batch[2]);
    steps.add(session.logits());
    ef::Session<S> fork = session.fork();
    for (const ef::Token token : batch[0]) {
      session.feed(std::span(&token, 1));
      steps.add(session.logits());
    }
    ef::Session<S>* const both[] = {&session, &fork};
    const std::span<const ef::Token> more[] = {batch[1], batch[0]};
    ef::feed_together<S>(both, more);
    steps.add(session.logits()).add(fork.logits()).print(by + ".session");
    if constexpr (std::is_same_v<S, float>) {
      ef::Session<S> halves(model, threads, {.cache_format = ef::Format::f16});
      halves.feed(batch[2]);
      halves.feed(batch[1]);
      Hash().add(halves.logits()).print(by + ".f16_cache");
    }
  }
  ef::Threads threads(1);
  Hash drawn;
  for (const auto& one : ef::generate_batch(
           model, batch,
           {.max_new_tokens = 5, .temperature = 0.9, .top_p = 0.9, .seed = 4, .num_return_sequences = 2},
           threads, [](ef::Token) {}))
    drawn.add(one.tokens.data(), one.tokens.size() * sizeof(ef::Token));
  for (const auto& beams : ef::generate_beams(model, batch, {.max_new_tokens = 4, .num_beams = 3}, threads))
    for (const auto& beam : beams)
      drawn.add(beam.tokens.data(), beam.tokens.size() * sizeof(ef::Token))
          .add(&beam.score, sizeof beam.score);
  drawn.print(name + ".generated");
  if (!trains) return;
  hash_training<S, ef::CausalLM<S>>(name, model.config());
  ef::CausalLM<S> adapted(model.config(), ef::Seed{7});
  ef::add_lora(adapted.parameters(), {.rank = 2, .targets = {"all"}, .seed = {2}});
  ef::Trainer<S> trainer(ef::trainable_lora(adapted), {.steps = 3, .schedule = {.rate = 1e-2}}, threads);
  while (!trainer.finished()) trainer.step(batch_for(model));
  Hash().add(trainer.model().parameters).add(adapted(batch)).print(name + ".lora");
}

template <class S> void hash_all(const std::string& scalar) {
  for (const auto& [name, config] : tiny::decoders())
    hash_decoder<S>(scalar + '.' + name, ef::CausalLM<S>(config, ef::Seed{7}), true);
  const ef::MaskedLM<S> bert(tiny::bert(), ef::Seed{7});
  const ef::TokenBatch batch = some_tokens(bert.config().vocab_size, {9, 2, 6}, 1);
  Hash().add(bert(batch)).print(scalar + ".bert.logits");
  hash_training<S, ef::MaskedLM<S>>(scalar + ".bert", bert.config());
  for (const auto& [name, config] : tiny::seq2seq()) {
    const ef::Seq2Seq<S> model(config, ef::Seed{7});
    const ef::TokenBatch sources = some_tokens(config.vocab_size, {5, 8}, 1);
    Hash()
        .add(model(sources, some_tokens(config.vocab_size, {4, 3}, 2)))
        .print(scalar + '.' + name + ".logits");
    Hash written;
    ef::Threads threads(1);
    for (const auto& one :
         ef::generate_batch(model, sources, {.max_new_tokens = 6}, threads, [](ef::Token) {}))
      written.add(one.tokens.data(), one.tokens.size() * sizeof(ef::Token));
    written.print(scalar + '.' + name + ".generated");
    hash_training<S, ef::Seq2Seq<S>>(scalar + '.' + name, config);
  }
}

}  // namespace

int main() {
  hash_all<float>("float");
  hash_all<double>("double");
  const ef::ModelConfig wide = ef::presets::llama({.vocab_size = 320, .layers = 2, .width = 256, .heads = 4});
  hash_decoder<float>("float.wide", ef::CausalLM<float>(wide, ef::Seed{7}), true);
  for (const auto& [name, format] : {std::pair{"int8", ef::Format::int8}, {"int4", ef::Format::int4}})
    for (const bool one_scale : {false, true}) {
      if (one_scale && format == ef::Format::int4) continue;
      ef::CausalLM<float> model(wide, ef::Seed{7});
      ef::quantise(model.parameters(), format, one_scale);
      hash_decoder<float>(std::string(name) + (one_scale ? ".row" : ""), model, false);
    }
  ef::CausalLM<float> tiles(wide, ef::Seed{7});
  ef::put_in_bf16_tiles(tiles.parameters());
  hash_decoder<float>("bf16_tiles", tiles, false);
}
