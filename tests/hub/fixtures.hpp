// Reference folders: padded inputs as ragged batches, and how far results are from the stored ones.
#pragma once

#include <eigenformer/hub/load.hpp>
#include <eigenformer/hub/safetensors.hpp>

#include <cmath>
#include <string>

#include <doctest/doctest.h>

namespace fixtures {

namespace ef = eigenformer;

inline std::string folder(const std::string& name) { return std::string(EIGENFORMER_TEST_DATA) + "/" + name; }

inline const char* const decoders[] = {
    "gpt2",    "llama", "llama-gqa", "bloom", "bloom-6h", "palm", "gptj",
    "mistral", "qwen2", "gpt-neox",  "gemma", "gemma2",   "opt",  "gpt-neox-sequential"};
inline const char* const seq2seq[] = {"t5", "flan-t5", "bart", "bart-scaled"};

/// What an implementation in this precision is held to, relative to the largest value.
template <class S> constexpr double tolerance() { return sizeof(S) == 8 ? 1e-9 : 2e-5; }

/// Rows of a padded [batch, length] input: which places are real, and the tokens there.
struct Padded {
  ef::Index batch = 0, length = 0;
  std::vector<char> real;
  ef::TokenBatch tokens;
};

inline Padded padded(const ef::SafeTensors& file, const std::string& ids_name, const std::string& mask_name) {
  const ef::TensorView& ids = file.at(ids_name);
  const ef::TensorView* const mask = file.find(mask_name);
  Padded out{ids.shape.at(0), ids.shape.at(1), {}, ef::TokenBatch(static_cast<std::size_t>(ids.shape[0]))};
  for (ef::Index i = 0; i < ids.size(); ++i) {
    out.real.push_back(mask ? mask->element<char>(i) : char{1});
    if (out.real.back())
      out.tokens[static_cast<std::size_t>(i / out.length)].push_back(ids.element<ef::Token>(i));
  }
  return out;
}

/// Largest difference between ragged rows and a stored [batch, length, width] tensor at its real places,
/// relative to the largest stored value.
template <class S>
double distance(const ef::Matrix<S>& rows, const ef::TensorView& stored, const Padded& input) {
  const ef::Index width = stored.shape.back();
  REQUIRE(rows.cols() == width);
  double worst = 0, largest = 0;
  ef::Index row = 0;
  for (ef::Index i = 0; i < input.batch * input.length; ++i) {
    if (!input.real[static_cast<std::size_t>(i)]) continue;
    for (ef::Index c = 0; c < width; ++c) {
      const double expected = stored.element<double>(i * width + c);
      worst = std::fmax(worst, std::fabs(static_cast<double>(rows(row, c)) - expected));
      largest = std::fmax(largest, std::fabs(expected));
    }
    ++row;
  }
  REQUIRE(row == rows.rows());
  REQUIRE(largest > 0);
  return worst / largest;
}

/// The same for a contiguous block of stored values that starts at element `first`.
template <class S> double distance(const ef::Matrix<S>& rows, const ef::TensorView& stored, ef::Index first) {
  double worst = 0, largest = 0;
  for (ef::Index i = 0; i < rows.size(); ++i) {
    const double expected = stored.element<double>(first + i);
    worst = std::fmax(worst, std::fabs(static_cast<double>(rows.data()[i]) - expected));
    largest = std::fmax(largest, std::fabs(expected));
  }
  REQUIRE(largest > 0);
  return worst / largest;
}

/// Largest difference between the probabilities of one layer, [sequence · heads + head], and a stored [batch,
/// head, query, key] tensor where both a query and a key are real.
template <class S>
double distance(const std::vector<ef::Matrix<S>>& probabilities, const ef::TensorView& stored,
                const Padded& queries, const Padded& keys) {
  const ef::Index heads = stored.shape.at(1);
  REQUIRE(static_cast<ef::Index>(probabilities.size()) == queries.batch * heads);
  const auto real = [](const Padded& input, ef::Index b, ef::Index i) {
    return input.real[static_cast<std::size_t>(b * input.length + i)] != 0;
  };
  double worst = 0;
  for (ef::Index b = 0; b < queries.batch; ++b)
    for (ef::Index h = 0; h < heads; ++h) {
      const auto& p = probabilities[static_cast<std::size_t>(b * heads + h)];
      ef::Index row = 0;
      for (ef::Index q = 0; q < queries.length; ++q) {
        if (!real(queries, b, q)) continue;
        ef::Index column = 0;
        for (ef::Index k = 0; k < keys.length; ++k) {
          if (!real(keys, b, k)) continue;
          const double expected =
              stored.element<double>(((b * heads + h) * queries.length + q) * keys.length + k);
          worst = std::fmax(worst, std::fabs(static_cast<double>(p(row, column++)) - expected));
        }
        CHECK(column == p.cols());
        ++row;
      }
      CHECK(row == p.rows());
    }
  return worst;
}

/// Every state of a pass that the reference has, `prefix` + "hidden_states.i".
template <class S>
void check_states(const ef::Trace<S>& trace, const ef::SafeTensors& expected, const std::string& prefix,
                  const Padded& input) {
  for (std::size_t i = 0; i < trace.hidden_states.size(); ++i)
    if (const ef::TensorView* const stored = expected.find(ef::concat(prefix, "hidden_states.", i))) {
      CAPTURE(stored->name);
      CHECK(distance(trace.hidden_states[i], *stored, input) < tolerance<S>());
    }
  CHECK(!expected.find(ef::concat(prefix, "hidden_states.", trace.hidden_states.size())));
}

/// Every layer's attentions that the reference has, `prefix` + layer.
template <class S>
void check_attentions(const std::vector<std::vector<ef::Matrix<S>>>& layers, const ef::SafeTensors& expected,
                      const std::string& prefix, const Padded& queries, const Padded& keys) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    if (const ef::TensorView* const stored = expected.find(ef::concat(prefix, i))) {
      CAPTURE(stored->name);
      CHECK(distance(layers[i], *stored, queries, keys) < tolerance<S>());
    }
}

}  // namespace fixtures
