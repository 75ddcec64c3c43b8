// The version, and the inline namespace that makes mixed builds a link error.
//
// Eigen's alignment follows the widest vector unit the compiler may use. Two translation units compiled with
// different flags would therefore disagree about memory layout; with the width in every mangled name they
// fail to link instead. Users write `eigenformer::` and never meet the inner name.
#pragma once

// Masks are infinities and divergence is found by NaN. Where a compiler may assume that there are none, results are
// wrong and nothing says so.
#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "eigenformer needs infinities and NaN: behind -ffast-math or -Ofast write -fno-finite-math-only"
#endif

#define EIGENFORMER_VERSION_MAJOR 0
#define EIGENFORMER_VERSION_MINOR 1
#define EIGENFORMER_VERSION_PATCH 0

#if defined(__AVX512F__)
#define EIGENFORMER_ABI v0_1_w64
#elif defined(__AVX__)
#define EIGENFORMER_ABI v0_1_w32
#else
#define EIGENFORMER_ABI v0_1_w16
#endif

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

inline constexpr int version_major = EIGENFORMER_VERSION_MAJOR;
inline constexpr int version_minor = EIGENFORMER_VERSION_MINOR;
inline constexpr int version_patch = EIGENFORMER_VERSION_PATCH;

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
