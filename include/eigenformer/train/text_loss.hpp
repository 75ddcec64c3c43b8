// How well a causal model predicts a text: the model's part of evaluate/perplexity.hpp.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/evaluate/perplexity.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/train/loss.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The loss of windows of a text, several in one pass.
/// @throws InputError   for a token outside the vocabulary
/// @throws WindowError  for a window beyond the model's
template <class S>
evaluate::LogLoss window_loss(const CausalLM<S>& model, std::span<const Token> text,
                              std::span<const evaluate::Window> windows, Run& run) {
  TokenBatch batch;
  std::vector<Token> labels;
  for (const evaluate::Window& w : windows) {
    const auto begin = text.begin() + w.begin, end = text.begin() + w.end;
    batch.emplace_back(begin, end);
    labels.insert(labels.end(), static_cast<std::size_t>(w.scored - w.begin - 1), ignored_label);
    labels.insert(labels.end(), text.begin() + w.scored, end);
    labels.push_back(ignored_label);  // the last token predicts what the window does not hold
  }
  const Matrix<S> hidden = model.hidden_states(batch, run);
  Matrix<S> none;
  const Loss loss = word_loss<S>(model.parameters(), model.config(), run, hidden, labels, {}, none, nullptr);
  return {loss.sum, loss.counted};
}

struct TextLossOptions {
  Index window = 0;   ///< tokens; 0: the model's
  Index stride = 0;   ///< tokens; 0: half the window
  Index rows = 1024;  ///< tokens of several short windows that are computed in one pass
};

/// The loss of a text by overlapping windows. `progress(tokens scored)` is called after every pass.
/// @throws InputError   as evaluate::windows, or for a token outside the vocabulary
/// @throws WindowError  for a window beyond the model's
template <class S, class Progress>
evaluate::LogLoss text_loss(const CausalLM<S>& model, std::span<const Token> text, TextLossOptions options,
                            Run& run, Progress&& progress) {
  if (options.window == 0) options.window = model.config().max_positions;
  check_window(options.window, model.config());
  if (options.stride == 0) options.stride = (std::max)(Index{1}, options.window / 2);
  const std::vector<evaluate::Window> windows =
      evaluate::windows(static_cast<Index>(text.size()), options.window, options.stride);
  evaluate::LogLoss total;
  const std::size_t together = static_cast<std::size_t>((std::max)(Index{1}, options.rows / options.window));
  for (std::size_t first = 0; first < windows.size(); first += together) {
    const std::span<const evaluate::Window> all(windows);
    total += window_loss(model, text, all.subspan(first, (std::min)(together, windows.size() - first)), run);
    progress(total.tokens);
  }
  return total;
}

/// The same without a report of progress.
template <class S>
evaluate::LogLoss text_loss(const CausalLM<S>& model, std::span<const Token> text,
                            const TextLossOptions& options, Run& run) {
  return text_loss(model, text, options, run, [](Index) {});
}

EIGENFORMER_ONCE(train, evaluate::LogLoss window_loss<float>(const CausalLM<float>&, std::span<const Token>,
                                                             std::span<const evaluate::Window>, Run&));
EIGENFORMER_ONCE(train, evaluate::LogLoss window_loss<double>(const CausalLM<double>&, std::span<const Token>,
                                                              std::span<const evaluate::Window>, Run&));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
