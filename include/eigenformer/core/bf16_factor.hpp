// Matrices of numbers as factors of a product in bfloat16: rounded and in tiles, in which the left one's rows
// lie as rows and the right one's in pairs, read along the length that the product sums over or across it.
//
// A step of training rounds each factor of each product once, so that these conversions cost as much as the
// products where they go number by number. Both forms go tile by tile: AVX-512 rounds 32 numbers with one
// instruction, and where a tile lies the other way transposes 16 × 16 pairs.
#pragma once

#include <eigenformer/core/bf16_kernel.hpp>
#include <eigenformer/core/lanes.hpp>
#include <eigenformer/core/run.hpp>

#include <type_traits>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The sides of a product x · wᵀ, x [rows, length] and w [rows, length].
enum class Bf16Side { left, right };

/// How a factor's numbers lie: each row's one after the other, or the rows side by side.
enum class Bf16Order { along, across };

namespace detail {

/// Whether lines of the source become lines of the block: rows of the left factor, pairs of the right one.
inline constexpr bool keeps_lines(Bf16Side side, Bf16Order order) {
  return (side == Bf16Side::left) == (order == Bf16Order::along);
}

/// A tile of 16 rows by 32 numbers, number by number.
template <Bf16Side side, Bf16Order order, class T>
void put_bf16_tile_portable(const T* from, Index stride, bfloat16* to) {
  for (Index r = 0; r < Bf16Tiles::panel; ++r)
    for (Index c = 0; c < Bf16Tiles::depth; ++c) {
      const T x = from[order == Bf16Order::along ? r * stride + c : c * stride + r];
      bfloat16& y =
          to[side == Bf16Side::left ? r * Bf16Tiles::depth + c : c / 2 * Bf16Tiles::depth + 2 * r + c % 2];
      y = bfloat16(lanes::element_as<float>(x));
    }
}

#ifdef EIGENFORMER_X86_KERNELS

/// 32 numbers of a row.
template <class T>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512bf16")]] inline __m512i bf16_numbers(const T* from) {
  if constexpr (std::is_same_v<T, float>)
    return (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from));
  else
    return _mm512_loadu_si512(from);
}

/// 16 numbers of one line, each with its neighbour of the next.
template <class T>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512bf16")]] inline __m512i bf16_pairs(const T* from,
                                                                                  Index stride) {
  __m512i lines;
  if constexpr (std::is_same_v<T, float>)
    lines = (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + stride), _mm512_loadu_ps(from));
  else
    lines = _mm512_maskz_inserti64x4(
        0xff, _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))),
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + stride)), 1);
  alignas(64) static constexpr std::int16_t order[] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                       21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                       11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(order), lines);
}

/// 16 lines of 16 pairs, transposed: within quarters of registers, then the quarters. Masks of ones, as gcc 12
/// warns of the unmasked forms (its bug 105593); the instructions are the same.
[[gnu::target("avx512f,avx512bw,avx512vl,avx512bf16")]] inline void transpose_bf16_pairs(__m512i* v) {
  constexpr __mmask16 all = 0xffff;
  constexpr __mmask8 pairs = 0xff;
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_maskz_unpacklo_epi32(all, v[i], v[i + 1]);
    t[i + 1] = _mm512_maskz_unpackhi_epi32(all, v[i], v[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    v[i] = _mm512_maskz_unpacklo_epi64(pairs, t[i], t[i + 2]);
    v[i + 1] = _mm512_maskz_unpackhi_epi64(pairs, t[i], t[i + 2]);
    v[i + 2] = _mm512_maskz_unpacklo_epi64(pairs, t[i + 1], t[i + 3]);
    v[i + 3] = _mm512_maskz_unpackhi_epi64(pairs, t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i even = _mm512_maskz_shuffle_i32x4(all, v[i], v[i + 4], 0x88);
    const __m512i odd = _mm512_maskz_shuffle_i32x4(all, v[i], v[i + 4], 0xdd);
    const __m512i more_even = _mm512_maskz_shuffle_i32x4(all, v[i + 8], v[i + 12], 0x88);
    const __m512i more_odd = _mm512_maskz_shuffle_i32x4(all, v[i + 8], v[i + 12], 0xdd);
    v[i] = _mm512_maskz_shuffle_i32x4(all, even, more_even, 0x88);
    v[i + 4] = _mm512_maskz_shuffle_i32x4(all, odd, more_odd, 0x88);
    v[i + 8] = _mm512_maskz_shuffle_i32x4(all, even, more_even, 0xdd);
    v[i + 12] = _mm512_maskz_shuffle_i32x4(all, odd, more_odd, 0xdd);
  }
}

/// As the portable form, but that numbers below 2⁻¹²⁶ become zero, as which the products would take them.
template <Bf16Side side, Bf16Order order, class T>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512bf16")]] void put_bf16_tile_avx512(const T* from, Index stride,
                                                                                  bfloat16* to) {
  __m512i lines[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i)
    if constexpr (order == Bf16Order::along)
      lines[i] = bf16_numbers(from + i * stride);
    else
      lines[i] = bf16_pairs(from + 2 * i * stride, stride);
  if constexpr (!keeps_lines(side, order)) transpose_bf16_pairs(lines);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + i * Bf16Tiles::depth, lines[i]);
}

#endif

/// A tile in the order of a form's factors; of halves, which are rare, in the portable one.
template <Bf16Side side, Bf16Order order, class T>
void put_bf16_tile(Bf16Form form, const T* from, Index stride, bfloat16* to) {
#ifdef EIGENFORMER_X86_KERNELS
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, bfloat16>)
    if (form != Bf16Form::portable) return put_bf16_tile_avx512<side, order>(from, stride, to);
#endif
  put_bf16_tile_portable<side, order>(from, stride, to);
}

/// A matrix [rows, length] as factor, in the caller's frame of the workspace; `stride` numbers lie between
/// lines. Rows are filled up to 16 and length to 32 with zeros.
template <Bf16Side side, Bf16Order order, class T>
const bfloat16* bf16_factor(Run& run, Bf16Form form, const T* from, Index stride, Index rows, Index length) {
  constexpr Index panel = Bf16Tiles::panel, depth = Bf16Tiles::depth, tile = Bf16Tiles::tile;
  constexpr Index worth_a_thread = 1 << 16;  // numbers to round
  const Bf16Tiles layout{rows, length};
  const Index panel_size = layout.tiles() * tile;
  bfloat16* const factor = run.workspace.take<bfloat16>(layout.panels() * panel_size);
  run.threads.slices(layout.panels(), worth_a_thread / (panel_size + 1) + 1, [&](Index first, Index last) {
    T edge[tile];  // a tile with zeros around
    for (Index p = first; p < last; ++p)
      for (Index t = 0; t < layout.tiles(); ++t) {
        const Index r = p * panel, c = t * depth;
        bfloat16* const to = factor + p * panel_size + t * tile;
        constexpr bool along = order == Bf16Order::along;
        const T* const source = from + (along ? r * stride + c : c * stride + r);
        if (r + panel <= rows && c + depth <= length) {
          put_bf16_tile<side, order>(form, source, stride, to);
          continue;
        }
        const Index high = (std::min)(panel, rows - r), long_ = (std::min)(depth, length - c);
        const Index lines = along ? high : long_, size = along ? long_ : high;
        constexpr Index edge_stride = along ? depth : panel;
        std::fill_n(edge, tile, T());
        for (Index i = 0; i < lines; ++i) std::copy_n(source + i * stride, size, edge + i * edge_stride);
        put_bf16_tile<side, order>(form, edge, edge_stride, to);
      }
  });
  return factor;
}

}  // namespace detail

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
