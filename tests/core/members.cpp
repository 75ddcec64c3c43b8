#include <eigenformer/core/members.hpp>

#include <doctest/doctest.h>

namespace core_members {

namespace ef = eigenformer;

namespace {

struct Leaf {
  ef::Weight<float> weight;
  ef::RowVector<float> bias;
  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }
};

struct Tree {
  Leaf first;
  std::vector<Leaf> rest;
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("rest", self.rest);
  }
};

}  // namespace

TEST_CASE("a visit names every leaf by its path, in order of declaration, empty ones included") {
  Tree tree;
  tree.rest.resize(2);
  tree.rest[1].weight = ef::Weight<float>(2, 3);
  tree.rest[1].bias = ef::RowVector<float>::Zero(5);
  std::vector<std::string> paths;
  ef::visit(tree, [&](const std::string& path, auto&) { paths.push_back(path); });
  CHECK(paths == std::vector<std::string>{"first.weight", "first.bias", "rest.0.weight", "rest.0.bias",
                                          "rest.1.weight", "rest.1.bias"});
  CHECK(ef::count(tree) == 11);
}

TEST_CASE("a visit of a variable can change leaves, and a visit of a constant reads them") {
  Tree tree;
  ef::visit(
      tree,
      [](const std::string& path, auto& leaf) {
        if constexpr (!requires { leaf.format(); }) leaf = ef::RowVector<float>::Constant(2, 3.0f);
        CHECK(path.starts_with("decoder.first."));
      },
      "decoder");
  const Tree& constant = tree;
  float sum = 0;
  ef::visit(constant, [&](const std::string&, const auto& leaf) {
    if constexpr (!requires { leaf.format(); }) sum += leaf.sum();
  });
  CHECK(sum == 6.0f);
}

}  // namespace core_members
