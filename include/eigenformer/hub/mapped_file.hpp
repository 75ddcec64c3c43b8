// A file mapped into memory, read-only: pages come from disk when they are first looked at, and are shared
// with every other program that maps the same file. Also the two other things that hub/ asks of the operating
// system by a file's name.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#if defined(_WIN32)
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// Why the operating system's last call failed.
[[gnu::cold]] inline std::string system_reason() {
#if defined(_WIN32)
  return std::system_category().message(static_cast<int>(GetLastError()));
#else
  return std::generic_category().message(errno);
#endif
}

[[noreturn]] inline void fail_system(const std::string& path, const char* what) {
  const std::string why = system_reason();
  fail(FileError(path, concat("cannot ", what, ": ", why)));
}

/// What holds the operating system's handle of an open file.
struct FileHandle {
#if defined(_WIN32)
  HANDLE value;
  ~FileHandle() {
    if (value != nullptr && value != INVALID_HANDLE_VALUE) CloseHandle(value);
  }
#else
  int value;
  ~FileHandle() {
    if (value >= 0) ::close(value);
  }
#endif
  explicit FileHandle(decltype(value) handle) : value(handle) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
};

/// Whether anything has this name.
[[gnu::cold]] inline bool path_exists(const std::string& path) {
#if defined(_WIN32)
  return GetFileAttributesA(path.c_str()) != INVALID_FILE_ATTRIBUTES;
#else
  return ::access(path.c_str(), F_OK) == 0;
#endif
}

/// Renames a file, in one step, over one that may be there; whether it went well.
[[gnu::cold]] inline bool rename_over(const std::string& from, const std::string& to) {
#if defined(_WIN32)
  return MoveFileExA(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING) != 0;
#else
  return std::rename(from.c_str(), to.c_str()) == 0;
#endif
}

}  // namespace detail

/// The bytes of a regular file, read-only; moved, never copied. The file must not be shortened by others
/// while it is mapped: the operating system then ends the program at the next read.
class MappedFile {
 public:
  /// @throws FileError  the file is absent, not a regular file, or cannot be read
  explicit MappedFile(const std::string& path) {
#if defined(_WIN32)
    const detail::FileHandle file(CreateFileA(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr,
                                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    if (file.value == INVALID_HANDLE_VALUE) detail::fail_system(path, "open");
    LARGE_INTEGER length;
    if (!GetFileSizeEx(file.value, &length)) detail::fail_system(path, "read the size");
    set_size(path, static_cast<std::uint64_t>(length.QuadPart));
    if (size_ == 0) return;
    const detail::FileHandle mapping(CreateFileMappingA(file.value, nullptr, PAGE_READONLY, 0, 0, nullptr));
    if (mapping.value == nullptr) detail::fail_system(path, "map");
    data_ = MapViewOfFile(mapping.value, FILE_MAP_READ, 0, 0, size_);  // keeps the mapping alive
    if (data_ == nullptr) detail::fail_system(path, "map");
#else
    // Without O_NONBLOCK opening a pipe would wait for a writer.
    const detail::FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.value < 0) detail::fail_system(path, "open");
    struct stat status {};
    if (::fstat(file.value, &status) != 0) detail::fail_system(path, "read the size");
    if (!S_ISREG(status.st_mode)) fail(FileError(path, "is not a regular file"));
    set_size(path, static_cast<std::uint64_t>(status.st_size));
    if (size_ == 0) return;  // mmap refuses a length of 0
    void* const mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.value, 0);
    if (mapped == MAP_FAILED) detail::fail_system(path, "map");
    data_ = mapped;
#endif
  }

  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~MappedFile() {
    if (data_ == nullptr) return;
#if defined(_WIN32)
    UnmapViewOfFile(data_);
#else
    ::munmap(data_, size_);
#endif
  }

  /// All bytes of the file; empty for an empty file. Valid while this object lives.
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

  /// Says that a part of the bytes will hardly be read again: its pages leave the program's resident memory.
  /// They can be read as before.
  void forget(std::span<const std::byte> part) const {
#if defined(MADV_DONTNEED)
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
#else
    static_cast<void>(part);
#endif
  }

 private:
  void set_size(const std::string& path, std::uint64_t size) {
    if (size > static_cast<std::uint64_t>((std::numeric_limits<Index>::max)())) {
      fail(FileError(path, concat(size, " bytes are more than can be addressed")));
    }
    size_ = static_cast<std::size_t>(size);
  }

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
