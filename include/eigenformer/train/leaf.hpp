// Parameters and gradients as flat lists: what optimisers and clipping go over.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/elementwise.hpp>
#include <eigenformer/core/members.hpp>
#include <eigenformer/core/run.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// One matrix or vector of a struct of parameters, where it lies. Valid while the struct keeps its shapes.
template <class S> struct Leaf {
  std::string path;
  S* values = nullptr;
  Index rows = 0, columns = 0;
  bool matrix = false;  ///< a Weight; otherwise a RowVector, [1, columns]

  Index size() const { return rows * columns; }
};

/// All leaves, in the order of their declaration, empty ones (frozen, or not part of the architecture)
/// included: structs of one architecture give lists that match place by place.
/// @throws InputError  for a weight that is mapped from a file; see own_values
template <class S, class P> std::vector<Leaf<S>> leaves(P& parameters) {
  std::vector<Leaf<S>> all;
  visit(parameters, [&](const std::string& path, auto& leaf) {
    if constexpr (requires { leaf.format(); })
      all.push_back({path, leaf.values().data(), leaf.rows(), leaf.cols(), true});
    else
      all.push_back({path, leaf.data(), leaf.size() ? Index{1} : Index{0}, leaf.size(), false});
  });
  return all;
}

/// Copies the weights that are mapped from files or stored in another format, so that they can be trained.
template <class P> void own_values(P& parameters) {
  visit(parameters, [](const std::string&, auto& leaf) {
    if constexpr (requires { leaf.dense(); }) leaf = std::remove_reference_t<decltype(leaf)>(leaf.dense());
  });
}

/// √Σ g² over all leaves. Summed in double over slices of a fixed size, in their order.
template <class S> double global_norm(Run& run, const std::vector<Leaf<S>>& gradient) {
  constexpr Index slice = 1 << 14;
  double total = 0;
  for (const auto& leaf : gradient) {
    const Index slices = (leaf.size() + slice - 1) / slice;
    const Workspace::Frame frame(run.workspace);
    double* const sums = run.workspace.take<double>(slices);
    run.threads.parallel_for(slices, [&](Index s, int) {
      const S* const from = leaf.values + s * slice;
      sums[s] = static_cast<double>(sum_of((std::min)(slice, leaf.size() - s * slice), from,
                                           [](const lanes::Vector<S>& v) { return v * v; }));
    });
    for (Index s = 0; s < slices; ++s) total += sums[s];
  }
  return std::sqrt(total);
}

/// Multiplies all leaves by `factor`.
template <class S> void scale(Run& run, const std::vector<Leaf<S>>& gradient, double factor) {
  using V = lanes::Vector<S>;
  constexpr Index grain = 1 << 14;
  const V f{S(factor)};
  for (const auto& leaf : gradient)
    run.threads.slices(leaf.size(), grain, [&](Index begin, Index end) {
      map(
          end - begin, leaf.values + begin, [&](const V& v) { return v * f; }, leaf.values + begin);
    });
}

/// Shortens a gradient whose norm exceeds `most` by most / (norm + 1e-6), as PyTorch does.
/// @return the norm before
template <class S> double clip(Run& run, const std::vector<Leaf<S>>& gradient, double most) {
  const double norm = global_norm(run, gradient), factor = most / (norm + 1e-6);
  if (factor < 1) scale(run, gradient, factor);
  return norm;
}

EIGENFORMER_ONCE(train, double global_norm<float>(Run&, const std::vector<Leaf<float>>&));
EIGENFORMER_ONCE(train, double global_norm<double>(Run&, const std::vector<Leaf<double>>&));
EIGENFORMER_ONCE(train, void scale<float>(Run&, const std::vector<Leaf<float>>&, double));
EIGENFORMER_ONCE(train, void scale<double>(Run&, const std::vector<Leaf<double>>&, double));
EIGENFORMER_ONCE(train, double clip<float>(Run&, const std::vector<Leaf<float>>&, double));
EIGENFORMER_ONCE(train, double clip<double>(Run&, const std::vector<Leaf<double>>&, double));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
