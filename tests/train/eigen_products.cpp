// Run::eigen_products through whole models: logits, losses, gradients and training are those of the library's
// kernel, to the tolerances that hold for it. Exempt are equal bits over batches and threads, and steps that
// allocate nothing.
#include "support/lively.hpp"
#include "support/machine.hpp"
#include "support/matrices.hpp"
#include "support/tiny_configs.hpp"
#include <eigenformer/model/session.hpp>
#include <eigenformer/train/objective.hpp>
#include <eigenformer/train/train.hpp>

#include <doctest/doctest.h>

namespace train_eigen_products {

namespace ef = eigenformer;
using ef::Index;
using support::Machine;
using support::some_tokens;

namespace {

/// Loss and gradient of a batch by the kernel and by Eigen, on two threads.
template <template <class> class Model>
void check_gradient(const Model<double>& model, const ef::TrainingBatch& batch) {
  Machine own(2), eigen(2);
  eigen.run.eigen_products = true;
  ef::TrainingMemory<double> memory, other;
  auto grad = ef::zero_parameters<double>(model.config()), same = ef::zero_parameters<double>(model.config());
  const double expected = ef::loss_and_gradient(model, batch, {}, own.run, memory, &grad).mean();
  const double loss = ef::loss_and_gradient(model, batch, {}, eigen.run, other, &same).mean();
  CHECK(std::abs(loss - expected) < 1e-12 * expected);
  const auto leaves = ef::leaves<double>(grad), others = ef::leaves<double>(same);
  REQUIRE(leaves.size() == others.size());
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i)
    for (Index n = 0; n < leaves[i].size(); ++n) {
      worst = (std::max)(worst, std::abs(leaves[i].values[n] - others[i].values[n]));
      largest = (std::max)(largest, std::abs(leaves[i].values[n]));
    }
  CHECK(largest > 1e-3);
  CHECK(worst < 1e-12 * largest);
}

}  // namespace

TEST_CASE_TEMPLATE("decoders give the same logits by Eigen's products, at once and in a session", S, float,
                   double) {
  for (const tiny::Named& named : tiny::decoders()) {
    CAPTURE(named.name);
    const auto model = support::lively<S>(named.config);
    const std::vector<ef::Token> tokens = some_tokens(40, 61);
    Machine own(1), eigen(2);
    eigen.run.eigen_products = true;
    const ef::Matrix<S> expected = model({tokens}, own.run);
    const double most =
        support::tolerance<S>() * (std::max)(1.0, static_cast<double>(expected.cwiseAbs().maxCoeff()));
    CHECK(support::distance<S>(model({tokens}, eigen.run), expected.template cast<double>()) < most);
    ef::Session<S> session(model, eigen.threads, {.eigen_products = true});
    session.feed(tokens);
    const ef::RowVector<S> last = session.logits();
    CHECK(support::distance<S>(last, expected.bottomRows(1).template cast<double>()) < most);
  }
}

TEST_CASE("losses and gradients of all three families are the same by Eigen's products") {
  const ef::TokenBatch batch{some_tokens(19, 31), some_tokens(35, 31, 2)};
  for (const tiny::Named& named : tiny::decoders()) {
    CAPTURE(named.name);
    check_gradient(support::lively<double>(named.config), ef::causal_batch(batch));
  }
  for (const tiny::Named& named : tiny::seq2seq()) {
    CAPTURE(named.name);
    check_gradient(support::lively<double, ef::Seq2Seq>(named.config),
                   ef::pair_batch(batch, {some_tokens(7, 31, 3), some_tokens(4, 31, 4)}, 1, 0));
  }
}

TEST_CASE("a trainer goes the same way by Eigen's products") {
  const ef::ModelConfig config = tiny::decoders()[1].config;
  double losses[2];
  for (const bool eigen : {false, true}) {
    auto model = support::lively<double>(config);
    ef::Threads threads(2);
    ef::Trainer trainer(model, ef::TrainerOptions{.steps = 5, .eigen_products = eigen}, threads);
    trainer.run(
        [](Index step) { return ef::causal_batch({some_tokens(30, 61, static_cast<int>(step) + 1)}); },
        [&](const ef::StepReport& report) { losses[eigen] = report.loss; });
  }
  CHECK(std::abs(losses[0] - losses[1]) < 1e-9 * losses[0]);
}

}  // namespace train_eigen_products
