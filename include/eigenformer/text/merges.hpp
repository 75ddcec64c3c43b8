// The merges of a byte-pair encoding, and their application to a row of symbols (Sennrich et al. 2016,
// section 3.2).
//
// The pair with the lowest rank is merged first, of equal ones the leftmost, until no pair is left. Short
// words scan all their pairs for it; long ones keep them in a heap, which is O(n log n).
#pragma once

#include <eigenformer/text/piece.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

class Merges {
 public:
  /// Rank (upper 32 bits) and resulting token (lower 32 bits) of a merge, ordered by rank.
  using Merge = std::uint64_t;
  static constexpr Merge none = (std::numeric_limits<Merge>::max)();

  static Token result(Merge merge) { return static_cast<Token>(merge & 0xFFFFFFFFu); }

  /// Adds the next merge, with the next rank. A repeated pair takes its last rank.
  void add(Token left, Token right, Token merged) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[slot_of(pair(left, right))];
    slot = {pair(left, right), static_cast<Merge>(rank_++) << 32 | static_cast<std::uint32_t>(merged)};
    ++count_;
  }

  Merge find(Token left, Token right) const {
    return slots_.empty() ? none : slots_[slot_of(pair(left, right))].merge;
  }

  /// Merges the pieces from position `begin` to the end as long as any merge applies.
  void apply(std::vector<Piece>& pieces, std::size_t begin) const {
    const std::size_t count = pieces.size() - begin;
    if (count < 2) return;
    const std::size_t left =
        count <= few ? scan(pieces.data() + begin, count) : queue(pieces.data() + begin, count);
    pieces.resize(begin + left);
  }

 private:
  static constexpr std::size_t few = 32;

  struct Slot {
    std::uint64_t pair = 0;
    Merge merge = none;  // none: the slot is empty
  };

  static std::uint64_t pair(Token left, Token right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }

  std::size_t slot_of(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = mixed(key) & mask;
    while (slots_[slot].merge != none && slots_[slot].pair != key) slot = (slot + 1) & mask;
    return slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.merge != none) slots_[slot_of(slot.pair)] = slot;
  }

  /// Returns how many of the symbols are left, moved together at the front.
  std::size_t scan(Piece* symbols, std::size_t count) const {
    std::array<Merge, few> merges;  // merges[i]: of symbols i and i + 1
    for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = find(symbols[i].id, symbols[i + 1].id);
    while (count > 1) {
      std::size_t best = 0;
      for (std::size_t i = 1; i + 1 < count; ++i)
        if (merges[i] < merges[best]) best = i;
      if (merges[best] == none) break;
      symbols[best] = {result(merges[best]), symbols[best].bytes + symbols[best + 1].bytes};
      std::copy(symbols + best + 2, symbols + count, symbols + best + 1);
      std::copy(merges.begin() + static_cast<Index>(best) + 1, merges.begin() + static_cast<Index>(count) - 1,
                merges.begin() + static_cast<Index>(best));
      --count;
      if (best > 0) merges[best - 1] = find(symbols[best - 1].id, symbols[best].id);
      if (best + 1 < count) merges[best] = find(symbols[best].id, symbols[best + 1].id);
    }
    return count;
  }

  /// The same by a heap over a doubly linked list. Entries of pairs that have changed since are recognised by
  /// their rank, which only one pair has.
  std::size_t queue(Piece* symbols, std::size_t count) const {
    constexpr std::uint32_t end = (std::numeric_limits<std::uint32_t>::max)();
    struct Link {
      std::uint32_t previous, next;
    };
    std::vector<Link> links(count);
    std::vector<std::uint64_t> heap;  // rank, then position; the least on top
    heap.reserve(count);
    const auto candidate = [&](std::uint32_t at) {
      const Merge merge = find(symbols[at].id, symbols[links[at].next].id);
      if (merge == none) return false;
      heap.push_back(merge >> 32 << 32 | at);
      return true;
    };
    const auto push = [&](std::uint32_t at) {
      if (candidate(at)) std::push_heap(heap.begin(), heap.end(), std::greater<>());
    };
    for (std::uint32_t i = 0; i < count; ++i) links[i] = {i == 0 ? end : i - 1, i + 1 == count ? end : i + 1};
    for (std::uint32_t i = 0; i + 1 < count; ++i) candidate(i);
    std::make_heap(heap.begin(), heap.end(), std::greater<>());
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), std::greater<>());
      const std::uint64_t top = heap.back();
      heap.pop_back();
      const auto at = static_cast<std::uint32_t>(top & end);
      const std::uint32_t right = links[at].next;
      if (symbols[at].bytes == 0 || right == end) continue;
      const Merge now = find(symbols[at].id, symbols[right].id);
      if (now >> 32 != top >> 32) continue;
      symbols[at] = {result(now), symbols[at].bytes + symbols[right].bytes};
      symbols[right].bytes = 0;  // gone
      links[at].next = links[right].next;
      if (links[at].next != end) {
        links[links[at].next].previous = at;
        push(at);
      }
      if (links[at].previous != end) push(links[at].previous);
    }
    return static_cast<std::size_t>(
        std::remove_if(symbols, symbols + count, [](const Piece& piece) { return piece.bytes == 0; }) -
        symbols);
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
  std::uint32_t rank_ = 0;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
