// The version, and the inline namespace that makes mixed builds a link error.
//
// Its name tells the form of the library (h: header-only, c: compiled; h_noexcept: without exceptions), the width
// of the vectors that the compiler may use, and how Eigen aligns its memory, both in bytes: v0_1_h_w64_a64. Two
// files that disagree in one of them would disagree about memory layout, or define one function in two ways; with
// the tag in every mangled name they fail to link instead. Users write `eigenformer::` and never meet it.
#pragma once

// Masks are infinities and divergence is found by NaN. Where a compiler may assume that there are none, results are
// wrong and nothing says so.
#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "eigenformer needs infinities and NaN: behind -ffast-math or -Ofast write -fno-finite-math-only"
#endif

#define EIGENFORMER_VERSION_MAJOR 0
#define EIGENFORMER_VERSION_MINOR 1
#define EIGENFORMER_VERSION_PATCH 0

#if defined(EIGENFORMER_COMPILED) && defined(__cpp_exceptions)
#define EIGENFORMER_FORM c
#elif defined(EIGENFORMER_COMPILED)
#define EIGENFORMER_FORM c_noexcept
#elif defined(__cpp_exceptions)
#define EIGENFORMER_FORM h
#else
#define EIGENFORMER_FORM h_noexcept
#endif
#if defined(__AVX512F__)
#define EIGENFORMER_WIDTH 64
#elif defined(__AVX__)
#define EIGENFORMER_WIDTH 32
#else
#define EIGENFORMER_WIDTH 16
#endif
#ifdef EIGEN_MAX_ALIGN_BYTES  // given by the caller
#define EIGENFORMER_ALIGNMENT EIGEN_MAX_ALIGN_BYTES
#elif defined(EIGEN_DONT_ALIGN)
#define EIGENFORMER_ALIGNMENT 0
#else
#define EIGENFORMER_ALIGNMENT EIGENFORMER_WIDTH
#endif
#define EIGENFORMER_JOIN(form, width, alignment) v0_1_##form##_w##width##_a##alignment
#define EIGENFORMER_TAG(form, width, alignment) EIGENFORMER_JOIN(form, width, alignment)
#define EIGENFORMER_ABI EIGENFORMER_TAG(EIGENFORMER_FORM, EIGENFORMER_WIDTH, EIGENFORMER_ALIGNMENT)

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

inline constexpr int version_major = EIGENFORMER_VERSION_MAJOR;
inline constexpr int version_minor = EIGENFORMER_VERSION_MINOR;
inline constexpr int version_patch = EIGENFORMER_VERSION_PATCH;

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
