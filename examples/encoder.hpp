// What the programs for encoders share: texts as a batch, and softmax.
#pragma once

#include "common.hpp"
#include <eigenformer/hub.hpp>

#include <cmath>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace example {

namespace ef = eigenformer;

/// The texts of the command line, or else the lines of standard input that are not empty.
inline std::vector<std::string> given_or_lines(std::vector<std::string> texts) {
  if (!texts.empty()) return texts;
  const char* const missing = "no text: give --text, or lines on standard input";
  std::istringstream lines(standard_input(missing));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) texts.push_back(line);
  }
  if (texts.empty()) throw ef::InputError(missing);
  return texts;
}

/// Encoded texts as an encoder takes them.
struct Texts {
  std::vector<ef::Encoding> encodings;
  ef::TokenBatch tokens, types;
};

/// Texts, each with its second part if `pairs` has one a text.
inline Texts encode(const ef::Tokenizer& tokenizer, const ef::ModelConfig& config,
                    const std::vector<std::string>& texts, const std::vector<std::string>& pairs = {}) {
  if (!pairs.empty() && pairs.size() != texts.size())
    throw ef::InputError(ef::concat(pairs.size(), " second parts for ", texts.size(), " texts"));
  Texts out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto pair = pairs.empty() ? std::nullopt : std::optional<std::string_view>(pairs[i]);
    out.encodings.push_back(tokenizer.encode_full(texts[i], pair));
    const ef::Encoding& encoding = out.encodings.back();
    out.tokens.push_back(encoding.ids);
    // RoBERTa's tokenizers count segments that its model does not have
    if (config.token_types > 1) out.types.emplace_back(encoding.type_ids.begin(), encoding.type_ids.end());
  }
  return out;
}

/// "[MASK]" in BERT's vocabularies, "<mask>" in RoBERTa's.
inline ef::Token mask_token(const ef::Tokenizer& tokenizer) {
  for (const char* const name : {"[MASK]", "<mask>"})
    if (const auto id = tokenizer.token_to_id(name)) return *id;
  throw ef::InputError("the tokenizer has neither a [MASK] nor a <mask> token");
}

/// Probabilities of one row of logits.
inline std::vector<double> softmax(const ef::Matrix<float>& logits, ef::Index row) {
  const double highest = static_cast<double>(logits.row(row).maxCoeff());
  std::vector<double> p;
  double sum = 0;
  for (ef::Index i = 0; i < logits.cols(); ++i) {
    p.push_back(std::exp(static_cast<double>(logits(row, i)) - highest));
    sum += p.back();
  }
  for (double& each : p) each /= sum;
  return p;
}

}  // namespace example
