// A file mapped into memory, read-only: pages come from disk when they are first looked at, and are shared
// with every other program that maps the same file.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace eigenformer::inline EIGENFORMER_ABI {

class MappedFile {
 public:
  /// @throws FileError  if it cannot be opened or mapped, with the system's reason
  explicit MappedFile(const std::string& path) {
#if defined(_WIN32)
    const HANDLE file = CreateFileA(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE)
      fail(FileError(path, concat("cannot open (error ", GetLastError(), ")")));
    LARGE_INTEGER size;
    const bool sized = GetFileSizeEx(file, &size) != 0;
    size_ = sized ? static_cast<std::size_t>(size.QuadPart) : 0;
    HANDLE mapping = nullptr;
    if (size_ > 0 && (mapping = CreateFileMappingA(file, nullptr, PAGE_READONLY, 0, 0, nullptr)) != nullptr) {
      data_ = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
      CloseHandle(mapping);
    }
    CloseHandle(file);
    if (!sized || (size_ > 0 && !data_))
      fail(FileError(path, concat("cannot map (error ", GetLastError(), ")")));
#else
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(FileError(path, concat("cannot open: ", std::strerror(errno))));
    struct stat status {};
    const char* why = nullptr;
    if (::fstat(file, &status) != 0) {
      why = std::strerror(errno);
    } else if (!S_ISREG(status.st_mode)) {
      why = "not a regular file";
    } else if (status.st_size > 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
      if (data_ == MAP_FAILED) {
        data_ = nullptr;
        why = std::strerror(errno);
      }
    }
    ::close(file);
    if (why) fail(FileError(path, concat("cannot read: ", why)));
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
    if (!data_) return;
#if defined(_WIN32)
    UnmapViewOfFile(data_);
#else
    ::munmap(data_, size_);
#endif
  }

  /// The whole file.
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
