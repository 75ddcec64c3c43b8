// JSON from files that are not trusted: bounded depth, no key twice, and fields with a type.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/hub/mapped_file.hpp>

#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

using Json = nlohmann::json;

/// @throws FileError  for text that is not JSON, nests deeper than 64 levels, or names a key twice in one
/// object
inline Json parse_json(std::string_view text, const std::string& file) {
  constexpr std::size_t deepest = 64;
  std::vector<std::set<std::string>> keys(1);  // of the objects that enclose the current place
  const auto watch = [&](int level, Json::parse_event_t event, Json& parsed) {
    const auto depth = static_cast<std::size_t>(level);
    if (depth >= deepest) fail(FileError(file, concat("JSON nests deeper than ", deepest, " levels")));
    if (event == Json::parse_event_t::object_start) {
      keys.resize(depth + 2);
      keys[depth + 1].clear();
    } else if (event == Json::parse_event_t::key) {
      if (!keys[depth].insert(parsed.get<std::string>()).second)
        fail(FileError(file,
                       concat("the key \"", parsed.get<std::string>(), "\" stands twice in one object")));
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    fail(FileError(file, concat("not valid JSON: ", error.what())));
  }
}

/// The JSON value in a file.
inline Json read_json(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

/// The fields of a JSON object, each read with a type. A field that is absent or null has its default.
class JsonFields {
 public:
  JsonFields(const Json& object, std::string file) : object_(object), file_(std::move(file)) {
    if (!object.is_object()) fail(FileError(file_, "a JSON object was expected"));
  }

  bool has(const char* key) const {
    const auto at = object_.find(key);
    return at != object_.end() && !at->is_null();
  }
  const Json& at(const char* key) const {
    if (!has(key)) refuse(key, "is missing");
    return object_.at(key);
  }
  JsonFields fields(const char* key) const {
    if (!at(key).is_object()) refuse(key, "an object was expected, found " + brief(object_.at(key)));
    return JsonFields(object_.at(key), file_);
  }

  Index integer(const char* key) const {
    const Json& value = at(key);
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{1} << 62)
      refuse(key, "is too large: " + brief(value));
    if (!value.is_number_integer()) refuse(key, "an integer was expected, found " + brief(value));
    return value.get<Index>();
  }
  Index integer(const char* key, Index otherwise) const { return has(key) ? integer(key) : otherwise; }
  double number(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number() || !std::isfinite(value.get<double>()))
      refuse(key, "a number was expected, found " + brief(value));
    return value.get<double>();
  }
  double number(const char* key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  bool boolean(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_boolean()) refuse(key, "true or false was expected, found " + brief(at(key)));
    return at(key).get<bool>();
  }
  std::string text(const char* key) const {
    if (!at(key).is_string()) refuse(key, "a string was expected, found " + brief(at(key)));
    return at(key).get<std::string>();
  }
  std::string text(const char* key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }

  /// @throws ConfigError  "key: why (file)"
  [[noreturn]] void refuse(const char* key, const std::string& why) const {
    fail(ConfigError(key, concat(why, " (", file_, ")")));
  }
  const std::string& file() const { return file_; }

 private:
  static std::string brief(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return text.size() <= 80 ? text : text.substr(0, 77) + "...";
  }

  const Json& object_;
  std::string file_;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
