// A model's parameters as the tensors of a checkpoint: the inverse of fill.hpp. Parts of a tensor (fused
// queries, keys and values) are put together row by row, and converted while they are written, so that at
// most one tensor is in memory twice.
#pragma once

#include <eigenformer/hub/config.hpp>
#include <eigenformer/hub/gather.hpp>
#include <eigenformer/hub/stored_quantised.hpp>
#include <eigenformer/hub/write_safetensors.hpp>
#include <eigenformer/model/parameters.hpp>

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace hub {

/// A checkpoint's tensor, and the parameters that stand in it.
template <class S> struct JoinedTensor {
  struct Part {
    const Weight<S>* weight;  ///< of a vector: [size, 1]
    RowSlice slice;
  };
  std::vector<Part> parts;
  std::vector<Index> shape;
  bool transposed = false;  ///< stored [columns, rows]

  Index columns() const { return parts.front().weight->cols(); }
  Index rows() const {
    const Part& first = parts.front();
    return first.slice.rows ? first.slice.rows : first.weight->rows();
  }

  /// Which row of which part each row of the tensor is.
  /// @throws ConfigError  for a row that no part has
  std::vector<std::pair<const Weight<S>*, Index>> sources(const std::string& name) const {
    std::vector<std::pair<const Weight<S>*, Index>> out(static_cast<std::size_t>(rows()));
    for (const auto& [weight, slice] : parts)
      for (Index r = 0; r < weight->rows(); ++r) out[static_cast<std::size_t>(slice.row(r))] = {weight, r};
    for (const auto& source : out)
      if (!source.first) fail(ConfigError(name, "a part of this tensor is no parameter of the model"));
    return out;
  }

  /// The format that all parts have; none where they differ.
  std::optional<Format> format() const {
    for (const Part& part : parts)
      if (part.weight->format() != parts.front().weight->format()) return std::nullopt;
    return parts.front().weight->format();
  }
};

/// Row r of a weight as numbers of type To, each rounded once, to nearest; a NaN stays one.
/// @throws ConfigError  for a number that is infinite there and was not
template <class To, class S>
void convert_row(const Weight<S>& weight, Index r, const std::string& name, To* out) {
  const Index columns = weight.cols();
  const auto round = [&](const auto* from) {
    round_numbers(from, out, columns, [&](const std::string& why) {
      fail(ConfigError("dtype", concat("tensor \"", name, "\" ", why)));
    });
  };
  if (weight.packed())
    round(weight.row_reader()(r));
  else
    weight.with_elements([&](const auto* elements) { round(elements + r * columns); });
}

/// Writes all of a tensor's numbers as To.
template <class To, class S>
void write_numbers(const JoinedTensor<S>& tensor, const std::string& name, FileWriter& out) {
  const auto sources = tensor.sources(name);
  const Index rows = tensor.rows(), columns = tensor.columns();
  std::vector<To> row(static_cast<std::size_t>(columns));
  if (!tensor.transposed) {
    for (const auto& [weight, r] : sources) {
      convert_row<To>(*weight, r, name, row.data());
      out.write(std::as_bytes(std::span(row)));
    }
    return;
  }
  std::vector<To> all(static_cast<std::size_t>(rows * columns));
  for (Index r = 0; r < rows; ++r) {
    convert_row<To>(*sources[static_cast<std::size_t>(r)].first, sources[static_cast<std::size_t>(r)].second,
                    name, row.data());
    for (Index c = 0; c < columns; ++c)
      all[static_cast<std::size_t>(c * rows + r)] = row[static_cast<std::size_t>(c)];
  }
  out.write(std::as_bytes(std::span(all)));
}

/// The two tensors of a matrix of whole numbers (stored_quantised.hpp).
template <class S>
void append_quantised(const JoinedTensor<S>& tensor, const std::string& name, Format format,
                      std::vector<TensorStream>& streams) {
  const Index rows = tensor.rows(), columns = tensor.columns(), width = stored_row(format, columns);
  bool one_scale = true;
  for (const auto& part : tensor.parts)
    one_scale = one_scale && one_scale_a_row(part.weight->layout(), part.weight->packed_data());
  const Index groups = one_scale ? 1 : tensor.parts.front().weight->layout().groups();
  streams.push_back({name, stored_type(format), {rows, width}, [&tensor, name, width](FileWriter& out) {
                       std::vector<std::uint8_t> row(static_cast<std::size_t>(width));
                       for (const auto& [weight, r] : tensor.sources(name)) {
                         store_row(weight->layout(), weight->packed_data(), r, row.data());
                         out.write(row.data(), row.size());
                       }
                     }});
  streams.push_back(
      {scales_name(name), ElementType::f16, {rows, groups}, [&tensor, name, groups](FileWriter& out) {
         for (const auto& [weight, r] : tensor.sources(name))
           for (Index g = 0; g < groups; ++g) {
             const half scale = weight->layout().get(weight->packed_data(), r, g).scale;
             out.write(&scale, sizeof scale);
           }
       }});
}

/// All tensors of a model, under the names that its family's checkpoints have for them.
template <class S> class TensorCollector {
 public:
  /// @throws ConfigError, ShapeError  for parameters that are not those of the config
  TensorCollector(const Transformer<S>& parameters, const HubConfig& config) {
    static_assert(std::is_same_v<S, float> || std::is_same_v<S, double>, "no file has this scalar");
    std::map<std::string, std::vector<Index>> expected;
    Transformer<S> shapes;
    for_each_shape(shapes, config.model, [&](const std::string& path, auto&, Index rows, Index columns) {
      expected[path] = {rows, columns};
    });
    // A checkpoint of a bare encoder has no prefix: it is the model that others put under their name.
    const std::string_view prefix = config.model.head == Head::none ? "" : config.names->prefix;
    visit(parameters, [&](const std::string& path, const auto& leaf) {
      const auto at = expected.find(path);
      const std::vector<Index> found{leaf.rows(), leaf.cols()};
      if (at == expected.end()) {
        if (leaf.size()) fail(ConfigError(path, "the config has no such parameter"));
        return;
      }
      if (found != at->second) fail(ShapeError(path, at->second, found, ""));
      expected.erase(at);
      put(leaf, *names::find_place(*config.names, prefix, path, config.model,
                                   [](const std::string&) { return false; }));
    });
    if (!expected.empty()) fail(ConfigError(expected.begin()->first, "the model has no such parameter"));
  }

  const std::map<std::string, JoinedTensor<S>>& tensors() const { return tensors_; }

 private:
  template <class Leaf> void put(const Leaf& leaf, const names::Place& place) {
    JoinedTensor<S>& tensor = tensors_[place.name];
    if constexpr (requires { leaf.format(); }) {
      tensor.parts.push_back({&leaf, place.slice});
      tensor.transposed = place.transposed;
      tensor.shape = {tensor.rows(), leaf.cols()};
      if (place.transposed) std::swap(tensor.shape[0], tensor.shape[1]);
    } else {
      vectors_.push_back(Weight<S>::borrow(format_of<S>, leaf.data(), leaf.size(), 1, nullptr));
      tensor.parts.push_back({&vectors_.back(), place.slice});
      tensor.shape = {tensor.rows()};
      if (place.name == "final_logits_bias") tensor.shape = {1, tensor.rows()};  // BART's
    }
  }

  std::deque<Weight<S>> vectors_;  // which the tensors point to
  std::map<std::string, JoinedTensor<S>> tensors_;
};

}  // namespace hub
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
