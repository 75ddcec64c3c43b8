// What fits in a context window: prompt and answer together, examples of a few-shot prompt, overlapping
// chunks.
#pragma once

#include <eigenformer/model/config.hpp>
#include <eigenformer/plan/amounts.hpp>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {
namespace plan {

struct WindowOptions {
  Index window = 0;         ///< tokens, prompt and answer together
  Index fixed_tokens = 0;   ///< instruction and query
  Index answer_tokens = 0;  ///< kept free for the answer
};

/// Tokens left for examples or retrieved text; negative: what is too much.
inline Index free_tokens(const WindowOptions& o) {
  detail::require_positive(o.window, "window");
  detail::require_not_negative(o.fixed_tokens, "fixed_tokens");
  detail::require_not_negative(o.answer_tokens, "answer_tokens");
  return o.window - detail::add(o.fixed_tokens, o.answer_tokens);
}

/// How many examples of `example_tokens` each fit beside the fixed parts and the answer.
inline Index examples_that_fit(const WindowOptions& o, Index example_tokens) {
  detail::require_positive(example_tokens, "example_tokens");
  return (std::max)(Index{0}, free_tokens(o)) / example_tokens;
}

/// What a prompt and an answer leave of an architecture's window; negative: what is too much.
struct WindowUse {
  Index prompt_left = 0;
  Index answer_left = 0;  ///< a decoder's answer shares the window with the prompt: as prompt_left

  constexpr bool fits() const { return prompt_left >= 0 && answer_left >= 0; }
};

/// A decoder has one window for prompt and answer together, an encoder-decoder one for each, an encoder none
/// for an answer. @throws InputError  for negative numbers, and for an encoder's answer
inline WindowUse window_use(const ModelConfig& config, Index prompt_tokens, Index answer_tokens) {
  detail::require_not_negative(prompt_tokens, "prompt_tokens");
  const auto left = [&](Index prompt, Index answer) {
    return free_tokens({.window = config.max_positions, .fixed_tokens = prompt, .answer_tokens = answer});
  };
  const Index both = left(prompt_tokens, answer_tokens);
  switch (config.stacks) {
    case Stacks::decoder: break;
    case Stacks::encoder_decoder: return {left(prompt_tokens, 0), left(0, answer_tokens)};
    case Stacks::encoder:
      if (answer_tokens > 0) fail(InputError("an encoder alone gives no answer"));
      return {both, 0};
  }
  return {both, both};
}

/// Windows that cover a text of `tokens`, each sharing `overlap` tokens with the one before.
/// @throws InputError  where the overlap leaves no room for new tokens
inline Index windows_needed(Index tokens, Index window, Index overlap) {
  detail::require_positive(tokens, "tokens");
  detail::require_positive(window, "window");
  detail::require_not_negative(overlap, "overlap");
  if (overlap >= window)
    fail(InputError(concat("an overlap of ", overlap, " leaves nothing new in a window of ", window)));
  if (tokens <= window) return 1;
  const Index step = window - overlap;
  return 1 + (tokens - window + step - 1) / step;
}

struct PairLengths {
  Index first = 0, second = 0;
};

/// What is left of two texts when the longer one loses tokens until both fit ("longest first").
/// @throws InputError  where the special tokens alone fill the window
inline PairLengths truncate_longest_first(PairLengths pair, Index special_tokens, Index window) {
  detail::require_not_negative(pair.first, "first");
  detail::require_not_negative(pair.second, "second");
  detail::require_not_negative(special_tokens, "special_tokens");
  const Index room = window - special_tokens;
  if (room < 0) fail(InputError(concat(special_tokens, " special tokens exceed a window of ", window)));
  if (detail::add(pair.first, pair.second) <= room) return pair;
  Index& longer = pair.first >= pair.second ? pair.first : pair.second;
  Index& shorter = pair.first >= pair.second ? pair.second : pair.first;
  longer = (std::max)(room - shorter, (room + 1) / 2);
  shorter = (std::min)(shorter, room - longer);
  return pair;
}

}  // namespace plan
}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
