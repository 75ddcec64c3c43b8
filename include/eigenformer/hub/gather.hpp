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

namespace eigenformer::inline EIGENFORMER_ABI::hub {

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

/// Writes `size` numbers of a tensor in another format, which is none of whole numbers.
/// @throws FileError  for a number that is infinite there and was not
[[gnu::cold]] inline void convert(const TensorView& tensor, Format from, const void* in, Format to, void* out,
                                  Index size) {
  const auto each = [&]<class From, class To>(From, To) {
    const auto* const numbers = static_cast<const From*>(in);
    auto* const bytes = static_cast<std::byte*>(out);
    for (Index i = 0; i < size; ++i) {
      using Wide = std::conditional_t<std::is_same_v<From, double>, double, float>;  // rounds once, to To
      const auto wide = static_cast<Wide>(numbers[i]);
      const To value = static_cast<To>(wide);
      if (std::isinf(static_cast<Wide>(value)) && !std::isinf(wide))
        tensor.refuse(concat("holds ", wide, ", which is beyond the range of ", name_of(to)));
      std::memcpy(bytes + static_cast<std::size_t>(i) * sizeof(To), &value, sizeof(To));
    }
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

/// A weight with a small integer for each number.
/// @throws FileError  for a number that is not finite, or a group beyond the range of its scale
[[gnu::cold]] inline Weight<float> quantise(const TensorView& tensor, const Gathered& from, Format to,
                                            Index rows, Index columns) {
  const Gathered wide =
      from.format == Format::f32 ? from : convert(tensor, from, Format::f32, rows * columns);
  const auto* const values = reinterpret_cast<const float*>(wide.data);
  try {
    return Weight<float>::quantised(to, rows, columns, [&](Index r) { return values + r * columns; });
  } catch (const InputError& e) {
    tensor.refuse(e.what());
  }
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::hub
