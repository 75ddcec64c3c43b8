// What the kernels for x86-64 share: whether there are any, what the processor has, and AMX's tile registers.
#pragma once

#include <eigenformer/version.hpp>

#include <cstdint>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define EIGENFORMER_X86_KERNELS 1
#include <cpuid.h>
#include <immintrin.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace x86 {

#ifdef EIGENFORMER_X86_KERNELS

/// Whether the processor has AVX-512 for bytes, words and shorter vectors.
inline bool has_avx512() { return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"); }

/// Whether the processor has AVX-512's bfloat16 instructions.
inline bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

/// Whether the processor has AVX-512's dot products of bytes.
inline bool has_avx512_vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

/// Whether the processor has AMX's bfloat16 tiles and the system lets this program use them, which Linux
/// wants to be asked for (Documentation/arch/x86/xstate.rst). Asked once. Factors are rounded by AVX-512,
/// which all processors with AMX have.
inline bool has_amx() {
#ifdef __linux__
  static const bool permitted = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!has_avx512_bf16()) return false;
    constexpr unsigned needed = 1u << 22 | 1u << 24;  // AMX-BF16 and AMX-TILE
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & needed) != needed) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return permitted;
#else
  return false;
#endif
}

/// The shapes of the eight tile registers (palette 1, Intel's manual, volume 1, chapter 18).
struct AmxShapes {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(AmxShapes) == 64);

/// Holds the calling thread's tile registers while it lives. That takes 0.1 µs (measured), a tenth of a
/// block's time: a thread makes one for a product.
class AmxRegisters {
 public:
  [[gnu::target("amx-tile")]] explicit AmxRegisters(const AmxShapes& shapes) {
    // gcc's intrinsic names eight bytes of the shapes as read, and the rest would go unwritten.
    asm volatile("" : : "m"(shapes));
    _tile_loadconfig(&shapes);
  }
  AmxRegisters(const AmxRegisters&) = delete;
  AmxRegisters& operator=(const AmxRegisters&) = delete;
  [[gnu::target("amx-tile")]] ~AmxRegisters() { _tile_release(); }
};

#endif

}  // namespace x86
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
