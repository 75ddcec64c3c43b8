// Safetensors: 8 bytes of header length, a JSON header with each tensor's type, shape and place, then the
// data. The whole header is checked against the file before any of it is used.
#pragma once

#include <eigenformer/core/number_format.hpp>
#include <eigenformer/hub/json.hpp>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI {

static_assert(std::endian::native == std::endian::little, "safetensors hold little-endian numbers");

/// The element types that safetensors name.
enum class ElementType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

namespace detail {

struct ElementTypeRow {
  const char* name;
  ElementType type;
  Index bytes;
};
inline constexpr ElementTypeRow element_types[] = {
    {"F64", ElementType::f64, 8},     {"F32", ElementType::f32, 4}, {"F16", ElementType::f16, 2},
    {"BF16", ElementType::bf16, 2},   {"I64", ElementType::i64, 8}, {"I32", ElementType::i32, 4},
    {"I16", ElementType::i16, 2},     {"I8", ElementType::i8, 1},   {"U64", ElementType::u64, 8},
    {"U32", ElementType::u32, 4},     {"U16", ElementType::u16, 2}, {"U8", ElementType::u8, 1},
    {"BOOL", ElementType::boolean, 1}};

inline const ElementTypeRow& row_of(ElementType type) {
  return *std::find_if(std::begin(element_types), std::end(element_types),
                       [&](const ElementTypeRow& row) { return row.type == type; });
}

/// a · b for sizes, or nothing where it overflows.
inline std::optional<Index> checked_product(Index a, Index b) {
  if (a < 0 || b < 0 || (b != 0 && a > PTRDIFF_MAX / b)) return std::nullopt;
  return a * b;
}

}  // namespace detail

/// "F32"
inline const char* name_of(ElementType type) { return detail::row_of(type).name; }

/// A tensor where it lies in a file. `owner` keeps the memory alive.
struct TensorView {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<Index> shape;
  std::span<const std::byte> data;
  std::string file;
  std::shared_ptr<const void> owner;

  Index size() const {
    Index n = 1;
    for (const Index d : shape) n *= d;
    return n;
  }

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

  /// Element i as a number, wherever the data lies.
  template <class T> T element(Index i) const {
    const auto read = [&]<class E>(E value) {
      std::memcpy(&value, data.data() + i * static_cast<Index>(sizeof(E)), sizeof(E));
      return value;
    };
    switch (type) {
      case ElementType::f64: return static_cast<T>(read(double{}));
      case ElementType::f32: return static_cast<T>(read(float{}));
      case ElementType::f16: return static_cast<T>(static_cast<float>(read(half{})));
      case ElementType::bf16: return static_cast<T>(static_cast<float>(read(bfloat16{})));
      case ElementType::i64: return static_cast<T>(read(std::int64_t{}));
      case ElementType::i32: return static_cast<T>(read(std::int32_t{}));
      case ElementType::i16: return static_cast<T>(read(std::int16_t{}));
      case ElementType::i8: return static_cast<T>(read(std::int8_t{}));
      case ElementType::u64: return static_cast<T>(read(std::uint64_t{}));
      case ElementType::u32: return static_cast<T>(read(std::uint32_t{}));
      case ElementType::u16: return static_cast<T>(read(std::uint16_t{}));
      case ElementType::u8:
      case ElementType::boolean: break;
    }
    return static_cast<T>(read(std::uint8_t{}));
  }

  /// All elements, row-major.
  template <class T> std::vector<T> values() const {
    std::vector<T> out(static_cast<std::size_t>(size()));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = element<T>(static_cast<Index>(i));
    return out;
  }
};

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
    if (!tensor) fail(FileError(file_, concat("has no tensor \"", name, "\"")));
    return *tensor;
  }
  /// Adds the tensors of another file.
  /// @throws FileError  if both have one of the same name
  void merge(SafeTensors other) {
    for (auto& [name, tensor] : other.tensors_) {
      const auto [at, fresh] = tensors_.try_emplace(name, std::move(tensor));
      if (!fresh) fail(FileError(other.file_, concat("tensor \"", name, "\" is also in ", at->second.file)));
    }
  }

 private:
  static constexpr std::uint64_t longest_header = 100'000'000;  // as in the reference implementation

  void parse(std::span<const std::byte> bytes, const std::string& path,
             const std::shared_ptr<const void>& owner) {
    file_ = path;
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length)
      fail(FileError(path, concat("is ", bytes.size(), " bytes long, too short for a safetensors file")));
    std::memcpy(&length, bytes.data(), sizeof length);
    if (length > longest_header || length > bytes.size() - sizeof length)
      fail(
          FileError(path, concat("says its header is ", length, " bytes long, the file has ", bytes.size())));
    const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + sizeof length, length);
    const Json json = parse_json(header, path);
    if (!json.is_object()) fail(FileError(path, "its header is not a JSON object"));
    const auto data = bytes.subspan(sizeof length + length);
    for (const auto& [name, entry] : json.items()) {
      if (name == "__metadata__") {
        if (!entry.is_object()) fail(FileError(path, "its __metadata__ is not an object of strings"));
        for (const auto& [key, value] : entry.items()) {
          if (!value.is_string()) fail(FileError(path, concat("its metadata \"", key, "\" is not a string")));
          metadata_[key] = value.get<std::string>();
        }
      } else {
        add(name, entry, data, owner);
      }
    }
    check_cover(static_cast<Index>(data.size()));
  }

  void add(const std::string& name, const Json& entry, std::span<const std::byte> data,
           const std::shared_ptr<const void>& owner) {
    const auto refuse = [&](const std::string& why) {
      fail(FileError(file_, concat("tensor \"", name, "\": ", why)));
    };
    const auto natural = [](const Json& value) {
      return value.is_number_unsigned() &&
             value.get<std::uint64_t>() <= static_cast<std::uint64_t>(PTRDIFF_MAX);
    };
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets"))
      refuse("dtype, shape and data_offsets were expected, no more and no less");
    const Json &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
    if (!dtype.is_string()) refuse("its dtype is not a string");
    const auto row = std::find_if(std::begin(detail::element_types), std::end(detail::element_types),
                                  [&](const auto& known) { return dtype == known.name; });
    if (row == std::end(detail::element_types)) refuse(concat("unknown dtype ", dtype.get<std::string>()));
    if (!shape.is_array() || !std::all_of(shape.begin(), shape.end(), natural))
      refuse("its shape is not a list of sizes: " + shape.dump());
    if (!offsets.is_array() || offsets.size() != 2 || !natural(offsets[0]) || !natural(offsets[1]))
      refuse("its data_offsets are not two positions: " + offsets.dump());

    std::optional<Index> bytes = row->bytes;
    for (const Json& size : shape)
      if (bytes) bytes = detail::checked_product(*bytes, size.get<Index>());
    if (!bytes) refuse("its shape overflows: " + shape.dump());
    const Index begin = offsets[0].get<Index>(), end = offsets[1].get<Index>();
    if (begin > end || end > static_cast<Index>(data.size()))
      refuse(concat("its data_offsets [", begin, ", ", end, "] lie outside the ", data.size(),
                    " bytes of data"));
    if (end - begin != *bytes)
      refuse(concat("its shape ", shape.dump(), " of ", row->name, " takes ", *bytes,
                    " bytes, its data_offsets span ", end - begin));
    tensors_[name] = {name,
                      row->type,
                      shape.get<std::vector<Index>>(),
                      data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(*bytes)),
                      file_,
                      owner};
    places_.push_back({begin, end, name});
  }

  /// The tensors must cover the data exactly: nothing twice, nothing hidden between.
  void check_cover(Index size) {
    std::sort(places_.begin(), places_.end());
    Index reached = 0;
    for (const auto& [begin, end, name] : places_) {
      if (begin < reached) fail(FileError(file_, concat("tensor \"", name, "\" overlaps the one before it")));
      if (begin > reached)
        fail(FileError(file_, concat("bytes ", reached, " to ", begin, " belong to no tensor")));
      reached = end;
    }
    if (reached != size)
      fail(FileError(file_, concat("bytes ", reached, " to ", size, " belong to no tensor")));
    places_.clear();
  }

  struct Place {
    Index begin, end;
    std::string name;
    auto operator<=>(const Place&) const = default;
  };
  std::string file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  std::vector<Place> places_;  // while parsing
};

/// All tensors of a model folder: model.safetensors, or the shards that model.safetensors.index.json lists.
/// @throws FileError  for a shard that is absent or lies outside the folder, a tensor that is not in the
/// shard that
///                    the index names, or one that the index does not know
inline SafeTensors open_folder(const std::string& folder) {
  const std::string index = folder + "/model.safetensors.index.json";
  const auto exists = [](const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "rb");
    if (file) std::fclose(file);
    return file != nullptr;
  };
  if (!exists(index)) return SafeTensors(folder + "/model.safetensors");
  const Json json = read_json(index);
  const Json& map = JsonFields(json, index).at("weight_map");
  if (!map.is_object()) fail(FileError(index, "its weight_map is not an object"));
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, shard] : map.items()) {
    if (!shard.is_string()) fail(FileError(index, concat("tensor \"", name, "\" has no shard")));
    const std::string file = shard.get<std::string>();
    if (file.empty() || file.find_first_of("/\\:") != std::string::npos || file == "..")
      fail(FileError(index,
                     concat("tensor \"", name, "\": shard \"", file, "\" is not a file of this folder")));
    shards[file].push_back(name);
  }
  SafeTensors all;
  for (const auto& [file, names] : shards) {
    SafeTensors shard(folder + "/" + file);
    for (const std::string& name : names) shard.at(name);
    for (const auto& [name, tensor] : shard.tensors())
      if (!map.contains(name))
        fail(FileError(tensor.file, concat("tensor \"", name, "\" is not in ", index)));
    all.merge(std::move(shard));
  }
  return all;
}

/// Writes tensors to a file: first beside it, then under its name, so that no reader ever sees half of it.
/// @throws FileError  if it cannot be written
inline void write_safetensors(const std::string& path, const std::vector<TensorView>& tensors,
                              const std::map<std::string, std::string>& metadata = {}) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t reached = 0;
  for (const TensorView& tensor : tensors) {
    if (header.contains(tensor.name))
      fail(FileError(path, concat("tensor \"", tensor.name, "\" given twice")));
    header[tensor.name] = {{"dtype", name_of(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {reached, reached + tensor.data.size()}}};
    reached += tensor.data.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // data starts at a multiple of 8 bytes
  const std::uint64_t length = text.size();
  const std::string aside = path + ".part";
  std::FILE* const file = std::fopen(aside.c_str(), "wb");
  if (!file) fail(FileError(path, concat("cannot write: ", std::strerror(errno))));
  bool good = std::fwrite(&length, sizeof length, 1, file) == 1 &&
              std::fwrite(text.data(), 1, text.size(), file) == text.size();
  for (const TensorView& tensor : tensors)
    good = good && (tensor.data.empty() ||
                    std::fwrite(tensor.data.data(), 1, tensor.data.size(), file) == tensor.data.size());
  good = (std::fclose(file) == 0) && good && std::rename(aside.c_str(), path.c_str()) == 0;
  if (!good) {
    const std::string why = std::strerror(errno);
    std::remove(aside.c_str());
    fail(FileError(path, concat("cannot write: ", why)));
  }
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
