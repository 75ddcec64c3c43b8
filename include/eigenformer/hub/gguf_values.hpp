// The metadata of a GGUF file: values by their keys, each read with a type. Nothing is copied before it is
// asked for; what a key holds was checked to lie inside the file when it was opened.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/hub/tensor_view.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// The types of values, under their numbers in files.
enum class GgufType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};

/// Bytes of a value; 0 for those whose length stands in the file.
constexpr std::size_t bytes_of(GgufType type) {
  constexpr std::array<std::size_t, 13> bytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return bytes[static_cast<std::size_t>(type)];
}
constexpr std::string_view name_of(GgufType type) {
  constexpr std::array<std::string_view, 13> names{"UINT8",  "INT8",    "UINT16", "INT16",  "UINT32",
                                                   "INT32",  "FLOAT32", "BOOL",   "STRING", "ARRAY",
                                                   "UINT64", "INT64",   "FLOAT64"};
  return names[static_cast<std::size_t>(type)];
}

/// A value where it lies: the bytes of a scalar or a string, or the elements of an array one after the other.
struct GgufValue {
  GgufType type = GgufType::u8;
  std::span<const std::byte> data;
  GgufType element = GgufType::u8;  ///< of an array
  std::uint64_t count = 0;          ///< of an array's elements
};

/// Values by their keys. Errors are ConfigErrors about the key.
class GgufMetadata {
 public:
  GgufMetadata() = default;
  explicit GgufMetadata(std::string file) : file_(std::move(file)) {}

  /// Whether the key was free.
  bool insert(std::string key, GgufValue value) { return values_.emplace(std::move(key), value).second; }

  const std::string& file() const { return file_; }
  const std::map<std::string, GgufValue>& all() const { return values_; }
  bool has(const std::string& key) const { return values_.contains(key); }

  Index integer(const std::string& key) const { return integer(key, at(key).type, at(key).data.data()); }
  Index integer(const std::string& key, Index otherwise) const { return has(key) ? integer(key) : otherwise; }
  /// A number of 32 bits is the shortest decimal fraction that it stands for: 1e-5, not 9.99999974e-6.
  double number(const std::string& key) const { return number(key, at(key).type, at(key).data.data()); }
  double number(const std::string& key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  bool boolean(const std::string& key, bool otherwise) const {
    if (!has(key)) return otherwise;
    expect(key, GgufType::boolean);
    return at(key).data[0] != std::byte{0};
  }
  std::string text(const std::string& key) const {
    expect(key, GgufType::string);
    return std::string(characters(at(key).data));
  }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return has(key) ? text(key) : otherwise;
  }
  std::vector<std::string_view> strings(const std::string& key) const {
    const GgufValue& array = elements(key);
    if (array.element != GgufType::string) refuse_type(key, "an array of strings");
    std::vector<std::string_view> out;
    out.reserve(static_cast<std::size_t>(array.count));
    for (auto rest = array.data; !rest.empty();) {
      std::uint64_t length = 0;
      std::memcpy(&length, rest.data(), sizeof length);
      out.push_back(characters(rest.subspan(sizeof length, static_cast<std::size_t>(length))));
      rest = rest.subspan(sizeof length + static_cast<std::size_t>(length));
    }
    return out;
  }
  std::vector<Index> integers(const std::string& key) const {
    return list<Index>(key, [&](GgufType type, const std::byte* data) { return integer(key, type, data); });
  }
  std::vector<double> numbers(const std::string& key) const {
    return list<double>(key, [&](GgufType type, const std::byte* data) { return number(key, type, data); });
  }

  /// @throws ConfigError  "key: why (file)"
  [[noreturn]] void refuse(const std::string& key, const std::string& why) const {
    fail(ConfigError(printable(key), concat(why, " (", file_, ")")));
  }

 private:
  static std::string_view characters(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  const GgufValue& at(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) refuse(key, "is missing");
    return found->second;
  }
  const GgufValue& elements(const std::string& key) const {
    expect(key, GgufType::array);
    return at(key);
  }
  void expect(const std::string& key, GgufType type) const {
    if (at(key).type != type) refuse_type(key, concat("a value of type ", name_of(type)));
  }
  [[noreturn]] void refuse_type(const std::string& key, const std::string& expected) const {
    const GgufValue& found = at(key);
    refuse(key, concat(expected, " was expected, found ", name_of(found.type),
                       found.type == GgufType::array ? concat(" of ", name_of(found.element)) : ""));
  }

  template <class T> static T read(const std::byte* data) {
    T value;
    std::memcpy(&value, data, sizeof value);
    return value;
  }

  Index integer(const std::string& key, GgufType type, const std::byte* data) const {
    switch (type) {
      case GgufType::u8: return read<std::uint8_t>(data);
      case GgufType::i8: return read<std::int8_t>(data);
      case GgufType::u16: return read<std::uint16_t>(data);
      case GgufType::i16: return read<std::int16_t>(data);
      case GgufType::u32: return read<std::uint32_t>(data);
      case GgufType::i32: return read<std::int32_t>(data);
      case GgufType::i64: return read<std::int64_t>(data);
      case GgufType::u64:
        if (const auto value = read<std::uint64_t>(data); std::in_range<Index>(value))
          return static_cast<Index>(value);
        else
          refuse(key, concat("is too large: ", value));
      default: refuse_type(key, "an integer");
    }
  }
  double number(const std::string& key, GgufType type, const std::byte* data) const {
    if (type == GgufType::f64) return read<double>(data);
    if (type != GgufType::f32) return static_cast<double>(integer(key, type, data));
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, read<float>(data));
    double value = 0;
    std::from_chars(digits, end.ptr, value);
    return value;
  }
  template <class T, class Read> std::vector<T> list(const std::string& key, Read&& read_one) const {
    const GgufValue& array = elements(key);
    const std::size_t width = bytes_of(array.element);
    if (width == 0) refuse_type(key, "an array of numbers");
    std::vector<T> out;
    out.reserve(static_cast<std::size_t>(array.count));
    for (std::size_t i = 0; i < array.data.size(); i += width)
      out.push_back(read_one(array.element, array.data.data() + i));
    return out;
  }

  std::string file_;
  std::map<std::string, GgufValue> values_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
