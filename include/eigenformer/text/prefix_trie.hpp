// A trie over strings that finds all prefixes of a text that are among them.
//
// It is a double array (Aoe 1989): the child of node s by byte c is base[s] + c, if check[] there names s.
#pragma once

#include <eigenformer/core/types.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

class PrefixTrie {
 public:
  PrefixTrie() = default;

  /// @param strings  not empty, each with the value that visit() gets: of equal ones, the least
  [[gnu::cold]] explicit PrefixTrie(std::vector<std::pair<std::string_view, Token>> strings) {
    std::sort(strings.begin(), strings.end());
    nodes_.resize(512);
    nodes_[0].check = 0;
    if (!strings.empty()) build(strings);
  }

  bool empty() const { return nodes_[0].base == 0; }

  /// Calls visit(length, value) for each string that the text begins with, the shortest first.
  template <class Visit> void prefixes(std::string_view text, Visit&& visit) const {
    std::int32_t node = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      const std::int32_t child = nodes_[static_cast<std::size_t>(node)].base + byte(text[at]);
      if (nodes_[static_cast<std::size_t>(child)].check != node || child == 0) return;
      node = child;
      if (const Token value = nodes_[static_cast<std::size_t>(node)].value; value >= 0) visit(at + 1, value);
    }
  }

 private:
  struct Node {
    std::int32_t base = 0, check = -1;
    Token value = -1;
  };
  struct Range {
    std::size_t begin, end, depth;  // strings that share their first `depth` bytes
    std::int32_t node;
  };

  static std::int32_t byte(char c) { return static_cast<unsigned char>(c); }

  [[gnu::cold]] void build(const std::vector<std::pair<std::string_view, Token>>& strings) {
    std::vector<Range> open{{0, strings.size(), 0, 0}};
    std::vector<Range> children;
    while (!open.empty()) {
      Range range = open.back();
      open.pop_back();
      if (strings[range.begin].first.size() == range.depth)
        nodes_[static_cast<std::size_t>(range.node)].value = strings[range.begin].second;
      while (range.begin < range.end && strings[range.begin].first.size() == range.depth) ++range.begin;
      children.clear();
      for (std::size_t i = range.begin, end = i; i < range.end; i = end) {
        while (end < range.end && strings[end].first[range.depth] == strings[i].first[range.depth]) ++end;
        children.push_back({i, end, range.depth + 1, byte(strings[i].first[range.depth])});
      }
      if (children.empty()) continue;
      const std::int32_t base = place(children);
      nodes_[static_cast<std::size_t>(range.node)].base = base;
      for (Range& child : children) {
        child.node += base;
        nodes_[static_cast<std::size_t>(child.node)].check = range.node;
      }
      open.insert(open.end(), children.begin(), children.end());
    }
  }

  /// A base at which all children fall on free nodes. Whatever byte follows, base + byte is inside.
  [[gnu::cold]] std::int32_t place(const std::vector<Range>& children) {
    while (nodes_[first_free_].check >= 0) ++first_free_;
    std::size_t tries = 0;
    for (std::size_t base = first_free_ > 256 ? first_free_ - 255 : 1;; ++base) {
      if (base + 512 > nodes_.size()) nodes_.resize(2 * nodes_.size());
      const bool free = std::all_of(children.begin(), children.end(), [&](const Range& child) {
        return nodes_[base + static_cast<std::size_t>(child.node)].check < 0;
      });
      if (free) return static_cast<std::int32_t>(base);
      if (++tries % 1024 == 0) first_free_ = (std::max)(first_free_, base);  // crowded: leave it behind
    }
  }

  std::vector<Node> nodes_ = std::vector<Node>(257);
  std::size_t first_free_ = 1;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
