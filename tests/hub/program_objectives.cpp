// What the program `train` makes of a corpus (examples/objectives.hpp).
#include "../../examples/objectives.hpp"
#include <eigenformer/text/byte_tokenizer.hpp>

#include <doctest/doctest.h>

namespace hub_program_objectives {

namespace ef = eigenformer;

namespace {

const std::vector<std::string> bert{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

example::Corpus text(std::size_t tokens) {
  example::Corpus corpus;
  for (std::size_t i = 0; i < tokens; ++i) corpus.text.push_back(static_cast<ef::Token>(97 + i % 26));
  return corpus;
}

ef::Index counted(const std::vector<ef::TrainingBatch>& batches) {
  ef::Index n = 0;
  for (const auto& batch : batches)
    n += std::count_if(batch.labels.begin(), batch.labels.end(),
                       [](ef::Token t) { return t != ef::ignored_label; });
  return n;
}

}  // namespace

TEST_CASE("programs: a held-out text is predicted once, whatever the window") {
  for (const ef::Index window : {3, 7, 99, 100, 200}) {
    const auto examples =
        example::text_examples(text(300), text(100), 4, ef::Seed{1}, example::causal_objective(window));
    CHECK(counted(examples.held_out) == 99);
  }
}

TEST_CASE("programs: masked texts keep their special tokens, and are the same when they are measured again") {
  const ef::Tokenizer tokenizer = ef::byte_tokenizer(bert);
  const auto make = [&] {
    return example::text_examples(text(300), text(64), 4, ef::Seed{1},
                                  example::masked_objective(tokenizer, 261, 16, 0.15, ef::Seed{1}));
  };
  auto one = make(), two = make();
  REQUIRE(one.held_out.size() == 1);
  CHECK(one.held_out[0].inputs == two.held_out[0].inputs);
  CHECK(one.held_out[0].inputs.size() == 4);
  CHECK(one.source(5).inputs == two.source(5).inputs);
  CHECK(one.source(5).inputs != two.source(6).inputs);
  CHECK_THROWS_WITH_AS(example::masked_objective(ef::byte_tokenizer(), 257, 16, 0.15, ef::Seed{1}),
                       doctest::Contains("no mask token"), ef::InputError);
}

TEST_CASE("programs: sentinels are the tokenizer's own, or ids behind it") {
  const auto behind = example::sentinels_of(ef::byte_tokenizer({"<pad>", "</s>"}), 258);
  CHECK(behind.first == 358);
  CHECK(behind.count == 100);
  const auto own =
      example::sentinels_of(ef::byte_tokenizer({"<pad>", "<extra_id_1>", "<extra_id_0>", "</s>"}), 260);
  CHECK(own.first == 259);
  CHECK(own.count == 2);
}

TEST_CASE("programs: nothing is cut off what belongs together, and no label is made up") {
  example::Corpus corpus;
  corpus.whole = true;
  corpus.documents = {{1, 2}, {3, 4, 5}};
  corpus.labels = {"a", "b"};
  const auto make = [](const example::Corpus& all, std::span<const ef::Index> numbers) {
    return example::batch_of_classes(all, numbers, {"a", "b"});
  };
  auto examples = example::paired_examples(corpus, corpus, 2, 3, ef::Seed{1}, make);
  CHECK(examples.held_out.at(0).labels == std::vector<ef::Token>{0, 1});
  const auto batch = examples.source(0);
  REQUIRE(batch.labels.size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(batch.inputs[i].size() == static_cast<std::size_t>(batch.labels[i]) + 2);
  CHECK_THROWS_WITH_AS(example::paired_examples(corpus, {}, 2, 2, ef::Seed{1}, make),
                       doctest::Contains("document 2 has 3 tokens"), ef::InputError);
  example::Corpus other = corpus;
  other.labels = {"a", "c"};
  CHECK_THROWS_WITH_AS(example::paired_examples(corpus, other, 2, 3, ef::Seed{1}, make),
                       doctest::Contains("\"c\""), ef::InputError);
}

}  // namespace hub_program_objectives
