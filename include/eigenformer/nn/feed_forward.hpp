// Feed-forward layer: down(act(up(x))), or gated: down(act(gate(x)) · up(x)).
#pragma once

#include <eigenformer/nn/activation.hpp>
#include <eigenformer/nn/linear.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

template <class S> struct FeedForward {
  Linear<S> gate;  ///< [d_ff, d_model]; empty for the plain form
  Linear<S> up;    ///< [d_ff, d_model]
  Linear<S> down;  ///< [d_model, d_ff]

  static void members(auto& self, auto&& visit) {
    visit("gate", self.gate);
    visit("up", self.up);
    visit("down", self.down);
  }
};

/// y [rows, d_model] (+)= feed_forward(x [rows, d_model])
template <class S>
void forward(const FeedForward<S>& p, const ModelConfig& config, Run& run, View<S> x, Out<S> y, bool add) {
  const Workspace::Frame frame(run.workspace);
  const Index rows = x.rows(), width = p.up.weight.rows();
  auto hidden = run.workspace.matrix<S>(rows, width);
  forward(p.up, run, x, hidden);
  constexpr Index grain = detail::activation_grain;
  if (config.gated) {
    auto gate = run.workspace.matrix<S>(rows, width);
    forward(p.gate, run, x, gate);
    run.threads.slices(rows * width, grain, [&](Index begin, Index end) {
      activate_gated(config.activation, end - begin, gate.data() + begin, hidden.data() + begin,
                     hidden.data() + begin);
    });
  } else {
    run.threads.slices(rows * width, grain, [&](Index begin, Index end) {
      activate(config.activation, end - begin, hidden.data() + begin, hidden.data() + begin);
    });
  }
  add ? forward_add(p.down, run, hidden, y) : forward(p.down, run, hidden, y);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
