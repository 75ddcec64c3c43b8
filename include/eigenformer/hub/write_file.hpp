// A file that is written whole or not at all: first beside its place, then, once the disk has it, under its
// name. What was there before stays until that moment, whatever fails: a full disk, a limit, a crash.
#pragma once

#include <eigenformer/hub/mapped_file.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#if defined(_WIN32)
#include <direct.h>
#include <io.h>
#endif

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// Asks the operating system to bring what was written to an open file onto the disk; whether it could.
[[gnu::cold]] inline bool flush_to_disk(std::FILE* file) {
  if (std::fflush(file) != 0) return false;
#if defined(_WIN32)
  return _commit(_fileno(file)) == 0;
#else
  return ::fsync(::fileno(file)) == 0 || errno == EINVAL;  // EINVAL: a file that is on no disk
#endif
}

/// The folder that holds a file.
[[gnu::cold]] inline std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of(
#if defined(_WIN32)
      "/\\"
#else
      '/'
#endif
  );
  return slash == path.npos ? "." : path.substr(0, slash ? slash : 1);
}

/// Brings the names in a folder onto the disk, where the operating system asks for that; whether it could.
[[gnu::cold]] inline bool flush_folder([[maybe_unused]] const std::string& folder) {
#if defined(_WIN32)
  return true;
#else
  const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return handle.value >= 0 && (::fsync(handle.value) == 0 || errno == EINVAL);
#endif
}

/// Whether a name belongs to something that is no regular file: a folder, a device.
[[gnu::cold]] inline bool is_special_file(const std::string& path) {
#if defined(_WIN32)
  const DWORD attributes = GetFileAttributesA(path.c_str());
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
#else
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
#endif
}

}  // namespace detail

/// Makes a folder and those above it; one that is there already is fine.
/// @throws FileError  with the folder and the system's reason
[[gnu::cold]] inline void create_folder(const std::string& folder) {
  for (std::size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    const std::string part = folder.substr(0, end);
#if defined(_WIN32)
    const bool made = _mkdir(part.c_str()) == 0;
#else
    const bool made = ::mkdir(part.c_str(), 0777) == 0;
#endif
    if (!made && errno != EEXIST) {
      const std::string why = std::generic_category().message(errno);
      fail(FileError(part, "cannot create: " + why));
    }
    if (end == folder.npos) return;
  }
}

/// Writes a file piece by piece to PATH.part, which takes the name PATH in commit(). Destroyed before that it
/// leaves nothing behind. One writer a file: two at a time would share PATH.part.
class FileWriter {
 public:
  /// @throws FileError  if the file cannot be created, or the path is a folder's or a device's
  [[gnu::cold]] explicit FileWriter(std::string path) : path_(std::move(path)), aside_(path_ + ".part") {
    if (detail::is_special_file(path_)) fail(FileError(path_, "cannot write: is not a regular file"));
    file_ = std::fopen(aside_.c_str(), "wb");
    if (!file_) fail_writing();
    std::setvbuf(file_, nullptr, _IOFBF, std::size_t{1} << 18);
  }
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter() { discard(); }

  const std::string& path() const { return path_; }
  /// Bytes written so far.
  std::size_t size() const { return size_; }

  /// Appends bytes. @throws FileError  for a full disk and whatever else the system says
  void write(const void* from, std::size_t bytes) {
    if (bytes && std::fwrite(from, 1, bytes, file_) != bytes) fail_writing();
    size_ += bytes;
  }
  void write(std::span<const std::byte> bytes) { write(bytes.data(), bytes.size()); }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Ends the file: on the disk, and in one step under its name.
  /// @throws FileError  as write; the file that had the name before is still there then
  [[gnu::cold]] void commit() {
    if (!detail::flush_to_disk(file_)) fail_writing();
    std::FILE* const file = std::exchange(file_, nullptr);
    if (std::fclose(file) != 0 || !detail::rename_over(aside_, path_)) {
      const std::string why = detail::system_reason();
      std::remove(aside_.c_str());
      fail(FileError(path_, "cannot write: " + why));
    }
    if (!detail::flush_folder(detail::folder_of(path_))) detail::fail_system(path_, "write");
  }

 private:
  [[noreturn, gnu::cold]] void fail_writing() {
    const std::string why = std::generic_category().message(errno);  // before anything else changes it
    discard();
    fail(FileError(path_, "cannot write: " + why));
  }

  void discard() {
    if (!file_) return;
    std::fclose(std::exchange(file_, nullptr));
    std::remove(aside_.c_str());
  }

  std::string path_, aside_;
  std::FILE* file_ = nullptr;
  std::size_t size_ = 0;
};

/// Writes a file by body(FileWriter&), whole or not at all.
/// @throws FileError  as FileWriter, and whatever `body` throws
template <class Body>
requires std::is_invocable_v<Body&, FileWriter&>
void write_file(const std::string& path, Body&& body) {
  FileWriter writer(path);
  body(writer);
  writer.commit();
}

/// Writes a file with this content, whole or not at all. @throws FileError  as FileWriter
[[gnu::cold]] inline void write_file(const std::string& path, std::string_view content) {
  write_file(path, [&](FileWriter& out) { out.write(content); });
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
