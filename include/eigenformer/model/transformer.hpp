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
  KeyValues<S>* cache = nullptr;            ///< none: these tokens are the whole sequence
  std::span<const Token> token_types = {};  ///< one a token; none: all of type 0
  const KeyValues<S>* source = nullptr;     ///< what cross-attention looks at; only in an encoder-decoder

  Index rows() const { return static_cast<Index>(tokens.size()); }
  Index past() const { return cache ? cache->size() : 0; }
};

/// The sequences of a batch, each of them whole. `types`: of each token, or none.
/// @throws InputError  for types of another number of sequences
template <class S>
std::vector<SequenceInput<S>> whole_sequences(const TokenBatch& batch, const TokenBatch& types = {}) {
  if (!types.empty() && types.size() != batch.size())
    fail(InputError(concat("token types of ", types.size(), " sequences for ", batch.size())));
  std::vector<SequenceInput<S>> inputs;
  for (const auto& tokens : batch) inputs.push_back({tokens});
  for (std::size_t s = 0; s < types.size(); ++s) inputs[s].token_types = types[s];
  return inputs;
}

/// What a pass keeps for those who ask: row r of a matrix belongs to row r of the batch.
template <class S> struct Trace {
  /// [0] after the embeddings, [i] after block i; the last one after the final norm, as Hugging Face has it.
  std::vector<Matrix<S>> hidden_states;
  bool keep_attentions = false;
  std::vector<std::vector<Matrix<S>>> attentions;  ///< [layer][sequence · heads + head]: [queries, keys]
  std::vector<std::vector<Matrix<S>>> cross_attentions;  ///< likewise, over the tokens of the source
};

/// @throws InputError  for an empty sequence or a token outside the vocabulary, with its place
inline void check_tokens(std::span<const Token> tokens, const ModelConfig& config) {
  if (tokens.empty()) fail(InputError("a sequence of no tokens"));
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= config.vocab_size)
      fail(InputError(concat("token ", tokens[i], " at position ", i, " is outside the vocabulary of ",
                             config.vocab_size)));
}

/// @throws InputError  unless there are no types, or one of the config's for each of `count` tokens
inline void check_token_types(std::span<const Token> types, std::size_t count, const ModelConfig& config) {
  if (types.empty()) return;
  if (types.size() != count) fail(InputError(concat(types.size(), " token types for ", count, " tokens")));
  for (std::size_t i = 0; i < types.size(); ++i)
    if (types[i] < 0 || types[i] >= (std::max)(config.token_types, Index{1}))
      fail(InputError(concat("token type ", types[i], " at position ", i, ": the model has ",
                             config.token_types, " types")));
}

/// @throws WindowError  if a sequence of `length` tokens exceeds the context window
inline void check_window(Index length, const ModelConfig& config) {
  if (length > config.max_positions)
    fail(WindowError(config.max_positions, length,
                     concat(length, " tokens exceed the context window of ", config.max_positions)));
}

/// @throws InputError, WindowError  for a sequence that a stack of this config cannot compute
template <class S> void check_input(const SequenceInput<S>& input, const ModelConfig& config) {
  check_tokens(input.tokens, config);
  check_token_types(input.token_types, input.tokens.size(), config);
  check_window(input.past() + input.rows(), config);
}

namespace detail {

/// x [rows, d_model] = scale · token embedding + position (+ token type), normed where the config says so.
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
      if (config.token_types)
        add(p.token_types, input.token_types.empty() ? 0 : input.token_types[static_cast<std::size_t>(i)],
            row);
    }
  if (config.embedding_norm) forward(p.embedding_norm, config.norm, run, x, x);
}

/// Adds one layer's probabilities of every sequence and head.
template <class S>
void keep_attentions(const AttentionRule<S>& rule, std::span<const AttentionSequence<S>> sequences, View<S> q,
                     std::vector<std::vector<Matrix<S>>>& kept) {
  auto& layer = kept.emplace_back();
  for (const auto& sequence : sequences)
    for (Index h = 0; h < rule.heads; ++h) layer.push_back(attention_probabilities<S>(rule, sequence, q, h));
}

}  // namespace detail

/// x [rows, d_model]: the hidden states of all tokens of all sequences after the last block, before the final
/// norm. `causal`: each token sees those before it; otherwise the whole sequence. Caches are written but not
/// advanced. Inputs must have been checked; those of a decoder with cross-attention have a source.
template <class S>
void forward(const Stack<S>& p, const Weight<S>& tokens, const ModelConfig& config,
             const PositionTables<S>& tables, bool causal, Run& run, std::span<const SequenceInput<S>> inputs,
             Out<S> x, Trace<S>* trace = nullptr) {
  const Workspace::Frame frame(run.workspace);
  const auto n = static_cast<Index>(inputs.size());
  auto* const sequences = run.workspace.take<AttentionSequence<S>>(n);
  const S** const pages = run.workspace.take<const S*>(n);  // of sequences without a cache: one page each
  Index longest = 0, room = 0;  // what the longest sequence is now, and what it may become
  for (Index s = 0, first = 0; s < n; ++s) {
    const auto& input = inputs[static_cast<std::size_t>(s)];
    if (input.cache) input.cache->prepare(input.rows());
    sequences[s] = {first, input.rows(), input.past(), {}};
    first += input.rows();
    longest = (std::max)(longest, input.past() + input.rows());
    room = (std::max)(room, input.cache ? input.cache->capacity() : input.rows());
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
    buckets = bucket_bias(p.relative_bias, !causal, config, 1 - longest, causal ? Index{0} : longest - 1,
                          run.workspace.template take<S>(config.n_heads * 2 * room));
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
      if (trace && trace->keep_attentions) detail::keep_attentions<S>(rule, span, q, trace->attentions);
    };
    const Block<S>& block = p.blocks[static_cast<std::size_t>(layer)];
    const auto attend = [&](View<S> h, Out<S> y, bool add) {
      forward<S>(block.attention, rule, config, run, turns, span, h, y, add, keep);
    };
    const auto cross = [&](View<S> h, Out<S> y, bool add) {
      const AttentionRule<S> whole = attention_rule(config, layer, false, ScoreBias<S>{});
      for (Index s = 0; s < n; ++s) {
        const KeyValues<S>& source = *inputs[static_cast<std::size_t>(s)].source;
        sequences[s].memory = source.rows(layer, source.size());
      }
      const auto keep_queries = [&](View<S> q) {
        if (trace && trace->keep_attentions)
          detail::keep_attentions<S>(whole, span, q, trace->cross_attentions);
      };
      forward_source<S>(block.cross, whole, run, span, h, y, add, keep_queries);
    };
    forward(block, config, run, x, attend, cross);
    if (trace) trace->hidden_states.push_back(x);
  }
}

/// The final norm, in place, where the config has one.
template <class S>
void finish(const Stack<S>& p, const ModelConfig& config, Run& run, Out<S> x, Trace<S>* trace = nullptr) {
  if (config.final_norm) forward(p.final_norm, config.norm, run, x, x);
  if (trace) trace->hidden_states.back() = x;
}

/// Hidden states after the final norm of whole sequences, [tokens of all sequences, d_model]. Without a trace
/// the sequences go through in groups of about 512 rows, so that scratch memory stays within the caches; a
/// sequence's result depends on nothing but the sequence.
/// @throws InputError, WindowError  before any work is done
template <class S>
Matrix<S> hidden_states(const Stack<S>& p, const Weight<S>& tokens, const ModelConfig& config,
                        const PositionTables<S>& tables, bool causal, Run& run,
                        std::span<const SequenceInput<S>> inputs, Trace<S>* trace = nullptr) {
  constexpr Index rows_of_a_group = 512;
  Index rows = 0;
  for (const auto& input : inputs) {
    check_input(input, config);
    rows += input.rows();
  }
  Matrix<S> x(rows, config.d_model);
  Index first = 0;
  std::size_t begin = 0, end = 0;
  while (begin < inputs.size()) {
    Index taken = 0;
    while (end < inputs.size() && (trace || taken < rows_of_a_group)) taken += inputs[end++].rows();
    Out<S> group(x.middleRows(first, taken));
    forward<S>(p, tokens, config, tables, causal, run, inputs.subspan(begin, end - begin), group, trace);
    finish<S>(p, config, run, group, trace);
    first += taken;
    begin = end;
  }
  return x;
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
