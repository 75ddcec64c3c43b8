// The forward pass of a stack: embeddings, blocks, last norm, for several sequences at once.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/ragged.hpp>
#include <eigenformer/model/key_values.hpp>
#include <eigenformer/model/parameters.hpp>

#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

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

/// What the gradient of a stack's pass needs of it.
template <class S> struct StackSaved {
  DropoutPass dropout;
  /// Keeps of each block its input alone; backward computes the rest again, one block at a time.
  bool recompute = false;
  Matrix<S> embedded;                 ///< before the norm of the embeddings, where there is one
  std::vector<Matrix<S>> inputs;      ///< of the blocks, with recompute
  std::vector<BlockSaved<S>> blocks;  ///< of each block; with recompute one, of the block that is at work
  Matrix<S> last;                     ///< after the last block, before the final norm
};

/// The hidden states that cross-attention looks at while training: those of the encoder for each sequence.
template <class S> struct EncodedSource {
  const Matrix<S>& states;  ///< [rows of all sources, d_model]
  const Ragged& layout;
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
void embed(const Stack<S>& p, const Weight<S>& tokens, const ModelConfig& config, Run& run, bool causal,
           std::span<const SequenceInput<S>> inputs, Out<S> x, StackSaved<S>* saved) {
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
  if (config.embedding_norm) {
    if (saved) saved->embedded = x;
    forward(p.embedding_norm, config.norm, run, x, x);
  }
  if (saved) saved->dropout.at(DropoutPlace::embeddings, causal, 0).template apply<S>(run, x);
}

/// Adds one layer's probabilities of every sequence and head.
template <class S>
void keep_attentions(const AttentionRule<S>& rule, std::span<const AttentionSequence<S>> sequences, View<S> q,
                     std::vector<std::vector<Matrix<S>>>& kept) {
  auto& layer = kept.emplace_back();
  for (const auto& sequence : sequences)
    for (Index h = 0; h < rule.heads; ++h) layer.push_back(attention_probabilities<S>(rule, sequence, q, h));
}

/// What the blocks of a stack share in one pass over some sequences. Its memory is the run's: open a frame
/// around it.
template <class S> struct StackPass {
  const Stack<S>& p;
  const ModelConfig& config;
  bool causal;
  Run& run;
  std::span<const SequenceInput<S>> inputs;
  const EncodedSource<S>* source;  ///< while training a decoder with cross-attention
  const DropoutPass* dropout;      ///< while training
  Index rows = 0;
  Index longest = 0;  ///< of the sequences, with what their caches hold
  std::span<AttentionSequence<S>> sequences;
  const void** pages;           ///< of sequences without a cache: one page each
  Eigen::Map<Matrix<S>> turns;  ///< [rows, dimensions] of rotary positions, otherwise without columns
  ScoreBias<S> buckets;
  const ScoreBias<S>* bias;

  StackPass(const Stack<S>& stack, const ModelConfig& its_config, const PositionTables<S>& tables,
            bool is_causal, Run& with, std::span<const SequenceInput<S>> of,
            const EncodedSource<S>* encoded = nullptr, const DropoutPass* drops = nullptr)
      : p(stack),
        config(its_config),
        causal(is_causal),
        run(with),
        inputs(of),
        source(encoded),
        dropout(drops),
        sequences(run.workspace.template take<AttentionSequence<S>>(static_cast<Index>(of.size())),
                  of.size()),
        pages(run.workspace.template take<const void*>(static_cast<Index>(of.size()))),
        turns(nullptr, 0, 0),
        bias(&tables.alibi) {
    Index room = 0;  // what the longest sequence may become
    for (std::size_t s = 0; s < inputs.size(); ++s) {
      const auto& input = inputs[s];
      if (input.cache) input.cache->prepare(input.rows());
      sequences[s] = {rows, input.rows(), input.past(), {}};
      rows += input.rows();
      longest = (std::max)(longest, input.past() + input.rows());
      room = (std::max)(room, input.cache ? input.cache->capacity() : input.rows());
    }
    if (config.positions == Positions::rotary) {
      const Index width = config.rotary_dimensions();
      new (&turns) Eigen::Map<Matrix<S>>(run.workspace.template take<S>(rows * width), rows, width);
      for (const auto& s : sequences)
        tables.write_turns(config, run.workspace, s.past, s.rows, turns.data() + s.first * width);
    }
    if (config.positions == Positions::relative_buckets) {
      buckets = bucket_bias(p.relative_bias, !causal, config, 1 - longest, causal ? Index{0} : longest - 1,
                            run.workspace.template take<S>(config.n_heads * 2 * room));
      bias = &buckets;
    }
  }
  StackPass(const StackPass&) = delete;
  StackPass& operator=(const StackPass&) = delete;

  AttentionRule<S> rule(Index layer) const {
    AttentionRule<S> own = attention_rule(config, layer, causal, *bias);
    if (dropout) own.drop = dropout->at(DropoutPlace::attention, causal, layer);
    return own;
  }
  AttentionRule<S> cross_rule(Index layer) const {
    AttentionRule<S> whole = attention_rule(config, layer, false, ScoreBias<S>{});
    if (dropout) whole.drop = dropout->at(DropoutPlace::cross_attention, causal, layer);
    return whole;
  }
  BlockDropout drops(Index layer) const {
    if (!dropout) return {};
    return {dropout->at(DropoutPlace::attention_branch, causal, layer),
            dropout->at(DropoutPlace::cross_branch, causal, layer),
            dropout->at(DropoutPlace::feed_forward_branch, causal, layer)};
  }

  /// x [rows, d_model] through one block, in place.
  void block(Index layer, Out<S> x, Trace<S>* trace, BlockSaved<S>* saved) {
    const Block<S>& b = p.blocks[static_cast<std::size_t>(layer)];
    const AttentionRule<S> own = rule(layer), whole = cross_rule(layer);
    const bool keep_attentions = trace && trace->keep_attentions;
    const auto keep = [&](View<S> q, View<S> k, View<S> v) {
      for (std::size_t s = 0; s < inputs.size(); ++s) {
        AttentionSequence<S>& sequence = sequences[s];
        if (KeyValues<S>* const cache = inputs[s].cache) {
          cache->write(layer, sequence.rows, k.data() + sequence.first * k.cols(),
                       v.data() + sequence.first * v.cols(), k.cols());
          sequence.memory = cache->rows(layer, sequence.past + sequence.rows);
        } else {
          point(s, k, v, sequence.first, sequence.rows);
        }
      }
      if (keep_attentions) detail::keep_attentions<S>(own, sequences, q, trace->attentions);
    };
    const auto attend = [&](View<S> h, Out<S> y, bool add) {
      forward<S>(b.attention, own, config, run, turns, sequences, h, y, add, keep,
                 saved ? &saved->attention : nullptr);
    };
    const auto cross = [&](View<S> h, Out<S> y, bool add) {
      const Workspace::Frame frame(run.workspace);
      const Index keys = source ? source->states.rows() : 0, width = b.cross.key.weight.rows();
      auto memory = run.workspace.template matrix<S>(2 * keys, width);
      const Out<S> k(memory.topRows(keys)), v(memory.bottomRows(keys));
      if (source) {
        forward<S>(b.cross.key, run, source->states, k);
        forward<S>(b.cross.value, run, source->states, v);
      }
      for (std::size_t s = 0; s < inputs.size(); ++s) {
        const auto i = static_cast<Index>(s);
        if (source)
          point(s, k, v, source->layout.begin(i), source->layout.length(i));
        else
          sequences[s].memory = inputs[s].source->rows(layer, inputs[s].source->size());
      }
      const auto look = [&](View<S> q) {
        if (saved) saved->cross.keep(q, k, v, whole.heads);
        if (keep_attentions) detail::keep_attentions<S>(whole, sequences, q, trace->cross_attentions);
      };
      forward_source<S>(b.cross, whole, run, sequences, h, y, add, look, saved ? &saved->cross : nullptr);
    };
    forward(b, config, run, x, attend, cross, saved, drops(layer));
    if (trace) trace->hidden_states.push_back(x);
  }

 private:
  /// Sequence s looks at rows [first, first + count) of k and v, which lie one behind the other in memory.
  void point(std::size_t s, View<S> k, View<S> v, Index first, Index count) {
    pages[s] = k.data() + first * k.cols();
    sequences[s].memory = {&pages[s], count, 0, v.data() - k.data(), k.cols(), config.head_width(), count};
  }
};

}  // namespace detail

/// x [rows, d_model]: the hidden states of all tokens of all sequences after the last block, before the final
/// norm. `causal`: each token sees those before it; otherwise the whole sequence. Caches are written but not
/// advanced. Inputs must have been checked; those of a decoder with cross-attention have a source, or all of
/// them have `source`.
template <class S>
void forward(const Stack<S>& p, const Weight<S>& tokens, const ModelConfig& config,
             const PositionTables<S>& tables, bool causal, Run& run, std::span<const SequenceInput<S>> inputs,
             Out<S> x, Trace<S>* trace = nullptr, StackSaved<S>* saved = nullptr,
             const EncodedSource<S>* source = nullptr) {
  const Workspace::Frame frame(run.workspace);
  detail::StackPass<S> pass(p, config, tables, causal, run, inputs, source,
                            saved ? &saved->dropout : nullptr);
  detail::embed(p, tokens, config, run, causal, inputs, x, saved);
  if (trace) trace->hidden_states.assign(1, x);
  const auto layers = static_cast<std::size_t>(config.n_layers);
  if (saved) {
    saved->inputs.resize(saved->recompute ? layers : 0);
    saved->blocks.resize(saved->recompute ? 1 : layers);
  }
  for (std::size_t layer = 0; layer < layers; ++layer) {
    if (saved && saved->recompute) saved->inputs[layer] = x;
    pass.block(static_cast<Index>(layer), x, trace,
               saved && !saved->recompute ? &saved->blocks[layer] : nullptr);
  }
  if (saved) saved->last = x;
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

EIGENFORMER_ONCE(model, void forward<float>(const Stack<float>&, const Weight<float>&, const ModelConfig&,
                                            const PositionTables<float>&, bool, Run&,
                                            std::span<const SequenceInput<float>>, Out<float>, Trace<float>*,
                                            StackSaved<float>*, const EncodedSource<float>*));
EIGENFORMER_ONCE(model,
                 void forward<double>(const Stack<double>&, const Weight<double>&, const ModelConfig&,
                                      const PositionTables<double>&, bool, Run&,
                                      std::span<const SequenceInput<double>>, Out<double>, Trace<double>*,
                                      StackSaved<double>*, const EncodedSource<double>*));
EIGENFORMER_ONCE(model, void finish<float>(const Stack<float>&, const ModelConfig&, Run&, Out<float>,
                                           Trace<float>*));
EIGENFORMER_ONCE(model, void finish<double>(const Stack<double>&, const ModelConfig&, Run&, Out<double>,
                                            Trace<double>*));
EIGENFORMER_ONCE(model, Matrix<float> hidden_states<float>(const Stack<float>&, const Weight<float>&,
                                                           const ModelConfig&, const PositionTables<float>&,
                                                           bool, Run&, std::span<const SequenceInput<float>>,
                                                           Trace<float>*));
EIGENFORMER_ONCE(model,
                 Matrix<double> hidden_states<double>(const Stack<double>&, const Weight<double>&,
                                                      const ModelConfig&, const PositionTables<double>&, bool,
                                                      Run&, std::span<const SequenceInput<double>>,
                                                      Trace<double>*));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
