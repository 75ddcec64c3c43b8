#include <eigenformer/text/bpe.hpp>

#include <algorithm>
#include <ctime>
#include <map>

#include <doctest/doctest.h>

namespace text_bpe {

namespace ef = eigenformer;
using ef::text::Bpe;
using ef::text::BpeConfig;
using ef::text::Piece;
using ef::text::Vocabulary;
using Pairs = std::vector<std::pair<std::string, std::string>>;

namespace {

struct Random {
  std::uint64_t state;
  std::size_t below(std::size_t limit) { return (state = ef::text::mixed(state + 1)) % limit; }
};

/// A vocabulary and merges by chance over a few characters. Some tokens can be made in several ways.
struct RandomMerges {
  std::vector<std::string> tokens;
  Pairs merges;

  RandomMerges(Random& random, std::vector<std::string> alphabet, int count) : tokens(std::move(alphabet)) {
    std::map<std::pair<std::string, std::string>, bool> seen;
    for (int i = 0; i < count; ++i) {
      const std::string left = tokens[random.below(tokens.size())],
                        right = tokens[random.below(tokens.size())];
      if (left.size() + right.size() > 24 || std::exchange(seen[{left, right}], true)) continue;
      merges.emplace_back(left, right);
      if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end())
        tokens.push_back(left + right);
    }
  }

  Vocabulary vocabulary() const {
    Vocabulary out;
    for (std::size_t i = 0; i < tokens.size(); ++i) out.insert(tokens[i], static_cast<ef::Token>(i));
    return out;
  }

  /// The definition, word for word: the first merge of the list that applies anywhere, at its leftmost place.
  std::vector<std::string> merged(std::vector<std::string> symbols) const {
    for (std::size_t rank = 0; rank < merges.size();) {
      std::size_t i = 0;
      while (i + 1 < symbols.size() &&
             !(symbols[i] == merges[rank].first && symbols[i + 1] == merges[rank].second))
        ++i;
      if (i + 1 >= symbols.size()) {
        ++rank;
        continue;
      }
      symbols[i] += symbols[i + 1];
      symbols.erase(symbols.begin() + static_cast<ef::Index>(i) + 1);
      rank = 0;
    }
    return symbols;
  }
};

std::vector<Piece> encode(const Bpe& bpe, std::string_view word) {
  std::vector<Piece> pieces;
  bpe.encode(word, pieces);
  return pieces;
}

std::vector<std::string> strings(const Bpe& bpe, std::string_view word) {
  std::vector<std::string> out;
  for (const Piece& piece : encode(bpe, word)) out.emplace_back(*bpe.vocabulary().token(piece.id));
  return out;
}

/// Processor time, the least of several runs.
double seconds(const Bpe& bpe, const std::string& word) {
  double least = 1e9;
  for (int run = 0; run < 3; ++run) {
    const std::clock_t start = std::clock();
    encode(bpe, word);
    least = (std::min)(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

}  // namespace

TEST_CASE("words of any length are merged as the definition says") {
  Random random{7};
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    const RandomMerges learned(random, {"a", "b", "ö", "▁"}, 4 + vocabulary);
    const Bpe bpe(learned.vocabulary(), learned.merges, {});
    for (int word = 0; word < 40; ++word) {
      std::string text;
      std::vector<std::string> characters;
      for (std::size_t i = 0, size = 1 + random.below(word < 30 ? 12 : 120); i < size; ++i) {
        characters.push_back(learned.tokens[random.below(4)]);
        text += characters.back();
      }
      CAPTURE(text);
      CHECK(strings(bpe, text) == learned.merged(characters));
    }
  }
}

TEST_CASE("a word of a vocabulary whose merges give two ways to one token takes the earlier") {
  // "abc" is both a + bc and ab + c.
  const RandomMerges learned = [] {
    Random random{1};
    RandomMerges out(random, {"a", "b", "c", "d", "bc", "ab", "abc", "cd"}, 0);
    out.merges = {{"c", "d"}, {"b", "c"}, {"a", "bc"}, {"a", "b"}, {"ab", "c"}};
    return out;
  }();
  const Bpe bpe(learned.vocabulary(), learned.merges, {});
  CHECK(strings(bpe, "abc") == std::vector<std::string>{"abc"});
  CHECK(strings(bpe, "abcd") == std::vector<std::string>{"ab", "cd"});
}

TEST_CASE("unknown characters are one token each, one together, or nothing") {
  const auto made = [](BpeConfig config) {
    Vocabulary vocabulary;
    for (const char* token : {"<unk>", "a"})
      vocabulary.insert(token, static_cast<ef::Token>(vocabulary.size()));
    return Bpe(std::move(vocabulary), {}, std::move(config));
  };
  const auto ids = [](const std::vector<Piece>& pieces) {
    std::vector<std::pair<ef::Token, std::uint32_t>> out;
    for (const Piece& piece : pieces) out.emplace_back(piece.id, piece.bytes);
    return out;
  };
  using Expected = std::vector<std::pair<ef::Token, std::uint32_t>>;
  CHECK(ids(encode(made({.unk_token = "<unk>"}), "xéa")) == Expected{{0, 1}, {0, 2}, {1, 1}});
  CHECK(ids(encode(made({.unk_token = "<unk>", .fuse_unk = true}), "xéax")) ==
        Expected{{0, 3}, {1, 1}, {0, 1}});
  CHECK(ids(encode(made({}), "xéa")) == Expected{{1, 1}});
}

TEST_CASE("prefix and suffix tell characters apart by their place in the word") {
  Vocabulary vocabulary;
  for (const char* token : {"a", "##a", "a</w>", "##a</w>", "a##a", "a##a</w>", "aa</w>", "aa"})
    vocabulary.insert(token, static_cast<ef::Token>(vocabulary.size()));
  const Bpe prefixed(vocabulary, {{"a", "##a"}}, {.continuing_subword_prefix = "##"});
  CHECK(strings(prefixed, "a") == std::vector<std::string>{"a"});
  CHECK(strings(prefixed, "aaa") == std::vector<std::string>{"aa", "##a"});
  const Bpe suffixed(vocabulary, {{"a", "a</w>"}}, {.end_of_word_suffix = "</w>"});
  CHECK(strings(suffixed, "a") == std::vector<std::string>{"a</w>"});
  CHECK(strings(suffixed, "aaa") == std::vector<std::string>{"a", "aa</w>"});
}

TEST_CASE("with ignore_merges a word of the vocabulary is one token even if no merge makes it") {
  Vocabulary vocabulary;
  for (const char* token : {"a", "b", "ab"})
    vocabulary.insert(token, static_cast<ef::Token>(vocabulary.size()));
  CHECK(strings(Bpe(vocabulary, {}, {.ignore_merges = true}), "ab") == std::vector<std::string>{"ab"});
  CHECK(strings(Bpe(vocabulary, {}, {.ignore_merges = true}), "aba") ==
        std::vector<std::string>{"a", "b", "a"});
  CHECK(strings(Bpe(vocabulary, {}, {}), "ab") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("time grows in proportion to the word") {
  Vocabulary vocabulary;
  Pairs merges;
  for (std::string run = "x"; run.size() <= 16; run += run) {
    vocabulary.insert(run, static_cast<ef::Token>(vocabulary.size()));
    if (run.size() > 1) merges.emplace_back(run.substr(run.size() / 2), run.substr(run.size() / 2));
  }
  const Bpe bpe(std::move(vocabulary), merges, {});
  CHECK(encode(bpe, std::string(1'000'000, 'x')).size() == 1'000'000 / 16);
  // A word 32 times as long: some 40 to 100 times the time, as large tables leave the caches; 1024 times if
  // it were quadratic.
  const double small = seconds(bpe, std::string(16'000, 'x'));
  CHECK(seconds(bpe, std::string(512'000, 'x')) < 300 * small);
}

}  // namespace text_bpe
