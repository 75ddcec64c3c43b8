// The exceptions of the library, fail(), the single place that throws them, and attempt(), the single one that
// catches. Where exceptions are switched off, fail() calls a handler instead and aborts.
//
// Every message is one sentence with the cause in it: the file, the tensor or option, and the offending
// value.
#pragma once

#include <eigenformer/core/types.hpp>

#include <charconv>
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Base of all exceptions of this library.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A file that is missing, unreadable, truncated, or not what its name says.
struct FileError : Error {
  FileError(std::string file, const std::string& why) : Error(file + ": " + why), path(std::move(file)) {}
  std::string path;
};

/// A field of a configuration (a model's, a sampler's, a file's) with a value that cannot be.
struct ConfigError : Error {
  ConfigError(std::string name, const std::string& why) : Error(name + ": " + why), field(std::move(name)) {}
  std::string field;
};

/// A tensor whose shape is not the one that the architecture needs.
struct ShapeError : Error {
  ShapeError(std::string name, std::vector<Index> want, std::vector<Index> got, const std::string& where)
      : Error(name + ": expected " + text(want) + ", found " + text(got) +
              (where.empty() ? "" : " in " + where)),
        tensor(std::move(name)),
        expected(std::move(want)),
        found(std::move(got)) {}

  /// "[2, 3]"
  static std::string text(const std::vector<Index>& shape) {
    std::string out = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
    return out + "]";
  }

  std::string tensor;
  std::vector<Index> expected, found;
};

/// An argument that a call cannot work with: a token outside the vocabulary, an empty prompt, NaN logits.
struct InputError : Error {
  using Error::Error;
};

/// More tokens than the context window or the cache holds.
struct WindowError : Error {
  WindowError(Index window_size, Index asked_for, const std::string& what)
      : Error(what), window(window_size), asked(asked_for) {}
  Index window, asked;
};

#if !defined(__cpp_exceptions)
/// What fail() calls where exceptions are switched off, in the thread that failed. It may end the program or
/// leave by longjmp; when it returns, or is null, the sentence goes to stderr and the program aborts. Set it
/// before other threads use the library.
inline void (*failure_handler)(const Error& error) = nullptr;
#endif

/// Throws; where exceptions are switched off, calls failure_handler and aborts.
template <std::derived_from<Error> E> [[noreturn]] void fail(const E& error) {
#if defined(__cpp_exceptions)
  throw error;
#else
  if (failure_handler) failure_handler(error);
  std::fputs(error.what(), stderr);
  std::fputc('\n', stderr);
  std::abort();
#endif
}

namespace detail {

/// body(), and otherwise(error) where it throws an E. Without exceptions body() is all, as fail() never
/// returns.
template <std::derived_from<Error> E, class Body, class Otherwise>
void attempt(Body&& body, [[maybe_unused]] Otherwise&& otherwise) {
#if defined(__cpp_exceptions)
  try {
    body();
  } catch (const E& error) {
    otherwise(error);
  }
#else
  body();
#endif
}

/// The same for whatever it throws, which is std::current_exception() in otherwise().
template <class Body, class Otherwise> void attempt_all(Body&& body, [[maybe_unused]] Otherwise&& otherwise) {
#if defined(__cpp_exceptions)
  try {
    body();
  } catch (...) {
    otherwise();
  }
#else
  body();
#endif
}

inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
inline void append(std::string& out, std::integral auto part) { out += std::to_string(part); }
inline void append(std::string& out, std::floating_point auto part) {
  char digits[40];  // shortest text that reads back as the same number
  const auto end = std::to_chars(digits, digits + sizeof digits, part);
  out.append(digits, end.ptr);
}

}  // namespace detail

/// The parts of a message as one string: concat("row ", 3, " of ", 10).
template <class... Parts> std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// A text from a file as it may stand in a message: printable ASCII, at most `limit` characters of it.
inline std::string printable(std::string_view text, std::size_t limit = 80) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > limit ? out + "..." : out;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
