// A transformer block: attention and feed-forward on the residual stream. The only header that knows where
// norms stand and how branches join.
#pragma once

#include <eigenformer/nn/attention.hpp>
#include <eigenformer/nn/feed_forward.hpp>
#include <eigenformer/nn/norm.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

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

namespace detail {

/// One branch around the residual stream x. `branch(h, y, add)` computes y (+)= f(h).
///   before: x += f(norm(x))      after: x = norm(x + f(x))      both: x += post(f(norm(x)))
template <class S, class Branch>
void sub_layer(const Norm<S>& norm, const Norm<S>& post, const ModelConfig& config, Run& run, Out<S> x,
               Branch&& branch) {
  const Workspace::Frame frame(run.workspace);
  auto h = run.workspace.matrix<S>(x.rows(), x.cols());
  switch (config.norm_placement) {
    case NormPlacement::before:
      forward(norm, config.norm, run, x, h);
      if (config.residual_source == ResidualSource::normed) x = h;
      branch(h, x, true);
      break;
    case NormPlacement::after:
      h = x;
      branch(h, x, true);
      forward(norm, config.norm, run, x, x);
      break;
    case NormPlacement::both: {
      auto y = run.workspace.matrix<S>(x.rows(), x.cols());
      forward(norm, config.norm, run, x, h);
      branch(h, y, false);
      forward(post, config.norm, run, y, y);
      x += y;
      break;
    }
  }
}

}  // namespace detail

/// x [rows, d_model] through a block, in place. `attend(h, y, add)` and `cross(h, y, add)` compute
/// y (+)= attention(h) for a normed input h; a block without cross-attention never calls the latter.
template <class S, class Attend, class Cross>
void forward(const Block<S>& p, const ModelConfig& config, Run& run, Out<S> x, Attend&& attend,
             Cross&& cross) {
  const auto feed = [&](View<S> h, Out<S> y, bool add) { forward(p.feed_forward, config, run, h, y, add); };
  if (config.branches != Branches::sequential) {  // x += attention(norm(x)) + feed_forward(norm(x))
    const Workspace::Frame frame(run.workspace);
    auto h = run.workspace.matrix<S>(x.rows(), x.cols());
    auto g = run.workspace.matrix<S>(x.rows(), x.cols());
    forward(p.attention_norm, config.norm, run, x, h);
    if (config.branches == Branches::parallel_two_norms) {
      forward(p.feed_forward_norm, config.norm, run, x, g);
      feed(g, x, true);
    } else {
      feed(h, x, true);
    }
    attend(h, x, true);
    return;
  }
  detail::sub_layer(p.attention_norm, p.attention_post_norm, config, run, x, attend);
  if (!p.cross.query.weight.empty()) detail::sub_layer(p.cross_norm, p.cross_norm, config, run, x, cross);
  detail::sub_layer(p.feed_forward_norm, p.feed_forward_post_norm, config, run, x, feed);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
