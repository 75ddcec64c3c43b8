// What debug builds say to shapes that do not fit together. Eigen's assertions throw here, in every build type.
#include <stdexcept>

#define eigen_assert(condition) ((condition) ? void() : throw std::logic_error(#condition))

#include <eigenformer/nn/attention_backward.hpp>
#include <eigenformer/nn/block.hpp>

#include <doctest/doctest.h>

namespace shapes {

namespace ef = eigenformer;
using ef::Index;
using Matrix = ef::Matrix<double>;

namespace {

Matrix zeros(Index rows, Index columns) { return Matrix::Zero(rows, columns); }

ef::Linear<double> linear(Index out, Index in, Index bias) {
  return {ef::Weight<double>(out, in), ef::RowVector<double>::Zero(bias), {}};
}

/// What f(run) is refused with; empty if it is not.
template <class F> std::string refusal(F&& f) {
  try {
    ef::alone([&](ef::Run& run) { f(run); });
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "";
}

void check(const std::string& said, const char* words) {
  CAPTURE(said);
  CHECK(said.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("a linear layer says which of its matrices does not fit") {
  const auto p = linear(3, 4, 3);
  const auto forward = [&](const ef::Linear<double>& layer, Matrix x, Matrix y) {
    return refusal([&](ef::Run& run) { ef::forward<double>(layer, run, x, y); });
  };
  CHECK(forward(p, zeros(2, 4), zeros(2, 3)) == "");
  check(forward(p, zeros(2, 5), zeros(2, 3)), "x has as many columns as w");
  check(forward(p, zeros(2, 4), zeros(1, 3)), "y is [rows of x, rows of w]");
  check(forward(p, zeros(2, 4), zeros(2, 4)), "y is [rows of x, rows of w]");
  check(forward(linear(3, 4, 2), zeros(2, 4), zeros(2, 3)), "a bias is as long as its weight has rows");

  const auto backward = [&](Matrix x, Matrix dy, Matrix dx, ef::Linear<double> grad) {
    return refusal([&](ef::Run& run) { ef::backward<double>(p, run, x, dy, dx, grad); });
  };
  CHECK(backward(zeros(2, 4), zeros(2, 3), zeros(2, 4), linear(3, 4, 3)) == "");
  check(backward(zeros(2, 4), zeros(2, 4), zeros(2, 4), linear(3, 4, 3)), "dy has as many columns");
  check(backward(zeros(2, 4), zeros(2, 3), zeros(2, 3), linear(3, 4, 3)), "dx is [rows of dy");
  check(backward(zeros(3, 4), zeros(2, 3), zeros(2, 4), linear(3, 4, 3)), "dy has as many rows as x");
  check(backward(zeros(2, 4), zeros(2, 3), zeros(2, 4), linear(4, 4, 3)), "dw is [columns of dy");
  check(backward(zeros(2, 4), zeros(2, 3), zeros(2, 4), linear(3, 4, 2)), "a bias is as long as dy");
}

TEST_CASE("a norm says so") {
  const ef::ModelConfig::Norm config;
  const ef::Norm<double> p{ef::RowVector<double>::Ones(4), ef::RowVector<double>::Zero(4)};
  const auto forward = [&](Matrix x, Matrix y) {
    return refusal([&](ef::Run& run) { ef::forward<double>(p, config, run, x, y); });
  };
  CHECK(forward(zeros(2, 4), zeros(2, 4)) == "");
  check(forward(zeros(2, 5), zeros(2, 5)), "a norm is as wide as x");
  check(forward(zeros(2, 4), zeros(1, 4)), "y has the shape of x");
  ef::Norm<double> grad = p;
  const auto backward = [&](Matrix x, Matrix dy, Matrix dx) {
    return refusal([&](ef::Run& run) { ef::backward<double>(p, config, run, x, dy, dx, grad); });
  };
  CHECK(backward(zeros(2, 4), zeros(2, 4), zeros(2, 4)) == "");
  check(backward(zeros(2, 4), zeros(1, 4), zeros(2, 4)), "dy has the shape of x");
  check(backward(zeros(2, 4), zeros(2, 4), zeros(2, 3)), "dx has the shape of x");
}

TEST_CASE("feed-forward, rotations, attention and a block say so") {
  const ef::ModelConfig config{.d_model = 4, .n_heads = 2, .d_ff = 6, .positions = ef::Positions::rotary};
  ef::FeedForward<double> feed{{}, linear(6, 4, 0), linear(4, 6, 0)};
  Matrix x = zeros(2, 4), y = zeros(2, 4), wide = zeros(2, 5), turns = zeros(2, 2), more = zeros(3, 2);
  check(refusal([&](ef::Run& run) { ef::backward<double>(feed, config, run, {}, x, y, y, feed); }),
        "saved is of a forward pass of x");
  CHECK(refusal([&](ef::Run&) { ef::rotate<double>(config, turns, x); }) == "");
  check(refusal([&](ef::Run&) { ef::rotate<double>(config, more, x); }), "turns is [rows of x");
  check(refusal([&](ef::Run&) { ef::rotate<double>(config, turns, wide); }), "x is as wide as some heads");

  ef::AttentionRule<double> rule;
  rule.heads = rule.key_value_heads = 2;
  rule.head_size = 2;
  std::vector<ef::AttentionSequence<double>> sequences(1);
  const auto attend = [&](Matrix q, Matrix out) {
    return refusal([&](ef::Run& run) { ef::attend<double>(rule, run, sequences, q, out); });
  };
  CHECK(attend(x, y) == "");
  check(attend(wide, wide), "q is as wide as all heads");
  check(attend(x, zeros(3, 4)), "y has the shape of q");
  sequences[0].rows = 3;
  check(attend(x, y), "q holds the rows of all sequences");
  ef::AttentionSaved<double> saved{x, x, x, x, zeros(2, 4)};
  check(refusal([&](ef::Run& run) {
          Matrix d = zeros(3, 4);
          ef::attend_backward<double>(rule, run, {}, saved, x, y, y, d);
        }),
        "dv has the shape of the values");

  ef::Block<double> block;
  block.feed_forward = std::move(feed);
  const auto none = [](auto&&...) {};
  check(refusal([&](ef::Run& run) { ef::forward<double>(block, config, run, wide, none, none); }),
        "x is as wide as the block");
}

}  // namespace shapes
