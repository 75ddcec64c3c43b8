// What the example programs share: one way to parse, to fail, to take time, and to print JSON.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/number_format.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace example {

/// Parses, then runs body(). Returns 0 on success and after --help, 1 with one line on stderr for a user's
/// mistake.
template <class Body> int run(CLI::App& app, int argc, char** argv, Body&& body) {
#if !defined(__OPTIMIZE__) && !defined(NDEBUG)
  std::fputs("note: built without optimisation, expect a fiftieth of the speed\n", stderr);
#endif
  std::string why;
  try {
    app.parse(argc, argv);
    body();
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    why = error.what();
  } catch (const std::exception& error) {
    why = error.what();
  }
  for (char& c : why)
    if (c == '\n') c = ' ';
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
