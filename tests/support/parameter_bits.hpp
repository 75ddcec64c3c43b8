// The parameters of models as bytes, for tests that compare them to the bit.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/model/parameters.hpp>

#include <cstddef>
#include <map>
#include <string>

namespace support {

/// The numbers of a matrix or vector as they are held: in its format, and in the order of its kernel.
template <class Leaf> std::string bytes_of(const Leaf& leaf) {
  const auto text = [](const void* data, auto bytes) {
    return std::string(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
  };
  if (leaf.size() == 0) return "";
  if constexpr (requires { leaf.format(); }) {
    if (leaf.packed()) return text(leaf.packed_data(), leaf.bytes());
    return leaf.with_elements([&](const auto* elements) { return text(elements, leaf.bytes()); });
  } else {
    return text(leaf.data(), static_cast<std::size_t>(leaf.size()) * sizeof *leaf.data());
  }
}

/// The shape and bytes of every parameter whose path is wanted.
template <class S, class Wanted>
std::map<std::string, std::string> bits_of(const eigenformer::Transformer<S>& parameters, Wanted&& wanted) {
  std::map<std::string, std::string> out;
  eigenformer::visit(parameters, [&](const std::string& path, const auto& leaf) {
    if (wanted(path)) out[path] = eigenformer::concat(leaf.rows(), " x ", leaf.cols(), ": ") + bytes_of(leaf);
  });
  return out;
}

/// Those of all parameters of a model.
template <class Model> std::map<std::string, std::string> bits_of(const Model& model) {
  return bits_of(model.parameters(), [](const std::string&) { return true; });
}

}  // namespace support
