// What the example programs share: one way to parse, to fail, to read standard input, to take time, and to
// print JSON.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/number_format.hpp>
#include <eigenformer/version.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace example {

namespace detail {

/// What the option parser says, as a sentence that leads on.
inline std::string plain(const CLI::ParseError& error) {
  constexpr std::string_view unreadable = "Could not convert: ";
  const std::string why = error.what();
  // of a range without an upper end: "--top: Value 0 not in range 0.000000 to 179769313486…"
  const std::size_t value = why.find("Value "), range = why.find(" not in range ");
  if (value != why.npos && range != why.npos && why.find(" to 17976931348623157") != why.npos)
    return why.substr(0, value) + why.substr(value + 6, range - value - 6) + " is too small, or no number";
  if (!why.starts_with(unreadable)) {
    const bool lost =
        dynamic_cast<const CLI::ExtrasError*>(&error) || dynamic_cast<const CLI::RequiredError*>(&error);
    return lost ? why + " (--help lists what there is)" : why;
  }
  const std::size_t equals = why.find(" = ");
  if (equals == why.npos) return why;
  return why.substr(unreadable.size(), equals - unreadable.size()) + ": cannot read \"" +
         why.substr(equals + 3) + "\" as its number (--help says what it takes)";
}

}  // namespace detail

/// Parses, then runs body(). Returns 0 on success and after --help and --version, 1 with one line on stderr
/// for a user's mistake.
template <class Body> int run(CLI::App& app, int argc, char** argv, Body&& body) {
#if !defined(__OPTIMIZE__) && !defined(NDEBUG)
  std::fputs("note: built without optimisation, expect a fiftieth of the speed\n", stderr);
#endif
  namespace ef = eigenformer;
  app.set_version_flag(
      "--version",
      ef::concat("eigenformer ", ef::version_major, '.', ef::version_minor, '.', ef::version_patch),
      "print the version and leave");
  std::string why;
  try {
    app.parse(argc, argv);
    body();
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    why = detail::plain(error);
  } catch (const std::bad_alloc&) {
    why = "there is not enough memory for this";
  } catch (const std::exception& error) {
    why = error.what();
  }
  for (char& c : why)
    if (c == '\n') c = ' ';
  std::fflush(stdout);  // what was printed stands before the reason
  std::fprintf(stderr, "%s\n", why.c_str());
  return 1;
}

/// Runs since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// Whether somebody sits before stdin, stdout or stderr.
inline bool is_terminal(std::FILE* stream) {
#if defined(_WIN32)
  return _isatty(_fileno(stream)) != 0;
#else
  return isatty(fileno(stream)) != 0;
#endif
}

/// All that stands on standard input, without the end of its last line.
/// @throws InputError  `missing` where that is nothing, or where standard input is a terminal: a program that
///                     waits for what nobody knows of looks broken
inline std::string standard_input(const std::string& missing) {
  std::string text;
  if (!is_terminal(stdin)) {
    char part[4096];
    for (std::size_t n = 0; (n = std::fread(part, 1, sizeof part, stdin)) > 0;) text.append(part, n);
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) eigenformer::fail(eigenformer::InputError(missing));
  return text;
}

/// For CLI::Option::check: what is refused of a text that is to be read.
inline std::string some_text(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == text.npos ? "is empty: give some text" : "";
}

/// Adds --threads.
inline void add_threads(CLI::App& app, int& threads) {
  app.add_option("--threads", threads, "threads to use")
      ->capture_default_str()
      ->check([](const std::string& text) -> std::string {
        const int machine = static_cast<int>(std::thread::hardware_concurrency());
        const int most = (std::max)(64, machine);
        int count = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (error == std::errc() && end == text.data() + text.size() && count >= 1 && count <= most)
          return "";
        return eigenformer::concat(text, " is no number from 1 to ", most, " (this machine runs ", machine,
                                   " at a time)");
      });
}

/// Adds --seed.
inline void add_seed(CLI::App& app, std::uint64_t& seed, const std::string& what) {
  app.add_option("--seed", seed, what)
      ->capture_default_str()
      ->check([](const std::string& text) -> std::string {
        std::uint64_t value = 0;  // the parser itself would take -1 for the largest number
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size()) return "";
        return text + " is no whole number from 0 on (of 64 bits)";
      });
}

/// For CLI::Option::check: no more than `most` of what takes memory each.
inline auto at_most(long most) {
  return [most](const std::string& text) -> std::string {
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool too_many = error == std::errc::result_out_of_range || (error == std::errc() && value > most);
    return too_many ? eigenformer::concat(text, " is more than ", most) : "";
  };
}

/// Adds --dtype, which sets `dtype`.
inline void add_dtype(CLI::App& app, std::optional<eigenformer::Format>& dtype) {
  using eigenformer::Format;
  const std::map<std::string, Format> formats{{"f32", Format::f32},
                                              {"bf16", Format::bf16},
                                              {"f16", Format::f16},
                                              {"int8", Format::int8},
                                              {"int4", Format::int4}};
  app.add_option_function<std::string>(
         "--dtype", [&dtype, formats](const std::string& name) { dtype = formats.at(name); },
         "convert matrices to this format while loading")
      ->check(CLI::IsMember(formats));
}

/// One JSON value and a newline. Text that is not UTF-8 has its bad bytes replaced.
inline void print(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

}  // namespace example
