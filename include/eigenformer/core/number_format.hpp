// The formats that weights are stored in, and exact conversion between them and float.
#pragma once

#include <eigenformer/core/types.hpp>

#include <bit>
#include <cstdint>

namespace eigenformer::inline EIGENFORMER_ABI {

/// How an element of a weight is stored.
enum class Format : std::uint8_t { f64, f32, bf16, f16 };

/// Bytes of one element.
constexpr Index bytes_of(Format format) {
  switch (format) {
    case Format::f64: return 8;
    case Format::f32: return 4;
    case Format::bf16:
    case Format::f16: break;
  }
  return 2;
}

/// As safetensors and users write it: "F32".
constexpr const char* name_of(Format format) {
  switch (format) {
    case Format::f64: return "F64";
    case Format::f32: return "F32";
    case Format::bf16: return "BF16";
    case Format::f16: break;
  }
  return "F16";
}

/// The upper half of a float: 8 exponent bits, 7 fraction bits.
struct bfloat16 {
  std::uint16_t bits = 0;

  bfloat16() = default;
  /// Rounds to nearest, ties to even; NaN stays NaN (quiet, its sign kept).
  constexpr explicit bfloat16(float value) {
    const auto wide = std::bit_cast<std::uint32_t>(value);
    if ((wide & 0x7FFFFFFFu) > 0x7F800000u)
      bits = static_cast<std::uint16_t>(wide >> 16 | 0x40u);
    else
      bits = static_cast<std::uint16_t>((wide + 0x7FFFu + (wide >> 16 & 1u)) >> 16);
  }
  static constexpr bfloat16 from_bits(std::uint16_t bits) {
    bfloat16 b;
    b.bits = bits;
    return b;
  }
  constexpr explicit operator float() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

/// IEEE 754 binary16: 5 exponent bits, 10 fraction bits.
struct half {
  std::uint16_t bits = 0;

  half() = default;
  /// Rounds to nearest, ties to even; too large becomes infinite, too small subnormal or zero; NaN stays NaN.
  constexpr explicit half(float value) {
    const auto wide = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(wide >> 16 & 0x8000u);
    const std::uint32_t magnitude = wide & 0x7FFFFFFFu;
    std::uint32_t narrow = 0;
    if (magnitude > 0x7F800000u) {
      narrow = 0x7E00u | (magnitude >> 13 & 0x3FFu);
    } else if (magnitude >= 0x47800000u) {  // 65536 and above
      narrow = 0x7C00u;
    } else if (magnitude >= 0x38800000u) {  // normal: rebias the exponent by 112; a carry may reach infinity
      narrow = (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
    } else if (magnitude >= 0x33000000u) {  // subnormal: shift the fraction with its hidden bit into place
      const std::uint32_t fraction = (magnitude & 0x7FFFFFu) | 0x800000u;
      const std::uint32_t shift = 126u - (magnitude >> 23);  // 14 to 24
      const std::uint32_t kept = fraction >> shift, rest = fraction & ((1u << shift) - 1u);
      const std::uint32_t midpoint = 1u << (shift - 1u);
      narrow = kept + (rest > midpoint || (rest == midpoint && (kept & 1u)) ? 1u : 0u);
    }
    bits = static_cast<std::uint16_t>(sign | narrow);
  }
  static constexpr half from_bits(std::uint16_t bits) {
    half h;
    h.bits = bits;
    return h;
  }
  constexpr explicit operator float() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t exponent = bits >> 10 & 0x1Fu, fraction = bits & 0x3FFu;
    if (exponent == 31)  // infinity or NaN
      return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
    if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112u) << 23 | fraction << 13);
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
