// A model's parameters from the tensors of a checkpoint, in place where format and layout allow.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/gather.hpp>
#include <eigenformer/hub/gguf_blocks.hpp>
#include <eigenformer/hub/load_options.hpp>
#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/hub/stored_quantised.hpp>
#include <eigenformer/model/parameters.hpp>

#include <functional>
#include <map>
#include <optional>
#include <set>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace hub {

/// Fills a model's parameters from tensors, and sees to it that every tensor is used or known.
template <class S> class Filler {
 public:
  Filler(const SafeTensors& tensors, const HubConfig& config, const LoadOptions& options, std::string folder)
      : Filler(tensors.tensors(), *config.names, config, options, std::move(folder)) {}

  /// The same for tensors under other names, which live as long as the filler.
  /// @param read  told of those bytes of the tensors that were read and that no parameter keeps in place
  Filler(const std::map<std::string, TensorView>& tensors, const NameTable& names, const HubConfig& config,
         const LoadOptions& options, std::string folder,
         std::function<void(std::span<const std::byte>)> read = {})
      : config_(config),
        options_(options),
        folder_(std::move(folder)),
        table_(names),
        read_(std::move(read)) {
    for (const auto& [name, tensor] : tensors)
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
        leaf = matrix(*tensor, place, path, rows, columns);
      else
        leaf = vector(*tensor, place, path, columns);
    });
    check_rest();
    return p;
  }

 private:
  /// A matrix however it is stored, in the format that is asked for. Here, and nowhere else in loading, are
  /// weights put into the tiles of products in bfloat16.
  Weight<S> matrix(const TensorView& tensor, const names::Place& place, const std::string& path, Index rows,
                   Index columns) {
    const std::optional<Format> stored = stored_format(tensor);
    Weight<S> weight = stored                          ? from_stored(tensor, *stored, place, rows, columns)
                       : tensor.blocks != Blocks::none ? from_blocks(tensor, place, path, rows, columns)
                                                       : from_numbers(tensor, place, path, rows, columns);
    if constexpr (std::is_same_v<S, float>)
      if (options_.dtype == Format::bf16 && can_quantise(path) && fastest_bf16_form() != Bf16Form::portable)
        weight = weight.in_bf16_tiles();
    if (!weight.lies_in(tensor.data)) forget(tensor, place, rows);
    return weight;
  }

  /// A matrix that is stored as floating-point numbers.
  Weight<S> from_numbers(const TensorView& tensor, const names::Place& place, const std::string& path,
                         Index rows, Index columns) const {
    check_numbers(tensor);
    const Index all = place.slice.rows ? place.slice.rows : rows;
    check_shape(tensor, place.transposed ? std::vector{columns, all} : std::vector{all, columns});
    Gathered g = gather(tensor, place, rows, columns);
    const bool whole_numbers = options_.dtype && is_quantised(*options_.dtype);
    if constexpr (std::is_same_v<S, float>)
      if (whole_numbers && can_quantise(path)) return quantise(tensor, g, *options_.dtype, rows, columns);
    const Format target = options_.dtype && !whole_numbers  ? *options_.dtype
                          : Weight<S>::can_borrow(g.format) ? g.format
                                                            : format_of<S>;
    if (target != g.format) g = convert(tensor, g, target, rows * columns);
    return Weight<S>::borrow(g.format, g.data, rows, columns, g.owner);
  }

  /// A matrix that is stored in blocks. Those of 32 numbers and one scale stay what they are; the larger
  /// ones become int8 unless another format is asked for.
  Weight<S> from_blocks(const TensorView& tensor, const names::Place& place, const std::string& path,
                        Index rows, Index columns) const {
    check_shape(tensor, {place.slice.rows ? place.slice.rows : rows, columns});
    Format target =
        options_.dtype.value_or(std::is_same_v<S, float> ? nearest_format(tensor.blocks) : format_of<S>);
    if (is_quantised(target) && !can_quantise(path)) target = format_of<S>;
    return read_blocks<S>(tensor, place.slice, target, rows, columns);
  }

  /// A matrix that is stored as whole numbers with scales beside them.
  Weight<S> from_stored(const TensorView& tensor, Format stored, const names::Place& place, Index rows,
                        Index columns) {
    const std::string name = scales_name(place.name);
    const TensorView* const scales = find(name);
    if (!scales) fail(FileError(folder_, concat("has no tensor \"", name, "\"")));
    used_.insert(name);
    Weight<float> weight = read_stored(tensor, *scales, stored, place.slice, rows, columns);
    const Format target = options_.dtype.value_or(std::is_same_v<S, float> ? stored : format_of<S>);
    if constexpr (std::is_same_v<S, float>)
      if (target == stored) return weight;
    return weight_from_rows<S>(tensor, target, rows, columns, weight.row_reader());
  }

  /// The format of a matrix of whole numbers, which the config must announce.
  std::optional<Format> stored_format(const TensorView& tensor) const {
    if (config_.stored && tensor.type == stored_type(*config_.stored)) return config_.stored;
    return std::nullopt;
  }

  /// Tells that the rows of a parameter were read for good, where they stand together.
  void forget(const TensorView& tensor, const names::Place& place, Index rows) const {
    const RowSlice& slice = place.slice;
    if (!read_ || place.transposed || slice.run) return;
    const auto row = static_cast<Index>(tensor.data.size()) / (slice.rows ? slice.rows : rows);
    read_(tensor.data.subspan(static_cast<std::size_t>(slice.offset * row),
                              static_cast<std::size_t>(rows * row)));
  }

  RowVector<S> vector(const TensorView& tensor, const names::Place& place, const std::string& path,
                      Index size) const {
    if (tensor.blocks != Blocks::none) tensor.refuse("is in blocks, single numbers were expected");
    check_numbers(tensor);
    const RowSlice& slice = place.slice;
    const Index all = slice.rows ? slice.rows : size;
    if (tensor.shape != std::vector<Index>{1, all}) check_shape(tensor, {all});  // BART's bias of the logits
    RowVector<S> out(size);
    for (Index i = 0; i < size; ++i) out[i] = tensor.element<S>(slice.row(i));
    if (table_.norms_with_offset && path.ends_with("norm.weight"))
      out.array() -= S(config_.model.norm.offset);
    return out;
  }

  static void check_numbers(const TensorView& tensor) {
    if (!tensor.format())
      tensor.refuse(concat("holds ", name_of(tensor.type), ", floating-point numbers were expected"));
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
      fail(FileError(copy->file,
                     concat("tensor \"", name, "\" differs from \"", original->name,
                            "\", which the config says it equals",
                            each.if_tied ? ": if the file's own matrix counts, as in transformers 5, "
                                           "set tie_word_embeddings to false"
                                         : "")));
  }

  std::map<std::string, const TensorView*> by_name_;
  const HubConfig& config_;
  const LoadOptions& options_;
  std::string folder_;
  NameTable table_;
  std::string_view prefix_;
  std::function<void(std::span<const std::byte>)> read_;
  std::set<std::string> used_;
};

}  // namespace hub

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
