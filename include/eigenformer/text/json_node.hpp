// A place in a JSON file that is not trusted, with its name for messages.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// A value in the file, or the place of one that is absent. Its name is only made up for a message. All
/// functions that read throw FileError with that name if the value is not what they ask for.
class JsonNode {
 public:
  /// The whole content; it and the file's name must outlive all nodes.
  JsonNode(const nlohmann::json& root, const std::string& file) : root_(&root), file_(&file), value_(&root) {}

  /// The file, and the place in it: "tokenizer.json: model.merges".
  [[gnu::cold]] std::string name() const {
    std::string path;
    prepend_path(*root_, path);
    return concat(*file_, ": ", path);
  }

  [[noreturn, gnu::cold]] void refuse(const std::string& why) const {
    std::string path;
    prepend_path(*root_, path);
    fail(FileError(*file_, concat(path, ": ", why)));
  }
  [[noreturn, gnu::cold]] void refuse_value(const std::string& value) const {
    refuse(concat("\"", printable(value), "\" is not supported"));
  }

  /// Whether it is null or absent.
  bool is_null() const { return value_ == nullptr || value_->is_null(); }
  bool is_array() const { return value_ != nullptr && value_->is_array(); }
  bool is_object() const { return value_ != nullptr && value_->is_object(); }

  /// @param key  must outlive the node
  [[gnu::cold]] JsonNode operator[](std::string_view key) const {
    expect(is_object(), "an object");
    const auto found = value_->find(std::string(key));
    JsonNode out = *this;
    out.parent_ = value_;
    out.key_ = key;
    out.value_ = found == value_->end() ? nullptr : &*found;
    return out;
  }

  [[gnu::cold]] std::vector<JsonNode> elements() const {
    expect(is_array(), "an array");
    std::vector<JsonNode> out(value_->size(), *this);
    for (std::size_t i = 0; i < out.size(); ++i) out[i].value_ = &(*value_)[i];
    return out;
  }

  [[gnu::cold]] const std::string& string() const {
    expect(value_ != nullptr && value_->is_string(), "a string");
    return value_->get_ref<const std::string&>();
  }
  /// A string, or "" for null and absent.
  [[gnu::cold]] std::string string_or_empty() const { return is_null() ? std::string() : string(); }
  [[gnu::cold]] const std::string& nonempty_string() const {
    expect(!string().empty(), "a string that is not empty");
    return string();
  }
  [[gnu::cold]] double number() const {
    expect(value_ != nullptr && value_->is_number(), "a number");
    return value_->get<double>();
  }
  [[gnu::cold]] bool flag(bool otherwise) const {
    if (is_null()) return otherwise;
    expect(value_->is_boolean(), "true or false");
    return value_->get<bool>();
  }
  /// An integer from 0 to `largest`.
  [[gnu::cold]] std::int64_t integer(std::int64_t largest) const {
    expect(value_ != nullptr && value_->is_number_integer(), "an integer");
    if (!value_->is_number_unsigned()) refuse(concat(value_->get<std::int64_t>(), " is negative"));
    const auto number = value_->get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(largest)) refuse(concat(number, " is larger than ", largest));
    return static_cast<std::int64_t>(number);
  }
  Token token() const { return static_cast<Token>(integer((std::numeric_limits<Token>::max)())); }

 private:
  void expect(bool found, const char* what) const {
    if (!found) refuse(concat("expected ", what));
  }

  /// Looks for the node below `at`, and if it is there, writes the steps that lead to it before `path`.
  [[gnu::cold]] bool prepend_path(const nlohmann::json& at, std::string& path) const {
    if (&at == value_) return true;
    if (value_ == nullptr && &at == parent_) {
      path = key_;
      return true;
    }
    if (!at.is_structured()) return false;
    std::size_t index = 0;
    for (auto i = at.begin(); i != at.end(); ++i, ++index) {
      if (!prepend_path(*i, path)) continue;
      const char* const dot = path.empty() || path[0] == '[' ? "" : ".";
      path.insert(0, at.is_array() ? concat('[', index, ']', dot) : i.key() + dot);
      return true;
    }
    return false;
  }

  const nlohmann::json* root_;
  const std::string* file_;
  const nlohmann::json* value_;             // null: absent
  const nlohmann::json* parent_ = nullptr;  // of an absent one
  std::string_view key_ = {};               // in that
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
