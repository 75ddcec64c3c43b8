// int8 and int4 weights as they are stored, read and written group by group without ever being floats.
//
// A matrix NAME.weight [rows, columns] is two tensors of a safetensors file. NAME.weight holds whole numbers,
// always [out, in] (also where the architecture stores floats the other way round): int8 as I8 [rows,
// columns], −127 … 127; int4 as U8 [rows, ⌈columns / 2⌉], column 2i in the low half of byte i and 2i + 1 in
// the high half, each 8 more than it means. NAME.scales holds what they are multiplied with, F16 [rows,
// ⌈columns / 32⌉], or [rows, 1] where all groups of every row have the same. config.json says so:
//   "quantization_config": {"quant_method": "eigenformer", "format": "int8", "group_size": 32}
#pragma once

#include <eigenformer/hub/names.hpp>
#include <eigenformer/hub/tensor_view.hpp>
#include <eigenformer/model/parameters.hpp>

#include <cmath>
#include <cstring>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// The tensor that holds the scales of "….weight".
[[gnu::cold]] inline std::string scales_name(const std::string& name) {
  return (name.ends_with("weight") ? name.substr(0, name.size() - 6) : name + ".") + "scales";
}

constexpr ElementType stored_type(Format format) {
  return format == Format::int4 ? ElementType::u8 : ElementType::i8;
}
/// Bytes of a stored row.
constexpr Index stored_row(Format format, Index columns) {
  return format == Format::int4 ? (columns + 1) / 2 : columns;
}

/// A row's whole numbers as they are stored.
[[gnu::cold]] inline void store_row(const QuantisedLayout& layout, const void* data, Index row,
                                    std::uint8_t* out) {
  for (Index g = 0; g < layout.groups(); ++g) {
    const QuantisedGroup group = layout.get(data, row, g);
    const Index first = g * quantised_group, n = (std::min)(quantised_group, layout.columns - first);
    for (Index k = 0; k < n; ++k) {
      const int q = group.q[static_cast<std::size_t>(k)];
      if (layout.format == Format::int8)
        out[first + k] = static_cast<std::uint8_t>(q - zero_of(Format::int8));
      else if (k % 2 == 0)
        out[(first + k) / 2] = static_cast<std::uint8_t>(q);
      else
        out[(first + k) / 2] = static_cast<std::uint8_t>(out[(first + k) / 2] | q << 4);
    }
  }
}

/// Whether every row has one scale in all its groups.
[[gnu::cold]] inline bool one_scale_a_row(const QuantisedLayout& layout, const void* data) {
  for (Index r = 0; r < layout.rows; ++r)
    for (Index g = 1; g < layout.groups(); ++g)
      if (layout.get(data, r, g).scale.bits != layout.get(data, r, 0).scale.bits) return false;
  return true;
}

/// A weight from its two tensors: the rows that `slice` names, or all.
/// @throws FileError, ShapeError  for tensors of other types or shapes, and a scale that is not finite
[[gnu::cold]] inline Weight<float> read_stored(const TensorView& numbers, const TensorView& scales,
                                               Format format, const RowSlice& slice, Index rows,
                                               Index columns) {
  const auto check = [](const TensorView& tensor, ElementType type, const std::vector<Index>& shape) {
    if (tensor.type != type)
      tensor.refuse(concat("holds ", name_of(tensor.type), ", expected ", name_of(type)));
    if (tensor.shape != shape) fail(ShapeError(tensor.name, shape, tensor.shape, tensor.file));
  };
  const QuantisedLayout layout{rows, columns, format};
  const Index all = slice.rows ? slice.rows : rows, width = stored_row(format, columns);
  check(numbers, stored_type(format), {all, width});
  const bool one = scales.shape == std::vector<Index>{all, 1};
  check(scales, ElementType::f16, {all, one ? 1 : layout.groups()});

  const std::shared_ptr<std::byte> memory = own_bytes(layout.bytes());
  layout.clear(memory.get());
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(numbers.data.data());
  for (Index r = 0; r < rows; ++r) {
    const Index source = slice.row(r);
    const std::uint8_t* const row = bytes + source * width;
    for (Index g = 0; g < layout.groups(); ++g) {
      QuantisedGroup group;
      const Index at = one ? source : source * layout.groups() + g;
      std::memcpy(&group.scale, scales.data.data() + at * 2, 2);
      if (!std::isfinite(static_cast<float>(group.scale)))
        scales.refuse(concat("element ", at, " is not finite"));
      group.q.fill(static_cast<std::uint8_t>(zero_of(format)));
      const Index first = g * quantised_group, n = (std::min)(quantised_group, columns - first);
      for (Index k = 0; k < n; ++k)
        group.q[static_cast<std::size_t>(k)] =
            format == Format::int8 ? static_cast<std::uint8_t>(row[first + k] + zero_of(Format::int8))
                                   : static_cast<std::uint8_t>(row[(first + k) / 2] >> (k % 2 * 4) & 0x0f);
      layout.put(memory.get(), r, g, group);
    }
  }
  return Weight<float>::borrow(format, memory.get(), rows, columns, memory);
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
