// y = x · wᵀ for a quantised w: x is quantised too, groups are multiplied in whole numbers.
//
// y[r, j] = Σ_g float(Σₖ q[r, k] · (w[j, k] − zero)) · (scale of w · scale of x), groups added one after the
// other by fused multiply-adds. The sums within a group are exact, so every form of the kernel, for whatever
// processor, gives the same bits, and a row has the same bits alone and in company. The form is chosen when
// the program runs: programs built for any x86-64 use what the processor has.
#pragma once

#include <eigenformer/core/lanes.hpp>
#include <eigenformer/core/quantised.hpp>
#include <eigenformer/core/x86.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Rows of activations as whole numbers in [−127, 127], in groups of 32 as the weights are; missing columns
/// are zeros. They stand in tiles of 8, 4 and 1 rows, as many of the tall ones as there are rows for: within
/// a tile a group of all its rows, then the next. Views into scratch memory.
struct QuantisedRows {
  std::int8_t* q;         ///< 32 · groups a row
  float* scales;          ///< groups a row
  std::int32_t* offsets;  ///< groups a row: −zero · Σ q, what sums over unsigned weights begin with
  Index groups;

  /// How many rows the first tile of `rows` rows has.
  static constexpr Index height(Index rows) { return rows >= 8 ? 8 : rows >= 4 ? 4 : 1; }

  /// The rows from `row` on, which must be the first of a tile.
  QuantisedRows from(Index row) const {
    const Index skip = row * groups;
    return {q + skip * quantised_group, scales + skip, offsets + skip, groups};
  }
};

/// Quantises a group of x to q: scale = max|x| / 127, halves to even. A group that holds a NaN or an infinity
/// keeps it: its scale is NaN.
inline void quantise_activations(const float* x, int zero, std::int8_t* q, float& scale,
                                 std::int32_t& offset) {
  constexpr int n = static_cast<int>(quantised_group);
  std::int32_t bits[n], most = 0;  // without the sign they are in the order of magnitudes, then infinity, NaN
  std::memcpy(bits, x, sizeof(bits));
  for (int i = 0; i < n; ++i) most = (std::max)(most, bits[i] & 0x7fffffff);
  const float largest = std::bit_cast<float>(most);
  const bool finite = most < 0x7f800000;
  const float inverse = largest > 0x1p-119f ? 127.0f / largest : 0.0f;
  Eigen::Array<std::int32_t, n, 1> whole = Eigen::Array<std::int32_t, n, 1>::Zero();
  if (finite) whole = (Eigen::Map<const Eigen::Array<float, n, 1>>(x) * inverse).rint().cast<std::int32_t>();
  std::int32_t sum = 0;
  for (int i = 0; i < n; ++i) {
    q[i] = static_cast<std::int8_t>(whole[i]);
    sum += whole[i];
  }
  scale = finite ? largest / 127.0f : std::numeric_limits<float>::quiet_NaN();
  offset = -zero * sum;
}

/// Quantises x [rows, columns]; `rows` is a multiple of 8 unless these are the last of more.
inline void quantise_rows(const float* x, Index stride, Index rows, Index columns, int zero,
                          const QuantisedRows& out) {
  for (Index first = 0, height = 0; first < rows; first += height) {
    height = QuantisedRows::height(rows - first);
    const QuantisedRows tile = out.from(first);
    for (Index r = 0; r < height; ++r, x += stride)
      for (Index g = 0; g < out.groups; ++g) {
        const Index column = g * quantised_group, at = g * height + r, left = columns - column;
        float last[quantised_group] = {};
        if (left < quantised_group) std::copy_n(x + column, left, last);
        quantise_activations(left < quantised_group ? last : x + column, zero, tile.q + at * quantised_group,
                             tile.scales[at], tile.offsets[at]);
      }
  }
}

namespace detail {

/// Rows of a tile of `height` by one panel, whose `numbers` and `scales` these are: y[row · 16 + lane].
template <Format format>
void quantised_tile(const QuantisedRows& x, Index height, const std::uint8_t* numbers, const half* scales,
                    float* y) {
  constexpr Index panel = QuantisedLayout::panel;
  constexpr Index block = format == Format::int4 ? 256 : 512;
  std::fill_n(y, height * panel, 0.0f);
  for (Index g = 0; g < x.groups; ++g, numbers += block, scales += panel)
    for (Index r = 0; r < height; ++r)
      for (Index lane = 0; lane < panel; ++lane) {
        const Index at = g * height + r;
        const std::int8_t* const q = x.q + at * quantised_group;
        std::int32_t sum = x.offsets[at];
        for (Index k = 0; k < quantised_group; ++k) {
          const std::uint8_t byte =
              numbers[(format == Format::int4 ? k % 16 : k) / 4 * 64 + lane * 4 + k % 4];
          sum += q[k] * (format == Format::int8 ? byte : k < 16 ? byte & 0x0f : byte >> 4);
        }
        float& total = y[r * panel + lane];
        total = std::fma(static_cast<float>(sum), static_cast<float>(scales[lane]) * x.scales[at], total);
      }
}

#ifdef EIGENFORMER_X86_KERNELS

inline std::int32_t four_bytes(const std::int8_t* p) {
  std::int32_t out;
  std::memcpy(&out, p, sizeof(out));
  return out;
}

/// All rows of a tile. Sixteen lanes of 32 bits, each the sum of four products at a time.
template <Format format, int... r>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512vnni")]] void quantised_tile_vnni(
    std::integer_sequence<int, r...>, const QuantisedRows& x, const std::uint8_t* numbers, const half* scales,
    float* y) {
  constexpr int R = sizeof...(r);
  const std::int8_t* q = x.q;
  const float* x_scales = x.scales;
  const std::int32_t* offsets = x.offsets;
  const __m512i low_half = _mm512_set1_epi8(0x0f);
  __m512 totals[R] = {((void)r, _mm512_setzero_ps())...};
  for (Index g = 0; g < x.groups; ++g, q += R * quantised_group, x_scales += R, offsets += R, scales += 16) {
    __m512i sums[R] = {_mm512_set1_epi32(offsets[r])...};
#pragma GCC unroll 8
    for (Index i = 0; i < 4; ++i, numbers += format == Format::int4 ? 64 : 128) {
      lanes::prefetch(numbers, lanes::lookahead);
      const __m512i stored = _mm512_loadu_si512(numbers);
      const Index k = format == Format::int4 ? 4 * i : 8 * i;
      const __m512i first = format == Format::int4 ? _mm512_and_si512(stored, low_half) : stored;
      ((sums[r] =
            _mm512_dpbusd_epi32(sums[r], first, _mm512_set1_epi32(four_bytes(q + r * quantised_group + k)))),
       ...);
      if (format == Format::int8) lanes::prefetch(numbers, lanes::lookahead + 64);
      const __m512i second = format == Format::int4 ? _mm512_and_si512(_mm512_srli_epi16(stored, 4), low_half)
                                                    : _mm512_loadu_si512(numbers + 64);
      const Index then = format == Format::int4 ? k + 16 : k + 4;
      ((sums[r] = _mm512_dpbusd_epi32(sums[r], second,
                                      _mm512_set1_epi32(four_bytes(q + r * quantised_group + then)))),
       ...);
    }
    // With a mask of all lanes, as gcc 12 warns of the plain conversions.
    const __m512 w_scale =
        _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales)));
    ((totals[r] = _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xffff, sums[r]),
                                  _mm512_mul_ps(w_scale, _mm512_set1_ps(x_scales[r])), totals[r])),
     ...);
  }
  (_mm512_storeu_ps(y + r * 16, totals[r]), ...);
}

/// The rows from `row` on of a tile. Eight lanes of 32 bits. Products of two bytes are added in 16 bits
/// first, which holds them exactly for int4's [0, 15] and for int8 as [−127, 127] with the sign moved to x.
template <Format format, int... r>
[[gnu::target("avx2,fma,f16c")]] void quantised_tile_avx2(std::integer_sequence<int, r...>,
                                                          const QuantisedRows& x, Index height, Index row,
                                                          const std::uint8_t* numbers, const half* scales,
                                                          float* y) {
  constexpr int R = sizeof...(r);
  constexpr Index block = format == Format::int4 ? 256 : 512;
  const __m256i low_half = _mm256_set1_epi8(0x0f), ones = _mm256_set1_epi16(1);
  const __m256i middle = _mm256_set1_epi8(-128);
  for (Index lanes = 0; lanes < 16; lanes += 8) {
    __m256 totals[R] = {((void)r, _mm256_setzero_ps())...};
    for (Index g = 0; g < x.groups; ++g) {
      const Index at = g * height + row;
      const std::int8_t* const q = x.q + at * quantised_group;
      const std::uint8_t* const from = numbers + g * block + lanes * 4;
      __m256i sums[R] = {_mm256_set1_epi32(format == Format::int4 ? x.offsets[at + r] : 0)...};
#pragma GCC unroll 8
      for (Index i = 0; i < 8; ++i) {
        __m256i w = _mm256_loadu_si256(
            reinterpret_cast<const __m256i*>(from + (format == Format::int4 ? i % 4 : i) * 64));
        if (format == Format::int4) w = _mm256_and_si256(i < 4 ? w : _mm256_srli_epi16(w, 4), low_half);
        const __m256i sign = _mm256_xor_si256(w, middle);  // of int8: w − 128
        const __m256i unsigned_w = format == Format::int4 ? w : _mm256_abs_epi8(sign);
        const __m256i four[R] = {_mm256_set1_epi32(four_bytes(q + r * quantised_group + 4 * i))...};
        const __m256i pairs[R] = {_mm256_maddubs_epi16(
            unsigned_w, format == Format::int4 ? four[r] : _mm256_sign_epi8(four[r], sign))...};
        ((sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(pairs[r], ones))), ...);
      }
      const __m256 w_scale =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(scales + g * 16 + lanes)));
      ((totals[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r]),
                                    _mm256_mul_ps(w_scale, _mm256_set1_ps(x.scales[at + r])), totals[r])),
       ...);
    }
    (_mm256_storeu_ps(y + (row + r) * 16 + lanes, totals[r]), ...);
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
  if (form == QuantisedForm::avx512_vnni) return x86::has_avx512_vnni();
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

/// A tile of `height` rows by one panel, to y [height, 16].
template <Format format>
void quantised_tile(QuantisedForm form, const QuantisedRows& x, Index height, const std::uint8_t* numbers,
                    const half* scales, float* y) {
#ifdef EIGENFORMER_X86_KERNELS
  constexpr std::make_integer_sequence<int, 1> one;
  constexpr std::make_integer_sequence<int, 4> four;
  constexpr std::make_integer_sequence<int, 8> eight;
  if (form == QuantisedForm::avx512_vnni) {
    if (height == 8) return quantised_tile_vnni<format>(eight, x, numbers, scales, y);
    if (height == 4) return quantised_tile_vnni<format>(four, x, numbers, scales, y);
    return quantised_tile_vnni<format>(one, x, numbers, scales, y);
  }
  if (form == QuantisedForm::avx2) {  // whose 16 registers hold four rows
    if (height == 1) return quantised_tile_avx2<format>(one, x, height, 0, numbers, scales, y);
    for (Index row = 0; row < height; row += 4)
      quantised_tile_avx2<format>(four, x, height, row, numbers, scales, y);
    return;
  }
#endif
  quantised_tile<format>(x, height, numbers, scales, y);
}

template <Format format, class Write>
void quantised_panel(QuantisedForm form, const std::uint8_t* numbers, const half* scales,
                     const QuantisedRows& x, Index rows, const Write& write) {
  float y[8 * QuantisedLayout::panel];
  for (Index first = 0, height = 0; first < rows; first += height) {
    height = QuantisedRows::height(rows - first);
    quantised_tile<format>(form, x.from(first), height, numbers, scales, y);
    for (Index r = 0; r < height; ++r) write(first + r, y + r * QuantisedLayout::panel);
  }
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

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
