// Training of byte-pair encoding: the commonest pair of neighbouring tokens becomes a token, again and again
// (Sennrich et al. 2016, algorithm 1).
//
// The symbols of all words lie in one array as linked lists. Each pair knows its count and where it stands,
// so that a merge touches its own places and their neighbours only; a heap gives the commonest pair, and
// entries whose count has fallen since are put back. Of pairs with one count, that with the lower first id is
// taken, then that with the lower second id: the order of the reference engine (Hugging Face tokenizers).
#pragma once

#include <eigenformer/text/training_words.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct BpeTraining {
  std::size_t vocab_size = 30'000;
  std::int64_t min_frequency = 2;  // of a pair
  std::string continuing_prefix =
      {};  // "##" for WordPiece: what a token that does not begin a word begins with
};

struct TrainedBpe {
  std::vector<std::string> tokens;                          // by id
  std::vector<std::pair<std::string, std::string>> merges;  // the first made first
};

namespace detail {

class BpeTrainer {
 public:
  /// @param tokens  those there are before the first merge
  BpeTrainer(const std::vector<WordCount>& words, std::vector<std::string> tokens, const BpeTraining& options)
      : options_(options) {
    out_.tokens = std::move(tokens);
    for (std::size_t id = 0; id < out_.tokens.size(); ++id)
      ids_.emplace(out_.tokens[id], static_cast<Id>(id));
    for (std::size_t i = 0; i < words.size(); ++i) add(words[i]);
    for (Id at = 0; at < symbols_.size(); ++at)
      if (const Id right = symbols_[at].next; right != none) count(at, right, symbols_[at].count);
    for (const auto& [key, pair] : pairs_) heap_.push({pair.count, key});
  }

  TrainedBpe run(const TrainingCallback& progress) {
    const std::size_t first = out_.tokens.size();
    const std::int64_t least = (std::max)(options_.min_frequency, std::int64_t{1});
    while (out_.tokens.size() < options_.vocab_size && !heap_.empty()) {
      const Entry top = heap_.top();
      heap_.pop();
      const auto found = pairs_.find(top.key);
      if (found == pairs_.end()) continue;
      if (found->second.count != top.count) {  // it has become rarer since
        if (found->second.count > 0) heap_.push({found->second.count, top.key});
        continue;
      }
      if (top.count < least) break;
      std::vector<Id> places = std::move(found->second.places);
      pairs_.erase(found);
      merge(static_cast<Id>(top.key >> 32), static_cast<Id>(top.key & 0xFFFFFFFF), std::move(places));
      if (progress && out_.tokens.size() % 256 == 0)
        progress({"merging", out_.tokens.size() - first, options_.vocab_size - first});
    }
    return std::move(out_);
  }

 private:
  using Id = std::uint32_t;
  static constexpr Id none = 0xFFFFFFFF;

  struct Symbol {
    Id token, previous,
        next;            // places of the neighbours in the word, or none; a symbol merged away has no token
    std::int64_t count;  // of the word
  };
  struct Pair {
    std::int64_t count = 0;
    std::vector<Id> places = {};  // where it stands or stood
  };
  struct Entry {
    std::int64_t count;
    std::uint64_t key;  // first id << 32 | second id
    bool operator<(const Entry& other) const {
      return count != other.count ? count < other.count : key > other.key;
    }
  };

  /// Appends the symbols of a word; a character that is not in the alphabet separates what stands around it.
  void add(const WordCount& word) {
    Id previous = none;
    for (std::size_t at = 0; at < word.word.size(); at += utf8_length(word.word[at])) {
      const std::string character = word.word.substr(at, utf8_length(word.word[at]));
      const auto found = ids_.find(at == 0 ? character : options_.continuing_prefix + character);
      if (found == ids_.end()) {
        previous = none;
        continue;
      }
      if (symbols_.size() >= none)
        fail(InputError("the different words of the training texts are longer than 4 GiB"));
      const auto place = static_cast<Id>(symbols_.size());
      symbols_.push_back({found->second, previous, none, word.count});
      if (previous != none) symbols_[previous].next = place;
      previous = place;
    }
  }

  std::uint64_t key(Id left, Id right) const {
    return std::uint64_t{symbols_[left].token} << 32 | symbols_[right].token;
  }

  /// Changes the count of the pair of two neighbours; one that is new there is noted.
  void count(Id left, Id right, std::int64_t by) {
    const std::uint64_t pair = key(left, right);
    if (by > 0) {
      Pair& entry = pairs_[pair];
      entry.count += by;
      entry.places.push_back(left);
      fresh_.push_back(pair);
    } else if (const auto found = pairs_.find(pair); found != pairs_.end()) {  // not the pair being merged
      found->second.count += by;
      if (found->second.count == 0) pairs_.erase(found);
    }
  }

  Id token_for(Id left, Id right) {
    std::string_view second = out_.tokens[right];
    if (!options_.continuing_prefix.empty()) second.remove_prefix(options_.continuing_prefix.size());
    std::string token = out_.tokens[left] + std::string(second);
    out_.merges.emplace_back(out_.tokens[left], out_.tokens[right]);
    const auto [place, inserted] = ids_.emplace(token, static_cast<Id>(out_.tokens.size()));
    if (inserted) out_.tokens.push_back(std::move(token));  // two merges may spell one token
    return place->second;
  }

  void merge(Id first, Id second, std::vector<Id> places) {
    const Id token = token_for(first, second);
    std::sort(places.begin(), places.end());  // a word from left to right: of "aaa" the first two are merged
    fresh_.clear();
    for (const Id left : places) {
      const Id right = symbols_[left].next;
      if (symbols_[left].token != first || right == none || symbols_[right].token != second) continue;
      const std::int64_t many = symbols_[left].count;
      const Id before = symbols_[left].previous, after = symbols_[right].next;
      if (before != none) count(before, left, -many);
      if (after != none) count(right, after, -many);
      symbols_[left].token = token;
      symbols_[left].next = after;
      symbols_[right] = {none, none, none, 0};
      if (after != none) symbols_[after].previous = left;
      if (before != none) count(before, left, many);
      if (after != none) count(left, after, many);
    }
    std::sort(fresh_.begin(), fresh_.end());
    fresh_.erase(std::unique(fresh_.begin(), fresh_.end()), fresh_.end());
    for (const std::uint64_t pair : fresh_)
      if (const auto found = pairs_.find(pair); found != pairs_.end())
        heap_.push({found->second.count, pair});
  }

  BpeTraining options_;
  TrainedBpe out_;
  std::unordered_map<std::string, Id> ids_;
  std::vector<Symbol> symbols_;
  std::unordered_map<std::uint64_t, Pair> pairs_;
  std::priority_queue<Entry> heap_;
  std::vector<std::uint64_t> fresh_;  // pairs that a merge has made
};

}  // namespace detail

/// Learns merges until there are `vocab_size` tokens or no pair is frequent enough.
///
/// @param words   in the order of their bytes
/// @param tokens  special tokens and the alphabet, whose order is that of their ids
/// @throws ConfigError  if these are more than vocab_size
inline TrainedBpe train_bpe(const std::vector<WordCount>& words, std::vector<std::string> tokens,
                            const BpeTraining& options, const TrainingCallback& progress = {}) {
  if (tokens.size() > options.vocab_size)
    fail(ConfigError("vocab_size", concat(options.vocab_size, " is less than the ", tokens.size(),
                                          " tokens of the alphabet and the special tokens")));
  return detail::BpeTrainer(words, std::move(tokens), options).run(progress);
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
