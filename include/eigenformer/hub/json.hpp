// JSON from files that are not trusted: bounded depth, no key twice, and fields with a type. The only header
// that includes nlohmann/json.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/hub/mapped_file.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

using Json = nlohmann::json;

namespace detail {

inline constexpr std::size_t deepest_json = 64;  // levels of objects and lists
inline constexpr std::size_t largest_json = std::size_t{1} << 28;

/// What a field may hold, as ±: a double holds it too, and small sums and products of fields do not overflow.
inline constexpr Index largest_integer = Index{1} << 53;
template <class T> constexpr bool is_moderate(T value) {
  return std::cmp_less_equal(value, largest_integer) && std::cmp_greater_equal(value, -largest_integer);
}

/// A value as it may stand in a message.
[[gnu::cold]] inline std::string brief(const Json& value) {
  return printable(value.dump(-1, ' ', true, Json::error_handler_t::replace));
}

/// Takes the parser's events and builds the value; a class of its own because the library's builder silently
/// keeps the last of two values with one key, and nests without limit.
class JsonBuilder final : public nlohmann::json_sax<Json> {
 public:
  JsonBuilder(Json& root, const std::string& file) : root_(root), file_(file) {}

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }  // not in JSON texts

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    const auto [place, inserted] = open_.back()->get_ref<Json::object_t&>().emplace(name, nullptr);
    if (!inserted)
      fail(FileError(file_, concat("the key \"", printable(name), "\" stands twice in one object")));
    slot_ = &place->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing …"
    std::string_view reason = error.what();
    for (const std::string_view before : {"] ", "parse error at ", ": "}) {
      const std::size_t at = reason.find(before);
      if (at == reason.npos) break;
      reason.remove_prefix(at + before.size());
    }
    fail(FileError(file_, concat("is not valid JSON at byte ", position, ": ", printable(reason, 200))));
  }

 private:
  /// Puts a value where the next one belongs, and says where it now lives.
  Json* place(Json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    *slot_ = std::move(value);
    return slot_;
  }
  bool put(Json&& value) {
    place(std::move(value));
    return true;
  }
  bool open(Json&& container) {
    if (open_.size() == deepest_json) {
      fail(FileError(file_, concat("is nested deeper than ", deepest_json, " levels")));
    }
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  Json& root_;
  const std::string& file_;
  std::vector<Json*> open_;  // objects and arrays that are not closed yet, outermost first
  Json* slot_ = nullptr;     // of the key read last
};

}  // namespace detail

/// The value of a JSON text.
/// @param file  what messages call it
/// @throws FileError  for text that is not JSON, nests deeper than 64 levels, or names a key twice in one
///                    object
[[gnu::cold]] inline Json parse_json(std::string_view text, const std::string& file) {
  if (const std::size_t zero = text.find('\0'); zero != text.npos) {  // the parser takes it for the end
    fail(FileError(file, concat("is not valid JSON at byte ", zero + 1, ": a zero byte")));
  }
  Json root;
  detail::JsonBuilder builder(root, file);
  // The parser itself: json::sax_parse would compile the readers of five binary formats beside it. Bytes and
  // an abstract receiver, as in text/tokenizer_json.hpp: one parser is compiled for both.
  auto input = nlohmann::detail::input_adapter(text);
  nlohmann::detail::parser<Json, decltype(input)>(std::move(input))
      .sax_parse(static_cast<nlohmann::json_sax<Json>*>(&builder));
  return root;
}

/// The JSON value in a file. @throws FileError  also for a file of more than 256 MiB
[[gnu::cold]] inline Json read_json(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() > detail::largest_json) {
    fail(FileError(path, concat("has ", bytes.size(), " bytes, more than the ", detail::largest_json,
                                " that are read as JSON")));
  }
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

/// The fields of a JSON object, each read with a type. A field that is absent or null has its default.
/// Refers to the object, which must live as long. Errors are ConfigErrors about the field, which inside
/// another object is called "rope_scaling.factor".
class JsonFields {
 public:
  /// @throws FileError  the value is not an object
  JsonFields(const Json& object, std::string file) : JsonFields(object, std::move(file), "") {
    if (!object.is_object()) {
      fail(FileError(file_, concat("a JSON object was expected, found ", detail::brief(object))));
    }
  }
  JsonFields(Json&& object, std::string file) = delete;  // it would be gone at once

  bool has(const char* key) const {
    const auto at = object_.find(key);
    return at != object_.end() && !at->is_null();
  }
  /// Whether the field is there, be it null.
  bool contains(const char* key) const { return object_.contains(key); }
  const Json& at(const char* key) const {
    if (!has(key)) refuse(key, "is missing");
    return object_.at(key);
  }
  JsonFields fields(const char* key) const {
    const Json& value = at(key);
    if (!value.is_object()) refuse_type(key, "an object");
    return {value, file_, concat(prefix_, key, ".")};
  }

  /// Up to ±2⁵³.
  Index integer(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number_integer()) refuse_type(key, "an integer");
    const bool moderate = value.is_number_unsigned() ? detail::is_moderate(value.get<std::uint64_t>())
                                                     : detail::is_moderate(value.get<std::int64_t>());
    if (!moderate) refuse(key, "is too large: " + detail::brief(value));
    return value.get<Index>();
  }
  Index integer(const char* key, Index otherwise) const { return has(key) ? integer(key) : otherwise; }
  /// A token id.
  Token token(const char* key) const { return token(key, at(key)); }
  /// Token ids: a list of them, or one alone.
  std::vector<Token> tokens(const char* key) const {
    const Json& value = at(key);
    std::vector<Token> out;
    if (!value.is_array()) return {token(key, value)};
    for (const Json& id : value) out.push_back(token(key, id));
    return out;
  }
  double number(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number()) refuse_type(key, "a number");
    return value.get<double>();
  }
  double number(const char* key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  bool boolean(const char* key, bool otherwise) const {
    if (!has(key)) return otherwise;
    if (!at(key).is_boolean()) refuse_type(key, "true or false");
    return at(key).get<bool>();
  }
  std::string text(const char* key) const {
    if (!at(key).is_string()) refuse_type(key, "a string");
    return at(key).get<std::string>();
  }
  std::string text(const char* key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }

  /// @throws ConfigError  "key: why (file)"
  [[noreturn]] void refuse(const char* key, const std::string& why) const {
    fail(ConfigError(concat(prefix_, key), concat(why, " (", file_, ")")));
  }
  const std::string& file() const { return file_; }

 private:
  JsonFields(const Json& object, std::string file, std::string prefix)
      : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {}

  Token token(const char* key, const Json& value) const {
    if (!value.is_number_integer() || value < 0 || value > (std::numeric_limits<Token>::max)())
      refuse(key, concat("a token id was expected, found ", detail::brief(value)));
    return value.get<Token>();
  }

  [[noreturn]] void refuse_type(const char* key, const char* expected) const {
    refuse(key, concat(expected, " was expected, found ", detail::brief(at(key))));
  }

  const Json& object_;
  std::string file_;
  std::string prefix_;  // the objects around this one
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
