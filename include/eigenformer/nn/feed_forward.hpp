// Feed-forward layer: down(act(up(x))), or gated: down(act(gate(x)) · up(x)).
#pragma once

#include <eigenformer/nn/activation.hpp>
#include <eigenformer/nn/linear.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

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

/// What backward needs of a forward pass: the inputs of the activation, [rows, d_ff].
template <class S> struct FeedForwardSaved {
  Matrix<S> gate;  ///< only of the gated form
  Matrix<S> up;
};

/// y [rows, d_model] (+)= feed_forward(x [rows, d_model])
template <class S>
void forward(const FeedForward<S>& p, const ModelConfig& config, Run& run, View<S> x, Out<S> y, bool add,
             FeedForwardSaved<S>* saved = nullptr) {
  eigen_assert((!config.gated || p.gate.weight.rows() == p.up.weight.rows()) &&
               "gate and up have the same shape");
  const Workspace::Frame frame(run.workspace);
  const Index rows = x.rows(), width = p.up.weight.rows();
  auto hidden = run.workspace.matrix<S>(rows, width);
  forward(p.up, run, x, hidden);
  if (saved) saved->up = hidden;
  constexpr Index grain = detail::activation_grain;
  if (config.gated) {
    auto gate = run.workspace.matrix<S>(rows, width);
    forward(p.gate, run, x, gate);
    if (saved) saved->gate = gate;
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

/// dx [rows, d_model] += the gradient of feed_forward(x), for dy [rows, d_model]. With h = act(gate) · up and
/// dh = dy · W_down:  dup = dh · act(gate),  dgate = dh · up · act′(gate);  plain: dup = dh · act′(up).
template <class S>
void backward(const FeedForward<S>& p, const ModelConfig& config, Run& run, const FeedForwardSaved<S>& saved,
              View<S> x, View<S> dy, Out<S> dx, FeedForward<S>& grad) {
  eigen_assert(saved.up.rows() == x.rows() && saved.up.cols() == p.up.weight.rows() &&
               "saved is of a forward pass of x");
  using V = lanes::Vector<S>;
  const Workspace::Frame frame(run.workspace);
  const Index rows = x.rows(), width = p.up.weight.rows();
  const auto product_of = [](const V& a, const V& b) { return a * b; };
  const auto elements = [&](auto&& body) {  // body(first, n)
    run.threads.slices(rows * width, detail::activation_grain,
                       [&](Index begin, Index end) { body(begin, end - begin); });
  };
  auto hidden = run.workspace.matrix<S>(rows, width);
  elements([&](Index i, Index n) {
    if (config.gated)
      activate_gated(config.activation, n, saved.gate.data() + i, saved.up.data() + i, hidden.data() + i);
    else
      activate(config.activation, n, saved.up.data() + i, hidden.data() + i);
  });
  auto d_hidden = run.workspace.matrix<S>(rows, width);
  d_hidden.setZero();
  backward<S>(p.down, run, hidden, dy, d_hidden, grad.down);

  if (config.gated) {
    elements([&](Index i, Index n) {
      activate_gated(config.activation, n, saved.gate.data() + i, d_hidden.data() + i, hidden.data() + i);
    });
    backward<S>(p.up, run, x, hidden, dx, grad.up);
    elements([&](Index i, Index n) {
      map(n, d_hidden.data() + i, product_of, d_hidden.data() + i, saved.up.data() + i);
    });
  }
  const Matrix<S>& activated = config.gated ? saved.gate : saved.up;
  elements([&](Index i, Index n) {
    activation_backward(config.activation, n, activated.data() + i, d_hidden.data() + i);
  });
  if (config.gated)
    backward<S>(p.gate, run, x, d_hidden, dx, grad.gate);
  else
    backward<S>(p.up, run, x, d_hidden, dx, grad.up);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
