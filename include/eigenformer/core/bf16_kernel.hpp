// y = x · wᵀ with both sides in bfloat16 and sums in float, by the units that processors have for it.
//
// Products of two bfloat16 are exact in float. VDPBF16PS adds the second of a pair, then the first, each with
// one rounding; TDPBF16PS adds up the first and the second numbers of 16 pairs apart, then both to the sum.
// Both take numbers below 2⁻¹²⁶ as zero. So the forms differ in their last bits, and a form gives a row the
// same bits alone and in company. The form is chosen when the program runs: AMX where the system permits it;
// VDPBF16PS on AMD's processors, which do it at twice the rate of float (measured on Zen 5: 2.1), while
// Intel's first ones do it at half. Elsewhere nothing is won, and bfloat16 is but a smaller weight.
#pragma once

#include <eigenformer/core/bf16_tiles.hpp>
#include <eigenformer/core/lanes.hpp>
#include <eigenformer/core/x86.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The forms of the kernel.
enum class Bf16Form { portable, avx512, amx };

constexpr std::string_view name_of(Bf16Form form) {
  return form == Bf16Form::portable ? "portable" : form == Bf16Form::avx512 ? "AVX-512 BF16" : "AMX";
}

/// Part of a product: `rows` rows of x by `panels` panels of w, along `tiles` tiles of their length. Rows of
/// x lie in tiles too, filled up to whole panels, but with a row's 32 numbers one after the other.
struct Bf16Block {
  const bfloat16* x;  ///< tiles, x_stride numbers from panel to panel
  Index x_stride, rows;
  const bfloat16* w;  ///< tiles, w_stride numbers from panel to panel
  Index w_stride, panels, tiles;
  float* sums = nullptr;  ///< [rows filled up to whole panels, 16 · panels]
  Index sums_stride = 0;  ///< numbers from row to row
  bool carried = false;   ///< add to the sums that are there; AMX does not, it takes the whole length

  /// The 32 numbers of row r in the first tile of its panel.
  const bfloat16* row(Index r) const {
    return x + r / Bf16Tiles::panel * x_stride + r % Bf16Tiles::panel * Bf16Tiles::depth;
  }
};

namespace detail {

/// The plain loop, in the order of VDPBF16PS.
inline void bf16_block_portable(const Bf16Block& b) {
  for (Index r = 0; r < b.rows; ++r)
    for (Index p = 0; p < b.panels; ++p) {
      std::array<float, Bf16Tiles::panel> sums{};
      float* const out = b.sums + r * b.sums_stride + p * Bf16Tiles::panel;
      if (b.carried) std::copy_n(out, sums.size(), sums.begin());
      const bfloat16* w = b.w + p * b.w_stride;
      for (Index t = 0; t < b.tiles; ++t) {
        const bfloat16* x = b.row(r) + t * Bf16Tiles::tile;
        for (Index pair = 0; pair < Bf16Tiles::depth / 2; ++pair, x += 2, w += 2 * sums.size())
          for (std::size_t lane = 0; lane < sums.size(); ++lane) {
            sums[lane] += float(x[1]) * float(w[2 * lane + 1]);
            sums[lane] += float(x[0]) * float(w[2 * lane]);
          }
      }
      std::copy(sums.begin(), sums.end(), out);
    }
}

#ifdef EIGENFORMER_X86_KERNELS

/// R rows of one panel by J panels of w: all sums stay in registers.
template <int R, int J>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512bf16")]] void bf16_tile_avx512(const Bf16Block& b, Index row,
                                                                              Index panel) {
  const bfloat16* x = b.row(row);
  const bfloat16* w = b.w + panel * b.w_stride;
  float* const out = b.sums + row * b.sums_stride + panel * Bf16Tiles::panel;
  __m512 sums[R][J];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j)
      sums[i][j] = b.carried ? _mm512_loadu_ps(out + i * b.sums_stride + j * 16) : _mm512_setzero_ps();
  for (Index t = 0; t < b.tiles; ++t, x += Bf16Tiles::tile - Bf16Tiles::depth)
    for (Index pair = 0; pair < Bf16Tiles::depth / 2; ++pair, x += 2, w += 2 * Bf16Tiles::panel) {
      __m512bh columns[J];
#pragma GCC unroll 4
      for (int j = 0; j < J; ++j) columns[j] = (__m512bh)_mm512_loadu_si512(w + j * b.w_stride);
#pragma GCC unroll 8
      for (int i = 0; i < R; ++i) {
        std::int32_t both;
        std::memcpy(&both, x + i * Bf16Tiles::depth, sizeof(both));
        __m512i pair_bits = _mm512_set1_epi32(both);
#if defined(__clang__) && __clang_major__ == 16
        asm("" : "+v"(pair_bits));  // which crashes where it sees numbers of bfloat16 repeated
#endif
        const auto row_pair = (__m512bh)pair_bits;
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], row_pair, columns[j]);
      }
    }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) _mm512_storeu_ps(out + i * b.sums_stride + j * 16, sums[i][j]);
}

/// Eight, four and single rows by three panels or one.
inline void bf16_block_avx512(const Bf16Block& b) {
  const auto rows = [&]<int J>(std::integral_constant<int, J>, Index panel) {
    Index row = 0;
    for (; row + 8 <= b.rows; row += 8) bf16_tile_avx512<8, J>(b, row, panel);
    for (; row + 4 <= b.rows; row += 4) bf16_tile_avx512<4, J>(b, row, panel);
    for (; row < b.rows; ++row) bf16_tile_avx512<1, J>(b, row, panel);
  };
  Index panel = 0;
  for (; panel + 3 <= b.panels; panel += 3) rows(std::integral_constant<int, 3>{}, panel);
  for (; panel < b.panels; ++panel) rows(std::integral_constant<int, 1>{}, panel);
}

/// The weights that follow on those of some blocks, which differ in their rows: each block asks memory for
/// its share.
class Bf16Ahead {
 public:
  /// `panels` of weights, none if nothing follows.
  Bf16Ahead(const bfloat16* next, Index panels, Index blocks)
      : next_(next), lines_((panels * Bf16Tiles::panel + blocks - 1) / blocks) {}

  /// To be called with each tile of each block.
  EIGEN_ALWAYS_INLINE void ask() {
    constexpr Index line = 64;
    for (Index i = 0; i < lines_; ++i, bytes_ += line) lanes::prefetch(next_, bytes_);
  }

 private:
  const bfloat16* next_;
  Index lines_, bytes_ = 0;  // lines with each tile
};

/// Where a block's sums begin and where they will go.
struct Bf16Ends {
  const float* bias;  ///< [16 · panels] or none
  float* y;           ///< [rows, 16 · panels], y_stride numbers from row to row
  Index y_stride;
};

/// One panel of rows or two by one of w or two. Registers 0 to 3 hold sums (0 and 1 of the upper rows), 4 and
/// 5 rows of x, 6 and 7 panels of w. While the units multiply, memory is asked for what comes next.
template <bool two_panels, bool two_heights>
[[gnu::target("amx-tile,amx-bf16,prfchw")]] void bf16_tile_amx(const Bf16Block& b, const Bf16Ends& ends,
                                                               Bf16Ahead& ahead) {
  constexpr auto row_bytes = static_cast<int>(Bf16Tiles::depth * static_cast<Index>(sizeof(bfloat16)));
  // Compilers do not know what the loads below read, nor that it has to be written before.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (ends.bias) {
    _tile_loadd(0, ends.bias, 0);
    if constexpr (two_panels) _tile_loadd(1, ends.bias + Bf16Tiles::panel, 0);
    if constexpr (two_heights) _tile_loadd(2, ends.bias, 0);
    if constexpr (two_panels && two_heights) _tile_loadd(3, ends.bias + Bf16Tiles::panel, 0);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const Index rows_a_tile = (b.rows + b.tiles - 1) / (std::max)(b.tiles, Index{1});
  Index asked = 0;  // rows of y
  for (Index t = 0; t < b.tiles; ++t) {
    const bfloat16* const x = b.x + t * Bf16Tiles::tile;
    const bfloat16* const w = b.w + t * Bf16Tiles::tile;
    _tile_loadd(4, x, row_bytes);
    _tile_loadd(6, w, row_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (two_panels) {
      _tile_loadd(7, w + b.w_stride, row_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (two_heights) {
      _tile_loadd(5, x + b.x_stride, row_bytes);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (two_panels && two_heights) _tile_dpbf16ps(3, 5, 7);
    ahead.ask();
    for (const Index end = (std::min)(asked + rows_a_tile, b.rows); asked < end; ++asked) {
      __builtin_prefetch(ends.y + asked * ends.y_stride, 1);
      if constexpr (two_panels) __builtin_prefetch(ends.y + asked * ends.y_stride + Bf16Tiles::panel, 1);
    }
  }
  const auto sums_bytes = static_cast<std::size_t>(b.sums_stride) * sizeof(float);
  _tile_stored(0, b.sums, sums_bytes);
  if constexpr (two_panels) _tile_stored(1, b.sums + Bf16Tiles::panel, sums_bytes);
  float* const lower = b.sums + Bf16Tiles::panel * b.sums_stride;
  if constexpr (two_heights) _tile_stored(2, lower, sums_bytes);
  if constexpr (two_panels && two_heights) _tile_stored(3, lower + Bf16Tiles::panel, sums_bytes);
}

/// Up to two panels of rows by two of w.
inline void bf16_block_amx(const Bf16Block& b, const Bf16Ends& ends, Bf16Ahead& ahead) {
  if (b.rows > Bf16Tiles::panel)
    b.panels > 1 ? bf16_tile_amx<true, true>(b, ends, ahead) : bf16_tile_amx<false, true>(b, ends, ahead);
  else
    b.panels > 1 ? bf16_tile_amx<true, false>(b, ends, ahead) : bf16_tile_amx<false, false>(b, ends, ahead);
}

/// All registers are 16 rows of 64 bytes.
inline constexpr x86::AmxShapes bf16_registers = [] {
  x86::AmxShapes shapes;
  for (int tile = 0; tile < 8; ++tile) shapes.rows[tile] = 16, shapes.row_bytes[tile] = 64;
  return shapes;
}();

#endif

}  // namespace detail

/// Whether the processor that the program runs on can compute a form.
inline bool runs(Bf16Form form) {
#ifdef EIGENFORMER_X86_KERNELS
  if (form == Bf16Form::amx) return x86::has_amx();
  if (form == Bf16Form::avx512) return x86::has_avx512_bf16();
#endif
  return form == Bf16Form::portable;
}

/// The form that is faster than products of floats; portable where none is.
inline Bf16Form fastest_bf16_form() {
  if (runs(Bf16Form::amx)) return Bf16Form::amx;
#ifdef EIGENFORMER_X86_KERNELS
  if (runs(Bf16Form::avx512) && __builtin_cpu_is("amd")) return Bf16Form::avx512;
#endif
  return Bf16Form::portable;
}

/// Computes a block by AVX-512 or the plain loop.
inline void bf16_block(Bf16Form form, const Bf16Block& block) {
#ifdef EIGENFORMER_X86_KERNELS
  if (form == Bf16Form::avx512) return detail::bf16_block_avx512(block);
#endif
  detail::bf16_block_portable(block);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
