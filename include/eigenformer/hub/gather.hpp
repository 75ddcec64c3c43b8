// The matrix of a parameter from a tensor of floating-point numbers: where it lies, or gathered, and in
// another format.
#pragma once

#include <eigenformer/core/weight.hpp>
#include <eigenformer/hub/names.hpp>
#include <eigenformer/hub/tensor_view.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// A tensor's elements as a contiguous [rows, columns] matrix: in place, or gathered in the stored format.
struct Gathered {
  Format format;
  const std::byte* data;
  std::shared_ptr<const void> owner;
};

[[gnu::cold]] inline Gathered gather(const TensorView& tensor, const names::Place& place, Index rows,
                                     Index columns) {
  const Format format = *tensor.format();
  const auto width = static_cast<std::size_t>(bytes_of(format));
  const RowSlice& slice = place.slice;
  const Index all_rows = slice.rows ? slice.rows : rows;
  const bool together = slice.together() && !place.transposed;
  const std::byte* const begin =
      tensor.data.data() + (together ? static_cast<std::size_t>(slice.offset * columns) * width : 0);
  if (together && reinterpret_cast<std::uintptr_t>(begin) % width == 0) return {format, begin, tensor.owner};

  const std::shared_ptr<std::byte> out = own_bytes(rows * columns * static_cast<Index>(width));
  if (!place.transposed) {
    for (Index r = 0; r < rows; ++r)
      std::memcpy(out.get() + static_cast<std::size_t>(r * columns) * width,
                  tensor.data.data() + static_cast<std::size_t>(slice.row(r) * columns) * width,
                  static_cast<std::size_t>(columns) * width);
  } else {
    constexpr Index tile = 16;  // both sides of the transposition stay within a few cache lines
    for (Index r0 = 0; r0 < rows; r0 += tile)
      for (Index c0 = 0; c0 < columns; c0 += tile)
        for (Index r = r0; r < (std::min)(r0 + tile, rows); ++r)
          for (Index c = c0; c < (std::min)(c0 + tile, columns); ++c)
            std::memcpy(out.get() + static_cast<std::size_t>(r * columns + c) * width,
                        tensor.data.data() + static_cast<std::size_t>(c * all_rows + slice.row(r)) * width,
                        width);
  }
  return {format, out.get(), out};
}

/// Writes `size` numbers as To, each rounded once, to nearest; a NaN stays one. For a number that is infinite
/// there and was not, refuse(why) is called, which must throw.
template <class To, class From, class Refuse>
void round_numbers(const From* in, To* out, Index size, Refuse&& refuse) {
  if constexpr (std::is_same_v<From, To>) {
    std::copy_n(in, size, out);
  } else {
    using Wide = std::conditional_t<std::is_same_v<From, double>, double, float>;  // holds any From
    for (Index i = 0; i < size; ++i) {
      const auto wide = static_cast<Wide>(in[i]);
      out[i] = static_cast<To>(wide);
      if (std::isinf(static_cast<Wide>(out[i])) && !std::isinf(wide))
        refuse(concat("holds ", wide, ", which is beyond the range of ", name_of(format_of<To>)));
    }
  }
}

/// Writes `size` numbers of a tensor in another format, which is none of whole numbers.
/// @throws FileError  for a number that is infinite there and was not
[[gnu::cold]] inline void convert(const TensorView& tensor, Format from, const void* in, Format to, void* out,
                                  Index size) {
  const auto each = [&]<class From, class To>(From, To) {
    round_numbers(static_cast<const From*>(in), static_cast<To*>(out), size,
                  [&](const std::string& why) { tensor.refuse(why); });
  };
  const auto from_any = [&](auto target) {
    switch (from) {
      case Format::f64: return each(double{}, target);
      case Format::f32: return each(float{}, target);
      case Format::bf16: return each(bfloat16{}, target);
      case Format::f16: return each(half{}, target);
      case Format::int8:
      case Format::int4: break;  // no tensor's elements
    }
  };
  switch (to) {
    case Format::f64: from_any(double{}); break;
    case Format::f32: from_any(float{}); break;
    case Format::bf16: from_any(bfloat16{}); break;
    case Format::f16: from_any(half{}); break;
    case Format::int8:
    case Format::int4: break;  // see quantise
  }
}

/// The same matrix, of a tensor, in another format. @throws FileError  as above
[[gnu::cold]] inline Gathered convert(const TensorView& tensor, const Gathered& from, Format to, Index size) {
  const std::shared_ptr<std::byte> out = own_bytes(size * bytes_of(to));
  convert(tensor, from.format, from.data, to, out.get(), size);
  return {to, out.get(), out};
}

/// A weight in a format from row(r), which gives a pointer to the floats of row r, one row after the other.
/// @param tensor  what holds them, for messages
/// @throws FileError  for a number beyond the range of the format or, of a quantised one, that is not finite
template <class S, class Row>
[[gnu::cold]] Weight<S> weight_from_rows(const TensorView& tensor, Format format, Index rows, Index columns,
                                         Row&& row) {
  if (!is_quantised(format)) {
    const Index row_bytes = columns * bytes_of(format);
    const std::shared_ptr<std::byte> memory = own_bytes(rows * row_bytes);
    for (Index r = 0; r < rows; ++r)
      convert(tensor, Format::f32, row(r), format, memory.get() + r * row_bytes, columns);
    return Weight<S>::borrow(format, memory.get(), rows, columns, memory);
  }
  if constexpr (std::is_same_v<S, float>) {
    Weight<S> weight;
    detail::attempt<InputError>([&] { weight = Weight<S>::quantised(format, rows, columns, row); },
                                [&](const InputError& error) { tensor.refuse(error.what()); });
    return weight;
  }
  tensor.refuse(concat("cannot be ", name_of(format), " in this scalar type"));
}

/// A matrix of a tensor with a small integer for each number.
/// @throws FileError  as weight_from_rows
[[gnu::cold]] inline Weight<float> quantise(const TensorView& tensor, const Gathered& from, Format to,
                                            Index rows, Index columns) {
  std::vector<float> wide(from.format == Format::f32 ? 0 : static_cast<std::size_t>(columns));
  return weight_from_rows<float>(tensor, to, rows, columns, [&](Index r) -> const float* {
    const std::byte* const row = from.data + r * columns * bytes_of(from.format);
    if (from.format == Format::f32) return reinterpret_cast<const float*>(row);
    convert(tensor, from.format, row, Format::f32, wide.data(), columns);
    return wide.data();
  });
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
