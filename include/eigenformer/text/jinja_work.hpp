// What rendering a Jinja template has used up, where it stands, and how it fails.
#pragma once

#include <eigenformer/text/jinja_limits.hpp>
#include <eigenformer/text/jinja_value.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace jinja {

class Work {
 public:
  Work(std::string name, const Limits& limits) : name_(std::move(name)), limits_(limits) {}

  int line = 1;  // of the template, for messages

  [[noreturn]] void refuse(const std::string& why) const {
    fail(FileError(name_, concat("line ", line, ": ", why)));
  }

  /// Counts steps.
  void step(std::size_t count = 1) {
    if (count > limits_.steps - steps_)
      refuse(concat("the template takes more than ", limits_.steps, " steps"));
    steps_ += count;
  }

  /// Refuses a text that is too long.
  void limit(std::size_t bytes) const {
    if (bytes > limits_.text_bytes)
      refuse(concat("the template makes a text of more than ", limits_.text_bytes, " bytes"));
  }

  /// Counts a string that is gone through; 64 bytes are a step.
  void read(std::size_t bytes) { step(bytes / 64); }

  /// Counts the search for a string in another, which may compare most of it at every place.
  void search(std::string_view text, std::string_view part) {
    read(text.size() + text.size() / 64 * part.size());
  }

  /// Counts a string that is about to be made; eight bytes are a step.
  void text(std::size_t bytes) {
    limit(bytes);
    step(bytes / 8);
  }

  /// A string as a value, counted.
  Value string(std::string value) {
    text(value.size());
    return value;
  }

  /// One level of evaluation, as long as it lives.
  class Level {
   public:
    explicit Level(Work& work) : work_(work) {
      if (++work_.level_ > work_.limits_.levels)
        work_.refuse(concat("the template goes more than ", work_.limits_.levels, " levels deep"));
    }
    ~Level() { --work_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Work& work_;
  };

 private:
  std::string name_;
  Limits limits_;
  std::size_t steps_ = 0;
  int level_ = 0;
};

/// Refuses a string marked by `| safe`. It may be printed, compared and joined by ~; elsewhere Python would
/// escape what it meets for HTML, which no chat template can want.
inline void refuse_safe(const Work& work, const Value& value) {
  if (value.is_safe()) work.refuse("what `| safe` gives can only be printed, compared, and joined by ~");
}

/// Python's ==. Every pair of values looked at is a step, because values that share parts can be larger than
/// the memory they take.
inline bool equal(Work& work, const Value& a, const Value& b) {
  work.step();
  if (a.is_number() && b.is_number())
    return a.is_integer() && b.is_integer() ? a.integer() == b.integer() : a.number() == b.number();
  if (a.is_string() && b.is_string()) {
    if (a.string().size() != b.string().size()) return false;
    work.read(a.string().size());
    return a.string() == b.string();
  }
  if (a.is_none() || a.is_undefined()) return a.is_none() ? b.is_none() : b.is_undefined();
  const auto same = [&](const Value& x, const Value& y) { return equal(work, x, y); };
  if (const Sequence* x = a.sequence(), *y = b.sequence(); x != nullptr && y != nullptr)
    return x->is_tuple == y->is_tuple &&
           std::equal(x->items.begin(), x->items.end(), y->items.begin(), y->items.end(), same);
  if (const Dict* x = a.dict(), *y = b.dict(); x != nullptr && y != nullptr)
    return x->items.size() == y->items.size() &&
           std::all_of(x->items.begin(), x->items.end(), [&](const auto& item) {
             return std::any_of(y->items.begin(), y->items.end(), [&](const auto& other) {
               return same(item.first, other.first) && same(item.second, other.second);
             });
           });
  const auto is_same = [&]<class T>(const T* x, const T* y) {
    return x != nullptr && y != nullptr && *x == *y;
  };
  return is_same(a.get_if<Namespace*>(), b.get_if<Namespace*>()) ||
         is_same(a.get_if<const MacroDefinition*>(), b.get_if<const MacroDefinition*>());
}

/// Sets the value of a key; a new one is the last.
inline void set(Work& work, Dict& dict, const Value& key, Value value) {
  for (auto& [name, old] : dict.items)
    if (equal(work, name, key)) return void(old = std::move(value));
  dict.items.emplace_back(key, std::move(value));
}

/// The arguments of a call.
struct Arguments {
  std::vector<Value> positional = {};
  std::vector<std::pair<std::string, Value>> named = {};
};

/// Arguments matched to the names of parameters.
class Bound {
 public:
  /// @param what      the function, for messages
  /// @param required  how many of the parameters must be given
  Bound(const Work& work, std::string_view what, const Arguments& arguments,
        std::vector<std::string_view> names, std::size_t required = 0)
      : work_(work), what_(what), names_(std::move(names)), values_(names_.size(), nullptr) {
    if (arguments.positional.size() > names_.size())
      work.refuse(concat(what, " takes ", names_.size(), " arguments, not ", arguments.positional.size()));
    for (std::size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
    for (const auto& [name, value] : arguments.named) {
      const auto found = std::find(names_.begin(), names_.end(), name);
      if (found == names_.end())
        work.refuse(concat(what, ": the argument \"", printable(name), "\" is not supported"));
      const Value*& place = values_[static_cast<std::size_t>(found - names_.begin())];
      if (place != nullptr) work.refuse(concat(what, ": the argument \"", name, "\" is given twice"));
      place = &value;
    }
    for (std::size_t i = 0; i < required; ++i)
      if (values_[i] == nullptr) work.refuse(concat(what, " needs the argument \"", names_[i], '"'));
  }

  bool has(std::size_t i) const { return values_[i] != nullptr; }
  bool has_value(std::size_t i) const { return has(i) && !values_[i]->is_none(); }  // None stands for absent
  const Value& operator[](std::size_t i) const { return *values_[i]; }

  const std::string& string(std::size_t i) const {
    if (!values_[i]->is_string()) wrong(i, "a string");
    return values_[i]->string();
  }
  std::int64_t integer(std::size_t i, std::int64_t otherwise) const {
    if (!has(i)) return otherwise;
    if (!values_[i]->is_integer()) wrong(i, "an integer");
    return values_[i]->integer();
  }
  bool truth(std::size_t i, bool otherwise) const { return has(i) ? values_[i]->truth() : otherwise; }

 private:
  [[noreturn]] void wrong(std::size_t i, std::string_view expected) const {
    work_.refuse(concat(what_, ": the argument \"", names_[i], "\" is a ", values_[i]->type_name(), ", not ",
                        expected));
  }

  const Work& work_;
  std::string_view what_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

}  // namespace jinja
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
