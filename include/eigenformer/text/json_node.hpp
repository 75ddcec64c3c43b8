// A place in a JSON file that is not trusted, with its name for messages.
#pragma once

#include <eigenformer/core/error.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer::inline EIGENFORMER_ABI::text {

/// A place in the file: a value, and its name for messages.
class JsonNode {
 public:
  JsonNode(const nlohmann::json* value, const std::string& file, std::string name)
      : value_(value), file_(&file), name_(std::move(name)) {}

  [[noreturn]] void refuse(const std::string& why) const {
    fail(FileError(*file_, concat(name_, ": ", why)));
  }
  [[noreturn]] void refuse_type(const std::string& type) const {
    refuse(concat("type \"", type, "\" is not supported"));
  }

  /// Whether it is null or absent.
  bool is_null() const { return value_ == nullptr || value_->is_null(); }

  JsonNode operator[](const std::string& key) const {
    if (value_ == nullptr || !value_->is_object()) refuse("expected an object");
    const auto found = value_->find(key);
    return {found == value_->end() ? nullptr : &*found, *file_, name_.empty() ? key : name_ + "." + key};
  }

  std::vector<JsonNode> elements() const {
    if (value_ == nullptr || !value_->is_array()) refuse("expected an array");
    std::vector<JsonNode> out;
    for (std::size_t i = 0; i < value_->size(); ++i)
      out.emplace_back(&(*value_)[i], *file_, concat(name_, '[', i, ']'));
    return out;
  }

  std::string string() const {
    if (value_ == nullptr || !value_->is_string()) refuse("expected a string");
    return value_->get<std::string>();
  }
  /// A string, or "" for null and absent.
  std::string string_or_empty() const { return is_null() ? std::string() : string(); }
  std::string nonempty_string() const {
    std::string out = string();
    if (out.empty()) refuse("expected a string that is not empty");
    return out;
  }
  bool is_array() const { return value_ != nullptr && value_->is_array(); }
  bool is_string() const { return value_ != nullptr && value_->is_string(); }
  bool is_object() const { return value_ != nullptr && value_->is_object(); }
  double number() const {
    if (value_ == nullptr || !value_->is_number()) refuse("expected a number");
    return value_->get<double>();
  }
  bool flag(bool otherwise) const {
    if (is_null()) return otherwise;
    if (!value_->is_boolean()) refuse("expected true or false");
    return value_->get<bool>();
  }
  /// An integer from 0 to `largest`.
  std::int64_t integer(std::int64_t largest) const {
    if (value_ == nullptr || !value_->is_number_integer()) refuse("expected an integer");
    if (!value_->is_number_unsigned()) refuse(concat(value_->get<std::int64_t>(), " is negative"));
    const auto number = value_->get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(largest)) refuse(concat(number, " is larger than ", largest));
    return static_cast<std::int64_t>(number);
  }
  Token token() const { return static_cast<Token>(integer((std::numeric_limits<Token>::max)())); }

 private:
  const nlohmann::json* value_;  // null: absent
  const std::string* file_;
  std::string name_;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
