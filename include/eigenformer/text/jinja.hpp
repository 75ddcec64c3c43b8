// Jinja templates, as far as chat templates use them, set up as the transformers library sets them up:
// trim_blocks, lstrip_blocks, loop controls, a tojson that escapes nothing for HTML, no auto-escaping.
//
// What is there: text, {{ }}, {# #}, {% raw %}; if, for (with loop.*, else and if), set (also of a namespace
// and of a block), macro, break, continue, generation; all operators, slices, inline if; the tests, filters,
// methods and functions that jinja_tests.hpp, jinja_filters.hpp, jinja_methods.hpp and jinja_functions.hpp
// name. All else is refused by name and line. A template is not trusted: its depth, its steps and its text
// are bounded.
#pragma once

#include <eigenformer/text/jinja_evaluator.hpp>
#include <eigenformer/text/jinja_statements.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

class Template {
 public:
  static constexpr std::size_t largest = std::size_t{1} << 20;  // bytes of source

  /// @param name  of the template, for messages
  /// @throws FileError  with the line, on what is not a template or not supported
  Template(std::string_view source, std::string name) : name_(std::move(name)) {
    if (source.size() > largest)
      fail(FileError(name_, concat("a template of more than ", largest, " bytes")));
    statements_ = Parser(source, name_).run();
  }

  /// The text for given variables. Any number of threads may call it.
  ///
  /// @param time  what strftime_now says; without it a template that asks is refused
  /// @throws InputError  what the template itself raises
  /// @throws FileError   with the line, on what the template cannot do
  std::string render(std::map<std::string, Value> variables, const std::optional<std::tm>& time = {},
                     const Limits& limits = {}) const {
    Work work(name_, limits);
    return Evaluator(work, std::move(variables), time).render(statements_);
  }

 private:
  std::string name_;
  Statements statements_;
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
