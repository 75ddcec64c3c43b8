// The generation loop: feed, draw, tell the caller, until something ends it.
//
//   ef::generate(model, prompt, {.max_new_tokens = 64, .temperature = 0.8, .seed = 7}, [](ef::Token t) { … });
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/core/function_ref.hpp>
#include <eigenformer/generate/sampler.hpp>
#include <eigenformer/generate/stop.hpp>
#include <eigenformer/model/session.hpp>

#include <concepts>
#include <span>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// Why a sequence ended; the last two only in a Batch.
enum class Finish { length, end_token, callback, cancelled, error };

/// One sequence as it was generated.
struct Generation {
  std::vector<Token> tokens;  ///< prompt and new tokens, the end token among them
  Index prompt_size = 0;
  Finish finish = Finish::length;
  std::vector<double>
      log_probabilities;      ///< ln p of each new token by the model's own distribution; on request
  double score = 0;           ///< of a beam search; see generate_beams
  Index most_new_tokens = 0;  ///< that it could have: see most_new_tokens()

  std::span<const Token> new_tokens() const {
    return std::span(tokens).subspan(static_cast<std::size_t>(prompt_size));
  }
};

/// ln of the softmax of `logits` at `token`.
template <class Derived> double log_probability(const Eigen::DenseBase<Derived>& logits, Token token) {
  const double highest = static_cast<double>(logits.maxCoeff());
  double sum = 0;
  for (Index i = 0; i < logits.size(); ++i)
    sum += std::exp(static_cast<double>(logits.derived()[i]) - highest);
  return static_cast<double>(logits.derived()[token]) - highest - std::log(sum);
}

namespace detail {

/// A callback may take the sequence's number, and may return false to end the sequence.
template <class OnToken> bool tell(OnToken& on_token, Index sequence, Token token) {
  const auto call = [&] {
    if constexpr (std::invocable<OnToken&, Index, Token> && !std::invocable<OnToken&, Token>)
      return on_token(sequence, token);
    else
      return on_token(token);
  };
  if constexpr (std::same_as<decltype(call()), bool>) {
    return call();
  } else {
    call();
    return true;
  }
}

/// The token that new token number `step` of at most `most` must be, if any.
inline std::optional<Token> forced(const GenerationConfig& config, Index step, Index most) {
  if (config.forced_bos && step == 0) return config.forced_bos;
  if (config.forced_eos && step + 1 == most) return config.forced_eos;
  return {};
}

inline Token draw(Sampler& sampler, const auto& logits, const Generation& sequence, Index step) {
  const std::optional<Token> token = forced(sampler.config(), step, sequence.most_new_tokens);
  return token ? *token : sampler(logits, sequence.tokens);
}

/// Adds new token number `step`, which was chosen from `logits`, tells the callback, and says whether the
/// sequence goes on.
template <class OnToken>
bool append(Generation& sequence, const GenerationConfig& config, const auto& logits, Token token, Index step,
            OnToken&& tell_token) {
  if (config.log_probabilities) sequence.log_probabilities.push_back(log_probability(logits, token));
  sequence.tokens.push_back(token);
  const bool goes_on = tell_token(token);
  if (is_end_token(config.end_tokens, token))
    sequence.finish = Finish::end_token;
  else if (!goes_on)
    sequence.finish = Finish::callback;
  else if (step + 1 < sequence.most_new_tokens)
    return true;
  return false;
}

/// What is told each new token, as (sequence, token); false ends the sequence.
using TellToken = FunctionRef<bool(Index, Token)>;

/// Draws and feeds until every sequence has ended. Sessions have been fed all of their sequences' tokens.
template <class S>
void generate_all(std::span<Session<S>> sessions, std::span<Sampler> samplers,
                  std::span<Generation> sequences, TellToken on_token) {
  std::vector<Session<S>*> going;              // sessions that are fed in this step
  std::vector<std::span<const Token>> latest;  // and the token of each
  std::vector<char> ended(sessions.size(), 0);
  for (Index step = 0;; ++step) {
    going.clear();
    latest.clear();
    for (std::size_t s = 0; s < sessions.size(); ++s) {
      if (ended[s]) continue;
      const GenerationConfig& config = samplers[s].config();
      Generation& sequence = sequences[s];
      const auto& logits = sessions[s].logits();
      const Token token = draw(samplers[s], logits, sequence, step);
      const auto tell_token = [&](Token t) { return on_token(static_cast<Index>(s), t); };
      ended[s] = !append(sequence, config, logits, token, step, tell_token);
      if (ended[s]) continue;
      going.push_back(&sessions[s]);
      latest.push_back(std::span<const Token>(sequence.tokens).last(1));
    }
    if (going.empty()) return;
    feed_together<S>(going, latest);
  }
}

/// generate(session, …), to a callback of one type.
template <class S>
Generation generate_in(Session<S>& session, Sampler& sampler, std::span<const Token> prompt,
                       TellToken on_token, std::span<const Token> history) {
  const GenerationConfig& config = sampler.config();
  Generation sequence;
  sequence.most_new_tokens = most_new_tokens(config, session.size() + std::ssize(prompt), session.capacity());
  sequence.tokens.reserve(history.size() + prompt.size() +
                          static_cast<std::size_t>(sequence.most_new_tokens));
  sequence.tokens.assign(history.begin(), history.end());
  sequence.tokens.insert(sequence.tokens.end(), prompt.begin(), prompt.end());
  sequence.prompt_size = static_cast<Index>(sequence.tokens.size());
  session.feed(prompt);
  detail::generate_all<S>({&session, 1}, {&sampler, 1}, {&sequence, 1}, on_token);
  return sequence;
}

}  // namespace detail

/// Goes on from a session: feeds `prompt`, then draws up to max_new_tokens of the sampler's config, or
/// without any up to what the session has room for (most_new_tokens()). The callback gets each new token as
/// it is drawn, its end token too, and may return false to end there. `history` are tokens that the session
/// was fed before, for penalties.
/// @throws InputError, WindowError  before any work is done
template <class S, class OnToken>
Generation generate(Session<S>& session, Sampler& sampler, std::span<const Token> prompt, OnToken&& on_token,
                    std::span<const Token> history = {}) {
  const auto each = [&](Index sequence, Token token) { return detail::tell(on_token, sequence, token); };
  return detail::generate_in<S>(session, sampler, prompt, each, history);
}

namespace detail {

/// Continues every prompt num_return_sequences times in sessions that have been fed theirs.
template <class S>
std::vector<Generation> generate_from(std::vector<Session<S>> sessions, const TokenBatch& prompts,
                                      const GenerationConfig& config, TellToken on_token) {
  const auto copies = static_cast<std::size_t>(config.num_return_sequences);
  if (copies > 1) {  // a prompt is computed once and its cache shared
    std::vector<Session<S>> forks;
    forks.reserve(prompts.size() * copies);
    for (const auto& session : sessions)
      for (std::size_t i = 0; i < copies; ++i) forks.push_back(session.fork());
    sessions = std::move(forks);
  }
  std::vector<Sampler> samplers;
  std::vector<Generation> sequences;
  for (std::size_t s = 0; s < sessions.size(); ++s) {
    samplers.emplace_back(config, s);
    const auto& prompt = prompts[s / copies];
    Generation& sequence = sequences.emplace_back();
    sequence.most_new_tokens =
        most_new_tokens(config, std::ssize(prompt), sessions[s].model().config().max_positions);
    sequence.tokens.reserve(prompt.size() + static_cast<std::size_t>(sequence.most_new_tokens));
    sequence.tokens = prompt;
    sequence.prompt_size = static_cast<Index>(prompt.size());
  }
  if (!sessions.empty()) generate_all<S>(sessions, samplers, sequences, on_token);
  return sequences;
}

/// Feeds each session its prompt, all in one pass.
template <class S> void feed_prompts(std::vector<Session<S>>& sessions, const TokenBatch& prompts) {
  std::vector<Session<S>*> fed;
  for (auto& session : sessions) fed.push_back(&session);
  if (!fed.empty())
    feed_together<S>(fed, std::vector<std::span<const Token>>(prompts.begin(), prompts.end()));
}

/// @throws ConfigError  for a config that a model with this vocabulary cannot follow
inline void check_config(const GenerationConfig& config, const ModelConfig& model) {
  validate(config);
  validate_tokens(config, model.vocab_size);
}

/// What the results begin with: the prompts themselves, or the start of a target for each source.
template <class S> TokenBatch beginnings(const CausalLM<S>&, const TokenBatch& prompts) { return prompts; }
template <class S> TokenBatch beginnings(const Seq2Seq<S>& model, const TokenBatch& sources) {
  return TokenBatch(sources.size(), {model.config().decoder_start_token});
}

/// A session for each prompt, fed and with room for the new tokens.
/// @throws InputError, ConfigError, WindowError  before any work is done
template <class S>
std::vector<Session<S>> begin(const CausalLM<S>& model, const TokenBatch& prompts,
                              const GenerationConfig& config, Threads& threads) {
  check_config(config, model.config());
  std::vector<Index> capacities;
  for (const auto& prompt : prompts) {
    check_tokens(prompt, model.config());
    const Index length = std::ssize(prompt);
    capacities.push_back(length + most_new_tokens(config, length, model.config().max_positions));
  }
  std::vector<Session<S>> sessions;
  for (const Index capacity : capacities)
    sessions.emplace_back(model, threads, SessionOptions{.capacity = capacity});
  feed_prompts(sessions, prompts);
  return sessions;
}

/// A session for each source, which the model has read.
/// @throws InputError, ConfigError, WindowError  before any work is done
template <class S>
std::vector<Session<S>> begin(const Seq2Seq<S>& model, const TokenBatch& sources,
                              const GenerationConfig& config, Threads& threads) {
  check_config(config, model.config());
  const Index capacity = 1 + most_new_tokens(config, 1, model.config().max_positions);
  Workspace workspace;
  Run run{threads, workspace};
  std::vector<Session<S>> sessions;
  for (auto& source : model.read(sources, run))
    sessions.emplace_back(model, threads, std::move(source), SessionOptions{.capacity = capacity});
  feed_prompts(sessions, beginnings(model, sources));
  return sessions;
}

/// generate_batch(), to a callback of one type.
template <class Model>
std::vector<Generation> generate_each(const Model& model, const TokenBatch& prompts,
                                      const GenerationConfig& config, Threads& threads, TellToken on_token) {
  if (config.num_beams > 1) fail(ConfigError("num_beams", "beam search does not sample: see generate_beams"));
  return generate_from(begin(model, prompts, config, threads), beginnings(model, prompts), config, on_token);
}

EIGENFORMER_ONCE(generate, Generation generate_in<float>(Session<float>&, Sampler&, std::span<const Token>,
                                                         TellToken, std::span<const Token>));
EIGENFORMER_ONCE(generate, Generation generate_in<double>(Session<double>&, Sampler&, std::span<const Token>,
                                                          TellToken, std::span<const Token>));
EIGENFORMER_ONCE(generate, std::vector<Generation> generate_each<CausalLM<float>>(const CausalLM<float>&,
                                                                                  const TokenBatch&,
                                                                                  const GenerationConfig&,
                                                                                  Threads&, TellToken));
EIGENFORMER_ONCE(generate, std::vector<Generation> generate_each<CausalLM<double>>(const CausalLM<double>&,
                                                                                   const TokenBatch&,
                                                                                   const GenerationConfig&,
                                                                                   Threads&, TellToken));
EIGENFORMER_ONCE(generate, std::vector<Generation> generate_each<Seq2Seq<float>>(const Seq2Seq<float>&,
                                                                                 const TokenBatch&,
                                                                                 const GenerationConfig&,
                                                                                 Threads&, TellToken));
EIGENFORMER_ONCE(generate, std::vector<Generation> generate_each<Seq2Seq<double>>(const Seq2Seq<double>&,
                                                                                  const TokenBatch&,
                                                                                  const GenerationConfig&,
                                                                                  Threads&, TellToken));

}  // namespace detail

/// Continues several prompts of a CausalLM, or writes targets for several sources of a Seq2Seq, whose results
/// begin with its decoder_start_token. Sequence i draws from stream i of the seed. With num_return_sequences
/// above 1 each prompt is continued that often, its results one after the other. The callback gets (sequence,
/// token).
/// @throws InputError, ConfigError, WindowError  before any work is done
template <class Model, class OnToken>
std::vector<Generation> generate_batch(const Model& model, const TokenBatch& prompts,
                                       const GenerationConfig& config, Threads& threads, OnToken&& on_token) {
  const auto each = [&](Index sequence, Token token) { return detail::tell(on_token, sequence, token); };
  return detail::generate_each(model, prompts, config, threads, each);
}

/// Continues a prompt, or writes the target of a source; the callback gets each new token.
/// @throws InputError, ConfigError, WindowError  before any work is done
template <class Model, class OnToken>
Generation generate(const Model& model, std::span<const Token> prompt, const GenerationConfig& config,
                    Threads& threads, OnToken&& on_token) {
  const auto each = [&](Index, Token token) { return detail::tell(on_token, 0, token); };
  return std::move(generate_batch(model, {{prompt.begin(), prompt.end()}}, config, threads, each).front());
}

/// The same on the calling thread alone.
template <class Model, class OnToken>
Generation generate(const Model& model, std::span<const Token> prompt, const GenerationConfig& config,
                    OnToken&& on_token) {
  Threads threads(1);
  return generate(model, prompt, config, threads, on_token);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
