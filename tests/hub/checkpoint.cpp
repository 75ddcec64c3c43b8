// Checkpoints: a training that is stopped anywhere, however hard, ends with the same bits; what does not
// belong to it is refused, and changes nothing.
#include "files.hpp"
#include "support/lively.hpp"
#include <eigenformer/hub/checkpoint.hpp>
#include <eigenformer/hub/save.hpp>
#include <eigenformer/model/presets.hpp>
#include <eigenformer/train/lora.hpp>
#include <eigenformer/train/masters.hpp>
#include <eigenformer/train/sources.hpp>

#include <chrono>
#include <csignal>
#include <limits>
#include <thread>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hub_checkpoint {

namespace ef = eigenformer;
namespace fs = std::filesystem;
using ef::Index;
using files::TemporaryFolder;
using support::some_tokens;

namespace {

const ef::ModelConfig config = ef::presets::llama(
    {.vocab_size = 31, .layers = 2, .width = 32, .heads = 2, .feed_forward = 48, .window = 24});
const ef::TrainingFacts facts{{"data", "made up"}, {"seed", "3"}};
constexpr Index all_steps = 8;

ef::TrainerOptions usual_options() {
  return {.steps = all_steps,
          .schedule = {.rate = 1e-2, .decay = ef::Decay::cosine, .warmup = 2},
          .dropout = {0.1, 0.1, 0.1},
          .seed = {3}};
}

ef::TrainingBatch batch_of(Index step) {
  return ef::next_token_batch({some_tokens(9, 31, step + 1), some_tokens(14, 31, step + 3)});
}

std::vector<float> numbers_of(const std::vector<ef::Leaf<float>>& leaves) {
  std::vector<float> out;
  for (const auto& leaf : leaves) out.insert(out.end(), leaf.values, leaf.values + leaf.size());
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// A model, its trainer, and their checkpoints in a folder.
struct Training {
  std::string folder;
  ef::CausalLM<float> model;
  ef::Threads threads{1};
  ef::Trainer<float> trainer;

  explicit Training(std::string in, ef::TrainerOptions options = usual_options(),
                    const ef::ModelConfig& of = config, ef::Seed seed = ef::Seed{1})
      : folder(std::move(in)), model(of, seed), trainer(model, std::move(options), threads) {}

  void save(const std::string& to) const { ef::save(model, to, {.model_type = "llama"}); }
  std::string write(Index keep = 1) {
    return ef::write_checkpoint(
        folder, trainer, facts, [&](const std::string& to) { save(to); }, keep);
  }
  void resume(const ef::TrainingFacts& with = facts) {
    if (const auto found = ef::last_checkpoint(folder)) ef::resume(*found, model, trainer, with);
  }
  /// To the step, with a checkpoint after it, and after each on the way if asked for.
  void go_to(Index step, bool each = false) {
    while (trainer.steps() < step) {
      trainer.step(batch_of(trainer.steps()));
      if (each || trainer.steps() == step) write();
    }
  }
  std::vector<float> numbers() const { return numbers_of(trainer.model().parameters); }
};

/// What nothing interrupts.
const std::vector<float>& undisturbed() {
  static const std::vector<float> numbers = [] {
    const TemporaryFolder folder;
    Training training(folder.path());
    while (!training.trainer.finished()) training.trainer.step(batch_of(training.trainer.steps()));
    return training.numbers();
  }();
  return numbers;
}

/// A process that goes on from the last checkpoint to a step; `before` is called in it first.
template <class F> pid_t start(const std::string& folder, Index step, F&& before) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child != 0) return child;
  int status = 1;
  try {
    Training training(folder);
    training.resume();
    before();
    training.go_to(step, true);
    status = 0;
  } catch (const ef::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  _exit(status);
}

int wait_for(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

void limit_file_size(std::size_t bytes) {
  const rlimit none{0, 0}, limit{bytes, bytes};
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_FSIZE, &limit);
}

/// Names in a folder.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a training that is killed again and again ends with the bits of one that never was") {
  const TemporaryFolder folder;
  const ef::Random random(ef::Seed{7}, 1);
  int killed = 0;
  for (std::uint64_t i = 0; i < 25; ++i) {
    const pid_t child = start(folder.path(), all_steps, [] {});
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random.below(i, 10000)));
    kill(child, SIGKILL);
    if (WIFSIGNALED(wait_for(child))) ++killed;
  }
  CHECK(killed > 0);
  CHECK(wait_for(start(folder.path(), all_steps, [] {})) == 0);
  Training training(folder.path(), usual_options(), config, ef::Seed{9});
  training.resume();
  CHECK(training.trainer.steps() == all_steps);
  CHECK(same_bits(training.numbers(), undisturbed()));
}

TEST_CASE("killed in the middle of a write, at any size, a training goes on from the checkpoint before") {
  // Beyond a limit the system kills the writer, within the file that exceeds it: the weights or the state.
  for (const std::size_t bytes : {0u, 1u, 100u, 5000u, 60000u, 70000u, 100000u}) {
    CAPTURE(bytes);
    const TemporaryFolder folder;
    Training(folder.path()).go_to(3);
    const int status = wait_for(start(folder.path(), 4, [&] { limit_file_size(bytes); }));
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGXFSZ);
    CHECK(names_in(folder.path()) == std::vector<std::string>{"checkpoint-3", "checkpoint-4.part"});
    Training again(folder.path(), usual_options(), config, ef::Seed{9});
    again.resume();
    CHECK(again.trainer.steps() == 3);
    again.go_to(all_steps);
    CHECK(same_bits(again.numbers(), undisturbed()));
    CHECK(names_in(folder.path()) == std::vector<std::string>{"checkpoint-8"});
  }
}

TEST_CASE("a disk that is full loses nothing: the write fails by name, and training can go on") {
  const TemporaryFolder folder;
  Training(folder.path()).go_to(3);
  for (const std::size_t bytes : {0u, 100u, 60000u, 100000u}) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);  // the write then fails with EFBIG
      Training training(folder.path());
      training.resume();
      limit_file_size(bytes);
      const std::string why = files::refusal([&] { training.go_to(4); });
      const bool clear = why.find("checkpoint-4.part/") != why.npos &&
                         why.find(": cannot write: File too large") != why.npos;
      _exit(clear && training.trainer.steps() == 4 && ef::last_checkpoint(folder.path())->ends_with("-3")
                ? 0
                : 1);
    }
    CHECK(wait_for(child) == 0);
    CHECK(names_in(folder.path()) == std::vector<std::string>{"checkpoint-3"});
  }
  Training again(folder.path());
  again.resume();
  again.go_to(all_steps);
  CHECK(same_bits(again.numbers(), undisturbed()));
}

TEST_CASE("a checkpoint whose parameters are no numbers is not written, and the last good one stays") {
  const TemporaryFolder folder;
  Training training(folder.path());
  training.go_to(2);
  training.trainer.step(batch_of(2));
  training.model.parameters().decoder.blocks[1].feed_forward.up.weight.values()(3, 1) =
      std::numeric_limits<float>::infinity();
  try {
    training.write();
    FAIL("it was written");
  } catch (const ef::DivergenceError& error) {
    CHECK(error.step == 3);
    CHECK(std::string(error.what()) ==
          "training stopped: after step 3 decoder.blocks.1.feed_forward.up.weight "
          "holds what is no finite number");
  }
  CHECK(names_in(folder.path()) == std::vector<std::string>{"checkpoint-2"});
}

TEST_CASE("of older checkpoints as many stay as are asked for, and none is written over") {
  const TemporaryFolder folder;
  Training training(folder.path());
  for (Index step = 0; step < 4; ++step) {
    training.trainer.step(batch_of(step));
    training.write(2);
  }
  CHECK(names_in(folder.path()) == std::vector<std::string>{"checkpoint-3", "checkpoint-4"});
  CHECK(ef::last_checkpoint(folder.path())->ends_with("checkpoint-4"));
  CHECK(!ef::last_checkpoint(folder.file("nothing")));
  CHECK(files::refusal([&] { training.write(); }).find("is there already") != std::string::npos);

  fs::create_directory(folder.file("checkpoint-9"));  // of another training; the one just written stays too
  for (const Index keep : {1, 0}) {
    training.trainer.step(batch_of(training.trainer.steps()));
    const std::string written = training.write(keep);
    CHECK(names_in(folder.path()) ==
          std::vector{fs::path(written).filename().string(), std::string("checkpoint-9")});
  }
}

TEST_CASE(
    "a checkpoint of another architecture or training is refused with what differs, and changes nothing") {
  const TemporaryFolder folder;
  Training(folder.path()).go_to(2);
  const auto refused = [&](Training other, const char* why, const ef::TrainingFacts& with = facts) {
    CAPTURE(std::string(why));
    const auto before = other.numbers();
    CHECK_THROWS_WITH_AS(other.resume(with), doctest::Contains(why), ef::ConfigError);
    CHECK(same_bits(before, other.numbers()));
    CHECK(other.trainer.steps() == 0);
  };
  const auto changed = [&](auto&& change) {
    auto options = usual_options();
    change(options);
    return Training(folder.path(), options);
  };
  for (const auto& sizes :
       {ef::presets::Sizes{
            .vocab_size = 31, .layers = 3, .width = 32, .heads = 2, .feed_forward = 48, .window = 24},
        {.vocab_size = 31, .layers = 2, .width = 32, .heads = 4, .feed_forward = 48, .window = 24},
        {.vocab_size = 32, .layers = 2, .width = 32, .heads = 2, .feed_forward = 48, .window = 24}})
    for (const auto& of : {ef::presets::llama(sizes), ef::presets::gpt2(sizes)})
      refused(Training(folder.path(), usual_options(), of), "is a checkpoint of another architecture");
  using O = ef::TrainerOptions;
  refused(changed([](O& o) { o.schedule.rate = 2e-2; }), "learning_rate was 0.01, is 0.02");
  refused(changed([](O& o) { o.optimizer = ef::Sgd{}; }), "optimizer was AdamW");
  refused(changed([](O& o) { o.dropout.attention = 0.2; }), "dropout was 0.1 0.1 0.1, seed 3");
  refused(changed([](O& o) { o.seed = {4}; }), "dropout was 0.1 0.1 0.1, seed 3, is 0.1 0.1 0.1, seed 4");
  refused(Training(folder.path()), "data was made up, is another", {{"data", "another"}, {"seed", "3"}});
  refused(Training(folder.path()), "records 15 facts of its training, not 14", {{"data", "made up"}});
}

TEST_CASE("damaged and lying checkpoint files are refused, and change nothing") {
  const TemporaryFolder folder;
  Training(folder.path()).go_to(2);
  const std::string at = folder.file("checkpoint-2/");
  const auto refused = [&](const std::string& name, const std::string& content, const char* why) {
    CAPTURE(std::string(why));
    const std::string good = files::read(at + name);
    REQUIRE(!good.empty());
    fs::remove(at + name);
    if (content != "absent") folder.write("checkpoint-2/" + name, content);
    Training other(folder.path(), usual_options(), config, ef::Seed{9});
    const auto before = other.numbers();
    CHECK_THROWS_WITH_AS(other.resume(), doctest::Contains(why), ef::Error);
    CHECK(same_bits(before, other.numbers()));
    CHECK(other.trainer.steps() == 0);
    folder.write("checkpoint-2/" + name, good);
  };
  const std::string weights = files::read(at + "model.safetensors"),
                    state = files::read(at + "training.safetensors"),
                    json = files::read(at + "training.json");
  const auto with = [](std::string text, const std::string& from, const std::string& to) {
    const std::size_t place = text.find(from);
    REQUIRE(place != text.npos);
    return text.replace(place, from.size(), to);
  };
  for (const char* const name : {"training.json", "training.safetensors", "config.json"})
    refused(name, "absent", "cannot open");
  refused("model.safetensors", "absent", "has neither model.safetensors nor");
  refused("model.safetensors", weights.substr(0, weights.size() - 1), "model.safetensors");
  refused("model.safetensors", weights.substr(0, 5), "model.safetensors");
  refused("training.safetensors", state.substr(0, state.size() / 2), "training.safetensors");
  refused("training.safetensors", state.substr(0, 9), "training.safetensors");
  refused("training.safetensors", with(state, "first.tokens", "third.tokens"),
          "parameters that the model does not have");
  refused("training.safetensors", with(state, "[31,32]", "[32,31]"), "state of tokens is that of another");
  refused("training.safetensors", with(state, "\"F32\"", "\"I32\""),
          "is not the state of a training in this precision");
  refused("training.safetensors", files::safetensors("{}", 0), "no state of tokens, which is trained");
  refused("training.json", json.substr(0, json.size() / 2), "training.json");
  refused("training.json", "[]", "training.json");
  refused("training.json", with(json, "\"step\": 2", "\"step\": 7"), "is of step 7, its folder of step 2");
  refused("training.json", with(json, "\"step\": 2", "\"step\": -2"), "is of step -2, its folder of step 2");
  refused("training.json", with(json, "\"step\": 2", "\"step\": \"two\""), "step");
  refused("config.json", "{", "config.json");
  Training whole(folder.path());
  whole.resume();
  CHECK(whole.trainer.steps() == 2);
}

namespace {

/// Trains what `make` gives for all steps at once, and in two halves with a checkpoint between them.
template <class Make> void check_apart(Make&& make) {
  const TemporaryFolder folder;
  const auto run = [&](Index until) {
    ef::CausalLM<float> model(config, ef::Seed{1});
    ef::Threads threads(1);
    ef::Trainer<float> trainer(make(model), usual_options(), threads);
    if (const auto found = ef::last_checkpoint(folder.path())) ef::resume(*found, trainer, facts);
    while (trainer.steps() < until) trainer.step(batch_of(trainer.steps()));
    if (until < all_steps) ef::write_checkpoint(folder.path(), trainer, facts, [](const std::string&) {});
    return numbers_of(trainer.model().parameters);
  };
  const auto whole = run(all_steps);
  CHECK(whole.size() > 100);
  CHECK(!same_bits(whole, run(3)));
  CHECK(same_bits(whole, run(all_steps)));

  Training plain(folder.path());
  CHECK_THROWS_AS(ef::resume(*ef::last_checkpoint(folder.path()), plain.trainer, facts), ef::Error);
  CHECK(plain.trainer.steps() == 0);
}

}  // namespace

TEST_CASE("the training of adapters resumes to the bit, from their values alone") {
  check_apart([](ef::CausalLM<float>& model) {
    ef::add_lora(model.parameters(), {.rank = 4, .targets = {"all"}, .seed = {2}});
    return ef::trainable_lora(model);
  });
}

TEST_CASE("the training of bfloat16 weights resumes to the bit, from masters in float") {
  check_apart([](ef::CausalLM<float>& model) { return ef::trainable_bfloat16(model); });
}

}  // namespace hub_checkpoint
