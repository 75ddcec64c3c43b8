// A tensor of a file: its name, type and shape, and its bytes where they lie. What the readers of safetensors
// and GGUF hand out, and the checked ways from such bytes to numbers.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/number_format.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

static_assert(std::endian::native == std::endian::little, "stored tensors are little-endian");

/// The element types of safetensors files that this library reads and writes.
enum class ElementType : std::uint8_t { f64, f32, bf16, f16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

namespace detail {

struct ElementTypeRow {
  ElementType type;
  std::string_view name;
  Index bytes;
};
inline constexpr std::array<ElementTypeRow, 13> element_types{{{ElementType::f64, "F64", 8},
                                                               {ElementType::f32, "F32", 4},
                                                               {ElementType::bf16, "BF16", 2},
                                                               {ElementType::f16, "F16", 2},
                                                               {ElementType::i64, "I64", 8},
                                                               {ElementType::i32, "I32", 4},
                                                               {ElementType::i16, "I16", 2},
                                                               {ElementType::i8, "I8", 1},
                                                               {ElementType::u64, "U64", 8},
                                                               {ElementType::u32, "U32", 4},
                                                               {ElementType::u16, "U16", 2},
                                                               {ElementType::u8, "U8", 1},
                                                               {ElementType::boolean, "BOOL", 1}}};

}  // namespace detail

/// The name in files: "F32", "BOOL".
constexpr std::string_view name_of(ElementType type) {
  return detail::element_types[static_cast<std::size_t>(type)].name;
}

/// Bytes of one element.
constexpr Index bytes_of(ElementType type) {
  return detail::element_types[static_cast<std::size_t>(type)].bytes;
}

/// The element type of a format of floating-point numbers.
constexpr ElementType element_type(Format format) {
  switch (format) {
    case Format::f64: return ElementType::f64;
    case Format::bf16: return ElementType::bf16;
    case Format::f16: return ElementType::f16;
    default: return ElementType::f32;
  }
}

/// The type of a name in files, or nothing for a name that is not known.
constexpr std::optional<ElementType> element_type_named(std::string_view name) {
  for (const auto& info : detail::element_types) {
    if (info.name == name) return info.type;
  }
  return std::nullopt;
}

/// The bytes of a tensor; nothing where a size is negative or a product on the way exceeds Index.
constexpr std::optional<Index> checked_bytes(ElementType type, std::span<const Index> shape) {
  Index bytes = bytes_of(type);
  for (const Index size : shape) {
    if (size < 0 || (size > 0 && bytes > (std::numeric_limits<Index>::max)() / size)) return std::nullopt;
    bytes *= size;
  }
  return bytes;
}

namespace detail {

/// Calls f.operator()<Stored>() with the C++ type of a stored element; BOOL is a byte.
template <class F> decltype(auto) with_stored_type(ElementType type, F&& f) {
  switch (type) {
    case ElementType::f64: return f.template operator()<double>();
    case ElementType::f32: return f.template operator()<float>();
    case ElementType::bf16: return f.template operator()<bfloat16>();
    case ElementType::f16: return f.template operator()<half>();
    case ElementType::i64: return f.template operator()<std::int64_t>();
    case ElementType::i32: return f.template operator()<std::int32_t>();
    case ElementType::i16: return f.template operator()<std::int16_t>();
    case ElementType::i8: return f.template operator()<std::int8_t>();
    case ElementType::u64: return f.template operator()<std::uint64_t>();
    case ElementType::u32: return f.template operator()<std::uint32_t>();
    case ElementType::u16: return f.template operator()<std::uint16_t>();
    case ElementType::u8:
    case ElementType::boolean: break;
  }
  return f.template operator()<std::uint8_t>();
}

}  // namespace detail

/// Blocks of neighbouring numbers of a row that share scales, as GGUF files have them (gguf_blocks.hpp).
enum class Blocks : std::uint8_t { none, q8_0, q4_0, q4_k, q6_k };

/// A tensor where it lies, in a file or in memory. Those that a reader hands out have as many bytes as type
/// and shape ask for; their data may begin at any address.
struct TensorView {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<Index> shape;
  std::span<const std::byte> data;
  std::string file;                   ///< where it was read, for messages
  std::shared_ptr<const void> owner;  ///< keeps the data alive; empty where the caller does
  Blocks blocks = Blocks::none;       ///< where not none, the data are such, and type is that of their bytes

  /// The number of elements.
  Index size() const { return static_cast<Index>(data.size()) / bytes_of(type); }

  /// The weight format of a floating-point tensor; nothing for integers and booleans.
  std::optional<Format> format() const {
    switch (type) {
      case ElementType::f64: return Format::f64;
      case ElementType::f32: return Format::f32;
      case ElementType::bf16: return Format::bf16;
      case ElementType::f16: return Format::f16;
      default: return std::nullopt;
    }
  }

  /// Element i as a number. A floating-point number is rounded where T has fewer digits.
  /// @throws FileError  T is an integer and the tensor holds floating-point numbers, or the value lies
  ///                    outside the range of T
  template <class T> T element(Index i) const {
    return detail::with_stored_type(type, [&]<class Stored>() { return load<T, Stored>(i); });
  }

  /// All elements, row-major. @throws FileError  as element
  template <class T> std::vector<T> values() const {
    std::vector<T> out(static_cast<std::size_t>(size()));
    detail::with_stored_type(type, [&]<class Stored>() {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = load<T, Stored>(static_cast<Index>(i));
    });
    return out;
  }

  /// Throws a FileError about this tensor: 'model.safetensors: tensor "h.0.bias": …'.
  [[noreturn]] void refuse(const std::string& why) const {
    fail(FileError(file, concat("tensor \"", printable(name), "\": ", why)));
  }

 private:
  template <class T, class Stored> T load(Index i) const {
    Stored stored;
    std::memcpy(&stored, data.data() + i * static_cast<Index>(sizeof(Stored)), sizeof(Stored));
    if constexpr (std::is_integral_v<Stored> && std::is_integral_v<T>) {
      constexpr auto least = static_cast<std::intmax_t>((std::numeric_limits<T>::min)());
      constexpr auto largest = static_cast<std::uintmax_t>((std::numeric_limits<T>::max)());
      if (std::cmp_less(stored, least) || std::cmp_greater(stored, largest))
        refuse(concat("element ", i, " is out of range: ", stored));
      return static_cast<T>(stored);
    } else if constexpr (std::is_integral_v<T>) {
      refuse(concat("holds ", name_of(type), " where integers are wanted"));
    } else if constexpr (std::is_same_v<T, float> && std::is_same_v<Stored, double>) {
      const auto rounded = static_cast<float>(stored);
      if (std::isinf(rounded) && !std::isinf(stored)) {
        refuse(concat("element ", i, " is out of range: ", stored));
      }
      return rounded;
    } else {
      return static_cast<T>(stored);
    }
  }
};

/// Numbers in memory, row-major, as a tensor of this shape; they must live as long as it is used.
template <class S> TensorView tensor_of(std::string name, const S* numbers, std::vector<Index> shape) {
  std::size_t count = 1;
  for (const Index size : shape) count *= static_cast<std::size_t>(size);
  return {.name = std::move(name),
          .type = element_type(format_of<S>),
          .shape = std::move(shape),
          .data = std::as_bytes(std::span(numbers, count)),
          .file = {},
          .owner = {}};
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
