// A weight matrix [out, in] in one of a few formats, owned or borrowed from a mapped file.
//
// Activations and arithmetic are the template's Scalar; the format is resolved once per matrix product. A
// gradient and an optimiser's moments are weights in the Scalar's own format.
#pragma once

#include <eigenformer/core/bf16_tiles.hpp>
#include <eigenformer/core/error.hpp>
#include <eigenformer/core/lanes.hpp>
#include <eigenformer/core/matrix.hpp>
#include <eigenformer/core/quantised.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Memory for stored numbers, in lines of a processor's cache.
[[gnu::cold]] inline std::shared_ptr<std::byte> own_bytes(Index bytes) {
  constexpr std::align_val_t alignment{64};
  return {static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes), alignment)),
          [=](std::byte* p) { ::operator delete(p, alignment); }};
}

/// [rows, columns] = [out, in]. Moves, never copies by accident: copy() says what it costs.
template <class S> class Weight {
 public:
  Weight() = default;

  /// Zeros, owned, in the format of S.
  Weight(Index rows, Index columns) : Weight(Matrix<S>(Matrix<S>::Zero(rows, columns))) {}

  /// Takes a matrix.
  Weight(Matrix<S> values) : owned_(std::move(values)), rows_(owned_.rows()), columns_(owned_.cols()) {}

  /// Borrows `rows · columns` elements at `data`, stored in `format`, for as long as `owner` lives. `data`
  /// must be aligned for the format's element; a quantised format is laid out as QuantisedLayout says.
  /// @throws InputError  for a format that products do not read: see can_borrow
  static Weight borrow(Format format, const void* data, Index rows, Index columns,
                       std::shared_ptr<const void> owner) {
    if (!can_borrow(format))
      fail(InputError(concat("a weight in ", name_of(format), " cannot be used in place here")));
    Weight w;
    w.rows_ = rows;
    w.columns_ = columns;
    w.format_ = format;
    w.data_ = data;
    w.owner_ = std::move(owner);
    return w;
  }

  /// int8 or int4: row(r) gives a pointer to the S values of row r, one row after the other. Groups of 32
  /// have a scale each, or all of a row one.
  /// @throws InputError  for a number that is not finite, a format that is not quantised, or a scalar other
  /// than float
  template <class Row>
  static Weight quantised(Format format, Index rows, Index columns, Row&& row, bool one_scale_a_row = false) {
    if (!is_quantised(format)) fail(InputError(concat(name_of(format), " is no quantised format")));
    const QuantisedLayout layout{rows, columns, format};
    const std::shared_ptr<std::byte> memory = own_bytes(layout.bytes());
    Weight w = borrow(format, memory.get(), rows, columns, memory);
    layout.clear(memory.get());
    for (Index r = 0; r < rows; ++r) layout.put_row(memory.get(), r, row(r), one_scale_a_row);
    return w;
  }

  /// bfloat16 in the order of matrix units: row(r) gives a pointer to row r. Products then round their input
  /// to bfloat16 too.
  /// @throws InputError  for a scalar other than float
  template <class Row> static Weight bf16_tiles(Index rows, Index columns, Row&& row) {
    const Bf16Tiles tiles{rows, columns};
    const std::shared_ptr<std::byte> memory = own_bytes(tiles.bytes());
    Weight w = borrow(Format::bf16, memory.get(), rows, columns, memory);
    w.tiled_ = true;
    tiles.clear(memory.get());
    for (Index r = 0; r < rows; ++r) tiles.put_row(memory.get(), r, row(r));
    return w;
  }

  /// The same weight in bfloat16 tiles: each number rounded to nearest, one of bfloat16 to the bit.
  /// @throws InputError  for a scalar other than float
  Weight in_bf16_tiles() const {
    if (tiled_) return copy();
    if (!packed() && format_ == Format::bf16) {
      const auto* const numbers = static_cast<const bfloat16*>(data_);
      return bf16_tiles(rows_, columns_, [&](Index r) { return numbers + r * columns_; });
    }
    return bf16_tiles(rows_, columns_, row_reader());
  }

  /// Whether products read this format directly: the scalar's own, and the smaller ones beside float.
  static constexpr bool can_borrow(Format format) {
    if constexpr (std::is_same_v<S, float>)
      return format != Format::f64;
    else
      return std::is_same_v<S, double> && format == Format::f64;
  }

  Weight(Weight&& other) noexcept { *this = std::move(other); }
  Weight& operator=(Weight&& other) noexcept {
    owned_ = std::exchange(other.owned_, Matrix<S>());
    rows_ = std::exchange(other.rows_, 0);
    columns_ = std::exchange(other.columns_, 0);
    format_ = other.format_;
    tiled_ = other.tiled_;
    data_ = std::exchange(other.data_, nullptr);
    owner_ = std::move(other.owner_);
    return *this;
  }

  /// The same weight once more: owned values are copied, borrowed ones shared.
  Weight copy() const {
    if (!data_) return Weight(owned_);
    Weight w = borrow(format_, data_, rows_, columns_, owner_);
    w.tiled_ = tiled_;
    return w;
  }

  Index rows() const { return rows_; }
  Index cols() const { return columns_; }
  Index size() const { return rows_ * columns_; }
  bool empty() const { return size() == 0; }
  Format format() const { return format_; }

  /// Whether its numbers are among these bytes, as those are that a file holds and that are used in place.
  bool lies_in(std::span<const std::byte> bytes) const {
    const std::less<const void*> before;
    return data_ && !before(data_, bytes.data()) && before(data_, bytes.data() + bytes.size());
  }

  /// Bytes that the elements take.
  Index bytes() const {
    return tiled_                  ? tiles().bytes()
           : is_quantised(format_) ? layout().bytes()
                                   : size() * static_cast<Index>(bytes_of(format_));
  }

  /// Whether its numbers lie in the order of a kernel, as quantised ones and tiles do: see row.
  bool packed() const { return tiled_ || is_quantised(format_); }
  bool tiled() const { return tiled_; }

  /// Of a packed weight: where its parts lie, and its memory.
  QuantisedLayout layout() const { return {rows_, columns_, format_}; }
  Bf16Tiles tiles() const { return {rows_, columns_}; }
  const void* packed_data() const { return data_; }

  /// Calls f with a pointer to the first element in its stored type: S, bfloat16 or half.
  /// @throws InputError  for a packed weight
  template <class F> decltype(auto) with_elements(F&& f) const {
    if constexpr (std::is_same_v<S, float>) {
      if (packed())
        fail(InputError(concat("packed weights (", name_of(format_), ") do not go with training")));
      if (format_ == Format::bf16) return f(static_cast<const bfloat16*>(data_));
      if (format_ == Format::f16) return f(static_cast<const half*>(data_));
    }
    return f(data_ ? static_cast<const S*>(data_) : owned_.data());
  }

  /// The matrix itself, to train or initialise it.
  /// @throws InputError  if it is borrowed
  Matrix<S>& values() {
    if (data_) fail(InputError("a weight that is mapped from a file cannot be changed in place"));
    return owned_;
  }
  const Matrix<S>& values() const { return const_cast<Weight*>(this)->values(); }

  /// Row r as S, to out[0, columns).
  void row(Index r, S* out) const {
    if (tiled_) return tiles().get_row(data_, r, out);
    if (is_quantised(format_)) return layout().get_row(data_, r, out);
    with_elements([&](const auto* elements) { lanes::convert(elements + r * columns_, columns_, out); });
  }

  /// A function of r that gives a pointer to row r as S, good until its next call: what quantised() and
  /// bf16_tiles() read. It refers to this weight.
  auto row_reader() const {
    return [this, values = RowVector<S>(columns_)](Index r) mutable -> const S* {
      row(r, values.data());
      return values.data();
    };
  }

  /// All of it as a matrix of S.
  Matrix<S> dense() const {
    Matrix<S> out(rows_, columns_);
    for (Index r = 0; r < rows_; ++r) row(r, out.data() + r * columns_);
    return out;
  }

 private:
  Matrix<S> owned_;
  Index rows_ = 0, columns_ = 0;
  Format format_ = own_format<S>;
  bool tiled_ = false;
  const void* data_ = nullptr;         // of a borrowed weight
  std::shared_ptr<const void> owner_;  // keeps data_ alive
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
