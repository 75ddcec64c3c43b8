#include "support/lively.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/naive_decoder.hpp"
#include "support/tiny_configs.hpp"

#include <doctest/doctest.h>

namespace model_transformer {

namespace ef = eigenformer;
using ef::Index;
using support::distance;
using support::lively;
using support::Machine;
using support::some_tokens;

namespace {

/// Rows [first, first + rows) of everything a pass gives against the naive model.
template <class S>
void check_sequence(const naive::Result& expected, const ef::Trace<S>& trace, const ef::Matrix<S>& last,
                    const ef::Matrix<double>& expected_last, Index sequence, Index first, Index heads) {
  const Index rows = expected.logits.rows();
  const double most = support::tolerance<S>();
  const auto part = [&](const ef::Matrix<S>& m) { return ef::Matrix<S>(m.middleRows(first, rows)); };
  CHECK(distance<S>(part(last), expected_last) < most);
  REQUIRE(trace.hidden_states.size() == expected.hidden.size());
  for (std::size_t i = 0; i + 1 < expected.hidden.size(); ++i)
    CHECK(distance<S>(part(trace.hidden_states[i]), expected.hidden[i]) < most);
  CHECK(distance<S>(part(trace.hidden_states.back()), expected.normed) < most);
  for (std::size_t layer = 0; layer < expected.attention.size(); ++layer)
    for (Index h = 0; h < heads; ++h)
      CHECK(distance<S>(trace.attentions[layer][static_cast<std::size_t>(sequence * heads + h)],
                        expected.attention[layer][static_cast<std::size_t>(h)]) < most);
}

template <class S> void check_decoder(const ef::ModelConfig& config, Index longer) {
  const ef::CausalLM<S> model = lively<S>(config);
  const ef::TokenBatch batch{some_tokens(longer, config.vocab_size), some_tokens(1, config.vocab_size, 2),
                             some_tokens(6, config.vocab_size, 3)};
  Machine machine;
  ef::Trace<S> trace;
  trace.keep_attentions = true;
  const ef::Matrix<S> logits = model(batch, machine.run, &trace);
  Index first = 0;
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const naive::Model<S> naive{config, model.parameters(), model.parameters().decoder};
    const naive::Result expected = naive(batch[s]);
    check_sequence<S>(expected, trace, logits, expected.logits, static_cast<Index>(s), first, config.n_heads);
    const ef::Matrix<S> alone = model({batch[s]});
    CHECK(support::same_bits<S>(alone, logits.middleRows(first, alone.rows())));
    first += alone.rows();
  }
}

/// The combinations of the axes that decide where things stand in a block, the other axes in turn.
std::vector<tiny::Named> combinations() {
  std::vector<tiny::Named> all;
  Index turn = 0;
  for (const auto kind : {ef::NormKind::layer, ef::NormKind::rms})
    for (const auto placement :
         {ef::NormPlacement::before, ef::NormPlacement::after, ef::NormPlacement::both})
      for (const auto source : {ef::ResidualSource::input, ef::ResidualSource::normed})
        for (const auto branches :
             {ef::Branches::sequential, ef::Branches::parallel_one_norm, ef::Branches::parallel_two_norms})
          for (int positions = 0; positions < 6; ++positions) {
            ++turn;
            ef::ModelConfig c{.vocab_size = 23,
                              .d_model = 24,
                              .n_layers = 2,
                              .n_heads = 6,
                              .d_ff = 20,
                              .max_positions = 32};
            c.norm.kind = kind;
            c.norm.bias = turn % 2 == 0;
            c.norm_placement = placement;
            c.residual_source = source;
            c.branches = branches;
            c.positions = static_cast<ef::Positions>(positions);
            c.activation = static_cast<ef::Activation>(turn % 9);
            c.gated = turn % 4 < 2;
            c.n_key_value_heads = std::vector<Index>{0, 1, 2, 3}[static_cast<std::size_t>(turn % 4)];
            c.head_size = turn % 5 == 0 ? 6 : 0;
            c.window = turn % 3 == 0 ? 4 : 0;
            c.window_every = 1 + turn % 2;
            c.score_cap = turn % 7 == 0 ? 1.5 : 0.0;
            c.logits_cap = turn % 11 == 0 ? 2.0 : 0.0;
            c.embedding_norm = turn % 3 == 1;
            c.tied_embeddings = turn % 2 == 1;
            c.token_types = turn % 5 == 1 ? 2 : 0;
            c.final_norm = turn % 6 != 0;
            c.rotary.pairing = turn % 4 == 1 ? ef::RotaryPairing::neighbours : ef::RotaryPairing::halves;
            c.rotary.dimensions = turn % 2 ? 2 : 0;
            c.relative_buckets = {8, 15};
            c.position_offset = turn % 3;
            c.biases = {turn % 2 == 0, turn % 3 == 0, turn % 5 != 0, turn % 3 == 2};
            try {
              ef::validate(c);
            } catch (const ef::ConfigError&) {
              continue;
            }
            all.push_back({ef::concat("combination ", turn), c});
          }
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("hidden states, attentions and logits are those of the naive model", S, float, double) {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    const ef::ModelConfig& config = named.config;
    check_decoder<S>(config, 140);
  }
}

TEST_CASE_TEMPLATE("every combination of norms, residuals, branches and positions is the naive one", S, float,
                   double) {
  const auto all = combinations();
  CHECK(all.size() == 72);
  for (const auto& named : all) {
    CAPTURE(named.name);
    const ef::ModelConfig& config = named.config;
    check_decoder<S>(config, 11);
  }
}

TEST_CASE_TEMPLATE("a stack that sees both directions is the naive one", S, float, double) {
  for (const auto& named : tiny::decoders()) {
    CAPTURE(named.name);
    ef::ModelConfig config = named.config;
    config.stacks = ef::Stacks::encoder;
    config.window = 0;
    ef::Transformer<S> p = ef::random_parameters<S>(config, ef::Seed{5});
    support::enliven(p);
    const ef::PositionTables<S> tables(config);
    const ef::TokenBatch batch{some_tokens(3, config.vocab_size), some_tokens(19, config.vocab_size, 2)};
    std::vector<ef::SequenceInput<S>> inputs;
    for (const auto& tokens : batch) inputs.push_back({tokens});
    Machine machine(2);
    ef::Trace<S> trace;
    trace.keep_attentions = true;
    ef::Matrix<S> x(22, config.d_model);
    ef::forward<S>(p.encoder, p.tokens, config, tables, false, machine.run, inputs, x, &trace);
    ef::finish<S>(p.encoder, config, machine.run, x, &trace);
    Index first = 0;
    for (std::size_t s = 0; s < batch.size(); ++s) {
      const naive::Result expected = naive::Model<S>{config, p, p.encoder, false}(batch[s]);
      check_sequence<S>(expected, trace, x, expected.normed, static_cast<Index>(s), first, config.n_heads);
      first += expected.logits.rows();
    }
  }
}

TEST_CASE("a batch of no sequences has no logits, and a decoder refuses other stacks") {
  ef::ModelConfig config = tiny::decoders()[0].config;
  const ef::CausalLM<float> model(config, ef::Seed{1});
  CHECK(model(ef::TokenBatch{}).rows() == 0);
  config.stacks = ef::Stacks::encoder;
  CHECK_THROWS_AS(ef::CausalLM<float>(config, ef::Seed{1}), ef::ConfigError);
}

TEST_CASE("a decoder gives the hidden states whose product with the embeddings are the logits") {
  const ef::CausalLM<double> model = lively<double>(tiny::decoders()[0].config);
  const auto tokens = some_tokens(9, 61);
  const ef::Matrix<double> hidden =
      ef::alone([&](ef::Run& run) { return model.hidden_states({tokens}, run); });
  const ef::Matrix<double> expected = hidden * model.parameters().tokens.dense().transpose();
  CHECK(distance<double>(model({tokens}), expected) < 1e-13);
}

}  // namespace model_transformer
