// Renders the syntax tree of a Jinja template by walking it.
//
// Scopes are Jinja's: a loop's body, a macro and a captured block have one of their own, so that what they
// set is gone behind them; {% if %} has none.
#pragma once

#include <eigenformer/text/jinja_expressions.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

class Evaluator final : ExpressionEvaluator {
 public:
  using ExpressionEvaluator::ExpressionEvaluator;

  /// @throws InputError  what the template itself raises
  /// @throws FileError   with the line, on what the template cannot do
  std::string render(const Statements& statements) {
    run(statements);
    return std::move(output_);
  }

 private:
  using Type = Statement::Kind;
  enum class Flow { on, next, leave };

  Flow run(const Statements& statements) {
    for (const Statement& statement : statements)
      if (const Flow flow = run(statement); flow != Flow::on) return flow;
    return Flow::on;
  }

  Flow run(const Statement& statement) {
    const Work::Level level(work_);
    work_.line = statement.line;
    work_.step();
    switch (statement.kind) {
      case Type::data: write(statement.text); break;
      case Type::output: write(to_text(work_, evaluate(*statement.expression))); break;
      case Type::condition: return choose(statement);
      case Type::loop: return loop(statement);
      case Type::assign: assign(statement.target, evaluate(*statement.expression)); break;
      case Type::capture: capture(statement); break;
      case Type::macro: scope_->variables[statement.definition->name] = statement.definition.get(); break;
      case Type::scope: {
        const Inner inner(*this, *scope_);
        return run(statement.body);
      }
      case Type::next: return Flow::next;
      case Type::leave: return Flow::leave;
    }
    return Flow::on;
  }

  void write(std::string_view text) {
    work_.step(text.size() / 8);
    work_.limit(output_.size() + text.size());
    output_ += text;
  }

  Flow choose(const Statement& statement) {
    for (const Branch& branch : statement.branches)
      if (branch.condition == nullptr || evaluate(*branch.condition).truth()) return run(branch.body);
    return Flow::on;
  }

  void assign(const Target& target, const Value& value) {
    if (!target.targets.empty()) {
      const std::vector<Value> items = items_of(work_, value);
      if (items.size() != target.targets.size())
        work_.refuse(concat(items.size(), " values cannot be assigned to ", target.targets.size(), " names"));
      for (std::size_t i = 0; i < items.size(); ++i) assign(target.targets[i], items[i]);
    } else if (target.attribute.empty()) {
      scope_->variables[target.name] = value;
    } else {
      const Value holder = look_up(target.name);
      const auto* const space = holder.get_if<Namespace*>();
      if (space == nullptr)
        work_.refuse(concat("\"", target.name, "\" is a ", holder.type_name(), ", not a namespace"));
      (**space)[target.attribute] = value;
    }
  }

  /// What statements write, as a text of its own.
  std::string captured(const Statements& statements) {
    std::string before = std::exchange(output_, {});
    run(statements);
    return std::exchange(output_, std::move(before));
  }

  void capture(const Statement& statement) {
    Value value;
    {
      const Inner inner(*this, *scope_);
      value = captured(statement.body);
    }
    if (statement.expression != nullptr) {
      captured_ = std::move(value);
      value = evaluate(*statement.expression);
    }
    assign(statement.target, value);
  }

  Flow loop(const Statement& statement) {
    Scope& outer = *scope_;
    const Value value = evaluate(*statement.expression);
    work_.line = statement.line;
    const std::vector<Value> items = items_of(work_, value);
    // The `if` of the statement is tried no further than the loop has got, or than `loop` is asked about.
    std::vector<const Value*> taken;
    std::size_t tried = 0;
    const auto at = [&](std::size_t i) {
      for (; taken.size() <= i && tried < items.size(); ++tried) {
        if (statement.filter != nullptr) {
          const Inner inner(*this, outer);
          assign(statement.target, items[tried]);
          if (!evaluate(*statement.filter).truth()) continue;
        }
        taken.push_back(&items[tried]);
      }
      return i < taken.size() ? taken[i] : nullptr;
    };
    const auto state = std::make_shared<Loop>();
    state->depth = value.depth();
    state->at = at;
    state->length = [&] {
      at(items.size());
      return taken.size();
    };
    Flow flow = Flow::on;
    bool completed = false;  // as in Jinja {% else %} is for loops of which no turn ran to its end
    for (; flow != Flow::leave; ++state->index) {
      const Value* const item = at(state->index);
      if (item == nullptr) break;
      const Inner inner(*this, outer);
      scope_->variables["loop"] = state;
      assign(statement.target, *item);
      flow = run(statement.body);
      completed = completed || flow == Flow::on;
    }
    state->at = nullptr;
    state->length = nullptr;
    if (!completed && !statement.otherwise.empty()) {
      const Inner inner(*this, outer);
      return run(statement.otherwise);
    }
    return Flow::on;
  }

  Value expand(const MacroDefinition& macro, const Arguments& arguments) override {
    std::vector<std::string_view> names;
    for (const auto& parameter : macro.parameters) names.push_back(parameter.first);
    const Bound bound(work_, macro.name, arguments, names);
    const Inner inner(*this, root_);
    for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
      const auto& [name, otherwise] = macro.parameters[i];
      Value value = bound.has(i) ? bound[i]
                    : otherwise != nullptr
                        ? evaluate(*otherwise)
                        : Value::undefined(concat("the parameter \"", name, "\" is not given"));
      scope_->variables[name] = std::move(value);
    }
    return captured(macro.body);
  }

  std::string output_;
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
