// Safetensors: 8 bytes of header length, a JSON header with each tensor's type, shape and place, then the
// data. The whole header is checked against the file before any of it is used.
//
// Format and limits: https://github.com/huggingface/safetensors. As there, the tensors cover the data without
// gap or overlap, and a header has at most 100,000,000 bytes.
#pragma once

#include <eigenformer/hub/json.hpp>
#include <eigenformer/hub/tensor_view.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

inline constexpr std::uint64_t longest_safetensors_header = 100'000'000;

/// The JSON text of the header, which must lie inside the file.
[[gnu::cold]] inline std::string_view header_text(std::span<const std::byte> bytes, const std::string& file) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    fail(FileError(file, concat("is ", bytes.size(), " bytes long, too short for a safetensors file")));
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > longest_safetensors_header || length > bytes.size() - sizeof length) {
    fail(FileError(file, concat("says its header is ", length, " bytes long, the file has ", bytes.size())));
  }
  return {reinterpret_cast<const char*>(bytes.data()) + sizeof length, static_cast<std::size_t>(length)};
}

/// Integers from 0 up that Index holds; nothing for any other JSON value.
[[gnu::cold]] inline std::optional<std::vector<Index>> naturals(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  std::vector<Index> out;
  for (const Json& item : value) {
    if (!item.is_number_unsigned() || !std::in_range<Index>(item.get<std::uint64_t>())) return std::nullopt;
    out.push_back(item.get<Index>());
  }
  return out;
}

/// A tensor by its entry in the header: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}.
/// @param data  what follows the header
[[gnu::cold]] inline TensorView read_tensor(const std::string& file, const std::string& name,
                                            const Json& entry, std::span<const std::byte> data) {
  TensorView tensor;
  tensor.name = name;
  tensor.file = file;
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets")) {
    tensor.refuse(
        concat("dtype, shape and data_offsets were expected, no more and no less, found ", brief(entry)));
  }
  const Json& type = entry["dtype"];
  const auto known = element_type_named(type.is_string() ? type.get_ref<const std::string&>() : "");
  if (!known) tensor.refuse("unknown dtype " + brief(type));
  tensor.type = *known;

  const std::string shape = brief(entry["shape"]);
  const auto sizes = naturals(entry["shape"]);
  if (!sizes) tensor.refuse("its shape is not a list of sizes: " + shape);
  const auto bytes = checked_bytes(*known, *sizes);
  if (!bytes) tensor.refuse("its shape overflows: " + shape);
  tensor.shape = *sizes;

  const auto offsets = naturals(entry["data_offsets"]);
  if (!offsets || offsets->size() != 2) {
    tensor.refuse("its data_offsets are not two positions: " + brief(entry["data_offsets"]));
  }
  const Index begin = offsets->front(), end = offsets->back();
  if (begin > end || end > static_cast<Index>(data.size())) {
    tensor.refuse(
        concat("its data_offsets [", begin, ", ", end, "] lie outside the ", data.size(), " bytes of data"));
  }
  if (end - begin != *bytes) {
    tensor.refuse(concat("its shape ", shape, " of ", name_of(*known), " takes ", *bytes,
                         " bytes, its data_offsets span ", end - begin));
  }
  tensor.data = data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(*bytes));
  return tensor;
}

}  // namespace detail

/// The tensors of one file, by name.
class SafeTensors {
 public:
  SafeTensors() = default;

  /// @throws FileError  for anything that the format does not allow, with the tensor and the offending value
  explicit SafeTensors(const std::string& path) {
    const auto file = std::make_shared<const MappedFile>(path);
    parse(file->bytes(), path, file);
  }

  /// The same from memory, which `owner` keeps alive; `name` is what errors call it.
  SafeTensors(std::span<const std::byte> bytes, const std::string& name,
              std::shared_ptr<const void> owner = {}) {
    parse(bytes, name, owner);
  }

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const TensorView* find(const std::string& name) const {
    const auto at = tensors_.find(name);
    return at == tensors_.end() ? nullptr : &at->second;
  }
  /// @throws FileError  if there is no such tensor
  const TensorView& at(const std::string& name) const {
    const TensorView* const tensor = find(name);
    if (!tensor) fail(FileError(file_, concat("has no tensor \"", printable(name), "\"")));
    return *tensor;
  }
  /// Adds the tensors of another file.
  /// @throws FileError  if both have one of the same name
  void merge(SafeTensors other) {
    for (auto& [name, tensor] : other.tensors_) {
      const auto [at, fresh] = tensors_.try_emplace(name, std::move(tensor));
      if (!fresh) tensor.refuse("is also in " + at->second.file);
    }
  }

 private:
  void parse(std::span<const std::byte> bytes, const std::string& path,
             const std::shared_ptr<const void>& owner) {
    file_ = path;
    const std::string_view text = detail::header_text(bytes, path);
    if (!text.starts_with('{')) fail(FileError(path, "its header does not begin with {"));
    const Json header = parse_json(text, path);
    const auto data = bytes.subspan(sizeof(std::uint64_t) + text.size());
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(entry);
      } else {
        TensorView& tensor = tensors_[name] = detail::read_tensor(path, name, entry, data);
        tensor.owner = owner;
      }
    }
    check_cover(data);
  }

  void read_metadata(const Json& metadata) {
    if (!metadata.is_object()) {
      fail(FileError(file_, "its __metadata__ is not an object of strings: " + detail::brief(metadata)));
    }
    for (const auto& [key, value] : metadata.items()) {
      if (!value.is_string()) {
        fail(FileError(
            file_, concat("its metadata \"", printable(key), "\" is not a string: ", detail::brief(value))));
      }
      metadata_[key] = value.get<std::string>();
    }
  }

  /// The tensors must cover the data exactly: nothing twice, nothing hidden between.
  void check_cover(std::span<const std::byte> data) const {
    std::vector<const TensorView*> order;
    for (const auto& [name, tensor] : tensors_) order.push_back(&tensor);
    std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
      return std::tuple(a->data.data(), a->data.size()) < std::tuple(b->data.data(), b->data.size());
    });
    const std::byte* reached = data.data();
    const auto refuse_gap = [&](const std::byte* until) {
      fail(FileError(file_, concat("bytes ", reached - data.data(), " to ", until - data.data(),
                                   " of the data belong to no tensor")));
    };
    for (const TensorView* tensor : order) {
      if (tensor->data.data() < reached) tensor->refuse("its data overlap those of another tensor");
      if (tensor->data.data() > reached) refuse_gap(tensor->data.data());
      reached += tensor->data.size();
    }
    if (reached != data.data() + data.size()) refuse_gap(data.data() + data.size());
  }

  std::string file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

namespace detail {

/// The tensors that each shard must hold, from a file model.safetensors.index.json.
[[gnu::cold]] inline std::map<std::string, std::vector<std::string>> read_shards(const std::string& index) {
  const Json json = read_json(index);
  const Json& listed = JsonFields(json, index).at("weight_map");
  if (!listed.is_object()) fail(FileError(index, "its weight_map is not an object: " + brief(listed)));
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, shard] : listed.items()) {
    const std::string file = shard.is_string() ? shard.get<std::string>() : "";
    constexpr std::string_view apart("/\\:\0", 4);
    if (file.empty() || file == "." || file == ".." || file.find_first_of(apart) != file.npos) {
      fail(FileError(index, concat("tensor \"", printable(name), "\": shard ", brief(shard),
                                   " is not a file of this folder")));
    }
    shards[file].push_back(name);
  }
  return shards;
}

}  // namespace detail

/// All tensors of a model folder: model.safetensors or, where there is none, the shards that
/// model.safetensors.index.json lists.
/// @throws FileError  for a shard that is absent or lies outside the folder, and for a tensor that is not in
///                    the shard that the index names, in two shards, or unknown to the index
[[gnu::cold]] inline SafeTensors open_folder(const std::string& folder) {
  const std::string single = folder + "/model.safetensors", index = single + ".index.json";
  if (detail::path_exists(single)) return SafeTensors(single);
  if (!detail::path_exists(index)) {
    fail(FileError(folder, "has neither model.safetensors nor model.safetensors.index.json"));
  }
  SafeTensors all;
  for (const auto& [file, names] : detail::read_shards(index)) {
    SafeTensors shard(folder + "/" + file);
    for (const std::string& name : names) shard.at(name);
    if (shard.tensors().size() != names.size()) {
      const std::set<std::string> listed(names.begin(), names.end());
      for (const auto& [name, tensor] : shard.tensors()) {
        if (!listed.contains(name)) tensor.refuse("the index does not list it for this shard");
      }
    }
    all.merge(std::move(shard));
  }
  return all;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
