// The definitions of train_tokenizer.hpp.
#pragma once

#include <eigenformer/text/read_stages.hpp>
#include <eigenformer/text/tokenizer_json.hpp>
#include <eigenformer/text/train_tokenizer.hpp>
#include <eigenformer/text/train_unigram.hpp>
#include <eigenformer/text/train_word_piece.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace text::detail {

inline std::vector<std::string> special_tokens_of(const TokenizerTraining& options) {
  std::vector<std::string> out = options.special_tokens;
  if (out.empty()) {
    switch (options.model) {
      case TokenizerModel::byte_level_bpe: out = {"<|endoftext|>"}; break;
      case TokenizerModel::word_piece: out = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}; break;
      case TokenizerModel::unigram: out = {"<pad>", "</s>", "<unk>"}; break;
    }
  }
  std::set<std::string> seen;
  for (const std::string& token : out) {
    if (token.empty()) fail(ConfigError("special_tokens", "one is empty"));
    if (utf8_valid_prefix(token) != token.size()) fail(ConfigError("special_tokens", "one is not UTF-8"));
    if (!seen.insert(token).second)
      fail(ConfigError("special_tokens", concat('"', printable(token), "\" stands twice")));
  }
  const std::string unknown = options.model == TokenizerModel::word_piece ? "[UNK]" : "<unk>";
  if (options.model != TokenizerModel::byte_level_bpe && !seen.contains(unknown))
    fail(ConfigError("special_tokens",
                     concat(unknown, " is not among them, which stands for unknown characters")));
  return out;
}

/// Everything of the file but the model.
inline nlohmann::ordered_json tokenizer_frame(const TokenizerTraining& options,
                                              const std::vector<std::string>& special) {
  using Json = nlohmann::ordered_json;
  Json added = Json::array();
  for (std::size_t id = 0; id < special.size(); ++id)
    added.push_back({{"id", id},
                     {"content", special[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  Json normalizer, pre_tokenizer, post_processor, decoder;
  switch (options.model) {
    case TokenizerModel::byte_level_bpe: {
      const auto byte_level = [](bool prefix, bool trim) -> Json {
        return {
            {"type", "ByteLevel"}, {"add_prefix_space", prefix}, {"trim_offsets", trim}, {"use_regex", true}};
      };
      pre_tokenizer = byte_level(false, true);
      post_processor = byte_level(true, false);
      decoder = byte_level(true, true);
      break;
    }
    case TokenizerModel::word_piece: {
      normalizer = {{"type", "BertNormalizer"},
                    {"clean_text", true},
                    {"handle_chinese_chars", true},
                    {"strip_accents", nullptr},
                    {"lowercase", options.lowercase}};
      pre_tokenizer = {{"type", "BertPreTokenizer"}};
      decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
      const auto id = [&](const char* token) {
        return std::find(special.begin(), special.end(), token) - special.begin();
      };
      const auto count = static_cast<std::ptrdiff_t>(special.size());
      const std::ptrdiff_t cls = id("[CLS]"), sep = id("[SEP]");
      if (cls == count || sep == count) break;
      const auto part = [](const char* kind, const char* name, int type) -> Json {
        return {{kind, {{"id", name}, {"type_id", type}}}};
      };
      const auto token = [](const char* name, std::ptrdiff_t number) -> Json {
        return {{"id", name}, {"ids", Json::array({number})}, {"tokens", Json::array({name})}};
      };
      post_processor = {{"type", "TemplateProcessing"},
                        {"single", Json::array({part("SpecialToken", "[CLS]", 0), part("Sequence", "A", 0),
                                                part("SpecialToken", "[SEP]", 0)})},
                        {"pair", Json::array({part("SpecialToken", "[CLS]", 0), part("Sequence", "A", 0),
                                              part("SpecialToken", "[SEP]", 0), part("Sequence", "B", 1),
                                              part("SpecialToken", "[SEP]", 1)})},
                        {"special_tokens", {{"[CLS]", token("[CLS]", cls)}, {"[SEP]", token("[SEP]", sep)}}}};
      break;
    }
    case TokenizerModel::unigram:
      normalizer = {{"type", "NFKC"}};
      pre_tokenizer = {
          {"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}, {"split", true}};
      decoder = pre_tokenizer;
      break;
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", added},
          {"normalizer", normalizer},
          {"pre_tokenizer", pre_tokenizer},
          {"post_processor", post_processor},
          {"decoder", decoder}};
}

/// {"token": id, …} in the order of ids. Tokens are different from one another, so that none is looked for.
inline nlohmann::ordered_json vocabulary_json(const std::vector<std::string>& tokens) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  nlohmann::ordered_json::object_t::Container& entries = out.get_ref<nlohmann::ordered_json::object_t&>();
  for (std::size_t id = 0; id < tokens.size(); ++id) entries.emplace_back(tokens[id], id);
  return out;
}

/// Special tokens and an alphabet as one list, without what both have.
inline std::vector<std::string> joined(std::vector<std::string> special,
                                       const std::vector<std::string>& alphabet) {
  const std::set<std::string> seen(special.begin(), special.end());
  for (const std::string& character : alphabet)
    if (!seen.contains(character)) special.push_back(character);
  return special;
}

inline nlohmann::ordered_json bpe_json(const std::vector<WordCount>& words, const TokenizerTraining& options,
                                       const std::vector<std::string>& special, const BpeTraining& training) {
  std::vector<std::string> alphabet;
  for (unsigned byte = 0; byte < 256; ++byte)
    alphabet.push_back(byte_character(static_cast<unsigned char>(byte)));
  std::sort(alphabet.begin(), alphabet.end());
  const TrainedBpe trained = train_bpe(words, joined(special, alphabet), training, options.progress);
  nlohmann::ordered_json merges = nlohmann::ordered_json::array();
  for (const auto& [left, right] : trained.merges) merges.push_back(left + " " + right);
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"vocab", vocabulary_json(trained.tokens)},
          {"merges", std::move(merges)}};
}

inline nlohmann::ordered_json unigram_json(const std::vector<WordCount>& words,
                                           const TokenizerTraining& options,
                                           const std::vector<std::string>& special) {
  nlohmann::ordered_json vocabulary = nlohmann::ordered_json::array();
  std::size_t unknown = 0;
  for (std::size_t id = 0; id < special.size(); ++id) {
    vocabulary.push_back({special[id], 0.0});
    if (special[id] == "<unk>") unknown = id;
  }
  const std::set<std::string> seen(special.begin(), special.end());
  std::vector<std::string> alphabet = alphabet_of(words, options.character_coverage);
  std::erase_if(alphabet, [&](const std::string& character) { return seen.contains(character); });
  const auto size = static_cast<std::size_t>(options.vocab_size);
  const std::vector<ScoredPiece> pieces =
      train_unigram(words, alphabet,
                    {.vocab_size = size - (std::min)(size, special.size()),
                     .longest_piece = static_cast<std::size_t>(options.max_piece_length)},
                    options.progress);
  for (const ScoredPiece& piece : pieces)
    if (!seen.contains(piece.piece)) vocabulary.push_back({piece.piece, piece.score});
  return {
      {"type", "Unigram"}, {"unk_id", unknown}, {"byte_fallback", false}, {"vocab", std::move(vocabulary)}};
}

/// Normalizes and cuts as the file says that it will be done.
inline WordCounter counter(const nlohmann::ordered_json& frame) {
  const std::string file = "tokenizer.json";
  const nlohmann::json plain = parse_tokenizer_json(frame.dump(), file).root;
  const JsonNode root(plain, file);
  Normalizer normalizer;
  if (!root["normalizer"].is_null()) read_normalizer(root["normalizer"], normalizer);
  PreTokenizer pre_tokenizer;
  read_pre_tokenizer(root["pre_tokenizer"], pre_tokenizer);
  return {std::move(normalizer), std::move(pre_tokenizer)};
}

}  // namespace text::detail

struct TokenizerTrainer::State {
  TokenizerTraining options;
  std::vector<std::string> special = text::detail::special_tokens_of(options);
  nlohmann::ordered_json frame = text::detail::tokenizer_frame(options, special);
  text::WordCounter words = text::detail::counter(frame);
};

EIGENFORMER_ROOM TokenizerTrainer::TokenizerTrainer(TokenizerTraining training)
    : state_(new State{.options = std::move(training)}) {
  const auto at_least = [](const char* name, Index value, Index least) {
    if (value < least) fail(ConfigError(name, concat(value, " is less than ", least)));
  };
  at_least("vocab_size", state_->options.vocab_size, 1);
  at_least("min_frequency", state_->options.min_frequency, 0);
  at_least("max_piece_length", state_->options.max_piece_length, 1);
  if (!(state_->options.character_coverage > 0 && state_->options.character_coverage <= 1))
    fail(ConfigError("character_coverage",
                     concat(state_->options.character_coverage, " is not between 0 and 1")));
}

EIGENFORMER_ROOM TokenizerTrainer::TokenizerTrainer(TokenizerTrainer&&) noexcept = default;
EIGENFORMER_ROOM TokenizerTrainer& TokenizerTrainer::operator=(TokenizerTrainer&&) noexcept = default;
EIGENFORMER_ROOM TokenizerTrainer::~TokenizerTrainer() = default;

EIGENFORMER_ROOM void TokenizerTrainer::add(std::string_view text) { state_->words.add(text, "a text"); }

EIGENFORMER_ROOM void TokenizerTrainer::add_file(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream stream(path, std::ios::binary);
  if (error || !stream) fail(FileError(path, "it cannot be read"));
  std::size_t done = 0, line_number = 0, reported = 0;
  for (std::string line; std::getline(stream, line);) {
    if (!stream.eof()) line += '\n';
    state_->words.add(line, concat(path, " line ", ++line_number));
    done += line.size();
    constexpr std::size_t often = std::size_t{1} << 20;
    if (state_->options.progress && done - reported >= often) {
      reported = done;
      state_->options.progress({"reading", done, static_cast<std::size_t>(size)});
    }
  }
  if (stream.bad()) fail(FileError(path, "it cannot be read to its end"));
}

EIGENFORMER_ROOM std::string TokenizerTrainer::train() {
  const std::vector<text::WordCount> words = state_->words.take();
  if (words.empty()) fail(InputError("there is no text to train a tokenizer on"));
  nlohmann::ordered_json out = state_->frame;
  text::BpeTraining training{.vocab_size = static_cast<std::size_t>(state_->options.vocab_size),
                             .min_frequency = state_->options.min_frequency};
  switch (state_->options.model) {
    case TokenizerModel::byte_level_bpe:
      out["model"] = text::detail::bpe_json(words, state_->options, state_->special, training);
      break;
    case TokenizerModel::word_piece: {
      training.continuing_prefix = "##";
      const std::vector<std::string> tokens = text::train_word_piece(
          words, state_->special, state_->options.character_coverage, training, state_->options.progress);
      out["model"] = {{"type", "WordPiece"},
                      {"unk_token", "[UNK]"},
                      {"continuing_subword_prefix", "##"},
                      {"max_input_chars_per_word", 100},
                      {"vocab", text::detail::vocabulary_json(tokens)}};
      break;
    }
    case TokenizerModel::unigram:
      out["model"] = text::detail::unigram_json(words, state_->options, state_->special);
      break;
  }
  return out.dump(1);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
