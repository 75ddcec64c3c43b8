// From the tokens of one or two texts to the model's input: offsets in code points, truncation, special
// tokens, padding.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/text/aligned_text.hpp>
#include <eigenformer/text/byte_alphabet.hpp>
#include <eigenformer/text/encoding.hpp>
#include <eigenformer/text/piece.hpp>
#include <eigenformer/text/post_processor.hpp>
#include <eigenformer/text/unicode.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace text {

/// What the pipeline makes of one text, before post-processing. The last three are only filled when offsets
/// are wanted.
struct EncodedText {
  std::vector<Piece> pieces;
  std::vector<std::string> tokens;
  std::vector<Span> origins;  // bytes of the text
  std::vector<Index> word_ids;
};

/// Tokens [begin, end) of a text.
struct Window {
  Index begin = 0, end = 0;
};

/// The windows of at most `size` tokens that cover `count` tokens, neighbours sharing `stride`. From the
/// left, or from the right.
///
/// @throws ConfigError  if the stride leaves no room to move on
[[gnu::cold]] inline std::vector<Window> windows(Index count, Index size, Index stride, bool from_right) {
  if (count <= size) return {{0, count}};
  if (size == 0) return {{0, 0}, {0, count}};
  if (stride < 0 || stride >= size)
    fail(ConfigError("stride", concat(stride, " is not between 0 and ", size - 1,
                                      ", the room for tokens of the text less one")));
  std::vector<Window> out;
  for (Index done = 0;; done += size - stride) {
    const Index end = (std::min)(done + size, count);
    out.push_back(from_right ? Window{count - end, count - done} : Window{done, end});
    if (end == count) return out;
  }
}

namespace detail {

/// Leaves the white space of a token out of its offsets.
[[gnu::cold]] inline void trim_offset(const std::string& token, bool first, bool add_prefix_space,
                                      Offset& offset) {
  const auto is_space = [&](std::size_t at) {
    const char32_t c = code_point(token, at);
    return c == byte_characters[' '] || is_white_space(c);
  };
  Index leading = 0, trailing = 0;
  for (std::size_t at = 0; at < token.size() && is_space(at); at += utf8_length(token[at])) ++leading;
  for (std::size_t end = token.size(); end > 0; ++trailing) {
    --end;
    while (is_continuation(token[end])) --end;
    if (!is_space(end)) break;
  }
  if (leading > 0) {
    if ((first || offset.begin == 0) && add_prefix_space) --leading;
    offset.begin = (std::min)(offset.begin + leading, offset.end);
  }
  if (trailing > 0 && offset.end >= trailing) offset.end = (std::max)(offset.end - trailing, offset.begin);
}

/// Appends tokens [window) of `from`, with the mask and segment given.
///
/// @param last  nobody needs the strings of `from` after this
inline void append(Encoding& to, Encoding& from, Window window, int type_id, bool last) {
  const auto copy = [&](auto& out, const auto& in) {
    out.insert(out.end(), in.begin() + window.begin, in.begin() + window.end);
  };
  copy(to.ids, from.ids);
  if (last)
    std::move(from.tokens.begin() + window.begin, from.tokens.begin() + window.end,
              std::back_inserter(to.tokens));
  else
    copy(to.tokens, from.tokens);
  copy(to.offsets, from.offsets);
  copy(to.word_ids, from.word_ids);
  to.type_ids.resize(to.ids.size(), type_id);
  to.special_tokens_mask.resize(to.ids.size(), 0);
  to.attention_mask.resize(to.ids.size(), 1);
}

inline void append_special(Encoding& to, const TemplatePart& part) {
  to.ids.insert(to.ids.end(), part.ids.begin(), part.ids.end());
  to.tokens.insert(to.tokens.end(), part.tokens.begin(), part.tokens.end());
  to.offsets.resize(to.ids.size());
  to.word_ids.resize(to.ids.size(), -1);
  to.type_ids.resize(to.ids.size(), part.type_id);
  to.special_tokens_mask.resize(to.ids.size(), 1);
  to.attention_mask.resize(to.ids.size(), 1);
}

/// How many tokens of two texts are kept, as the reference engine decides.
[[gnu::cold]] inline std::pair<Index, Index> kept(Index first, Index second, bool pair, Index room,
                                                  Truncation::Strategy strategy) {
  const Index excess = first + second - room;
  if (excess <= 0) return {first, second};
  if (strategy == Truncation::Strategy::longest_first) {
    if (!pair) return {room, 0};
    Index shorter = (std::min)(first, second);
    Index longer = shorter > room ? shorter : (std::max)(shorter, room - shorter);
    if (shorter + longer > room) {
      shorter = room / 2;
      longer = shorter + room % 2;
    }
    return first > second ? std::pair(longer, shorter) : std::pair(shorter, longer);
  }
  const bool cuts_first = strategy == Truncation::Strategy::only_first;
  if ((cuts_first ? first : second) <= excess)
    fail(InputError(concat("the ", cuts_first ? "first" : "second", " text has too few tokens to cut off ",
                           excess, ", as the tokenizer's truncation wants")));
  return cuts_first ? std::pair(first - excess, second) : std::pair(first, second - excess);
}

}  // namespace detail

/// An encoded text without anything around it, its byte positions turned into code points.
inline Encoding describe(EncodedText encoded, std::string_view original, const PostProcessor& processor) {
  std::vector<std::uint32_t> points;  // number of code points before each byte; empty if all are one byte
  if (utf8_count(original) != original.size()) {
    std::uint32_t count = 0;
    points.reserve(original.size() + 1);
    for (const char byte : original) {
      count += is_continuation(byte) ? 0 : 1;
      points.push_back(count - 1);
    }
    points.push_back(count);
  }
  const auto position = [&](std::uint32_t byte) {
    return static_cast<Index>(points.empty() ? byte : points[byte]);
  };
  Encoding out;
  out.tokens = std::move(encoded.tokens);
  out.word_ids = std::move(encoded.word_ids);
  out.ids.reserve(encoded.pieces.size());
  out.offsets.reserve(encoded.pieces.size());
  for (std::size_t i = 0; i < encoded.pieces.size(); ++i) {
    out.ids.push_back(encoded.pieces[i].id);
    out.offsets.push_back({position(encoded.origins[i].begin), position(encoded.origins[i].end)});
    if (processor.trim_offsets)
      detail::trim_offset(out.tokens[i], i == 0, processor.add_prefix_space, out.offsets[i]);
  }
  return out;
}

namespace detail {

[[gnu::cold]] inline void pad_to(Encoding& encoding, Index length, const Padding& padding) {
  const Index missing = length - encoding.size();
  if (missing <= 0) return;
  const auto fill = [&](auto& values, auto value) {
    values.insert(padding.left ? values.begin() : values.end(), static_cast<std::size_t>(missing), value);
  };
  fill(encoding.ids, padding.id);
  fill(encoding.tokens, padding.token);
  fill(encoding.offsets, Offset{});
  fill(encoding.type_ids, padding.type_id);
  fill(encoding.special_tokens_mask, 1);
  fill(encoding.attention_mask, 0);
  fill(encoding.word_ids, Index{-1});
}

}  // namespace detail

/// Adds padding on the side and up to the length that `padding` says; what was cut off gets the same length.
[[gnu::cold]] inline void pad(Encoding& encoding, const Padding& padding) {
  const Index multiple = (std::max)(padding.multiple, Index{1});
  const Index least = (std::max)(encoding.size(), padding.length);
  const Index length = (least + multiple - 1) / multiple * multiple;
  detail::pad_to(encoding, length, padding);
  for (Encoding& more : encoding.overflowing) detail::pad_to(more, length, padding);
}

/// Puts one or two texts, cut to length if asked for, and the special tokens together.
///
/// @param first, second  what they hold of strings may be gone afterwards; `second` is null for a single text
inline Encoding assemble(Encoding& first, Encoding* second, const PostProcessor& processor,
                         const Truncation* truncation, bool add_special_tokens) {
  const Template& parts = second ? processor.pair : processor.single;
  Index special = 0;
  for (const TemplatePart& part : parts) special += static_cast<Index>(part.ids.size());
  const auto join = [&](Window a, Window b) {
    Encoding out;
    const auto size = static_cast<std::size_t>(a.end - a.begin + b.end - b.begin + special);
    const auto reserve = [&](auto&... values) { (values.reserve(size), ...); };
    reserve(out.ids, out.tokens, out.offsets, out.type_ids, out.special_tokens_mask, out.attention_mask,
            out.word_ids);
    for (const TemplatePart& part : parts) {
      switch (part.kind) {
        case TemplatePart::Kind::first: detail::append(out, first, a, part.type_id, !truncation); break;
        case TemplatePart::Kind::second: detail::append(out, *second, b, part.type_id, !truncation); break;
        case TemplatePart::Kind::special:
          if (add_special_tokens) detail::append_special(out, part);
      }
    }
    return out;
  };
  const Index sizes[] = {first.size(), second ? second->size() : 0};
  if (!truncation) return join({0, sizes[0]}, {0, sizes[1]});
  const Index room = truncation->max_length - (add_special_tokens ? special : 0);
  if (room < 0)
    fail(ConfigError("truncation.max_length", concat(truncation->max_length, " leaves no room beside the ",
                                                     special, " special tokens")));
  const auto [keep_a, keep_b] =
      detail::kept(sizes[0], sizes[1], second != nullptr, room, truncation->strategy);
  const auto a = windows(sizes[0], keep_a, truncation->stride, truncation->left);
  const auto b = windows(sizes[1], keep_b, truncation->stride, truncation->left);
  Encoding out = join(a[0], b[0]);
  for (std::size_t i = 1; i < a.size(); ++i)
    for (const Window& window : b) out.overflowing.push_back(join(a[i], window));
  for (std::size_t j = 1; j < b.size(); ++j) out.overflowing.push_back(join(a[0], b[j]));
  return out;
}

}  // namespace text
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
