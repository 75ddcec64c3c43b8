// y = x · wᵀ for a quantised w: x is quantised too, groups are multiplied in whole numbers.
//
// y[r, j] = Σ_g float(Σₖ q[r, k] · (w[j, k] − zero)) · (scale of w · scale of x), groups added one after the
// other by fused multiply-adds. The sums within a group are exact, so every form of the kernel, for whatever
// processor, gives the same bits, and a row has the same bits alone and in company. The form is chosen when
// the program runs: programs built for any x86-64 use what the processor has.
#pragma once

#include <eigenformer/core/quantised.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define EIGENFORMER_X86_KERNELS 1
#include <immintrin.h>
#endif

namespace eigenformer::inline EIGENFORMER_ABI {

/// Rows of activations as whole numbers in [−127, 127], in groups of 32 as the weights are; missing columns
/// are zeros. Views into scratch memory.
struct QuantisedRows {
  std::int8_t* q;         ///< [rows, 32 · groups]
  float* scales;          ///< [rows, groups]
  std::int32_t* offsets;  ///< [rows, groups]: −zero · Σ q, what sums over unsigned weights begin with
  Index groups;
};

/// Quantises `rows` rows of x [rows, columns]: scale = max|x| / 127, halves to even. A row that holds a NaN
/// or an infinity keeps it: its scales are NaN.
inline void quantise_rows(const float* x, Index stride, Index rows, Index columns, int zero,
                          const QuantisedRows& out) {
  constexpr float to_nearest = 0x1.8p23f;  // a sum with it has no digits behind the point
  for (Index r = 0; r < rows; ++r)
    for (Index g = 0; g < out.groups; ++g) {
      float values[quantised_group] = {};
      const Index first = g * quantised_group;
      std::copy_n(x + r * stride + first, (std::min)(quantised_group, columns - first), values);
      float largest = 0, doubt = 0;
      for (const float value : values) {
        largest = (std::max)(largest, std::abs(value));
        doubt += value * 0.0f;  // NaN for what is not finite
      }
      const float inverse = largest > 0x1p-119f ? 127.0f / largest : 0.0f;
      std::int8_t* const q = out.q + (r * out.groups + g) * quantised_group;
      std::int32_t sum = 0;
      for (Index i = 0; i < quantised_group; ++i) {
        const float nearest = std::fma(values[i], inverse, to_nearest) - to_nearest;
        const auto whole = static_cast<std::int32_t>(doubt == 0 ? nearest : 0.0f);
        q[i] = static_cast<std::int8_t>(whole);
        sum += whole;
      }
      out.scales[r * out.groups + g] = largest / 127.0f + doubt;
      out.offsets[r * out.groups + g] = -zero * sum;
    }
}

namespace detail {

/// One row by one panel: y[16]. `numbers` and `scales` are the panel's.
template <Format format>
void quantised_tile(const QuantisedRows& x, Index row, const std::uint8_t* numbers, const half* scales,
                    float* y) {
  constexpr Index panel = QuantisedLayout::panel;
  constexpr Index block = format == Format::int4 ? 256 : 512;
  std::fill_n(y, panel, 0.0f);
  for (Index g = 0; g < x.groups; ++g, numbers += block, scales += panel) {
    const Index at = row * x.groups + g;
    const std::int8_t* const q = x.q + at * quantised_group;
    for (Index lane = 0; lane < panel; ++lane) {
      std::int32_t sum = x.offsets[at];
      for (Index k = 0; k < quantised_group; ++k) {
        const std::uint8_t byte = numbers[(format == Format::int4 ? k % 16 : k) / 4 * 64 + lane * 4 + k % 4];
        sum += q[k] * (format == Format::int8 ? byte : k < 16 ? byte & 0x0f : byte >> 4);
      }
      y[lane] = std::fma(static_cast<float>(sum), static_cast<float>(scales[lane]) * x.scales[at], y[lane]);
    }
  }
}

#ifdef EIGENFORMER_X86_KERNELS

inline std::int32_t four_bytes(const std::int8_t* p) {
  std::int32_t out;
  std::memcpy(&out, p, sizeof(out));
  return out;
}

/// Sixteen lanes of 32 bits, each the sum of four products at a time.
template <Format format, int... r>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] void quantised_tile_vnni(
    std::integer_sequence<int, r...>, const QuantisedRows& x, Index row, const std::uint8_t* numbers,
    const half* scales, float* y) {
  constexpr int R = sizeof...(r);
  const Index width = x.groups * quantised_group;
  const std::int8_t* const q = x.q + row * width;
  const float* const x_scales = x.scales + row * x.groups;
  const std::int32_t* const offsets = x.offsets + row * x.groups;
  const __m512i low_half = _mm512_set1_epi8(0x0f);
  __m512 totals[R] = {((void)r, _mm512_setzero_ps())...};
  for (Index g = 0; g < x.groups; ++g, scales += 16) {
    __m512i sums[R] = {_mm512_set1_epi32(offsets[r * x.groups + g])...};
    const std::int8_t* const here = q + g * quantised_group;
#pragma GCC unroll 8
    for (Index i = 0; i < 4; ++i, numbers += format == Format::int4 ? 64 : 128) {
      const __m512i stored = _mm512_loadu_si512(numbers);
      const Index k = format == Format::int4 ? 4 * i : 8 * i;
      const __m512i first = format == Format::int4 ? _mm512_and_si512(stored, low_half) : stored;
      ((sums[r] = _mm512_dpbusd_epi32(sums[r], first, _mm512_set1_epi32(four_bytes(here + r * width + k)))),
       ...);
      const __m512i second = format == Format::int4 ? _mm512_and_si512(_mm512_srli_epi16(stored, 4), low_half)
                                                    : _mm512_loadu_si512(numbers + 64);
      const Index then = format == Format::int4 ? k + 16 : k + 4;
      ((sums[r] =
            _mm512_dpbusd_epi32(sums[r], second, _mm512_set1_epi32(four_bytes(here + r * width + then)))),
       ...);
    }
    // With a mask of all lanes, as gcc 12 warns of the plain conversions.
    const __m512 w_scale =
        _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales)));
    ((totals[r] =
          _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xffff, sums[r]),
                          _mm512_mul_ps(w_scale, _mm512_set1_ps(x_scales[r * x.groups + g])), totals[r])),
     ...);
  }
  (_mm512_storeu_ps(y + r * 16, totals[r]), ...);
}

/// Eight lanes of 32 bits. Products of two bytes are added in 16 bits first, which holds them exactly for
/// int4's [0, 15] and for int8 as [−127, 127] with the sign moved to x.
template <Format format, int... r>
[[gnu::target("avx2,fma,f16c")]] void quantised_tile_avx2(std::integer_sequence<int, r...>,
                                                          const QuantisedRows& x, Index row,
                                                          const std::uint8_t* numbers, const half* scales,
                                                          float* y) {
  constexpr int R = sizeof...(r);
  constexpr Index block = format == Format::int4 ? 256 : 512;
  const Index width = x.groups * quantised_group;
  const std::int8_t* const q = x.q + row * width;
  const float* const x_scales = x.scales + row * x.groups;
  const std::int32_t* const offsets = x.offsets + row * x.groups;
  const __m256i low_half = _mm256_set1_epi8(0x0f), ones = _mm256_set1_epi16(1);
  const __m256i middle = _mm256_set1_epi8(-128);
  for (Index lanes = 0; lanes < 16; lanes += 8) {
    __m256 totals[R] = {((void)r, _mm256_setzero_ps())...};
    for (Index g = 0; g < x.groups; ++g) {
      const std::uint8_t* const from = numbers + g * block + lanes * 4;
      __m256i sums[R] = {_mm256_set1_epi32(format == Format::int4 ? offsets[r * x.groups + g] : 0)...};
#pragma GCC unroll 8
      for (Index i = 0; i < 8; ++i) {
        __m256i w = _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(from + (format == Format::int4 ? i % 4 : i) * 64));
        if (format == Format::int4) w = _mm256_and_si256(i < 4 ? w : _mm256_srli_epi16(w, 4), low_half);
        const __m256i sign = _mm256_xor_si256(w, middle);  // of int8: w − 128
        const __m256i unsigned_w = format == Format::int4 ? w : _mm256_abs_epi8(sign);
        const __m256i four[R] = {
            _mm256_set1_epi32(four_bytes(q + r * width + g * quantised_group + 4 * i))...};
        const __m256i pairs[R] = {_mm256_maddubs_epi16(
            unsigned_w, format == Format::int4 ? four[r] : _mm256_sign_epi8(four[r], sign))...};
        ((sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(pairs[r], ones))), ...);
      }
      const __m256 w_scale =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales + g * 16 + lanes)));
      ((totals[r] =
            _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r]),
                            _mm256_mul_ps(w_scale, _mm256_set1_ps(x_scales[r * x.groups + g])), totals[r])),
       ...);
    }
    (_mm256_storeu_ps(y + r * 16 + lanes, totals[r]), ...);
  }
}

#endif

}  // namespace detail

/// The forms of the kernel.
enum class QuantisedForm { portable, avx2, avx512_vnni };

constexpr std::string_view name_of(QuantisedForm form) {
  return form == QuantisedForm::portable ? "portable" : form == QuantisedForm::avx2 ? "AVX2" : "AVX-512 VNNI";
}

/// Whether the processor that the program runs on can compute a form.
inline bool runs(QuantisedForm form) {
#ifdef EIGENFORMER_X86_KERNELS
  if (form == QuantisedForm::avx512_vnni)
    return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
  if (form == QuantisedForm::avx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return form == QuantisedForm::portable;
}

/// The fastest form that the processor has.
inline QuantisedForm fastest_form() {
  for (const QuantisedForm form : {QuantisedForm::avx512_vnni, QuantisedForm::avx2})
    if (runs(form)) return form;
  return QuantisedForm::portable;
}

namespace detail {

template <Format format, class Write>
void quantised_panel(QuantisedForm form, const std::uint8_t* numbers, const half* scales,
                     const QuantisedRows& x, Index rows, const Write& write) {
  float y[8 * QuantisedLayout::panel];
  Index row = 0;
  const auto tiles = [&](Index height, const auto& tile) {  // as many as fit
    while (row + height <= rows) {
      tile();
      for (Index r = 0; r < height; ++r) write(row++, y + r * QuantisedLayout::panel);
    }
  };
#ifdef EIGENFORMER_X86_KERNELS
  constexpr std::make_integer_sequence<int, 1> one;
  constexpr std::make_integer_sequence<int, 4> four;
  constexpr std::make_integer_sequence<int, 8> eight;
  if (form == QuantisedForm::avx512_vnni) {
    tiles(8, [&] { quantised_tile_vnni<format>(eight, x, row, numbers, scales, y); });
    tiles(4, [&] { quantised_tile_vnni<format>(four, x, row, numbers, scales, y); });
    tiles(1, [&] { quantised_tile_vnni<format>(one, x, row, numbers, scales, y); });
  } else if (form == QuantisedForm::avx2) {  // whose 16 registers hold four rows
    tiles(4, [&] { quantised_tile_avx2<format>(four, x, row, numbers, scales, y); });
    tiles(1, [&] { quantised_tile_avx2<format>(one, x, row, numbers, scales, y); });
  }
#endif
  tiles(1, [&] { quantised_tile<format>(x, row, numbers, scales, y); });
}

}  // namespace detail

/// Calls write(row, lanes) with y[row, 16 · p + lane] of panel p for each row.
template <class Write>
void quantised_panel(QuantisedForm form, const QuantisedLayout& w, const void* data, Index p,
                     const QuantisedRows& x, Index rows, const Write& write) {
  if (w.format == Format::int4)
    detail::quantised_panel<Format::int4>(form, w.numbers(data, p), w.scales(data, p), x, rows, write);
  else
    detail::quantised_panel<Format::int8>(form, w.numbers(data, p), w.scales(data, p), x, rows, write);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
