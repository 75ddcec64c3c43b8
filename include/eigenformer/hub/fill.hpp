// A model's parameters from the tensors of a checkpoint, in place where format and layout allow.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/hub/stored_quantised.hpp>
#include <eigenformer/model/parameters.hpp>

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace eigenformer::inline EIGENFORMER_ABI {

struct LoadOptions {
  /// Matrices are converted to this format (f32, bf16, f16, int8 or int4 beside float); none: they keep the
  /// file's. Tables that are looked up alone (positions, token types, relative biases) are never quantised.
  /// bf16, asked for, means products in bfloat16 where the processor does them faster (bf16_kernel.hpp): then
  /// the weights are put into tiles, and products round their input to bfloat16 too.
  std::optional<Format> dtype;
};

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
  const bool together = slice.run == 0 && !place.transposed;
  const std::byte* const begin =
      tensor.data.data() + (together ? static_cast<std::size_t>(slice.offset * columns) * width : 0);
  if (together && reinterpret_cast<std::uintptr_t>(begin) % width == 0) return {format, begin, tensor.owner};

  const std::shared_ptr<std::byte> out = own_bytes(rows * columns * static_cast<Index>(width));
  const auto source_row = [&](Index r) {
    return slice.run ? slice.offset + r / slice.run * slice.period + r % slice.run : slice.offset + r;
  };
  if (!place.transposed) {
    for (Index r = 0; r < rows; ++r)
      std::memcpy(out.get() + static_cast<std::size_t>(r * columns) * width,
                  tensor.data.data() + static_cast<std::size_t>(source_row(r) * columns) * width,
                  static_cast<std::size_t>(columns) * width);
  } else {
    constexpr Index tile = 16;  // both sides of the transposition stay within a few cache lines
    for (Index r0 = 0; r0 < rows; r0 += tile)
      for (Index c0 = 0; c0 < columns; c0 += tile)
        for (Index r = r0; r < (std::min)(r0 + tile, rows); ++r)
          for (Index c = c0; c < (std::min)(c0 + tile, columns); ++c)
            std::memcpy(out.get() + static_cast<std::size_t>(r * columns + c) * width,
                        tensor.data.data() + static_cast<std::size_t>(c * all_rows + source_row(r)) * width,
                        width);
  }
  return {format, out.get(), out};
}

/// The same matrix, of a tensor, in another format.
/// @throws FileError  for a number that is infinite there and was not
[[gnu::cold]] inline Gathered convert(const TensorView& tensor, const Gathered& from, Format to, Index size) {
  const std::shared_ptr<std::byte> out = own_bytes(size * bytes_of(to));
  const auto each = [&]<class From, class To>(From, To) {
    const auto* const in = reinterpret_cast<const From*>(from.data);
    for (Index i = 0; i < size; ++i) {
      using Wide = std::conditional_t<std::is_same_v<From, double>, double, float>;  // rounds once, to To
      const auto wide = static_cast<Wide>(in[i]);
      const To value = static_cast<To>(wide);
      if (std::isinf(static_cast<Wide>(value)) && !std::isinf(wide))
        tensor.refuse(concat("holds ", wide, ", which is beyond the range of ", name_of(to)));
      std::memcpy(out.get() + static_cast<std::size_t>(i) * sizeof(To), &value, sizeof(To));
    }
  };
  const auto from_any = [&](auto target) {
    switch (from.format) {
      case Format::f64: return each(double{}, target);
      case Format::f32: return each(float{}, target);
      case Format::bf16: return each(bfloat16{}, target);
      case Format::f16: return each(half{}, target);
      case Format::int8:
      case Format::int4: break;  // no tensor of a checkpoint
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

/// Fills a model's parameters from tensors, and sees to it that every tensor is used or known.
template <class S> class Filler {
 public:
  Filler(const SafeTensors& tensors, const HubConfig& config, const LoadOptions& options, std::string folder)
      : config_(config), options_(options), folder_(std::move(folder)), table_(*config.names) {
    for (const auto& [name, tensor] : tensors.tensors())
      if (!by_name_.emplace(current_name(name), &tensor).second)
        fail(FileError(tensor.file, concat("tensor \"", name, "\" is there under its former name too")));
    if (config.model_type == "palm" && find("0.weight")) table_ = names::palm_pytorch;
    if (options.dtype && !Weight<S>::can_borrow(*options.dtype))
      fail(ConfigError("dtype", concat(name_of(*options.dtype), " weights do not go with this scalar type")));
    const std::string_view first = table_.rules.front().theirs;  // the token embeddings, in every table
    if (find(names::fill(first, table_.prefix, 0, 0))) prefix_ = table_.prefix;
  }

  /// Whether the checkpoint has a parameter of ours.
  bool has(const std::string& path) const {
    const std::optional<names::Place> place = place_of(path);
    return place && find(place->name);
  }

  /// @throws ConfigError  for a parameter that the table does not know, which is a config of another family
  Transformer<S> fill() {
    Transformer<S> p;
    for_each_shape(p, config_.model, [&](const std::string& path, auto& leaf, Index rows, Index columns) {
      const std::optional<names::Place> found = place_of(path);
      if (!found) fail(ConfigError(path, "this architecture's checkpoints have no such parameter"));
      const names::Place& place = *found;
      const TensorView* const tensor = find(place.name);
      if (!tensor) fail(FileError(folder_, concat("has no tensor \"", place.name, "\"")));
      used_.insert(place.name);
      if constexpr (requires { leaf.format(); })
        if (const auto stored = stored_format(*tensor)) {
          leaf = weight_of(*tensor, *stored, place, rows, columns);
          return;
        }
      if (!tensor->format())
        tensor->refuse(concat("holds ", name_of(tensor->type), ", floating-point numbers were expected"));
      if constexpr (requires { leaf.format(); })
        leaf = weight(*tensor, place, path, rows, columns);
      else
        leaf = vector(*tensor, place, columns);
    });
    check_rest();
    return p;
  }

 private:
  Weight<S> weight(const TensorView& tensor, const names::Place& place, const std::string& path, Index rows,
                   Index columns) const {
    const Index all = place.slice.rows ? place.slice.rows : rows;
    check_shape(tensor, place.transposed ? std::vector{columns, all} : std::vector{all, columns});
    Gathered g = gather(tensor, place, rows, columns);
    const Format scalar = std::is_same_v<S, double> ? Format::f64 : Format::f32;
    const bool whole_numbers = options_.dtype && is_quantised(*options_.dtype);
    if constexpr (std::is_same_v<S, float>)
      if (whole_numbers && can_quantise(path)) return quantise(tensor, g, *options_.dtype, rows, columns);
    const Format target = options_.dtype && !whole_numbers  ? *options_.dtype
                          : Weight<S>::can_borrow(g.format) ? g.format
                                                            : scalar;
    if (target != g.format) g = convert(tensor, g, target, rows * columns);
    if constexpr (std::is_same_v<S, float>)
      if (options_.dtype == Format::bf16 && can_quantise(path) && fastest_bf16_form() != Bf16Form::portable) {
        const auto* const numbers = reinterpret_cast<const bfloat16*>(g.data);
        return Weight<S>::bf16_tiles(rows, columns, [&](Index r) { return numbers + r * columns; });
      }
    return Weight<S>::borrow(g.format, g.data, rows, columns, g.owner);
  }

  /// The format of a matrix of whole numbers, which the config must announce.
  std::optional<Format> stored_format(const TensorView& tensor) const {
    if (config_.stored && tensor.type == stored_type(*config_.stored)) return config_.stored;
    return std::nullopt;
  }

  /// A matrix that is stored as whole numbers, in the format that is asked for.
  Weight<S> weight_of(const TensorView& tensor, Format stored, const names::Place& place, Index rows,
                      Index columns) {
    const std::string name = scales_name(place.name);
    const TensorView* const scales = find(name);
    if (!scales) fail(FileError(folder_, concat("has no tensor \"", name, "\"")));
    used_.insert(name);
    Weight<float> weight = read_stored(tensor, *scales, stored, place.slice, rows, columns);
    const Format target = options_.dtype.value_or(std::is_same_v<S, float> ? stored : format_of<S>);
    if constexpr (std::is_same_v<S, float>)
      if (target == stored) return weight;
    const Matrix<float> numbers = weight.dense();
    TensorView view = tensor;
    view.type = ElementType::f32;
    const Gathered all{Format::f32, reinterpret_cast<const std::byte*>(numbers.data()), nullptr};
    if constexpr (std::is_same_v<S, float>)
      if (is_quantised(target)) return quantise(view, all, target, rows, columns);
    const Gathered g = convert(view, all, target, rows * columns);
    return Weight<S>::borrow(g.format, g.data, rows, columns, g.owner);
  }

  RowVector<S> vector(const TensorView& tensor, const names::Place& place, Index size) const {
    const RowSlice& slice = place.slice;
    const Index all = slice.rows ? slice.rows : size;
    if (tensor.shape != std::vector<Index>{1, all}) check_shape(tensor, {all});  // BART's bias of the logits
    RowVector<S> out(size);
    for (Index i = 0; i < size; ++i)
      out[i] = tensor.element<S>(slice.run ? slice.offset + i / slice.run * slice.period + i % slice.run
                                           : slice.offset + i);
    return out;
  }

  static void check_shape(const TensorView& tensor, const std::vector<Index>& expected) {
    if (tensor.shape != expected) fail(ShapeError(tensor.name, expected, tensor.shape, tensor.file));
  }

  /// What a tensor is called today: layer norms once had a gamma and a beta.
  static std::string current_name(const std::string& name) {
    for (const auto& [then, now] : {std::pair{"LayerNorm.gamma", "weight"}, {"LayerNorm.beta", "bias"}})
      if (name.ends_with(then)) return name.substr(0, name.rfind('.') + 1) + now;
    return name;
  }

  std::optional<names::Place> place_of(const std::string& path) const {
    return names::find_place(table_, prefix_, path, config_.model,
                             [&](const std::string& name) { return find(name) != nullptr; });
  }

  const TensorView* find(const std::string& name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : at->second;
  }

  /// Tensors beyond the parameters: copies that equal their originals, other heads, and known buffers.
  void check_rest() const {
    std::set<std::string> known;
    const Index layers = (std::max)(config_.model.n_layers, config_.model.encoder_layers);
    const auto add = [&](std::string_view pattern, std::string_view end) {
      for (Index layer = 0; layer < layers; ++layer)
        known.insert(names::fill(pattern, prefix_, layer, layers).append(end));
    };
    for (const std::string_view pattern : table_.ignored) add(pattern, "");
    for (const NameRule& rule : table_.heads)
      for (const char* const end : {"", ".weight", ".bias"}) add(rule.theirs, end);
    for (const NameCopy& each : table_.copies) check_copy(each, known);
    for (const auto& [name, tensor] : by_name_)
      if (!used_.contains(name) && !known.contains(name))
        fail(FileError(tensor->file,
                       concat("unexpected tensor \"", tensor->name, "\" ", ShapeError::text(tensor->shape))));
  }

  /// Where the file has a copy that the model does not read: that it is one.
  void check_copy(const NameCopy& each, std::set<std::string>& known) const {
    const std::string name = names::fill(each.copy, prefix_, 0, 0);
    const TensorView* const copy = find(name);
    if (!copy || used_.contains(name) || (each.if_tied && !config_.model.tied_embeddings)) return;
    known.insert(name);
    const TensorView* const original = find(names::fill(each.original, prefix_, 0, 0));
    if (!original) return;
    if (copy->type != original->type || copy->shape != original->shape ||
        !std::equal(copy->data.begin(), copy->data.end(), original->data.begin()))
      fail(FileError(copy->file, concat("tensor \"", name, "\" differs from \"", original->name,
                                        "\", which the config says it equals")));
  }

  std::map<std::string, const TensorView*> by_name_;
  const HubConfig& config_;
  const LoadOptions& options_;
  std::string folder_;
  NameTable table_;
  std::string_view prefix_;
  std::set<std::string> used_;
};

}  // namespace hub

}  // namespace eigenformer::inline EIGENFORMER_ABI
