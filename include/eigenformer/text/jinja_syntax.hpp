// The syntax tree of a Jinja template.
#pragma once

#include <eigenformer/text/jinja_value.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

struct Expression;
using ExpressionPointer = std::unique_ptr<Expression>;

/// One node; what its operands are depends on its kind.
struct Expression {
  enum class Kind {
    constant,   // value
    name,       // name
    list,       // operands
    tuple,      // operands
    dict,       // key, value, key, value, …
    attribute,  // operands[0].name
    item,       // operands[0][operands[1]]
    slice,      // operands[0][operands[1]:operands[2]:operands[3]], each bound may be null
    call,       // operands[0](operands[1…], named)
    filter,  // operands[0] | name(operands[1…], named); operands[0] is null in {% filter %} and {% set %}
    test,    // operands[0] is name(operands[1…], named)
    negate,  // -operands[0]
    plus,    // +operands[0]
    logical_not,  // not operands[0]
    logical_and,
    logical_or,
    binary,       // operands[0] name operands[1], where name is + - * / // % **
    concatenate,  // operands joined by ~
    compare,      // operands[0] names[0] operands[1] names[1] operands[2] …
    conditional,  // operands[0] if operands[1] else operands[2], which may be null
  };
  Kind kind;
  int line;
  std::string name = {};
  Value value = {};
  std::vector<ExpressionPointer> operands = {};
  std::vector<std::pair<std::string, ExpressionPointer>> named = {};
  std::vector<std::string> names = {};
  int depth = 1;
};

struct Statement;
using Statements = std::vector<Statement>;

/// Where a value goes: a variable, an attribute of a namespace, or several.
struct Target {
  std::string name;
  std::string attribute = {};        // of the namespace `name`
  std::vector<Target> targets = {};  // of a tuple; then the name is empty
};

struct MacroDefinition {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPointer>> parameters;  // with the default or null
  Statements body;
};

/// A condition, null for {% else %}, and what is done where it holds.
struct Branch {
  ExpressionPointer condition;
  Statements body;
};

struct Statement {
  enum class Kind {
    data,       // text
    output,     // {{ expression }}
    condition,  // {% if %}: branches
    loop,       // {% for target in expression if filter %} body {% else %} otherwise
    assign,     // {% set target = expression %}
    capture,    // {% set target | expression %} body
    macro,      // {% macro %}
    scope,      // {% generation %} body
    next,       // {% continue %}
    leave,      // {% break %}
  };
  Kind kind;
  int line;
  std::string text = {};
  ExpressionPointer expression = {}, filter = {};
  Target target = {};
  std::vector<Branch> branches = {};
  Statements body = {}, otherwise = {};
  std::shared_ptr<MacroDefinition> definition = {};
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
