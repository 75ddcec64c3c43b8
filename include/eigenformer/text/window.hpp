// Texts that are longer than a model's window: cut into windows that overlap, for encoders, or kept to the
// latest messages of a conversation, for decoders.
#pragma once

#include <eigenformer/text/tokenizer.hpp>

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct WindowOptions {
  Index length;       // of a window in tokens, special tokens included
  Index overlap = 0;  // tokens that a window repeats of the one before it
  bool add_special_tokens = true;
};

/// All of a text as windows, each a complete input: with its special tokens, and with offsets into the whole
/// text.
///
/// @param question  stands in front in every window, as the first text of a pair
/// @throws InputError   as Tokenizer::encode_full()
/// @throws ConfigError  if `length` leaves no room for more tokens than `overlap`
inline std::vector<Encoding> encode_windows(const Tokenizer& tokenizer, std::string_view text,
                                            const WindowOptions& options,
                                            std::optional<std::string_view> question = std::nullopt) {
  using Strategy = text::Truncation::Strategy;
  const EncodeOptions encode{
      .add_special_tokens = options.add_special_tokens,
      .truncation = text::Truncation{.max_length = options.length,
                                     .strategy = question ? Strategy::only_second : Strategy::longest_first,
                                     .stride = options.overlap}};
  Encoding first = question ? tokenizer.encode_full(*question, text, encode)
                            : tokenizer.encode_full(text, std::nullopt, encode);
  std::vector<Encoding> out = std::exchange(first.overflowing, {});
  out.insert(out.begin(), std::move(first));
  for (const Encoding& window : out)
    if (window.size() > options.length)  // the reference engine's answer to windows without room
      fail(ConfigError("length", concat(options.length, " tokens leave no room for any of the text")));
  return out;
}

/// Which messages of a conversation to keep: those pinned at its beginning (the system message) and, of the
/// others, the latest that fit beside them.
///
/// @param tokens  of each message
/// @param pinned  how many messages at the beginning are always kept
/// @param room    tokens that the messages may have together
/// @return the first message after the pinned ones that is kept
/// @throws WindowError  if the pinned messages and the last one have more tokens than there is room for
inline std::size_t first_recent_message(std::span<const Index> tokens, std::size_t pinned, Index room) {
  if (pinned > tokens.size())
    fail(InputError(concat(pinned, " messages are pinned, but there are ", tokens.size())));
  Index used = 0;
  for (const Index message : tokens.first(pinned)) used += message;
  std::size_t first = tokens.size();
  while (first > pinned && used + tokens[first - 1] <= room) used += tokens[--first];
  if (used <= room && (first < tokens.size() || pinned == tokens.size())) return first;
  if (first == tokens.size() && pinned < tokens.size()) used += tokens.back();
  fail(WindowError(room, used,
                   concat("the messages that are always kept and the last one have ", used,
                          " tokens, but there is room for ", room)));
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
