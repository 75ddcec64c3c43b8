// The vector unit, through Eigen's packets: N lanes of S that are loaded, multiplied and added at once.
//
// A scalar that is no machine number (a dual number, say) has one lane and takes the same paths. This is the
// only header that touches Eigen's internals.
#pragma once

#include <eigenformer/core/matrix.hpp>
#include <eigenformer/core/number_format.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

// gcc says at every vector type that names a template argument that its attributes do not matter there; they
// do not.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif

// Behind a lambda's parameters: inline whatever the optimisation level thinks. At -O2 compilers leave the
// small steps of a kernel as calls, with its registers in memory between them (measured: a third of the
// speed).
#if defined(__GNUC__) || defined(__clang__)
#define EIGENFORMER_INLINE __attribute__((always_inline))
#else
#define EIGENFORMER_INLINE
#endif

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace lanes {

namespace detail {
template <class P, int n, bool found = Eigen::internal::unpacket_traits<P>::size == n> struct PacketOf {
  using type = P;
};
template <class P, int n> struct PacketOf<P, n, false> {
  using half = typename Eigen::internal::unpacket_traits<P>::half;
  static_assert(!std::is_same_v<half, P>, "no packet of this size");
  using type = typename PacketOf<half, n>::type;
};
template <class S> using Widest = typename Eigen::internal::packet_traits<S>::type;
template <class P> constexpr int narrowest() {
  using half = typename Eigen::internal::unpacket_traits<P>::half;
  if constexpr (std::is_same_v<half, P>)
    return Eigen::internal::unpacket_traits<P>::size;
  else
    return narrowest<half>();
}
}  // namespace detail

/// How many lanes there are: 16 for float with AVX-512, 8 with AVX, 4 with SSE or NEON, 1 for other scalars.
template <class S> inline constexpr int count = Eigen::internal::unpacket_traits<detail::Widest<S>>::size;

/// The fewest lanes that a vector of S can have: 4 for float with AVX-512.
template <class S> inline constexpr int fewest = detail::narrowest<detail::Widest<S>>();

/// How many vector registers the processor has.
inline constexpr int registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS;

template <class S, int N = count<S>> using Packet = typename detail::PacketOf<detail::Widest<S>, N>::type;

// What is taken for granted of Eigen's packets; tests/core/lanes.cpp tests what they compute.
static_assert(count<float> == 1 || (count<float> & (count<float> - 1)) == 0, "lanes are halved");
static_assert(sizeof(Packet<float>) == sizeof(float) * count<float>,
              "a packet is its lanes and nothing else");
static_assert(sizeof(Packet<double>) == sizeof(double) * count<double>,
              "a packet is its lanes and nothing else");

template <class S, int N = count<S>> Packet<S, N> load(const S* p) {
  return Eigen::internal::ploadu<Packet<S, N>>(p);
}
template <class S, int N = count<S>> void store(S* p, const Packet<S, N>& v) {
  Eigen::internal::pstoreu(p, v);
}
template <class S, int N = count<S>> Packet<S, N> broadcast(const S& s) {
  return Eigen::internal::pset1<Packet<S, N>>(s);
}
template <class S, int N = count<S>> Packet<S, N> zero() { return broadcast<S, N>(S(0)); }

/// a · b + c, in one rounding where the processor can.
using Eigen::internal::padd;
using Eigen::internal::pmadd;

/// Sum of all lanes, in the same order on every call. That of floats is by halves: lane i and lane i + N/2, and so on.
template <class S, int N = count<S>> S sum(const Packet<S, N>& v) { return Eigen::internal::predux(v); }
template <class S, int N = count<S>> S largest(const Packet<S, N>& v) {
  return Eigen::internal::predux_max(v);
}

/// Lane i of the result is sum(v[i]), to the bit: all vectors are halved together, which takes a third of the
/// steps.
template <class S, int N> EIGEN_ALWAYS_INLINE Packet<S, N> sums(const Packet<S, N>* v) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<S, float> && N == 16) {
    const auto halves = [](__m512 a, __m512 b) {
      return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    };
    const auto quarters = [](__m512 a, __m512 b) {
      return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
    };
    const auto four = [&](int i) {  // v[i], v[i + 4], v[i + 8], v[i + 12], four lanes each
      return quarters(halves(v[i], v[i + 4]), halves(v[i + 8], v[i + 12]));
    };
    const auto pairs = [](__m512 a, __m512 b) {
      return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xEE));
    };
    const __m512 a = pairs(four(0), four(1)), b = pairs(four(2), four(3));
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xDD));
  }
#endif
#if defined(__AVX__)
  if constexpr (std::is_same_v<S, float> && N == 8) {
    const auto two = [&](int i) {  // v[i] and v[i + 4], four lanes each
      return _mm256_add_ps(_mm256_permute2f128_ps(v[i], v[i + 4], 0x20),
                           _mm256_permute2f128_ps(v[i], v[i + 4], 0x31));
    };
    const auto pairs = [](__m256 a, __m256 b) {
      return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xEE));
    };
    const __m256 a = pairs(two(0), two(1)), b = pairs(two(2), two(3));
    return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xDD));
  }
#endif
  S each[N];
  for (int i = 0; i < N; ++i) each[i] = sum<S, N>(v[i]);
  return load<S, N>(each);
}

/// rows[i] are the values at place i of each of the N groups of N that begin at p.
template <class S, int N> EIGEN_ALWAYS_INLINE void transpose(const S* p, Packet<S, N> (&rows)[N]) {
  Eigen::internal::PacketBlock<Packet<S, N>, N> block;
  for (int i = 0; i < N; ++i) block.packet[i] = load<S, N>(p + i * N);
  Eigen::internal::ptranspose(block);
  for (int i = 0; i < N; ++i) rows[i] = block.packet[i];
}

/// One stored weight as S.
template <class S, class T> S element_as(const T& x) {
  if constexpr (std::is_same_v<S, T>)
    return x;
  else
    return S(static_cast<float>(x));
}

/// N weights as lanes of S, whatever format they are stored in.
template <class S, int N, class T> Packet<S, N> load_as(const T* p) {
  if constexpr (std::is_same_v<S, T>) {
    return load<S, N>(p);
  } else {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<S, float> && N == 16 && std::is_same_v<T, bfloat16>) {
      const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    } else if constexpr (std::is_same_v<S, float> && N == 16 && std::is_same_v<T, half>) {
      return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    }
#endif
#if defined(__AVX2__) && defined(__F16C__)
    if constexpr (std::is_same_v<S, float> && N == 8 && std::is_same_v<T, bfloat16>) {
      const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    } else if constexpr (std::is_same_v<S, float> && N == 8 && std::is_same_v<T, half>) {
      return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    }
#endif
    S wide[N];
    for (int i = 0; i < N; ++i) wide[i] = element_as<S>(p[i]);
    return load<S, N>(wide);
  }
}

/// to[i] = from[i] for i < n, rounded to nearest where T has fewer digits. What is beyond half's range
/// becomes its largest number: an infinity would make NaN of the zeros that it is weighted with.
template <class S, class T> void convert(const S* from, Index n, T* to) {
  Index i = 0;
  if constexpr (std::is_same_v<S, float> && std::is_same_v<T, half>) {
    constexpr float most = 65504;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16) {  // min and max give their second operand where one is NaN
      __m512 x = _mm512_maskz_min_ps(0xffff, _mm512_set1_ps(most), _mm512_loadu_ps(from + i));
      x = _mm512_maskz_max_ps(0xffff, _mm512_set1_ps(-most), x);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                          _mm512_maskz_cvtps_ph(0xffff, x, _MM_FROUND_TO_NEAREST_INT));
    }
#elif defined(__F16C__)
    for (; i + 8 <= n; i += 8) {
      __m256 x = _mm256_min_ps(_mm256_set1_ps(most), _mm256_loadu_ps(from + i));
      x = _mm256_max_ps(_mm256_set1_ps(-most), x);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
    }
#endif
    for (; i < n; ++i) to[i] = half(std::clamp(from[i], -most, most));
  } else {
    for (; i < n; ++i) to[i] = element_as<T>(from[i]);
  }
}

/// load_as, into a register and no further: compilers otherwise fold the load into each use of the value, and
/// a kernel then waits for loads instead of multiplying (measured: 80 instead of 107 GFLOP/s of 116).
template <class S, int N, class T> inline Packet<S, N> load_once(const T* p) {
  Packet<S, N> v = load_as<S, N>(p);
#if (defined(__GNUC__) || defined(__clang__)) && defined(__AVX__)
  if constexpr (N > 1) asm("" : "+v"(v));
#endif
  return v;
}

/// Asks for the memory `bytes` behind p, which may lie beyond the end of an array, before it is needed: to
/// the second-level cache. Always inline: gcc takes a function that only prefetches for one without effects,
/// and drops its calls.
EIGEN_ALWAYS_INLINE void prefetch([[maybe_unused]] const void* p, [[maybe_unused]] Index bytes) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(
      reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(p) + static_cast<std::uintptr_t>(bytes)),
      0, 2);
#endif
}

/// The same, as close to the processor as its caches allow.
EIGEN_ALWAYS_INLINE void prefetch_close([[maybe_unused]] const void* p, [[maybe_unused]] Index bytes) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(
      reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(p) + static_cast<std::uintptr_t>(bytes)),
      0, 3);
#endif
}

/// How far ahead weights that are read as one stream are asked for, in bytes (measured with weights in main
/// memory: one row by int4 1.2, sixteen rows by int8 1.3, one row by float 1.15 times as fast).
inline constexpr Index lookahead = 8192;

/// f(0), f(1), …, f(n − 1) with constant indices: an unrolled loop whose arrays stay in registers, if f is
/// inline.
template <int n, class F> EIGEN_ALWAYS_INLINE void unroll(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) EIGENFORMER_INLINE {
    (f(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, n>{});
}

/// A vector with operators, so that a formula is written once and reads like one.
template <class S> struct Vector {
  Packet<S> v;

  Vector() = default;
  Vector(const Packet<S>& packet) requires(count<S> > 1) : v(packet) {}
  Vector(const S& s) : v(broadcast<S>(s)) {}

  friend Vector operator+(const Vector& a, const Vector& b) { return Eigen::internal::padd(a.v, b.v); }
  friend Vector operator-(const Vector& a, const Vector& b) { return Eigen::internal::psub(a.v, b.v); }
  friend Vector operator*(const Vector& a, const Vector& b) { return Eigen::internal::pmul(a.v, b.v); }
  friend Vector operator/(const Vector& a, const Vector& b) { return Eigen::internal::pdiv(a.v, b.v); }
  Vector operator-() const { return Eigen::internal::pnegate(v); }
  friend Vector larger(const Vector& a, const Vector& b) { return Eigen::internal::pmax(a.v, b.v); }
  friend Vector smaller(const Vector& a, const Vector& b) { return Eigen::internal::pmin(a.v, b.v); }
  /// In each lane `then` where a < b, otherwise `otherwise`.
  friend Vector select_less(const Vector& a, const Vector& b, const Vector& then, const Vector& otherwise) {
    return Eigen::internal::pselect(Eigen::internal::pcmp_lt(a.v, b.v), then.v, otherwise.v);
  }
  friend Vector sqrt(const Vector& a) { return Eigen::internal::psqrt(a.v); }
  friend Vector exp(const Vector& a) { return Eigen::internal::pexp(a.v); }
  friend Vector tanh(const Vector& a) {
    if constexpr (Eigen::internal::packet_traits<S>::HasTanh) {
      return Eigen::internal::ptanh(a.v);
    } else {
      return a.each([](const S& x) {
        using std::tanh;
        return tanh(x);
      });
    }
  }

  /// f of every lane, one after the other.
  template <class F> Vector each(F&& f) const {
    S values[count<S>];
    store<S>(values, v);
    for (S& x : values) x = f(x);
    return load<S>(values);
  }
};

}  // namespace lanes
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
