// What SentencePiece's tokenizer.model says, and the merges that follow from its scores.
//
// The file is a protocol buffer (sentencepiece_model.proto), read here by hand: a sequence of fields, each
// with its number, its type and a value.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/utf8.hpp>
#include <eigenformer/text/vocabulary.hpp>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {
namespace detail {

/// The fields of a message, one after another (protobuf.dev, "Encoding").
class ProtoFields {
 public:
  ProtoFields(std::string_view message, const std::string& file) : rest_(message), file_(file) {}

  /// Goes to the next field. Returns false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t tag = varint();
    number_ = tag >> 3;
    text_ = {};
    value_ = 0;
    switch (tag & 7) {
      case 0: value_ = varint(); break;
      case 1: text_ = take(8); break;
      case 2: text_ = take(varint()); break;
      case 5:
        text_ = take(4);
        for (std::size_t i = 4; i-- > 0;) value_ = value_ << 8 | static_cast<unsigned char>(text_[i]);
        break;
      default: refuse(concat("a field of type ", tag & 7));
    }
    return true;
  }

  std::uint64_t number() const { return number_; }
  std::uint64_t value() const { return value_; }
  std::string_view text() const { return text_; }
  float real() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value_)); }

  [[noreturn, gnu::cold]] void refuse(const std::string& why) const {
    fail(FileError(file_, concat("it is no SentencePiece model: ", why)));
  }

 private:
  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return out;
    }
    refuse("a number of more than ten bytes");
  }

  std::string_view take(std::uint64_t bytes) {
    if (bytes > rest_.size())
      refuse(concat("a value of ", bytes, " bytes where ", rest_.size(), " are left"));
    const std::string_view out = rest_.substr(0, static_cast<std::size_t>(bytes));
    rest_.remove_prefix(out.size());
    return out;
  }

  std::string_view rest_, text_;
  std::uint64_t number_ = 0, value_ = 0;
  const std::string& file_;
};

struct SentencePieceFile {
  enum class Type { normal = 1, unknown, control, user_defined, unused, byte };
  struct Entry {
    std::string piece = {};
    double score = 0;
    Type type = Type::normal;
  };
  std::vector<Entry> entries;
  std::uint64_t model_type = 1;
  bool byte_fallback = false, suffix = false;
  std::string charsmap;
  bool dummy_prefix = true, remove_extra_spaces = true, escape_spaces = true;
};

[[gnu::cold]] inline SentencePieceFile read_sentencepiece_file(std::string_view content,
                                                               const std::string& file) {
  SentencePieceFile out;
  for (ProtoFields model(content, file); model.next();) {
    ProtoFields part(model.text(), file);
    if (model.number() == 1) {
      SentencePieceFile::Entry& entry = out.entries.emplace_back();
      while (part.next()) {
        if (part.number() == 1) entry.piece = part.text();
        if (part.number() == 2) entry.score = static_cast<double>(part.real());
        if (part.number() == 3)
          entry.type = static_cast<SentencePieceFile::Type>((std::min<std::uint64_t>)(part.value(), 7));
      }
      if (entry.piece.empty() || utf8_valid_prefix(entry.piece) < entry.piece.size() ||
          !(entry.score - entry.score == 0))
        part.refuse(concat("piece ", out.entries.size() - 1, " is empty, not UTF-8, or has no finite score"));
    } else if (model.number() == 2) {
      while (part.next()) {
        if (part.number() == 3) out.model_type = part.value();
        if (part.number() == 24) out.suffix = part.value() != 0;
        if (part.number() == 35) out.byte_fallback = part.value() != 0;
      }
    } else if (model.number() == 3) {
      while (part.next()) {
        if (part.number() == 2) out.charsmap = part.text();
        if (part.number() == 3) out.dummy_prefix = part.value() != 0;
        if (part.number() == 4) out.remove_extra_spaces = part.value() != 0;
        if (part.number() == 5) out.escape_spaces = part.value() != 0;
      }
    }
  }
  return out;
}

/// The pairs that make up each piece, in the order in which they are merged.
[[gnu::cold]] inline std::vector<std::pair<std::string, std::string>> sentencepiece_merges(
    const SentencePieceFile& model, const Vocabulary& vocabulary, const std::string& file) {
  constexpr std::size_t longest = 1024;  // bytes
  struct Merge {
    double score;
    std::size_t left_length, right_length;  // characters
    Token left, right;
  };
  std::vector<Merge> merges;
  for (const SentencePieceFile::Entry& entry : model.entries) {
    if (entry.type != SentencePieceFile::Type::normal) continue;
    const std::string_view piece = entry.piece;
    if (piece.size() > longest)
      fail(FileError(file, concat("a piece has ", piece.size(), " bytes, more than ", longest)));
    std::size_t characters = 0;
    for (std::size_t cut = utf8_length(piece[0]); cut < piece.size(); cut += utf8_length(piece[cut])) {
      ++characters;
      const Token left = vocabulary.find(piece.substr(0, cut)), right = vocabulary.find(piece.substr(cut));
      if (left != Vocabulary::none && right != Vocabulary::none)
        merges.push_back({entry.score, characters, utf8_count(piece) - characters, left, right});
    }
  }
  // The order of transformers' generate_merges: by score, then by the lengths of both, the largest first.
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tie(b.score, b.left_length, b.right_length) <
           std::tie(a.score, a.left_length, a.right_length);
  });
  std::vector<std::pair<std::string, std::string>> out;
  for (const Merge& merge : merges)
    out.emplace_back(*vocabulary.token(merge.left), *vocabulary.token(merge.right));
  return out;
}

}  // namespace detail
}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
