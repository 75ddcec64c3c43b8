// Counts the bytes that this thread's allocations hold, and their peak, through malloc and all that is built
// on it (posix_memalign, which nothing here calls, is not seen). Include it in one source file of a program,
// without allocation_counter.hpp. Only with glibc and without a sanitizer; elsewhere `counts` is false.
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HELD_BYTES_ARE_COUNTED 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef HELD_BYTES_ARE_COUNTED
#endif
#endif
#endif

namespace held_bytes {
inline thread_local std::ptrdiff_t now = 0, peak = 0;
/// Bytes asked for, so without what malloc rounds up, of all allocations of at least `large` bytes so far.
inline constexpr std::size_t large = 4096;
inline thread_local std::ptrdiff_t asked_for = 0;
#if defined(HELD_BYTES_ARE_COUNTED)
inline constexpr bool counts = true;
#else
inline constexpr bool counts = false;
#endif
inline void restart_peak() { peak = now; }
}  // namespace held_bytes

#if defined(HELD_BYTES_ARE_COUNTED)

#include <malloc.h>

namespace held_bytes {
inline void* taken(void* p, std::size_t bytes) {
  if (bytes >= large) asked_for += static_cast<std::ptrdiff_t>(bytes);
  if (p) now += static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  if (now > peak) peak = now;
  return p;
}
inline void given_back(void* p) {
  if (p) now -= static_cast<std::ptrdiff_t>(malloc_usable_size(p));
}
}  // namespace held_bytes

extern "C" void* __libc_malloc(std::size_t bytes);
extern "C" void* __libc_calloc(std::size_t count, std::size_t bytes);
extern "C" void* __libc_realloc(void* p, std::size_t bytes);
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t bytes);
extern "C" void __libc_free(void* p);
extern "C" void* malloc(std::size_t bytes) noexcept { return held_bytes::taken(__libc_malloc(bytes), bytes); }
extern "C" void* calloc(std::size_t count, std::size_t bytes) noexcept {
  return held_bytes::taken(__libc_calloc(count, bytes), count * bytes);
}
extern "C" void* realloc(void* p, std::size_t bytes) noexcept {
  held_bytes::given_back(p);
  return held_bytes::taken(__libc_realloc(p, bytes), bytes);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return held_bytes::taken(__libc_memalign(alignment, bytes), bytes);
}
extern "C" void free(void* p) noexcept {
  held_bytes::given_back(p);
  __libc_free(p);
}
#endif
