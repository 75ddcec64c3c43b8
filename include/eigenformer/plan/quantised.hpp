// Formats that store weights in groups with a scale: ggml's blocks, OCP microscaling, GPTQ/AWQ groups and
// QLoRA's double quantisation as sizes; absolute-maximum INT8, Q8_0, Q4_0 and groups of any width as working
// conversions.
#pragma once

#include <eigenformer/plan/formats.hpp>

#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

/// A storage format of weights or cached keys and values: `bytes` for every `values` numbers, scales
/// included.
struct StorageFormat {
  std::string_view name;
  Index values = 1;
  Index bytes = 0;
  bool across_rows =
      false;  ///< blocks run on from row to row, as bitsandbytes' do; else rows are whole blocks

  constexpr double bits_per_value() const {
    return 8.0 * static_cast<double>(bytes) / static_cast<double>(values);
  }
  constexpr double bytes_per_value() const {
    return static_cast<double>(bytes) / static_cast<double>(values);
  }
};

/// Block sizes: llama.cpp ggml-common.h; MX: Rouhani et al. 2023 (one scale byte for 32 values); NVFP4: one
/// FP8 scale for 16 values; NF4: an FP32 scale for 64 values, which NF4-DQ stores in 8 bits with one FP32
/// number for 256 of them (double quantisation, Dettmers et al. 2023, section 3); -G32 and -G128: groups of
/// so many integers with an FP16 scale (GPTQ, AWQ). FP8, FP4, INT8 and INT4 are bare, without scales.
inline constexpr StorageFormat storage_formats[] = {
    {"F64", 1, 8},        {"F32", 1, 4},        {"F16", 1, 2},           {"BF16", 1, 2},
    {"FP8", 1, 1},        {"INT8", 1, 1},       {"INT4", 2, 1},          {"Q4_0", 32, 18},
    {"Q4_1", 32, 20},     {"Q5_0", 32, 22},     {"Q5_1", 32, 24},        {"Q8_0", 32, 34},
    {"Q8_1", 32, 36},     {"Q2_K", 256, 84},    {"Q3_K", 256, 110},      {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},   {"Q6_K", 256, 210},   {"Q8_K", 256, 292},      {"IQ1_S", 256, 50},
    {"IQ1_M", 256, 56},   {"IQ2_XXS", 256, 66}, {"IQ2_XS", 256, 74},     {"IQ2_S", 256, 82},
    {"IQ3_XXS", 256, 98}, {"IQ3_S", 256, 110},  {"IQ4_NL", 32, 18},      {"IQ4_XS", 256, 136},
    {"TQ1_0", 256, 54},   {"TQ2_0", 256, 66},   {"MXFP8", 32, 33},       {"MXFP6", 32, 25},
    {"MXFP4", 32, 17},    {"NVFP4", 16, 9},     {"NF4", 64, 36, true},   {"NF4-DQ", 16384, 8452, true},
    {"TF32", 1, 4},       {"FP4_E2M1", 2, 1},   {"INT8-G128", 128, 130}, {"INT4-G128", 128, 66},
    {"INT4-G32", 32, 18}};

/// Another name of a storage format.
struct FormatAlias {
  std::string_view name;
  std::string_view format;
};

inline constexpr FormatAlias format_aliases[] = {
    {"FP64", "F64"},     {"FP32", "F32"},     {"FLOAT32", "F32"},   {"FP16", "F16"},
    {"FLOAT16", "F16"},  {"HALF", "F16"},     {"BFLOAT16", "BF16"}, {"FP8_E4M3FN", "FP8"},
    {"FP8_E4M3", "FP8"}, {"FP8_E5M2", "FP8"}, {"FP4", "FP4_E2M1"},  {"FP4_E2M1FN", "FP4_E2M1"}};

/// A format by its name or another name of it, letter case aside: "Q4_0", "bf16", "FP16".
/// @throws InputError  for an unknown name, with the nearest known one
inline const StorageFormat& storage_format(std::string_view name) {
  for (const FormatAlias& alias : format_aliases)
    if (detail::same_name(alias.name, name))
      return detail::find_named(storage_formats, alias.format, "format");
  return detail::find_named(storage_formats, name, "storage format");
}

/// Bytes of a matrix [rows, columns]; rows are stored in whole blocks, but for formats whose blocks run on.
/// @throws InputError  where a row is not a multiple of the block (ggml then takes another format)
inline Index matrix_bytes(const StorageFormat& format, Index rows, Index columns) {
  detail::require_not_negative(rows, "rows");
  detail::require_not_negative(columns, "columns");
  if (format.across_rows) {
    const Index numbers = detail::multiply(rows, columns);
    return detail::multiply(numbers / format.values + (numbers % format.values ? 1 : 0), format.bytes);
  }
  if (columns % format.values != 0)
    fail(InputError(
        concat(format.name, ": row length must be a multiple of ", format.values, ", is ", columns)));
  return detail::multiply(rows, columns / format.values, format.bytes);
}

/// Groups of weights that share a scale and perhaps a zero point (Frantar et al. 2022, GPTQ; Lin et al. 2023,
/// AWQ).
struct GroupOptions {
  int bits = 4;
  Index group_size = 128;
  int scale_bits = 16;  ///< an FP16 or FP32 number
  int zero_bits = 0;    ///< 0: symmetric, no zero point
};

namespace detail {

inline void check(const GroupOptions& o) {
  require_between(o.bits, 2, 16, "bits");
  require_positive(o.group_size, "group_size");
  if (o.scale_bits != 16 && o.scale_bits != 32)
    fail(InputError(concat("scale_bits must be 16 or 32, is ", o.scale_bits)));
  require_between(o.zero_bits, 0, 32, "zero_bits");
}

}  // namespace detail

inline double bits_per_value(const GroupOptions& o) {
  detail::check(o);
  return o.bits + static_cast<double>(o.scale_bits + o.zero_bits) / static_cast<double>(o.group_size);
}

/// Numbers as small integers with one scale: value ≈ scale · (quantised - zero).
struct Quantised {
  double scale = 0;
  int zero = 0;
  std::vector<int> values{};

  /// What the number at i became.
  double value(std::size_t i) const { return scale * (values[i] - zero); }
  /// No number that fits the range moves farther.
  double error_bound() const { return std::abs(scale) / 2; }
};

namespace detail {

inline double greatest_magnitude(std::span<const double> numbers) {
  if (numbers.empty()) fail(InputError("there are no numbers to quantise"));
  double greatest = 0;
  for (double x : numbers) {
    if (!std::isfinite(x)) fail(InputError(concat("a number to quantise is ", x)));
    greatest = (std::max)(greatest, std::abs(x));
  }
  return greatest;
}

inline void require_block(std::span<const double> numbers) {
  if (numbers.size() != 32) fail(InputError(concat("a block has 32 numbers, here are ", numbers.size())));
}

}  // namespace detail

/// The even neighbour of a number midway between two integers, else the nearest integer, whatever the
/// rounding mode of the machine.
inline double round_half_even(double value) {
  const double low = std::floor(value), rest = value - low;
  if (rest != 0.5) return rest < 0.5 ? low : low + 1.0;
  return std::fmod(low, 2.0) == 0.0 ? low : low + 1.0;
}

/// Symmetric INT8 by the absolute maximum: scale = max|x| / 127 (Dettmers et al. 2022, LLM.int8(), section
/// 2).
inline Quantised quantise_int8(std::span<const double> numbers) {
  Quantised q{.scale = detail::greatest_magnitude(numbers) / 127.0};
  for (double x : numbers)
    q.values.push_back(q.scale > 0 ? static_cast<int>(round_half_even(x / q.scale)) : 0);
  return q;
}

/// ggml's Q8_0: 32 numbers, scale max|x| / 127 stored in FP16, rounded half away from zero.
inline Quantised quantise_q8_0(std::span<const double> numbers) {
  detail::require_block(numbers);
  const float scale = static_cast<float>(detail::greatest_magnitude(numbers)) / 127.0f;
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  Quantised q{.scale = rounded(fp16, static_cast<double>(scale))};
  for (double x : numbers) q.values.push_back(static_cast<int>(std::round(static_cast<float>(x) * inverse)));
  return q;
}

/// ggml's Q4_0: 32 numbers, scale = (number of the largest magnitude) / -8 in FP16, stored as 0 to 15 with 8
/// for zero.
inline Quantised quantise_q4_0(std::span<const double> numbers) {
  detail::require_block(numbers);
  const double greatest = detail::greatest_magnitude(numbers);
  const auto signed_max =
      *std::find_if(numbers.begin(), numbers.end(), [&](double x) { return std::abs(x) == greatest; });
  const float scale = static_cast<float>(signed_max) / -8.0f;
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  Quantised q{.scale = rounded(fp16, static_cast<double>(scale)), .zero = 8};
  for (double x : numbers)
    q.values.push_back((std::min)(15, static_cast<int>(static_cast<float>(x) * inverse + 8.5f)));
  return q;
}

/// One group by GPTQ's grid: symmetric, scale = max|x| / (2^(bits-1) - 1); or with a zero point, whose scale
/// spans from the least number (or 0) to the greatest (or 0). The scale is rounded to its stored format.
inline Quantised quantise_group(std::span<const double> numbers, const GroupOptions& o) {
  detail::check(o);
  const double greatest = detail::greatest_magnitude(numbers), codes = std::ldexp(1.0, o.bits) - 1;
  const FloatFormat& stored = o.scale_bits == 16 ? fp16 : fp32;
  Quantised q;
  double low = -std::ldexp(1.0, o.bits - 1), high = -low - 1;
  if (o.zero_bits == 0) {
    q.scale = rounded(stored, greatest / high);
  } else {
    const double least = (std::min)(0.0, *std::min_element(numbers.begin(), numbers.end()));
    const double most = (std::max)(0.0, *std::max_element(numbers.begin(), numbers.end()));
    q.scale = rounded(stored, (most - least) / codes);
    low = 0, high = codes;
    if (q.scale > 0) q.zero = static_cast<int>(std::clamp(round_half_even(-least / q.scale), low, high));
  }
  for (double x : numbers)
    q.values.push_back(q.scale > 0
                           ? static_cast<int>(std::clamp(round_half_even(x / q.scale) + q.zero, low, high))
                           : q.zero);
  return q;
}

/// Outlier columns of LLM.int8() are kept in FP16 from this magnitude on (Dettmers et al. 2022, section 3).
inline constexpr double llm_int8_threshold = 6.0;

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
