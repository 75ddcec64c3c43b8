// Evaluates the expressions of a Jinja template.
#pragma once

#include <eigenformer/text/jinja_arithmetic.hpp>
#include <eigenformer/text/jinja_filters.hpp>
#include <eigenformer/text/jinja_functions.hpp>
#include <eigenformer/text/jinja_syntax.hpp>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

/// The variables of a scope, and the scope around it.
struct Scope {
  std::map<std::string, Value> variables = {};
  Scope* parent = nullptr;
};

class ExpressionEvaluator {
 public:
  /// @param variables  what the template is given
  ExpressionEvaluator(Work& work, std::map<std::string, Value> variables, const std::optional<std::tm>& time)
      : work_(work), time_(time), root_{std::move(variables)}, scope_(&root_) {}
  ExpressionEvaluator(const ExpressionEvaluator&) = delete;
  ExpressionEvaluator& operator=(const ExpressionEvaluator&) = delete;

 protected:
  ~ExpressionEvaluator() = default;

  /// A scope of its own for as long as this lives.
  class Inner {
   public:
    Inner(ExpressionEvaluator& evaluator, Scope& parent)
        : evaluator_(evaluator), before_(evaluator.scope_), scope_{{}, &parent} {
      evaluator.scope_ = &scope_;
    }
    ~Inner() { evaluator_.scope_ = before_; }
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;

   private:
    ExpressionEvaluator& evaluator_;
    Scope* before_;
    Scope scope_;
  };

  /// What a macro writes.
  virtual Value expand(const MacroDefinition& macro, const Arguments& arguments) = 0;

  Value look_up(const std::string& name) const {
    for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent)
      if (const auto found = scope->variables.find(name); found != scope->variables.end())
        return found->second;
    if (const auto function = function_named(name)) return *function;
    for (const std::string_view other : {"lipsum", "cycler", "joiner"})
      if (name == other) work_.refuse(concat("the function ", name, " is not supported"));
    return Value::undefined(concat('"', name, "\" is undefined"));
  }

  Value evaluate(const Expression& e) {
    const Work::Level level(work_);
    work_.line = e.line;
    work_.step();
    Value out = evaluate_kind(e);
    work_.line = e.line;
    if (out.depth() > deepest_value)
      work_.refuse(concat("a value is nested more than ", deepest_value, " deep"));
    return out;
  }

  Work& work_;
  const std::optional<std::tm>& time_;
  std::deque<Namespace> spaces_;  // before the scopes, whose values point to them
  Scope root_;
  Scope* scope_;
  Value captured_;  // what a filter without an operand is applied to

 private:
  using Node = Expression::Kind;

  Value operand(const Expression& e, std::size_t i) {
    return e.operands[i] == nullptr ? Value(None{}) : evaluate(*e.operands[i]);
  }

  Value evaluate_kind(const Expression& e) {
    switch (e.kind) {
      case Node::constant: return e.value;
      case Node::name: return look_up(e.name);
      case Node::list: return list(all(e, 0));
      case Node::tuple: return tuple(all(e, 0));
      case Node::dict: return dict(e);
      case Node::attribute: return attribute(work_, operand(e, 0), e.name);
      case Node::item: {
        const Value value = operand(e, 0);
        return element(work_, value, operand(e, 1));
      }
      case Node::slice: {
        const Value value = operand(e, 0), start = operand(e, 1), stop = operand(e, 2);
        return slice(work_, value, start, stop, operand(e, 3));
      }
      case Node::call: return call(e);
      case Node::filter: {
        const Value value = e.operands[0] == nullptr ? captured_ : evaluate(*e.operands[0]);
        const Arguments given = arguments(e);
        work_.line = e.line;
        return filter(work_, e.name, value, given);
      }
      case Node::test: {
        const Value value = operand(e, 0);
        return test(work_, e.name, value, arguments(e));
      }
      case Node::negate: {
        const Value value = operand(e, 0);
        if (value.is<double>()) return -value.number();
        return calculate(work_, "-", std::int64_t{0}, value);
      }
      case Node::plus: return calculate(work_, "+", std::int64_t{0}, operand(e, 0));
      case Node::logical_not: return !operand(e, 0).truth();
      case Node::logical_and:
      case Node::logical_or: {
        Value first = operand(e, 0);
        return first.truth() == (e.kind == Node::logical_or) ? first : operand(e, 1);
      }
      case Node::binary: {
        const Value first = operand(e, 0), second = operand(e, 1);
        work_.line = e.line;
        return calculate(work_, e.name, first, second);
      }
      case Node::concatenate: {
        std::vector<std::string> parts;
        for (const Value& part : all(e, 0)) parts.push_back(to_text(work_, part));
        return detail::join(work_, parts, "");
      }
      case Node::compare: return compared(e);
      case Node::conditional:
        if (operand(e, 1).truth()) return operand(e, 0);
        return e.operands[2] == nullptr ? Value::undefined("the expression has no \"else\"") : operand(e, 2);
    }
    work_.refuse("unknown expression");
  }

  /// The values of the operands from `first` on.
  std::vector<Value> all(const Expression& e, std::size_t first) {
    std::vector<Value> out;
    for (std::size_t i = first; i < e.operands.size(); ++i) out.push_back(evaluate(*e.operands[i]));
    return out;
  }

  Value dict(const Expression& e) {
    Dict out;
    for (std::size_t i = 0; i < e.operands.size(); i += 2) {
      const Value key = operand(e, i);
      if (key.sequence() != nullptr || key.dict() != nullptr)
        work_.refuse(concat("a ", key.type_name(), " as a key of a dict is not supported"));
      set(work_, out, key, operand(e, i + 1));
    }
    return out;
  }

  /// a < b < c holds if a < b and b < c, and looks no further than needed.
  bool compared(const Expression& e) {
    Value left = operand(e, 0);
    for (std::size_t i = 0; i < e.names.size(); ++i) {
      Value right = operand(e, i + 1);
      work_.line = e.line;
      if (!compare(work_, e.names[i], left, right)) return false;
      left = std::move(right);
    }
    return true;
  }

  /// The arguments of a call, a filter or a test.
  Arguments arguments(const Expression& e) {
    Arguments out{.positional = all(e, 1)};
    for (const auto& [name, value] : e.named) out.named.emplace_back(name, evaluate(*value));
    return out;
  }

  Value call(const Expression& e) {
    const Value callee = operand(e, 0);
    const Arguments given = arguments(e);
    work_.line = e.line;
    if (const Method* const method = callee.method()) return call_method(work_, *method, given);
    if (const auto* const function = callee.get_if<Function>())
      return call_function(work_, *function, given, time_, spaces_);
    if (const auto* const macro = callee.get_if<const MacroDefinition*>()) return expand(**macro, given);
    if (const auto* const undefined = callee.get_if<Undefined>(); undefined != nullptr && undefined->why)
      work_.refuse(*undefined->why);
    work_.refuse(concat("a ", callee.type_name(), " cannot be called"));
  }
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
