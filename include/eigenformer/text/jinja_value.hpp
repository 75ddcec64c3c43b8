// The values of a Jinja template: those of Python that a chat template meets. They are immutable, but for
// namespaces.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

struct Sequence;
struct Dict;
struct Method;
struct Loop;
struct MacroDefinition;
class Value;

/// What a missing variable, key or element gives. It prints as nothing; to look into it is an error.
struct Undefined {
  std::shared_ptr<const std::string> why;  // "'x' is undefined"
};
struct None {};
using Text = std::shared_ptr<const std::string>;
using Namespace = std::map<std::string, Value>;

/// A function that every template has.
enum class Function { raise_exception, strftime_now, range, make_namespace, dict };

class Value {
 public:
  using Variant =
      std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const Sequence>,
                   std::shared_ptr<const Dict>, Namespace*, const MacroDefinition*, std::shared_ptr<Loop>,
                   std::shared_ptr<const Method>, Function>;

  Value() = default;
  Value(None) : variant_(None{}) {}
  Value(bool value) : variant_(value) {}
  Value(std::int64_t value) : variant_(value) {}
  Value(double value) : variant_(value) {}
  Value(std::string value) : variant_(std::make_shared<const std::string>(std::move(value))) {}
  Value(const char*) = delete;  // would be a bool
  Value(Sequence value);
  Value(Dict value);
  Value(Method value);
  Value(Namespace* value) : variant_(value) {}
  Value(const MacroDefinition* value) : variant_(value) {}
  Value(std::shared_ptr<Loop> value) : variant_(std::move(value)) {}
  Value(Function value) : variant_(value) {}

  /// What a variable, attribute or element that is not there gives.
  static Value undefined(std::string why) {
    Value out;
    out.variant_ = Undefined{std::make_shared<const std::string>(std::move(why))};
    return out;
  }

  /// The string as `| safe` gives it: Python's Markup, which escapes for HTML what is added to it.
  Value as_safe() const {
    Value out = *this;
    out.safe_ = true;
    return out;
  }
  bool is_safe() const { return safe_; }

  template <class T> bool is() const { return std::holds_alternative<T>(variant_); }
  bool is_undefined() const { return is<Undefined>(); }
  bool is_none() const { return is<None>(); }
  bool is_string() const { return is<Text>(); }
  bool is_integer() const { return is<std::int64_t>() || is<bool>(); }  // as in Python a bool is one
  bool is_number() const { return is_integer() || is<double>(); }

  /// The alternative that the value holds, or null.
  template <class T> const T* get_if() const { return std::get_if<T>(&variant_); }
  const Sequence* sequence() const { return pointer<std::shared_ptr<const Sequence>>(); }  // or null
  const Dict* dict() const { return pointer<std::shared_ptr<const Dict>>(); }              // or null
  const Method* method() const { return pointer<std::shared_ptr<const Method>>(); }        // or null
  const std::string& string() const { return *std::get<Text>(variant_); }
  std::int64_t integer() const {
    if (const bool* flag = std::get_if<bool>(&variant_)) return *flag ? 1 : 0;
    return std::get<std::int64_t>(variant_);
  }
  double number() const { return is<double>() ? std::get<double>(variant_) : static_cast<double>(integer()); }

  bool truth() const;
  int depth() const;  // 1, and more for what holds other values

  /// As Python's type(value).__name__, for messages.
  std::string_view type_name() const;

 private:
  template <class P> auto pointer() const -> decltype(std::declval<P>().get()) {
    const P* const held = std::get_if<P>(&variant_);
    return held == nullptr ? nullptr : held->get();
  }

  Variant variant_;
  bool safe_ = false;
};

inline constexpr int deepest_value = 64;  // levels of values in values; the evaluator refuses more

/// A list or a tuple.
struct Sequence {
  std::vector<Value> items = {};
  bool is_tuple = false;
  int depth = 1;
};

/// A dict, in the order of insertion.
struct Dict {
  std::vector<std::pair<Value, Value>> items = {};
  int depth = 1;

  /// The value of a key, or null.
  const Value* find(std::string_view key) const {
    for (const auto& [name, value] : items)
      if (name.is_string() && name.string() == key) return &value;
    return nullptr;
  }
};

/// A method of a value, not yet called.
struct Method {
  Value self;
  std::string name;
};

inline Value::Value(Sequence value) {
  for (const Value& item : value.items) value.depth = (std::max)(value.depth, item.depth() + 1);
  variant_ = std::make_shared<const Sequence>(std::move(value));
}
inline Value::Value(Dict value) {
  for (const auto& [key, item] : value.items)
    value.depth = (std::max)({value.depth, key.depth() + 1, item.depth() + 1});
  variant_ = std::make_shared<const Dict>(std::move(value));
}
inline Value::Value(Method value) { variant_ = std::make_shared<const Method>(std::move(value)); }

inline Value list(std::vector<Value> items) { return Sequence{std::move(items)}; }
inline Value tuple(std::vector<Value> items) { return Sequence{std::move(items), true}; }

/// The `loop` of a for statement. What comes next is asked of `at`, because an `if` of the statement is only
/// tried as far as needed, and ends with the statement.
struct Loop {
  std::size_t index = 0;  // from 0
  int depth = 1;          // of the values
  /// Pointer to the i-th value of those that the loop goes through, or null past the last.
  std::function<const Value*(std::size_t)> at = {};
  std::function<std::size_t()> length = {};  // how many values there are
};

inline bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  if (is_integer()) return integer() != 0;
  if (is<double>()) return number() != 0;
  if (is_string()) return !string().empty();
  if (const Sequence* const items = sequence()) return !items->items.empty();
  if (const Dict* const items = dict()) return !items->items.empty();
  return true;
}

inline int Value::depth() const {
  if (const Sequence* const items = sequence()) return items->depth;
  if (const Dict* const items = dict()) return items->depth;
  if (const Method* const bound = method()) return bound->self.depth() + 1;
  if (const auto* const loop = get_if<std::shared_ptr<Loop>>()) return (*loop)->depth;
  return 1;
}

inline std::string_view Value::type_name() const {
  static constexpr std::string_view names[] = {"Undefined", "None",   "bool",    "int",       "float",
                                               "str",       "list",   "dict",    "namespace", "macro",
                                               "loop",      "method", "function"};
  const Sequence* const items = sequence();
  return items != nullptr && items->is_tuple ? "tuple" : names[variant_.index()];
}

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
