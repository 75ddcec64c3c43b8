// Files for the tests of hub/: folders that vanish afterwards, and safetensors put together by hand.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

namespace files {

/// A new folder of the test's own, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto base = std::filesystem::temp_directory_path();
    for (int i = 0; path_.empty(); ++i) {
      const auto candidate = base / ("eigenformer-test-" + std::to_string(i));
      if (std::filesystem::create_directory(candidate)) path_ = candidate.string();
    }
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Writes a file of this folder, and returns its path.
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(file(name), std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return file(name);
  }

 private:
  std::string path_;
};

inline std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

/// A safetensors file of this header and this many bytes of data, 0, 1, 2, …
inline std::string safetensors(const std::string& header, std::size_t data_size) {
  const std::uint64_t length = header.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  out += header;
  for (std::size_t i = 0; i < data_size; ++i) out += static_cast<char>(i);
  return out;
}

/// What an ef::Error says that `call` throws; "" where it throws none.
template <class Call> std::string refusal(Call&& call) {
  try {
    call();
  } catch (const eigenformer::Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace files
