// One description of a parameter struct, and what follows from it.
//
// A struct of parameters lists its members once:
//   static void members(auto& self, auto&& visit) { visit("weight", self.weight); visit("bias", self.bias); }
// Loading, saving, counting, initialising and optimising are visits over that list. A leaf is a Weight or a
// RowVector; everything else is a struct with members of its own, or a vector of such structs.
#pragma once

#include <eigenformer/core/weight.hpp>

#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

template <class T> struct IsLeaf : std::false_type {};
template <class S> struct IsLeaf<Weight<S>> : std::true_type {};
template <class S> struct IsLeaf<RowVector<S>> : std::true_type {};

template <class T> struct IsVector : std::false_type {};
template <class T> struct IsVector<std::vector<T>> : std::true_type {};

}  // namespace detail

/// Calls f(name, leaf) for every Weight and RowVector in `parameters`, in the order of their declaration,
/// empty ones included. Names are paths: "decoder.blocks.3.attention.query.weight".
template <class P, class F> void visit(P& parameters, F&& f, const std::string& path = "") {
  using Plain = std::remove_const_t<P>;
  if constexpr (detail::IsLeaf<Plain>::value) {
    f(path, parameters);
  } else if constexpr (detail::IsVector<Plain>::value) {
    for (std::size_t i = 0; i < parameters.size(); ++i) visit(parameters[i], f, concat(path, '.', i));
  } else {
    Plain::members(parameters, [&](const char* name, auto& member) {
      visit(member, f, path.empty() ? std::string(name) : concat(path, '.', name));
    });
  }
}

/// How many numbers a struct of parameters holds.
template <class P> Index count(const P& parameters) {
  Index n = 0;
  visit(parameters, [&](const std::string&, const auto& leaf) { n += leaf.size(); });
  return n;
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
