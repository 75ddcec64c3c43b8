// Safetensors files written: tensors from memory, or as a stream that is never in memory whole.
#pragma once

#include <eigenformer/hub/safetensors.hpp>
#include <eigenformer/hub/write_file.hpp>

#include <functional>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A tensor that is made while it is written.
struct TensorStream {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<Index> shape;
  std::function<void(FileWriter&)> write;  ///< its bytes, row-major, in as many pieces as it likes
};

namespace detail {

/// What two kinds of tensors tell the header.
[[gnu::cold]] inline std::size_t stored_bytes(const std::string& path, const std::string& name,
                                              ElementType type, const std::vector<Index>& shape,
                                              std::optional<std::size_t> found) {
  const auto bytes = checked_bytes(type, shape);
  if (!bytes || (found && !std::cmp_equal(*bytes, *found))) {
    fail(FileError(
        path, concat("tensor \"", printable(name), "\": ", ShapeError::text(shape), " of ", name_of(type),
                     found ? concat(" does not take ", *found, " bytes") : " takes more than can be")));
  }
  return static_cast<std::size_t>(*bytes);
}

/// The header of a file that holds these tensors in this order, padded with blanks so that the data begin at
/// a multiple of 8 bytes.
[[gnu::cold]] inline std::string header_for(const std::vector<const TensorStream*>& tensors,
                                            const std::map<std::string, std::string>& metadata,
                                            const std::string& path) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t reached = 0;
  for (const TensorStream* tensor : tensors) {
    if (header.contains(tensor->name) || tensor->name == "__metadata__")
      fail(FileError(path, concat("tensor \"", printable(tensor->name), "\": the name is taken")));
    const std::size_t end =
        reached + stored_bytes(path, tensor->name, tensor->type, tensor->shape, std::nullopt);
    header[tensor->name] = {
        {"dtype", name_of(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {reached, end}}};
    reached = end;
  }
  using OnBadText = Json::error_handler_t;
  std::string text = header.dump(-1, ' ', false, OnBadText::replace);
  if (text != header.dump(-1, ' ', false, OnBadText::ignore)) {
    fail(FileError(path, "a name or the metadata is not valid UTF-8"));
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > longest_safetensors_header) {
    fail(FileError(path, concat("its header would be ", text.size(), " bytes long")));
  }
  return text;
}

}  // namespace detail

/// Writes tensors to a file, widest elements first so that each is aligned to its type, and whole or not at
/// all (write_file.hpp).
/// @throws FileError  if it cannot be written, two tensors have one name, or a stream gives another number of
///                    bytes than type and shape ask for
[[gnu::cold]] inline void write_safetensors(const std::string& path, const std::vector<TensorStream>& tensors,
                                            const std::map<std::string, std::string>& metadata = {}) {
  std::vector<const TensorStream*> order;
  for (const TensorStream& tensor : tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(), [](const TensorStream* a, const TensorStream* b) {
    return bytes_of(a->type) > bytes_of(b->type);
  });
  const std::string header = detail::header_for(order, metadata, path);
  write_file(path, [&](FileWriter& out) {
    const std::uint64_t length = header.size();
    out.write(&length, sizeof length);
    out.write(header);
    for (const TensorStream* tensor : order) {
      const std::size_t before = out.size();
      tensor->write(out);
      detail::stored_bytes(path, tensor->name, tensor->type, tensor->shape, out.size() - before);
    }
  });
}

/// The same for tensors that lie in memory.
[[gnu::cold]] inline void write_safetensors(const std::string& path, const std::vector<TensorView>& tensors,
                                            const std::map<std::string, std::string>& metadata = {}) {
  std::vector<TensorStream> streams;
  for (const TensorView& tensor : tensors) {
    detail::stored_bytes(path, tensor.name, tensor.type, tensor.shape, tensor.data.size());
    streams.push_back(
        {tensor.name, tensor.type, tensor.shape, [data = tensor.data](FileWriter& out) { out.write(data); }});
  }
  write_safetensors(path, streams, metadata);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
