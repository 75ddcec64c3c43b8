// The forward pass of a stack: embeddings, blocks, last norm, for several sequences at once.
#pragma once

#include <eigenformer/core/ragged.hpp>
#include <eigenformer/model/key_values.hpp>
#include <eigenformer/model/parameters.hpp>

#include <span>

namespace eigenformer::inline EIGENFORMER_ABI {

/// The tokens of one sequence that a pass computes, after those that its cache already holds.
template <class S> struct SequenceInput {
  std::span<const Token> tokens;
  KeyValues<S>* cache = nullptr;  ///< none: these tokens are the whole sequence

  Index rows() const { return static_cast<Index>(tokens.size()); }
  Index past() const { return cache ? cache->size() : 0; }
};

/// What a pass keeps for those who ask: row r of a matrix belongs to row r of the batch.
template <class S> struct Trace {
  /// [0] after the embeddings, [i] after block i; the last one after the final norm, as Hugging Face has it.
  std::vector<Matrix<S>> hidden_states;
  bool keep_attentions = false;
  std::vector<std::vector<Matrix<S>>> attentions;  ///< [layer][sequence · heads + head]: [queries, keys]
};

/// @throws InputError  for an empty sequence or a token outside the vocabulary, with its place
inline void check_tokens(std::span<const Token> tokens, const ModelConfig& config) {
  if (tokens.empty()) fail(InputError("a sequence of no tokens"));
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= config.vocab_size)
      fail(InputError(concat("token ", tokens[i], " at position ", i, " is outside the vocabulary of ",
                             config.vocab_size)));
}

/// @throws WindowError  if a sequence of `length` tokens exceeds the context window
inline void check_window(Index length, const ModelConfig& config) {
  if (length > config.max_positions)
    fail(WindowError(config.max_positions, length,
                     concat(length, " tokens exceed the context window of ", config.max_positions)));
}

namespace detail {

/// x [rows, d_model] = scale · token embedding + position (+ token type 0), normed where the config says so.
template <class S>
void embed(const Stack<S>& p, const Weight<S>& tokens, const ModelConfig& config, Run& run,
           std::span<const SequenceInput<S>> inputs, Out<S> x) {
  const Workspace::Frame frame(run.workspace);
  S* const added = run.workspace.take<S>(config.d_model);
  const auto add = [&](const Weight<S>& table, Index row, S* to) {
    table.row(row, added);
    for (Index c = 0; c < config.d_model; ++c) to[c] += added[c];
  };
  Index r = 0;
  for (const auto& input : inputs)
    for (Index i = 0; i < input.rows(); ++i, ++r) {
      S* const row = x.data() + r * x.outerStride();
      tokens.row(input.tokens[static_cast<std::size_t>(i)], row);
      if (config.embedding_scale != 1.0)
        for (Index c = 0; c < config.d_model; ++c) row[c] *= S(config.embedding_scale);
      const Index position = input.past() + i;
      if (config.positions == Positions::learned) add(p.positions, config.position_offset + position, row);
      if (config.positions == Positions::sinusoidal) add_sinusoidal(position, config.d_model, row);
      if (config.token_types) add(p.token_types, 0, row);
    }
  if (config.embedding_norm) forward(p.embedding_norm, config.norm, run, x, x);
}

}  // namespace detail

/// x [rows, d_model]: the hidden states of all tokens of all sequences after the last block, before the final
/// norm. `causal`: each token sees those before it; otherwise the whole sequence. Caches are written but not
/// advanced. Tokens and windows must have been checked.
template <class S>
void forward(const Stack<S>& p, const Weight<S>& tokens, const ModelConfig& config,
             const PositionTables<S>& tables, bool causal, Run& run, std::span<const SequenceInput<S>> inputs,
             Out<S> x, Trace<S>* trace = nullptr) {
  const Workspace::Frame frame(run.workspace);
  const auto n = static_cast<Index>(inputs.size());
  auto* const sequences = run.workspace.take<AttentionSequence<S>>(n);
  const S** const pages = run.workspace.take<const S*>(n);  // of sequences without a cache: one page each
  Index longest = 0;
  for (Index s = 0, first = 0; s < n; ++s) {
    const auto& input = inputs[static_cast<std::size_t>(s)];
    if (input.cache) input.cache->prepare(input.rows());
    sequences[s] = {first, input.rows(), input.past(), {}};
    first += input.rows();
    longest = (std::max)(longest, input.past() + input.rows());
  }

  detail::embed(p, tokens, config, run, inputs, x);
  if (trace) trace->hidden_states.assign(1, x);

  const bool rotary = config.positions == Positions::rotary;
  auto turns = run.workspace.matrix<S>(x.rows(), rotary ? config.rotary_dimensions() : 0);
  if (rotary)
    for (Index s = 0; s < n; ++s)
      tables.write_turns(config, run.workspace, sequences[s].past, sequences[s].rows,
                         turns.data() + sequences[s].first * turns.cols());
  ScoreBias<S> buckets;
  if (config.positions == Positions::relative_buckets)
    buckets = bucket_bias(p.relative_bias, !causal, config, 1 - longest, causal ? Index{0} : longest - 1);
  const ScoreBias<S>& bias = config.positions == Positions::relative_buckets ? buckets : tables.alibi;

  for (Index layer = 0; layer < config.n_layers; ++layer) {
    const AttentionRule<S> rule = attention_rule(config, layer, causal, bias);
    const std::span<const AttentionSequence<S>> span(sequences, static_cast<std::size_t>(n));
    const auto keep = [&](View<S> q, View<S> k, View<S> v) {
      for (Index s = 0; s < n; ++s) {
        AttentionSequence<S>& sequence = sequences[s];
        if (KeyValues<S>* const cache = inputs[static_cast<std::size_t>(s)].cache) {
          cache->write(layer, sequence.rows, k.data() + sequence.first * k.cols(),
                       v.data() + sequence.first * v.cols(), k.cols());
          sequence.memory = cache->rows(layer, sequence.past + sequence.rows);
        } else {
          pages[s] = k.data() + sequence.first * k.cols();
          sequence.memory = {&pages[s],           sequence.rows, 0, v.data() - k.data(), k.cols(),
                             config.head_width(), sequence.rows};
        }
      }
      if (trace && trace->keep_attentions) {
        auto& kept = trace->attentions.emplace_back();
        for (const auto& sequence : span)
          for (Index h = 0; h < config.n_heads; ++h)
            kept.push_back(attention_probabilities<S>(rule, sequence, q, h));
      }
    };
    const auto attend = [&](View<S> h, Out<S> y, bool add) {
      forward<S>(p.blocks[static_cast<std::size_t>(layer)].attention, rule, config, run, turns, span, h, y,
                 add, keep);
    };
    forward(p.blocks[static_cast<std::size_t>(layer)], config, run, x, attend, attend);
    if (trace) trace->hidden_states.push_back(x);
  }
}

/// The final norm, in place, where the config has one.
template <class S>
void finish(const Stack<S>& p, const ModelConfig& config, Run& run, Out<S> x, Trace<S>* trace = nullptr) {
  if (config.final_norm) forward(p.final_norm, config.norm, run, x, x);
  if (trace) trace->hidden_states.back() = x;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
