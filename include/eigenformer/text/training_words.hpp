// What a tokenizer is trained on: the words of texts, normalized and cut as the tokenizer will do it, with
// how often each stands there.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/normalizer.hpp>
#include <eigenformer/text/pre_tokenizer.hpp>
#include <eigenformer/text/training_progress.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct WordCount {
  std::string word;
  std::int64_t count;
};

/// Counts the words of texts.
class WordCounter {
 public:
  WordCounter(Normalizer normalizer, PreTokenizer pre_tokenizer)
      : normalizer_(std::move(normalizer)), pre_tokenizer_(std::move(pre_tokenizer)) {}

  /// @param name  of the text, for messages
  /// @throws InputError  if the text is not UTF-8, or longer than 1 GiB
  void add(std::string_view text, std::string_view name) {
    constexpr std::size_t longest = std::size_t{1} << 30;
    if (text.size() > longest) fail(InputError(concat(name, ": a text of more than ", longest, " bytes")));
    const std::size_t valid = utf8_valid_prefix(text);
    if (valid != text.size()) fail(InputError(concat(name, ": not UTF-8 at byte ", valid)));
    if (text.empty()) return;
    AlignedText aligned(text, {0, static_cast<std::uint32_t>(text.size())}, false);
    normalize(normalizer_, aligned);
    words_.assign(1, {{0, static_cast<std::uint32_t>(aligned.view().size())}});
    pre_tokenize(pre_tokenizer_, aligned, words_);
    for (const Word& word : words_) {
      if (word.span.begin == word.span.end) continue;
      key_ = aligned.view().substr(word.span.begin, word.span.end - word.span.begin);
      ++counts_[key_];
    }
  }

  /// The words in the order of their bytes, which is the same for any order of texts.
  std::vector<WordCount> take() {
    std::vector<WordCount> out;
    out.reserve(counts_.size());
    for (auto& [word, count] : counts_) out.push_back({word, count});
    counts_.clear();
    std::sort(out.begin(), out.end(), [](const WordCount& a, const WordCount& b) { return a.word < b.word; });
    return out;
  }

 private:
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  std::unordered_map<std::string, std::int64_t> counts_;
  std::vector<Word> words_;  // kept to save allocations, as is the key
  std::string key_;
};

/// The characters of the words, the commonest first as long as all before stand for less than `coverage` of
/// the text; of equally common ones the lower code point first. Returned in the order of code points.
///
/// @param coverage  0 to 1; SentencePiece takes 0.9995 for languages with many characters
inline std::vector<std::string> alphabet_of(const std::vector<WordCount>& words, double coverage) {
  std::map<std::string, std::int64_t> counts;  // in UTF-8 bytes are in the order of code points
  std::int64_t total = 0;
  for (const WordCount& word : words) {
    for (std::size_t at = 0; at < word.word.size(); at += utf8_length(word.word[at])) {
      counts[word.word.substr(at, utf8_length(word.word[at]))] += word.count;
      total += word.count;
    }
  }
  std::vector<std::pair<std::string, std::int64_t>> ordered(counts.begin(), counts.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> out;
  std::int64_t covered = 0;
  for (auto& [character, count] : ordered) {
    if (static_cast<double>(covered) >= coverage * static_cast<double>(total)) break;
    covered += count;
    out.push_back(std::move(character));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
