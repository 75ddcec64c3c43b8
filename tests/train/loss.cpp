#include "support/finite_differences.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include <eigenformer/train/gradient.hpp>

#include <doctest/doctest.h>

namespace train_loss {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::random_matrix;
using M = ef::Matrix<double>;

namespace {

/// Σ −t ln softmax, the sums written out.
double naive(const M& logits, const std::vector<ef::Token>& labels, double smoothing) {
  double loss = 0;
  for (Index r = 0; r < logits.rows(); ++r) {
    if (labels[static_cast<std::size_t>(r)] == ef::ignored_label) continue;
    double sum = 0;
    for (Index c = 0; c < logits.cols(); ++c) sum += std::exp(logits(r, c));
    for (Index c = 0; c < logits.cols(); ++c) {
      const double target = (c == labels[static_cast<std::size_t>(r)] ? 1 - smoothing : 0) +
                            smoothing / static_cast<double>(logits.cols());
      loss -= target * (logits(r, c) - std::log(sum));
    }
  }
  return loss;
}

std::string refusal(const std::vector<ef::Token>& labels) {
  try {
    ef::count_labels(labels, 3, 10);
  } catch (const ef::InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE_TEMPLATE(
    "cross-entropy is its definition, with ignored labels and smoothing; its gradient the slope", S, float,
    double) {
  Machine machine(3);
  const std::vector<ef::Token> labels{3, ef::ignored_label, 0, 18, 7};
  M z = random_matrix<double>(5, 19, 1) * 4;
  for (const double smoothing : {0.0, 0.1, 1.0})
    for (const double weight : {0.0, 0.5}) {
      ef::Matrix<S> logits = z.template cast<S>();
      const ef::Loss loss =
          ef::cross_entropy<S>(machine.run, logits, labels, {.label_smoothing = smoothing, .weight = weight});
      CHECK(loss.counted == 4);
      const double precision = sizeof(S) == 8 ? 1e-13 : 1e-5;
      CHECK(loss.sum == doctest::Approx(naive(z, labels, smoothing)).epsilon(precision));
      CHECK(loss.mean() == loss.sum / 4);
      M gradient = logits.template cast<double>() / (weight != 0 ? weight : 0.25);
      CHECK(support::gradient_error(z.data(), gradient.data(), z.size(), [&] {
              return naive(z, labels, smoothing);
            }) < (sizeof(S) == 8 ? 1e-8 : 1e-5));
    }
}

TEST_CASE("logits of any size have a finite loss") {
  Machine machine;
  M z(2, 3);
  z << 1e300, -1e300, 0, -1e4, -1e4, -1e4;
  const std::vector<ef::Token> labels{0, 1};
  const ef::Loss loss = ef::cross_entropy<double>(machine.run, z, labels, {});
  CHECK(loss.sum == doctest::Approx(std::log(3.0)));
  CHECK(z.allFinite());
}

TEST_CASE("labels that fit no class, or too many of them, are refused with their place") {
  CHECK(refusal({1, 2, 10}).find("label 10 at place 2") != std::string::npos);
  CHECK(refusal({1, -1, 2}).find("label -1 at place 1") != std::string::npos);
  CHECK(refusal({1, 2}).find("2 labels for 3 rows") != std::string::npos);
  CHECK(refusal({1, ef::ignored_label, 2}) == "");
}

TEST_CASE("the loss of words is that of all their logits at once, however many slices compute it") {
  Machine machine(2);
  constexpr Index words = 270000, rows = 23;  // of which 20 count: more than one slice of logits
  for (const bool tied : {true, false})
    for (const double cap : {0.0, 2.0}) {
      CAPTURE(tied);
      CAPTURE(cap);
      ef::ModelConfig config{.vocab_size = words, .d_model = 3};
      config.tied_embeddings = tied;
      config.logits_cap = cap;
      config.logits_scale = 0.7;
      ef::Transformer<double> p, grad;
      const M table = random_matrix<double>(words, 3, 1), x = random_matrix<double>(rows, 3, 4);
      (tied ? p.tokens : p.head.output.weight) = ef::Weight<double>(M(table));
      p.head.output.bias = random_matrix<double>(1, words, 3);
      ef::Weight<double>& d_table = tied ? grad.tokens : grad.head.output.weight;
      d_table = ef::Weight<double>(words, 3);
      grad.head.output.bias = ef::RowVector<double>::Zero(words);
      std::vector<ef::Token> labels(rows, ef::ignored_label);
      for (std::size_t i = 0; i < rows; ++i)
        if (i % 9 != 4) labels[i] = static_cast<ef::Token>(i * 6001);
      M dx = M::Ones(rows, 3);
      const ef::Loss loss =
          ef::word_loss<double>(p, config, machine.run, x, labels, {.label_smoothing = 0.1}, dx, &grad);
      dx.array() -= 1;

      M y = 0.7 * ((x * table.transpose()).rowwise() + p.head.output.bias);
      if (cap != 0) y = cap * (y / cap).array().tanh().matrix();
      CHECK(loss.counted == 20);
      CHECK(loss.sum == doctest::Approx(naive(y, labels, 0.1)).epsilon(1e-12));
      M d = y.array().exp().matrix();
      for (Index r = 0; r < rows; ++r) {
        const ef::Token label = labels[static_cast<std::size_t>(r)];
        d.row(r) = (d.row(r) / d.row(r).sum()).array() - 0.1 / words;
        if (label == ef::ignored_label)
          d.row(r).setZero();
        else
          d(r, label) -= 0.9;
      }
      d *= 0.7 / 20;
      if (cap != 0) d.array() *= 1 - (y / cap).array().square();
      CHECK(support::distance<double>(dx, d * table) < 1e-11);
      CHECK(support::distance<double>(d_table.dense(), d.transpose() * x) < 1e-11);
      CHECK(support::distance<double>(M(grad.head.output.bias), d.colwise().sum()) < 1e-11);
    }
}

TEST_CASE("a batch of which no label counts is refused") {
  Machine machine;
  ef::ModelConfig config{.vocab_size = 5, .d_model = 3};
  ef::Transformer<double> p;
  p.tokens = ef::Weight<double>(5, 3);
  M x = M::Zero(2, 3);
  const std::vector<ef::Token> labels(2, ef::ignored_label);
  CHECK_THROWS_AS(ef::word_loss<double>(p, config, machine.run, x, labels, {}, x, nullptr), ef::InputError);
}

TEST_CASE("a part of a batch without labels that count adds nothing") {
  Machine machine;
  const ef::TokenBatch words{{1, 2}, {3}};
  const std::vector<ef::Token> none(3, ef::ignored_label);
  for (const auto head : {ef::Head::masked_words, ef::Head::token_classes}) {
    const ef::ModelConfig config{.vocab_size = 5,
                                 .d_model = 4,
                                 .n_layers = 1,
                                 .n_heads = 2,
                                 .d_ff = 4,
                                 .max_positions = 8,
                                 .stacks = ef::Stacks::encoder,
                                 .head = head,
                                 .n_labels = 3};
    const ef::Encoder<double> model(config, ef::random_parameters<double>(config, ef::Seed{1}));
    auto grad = ef::zero_parameters<double>(config);
    ef::TrainingMemory<double> memory;
    const ef::Loss loss =
        ef::loss_and_gradient(model, words, {}, none, {.weight = 0.1}, machine.run, memory, &grad);
    CHECK(loss.counted == 0);
    CHECK(loss.sum == 0);
    ef::visit(grad, [](const std::string&, auto& leaf) {
      for (Index i = 0; i < leaf.size(); ++i) CHECK(support::numbers(leaf)[i] == 0);
    });
  }
}

}  // namespace train_loss
