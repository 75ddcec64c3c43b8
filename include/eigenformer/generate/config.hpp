// What a generation is asked for: lengths, sampling, penalties, where to stop, beams.
//
// Meaning and order of the processors are those of Hugging Face transformers; presence and frequency
// penalties are OpenAI's.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// A number added to one token's logit; -infinity bans the token.
struct TokenBias {
  Token token = 0;
  double bias = 0;
};

/// When a beam search is content with the hypotheses it has finished.
enum class EarlyStopping {
  no,    ///< when no running beam is likely to beat the worst finished one
  yes,   ///< as soon as num_beams hypotheses are finished
  never  ///< when no running beam can beat the worst finished one, at any length
};

/// New tokens where a GenerationConfig names no number, and the window has room for them.
inline constexpr Index usual_new_tokens = 128;

/// Every field has the value that switches it off as its default, but for `max_new_tokens`.
struct GenerationConfig {
  std::optional<Index> max_new_tokens{};  // at least 1; none: usual_new_tokens, or what the window leaves
  Index min_new_tokens = 0;               // end tokens are impossible before; 0: off

  double temperature = 1;     // logits are divided by it; 1: off; 0: greedy, always the likeliest token
  Index top_k = 0;            // only the k likeliest tokens; 0: all
  double top_p = 1;           // only the likeliest tokens that together reach this probability; 1: all
  double min_p = 0;           // only tokens at least this fraction as likely as the likeliest; 0: all
  double typical_p = 1;       // the tokens nearest the expected information, up to this probability; 1: all
  double epsilon_cutoff = 0;  // only tokens at least this likely; 0: all
  double eta_cutoff = 0;      // the same, lower where the distribution is flat; 0: all

  double repetition_penalty = 1;  // divides positive and multiplies negative logits of past tokens; 1: off
  double presence_penalty = 0;    // subtracted from the logits of past tokens; 0: off
  double frequency_penalty = 0;   // subtracted as often as a token occurred; 0: off
  Index no_repeat_ngram = 0;      // no sequence of so many tokens twice; 0: off
  std::vector<TokenBias> logit_bias{};  // added to the logits; empty: off
  std::vector<Token> banned_tokens{};   // never drawn; empty: off

  std::vector<Token> end_tokens{};        // each ends the sequence it is drawn for; empty: none
  std::vector<std::string> stop_texts{};  // each ends the text before it; empty: none

  std::uint64_t seed = 0;          // the same seed draws the same tokens from the same logits
  bool log_probabilities = false;  // keep ln p of every new token by the model's own distribution

  Index num_beams = 1;                               // hypotheses that are followed; 1: no beam search
  double length_penalty = 1;                         // a beam's score is its sum / length^this; 0: off
  EarlyStopping early_stopping = EarlyStopping::no;  // of beam search
  Index num_return_sequences = 1;                    // results for one prompt
  std::optional<Token> forced_bos{};                 // the first token that is generated; none: free
  std::optional<Token> forced_eos{};                 // the last token at max_new_tokens; none: free
};

namespace detail {

template <class Value> void require(bool holds, const char* field, const Value& value, const char* rule) {
  if (!holds) fail(ConfigError(field, concat(value, " ", rule)));
}

inline void require_token(const char* field, Token token) {
  require(token >= 0, field, token, "is no token, ids begin at 0");
}

}  // namespace detail

/// Checks all that can be checked without knowing the vocabulary.
/// @throws ConfigError naming the first field with an impossible value, and the value.
inline void validate(const GenerationConfig& config) {
  using detail::require;
  const auto finite = [](double value) { return std::isfinite(value); };
  const auto share = [](double value) { return value > 0 && value <= 1; };  // false for NaN

  const Index most = config.max_new_tokens.value_or((std::numeric_limits<Index>::max)());
  require(most >= 1, "max_new_tokens", most, "is not at least 1");
  require(config.min_new_tokens >= 0, "min_new_tokens", config.min_new_tokens, "is negative");
  require(config.min_new_tokens <= most, "min_new_tokens", config.min_new_tokens,
          "is more than max_new_tokens");
  require(finite(config.temperature) && config.temperature >= 0, "temperature", config.temperature,
          "is not a finite number of at least 0");
  require(config.top_k >= 0, "top_k", config.top_k, "is negative");
  require(share(config.top_p), "top_p", config.top_p, "is not in (0, 1]");
  require(config.min_p == 0 || share(config.min_p), "min_p", config.min_p, "is not in [0, 1]");
  require(share(config.typical_p), "typical_p", config.typical_p, "is not in (0, 1]");
  require(config.epsilon_cutoff >= 0 && config.epsilon_cutoff < 1, "epsilon_cutoff", config.epsilon_cutoff,
          "is not in [0, 1)");
  require(config.eta_cutoff >= 0 && config.eta_cutoff < 1, "eta_cutoff", config.eta_cutoff,
          "is not in [0, 1)");

  require(finite(config.repetition_penalty) && config.repetition_penalty > 0, "repetition_penalty",
          config.repetition_penalty, "is not a finite number above 0");
  require(finite(config.presence_penalty), "presence_penalty", config.presence_penalty, "is not finite");
  require(finite(config.frequency_penalty), "frequency_penalty", config.frequency_penalty, "is not finite");
  require(config.no_repeat_ngram >= 0, "no_repeat_ngram", config.no_repeat_ngram, "is negative");
  for (const TokenBias& entry : config.logit_bias) {
    detail::require_token("logit_bias", entry.token);
    require(entry.bias < std::numeric_limits<double>::infinity(), "logit_bias", entry.bias,
            "is neither a finite number nor -infinity");
  }
  for (const Token token : config.banned_tokens) detail::require_token("banned_tokens", token);
  for (const Token token : config.end_tokens) detail::require_token("end_tokens", token);
  for (const std::string& text : config.stop_texts) {
    require(!text.empty(), "stop_texts", "an empty text", "would stop at once");
  }

  require(config.num_beams >= 1, "num_beams", config.num_beams, "is not at least 1");
  require(finite(config.length_penalty), "length_penalty", config.length_penalty, "is not finite");
  require(config.num_return_sequences >= 1, "num_return_sequences", config.num_return_sequences,
          "is not at least 1");
  require(config.num_beams == 1 || config.num_return_sequences <= config.num_beams, "num_return_sequences",
          config.num_return_sequences, "is more than num_beams");
  if (config.forced_bos) detail::require_token("forced_bos", *config.forced_bos);
  if (config.forced_eos) detail::require_token("forced_eos", *config.forced_eos);
}

/// How many new tokens a sequence gets at most behind `prompt` tokens in a window: the number that the config
/// names, which must fit. Where it names none, usual_new_tokens (or min_new_tokens, if that is more), or else
/// as many as the window leaves.
/// @throws WindowError  for a number that was asked for and does not fit, and for a prompt that leaves no
/// room
inline Index most_new_tokens(const GenerationConfig& config, Index prompt, Index window) {
  const Index left = window - prompt;
  if (config.max_new_tokens) {
    const Index asked = *config.max_new_tokens;
    if (asked > left)
      fail(WindowError(window, prompt + (std::min)(asked, (std::numeric_limits<Index>::max)() - prompt),
                       concat("a prompt of ", prompt, " tokens and ", asked,
                              " new ones exceed the context window of ", window)));
    return asked;
  }
  if (left < 1)
    fail(WindowError(window, prompt + 1,
                     concat("a prompt of ", prompt,
                            " tokens leaves no room for a new one in the context window of ", window)));
  if (config.min_new_tokens > left)
    fail(WindowError(window, prompt + config.min_new_tokens,
                     concat("a prompt of ", prompt, " tokens and at least ", config.min_new_tokens,
                            " new ones exceed the context window of ", window)));
  return (std::min)((std::max)(usual_new_tokens, config.min_new_tokens), left);
}

namespace detail {

inline void require_below(const char* field, Token token, Index vocabulary) {
  if (token >= vocabulary) {
    fail(ConfigError(field, concat("token ", token, " is outside the vocabulary of ", vocabulary)));
  }
}

}  // namespace detail

/// Checks the ids of a valid configuration against the size of a vocabulary.
/// @throws ConfigError naming the field, the token and the vocabulary.
inline void validate_tokens(const GenerationConfig& config, Index vocabulary) {
  for (const TokenBias& entry : config.logit_bias)
    detail::require_below("logit_bias", entry.token, vocabulary);
  for (const Token token : config.banned_tokens) detail::require_below("banned_tokens", token, vocabulary);
  for (const Token token : config.end_tokens) detail::require_below("end_tokens", token, vocabulary);
  if (config.forced_bos) detail::require_below("forced_bos", *config.forced_bos, vocabulary);
  if (config.forced_eos) detail::require_below("forced_eos", *config.forced_eos, vocabulary);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
