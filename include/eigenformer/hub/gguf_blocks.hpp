// The types of tensors in GGUF files, and the numbers of those in blocks (ggml's ggml-common.h and
// ggml-quants.c).
//
// A block holds neighbouring numbers of a row. d and dmin are halves, nibbles of four bits:
//   type  numbers  value                   bytes, in order
//   Q8_0       32  d · q                   d; 32 of q, signed
//   Q4_0       32  d · (q − 8)             d; 16 of q: number j in the low half of byte j, j + 16 in the high
//   Q4_K      256  d · s · q − dmin · m    d, dmin; 12 of s and m, six bits each for 32 numbers; 128 of q: of each
//                                          64 numbers 32 bytes, the first half low, the second high
//   Q6_K      256  d · s · (q − 32)        128 of the low halves of q; 64 of its upper two bits; 16 of s, signed,
//                                          for 16 numbers each; d
// The first two are int8 and int4 of this library in another order. A product d · s · q is exact in float, so
// a number of Q4_K is rounded once and one of Q6_K never, as ggml's reference has them.
#pragma once

#include <eigenformer/core/weight.hpp>
#include <eigenformer/hub/gather.hpp>
#include <eigenformer/hub/names.hpp>
#include <eigenformer/hub/tensor_view.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A type of tensors, under its number in files.
struct GgufTensorType {
  std::uint32_t number;
  const char* name;
  Index numbers = 0;  ///< in a block; 0: the library does not read the type
  Index bytes = 0;    ///< of a block
  ElementType element = ElementType::u8;
  Blocks blocks = Blocks::none;
};

inline constexpr GgufTensorType gguf_tensor_types[] = {{0, "F32", 1, 4, ElementType::f32},
                                                       {1, "F16", 1, 2, ElementType::f16},
                                                       {30, "BF16", 1, 2, ElementType::bf16},
                                                       {28, "F64", 1, 8, ElementType::f64},
                                                       {8, "Q8_0", 32, 34, ElementType::u8, Blocks::q8_0},
                                                       {2, "Q4_0", 32, 18, ElementType::u8, Blocks::q4_0},
                                                       {12, "Q4_K", 256, 144, ElementType::u8, Blocks::q4_k},
                                                       {14, "Q6_K", 256, 210, ElementType::u8, Blocks::q6_k},
                                                       {3, "Q4_1"},
                                                       {6, "Q5_0"},
                                                       {7, "Q5_1"},
                                                       {9, "Q8_1"},
                                                       {10, "Q2_K"},
                                                       {11, "Q3_K"},
                                                       {13, "Q5_K"},
                                                       {15, "Q8_K"},
                                                       {16, "IQ2_XXS"},
                                                       {17, "IQ2_XS"},
                                                       {18, "IQ3_XXS"},
                                                       {19, "IQ1_S"},
                                                       {20, "IQ4_NL"},
                                                       {21, "IQ3_S"},
                                                       {22, "IQ2_S"},
                                                       {23, "IQ4_XS"},
                                                       {24, "I8"},
                                                       {25, "I16"},
                                                       {26, "I32"},
                                                       {27, "I64"},
                                                       {29, "IQ1_M"},
                                                       {34, "TQ1_0"},
                                                       {35, "TQ2_0"},
                                                       {39, "MXFP4"}};

/// The type of a number; null for one that is not known.
constexpr const GgufTensorType* gguf_tensor_type(std::uint32_t number) {
  for (const GgufTensorType& type : gguf_tensor_types)
    if (type.number == number) return &type;
  return nullptr;
}
constexpr const GgufTensorType& gguf_tensor_type(Blocks blocks) {
  for (const GgufTensorType& type : gguf_tensor_types)
    if (type.blocks == blocks) return type;
  return gguf_tensor_types[0];
}

/// The names of the types that are read: "F32, F16, …".
[[gnu::cold]] inline std::string gguf_types_read() {
  std::string out;
  for (const GgufTensorType& type : gguf_tensor_types)
    if (type.numbers) out += concat(out.empty() ? "" : ", ", type.name);
  return out;
}

namespace hub {

/// The format that blocks become where none is asked for: the same numbers for Q8_0 and Q4_0. The others
/// become int8, which is 1.9 and 1.3 times their size where float would be 7 and 5 times, and moves a number
/// by at most 1/254 of the largest of its 32 (a step of Q4_K is up to 1/7.5 of it).
constexpr Format nearest_format(Blocks blocks) {
  return blocks == Blocks::q4_0 ? Format::int4 : Format::int8;
}

/// Whether blocks are groups of a quantised format, number by number.
constexpr bool same_numbers(Blocks blocks, Format format) {
  return (blocks == Blocks::q8_0 && format == Format::int8) ||
         (blocks == Blocks::q4_0 && format == Format::int4);
}

/// A scale of a block. @throws FileError  for one that is not finite
inline half block_scale(const TensorView& tensor, const std::uint8_t* at) {
  half scale;
  std::memcpy(&scale, at, sizeof scale);
  if (!std::isfinite(static_cast<float>(scale)))
    tensor.refuse(concat("a scale of its blocks is ", static_cast<float>(scale)));
  return scale;
}

/// A block of Q8_0 or Q4_0 as a group.
inline QuantisedGroup block_group(const TensorView& tensor, const std::uint8_t* block) {
  QuantisedGroup out{.scale = block_scale(tensor, block)};
  const std::uint8_t* const q = block + 2;
  for (std::size_t j = 0; j < 16; ++j) {
    if (tensor.blocks == Blocks::q4_0) {
      out.q[j] = q[j] & 0x0f;
      out.q[j + 16] = static_cast<std::uint8_t>(q[j] >> 4);
    } else {
      out.q[j] = static_cast<std::uint8_t>(q[j] + 128);
      out.q[j + 16] = static_cast<std::uint8_t>(q[j + 16] + 128);
    }
  }
  return out;
}

inline void decode_q4_k(const TensorView& tensor, const std::uint8_t* block, float* out) {
  const auto d = static_cast<float>(block_scale(tensor, block)),
             least = static_cast<float>(block_scale(tensor, block + 2));
  const std::uint8_t* const packed = block + 4;
  for (std::size_t g = 0; g < 8; ++g) {
    // Of the first four groups the lower six bits of a byte each; the upper two bits of those bytes, over
    // four bits of the last four bytes, are the rest.
    const int s = g < 4 ? packed[g] & 63 : (packed[g + 4] & 15) | packed[g - 4] >> 6 << 4;
    const int m = g < 4 ? packed[g + 4] & 63 : packed[g + 4] >> 4 | packed[g] >> 6 << 4;
    const float scale = d * static_cast<float>(s), minimum = least * static_cast<float>(m);
    const std::uint8_t* const q = block + 16 + g / 2 * 32;
    for (std::size_t i = 0; i < 32; ++i)
      out[g * 32 + i] = scale * static_cast<float>(g % 2 ? q[i] >> 4 : q[i] & 15) - minimum;
  }
}

inline void decode_q6_k(const TensorView& tensor, const std::uint8_t* block, float* out) {
  const auto d = static_cast<float>(block_scale(tensor, block + 208));
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t part = i / 128, within = i % 128, row = within / 32, column = within % 32;
    const int low = block[part * 64 + row % 2 * 32 + column] >> (row / 2 * 4) & 15;
    const int high = block[128 + part * 32 + column] >> (row * 2) & 3;
    const int s = static_cast<std::int8_t>(block[192 + i / 16]);
    out[i] = d * static_cast<float>(s) * static_cast<float>((low | high << 4) - 32);
  }
}

/// The numbers of a row of blocks, to out[0, columns).
inline void decode_row(const TensorView& tensor, const std::uint8_t* row, Index columns, float* out) {
  const GgufTensorType& type = gguf_tensor_type(tensor.blocks);
  for (Index c = 0; c < columns; c += type.numbers, row += type.bytes, out += type.numbers) {
    if (tensor.blocks == Blocks::q4_k) {
      decode_q4_k(tensor, row, out);
    } else if (tensor.blocks == Blocks::q6_k) {
      decode_q6_k(tensor, row, out);
    } else {
      const QuantisedGroup group = block_group(tensor, row);
      const int zero = zero_of(nearest_format(tensor.blocks));
      for (std::size_t i = 0; i < 32; ++i)
        out[i] = static_cast<float>(group.scale) * static_cast<float>(group.q[i] - zero);
    }
  }
}

/// A matrix [rows, columns] of a tensor in blocks, in another format: to the bit where the format can hold
/// the numbers.
/// @throws FileError  for a scale that is not finite, and a number beyond the range of the format
template <class S>
[[gnu::cold]] Weight<S> read_blocks(const TensorView& tensor, const RowSlice& slice, Format format,
                                    Index rows, Index columns) {
  const GgufTensorType& type = gguf_tensor_type(tensor.blocks);
  const auto source = [&](Index r) {
    return reinterpret_cast<const std::uint8_t*>(tensor.data.data()) +
           slice.row(r) * (columns / type.numbers * type.bytes);
  };
  if constexpr (std::is_same_v<S, float>) {
    if (same_numbers(tensor.blocks, format)) {
      const QuantisedLayout layout{rows, columns, format};
      const std::shared_ptr<std::byte> memory = own_bytes(layout.bytes());
      layout.clear(memory.get());
      for (Index r = 0; r < rows; ++r) {
        const std::uint8_t* block = source(r);
        for (Index g = 0; g < layout.groups(); ++g, block += type.bytes)
          layout.put(memory.get(), r, g, block_group(tensor, block));
      }
      return Weight<S>::borrow(format, memory.get(), rows, columns, memory);
    }
  }
  std::vector<float> row(static_cast<std::size_t>(columns));
  return weight_from_rows<S>(tensor, format, rows, columns, [&](Index r) -> const float* {
    decode_row(tensor, source(r), columns, row.data());
    return row.data();
  });
}

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
