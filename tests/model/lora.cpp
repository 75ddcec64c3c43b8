// Adapters of a model: where they are added, what they change, taking them off and merging them.
#include "support/lively.hpp"
#include "support/lively_lora.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/model/encoder.hpp>
#include <eigenformer/model/lora.hpp>
#include <eigenformer/model/seq2seq.hpp>
#include <eigenformer/model/session.hpp>
#include <eigenformer/plan.hpp>

#include <doctest/doctest.h>

namespace model_lora {

namespace ef = eigenformer;
namespace plan = eigenformer::plan;
using ef::Index;
using support::Machine;
using support::some_tokens;

namespace {

std::vector<std::string> adapted(const ef::Transformer<double>& p) {
  std::vector<std::string> paths;
  ef::for_each_linear(p, [&](const std::string& path, const ef::Linear<double>& linear) {
    if (!linear.lora.empty()) paths.push_back(path);
  });
  return paths;
}

}  // namespace

TEST_CASE("a new adapter changes no bit, a trained one does, and the merged model computes the same") {
  Machine machine(2);
  const ef::TokenBatch batch{some_tokens(9, 61), some_tokens(1, 61, 2), some_tokens(6, 61, 3)};
  for (const tiny::Named& named : tiny::decoders()) {
    CAPTURE(named.name);
    auto model = support::lively<double>(named.config);
    const ef::Matrix<double> base = model(batch, machine.run);
    ef::add_lora(model.parameters(), {.rank = 3, .alpha = 5, .targets = {"all"}, .seed = {4}});
    CHECK(support::same_bits<double>(model(batch, machine.run), base));
    support::enliven_lora(model.parameters());
    const ef::Matrix<double> adapters = model(batch, machine.run);
    CHECK(support::distance<double>(adapters, base) > 1e-2);

    auto taken = ef::take_lora(model.parameters());
    CHECK_FALSE(ef::has_lora(model.parameters()));
    CHECK(support::same_bits<double>(model(batch, machine.run), base));
    ef::put_lora(model.parameters(), std::move(taken));
    CHECK(support::same_bits<double>(model(batch, machine.run), adapters));

    ef::merge_lora(model.parameters(), machine.run);
    CHECK_FALSE(ef::has_lora(model.parameters()));
    CHECK(support::distance<double>(model(batch, machine.run), adapters) < 1e-12);
  }
}

TEST_CASE("a session writes with adapters what the whole pass computes with them") {
  Machine machine;
  auto model = support::lively<double>(tiny::decoders()[1].config);
  ef::add_lora(model.parameters(), {.rank = 2, .targets = {"all"}});
  support::enliven_lora(model.parameters());
  const std::vector<ef::Token> tokens = some_tokens(7, 61);
  const ef::Matrix<double> whole = model({tokens}, machine.run);
  ef::Session<double> session(model, machine.threads);
  session.feed({tokens.data(), 4});
  for (std::size_t i = 4; i < tokens.size(); ++i) session.feed({&tokens[i], 1});
  CHECK(support::same_bits<double>(session.logits(), whole.row(6)));
}

TEST_CASE("an adapter's change is scale · B · A, whatever the matrix beneath is stored in") {
  Machine machine(2);
  const auto w = support::random_matrix<float>(40, 64, 1), x = support::random_matrix<float>(5, 64, 2);
  for (const ef::Format format : {ef::Format::f32, ef::Format::int8, ef::Format::int4}) {
    ef::Linear<float> p;
    p.weight = format == ef::Format::f32
                   ? ef::Weight<float>(ef::Matrix<float>(w))
                   : ef::Weight<float>::quantised(format, 40, 64, [&](Index r) { return w.data() + r * 64; });
    ef::Matrix<float> before(5, 40), after(5, 40), added = ef::Matrix<float>::Constant(5, 40, 1.0f);
    ef::forward<float>(p, machine.run, x, before);
    p.lora = ef::new_adapter<float>(40, 64, 4, 6.0, ef::Random(ef::Seed{3}));
    CHECK(p.lora.scale == 1.5f);
    CHECK(p.lora.a.values().cwiseAbs().maxCoeff() <= 1.0f / 8);
    CHECK(p.lora.a.values().cwiseAbs().maxCoeff() > 0.9f / 8);
    p.lora.b = ef::Weight<float>(ef::Matrix<float>(support::random_matrix<float>(40, 4, 5)));
    ef::forward<float>(p, machine.run, x, after);
    ef::forward_add<float>(p, machine.run, x, added);
    const ef::Matrix<double> change = 1.5 * x.cast<double>() * p.lora.a.values().cast<double>().transpose() *
                                      p.lora.b.values().cast<double>().transpose();
    CHECK(support::distance<float>(after, before.cast<double>() + change) < 1e-5);
    CHECK(support::distance<float>(added, (after.array() + 1.0f).matrix().cast<double>()) < 1e-5);
  }
}

TEST_CASE("targets are names of matrices, more of their path, or patterns") {
  const auto with = [&](const ef::ModelConfig& config, std::vector<std::string> targets) {
    auto p = ef::random_parameters<double>(config, ef::Seed{1});
    ef::add_lora(p, {.rank = 2, .targets = std::move(targets)});
    return adapted(p);
  };
  const ef::ModelConfig decoder = tiny::decoders()[1].config, t5 = tiny::seq2seq()[0].config;
  CHECK(with(decoder, {"query", "value"}).size() == 6);
  CHECK(with(decoder, {"decoder.blocks.2.attention.out"}) ==
        std::vector<std::string>{"decoder.blocks.2.attention.out"});
  CHECK(with(decoder, {"blocks.1.*"}).size() == 7);
  CHECK(with(decoder, {"*.0.feed_forward.*", "down"}).size() == 5);
  CHECK(with(decoder, {"all"}).size() == 21);
  CHECK(with(t5, {"query"}).size() == 2 + 2 * 3);
  CHECK(with(t5, {"cross.query"}).size() == 3);
  CHECK(with(t5, {"encoder.blocks.*.query"}).size() == 2);
}

TEST_CASE("the calculator's count of adapter parameters is that of the real ones") {
  std::vector<ef::ModelConfig> configs{tiny::bert()};
  for (const auto& list : {tiny::decoders(), tiny::seq2seq()})
    for (const auto& named : list) configs.push_back(named.config);
  for (const ef::ModelConfig& config : configs) {
    auto p = ef::random_parameters<float>(config, ef::Seed{1});
    const Index base = ef::count(p);
    ef::add_lora(p, {.rank = 5, .targets = {"query", "value"}});
    CHECK(ef::count_lora(p) == plan::adapter_parameters(config, 5));
    ef::add_lora(p, {.rank = 2, .targets = {"all"}});
    CHECK(ef::count_lora(p) == plan::adapter_parameters(config, 2, plan::AdapterTargets::all()));
    CHECK(ef::count(p) == base + ef::count_lora(p));
    ef::take_lora(p);
    ef::add_lora(p, {.rank = 3, .targets = {"key", "down"}});
    const plan::AdapterTargets some{.query = false, .key = true, .value = false, .down = true};
    CHECK(ef::count_lora(p) == plan::adapter_parameters(config, 3, some));
  }
}

TEST_CASE("adapters that cannot be are refused with a reason, and nothing is added") {
  auto p = ef::random_parameters<double>(tiny::decoders()[1].config, ef::Seed{1});
  const auto refused = [&](ef::LoraConfig config, const char* why) {
    CHECK_THROWS_WITH_AS(ef::add_lora(p, config), doctest::Contains(why), ef::ConfigError);
    CHECK_FALSE(ef::has_lora(p));
  };
  refused({.rank = 0}, "rank: must be at least 1, is 0");
  refused({.rank = -3}, "must be at least 1");
  refused({.rank = 25}, "25 exceeds the smaller side of decoder.blocks.0.attention.query, which is 24");
  refused({.rank = 13}, "13 exceeds the smaller side of decoder.blocks.0.attention.value, which is 12");
  refused({.alpha = 0}, "alpha: must be positive");
  refused({.alpha = NAN}, "alpha: must be positive");
  refused({.targets = {}}, "targets: there are none");
  refused({.targets = {"query", "q_proj"}}, "\"q_proj\" names no matrix; this model has query, key");
  refused({.targets = {"uery"}}, "\"uery\" names no matrix");
  refused({.targets = {"head.output"}}, "names no matrix");
}

}  // namespace model_lora
