// Matrices [rows, columns] of small integers: 32 neighbours of a row share a scale, 16 rows stand side by
// side.
//
// int8 and int4 hold what ggml's Q8_0 and Q4_0 hold (llama.cpp, ggml-quants.c), 8.5 and 4.5 bits a number:
// value = scale · (q − zero) with a half for the scale. Only their order differs: of 16 rows, a panel, the
// same four columns lie together, so that a kernel has one row in each lane and never adds up lanes.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/number_format.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Numbers that share a scale.
inline constexpr Index quantised_group = 32;

/// A group as whole numbers; q − zero is in [−127, 127] for int8 and [−8, 7] for int4.
struct QuantisedGroup {
  half scale;
  std::array<std::uint8_t, quantised_group> q{};
};

/// What stands for the number zero in `q`.
constexpr int zero_of(Format format) { return format == Format::int4 ? 8 : 128; }

/// Of x[0, n) the number of the largest magnitude, with its sign.
/// @throws InputError  for a number that is not finite
inline float largest_of(const float* x, Index n) {
  float largest = 0;
  for (Index i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) fail(InputError(concat("a number to quantise is ", x[i])));
    if (std::abs(x[i]) > std::abs(largest)) largest = x[i];
  }
  return largest;
}

/// The nearest whole numbers to x[0, 32) / scale, as ggml rounds them: int8 with scale = |largest| / 127,
/// int4 with scale = largest / −8, where `largest` is the number of the largest magnitude that the scale is
/// for.
/// @throws InputError  for a scale beyond half's range
inline QuantisedGroup quantise_group(Format format, const float* x, float largest) {
  const float scale = format == Format::int4 ? largest / -8.0f : std::abs(largest) / 127.0f;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  QuantisedGroup group{.scale = half(scale)};
  if (std::isinf(static_cast<float>(group.scale)))
    fail(InputError(concat(largest, " is beyond what ", name_of(format), " can hold")));
  for (Index i = 0; i < quantised_group; ++i) {
    const float scaled = std::isinf(inverse) ? 0.0f : x[i] * inverse;  // a scale below what can be inverted
    const int whole = format == Format::int4
                          ? (std::min)(15, static_cast<int>(static_cast<double>(scaled) + 8.5))
                          : static_cast<int>(std::round(scaled)) + 128;
    group.q[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(whole);
  }
  return group;
}

/// The same with the group's own largest number.
/// @throws InputError  also for a number that is not finite
inline QuantisedGroup quantise_group(Format format, const float* x) {
  return quantise_group(format, x, largest_of(x, quantised_group));
}

/// Where the parts of a quantised matrix lie: the numbers of all panels, then the scales.
///
/// A block is 16 rows by 32 columns. int8: byte 64·i + 4·row + b holds column 4·i + b. int4: the low half of
/// byte 64·i + 4·row + b holds column 4·i + b, the high half column 16 + 4·i + b. Rows and columns beyond the
/// matrix hold zeros.
struct QuantisedLayout {
  static constexpr Index panel = 16;

  Index rows = 0, columns = 0;
  Format format = Format::int8;

  constexpr Index panels() const { return (rows + panel - 1) / panel; }
  constexpr Index groups() const { return (columns + quantised_group - 1) / quantised_group; }
  constexpr Index block_bytes() const { return panel * quantised_group / (format == Format::int4 ? 2 : 1); }
  constexpr Index bytes() const {
    return panels() * groups() * (block_bytes() + panel * static_cast<Index>(sizeof(half)));
  }

  /// The first byte of panel p's numbers.
  const std::uint8_t* numbers(const void* data, Index p) const {
    return static_cast<const std::uint8_t*>(data) + p * groups() * block_bytes();
  }
  /// The scales of panel p [groups, 16].
  const half* scales(const void* data, Index p) const {
    return reinterpret_cast<const half*>(numbers(data, panels())) + p * groups() * panel;
  }

  /// Writes one group of a row. Where there is no row, panels must have been cleared.
  void put(void* data, Index row, Index group, const QuantisedGroup& values) const {
    const Index p = row / panel, lane = row % panel;
    const_cast<half*>(scales(data, p))[group * panel + lane] = values.scale;
    const std::uint8_t* q = values.q.data();
    auto* const block = const_cast<std::uint8_t*>(numbers(data, p)) + group * block_bytes();
    for (Index at = lane * 4; at < block_bytes(); at += 4 * panel, q += 4)
      if (format == Format::int8)
        std::memcpy(block + at, q, 4);
      else
        for (Index i = 0; i < 4; ++i) block[at + i] = static_cast<std::uint8_t>(q[i] | q[16 + i] << 4);
  }

  QuantisedGroup get(const void* data, Index row, Index group) const {
    const Index p = row / panel, lane = row % panel;
    const std::uint8_t* const block = numbers(data, p) + group * block_bytes();
    QuantisedGroup out{.scale = scales(data, p)[group * panel + lane]};
    for (Index k = 0; k < quantised_group; ++k) {
      const std::uint8_t byte = block[(format == Format::int8 ? k / 4 : k % 16 / 4) * 64 + lane * 4 + k % 4];
      out.q[static_cast<std::size_t>(k)] =
          format == Format::int8 ? byte : static_cast<std::uint8_t>(k < 16 ? byte & 0x0f : byte >> 4);
    }
    return out;
  }

  /// Scales of zero and numbers that mean zero everywhere.
  void clear(void* data) const {
    std::memset(data, 0, static_cast<std::size_t>(bytes()));
    std::memset(data, format == Format::int4 ? 0x88 : 0x80,
                static_cast<std::size_t>(panels() * groups() * block_bytes()));
  }

  /// Quantises x [columns] into row `row`, each group with a scale of its own, or all with that of the row.
  /// @throws InputError  as quantise_group
  void put_row(void* data, Index row, const float* x, bool one_scale = false) const {
    const float of_row = one_scale ? largest_of(x, columns) : 0.0f;
    for (Index g = 0; g < groups(); ++g) {
      float values[quantised_group] = {};
      const Index first = g * quantised_group;
      std::copy(x + first, x + (std::min)(columns, first + quantised_group), values);
      const float largest = one_scale ? of_row : largest_of(values, quantised_group);
      put(data, row, g, quantise_group(format, values, largest));
    }
  }

  /// out[0, columns): row `row` as numbers again.
  template <class S> void get_row(const void* data, Index row, S* out) const {
    for (Index g = 0; g < groups(); ++g) {
      const QuantisedGroup group = get(data, row, g);
      const Index first = g * quantised_group, n = (std::min)(quantised_group, columns - first);
      for (Index i = 0; i < n; ++i)
        out[first + i] = S(static_cast<float>(group.scale) *
                           static_cast<float>(group.q[static_cast<std::size_t>(i)] - zero_of(format)));
    }
  }
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
