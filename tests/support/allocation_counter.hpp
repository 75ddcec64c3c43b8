// Counts calls of malloc in this thread, and with them operator new and Eigen's own allocations. Only with
// glibc and without a sanitizer; elsewhere the count stays 0.
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ALLOCATIONS_ARE_COUNTED 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef ALLOCATIONS_ARE_COUNTED
#endif
#endif
#endif

namespace allocation_counter {
inline thread_local std::size_t calls = 0;
}

#if defined(ALLOCATIONS_ARE_COUNTED)
extern "C" void* __libc_malloc(std::size_t bytes);
// Weak, so that several source files of a program may include it.
extern "C" [[gnu::weak]] void* malloc(std::size_t bytes) {
  ++allocation_counter::calls;
  return __libc_malloc(bytes);
}
#endif

/// Counts from its construction on.
class AllocationCounter {
 public:
#if defined(ALLOCATIONS_ARE_COUNTED)
  static constexpr bool counts = true;
#else
  static constexpr bool counts = false;
#endif
  std::size_t count() const { return allocation_counter::calls - before_; }

 private:
  std::size_t before_ = allocation_counter::calls;
};
