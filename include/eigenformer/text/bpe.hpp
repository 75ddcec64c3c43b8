// Byte-pair encoding: a word starts as its characters, and pairs are merged in the order in which they were
// learned.
//
// Two tables, both made once when the tokenizer is loaded, spare most of the merging. `whole_` holds the
// words that merging turns into a single token, so that a frequent word is one look-up. And where a character
// is only ever merged with what follows it (U+2581 for the space in SentencePiece vocabularies), a text
// without a pre-tokenizer is cut before it: no merge can cross such a place.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/byte_alphabet.hpp>
#include <eigenformer/text/merges.hpp>
#include <eigenformer/text/model.hpp>
#include <eigenformer/text/utf8.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

struct BpeConfig {
  std::string unk_token = {};                  // for characters not in the vocabulary; empty: they vanish
  std::string continuing_subword_prefix = {};  // before every character of a word but the first
  std::string end_of_word_suffix = {};         // after the last character of a word
  bool fuse_unk = false;                       // neighbouring unknown characters give one unk_token
  bool byte_fallback = false;  // unknown characters become their bytes, <0x00> to <0xFF>, where these exist
  bool ignore_merges = false;  // a word that is in the vocabulary is one token, whatever the merges say
  bool byte_level = false;     // words are bytes, which the vocabulary writes in the byte alphabet
};

/// The token that stands for a byte: <0x00> to <0xFF>.
inline std::string byte_token(std::size_t byte) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return concat("<0x", digits[byte / 16], digits[byte % 16], '>');
}

class Bpe final : public TokenModel {
 public:
  /// @param merges  pairs of tokens, the first learned first
  /// @param name    of the model, before the names of its fields in messages
  /// @throws ConfigError  if a merge or unk_token names a token that is not in the vocabulary
  [[gnu::cold]] Bpe(Vocabulary vocabulary, const std::vector<std::pair<std::string, std::string>>& merges,
                    BpeConfig config, std::string_view name = "model")
      : TokenModel(std::move(vocabulary)), config_(std::move(config)) {
    if (!config_.unk_token.empty() && (unk_ = vocabulary_.find(config_.unk_token)) == Vocabulary::none)
      fail(ConfigError(concat(name, ".unk_token"),
                       concat('"', config_.unk_token, "\" is not in the vocabulary")));
    for (std::size_t i = 0; i < merges.size(); ++i) add_merge(merges[i], i, name);
    for (std::size_t byte = 0; byte < 256; ++byte)
      bytes_[byte] = config_.byte_fallback ? vocabulary_.find(byte_token(byte)) : Vocabulary::none;
    for (std::size_t c = 0; c < 256; ++c) {
      const char character = static_cast<char>(static_cast<unsigned char>(c));
      byte_ids_[c] = config_.byte_level ? vocabulary_.find(byte_character(static_cast<unsigned char>(c)))
                                        : vocabulary_.find({&character, 1});
      if (const std::string& suffix = config_.end_of_word_suffix; !suffix.empty())
        last_byte_ids_[c] = vocabulary_.find(written({&character, 1}) + suffix);
    }
    if (!affixes() && !config_.byte_level && !config_.ignore_merges) find_word_start(merges);
    if (config_.continuing_subword_prefix.empty()) find_whole_words();
  }

  void encode(std::string_view word, std::vector<Piece>& out) const override {
    if (word_start_.empty()) return encode_part(word, out);
    for (std::size_t begin = 0; begin < word.size();) {
      const std::size_t end = next_word_start(word, begin);
      encode_part(word.substr(begin, end - begin), out);
      begin = end;
    }
  }

 private:
  bool affixes() const {
    return !config_.continuing_subword_prefix.empty() || !config_.end_of_word_suffix.empty();
  }

  [[gnu::cold]] void add_merge(const std::pair<std::string, std::string>& merge, std::size_t rank,
                               std::string_view model) {
    const auto refuse = [&](const std::string& why) {
      fail(ConfigError(concat(model, ".merges[", rank, ']'), why));
    };
    const auto id = [&](const std::string& token, std::string_view what) {
      const Token found = vocabulary_.find(token);
      if (found == Vocabulary::none) refuse(concat(what, " \"", token, "\" is not in the vocabulary"));
      return found;
    };
    const auto& [left, right] = merge;
    const std::string& prefix = config_.continuing_subword_prefix;
    const Token first = id(left, "token"), second = id(right, "token");
    if (right.size() < prefix.size()) refuse(concat('"', right, "\" lacks the prefix \"", prefix, '"'));
    merges_.add(first, second, id(left + right.substr(prefix.size()), "the merged token"));
  }

  void encode_part(std::string_view word, std::vector<Piece>& out) const {
    const Token id = whole_.find(word);
    if (id == Vocabulary::none) return merge(word, out);
    out.push_back({id, static_cast<std::uint32_t>(word.size())});
  }

  void merge(std::string_view word, std::vector<Piece>& out) const {
    const std::size_t begin = out.size();
    Piece unknown{Vocabulary::none, 0};  // pending, so that neighbours can be fused with it
    const auto flush = [&] {
      if (unknown.bytes > 0) out.push_back(unknown);
      unknown = {Vocabulary::none, 0};
    };
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t length = config_.byte_level ? 1 : utf8_length(word[at]);
      const auto bytes = static_cast<std::uint32_t>(length);
      std::string name;
      std::string_view character = word.substr(at, length);
      const bool last = at + length == word.size();
      const bool prefixed = at > 0 && !config_.continuing_subword_prefix.empty();
      const bool suffixed = last && !config_.end_of_word_suffix.empty();
      const bool plain = !prefixed && !suffixed;
      const Token last_byte = suffixed && !prefixed && length == 1
                                  ? last_byte_ids_[static_cast<unsigned char>(word[at])]
                                  : Vocabulary::none;
      if (!plain && last_byte == Vocabulary::none) {
        name = concat(at > 0 ? config_.continuing_subword_prefix : "", written(character),
                      last ? config_.end_of_word_suffix : "");
        character = name;
      }
      at += length;
      const Token id = plain                           ? character_id(character)
                       : last_byte != Vocabulary::none ? last_byte
                                                       : vocabulary_.find(name);
      if (id != Vocabulary::none) {
        flush();
        out.push_back({id, bytes});
      } else if (all_bytes(character)) {
        // As in the reference, an unknown character that is still pending comes after these bytes.
        for (const char byte : character) out.push_back({bytes_[static_cast<unsigned char>(byte)], 1});
      } else if (unk_ != Vocabulary::none) {
        if (!config_.fuse_unk) flush();
        unknown = {unk_, unknown.bytes + bytes};
      }
    }
    flush();
    merges_.apply(out, begin);
  }

  Token character_id(std::string_view character) const {
    if (character.size() > 1) return vocabulary_.find(character);
    return byte_ids_[static_cast<unsigned char>(character[0])];
  }

  /// A character of a word as the vocabulary writes it.
  std::string written(std::string_view character) const {
    return config_.byte_level ? byte_character(static_cast<unsigned char>(character[0]))
                              : std::string(character);
  }

  bool all_bytes(std::string_view character) const {
    return config_.byte_fallback && std::all_of(character.begin(), character.end(), [&](char byte) {
             return bytes_[static_cast<unsigned char>(byte)] != Vocabulary::none;
           });
  }

  /// Looks for a character that no merge joins to anything but itself on its left, and that many tokens begin
  /// with.
  [[gnu::cold]] void find_word_start(const std::vector<std::pair<std::string, std::string>>& merges) {
    struct Use {
      bool joined = false;  // some merge joins it to another character on its left
      Index begun = 0;      // tokens that begin with it
    };
    Vocabulary characters;  // their ids are places in `uses`
    std::vector<Use> uses;
    const auto use = [&](const std::string& token) -> Use& {
      const std::string_view first = std::string_view(token).substr(0, utf8_length(token[0]));
      if (characters.insert(first, static_cast<Token>(uses.size()))) return uses.emplace_back();
      return uses[static_cast<std::size_t>(characters.find(first))];
    };
    for (const auto& [left, right] : merges) {
      // Tokens for bytes and unknown characters do not end with what their name ends with.
      const bool literal = left != config_.unk_token && !(left.starts_with("<0x") && left.ends_with('>'));
      Use& of_right = use(right);
      const std::string_view first = std::string_view(right).substr(0, utf8_length(right[0]));
      of_right.joined = of_right.joined || !literal || !left.ends_with(first);
      ++use(left).begun;
    }
    Index most = -1;
    for (Token i = 0; i < characters.end_id(); ++i) {
      const std::string_view first = *characters.token(i);
      const Use& found = uses[static_cast<std::size_t>(i)];
      if (found.joined || vocabulary_.find(first) == Vocabulary::none || found.begun <= most) continue;
      most = found.begun;
      word_start_ = first;
    }
  }

  /// Where, after `begin`, the next character word_start_ stands that does not follow another one.
  std::size_t next_word_start(std::string_view text, std::size_t begin) const {
    const std::string_view start = word_start_;
    std::size_t at = begin;
    while (text.substr(at, start.size()) == start) at += start.size();
    at = text.find(start, at);
    return at == std::string_view::npos ? text.size() : at;
  }

  [[gnu::cold]] void find_whole_words() {
    std::vector<Piece> pieces;
    std::string word;
    for (Token id = 0; id < vocabulary_.end_id(); ++id) {
      const auto token = vocabulary_.token(id);
      if (!token || !token->ends_with(config_.end_of_word_suffix)) continue;
      word = token->substr(0, token->size() - config_.end_of_word_suffix.size());
      if (config_.byte_level && !bytes_of_alphabet(std::string(word), word)) continue;
      if (word.empty()) continue;
      pieces.clear();
      merge(word, pieces);
      const bool whole = pieces.size() == 1 && pieces[0].id == id;
      if (whole || (config_.ignore_merges && config_.end_of_word_suffix.empty())) whole_.insert(word, id);
    }
  }

  BpeConfig config_;
  Merges merges_;
  Token unk_ = Vocabulary::none;
  std::array<Token, 256> bytes_;          // of <0x00> to <0xFF>; none without byte_fallback
  std::array<Token, 256> byte_ids_;       // of characters of one byte
  std::array<Token, 256> last_byte_ids_;  // the same at the end of a word, with the suffix if there is one
  std::string word_start_;                // one character, or empty
  Vocabulary whole_;                      // words that are one token
};

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
