// Reads the statements of a Jinja template. Those that chat templates have no use for are refused by name.
#pragma once

#include <eigenformer/text/jinja_parser.hpp>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

inline constexpr int deepest_statement = 50;  // levels of blocks in blocks

class Parser : ExpressionParser {
 public:
  /// @param name  of the template, for messages
  /// @throws FileError  with the line, on what is not a template or not supported
  Parser(std::string_view source, const std::string& name)
      : ExpressionParser(Lexer(source, name).run(), name) {}

  Statements run() {
    Statements out = body({});
    if (here().kind != Kind::end) unexpected();
    return out;
  }

 private:
  using Type = Statement::Kind;

  /// Statements up to a tag with one of the words, which is left standing after "{%".
  Statements body(std::initializer_list<std::string_view> ends) {
    if (++level_ > deepest_statement)
      refuse(concat("blocks are nested more than ", deepest_statement, " deep"));
    const int begin = behind().line;
    Statements out;
    for (;;) {
      if (here().kind == Kind::data) {
        LexicalToken data = take();
        out.push_back({.kind = Type::data, .line = data.line, .text = std::move(data.text)});
      } else if (here().kind == Kind::variable_begin) {
        const int line = take().line;
        out.push_back({.kind = Type::output, .line = line, .expression = tuple_or_expression()});
        if (take().kind != Kind::variable_end) refuse_at(line, "expected the end of the tag, \"}}\"");
      } else if (here().kind == Kind::block_begin) {
        if (std::any_of(ends.begin(), ends.end(), [&](auto word) { return ahead().text == word; })) {
          take();
          break;
        }
        out.push_back(block());
      } else {
        if (ends.size() > 0) refuse_at(begin, concat("the block has no {% ", *(ends.end() - 1), " %}"));
        break;
      }
    }
    --level_;
    return out;
  }

  void end_tag() {
    if (take().kind != Kind::block_end) refuse("expected the end of the tag, \"%}\"");
  }

  void end_tag(std::string_view word) {
    expect_word(word);
    end_tag();
  }

  Statement block() {
    take();
    const int line = here().line;
    const std::string word = expect_name();
    if (word == "if") return condition(line);
    if (word == "for") return loop(line);
    if (word == "set") return assignment(line);
    if (word == "macro") return macro(line);
    if (word == "generation") return generation(line);
    if (word == "break" || word == "continue") {
      if (loops_ == 0) refuse_at(line, concat("{% ", word, " %}: there is no loop around it"));
      end_tag();
      return {.kind = word == "break" ? Type::leave : Type::next, .line = line};
    }
    refuse_at(line, concat("the statement {% ", word, " %} is not supported here"));
  }

  Statement condition(int line) {
    Statement out{.kind = Type::condition, .line = line};
    for (;;) {
      ExpressionPointer test = tuple_or_expression(false);
      end_tag();
      Statements inside = body({"elif", "else", "endif"});
      out.branches.push_back({std::move(test), std::move(inside)});
      if (!accept_word("elif")) break;
    }
    if (accept_word("else")) {
      end_tag();
      Statements inside = body({"endif"});
      out.branches.push_back({nullptr, std::move(inside)});
    }
    end_tag("endif");
    return out;
  }

  Statement loop(int line) {
    Statement out{.kind = Type::loop, .line = line, .target = target(false)};
    expect_word("in");
    out.expression = tuple_or_expression(false);
    if (accept_word("if")) out.filter = expression();
    if (is_word("recursive")) refuse("a recursive loop is not supported");
    end_tag();
    ++loops_;
    out.body = body({"else", "endfor"});
    --loops_;
    if (accept_word("else")) {
      end_tag();
      out.otherwise = body({"endfor"});
    }
    end_tag("endfor");
    return out;
  }

  Statement assignment(int line) {
    Statement out{.kind = Type::assign, .line = line, .target = target(true)};
    if (accept_symbol("=")) {
      out.expression = tuple_or_expression();
      end_tag();
      return out;
    }
    out.kind = Type::capture;
    out.expression = filters(nullptr);
    end_tag();
    out.body = enclosed("endset");
    return out;
  }

  /// A body that {% break %} cannot leave.
  Statements enclosed(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Statements out = body({end});
    loops_ = loops;
    end_tag(end);
    return out;
  }

  Statement macro(int line) {
    if (level_ > 1) refuse_at(line, "{% macro %} is only supported at the top level");
    auto definition = std::make_shared<MacroDefinition>();
    definition->name = expect_name();
    expect_symbol("(");
    while (!accept_symbol(")")) {
      if (!definition->parameters.empty()) expect_symbol(",");
      std::string name = expect_name();
      ExpressionPointer otherwise;
      if (accept_symbol("=")) otherwise = expression();
      definition->parameters.emplace_back(std::move(name), std::move(otherwise));
    }
    end_tag();
    definition->body = enclosed("endmacro");
    return {.kind = Type::macro, .line = line, .definition = std::move(definition)};
  }

  /// {% generation %} marks what the assistant has written; it changes nothing in the text.
  Statement generation(int line) {
    end_tag();
    return {.kind = Type::scope, .line = line, .body = enclosed("endgeneration")};
  }

  Target target(bool with_namespace) {
    Target first = single_target(with_namespace);
    if (!is_symbol(",")) return first;
    Target out;
    out.targets.push_back(std::move(first));
    while (accept_symbol(",")) {
      if (is_word("in") || is_symbol("=")) break;
      out.targets.push_back(single_target(false));
    }
    return out;
  }

  Target single_target(bool with_namespace) {
    if (accept_symbol("(")) {
      if (++level_ > deepest_statement) refuse("a target is nested too deep");
      Target out = target(false);
      --level_;
      expect_symbol(")");
      return out;
    }
    static constexpr std::string_view constants[] = {"true", "false", "none", "True", "False", "None"};
    Target out{.name = expect_name()};
    if (std::find(std::begin(constants), std::end(constants), out.name) != std::end(constants))
      refuse(concat("a value cannot be assigned to ", out.name));
    if (with_namespace && accept_symbol(".")) out.attribute = expect_name();
    return out;
  }

  int level_ = 0;
  int loops_ = 0;  // around the present place
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
