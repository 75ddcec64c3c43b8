// Reads the expressions of a Jinja template by recursive descent. The grammar and its precedences are those
// of Jinja 3.1, where filters and tests bind tighter than any operator but the sign.
#pragma once

#include <eigenformer/text/jinja_lexer.hpp>
#include <eigenformer/text/jinja_syntax.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

inline constexpr int deepest_expression = 150;  // levels of expressions in expressions

class ExpressionParser {
 public:
  ExpressionParser(std::vector<LexicalToken> tokens, std::string name)
      : tokens_(std::move(tokens)), name_(std::move(name)) {}

 protected:
  using Kind = LexicalToken::Kind;
  using Node = Expression::Kind;

  [[noreturn]] void refuse(const std::string& why) const { refuse_at(here().line, why); }
  [[noreturn]] void refuse_at(int line, const std::string& why) const {
    fail(FileError(name_, concat("line ", line, ": ", why)));
  }
  [[noreturn]] void unexpected() const { refuse(concat("unexpected \"", printable(here().text), '"')); }

  const LexicalToken& here() const { return tokens_[at_]; }
  const LexicalToken& behind() const { return tokens_[at_ == 0 ? 0 : at_ - 1]; }
  const LexicalToken& ahead() const { return tokens_[(std::min)(at_ + 1, tokens_.size() - 1)]; }
  bool is_symbol(std::string_view text) const { return here().kind == Kind::symbol && here().text == text; }
  bool is_word(std::string_view text) const { return here().kind == Kind::name && here().text == text; }
  LexicalToken take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool accept_symbol(std::string_view text) { return is_symbol(text) && (take(), true); }
  bool accept_word(std::string_view text) { return is_word(text) && (take(), true); }
  void expect_symbol(std::string_view text) {
    if (!accept_symbol(text))
      refuse(concat("expected \"", text, "\", found \"", printable(here().text), '"'));
  }
  void expect_word(std::string_view text) {
    if (!accept_word(text)) refuse(concat("expected \"", text, "\", found \"", printable(here().text), '"'));
  }
  std::string expect_name() {
    if (here().kind != Kind::name) refuse(concat("expected a name, found \"", printable(here().text), '"'));
    return take().text;
  }

  /// Makes a node; a tree too deep to walk is refused as it grows.
  ExpressionPointer node(Expression expression) const {
    const auto grow = [&](const ExpressionPointer& part) {
      if (part != nullptr) expression.depth = (std::max)(expression.depth, part->depth + 1);
    };
    for (const auto& part : expression.operands) grow(part);
    for (const auto& part : expression.named) grow(part.second);
    if (expression.depth > deepest_expression)
      refuse_at(expression.line, concat("an expression is nested more than ", deepest_expression, " deep"));
    return std::make_unique<Expression>(std::move(expression));
  }

  template <class... Parts>
  ExpressionPointer node(Node kind, int line, std::string name, Parts... parts) const {
    Expression out{.kind = kind, .line = line, .name = std::move(name)};
    (out.operands.push_back(std::move(parts)), ...);
    return node(std::move(out));
  }

  /// a if b else c
  ExpressionPointer expression(bool with_condition = true) {
    const Level level(*this);
    ExpressionPointer out = logical_or();
    while (with_condition && is_word("if")) {
      const int line = take().line;
      ExpressionPointer condition = logical_or();
      ExpressionPointer otherwise;
      if (accept_word("else")) otherwise = expression();
      out = node(Node::conditional, line, "", std::move(out), std::move(condition), std::move(otherwise));
    }
    return out;
  }

  /// Expressions with commas between are a tuple.
  ExpressionPointer tuple_or_expression(bool with_condition = true) {
    const int line = here().line;
    ExpressionPointer first = expression(with_condition);
    if (!is_symbol(",")) return first;
    Expression out{.kind = Node::tuple, .line = line};
    out.operands.push_back(std::move(first));
    while (accept_symbol(",")) {
      if (is_symbol(")") || here().kind == Kind::block_end || here().kind == Kind::variable_end) break;
      out.operands.push_back(expression(with_condition));
    }
    return node(std::move(out));
  }

  /// The filters behind a value; null stands for the value that a block gives.
  ExpressionPointer filters(ExpressionPointer operand) {
    while (is_symbol("|")) operand = filter(std::move(operand));
    return operand;
  }

 private:
  /// Counts how deep the parser itself has gone.
  class Level {
   public:
    explicit Level(ExpressionParser& parser) : parser_(parser) {
      if (++parser_.level_ > deepest_expression)
        parser_.refuse(concat("an expression is nested more than ", deepest_expression, " deep"));
    }
    ~Level() { --parser_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ExpressionParser& parser_;
  };

  /// Operands with operators between, the first two joined first.
  template <class Operand>
  ExpressionPointer chain(Node kind, std::initializer_list<std::string_view> operators, Operand&& operand) {
    ExpressionPointer out = operand();
    while ((here().kind == Kind::name || here().kind == Kind::symbol) &&
           std::find(operators.begin(), operators.end(), here().text) != operators.end()) {
      const LexicalToken symbol = take();
      out = node(kind, symbol.line, symbol.text, std::move(out), operand());
    }
    return out;
  }

  ExpressionPointer logical_or() {
    return chain(Node::logical_or, {"or"}, [&] { return logical_and(); });
  }
  ExpressionPointer logical_and() {
    return chain(Node::logical_and, {"and"}, [&] { return logical_not(); });
  }

  ExpressionPointer logical_not() {
    if (!is_word("not")) return compare();
    const Level level(*this);
    const int line = take().line;
    return node(Node::logical_not, line, "", logical_not());
  }

  ExpressionPointer compare() {
    Expression out{.kind = Node::compare, .line = here().line};
    out.operands.push_back(sum());
    for (;;) {
      static constexpr std::string_view operators[] = {"==", "!=", "<", "<=", ">", ">="};
      if (here().kind == Kind::symbol &&
          std::find(std::begin(operators), std::end(operators), here().text) != std::end(operators)) {
        out.names.push_back(take().text);
      } else if (accept_word("in")) {
        out.names.emplace_back("in");
      } else if (is_word("not") && ahead().kind == Kind::name && ahead().text == "in") {
        take(), take();
        out.names.emplace_back("not in");
      } else {
        break;
      }
      out.operands.push_back(sum());
    }
    return out.names.empty() ? std::move(out.operands[0]) : node(std::move(out));
  }

  ExpressionPointer sum() {
    return chain(Node::binary, {"+", "-"}, [&] { return concatenate(); });
  }

  ExpressionPointer concatenate() {
    Expression out{.kind = Node::concatenate, .line = here().line};
    out.operands.push_back(product());
    while (accept_symbol("~")) out.operands.push_back(product());
    return out.operands.size() == 1 ? std::move(out.operands[0]) : node(std::move(out));
  }

  ExpressionPointer product() {
    return chain(Node::binary, {"*", "/", "//", "%"}, [&] { return power(); });
  }
  ExpressionPointer power() {
    return chain(Node::binary, {"**"}, [&] { return sign(true); });
  }

  /// A filter applies to what the sign gives, as in Jinja: -1 | abs is 1.
  ExpressionPointer sign(bool with_filters) {
    ExpressionPointer out;
    if (is_symbol("-") || is_symbol("+")) {
      const Level level(*this);
      const LexicalToken symbol = take();
      out = node(symbol.text == "-" ? Node::negate : Node::plus, symbol.line, "", sign(false));
    } else {
      out = primary();
    }
    out = postfix(std::move(out));
    for (; with_filters;) {
      if (is_symbol("|"))
        out = filter(std::move(out));
      else if (is_word("is"))
        out = test(std::move(out));
      else if (is_symbol("("))
        out = call(std::move(out));
      else
        break;
    }
    return out;
  }

  ExpressionPointer constant(int line, Value value) const {
    return node(Expression{.kind = Node::constant, .line = line, .value = std::move(value)});
  }

  ExpressionPointer primary() {
    const LexicalToken token = take();
    switch (token.kind) {
      case Kind::name:
        if (token.text == "true" || token.text == "True") return constant(token.line, true);
        if (token.text == "false" || token.text == "False") return constant(token.line, false);
        if (token.text == "none" || token.text == "None") return constant(token.line, None{});
        return node(Node::name, token.line, token.text);
      case Kind::string: {
        std::string text = token.text;
        while (here().kind == Kind::string) text += take().text;
        return constant(token.line, std::move(text));
      }
      case Kind::integer: return constant(token.line, token.integer);
      case Kind::floating: return constant(token.line, token.floating);
      case Kind::symbol:
        if (token.text == "(") return parentheses(token.line);
        if (token.text == "[") return sequence(Node::list, "]", token.line);
        if (token.text == "{") return sequence(Node::dict, "}", token.line);
        break;
      default: break;
    }
    refuse_at(token.line, concat("unexpected \"", printable(token.text), '"'));
  }

  ExpressionPointer parentheses(int line) {
    if (accept_symbol(")")) return node(Node::tuple, line, "");
    ExpressionPointer out = tuple_or_expression();
    expect_symbol(")");
    return out;
  }

  ExpressionPointer sequence(Node kind, std::string_view end, int line) {
    Expression out{.kind = kind, .line = line};
    while (!accept_symbol(end)) {
      if (!out.operands.empty()) {
        expect_symbol(",");
        if (accept_symbol(end)) break;
      }
      out.operands.push_back(expression());
      if (kind == Node::dict) {
        expect_symbol(":");
        out.operands.push_back(expression());
      }
    }
    return node(std::move(out));
  }

  ExpressionPointer postfix(ExpressionPointer operand) {
    for (;;) {
      if (is_symbol("("))
        operand = call(std::move(operand));
      else if (is_symbol("[") || is_symbol("."))
        operand = subscript(std::move(operand));
      else
        return operand;
    }
  }

  ExpressionPointer subscript(ExpressionPointer operand) {
    const LexicalToken open = take();
    if (open.text == ".") {
      const LexicalToken token = take();
      if (token.kind == Kind::name) return node(Node::attribute, open.line, token.text, std::move(operand));
      if (token.kind != Kind::integer) refuse_at(token.line, "expected a name or a number after the dot");
      return node(Node::item, open.line, "", std::move(operand), constant(token.line, token.integer));
    }
    ExpressionPointer bounds[3];
    bool is_slice = false;
    for (std::size_t i = 0; i < 3; ++i) {
      if (!is_symbol(":") && !is_symbol("]")) bounds[i] = expression();
      if (i == 2 || !accept_symbol(":")) break;
      is_slice = true;
    }
    expect_symbol("]");
    if (is_slice)
      return node(Node::slice, open.line, "", std::move(operand), std::move(bounds[0]), std::move(bounds[1]),
                  std::move(bounds[2]));
    if (bounds[0] == nullptr) refuse_at(open.line, "there is nothing between the brackets");
    return node(Node::item, open.line, "", std::move(operand), std::move(bounds[0]));
  }

  /// Appends the arguments between parentheses.
  void arguments(Expression& out) {
    expect_symbol("(");
    bool first = true;
    while (!accept_symbol(")")) {
      if (!first) {
        expect_symbol(",");
        if (accept_symbol(")")) break;
      }
      first = false;
      if (is_symbol("*") || is_symbol("**"))
        refuse(concat(here().text, " before an argument is not supported"));
      if (here().kind == Kind::name && ahead().kind == Kind::symbol && ahead().text == "=") {
        std::string name = take().text;
        take();
        out.named.emplace_back(std::move(name), expression());
      } else {
        if (!out.named.empty()) refuse("an argument without a name stands after one with a name");
        out.operands.push_back(expression());
      }
    }
  }

  ExpressionPointer call(ExpressionPointer operand) {
    Expression out{.kind = Node::call, .line = here().line};
    out.operands.push_back(std::move(operand));
    arguments(out);
    return node(std::move(out));
  }

  ExpressionPointer filter(ExpressionPointer operand) {
    expect_symbol("|");
    Expression out{.kind = Node::filter, .line = here().line};
    out.name = expect_name();
    out.operands.push_back(std::move(operand));
    if (is_symbol("(")) arguments(out);
    return node(std::move(out));
  }

  ExpressionPointer test(ExpressionPointer operand) {
    const int line = take().line;
    const bool negated = accept_word("not");
    Expression out{.kind = Node::test, .line = line};
    out.name = expect_name();
    out.operands.push_back(std::move(operand));
    if (is_symbol("(")) {
      arguments(out);
    } else if ((here().kind == Kind::name || here().kind == Kind::string || here().kind == Kind::integer ||
                here().kind == Kind::floating || is_symbol("[") || is_symbol("{")) &&
               !is_word("else") && !is_word("or") && !is_word("and")) {
      if (is_word("is")) refuse("tests cannot be chained");
      out.operands.push_back(postfix(primary()));
    }
    ExpressionPointer result = node(std::move(out));
    return negated ? node(Node::logical_not, line, "", std::move(result)) : std::move(result);
  }

  std::vector<LexicalToken> tokens_;
  std::string name_;
  std::size_t at_ = 0;
  int level_ = 0;
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
