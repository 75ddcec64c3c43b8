// Test cases that cannot run, or not whole, where they are: said at once, and counted in ctest's summary.
#pragma once

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

namespace support {

/// Notes that the running test case leaves something out, and why. Defined in main.cpp, which writes all
/// notes of a suite into a file beside its binary for tests/skipped.cmake to sum up.
void note_skipped(const std::string& reason);

/// The same, and says so in the suite's own output.
inline void skip(const std::string& reason) {
  MESSAGE("skipped: " << reason);
  note_skipped(reason);
}

/// Whether a file or folder below ../shared is there, which a clone lacks: other people's models and
/// tokenizers, which are tested in place. Notes that something is skipped where it is not.
inline bool shared_has(const std::string& path) {
  if (std::filesystem::exists(std::filesystem::path(EIGENFORMER_SHARED_DATA) / path)) return true;
  skip("../shared/" + path + " is not there");
  return false;
}

}  // namespace support
