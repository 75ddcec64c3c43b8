// The strings of a vocabulary and their ids, both ways.
//
// Ids may have gaps (vocabularies are pruned, and tokens reserved), strings and ids are unique. All strings
// lie in one block of memory; the hash table has open addressing and at most half its slots full.
#pragma once

#include <eigenformer/core/types.hpp>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// Mixes a number so that all bits depend on all bits (the finaliser of splitmix64, Steele et al. 2014).
inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

inline std::uint64_t hash(std::string_view key) {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
  std::uint64_t state = key.size() * odd, block = 0;
  while (key.size() > 8) {
    std::memcpy(&block, key.data(), 8);
    state = (state ^ block) * odd;
    state ^= state >> 32;
    key.remove_prefix(8);
  }
  block = 0;
  std::memcpy(&block, key.data(), key.size());
  return mixed(state ^ block);
}

class Vocabulary {
 public:
  static constexpr Token none = -1;

  /// Adds a token. Returns false, and changes nothing, if the string or the id is there already.
  bool insert(std::string_view token, Token id) {
    if (2 * (entries_.size() + 1) > slots_.size()) grow();
    const std::uint64_t key = hash(token);
    const std::size_t slot = slot_of(token, key);
    const auto position = static_cast<std::size_t>(id);
    if (slots_[slot].entry >= 0 || (position < by_id_.size() && by_id_[position] >= 0)) return false;
    const auto entry = static_cast<std::int32_t>(entries_.size());
    if (position >= by_id_.size()) by_id_.resize(position + 1, -1);
    by_id_[position] = entry;
    slots_[slot] = {static_cast<std::uint32_t>(key >> 32), entry};
    entries_.push_back({strings_.size(), token.size(), id});
    strings_ += token;
    return true;
  }

  /// The id of a token, or `none`.
  Token find(std::string_view token) const {
    if (slots_.empty()) return none;
    const std::int32_t entry = slots_[slot_of(token, hash(token))].entry;
    return entry < 0 ? none : entries_[static_cast<std::size_t>(entry)].id;
  }

  /// The string of an id; nothing if there is no such token. It lives as long as the vocabulary does not
  /// change.
  std::optional<std::string_view> token(Token id) const {
    const auto entry = position(id);
    if (!entry) return std::nullopt;
    return string(entries_[*entry]);
  }

  /// How many tokens were added before the one with an id; nothing if there is no such token.
  std::optional<std::size_t> position(Token id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= by_id_.size() || by_id_[static_cast<std::size_t>(id)] < 0)
      return std::nullopt;
    return static_cast<std::size_t>(by_id_[static_cast<std::size_t>(id)]);
  }

  /// Number of tokens.
  Index size() const { return static_cast<Index>(entries_.size()); }

  /// One more than the largest id; larger than size() if there are gaps.
  Token end_id() const { return static_cast<Token>(by_id_.size()); }

 private:
  struct Entry {
    std::size_t begin, bytes;
    Token id;
  };
  struct Slot {
    std::uint32_t hash = 0;  // upper half of the key's hash; the lower half chose the place
    std::int32_t entry = -1;
  };

  std::string_view string(const Entry& entry) const {
    return std::string_view(strings_).substr(entry.begin, entry.bytes);
  }

  /// The slot of a string: the one it is in, or the empty one where it belongs.
  std::size_t slot_of(std::string_view token, std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    const auto upper = static_cast<std::uint32_t>(key >> 32);
    for (std::size_t slot = key & mask;; slot = (slot + 1) & mask) {
      const Slot& found = slots_[slot];
      if (found.entry < 0) return slot;
      if (found.hash == upper && string(entries_[static_cast<std::size_t>(found.entry)]) == token)
        return slot;
    }
  }

  void grow() {
    slots_.assign(slots_.empty() ? 64 : 2 * slots_.size(), Slot{});
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const std::string_view token = string(entries_[i]);
      const std::uint64_t key = hash(token);
      slots_[slot_of(token, key)] = {static_cast<std::uint32_t>(key >> 32), static_cast<std::int32_t>(i)};
    }
  }

  std::string strings_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;
  std::vector<std::int32_t> by_id_;
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
