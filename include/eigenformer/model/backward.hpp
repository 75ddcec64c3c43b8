// The gradient of a stack: final norm, blocks in reverse, embeddings.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/model/transformer.hpp>
#include <eigenformer/nn/attention_backward.hpp>

#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// The gradient of embed(): each row of dx [rows, d_model] is added to those of its token, its position and
/// its type; dy is used up by dropout. Threads share the columns, so that a row's additions have one order.
template <class S>
void embed_backward(const Stack<S>& p, const ModelConfig& config, Run& run, bool causal,
                    std::span<const SequenceInput<S>> inputs, const StackSaved<S>& saved, Out<S> dy,
                    Stack<S>& grad, Weight<S>& d_tokens) {
  const Workspace::Frame frame(run.workspace);
  auto dx = run.workspace.matrix<S>(dy.rows(), dy.cols());
  saved.dropout.at(DropoutPlace::embeddings, causal, 0).template apply<S>(run, dy);
  if (config.embedding_norm) {
    dx.setZero();
    backward<S>(p.embedding_norm, config.norm, run, saved.embedded, dy, dx, grad.embedding_norm);
  } else {
    dx = dy;
  }
  constexpr Index grain = 64;
  run.threads.slices(config.d_model, grain, [&](Index begin, Index end) {
    const S scale = S(config.embedding_scale);
    const auto add = [&](Weight<S>& table, Index row, const S* from, S factor) {
      if (table.empty()) return;
      S* const to = table.values().data() + row * table.cols();
      for (Index c = begin; c < end; ++c) to[c] += from[c] * factor;
    };
    const S* row = dx.data();
    for (const auto& input : inputs)
      for (Index i = 0; i < input.rows(); ++i, row += dx.cols()) {
        const auto at = static_cast<std::size_t>(i);
        add(d_tokens, input.tokens[at], row, scale);
        if (config.positions == Positions::learned)
          add(grad.positions, config.position_offset + i, row, S(1));
        if (config.token_types)
          add(grad.token_types, input.token_types.empty() ? 0 : input.token_types[at], row, S(1));
      }
  });
}

}  // namespace detail

/// The gradient of finish(): dx [rows, d_model] comes in as that of the normed hidden states.
template <class S>
void finish_backward(const Stack<S>& p, const ModelConfig& config, Run& run, const StackSaved<S>& saved,
                     Out<S> dx, Stack<S>& grad) {
  if (!config.final_norm) return;
  const Workspace::Frame frame(run.workspace);
  auto d = run.workspace.matrix<S>(dx.rows(), dx.cols());
  d.setZero();
  backward<S>(p.final_norm, config.norm, run, saved.last, dx, d, grad.final_norm);
  dx = d;
}

/// The gradient of forward(Stack), whose arguments these are, with what it saved: dx [rows, d_model] comes in
/// as that of its result and is used up; the gradients of the parameters are added to `grad` and `d_tokens`,
/// that of the source's states, where there is one, to *d_source. Inputs are whole sequences, without caches.
template <class S>
void backward(const Stack<S>& p, const ModelConfig& config, const PositionTables<S>& tables, bool causal,
              Run& run, std::span<const SequenceInput<S>> inputs, StackSaved<S>& saved, Out<S> dx,
              Stack<S>& grad, Weight<S>& d_tokens, const EncodedSource<S>* source = nullptr,
              Matrix<S>* d_source = nullptr) {
  const Workspace::Frame frame(run.workspace);
  detail::StackPass<S> pass(p, config, tables, causal, run, inputs, source, &saved.dropout);
  const std::size_t n = inputs.size();
  const std::span own_rows(run.workspace.template take<AttentionRows>(static_cast<Index>(n)), n);
  const std::span cross_rows(run.workspace.template take<AttentionRows>(static_cast<Index>(n)), n);
  for (std::size_t s = 0; s < n; ++s) {
    const auto& sequence = pass.sequences[s];
    own_rows[s] = {sequence.first, sequence.rows, sequence.first, sequence.rows};
    cross_rows[s] = own_rows[s];
    if (!source) continue;
    cross_rows[s].first_key = source->layout.begin(static_cast<Index>(s));
    cross_rows[s].keys = source->layout.length(static_cast<Index>(s));
  }
  const bool buckets = config.positions == Positions::relative_buckets && !grad.relative_bias.empty();
  auto d_bias = run.workspace.matrix<S>(config.n_heads, buckets ? pass.bias->distances : 0);
  d_bias.setZero();
  auto x = run.workspace.matrix<S>(saved.recompute ? dx.rows() : 0, dx.cols());
  const Matrix<S> no_turns;

  for (Index layer = config.n_layers; layer-- > 0;) {
    const auto l = static_cast<std::size_t>(layer);
    BlockSaved<S>& kept = saved.blocks[saved.recompute ? 0 : l];
    if (saved.recompute) {
      x = saved.inputs[l];
      pass.block(layer, x, nullptr, &kept);
    }
    const auto attend = [&](View<S> h, View<S> dy, Out<S> dh) {
      backward<S>(p.blocks[l].attention, pass.rule(layer), config, run, pass.turns, own_rows, kept.attention,
                  h, h, dy, dh, dh, grad.blocks[l].attention, buckets ? d_bias.data() : nullptr);
    };
    const auto cross = [&](View<S> h, View<S> dy, Out<S> dh) {
      backward<S>(p.blocks[l].cross, pass.cross_rule(layer), config, run, no_turns, cross_rows, kept.cross, h,
                  source->states, dy, dh, *d_source, grad.blocks[l].cross);
    };
    backward<S>(p.blocks[l], config, run, kept, dx, grad.blocks[l], attend, cross, pass.drops(layer));
  }
  if (buckets)
    bucket_bias_backward<S>(!causal, config, pass.bias->first, d_bias, grad.relative_bias.values());
  detail::embed_backward<S>(p, config, run, causal, inputs, saved, dx, grad, d_tokens);
}

EIGENFORMER_ONCE(train, void finish_backward<float>(const Stack<float>&, const ModelConfig&, Run&,
                                                    const StackSaved<float>&, Out<float>, Stack<float>&));
EIGENFORMER_ONCE(train, void finish_backward<double>(const Stack<double>&, const ModelConfig&, Run&,
                                                     const StackSaved<double>&, Out<double>, Stack<double>&));
EIGENFORMER_ONCE(train,
                 void backward<float>(const Stack<float>&, const ModelConfig&, const PositionTables<float>&,
                                      bool, Run&, std::span<const SequenceInput<float>>, StackSaved<float>&,
                                      Out<float>, Stack<float>&, Weight<float>&, const EncodedSource<float>*,
                                      Matrix<float>*));
EIGENFORMER_ONCE(train, void backward<double>(const Stack<double>&, const ModelConfig&,
                                              const PositionTables<double>&, bool, Run&,
                                              std::span<const SequenceInput<double>>, StackSaved<double>&,
                                              Out<double>, Stack<double>&, Weight<double>&,
                                              const EncodedSource<double>*, Matrix<double>*));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
