// The perplexity of a text, by the one definition that evaluate, quantize and finetune share: e to the mean
// negative log likelihood of a token (evaluate/perplexity.hpp). Which tokens count, and how many stand before
// them, changes the number; so whoever shows it also shows what it is over.
#pragma once

#include "corpus.hpp"
#include <eigenformer/hub/generation_config.hpp>
#include <eigenformer/train/text_loss.hpp>

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace example {

/// What a perplexity is measured on: one text, read by windows that overlap, or documents, each for itself.
struct Measured {
  std::vector<ef::Token> text{};
  ef::TokenBatch documents{};
};

/// Reads a file: JSON lines are documents, and with how.lines the lines of a text. The folder's end token
/// follows a document.
inline Measured read_measured(const std::string& file, Reading how, const std::string& folder) {
  if (!how.lines && !is_json_lines(file)) return {.text = how.tokenizer.encode(ef::read_text(file))};
  how.frame = frame_of(how.tokenizer);
  if (const auto ends = ef::load_generation_config(folder).end_tokens;
      how.frame.after.empty() && !ends.empty())
    how.frame.after = {ends.front()};
  return {.documents = read_corpus({file}, how).documents};
}

/// The options as they come out for a model: window and stride are numbers.
inline ef::TextLossOptions settled(ef::TextLossOptions options, const ef::ModelConfig& model) {
  if (options.window == 0) options.window = model.max_positions;
  if (options.stride == 0) options.stride = (std::max)(ef::Index{1}, options.window / 2);
  return options;
}

/// The loss of all tokens but the first, of a text or of each document. progress(tokens scored) is called on
/// the way through a text.
/// @throws WindowError  for a document that the window does not hold
template <class Progress>
ef::evaluate::LogLoss loss_of(const ef::CausalLM<float>& model, const Measured& what,
                              const ef::TextLossOptions& options, ef::Run& run, Progress&& progress) {
  if (what.documents.empty()) return ef::text_loss(model, what.text, options, run, progress);
  ef::evaluate::LogLoss loss;
  for (const auto& document : what.documents) {
    if (document.size() < 2) continue;
    const ef::evaluate::Window whole{0, static_cast<ef::Index>(document.size()), 1};
    loss += ef::window_loss(model, std::span<const ef::Token>(document), std::span(&whole, 1), run);
  }
  return loss;
}

/// What a number is over, in JSON.
inline nlohmann::ordered_json json_of(const Measured& what, const ef::evaluate::LogLoss& loss,
                                      const ef::TextLossOptions& options) {
  nlohmann::ordered_json out{{"scored_tokens", loss.tokens}};
  if (what.documents.empty()) {
    out["window"] = options.window;
    out["stride"] = options.stride;
  } else {
    out["documents"] = what.documents.size();
  }
  return out;
}

/// The same in words.
inline std::string words_of(const Measured& what, const ef::evaluate::LogLoss& loss,
                            const ef::TextLossOptions& options) {
  if (!what.documents.empty())
    return ef::concat(loss.tokens, " tokens of ", what.documents.size(), " documents");
  return ef::concat(loss.tokens, " tokens, in windows of ", options.window, " that begin ", options.stride,
                    " apart");
}

}  // namespace example
