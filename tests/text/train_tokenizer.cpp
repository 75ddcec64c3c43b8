#include "golden.hpp"
#include <eigenformer/text/load_tokenizer.hpp>
#include <eigenformer/text/tokenizer_json.hpp>
#include <eigenformer/text/train_bpe.hpp>
#include <eigenformer/text/train_tokenizer.hpp>
#include <eigenformer/text/train_unigram.hpp>

#include <cmath>
#include <map>
#include <set>

namespace text_train_tokenizer {

namespace ef = eigenformer;
namespace text = eigenformer::text;
using nlohmann::json;
using Model = ef::TokenizerModel;

namespace {

const std::filesystem::path folder = golden::data / "train";

std::string corpus() { return text::read_file(folder / "corpus.txt"); }

std::vector<std::string> lines(const std::string& content) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = (std::min)(content.find('\n', at), content.size() - 1) + 1;
    out.push_back(content.substr(at, end - at));
    at = end;
  }
  return out;
}

std::string train(const ef::TokenizerTraining& options) {
  return ef::train_tokenizer(lines(corpus()), options);
}

/// What is said of options, or of a text.
std::string refusal(const ef::TokenizerTraining& options, const std::string& content = "a text") {
  try {
    ef::train_tokenizer(std::vector<std::string>{content}, options);
  } catch (const ef::Error& error) {
    return error.what();
  }
  return "accepted";
}

/// Merges by counting all pairs of all words anew each time.
std::vector<std::pair<std::string, std::string>> naive_merges(const std::vector<text::WordCount>& words,
                                                              std::vector<std::string> tokens,
                                                              std::size_t vocab_size, std::int64_t least) {
  std::vector<std::pair<std::vector<std::string>, std::int64_t>> cut;
  for (const auto& [word, count] : words) {
    cut.push_back({{}, count});
    for (std::size_t at = 0; at < word.size(); at += text::utf8_length(word[at]))
      cut.back().first.push_back(word.substr(at, text::utf8_length(word[at])));
  }
  std::vector<std::pair<std::string, std::string>> out;
  while (tokens.size() < vocab_size) {
    const auto id = [&](const std::string& token) {
      return std::find(tokens.begin(), tokens.end(), token) - tokens.begin();
    };
    std::map<std::pair<std::ptrdiff_t, std::ptrdiff_t>, std::int64_t> counts;  // in the order of ids
    for (const auto& [symbols, count] : cut)
      for (std::size_t i = 1; i < symbols.size(); ++i) counts[{id(symbols[i - 1]), id(symbols[i])}] += count;
    std::pair<std::ptrdiff_t, std::ptrdiff_t> best;
    std::int64_t most = 0;
    for (const auto& [pair, count] : counts)
      if (count > most) best = pair, most = count;
    if (most < least || most == 0) break;
    const std::string left = tokens[static_cast<std::size_t>(best.first)],
                      right = tokens[static_cast<std::size_t>(best.second)];
    out.emplace_back(left, right);
    if (id(left + right) == static_cast<std::ptrdiff_t>(tokens.size())) tokens.push_back(left + right);
    for (auto& entry : cut) {
      std::vector<std::string> merged;
      for (const std::string& symbol : entry.first) {
        if (!merged.empty() && merged.back() == left && symbol == right)
          merged.back() += symbol;  // longer than `left`: it is not merged a second time
        else
          merged.push_back(symbol);
      }
      entry.first = std::move(merged);
    }
  }
  return out;
}

std::vector<std::string> distinct_characters(const std::vector<text::WordCount>& words) {
  std::set<std::string> out;
  for (const auto& [word, count] : words)
    for (std::size_t at = 0; at < word.size(); at += text::utf8_length(word[at]))
      out.insert(word.substr(at, text::utf8_length(word[at])));
  return {out.begin(), out.end()};
}

/// All ways to cut a word into pieces.
void cuts(const std::string& word, std::size_t at, const std::map<std::string, double>& scores,
          std::vector<std::string>& now, std::vector<std::vector<std::string>>& out) {
  if (at == word.size()) return out.push_back(now);
  for (std::size_t end = at + 1; end <= word.size(); ++end) {
    if (!scores.contains(word.substr(at, end - at))) continue;
    now.push_back(word.substr(at, end - at));
    cuts(word, end, scores, now, out);
    now.pop_back();
  }
}

const std::vector<text::WordCount> hugs = {{"bun", 4}, {"hug", 10}, {"hugs", 5}, {"pug", 5}, {"pun", 12}};

}  // namespace

TEST_CASE(
    "the worked example of the Hugging Face course gives its merges") {  // chapter 6, Byte-Pair Encoding
  const text::TrainedBpe trained =
      text::train_bpe(hugs, {"b", "g", "h", "n", "p", "s", "u"}, {.vocab_size = 10});
  CHECK(trained.merges ==
        std::vector<std::pair<std::string, std::string>>{{"u", "g"}, {"u", "n"}, {"h", "ug"}});
  CHECK(trained.tokens == std::vector<std::string>{"b", "g", "h", "n", "p", "s", "u", "ug", "un", "hug"});
}

TEST_CASE("merges with counts kept up to date are those of counting anew") {
  text::WordCounter counter({}, {});
  for (const std::string& line : lines(corpus())) {
    counter.add(line, "a line");                              // whole lines: long words
    for (std::size_t i = 0; i + 8 < line.size() / 2; i += 3)  // and many short ones with ASCII only
      if (text::utf8_count(line) == line.size()) counter.add(line.substr(i, i % 7 + 2), "a part");
  }
  counter.add("aaaaaaa", "runs");
  counter.add("abababababaab", "runs");
  const std::vector<text::WordCount> words = counter.take();
  const std::vector<std::string> alphabet = distinct_characters(words);
  for (const std::int64_t least : {1, 3}) {
    const text::TrainedBpe trained =
        text::train_bpe(words, alphabet, {.vocab_size = alphabet.size() + 300, .min_frequency = least});
    CHECK(trained.merges.size() > 100);
    CHECK(trained.merges == naive_merges(words, alphabet, alphabet.size() + 300, least));
  }
}

TEST_CASE("byte-level merges are those that Hugging Face's trainer learns") {
  const json model = json::parse(train({.vocab_size = 2000, .min_frequency = 0}))["model"];
  std::ifstream file(folder / "merges.txt", std::ios::binary);
  std::size_t i = 0;
  for (std::string merge; std::getline(file, merge); ++i) CHECK(model["merges"][i] == merge);
  CHECK(i == 600);
}

TEST_CASE("a byte-level tokenizer gives back any text, of characters it has never seen too") {
  const ef::Tokenizer tokenizer =
      ef::parse_tokenizer(train({.vocab_size = 600, .min_frequency = 1}), "trained");
  CHECK(tokenizer.vocab_size() == 600);
  CHECK(tokenizer.token_to_id("<|endoftext|>") == 0);
  for (const std::string& line : lines(corpus())) CHECK(tokenizer.decode(tokenizer.encode(line)) == line);
  const std::string unseen =
      std::string("\0\x01\t\x7F", 4) + "  Ω≈ç√ कि 한국어 🏳️‍🌈 \r\n\r\n   end ";
  CHECK(tokenizer.decode(tokenizer.encode(unseen)) == unseen);
  CHECK(tokenizer.encode("a<|endoftext|>b")[1] == 0);
}

TEST_CASE("WordPiece cuts the words it was trained on into few pieces, and what it never saw into [UNK]") {
  const ef::Tokenizer tokenizer = ef::parse_tokenizer(
      train({.model = Model::word_piece, .vocab_size = 500, .min_frequency = 1}), "trained");
  CHECK(tokenizer.vocab_size() == 500);
  const auto tokens = [&](const std::string& words) { return tokenizer.encode_full(words).tokens; };
  CHECK(tokens("The miller, turned.") ==
        std::vector<std::string>{"[CLS]", "the", "miller", ",", "turned", ".", "[SEP]"});
  CHECK(tokens("the Ж") == std::vector<std::string>{"[CLS]", "the", "[UNK]", "[SEP]"});
  const auto pair = tokenizer.encode_full("the", "river");
  CHECK(pair.type_ids == std::vector<int>{0, 0, 0, 1, 1});
  CHECK(tokenizer.decode(tokenizer.encode("The river turned.")) == "the river turned.");
  const ef::Tokenizer cased = ef::parse_tokenizer(
      train({.model = Model::word_piece, .vocab_size = 700, .min_frequency = 1, .lowercase = false}),
      "trained");
  CHECK(cased.encode_full("The").tokens[1] == "The");
}

TEST_CASE("seeds are the frequent substrings that no one character always follows") {
  const std::vector<text::WordCount> words = {{"aba", 1}, {"abab", 2}, {"cab", 1}, {"é", 3}};
  const std::vector<text::ScoredPiece> seeds = text::unigram_seeds(words, {"a", "b", "c", "é"}, 3, 100);
  // Characters: a 2 + 4 + 1, b 1 + 4 + 1, c 1, é 3. "ab" stands 1 + 4 + 1 times, "ba" 3, "aba" 3, "bab" 2;
  // "ba" is followed by "b" only in 2 of 3.
  std::map<std::string, double> counts = {{"a", 7},   {"b", 6},   {"c", 1},  {"é", 3},
                                          {"ab", 12}, {"aba", 9}, {"ba", 6}, {"bab", 6}};
  double total = 0;
  for (const auto& [piece, count] : counts) total += count;
  REQUIRE(seeds.size() == counts.size());
  for (const text::ScoredPiece& seed : seeds) {
    CAPTURE(seed.piece);
    REQUIRE(counts.contains(seed.piece));
    CHECK(seed.score == doctest::Approx(std::log(counts[seed.piece] / total)).epsilon(1e-12));
  }
  const std::vector<text::WordCount> following = {{"xyz", 5}, {"xw", 2}};  // "xy" is always followed by "z"
  std::set<std::string> pieces;
  for (const auto& seed : text::unigram_seeds(following, {"w", "x", "y", "z"}, 16, 100))
    pieces.insert(seed.piece);
  CHECK(pieces == std::set<std::string>{"w", "x", "y", "z", "xw", "xyz", "yz"});
  CHECK(text::unigram_seeds(following, {"w", "x", "y", "z"}, 16, 1).size() == 5);
}

TEST_CASE(
    "the digamma function has its known values") {  // Abramowitz and Stegun 1964, 6.3.2, 6.3.3 and table 6.1
  CHECK(text::detail::digamma(1) == doctest::Approx(-0.57721566490153286).epsilon(1e-12));
  CHECK(text::detail::digamma(0.5) == doctest::Approx(-1.96351002602142348).epsilon(1e-12));
  CHECK(text::detail::digamma(2) == doctest::Approx(0.42278433509846714).epsilon(1e-12));
  CHECK(text::detail::digamma(1e6) == doctest::Approx(std::log(1e6) - 0.5e-6).epsilon(1e-12));
}

TEST_CASE("the fit of a unigram model is that of listing every cutting of every word") {
  const std::vector<std::string> alphabet = distinct_characters(hugs);
  std::map<std::string, double> scores;
  for (const auto& seed : text::unigram_seeds(hugs, alphabet, 16, 1000)) scores[seed.piece] = seed.score;
  for (int step = 0; step < 2; ++step) {
    std::map<std::string, double> expected;
    for (const auto& [word, count] : hugs) {
      std::vector<std::vector<std::string>> all;
      std::vector<std::string> now;
      cuts(word, 0, scores, now, all);
      std::vector<double> weights;
      double sum = 0;
      for (const auto& cut : all) {
        double log_probability = 0;
        for (const std::string& piece : cut) log_probability += scores[piece];
        weights.push_back(std::exp(log_probability));
        sum += weights.back();
      }
      for (std::size_t i = 0; i < all.size(); ++i)
        for (const std::string& piece : all[i])
          expected[piece] += static_cast<double>(count) * weights[i] / sum;
    }
    std::map<std::string, double> next;
    double total = 0;
    for (const auto& [piece, count] : expected) {
      if (count < 0.5 && piece.size() > 1) continue;
      next[piece] = (std::max)(count, 0.5);
      total += next[piece];
    }
    constexpr double h = 1e-4;  // the derivative of log Γ by a central difference
    const auto psi = [&](double x) { return (std::lgamma(x + h) - std::lgamma(x - h)) / (2 * h); };
    for (auto& [piece, value] : next) value = psi(value) - psi(total);
    scores = next;
  }
  const std::vector<text::ScoredPiece> trained = text::train_unigram(hugs, alphabet, {.vocab_size = 1000});
  REQUIRE(trained.size() == scores.size());
  for (const text::ScoredPiece& piece : trained) {
    CAPTURE(piece.piece);
    REQUIRE(scores.contains(piece.piece));
    CHECK(piece.score == doctest::Approx(scores[piece.piece]).epsilon(1e-6));
  }
}

TEST_CASE("a unigram vocabulary has its size, all characters, and falls in probability") {
  const std::string file = train({.model = Model::unigram, .vocab_size = 300});
  const json vocabulary = json::parse(file)["model"]["vocab"];
  CHECK(vocabulary.size() == 300);
  for (std::size_t i = 4; i < vocabulary.size(); ++i) CHECK(vocabulary[i][1] <= vocabulary[i - 1][1]);
  const ef::Tokenizer tokenizer = ef::parse_tokenizer(file, "trained");
  for (const std::string& line : lines(corpus())) {
    const auto ids = tokenizer.encode(line);
    CHECK(std::find(ids.begin(), ids.end(), *tokenizer.token_to_id("<unk>")) == ids.end());
  }
  const std::string plain = "The miller turned the wheel of the river";
  CHECK(tokenizer.decode(tokenizer.encode(plain)) == plain);
  // More pieces, fewer tokens.
  const ef::Tokenizer larger =
      ef::parse_tokenizer(train({.model = Model::unigram, .vocab_size = 500}), "trained");
  CHECK(larger.encode(corpus()).size() < tokenizer.encode(corpus()).size());
}

TEST_CASE("dropping unigram pieces keeps what the likelihood needs most") {
  // "xyxy" stands often, "qz" seldom: with room for one piece beside the characters it is the former.
  const std::vector<text::WordCount> words = {{"qz", 3}, {"xyxy", 100}};
  const std::vector<text::ScoredPiece> pieces =
      text::train_unigram(words, {"q", "x", "y", "z"}, {.vocab_size = 5});
  REQUIRE(pieces.size() == 5);
  CHECK(pieces[0].piece == "xyxy");
}

TEST_CASE("rare characters are left out below the coverage asked for") {
  const std::vector<text::WordCount> words = {{"aab", 10}, {"abc", 5}, {"d", 1}};  // 25 a, 15 b, 5 c, 1 d
  CHECK(text::alphabet_of(words, 1) == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(text::alphabet_of(words, 0.97) == std::vector<std::string>{"a", "b", "c"});
  CHECK(text::alphabet_of(words, 0.86) == std::vector<std::string>{"a", "b"});
  for (const Model model : {Model::word_piece, Model::unigram}) {
    const ef::Tokenizer tokenizer = ef::parse_tokenizer(
        train({.model = model, .vocab_size = 400, .character_coverage = 0.97}), "trained");
    CHECK(!tokenizer.token_to_id("遊"));
    CHECK(tokenizer.token_to_id("e"));
  }
}

TEST_CASE("the order of the texts does not matter, nor how they come") {
  for (const Model model : {Model::byte_level_bpe, Model::word_piece, Model::unigram}) {
    const ef::TokenizerTraining options{.model = model, .vocab_size = 500};
    std::vector<std::string> texts = lines(corpus());
    const std::string once = ef::train_tokenizer(texts, options);
    std::reverse(texts.begin(), texts.end());
    CHECK(ef::train_tokenizer(texts, options) == once);
    ef::TokenizerTrainer trainer(options);
    trainer.add_file(folder / "corpus.txt");
    CHECK(trainer.train() == once);
  }
}

TEST_CASE("special tokens have the first ids, and progress is told") {
  std::set<std::string> stages;
  for (const Model model : {Model::byte_level_bpe, Model::unigram}) {
    const std::vector<std::string> special = {"<s>", "<unk>", "<e>", "a"};
    const ef::Tokenizer tokenizer =
        ef::parse_tokenizer(train({.model = model,
                                   .vocab_size = 700,
                                   .special_tokens = special,
                                   .min_frequency = 0,
                                   .progress =
                                       [&](const text::TrainingProgress& progress) {
                                         CHECK(progress.done <= progress.total);
                                         stages.insert(std::string(progress.stage));
                                       }}),
                            "trained");
    for (std::size_t id = 0; id < special.size(); ++id)
      CHECK(tokenizer.token_to_id(special[id]) == static_cast<ef::Token>(id));
  }
  CHECK(stages == std::set<std::string>{"merging", "fitting"});
}

TEST_CASE("options and texts that cannot be are refused with their cause") {
  CHECK(refusal({}, "") == "there is no text to train a tokenizer on");
  CHECK(refusal({}, "a\xFF") == "a text: not UTF-8 at byte 1");
  CHECK(refusal({.vocab_size = 256}) ==
        "vocab_size: 256 is less than the 257 tokens of the alphabet and the special tokens");
  CHECK(refusal({.vocab_size = 0}) == "vocab_size: 0 is less than 1");
  CHECK(refusal({.min_frequency = -1}) == "min_frequency: -1 is less than 0");
  CHECK(refusal({.model = Model::unigram, .vocab_size = 5}) ==
        "vocab_size: 2 is less than the 5 characters of the alphabet");
  CHECK(refusal({.model = Model::unigram, .max_piece_length = 0}) == "max_piece_length: 0 is less than 1");
  CHECK(refusal({.model = Model::unigram, .character_coverage = 1.5}) ==
        "character_coverage: 1.5 is not between 0 and 1");
  CHECK(refusal({.special_tokens = {"<a>", "<a>"}}) == "special_tokens: \"<a>\" stands twice");
  CHECK(refusal({.special_tokens = {""}}) == "special_tokens: one is empty");
  CHECK(refusal({.model = Model::word_piece, .special_tokens = {"[PAD]"}}) ==
        "special_tokens: [UNK] is not among them, which stands for unknown characters");
  ef::TokenizerTrainer trainer({});
  CHECK_THROWS_AS(trainer.add_file(folder / "absent.txt"), ef::FileError);
}

}  // namespace text_train_tokenizer
