// GGUF, the files of llama.cpp: metadata, a directory of tensors, then their data. The whole head is checked
// against the file before any of it is used.
//
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
#pragma once

#include <eigenformer/hub/gguf_blocks.hpp>
#include <eigenformer/hub/gguf_values.hpp>
#include <eigenformer/hub/mapped_file.hpp>

#include <algorithm>
#include <memory>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// Reads a head from its beginning to its end; nothing is taken that is not there.
class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }

  /// What is being read, for messages: 'the value of "general.name"'.
  void enter(std::string what) { what_ = std::move(what); }

  [[noreturn]] void refuse(const std::string& why) const {
    fail(FileError(file_, what_.empty() ? why : concat(what_, ": ", why)));
  }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > left())
      refuse(concat("takes ", count, " bytes at byte ", at_, ", where the file has ", left(), " left"));
    const auto out = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += out.size();
    return out;
  }
  template <class T> T read() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view string(std::uint64_t longest = (std::numeric_limits<std::uint64_t>::max)()) {
    const auto length = read<std::uint64_t>();
    if (length > longest) refuse(concat("is a name of ", length, " bytes, more than ", longest));
    const auto text = take(length);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  GgufType type() {
    const auto type = read<std::uint32_t>();
    if (type > static_cast<std::uint32_t>(GgufType::f64)) refuse(concat("its type ", type, " is not known"));
    return static_cast<GgufType>(type);
  }
  GgufValue value(GgufType type, int depth = 0) {
    constexpr int deepest = 4;
    GgufValue out{.type = type, .data = {}};
    if (type == GgufType::string) {
      const auto text = string();
      out.data = std::as_bytes(std::span(text.data(), text.size()));
    } else if (type != GgufType::array) {
      out.data = take(bytes_of(type));
      if (type == GgufType::boolean) check_booleans(out.data);
    } else {
      if (depth == deepest) refuse(concat("is nested deeper than ", deepest, " arrays"));
      out.element = this->type();
      out.count = read<std::uint64_t>();
      const std::size_t width = bytes_of(out.element), least = width ? width : 8;
      if (out.count > left() / least)
        refuse(concat("says it has ", out.count, " elements of type ", name_of(out.element),
                      ", where the file has ", left(), " bytes left"));
      const std::size_t begin = at_;
      if (width)
        take(out.count * width);
      else
        for (std::uint64_t i = 0; i < out.count; ++i) value(out.element, depth + 1);
      out.data = bytes_.subspan(begin, at_ - begin);
      if (out.element == GgufType::boolean) check_booleans(out.data);
    }
    return out;
  }

 private:
  void check_booleans(std::span<const std::byte> bytes) const {
    for (const std::byte byte : bytes)
      if (byte > std::byte{1}) refuse(concat("is neither true nor false: ", std::to_integer<int>(byte)));
  }

  std::span<const std::byte> bytes_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::string what_;
};

}  // namespace detail

/// An opened file: its metadata, and its tensors by name.
class Gguf {
 public:
  /// @throws FileError  for anything that the format does not allow, with what it is about and the offending
  ///                    value
  explicit Gguf(const std::string& path) : file_(std::make_shared<const MappedFile>(path)), metadata_(path) {
    parse(file_->bytes());
  }
  /// The same from memory, which must outlive it; `name` is what errors call it.
  Gguf(std::span<const std::byte> bytes, const std::string& name) : metadata_(name) { parse(bytes); }

  const std::string& file() const { return metadata_.file(); }
  const GgufMetadata& metadata() const { return metadata_; }

  std::size_t tensor_count() const { return directory_.size(); }
  bool has_tensor(const std::string& name) const { return directory_.contains(name); }
  /// Sizes of a tensor [rows, columns], whatever its type.
  /// @throws FileError  if there is no such tensor
  const std::vector<Index>& shape(const std::string& name) const { return at(name).shape; }

  /// All tensors.
  /// @throws FileError  for a type that the library does not read, and data that do not lie inside the file,
  ///                    apart from each other and aligned
  std::map<std::string, TensorView> tensors() const {
    if (metadata_.integer("split.count", 1) > 1)
      fail(FileError(file(), concat("is one of ", metadata_.integer("split.count"),
                                    " parts of a model; only models in one file are read")));
    std::map<std::string, TensorView> out;
    for (const auto& [name, entry] : directory_) out.emplace(name, view(name, entry));
    check_apart(out);
    return out;
  }
  /// One of them.
  TensorView tensor(const std::string& name) const { return view(name, at(name)); }

  /// Lets pages of tensors' data leave the resident memory: see MappedFile.
  void forget(std::span<const std::byte> part) const {
    if (file_) file_->forget(part);
  }

 private:
  struct Entry {
    std::vector<Index> shape;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };

  void parse(std::span<const std::byte> bytes) {
    detail::GgufCursor cursor(bytes, file());
    if (bytes.size() < 4 || std::memcmp(bytes.data(), "GGUF", 4) != 0)
      cursor.refuse("is no GGUF file: it does not begin with \"GGUF\"");
    cursor.take(4);
    cursor.enter("the head");
    const auto version = cursor.read<std::uint32_t>();
    if (version != 2 && version != 3) {
      if (version && version % 65536 == 0) cursor.refuse("is big-endian, only little-endian files are read");
      cursor.refuse(concat("is of version ", version, ", only 2 and 3 are read"));
    }
    const auto tensor_count = cursor.read<std::uint64_t>(), value_count = cursor.read<std::uint64_t>();
    check_count(cursor, tensor_count, 8 + 4 + 8 + 4 + 8, "tensors");
    check_count(cursor, value_count, 8 + 4 + 1, "values");
    for (std::uint64_t i = 0; i < value_count; ++i) read_value(cursor, i);
    for (std::uint64_t i = 0; i < tensor_count; ++i) read_entry(cursor, i);

    alignment_ = static_cast<std::uint64_t>(metadata_.integer("general.alignment", 32));
    if (alignment_ == 0 || (alignment_ & (alignment_ - 1)) || alignment_ > (1u << 20))
      metadata_.refuse("general.alignment", concat("must be a power of two, is ", alignment_));
    const std::size_t begin = (cursor.at() + alignment_ - 1) / alignment_ * alignment_;
    data_ = bytes.subspan((std::min)(begin, bytes.size()));
  }

  static void check_count(const detail::GgufCursor& cursor, std::uint64_t count, std::size_t least,
                          const char* what) {
    if (count > cursor.left() / least)
      cursor.refuse(
          concat("says it has ", count, " ", what, ", where the file has ", cursor.left(), " bytes left"));
  }

  void read_value(detail::GgufCursor& cursor, std::uint64_t number) {
    cursor.enter(concat("the key of value ", number));
    std::string key(cursor.string(65535));
    cursor.enter(concat("the value of \"", printable(key), "\""));
    const GgufType type = cursor.type();
    if (!metadata_.insert(std::move(key), cursor.value(type))) cursor.refuse("the key stands twice");
  }

  void read_entry(detail::GgufCursor& cursor, std::uint64_t number) {
    cursor.enter(concat("the name of tensor ", number));
    std::string name(cursor.string(64));
    cursor.enter(concat("tensor \"", printable(name), "\""));
    Entry entry;
    const auto dimensions = cursor.read<std::uint32_t>();
    if (dimensions == 0 || dimensions > 4)
      cursor.refuse(concat("has ", dimensions, " dimensions, 1 to 4 can be"));
    std::uint64_t numbers = 1;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      const auto size = cursor.read<std::uint64_t>();
      constexpr auto most = static_cast<std::uint64_t>((std::numeric_limits<Index>::max)());
      if (size == 0 || size > most / numbers) cursor.refuse(concat("its dimension ", i, " cannot be ", size));
      numbers *= size;
      entry.shape.insert(entry.shape.begin(), static_cast<Index>(size));  // the fastest stands first
    }
    entry.type = cursor.read<std::uint32_t>();
    entry.offset = cursor.read<std::uint64_t>();
    if (!directory_.emplace(std::move(name), std::move(entry)).second) cursor.refuse("the name stands twice");
  }

  const Entry& at(const std::string& name) const {
    const auto found = directory_.find(name);
    if (found == directory_.end()) fail(FileError(file(), concat("has no tensor \"", printable(name), "\"")));
    return found->second;
  }

  TensorView view(const std::string& name, const Entry& entry) const {
    TensorView out;
    out.name = name;
    out.file = file();
    out.shape = entry.shape;
    out.owner = file_;
    const GgufTensorType* const type = gguf_tensor_type(entry.type);
    if (!type || !type->numbers)
      out.refuse(concat("is of type ", type ? type->name : "", type ? "" : std::to_string(entry.type),
                        ", which is not read; those that are: ", gguf_types_read()));
    out.type = type->element;
    out.blocks = type->blocks;
    if (entry.shape.back() % type->numbers)
      out.refuse(concat("rows of ", entry.shape.back(), " numbers are no blocks of ", type->numbers, " (",
                        type->name, ")"));
    Index blocks = 1;
    for (const Index size : entry.shape) blocks *= size;
    blocks /= type->numbers;
    if (blocks > (std::numeric_limits<Index>::max)() / type->bytes)
      out.refuse(concat("its shape overflows: ", ShapeError::text(entry.shape)));
    const auto bytes = static_cast<std::uint64_t>(blocks * type->bytes);
    if (entry.offset % alignment_)
      out.refuse(concat("its offset ", entry.offset, " is no multiple of the alignment ", alignment_));
    if (entry.offset > data_.size() || bytes > data_.size() - entry.offset)
      out.refuse(concat("its ", bytes, " bytes at offset ", entry.offset, " lie outside the ", data_.size(),
                        " bytes of data"));
    out.data = data_.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(bytes));
    return out;
  }

  static void check_apart(const std::map<std::string, TensorView>& tensors) {
    std::vector<const TensorView*> order;
    for (const auto& [name, tensor] : tensors) order.push_back(&tensor);
    std::sort(order.begin(), order.end(),
              [](const TensorView* a, const TensorView* b) { return a->data.data() < b->data.data(); });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (order[i]->data.data() < order[i - 1]->data.data() + order[i - 1]->data.size())
        order[i]->refuse(concat("its data overlap those of \"", printable(order[i - 1]->name), "\""));
  }

  std::shared_ptr<const MappedFile> file_;  // none: from memory
  GgufMetadata metadata_;
  std::map<std::string, Entry> directory_;
  std::uint64_t alignment_ = 32;
  std::span<const std::byte> data_;
};

/// Whether a path is that of a GGUF file and not of a folder: by its end.
[[gnu::cold]] inline bool is_gguf(const std::string& path) { return path.ends_with(".gguf"); }

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
