// Position encodings: the only header that knows them.
//
// learned and sinusoidal tables are added to the embeddings, rotary turns queries and keys, ALiBi and T5's
// relative buckets add to the scores.
#pragma once

#include <eigenformer/core/run.hpp>
#include <eigenformer/core/weight.hpp>
#include <eigenformer/model/config.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

// --- sinusoidal

/// Adds position p's row [width] to `row`: column 2k is sin(p / 10000^(2k/width)), column 2k + 1 the cosine.
/// Vaswani et al. 2017, §3.5.
template <class S> void add_sinusoidal(Index position, Index width, S* row) {
  for (Index c = 0; c < width; ++c) {
    const double angle = static_cast<double>(position) /
                         std::pow(10000.0, static_cast<double>(c / 2 * 2) / static_cast<double>(width));
    row[c] += S(c % 2 ? std::cos(angle) : std::sin(angle));
  }
}

// --- rotary: Su et al. 2021, "RoFormer"

/// Radians per position of each pair of columns, to frequencies [rotary_dimensions / 2], for a sequence of
/// `length` tokens (only dynamic scaling depends on it). Scalings as in Hugging Face's modeling_rope_utils.
inline void inverse_frequencies(const ModelConfig& config, Index length, std::span<double> frequencies) {
  const auto& rotary = config.rotary;
  const auto size = static_cast<double>(config.rotary_dimensions());
  const auto trained = static_cast<double>(rotary.original_max_positions ? rotary.original_max_positions
                                                                         : config.max_positions);
  double base = rotary.base;
  if (rotary.scaling == RotaryScaling::dynamic) {
    const double reached = (std::max)(static_cast<double>(length), trained);
    base *= std::pow(rotary.factor * reached / trained - (rotary.factor - 1), size / (size - 2));
  }
  for (std::size_t i = 0; i < frequencies.size(); ++i)
    frequencies[i] = std::pow(base, -2.0 * static_cast<double>(i) / size);

  switch (rotary.scaling) {
    case RotaryScaling::none:
    case RotaryScaling::dynamic: break;
    case RotaryScaling::linear:
      for (double& f : frequencies) f /= rotary.factor;
      break;
    case RotaryScaling::yarn: {  // Peng et al. 2023, §3.2: a ramp between the two numbers of rotations
      const auto dimension_of = [&](double rotations) {
        return size * std::log(trained / (rotations * 2 * std::numbers::pi)) / (2 * std::log(base));
      };
      const double low = (std::max)(std::floor(dimension_of(rotary.beta_fast)), 0.0);
      double high = (std::min)(std::ceil(dimension_of(rotary.beta_slow)), size - 1);
      if (low == high) high += 0.001;
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        frequencies[i] *= (1 - ramp) + ramp / rotary.factor;
      }
      break;
    }
    case RotaryScaling::llama3:  // long wavelengths are stretched, short ones kept, a blend between
      for (double& f : frequencies) {
        const double turns = trained * f / (2 * std::numbers::pi);  // over the trained window
        const double blend = std::clamp((turns - rotary.low_frequency_factor) /
                                            (rotary.high_frequency_factor - rotary.low_frequency_factor),
                                        0.0, 1.0);
        f *= (1 - blend) / rotary.factor + blend;
      }
      break;
  }
}

/// What multiplies cosine and sine; 1 but for yarn (Peng et al. 2023, §3.4).
inline double rotary_attention_factor(const ModelConfig& config) {
  if (config.rotary.scaling != RotaryScaling::yarn) return 1.0;
  if (config.rotary.attention_factor > 0) return config.rotary.attention_factor;
  return config.rotary.factor <= 1 ? 1.0 : 0.1 * std::log(config.rotary.factor) + 1.0;
}

/// Cosine and sine for a row at `position`: cosines [dimensions/2], then sines [dimensions/2].
template <class S>
void rotary_row(std::span<const double> frequencies, double factor, Index position, S* row) {
  const std::size_t half = frequencies.size();
  for (std::size_t i = 0; i < half; ++i) {
    const double angle = static_cast<double>(position) * frequencies[i];
    row[i] = S(factor * std::cos(angle));
    row[half + i] = S(factor * std::sin(angle));
  }
}

namespace detail {

/// rotate(), or with `back` its transpose: (a, b) becomes (a cos + b sin, b cos − a sin).
template <bool back, class S> void rotate_rows(const ModelConfig& config, View<S> turns, Out<S> x) {
  eigen_assert(turns.rows() == x.rows() && turns.cols() == config.rotary_dimensions() &&
               "turns is [rows of x, rotary dimensions]");
  eigen_assert(x.cols() % config.head_width() == 0 && "x is as wide as some heads");
  const Index half = config.rotary_dimensions() / 2, size = config.head_width();
  const bool halves = config.rotary.pairing == RotaryPairing::halves;
  const Index step = halves ? 1 : 2, partner = halves ? half : 1;
  for (Index r = 0; r < x.rows(); ++r) {
    const S* const cosine = turns.data() + r * turns.outerStride();
    const S* const sine = cosine + half;
    for (S* head = x.data() + r * x.outerStride(); head < x.data() + r * x.outerStride() + x.cols();
         head += size)
      for (Index i = 0; i < half; ++i) {
        S& a = head[i * step];
        S& b = head[i * step + partner];
        const S s = back ? -sine[i] : sine[i];
        const S turned = a * cosine[i] - b * s;
        b = b * cosine[i] + a * s;
        a = turned;
      }
  }
}

}  // namespace detail

/// Turns every head of x [rows, heads · head_size] in place, by the rows of `turns` [rows, dimensions] that
/// rotary_row wrote: (a, b) becomes (a cos − b sin, b cos + a sin).
template <class S> void rotate(const ModelConfig& config, View<S> turns, Out<S> x) {
  detail::rotate_rows<false, S>(config, turns, x);
}

/// The gradient of rotate()'s input from that of its output, in place.
template <class S> void rotate_backward(const ModelConfig& config, View<S> turns, Out<S> dx) {
  detail::rotate_rows<true, S>(config, turns, dx);
}

// --- biases of the scores

/// ALiBi's slope of each head, Press et al. 2021, §3: 2^(−8i/n) for a power of two n; otherwise those of the
/// next lower power, then every second one of the next higher.
inline std::vector<double> alibi_slopes(Index heads) {
  Index power = 1;
  while (power * 2 <= heads) power *= 2;
  std::vector<double> slopes;
  for (Index i = 1; i <= power; ++i)
    slopes.push_back(std::pow(2.0, -8.0 * static_cast<double>(i) / static_cast<double>(power)));
  for (Index i = 1; static_cast<Index>(slopes.size()) < heads; i += 2)
    slopes.push_back(std::pow(2.0, -4.0 * static_cast<double>(i) / static_cast<double>(power)));
  return slopes;
}

/// T5's bucket of a distance (key position − query position), Raffel et al. 2020, §2.1: exact for near keys,
/// by logarithm up to max_distance. In single precision, as the models were trained.
inline Index relative_bucket(Index distance, bool bidirectional, const ModelConfig::RelativeBuckets& config) {
  Index buckets = config.count, bucket = 0;
  if (bidirectional) {
    buckets /= 2;
    if (distance > 0) bucket = buckets;
    distance = std::abs(distance);
  } else {
    distance = (std::max)(Index{0}, -distance);
  }
  const Index exact = buckets / 2;
  if (distance < exact) return bucket + distance;
  const float position = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                         std::log(static_cast<float>(config.max_distance) / static_cast<float>(exact)) *
                         static_cast<float>(buckets - exact);
  return bucket + (std::min)(exact + static_cast<Index>(position), buckets - 1);
}

/// What the encoding adds to scores: nothing, a slope per head times the distance, or a table by distance.
template <class S> struct ScoreBias {
  RowVector<S> slopes;             ///< [heads]: ALiBi; empty otherwise
  const S* by_distance = nullptr;  ///< [heads, distances]: T5; null otherwise
  Index distances = 0;
  Index first = 0;  ///< the distance (key − query) of by_distance's first column

  bool empty() const { return slopes.size() == 0 && !by_distance; }

  /// Adds to scores[i], the score of the key at first_key + i for a query at `query`.
  void add(Index head, Index query, Index first_key, Index n, S* scores) const {
    if (slopes.size()) {
      for (Index i = 0; i < n; ++i) scores[i] += slopes[head] * S(static_cast<double>(first_key + i - query));
    } else if (by_distance) {
      const S* const row = by_distance + head * distances + (first_key - query - first);
      for (Index i = 0; i < n; ++i) scores[i] += row[i];
    }
  }
};

/// T5's bias for distances (key − query) in [first, last], from the stack's table [buckets, heads], written
/// to `memory` [heads, distances].
template <class S>
ScoreBias<S> bucket_bias(const Weight<S>& table, bool bidirectional, const ModelConfig& config, Index first,
                         Index last, S* memory) {
  const Index heads = config.n_heads, distances = last - first + 1;
  table.with_elements([&](const auto* elements) {
    for (Index d = 0; d < distances; ++d) {
      const auto* const row =
          elements + heads * relative_bucket(first + d, bidirectional, config.relative_buckets);
      for (Index h = 0; h < heads; ++h) memory[h * distances + d] = lanes::element_as<S>(row[h]);
    }
  });
  return {{}, memory, distances, first};
}

/// The gradient of bucket_bias's table [buckets, heads] from d_bias [heads, distances], that of the bias that
/// it gave: each distance adds to its bucket.
template <class S>
void bucket_bias_backward(bool bidirectional, const ModelConfig& config, Index first, View<S> d_bias,
                          Matrix<S>& d_table) {
  eigen_assert(d_bias.rows() == d_table.cols() && "d_bias has a row and d_table a column for each head");
  for (Index d = 0; d < d_bias.cols(); ++d)
    d_table.row(relative_bucket(first + d, bidirectional, config.relative_buckets)) +=
        d_bias.col(d).transpose();
}

/// What a config's encoding needs that never changes: computed once per model.
template <class S> struct PositionTables {
  std::vector<double> frequencies;  ///< rotary, up to the trained window
  double factor = 1.0;
  ScoreBias<S> alibi;

  explicit PositionTables(const ModelConfig& config) {
    if (config.positions == Positions::rotary) {
      frequencies.resize(static_cast<std::size_t>(config.rotary_dimensions() / 2));
      inverse_frequencies(config, 0, frequencies);
      factor = rotary_attention_factor(config);
    } else if (config.positions == Positions::alibi) {
      const std::vector<double> slopes = alibi_slopes(config.n_heads);
      alibi.slopes.resize(config.n_heads);
      for (Index h = 0; h < config.n_heads; ++h) alibi.slopes[h] = S(slopes[static_cast<std::size_t>(h)]);
    }
  }

  /// Cosines and sines of positions past … past + rows − 1 to turns [rows, dimensions].
  void write_turns(const ModelConfig& config, Workspace& workspace, Index past, Index rows, S* turns) const {
    const Workspace::Frame frame(workspace);
    std::span<const double> now = frequencies;
    if (config.rotary.scaling == RotaryScaling::dynamic) {  // the base grows with the sequence
      double* const grown = workspace.take<double>(static_cast<Index>(frequencies.size()));
      inverse_frequencies(config, past + rows, {grown, frequencies.size()});
      now = {grown, frequencies.size()};
    }
    for (Index r = 0; r < rows; ++r)
      rotary_row(now, factor, past + r, turns + r * config.rotary_dimensions());
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
