// Checkpoints of what is no decoder: classifiers, models for masked words, encoder-decoders.
#include "files.hpp"
#include "support/lively.hpp"
#include "support/parameter_bits.hpp"
#include <eigenformer/hub/checkpoint.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/presets.hpp>
#include <eigenformer/model/seq2seq.hpp>

#include <doctest/doctest.h>

namespace hub_checkpoint_families {

namespace ef = eigenformer;
using files::TemporaryFolder;
using support::bits_of;
using support::some_tokens;

namespace {

const ef::TrainingFacts facts{{"data", "made up"}};
constexpr ef::Index all_steps = 8;

/// A model that `make` gives ends with the same bits when it is stopped half way and another goes on.
template <class Make> void check_family(Make&& make, const ef::TrainingBatch& batch) {
  const TemporaryFolder folder;
  const auto run = [&](ef::Index until, std::uint64_t seed) {
    auto model = make(ef::Seed{seed});
    ef::Threads threads(1);
    const ef::TrainerOptions options{.steps = all_steps,
                                     .schedule = {.rate = 1e-2, .decay = ef::Decay::cosine, .warmup = 2},
                                     .dropout = {0.1, 0.1, 0.1},
                                     .seed = {3}};
    ef::Trainer<float> trainer(model, options, threads);
    if (const auto found = ef::last_checkpoint(folder.path())) ef::resume(*found, model, trainer, facts);
    while (trainer.steps() < until) trainer.step(batch);
    if (until < all_steps)
      ef::write_checkpoint(folder.path(), trainer, facts,
                           [&](const std::string& to) { ef::save(model, to); });
    return bits_of(model);
  };
  const auto whole = run(all_steps, 1);
  CHECK(whole != run(3, 1));
  CHECK(whole == run(all_steps, 2));
}

}  // namespace

TEST_CASE("classifiers, models for masked words and encoder-decoders resume to the bit as decoders do") {
  const ef::presets::Sizes sizes{.vocab_size = 31, .layers = 1, .width = 16, .heads = 2, .window = 24};
  const ef::TokenBatch texts{some_tokens(9, 31, 1), some_tokens(6, 31, 2)};
  ef::ModelConfig bert = ef::presets::bert(sizes);
  check_family([&](ef::Seed seed) { return ef::MaskedLM<float>(bert, seed); },
               {texts, {}, {}, ef::next_tokens(texts)});
  bert.head = ef::Head::text_classes;
  bert.pooler = true;
  bert.n_labels = 3;
  check_family(
      [&](ef::Seed seed) {
        return ef::Classifier<float>(bert, ef::random_parameters<float>(bert, seed), {"a", "b", "c"});
      },
      {texts, {}, {}, {2, 0}});
  for (const ef::ModelConfig& of : {ef::presets::t5(sizes), ef::presets::bart(sizes)})
    check_family([&](ef::Seed seed) { return ef::Seq2Seq<float>(of, seed); },
                 {texts, {}, texts, ef::next_tokens(texts)});
}

}  // namespace hub_checkpoint_families
