// SentencePiece's tokenizer.model, which older folders of LLaMA, T5 and others have: BPE and Unigram.
//
// The file is a protocol buffer (sentencepiece_model.proto), read here by hand: a sequence of fields, each
// with its number, its type and a value. What it says is put together as Hugging Face does when it converts
// such a file, so that special tokens are found in the text, which SentencePiece itself does not do.
#pragma once

#include <eigenformer/text/bpe.hpp>
#include <eigenformer/text/tokenizer.hpp>
#include <eigenformer/text/unigram.hpp>

#include <algorithm>
#include <bit>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace eigenformer::inline EIGENFORMER_ABI::text {

/// What a file does not say: which special tokens go around a text.
struct SentencePieceEnds {
  bool bos = false, eos = false;
};

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

/// Spaces at the ends go and runs become one (if asked for), one goes in front, and all become U+2581.
[[gnu::cold]] inline void add_sentencepiece_normalizer(const SentencePieceFile& model,
                                                       const std::string& file, Normalizer& out) {
  using Kind = NormalizerStep::Kind;
  constexpr const char* space = "\xE2\x96\x81";
  if (!model.charsmap.empty()) {
    NormalizerStep& step = out.emplace_back();
    step.kind = Kind::charsmap;
    step.map = Charsmap(model.charsmap, file + ": precompiled_charsmap");
  }
  const auto replace = [&](const char* regex, const char* content) {
    NormalizerStep& step = out.emplace_back();
    step.kind = Kind::replace;
    step.pattern.kind = Pattern::Kind::regex;
    step.pattern.regex = Regex(regex, file);
    step.content = content;
  };
  if (model.remove_extra_spaces) {
    replace(" {2,}", " ");
    replace("\\A | \\z", "");
  }
  if (model.dummy_prefix) out.emplace_back().content = space;  // a step is Kind::prepend
  if (model.escape_spaces) replace(" ", space);
}

[[gnu::cold]] inline void add_sentencepiece_decoder(bool dummy_prefix, Decoder& out) {
  using Kind = DecoderStep::Kind;
  DecoderStep& spaces = out.emplace_back();
  spaces.pattern.string = "\xE2\x96\x81";  // a step is Kind::replace
  spaces.content = " ";
  out.emplace_back().kind = Kind::byte_fallback;
  out.emplace_back().kind = Kind::fuse;
  if (!dummy_prefix) return;
  DecoderStep& strip = out.emplace_back();
  strip.kind = Kind::strip;
  strip.content = " ";
  strip.start = 1;
}

}  // namespace detail

/// The tokenizer in a tokenizer.model.
///
/// @param ends  special tokens around a text, which the file does not tell: LLaMA has <s> before it, T5 </s>
///              after it
/// @throws FileError, ConfigError  if it is no such file, or of a kind that is not supported
[[gnu::cold]] inline Tokenizer parse_sentencepiece_model(std::string_view content,
                                                         const SentencePieceEnds& ends,
                                                         const std::string& file) {
  using Type = detail::SentencePieceFile::Type;
  const detail::SentencePieceFile model = detail::read_sentencepiece_file(content, file);
  if (model.model_type != 1 && model.model_type != 2)
    fail(FileError(file, concat("models of type ", model.model_type,
                                " are not supported, only Unigram (1) and BPE (2)")));
  if (model.suffix) fail(FileError(file, "treat_whitespace_as_suffix is not supported"));
  Vocabulary vocabulary;
  std::vector<double> scores;
  std::vector<AddedToken> added;
  std::vector<std::string> searched;
  Token unk = Vocabulary::none;
  for (const auto& [piece, score, type] : model.entries) {
    const auto id = static_cast<Token>(scores.size());
    if (!vocabulary.insert(piece, id))
      fail(FileError(file, concat('"', printable(piece), "\" stands twice")));
    scores.push_back(score);
    if (type == Type::unknown) unk = id;
    if (type == Type::unknown || type == Type::control || type == Type::user_defined) {
      added.push_back({.content = piece, .id = id, .special = type != Type::user_defined});
      searched.push_back(piece);
    } else if (type != Type::normal && type != Type::byte) {
      fail(FileError(
          file, concat("piece ", id, " is of type ", static_cast<int>(type), ", which is not supported")));
    }
  }
  if (unk == Vocabulary::none) fail(FileError(file, "no piece is for what is unknown"));

  const auto parts = std::make_shared<TokenizerParts>();
  detail::add_sentencepiece_normalizer(model, file, parts->normalizer);
  detail::add_sentencepiece_decoder(model.dummy_prefix, parts->decoder);
  PostProcessor& processor = parts->post_processor;
  const auto special = [&](const std::string& token, int type_id) {
    const Token id = vocabulary.find(token);
    if (id == Vocabulary::none) fail(FileError(file, concat('"', token, "\" is not in the vocabulary")));
    return TemplatePart{TemplatePart::Kind::special, type_id, {id}, {token}};
  };
  processor.single.clear();
  processor.pair.clear();
  for (const auto kind : {TemplatePart::Kind::first, TemplatePart::Kind::second}) {
    // The second text is a segment of its own in LLaMA's template, but not in T5's.
    const int type_id = ends.bos && kind == TemplatePart::Kind::second ? 1 : 0;
    if (ends.bos) processor.pair.push_back(special("<s>", type_id));
    add_sequence(processor.pair, kind, type_id);
    if (ends.eos) processor.pair.push_back(special("</s>", type_id));
    if (kind == TemplatePart::Kind::first) processor.single = processor.pair;
  }
  parts->added_tokens = AddedTokens(std::move(added), searched);
  if (model.model_type == 2) {
    const auto merges = detail::sentencepiece_merges(model, vocabulary, file);
    BpeConfig config{.unk_token = std::string(*vocabulary.token(unk)),
                     .fuse_unk = true,
                     .byte_fallback = model.byte_fallback};
    parts->model = std::make_unique<const Bpe>(std::move(vocabulary), merges, std::move(config), file);
  } else {
    parts->model =
        std::make_unique<const Unigram>(std::move(vocabulary), std::move(scores), unk, model.byte_fallback);
  }
  return Tokenizer(parts);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI::text
