// A transformer block: attention and feed-forward on the residual stream. The only header that knows where
// norms stand and how branches join.
#pragma once

#include <eigenformer/nn/attention.hpp>
#include <eigenformer/nn/feed_forward.hpp>
#include <eigenformer/nn/norm.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

template <class S> struct Block {
  Norm<S> attention_norm;  ///< before attention; after it where norms stand after the branches
  Attention<S> attention;
  Norm<S> attention_post_norm;  ///< only with norms before and after
  Norm<S> cross_norm;           ///< these two only in the decoder of an encoder-decoder
  Attention<S> cross;
  Norm<S> feed_forward_norm;
  FeedForward<S> feed_forward;
  Norm<S> feed_forward_post_norm;

  static void members(auto& self, auto&& visit) {
    visit("attention_norm", self.attention_norm);
    visit("attention", self.attention);
    visit("attention_post_norm", self.attention_post_norm);
    visit("cross_norm", self.cross_norm);
    visit("cross", self.cross);
    visit("feed_forward_norm", self.feed_forward_norm);
    visit("feed_forward", self.feed_forward);
    visit("feed_forward_post_norm", self.feed_forward_post_norm);
  }
};

/// What backward needs of one branch: its input on the residual stream, and what its second norm was given.
template <class S> struct BranchSaved {
  Matrix<S> input;  ///< [rows, d_model]
  Matrix<S> inner;  ///< [rows, d_model]: x + f(x) where norms stand after, f(norm(x)) where on both sides
};

/// What is dropped of each branch before it joins the residual stream, while training.
struct BlockDropout {
  Dropout attention, cross, feed_forward;
};

/// What backward needs of a block.
template <class S> struct BlockSaved {
  BranchSaved<S> attention_branch, cross_branch, feed_forward_branch;
  AttentionSaved<S> attention, cross;
  FeedForwardSaved<S> feed_forward;
};

namespace detail {

/// x += drop(f(h)); without dropout the branch adds by itself.
template <class S, class Branch>
void join(Run& run, View<S> h, Out<S> x, Branch&& branch, const Dropout& drop) {
  if (!drop.on()) return branch(h, x, true);
  const Workspace::Frame frame(run.workspace);
  auto y = run.workspace.matrix<S>(x.rows(), x.cols());
  branch(h, y, false);
  drop.template apply<S>(run, y);
  x += y;
}

/// dh += the gradient of join() at h, for dx, that of its result.
template <class S, class Branch>
void join_backward(Run& run, View<S> h, View<S> dx, Out<S> dh, Branch&& branch, const Dropout& drop) {
  if (!drop.on()) return branch(h, dx, dh);
  const Workspace::Frame frame(run.workspace);
  auto dy = run.workspace.matrix<S>(dx.rows(), dx.cols());
  dy = dx;
  drop.template apply<S>(run, dy);
  branch(h, dy, dh);
}

/// One branch around the residual stream x. `branch(h, y, add)` computes y (+)= f(h).
///   before: x += f(norm(x))      after: x = norm(x + f(x))      both: x += post(f(norm(x)))
/// What joins x passes dropout first, while training.
template <class S, class Branch>
void sub_layer(const Norm<S>& norm, const Norm<S>& post, const ModelConfig& config, Run& run, Out<S> x,
               Branch&& branch, BranchSaved<S>* saved, const Dropout& drop) {
  const Workspace::Frame frame(run.workspace);
  if (saved) saved->input = x;
  auto h = run.workspace.matrix<S>(x.rows(), x.cols());
  switch (config.norm_placement) {
    case NormPlacement::before:
      forward(norm, config.norm, run, x, h);
      if (config.residual_source == ResidualSource::normed) x = h;
      join<S>(run, h, x, branch, drop);
      break;
    case NormPlacement::after:
      h = x;
      join<S>(run, h, x, branch, drop);
      if (saved) saved->inner = x;
      forward(norm, config.norm, run, x, x);
      break;
    case NormPlacement::both: {
      auto y = run.workspace.matrix<S>(x.rows(), x.cols());
      forward(norm, config.norm, run, x, h);
      branch(h, y, false);
      if (saved) saved->inner = y;
      forward(post, config.norm, run, y, y);
      drop.template apply<S>(run, y);
      x += y;
      break;
    }
  }
}

/// The gradient of sub_layer: dx comes in as that of its output and leaves as that of its input.
/// `branch(h, dy, dh)` computes dh += the gradient of f at h.
template <class S, class Branch>
void sub_layer_backward(const Norm<S>& norm, const Norm<S>& post, const ModelConfig& config, Run& run,
                        const BranchSaved<S>& saved, Out<S> dx, Norm<S>& d_norm, Norm<S>& d_post,
                        Branch&& branch, const Dropout& drop) {
  const Workspace::Frame frame(run.workspace);
  const View<S> x = saved.input;
  auto d = run.workspace.matrix<S>(dx.rows(), dx.cols());
  d.setZero();
  if (config.norm_placement == NormPlacement::after) {  // d: of x + f(x)
    backward<S>(norm, config.norm, run, saved.inner, dx, d, d_norm);
    dx = d;
    join_backward<S>(run, x, d, dx, branch, drop);
    return;
  }
  auto h = run.workspace.matrix<S>(dx.rows(), dx.cols());  // d: of h = norm(x)
  forward<S>(norm, config.norm, run, x, h);
  if (config.norm_placement == NormPlacement::both) {
    const auto normed = [&](View<S> at, View<S> dy, Out<S> dh) {
      auto d_inner = run.workspace.matrix<S>(dy.rows(), dy.cols());
      d_inner.setZero();
      backward<S>(post, config.norm, run, saved.inner, dy, d_inner, d_post);
      branch(at, d_inner, dh);
    };
    join_backward<S>(run, h, dx, d, normed, drop);
  } else {
    join_backward<S>(run, h, dx, d, branch, drop);
    if (config.residual_source == ResidualSource::normed) {
      d += dx;
      dx.setZero();
    }
  }
  backward<S>(norm, config.norm, run, x, d, dx, d_norm);
}

}  // namespace detail

/// x [rows, d_model] through a block, in place. `attend(h, y, add)` and `cross(h, y, add)` compute
/// y (+)= attention(h) for a normed input h; a block without cross-attention never calls the latter. What
/// `saved` keeps of attention is theirs to keep.
template <class S, class Attend, class Cross>
void forward(const Block<S>& p, const ModelConfig& config, Run& run, Out<S> x, Attend&& attend, Cross&& cross,
             BlockSaved<S>* saved = nullptr, const BlockDropout& drops = {}) {
  eigen_assert(x.cols() == p.feed_forward.up.weight.cols() && "x is as wide as the block");
  const auto feed = [&](View<S> h, Out<S> y, bool add) {
    forward(p.feed_forward, config, run, h, y, add, saved ? &saved->feed_forward : nullptr);
  };
  if (config.branches != Branches::sequential) {  // x += attention(norm(x)) + feed_forward(norm(x))
    const Workspace::Frame frame(run.workspace);
    if (saved) saved->attention_branch.input = x;
    auto h = run.workspace.matrix<S>(x.rows(), x.cols());
    auto g = run.workspace.matrix<S>(x.rows(), x.cols());
    forward(p.attention_norm, config.norm, run, x, h);
    if (config.branches == Branches::parallel_two_norms) {
      forward(p.feed_forward_norm, config.norm, run, x, g);
      detail::join<S>(run, g, x, feed, drops.feed_forward);
    } else {
      detail::join<S>(run, h, x, feed, drops.feed_forward);
    }
    detail::join<S>(run, h, x, attend, drops.attention);
    return;
  }
  detail::sub_layer(p.attention_norm, p.attention_post_norm, config, run, x, attend,
                    saved ? &saved->attention_branch : nullptr, drops.attention);
  if (!p.cross.query.weight.empty())
    detail::sub_layer(p.cross_norm, p.cross_norm, config, run, x, cross,
                      saved ? &saved->cross_branch : nullptr, drops.cross);
  detail::sub_layer(p.feed_forward_norm, p.feed_forward_post_norm, config, run, x, feed,
                    saved ? &saved->feed_forward_branch : nullptr, drops.feed_forward);
}

/// The gradient of a block: dx [rows, d_model] comes in as that of its output and leaves as that of its
/// input. `attend(h, dy, dh)` and `cross(h, dy, dh)` compute dh += the gradient of the attention at h, and
/// add to the gradients of its parameters.
template <class S, class Attend, class Cross>
void backward(const Block<S>& p, const ModelConfig& config, Run& run, const BlockSaved<S>& saved, Out<S> dx,
              Block<S>& grad, Attend&& attend, Cross&& cross, const BlockDropout& drops = {}) {
  eigen_assert(dx.cols() == p.feed_forward.up.weight.cols() && "dx is as wide as the block");
  const auto feed = [&](View<S> h, View<S> dy, Out<S> dh) {
    backward<S>(p.feed_forward, config, run, saved.feed_forward, h, dy, dh, grad.feed_forward);
  };
  if (config.branches != Branches::sequential) {
    const Workspace::Frame frame(run.workspace);
    const View<S> x = saved.attention_branch.input;
    auto h = run.workspace.matrix<S>(dx.rows(), dx.cols());
    auto dh = run.workspace.matrix<S>(dx.rows(), dx.cols());
    auto dx_of_norms = run.workspace.matrix<S>(dx.rows(), dx.cols());
    dx_of_norms.setZero();
    dh.setZero();
    if (config.branches == Branches::parallel_two_norms) {
      forward<S>(p.feed_forward_norm, config.norm, run, x, h);
      detail::join_backward<S>(run, h, dx, dh, feed, drops.feed_forward);
      backward<S>(p.feed_forward_norm, config.norm, run, x, dh, dx_of_norms, grad.feed_forward_norm);
      dh.setZero();
    }
    forward<S>(p.attention_norm, config.norm, run, x, h);
    if (config.branches == Branches::parallel_one_norm)
      detail::join_backward<S>(run, h, dx, dh, feed, drops.feed_forward);
    detail::join_backward<S>(run, h, dx, dh, attend, drops.attention);
    backward<S>(p.attention_norm, config.norm, run, x, dh, dx_of_norms, grad.attention_norm);
    dx += dx_of_norms;
    return;
  }
  detail::sub_layer_backward(p.feed_forward_norm, p.feed_forward_post_norm, config, run,
                             saved.feed_forward_branch, dx, grad.feed_forward_norm,
                             grad.feed_forward_post_norm, feed, drops.feed_forward);
  if (!p.cross.query.weight.empty())
    detail::sub_layer_backward(p.cross_norm, p.cross_norm, config, run, saved.cross_branch, dx,
                               grad.cross_norm, grad.cross_norm, cross, drops.cross);
  detail::sub_layer_backward(p.attention_norm, p.attention_post_norm, config, run, saved.attention_branch, dx,
                             grad.attention_norm, grad.attention_post_norm, attend, drops.attention);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
