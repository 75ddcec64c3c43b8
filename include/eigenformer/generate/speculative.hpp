// Speculative decoding: a cheap drafter proposes the next tokens, the model reads them all in one pass, and
// keeps as many as it would have written itself.
//
//   ef::PromptLookup lookup;                                    // or ef::DraftModel<float> draft(small, …)
//   auto [generation, counts] =
//       ef::generate_speculative(session, sampler, lookup, prompt, [](ef::Token t) { … });
//
// While decoding is memory-bound, a pass over k + 1 tokens costs little more than one over a single token, so
// each proposal that is kept saves a pass. What is written is what the model alone would have written:
// - A proposal without probabilities (greedy, or looked up) is kept if the model's own draw is the same token.
//   The tokens are then those of plain decoding with the same sampler, to the last one.
// - A proposal x drawn from a distribution q is kept with probability min(1, p(x) / q(x)), and otherwise
//   replaced by a draw from max(0, p - q), normalised; then the token has the distribution p (Leviathan,
//   Kalman & Matias 2023, "Fast inference from transformers via speculative decoding", appendix A.1; Chen et
//   al. 2023, "Accelerating large language model decoding with speculative sampling", theorem 1). p and q are
//   what the samplers make of the logits, all processors and truncations included.
#pragma once

#include <eigenformer/generate/generate.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

/// What is proposed to come next.
struct Proposal {
  std::vector<Token> tokens;
  std::vector<RowVector<double>> probabilities;  ///< of which each was drawn, [vocab_size]; none: certain

  void clear() {
    tokens.clear();
    probabilities.clear();
  }
};

namespace detail {

/// The place at which the running sum of weights first exceeds this share, in [0, 1), of their total.
inline Token at_share(const RowVector<double>& weights, double share) {
  const double target = share * weights.sum();
  double sum = 0;
  Index last = 0;
  for (Index i = 0; i < weights.size() && sum <= target; ++i) {
    if (!(weights[i] > 0)) continue;
    sum += weights[i];
    last = i;
  }
  return static_cast<Token>(last);  // where rounding ends the sum early, the last one there is
}

/// Beside the stream of a sampler, one for what is drafted in its place and one for what is kept of it. A
/// number belongs to a place in the text: a place that is drafted again was never judged before.
inline std::uint64_t stream_of_drafts(std::uint64_t stream) { return stream ^ std::uint64_t{1} << 63; }
inline std::uint64_t stream_of_verdicts(std::uint64_t stream) { return stream ^ std::uint64_t{1} << 62; }

/// New token number `step`: the proposal's token i, or another.
inline Token judge(Sampler& sampler, const auto& logits, const Generation& sequence, Index step,
                   const Proposal& proposal, std::size_t i) {
  const GenerationConfig& config = sampler.config();
  if (i >= proposal.probabilities.size() || forced(config, step, sequence.most_new_tokens))
    return draw(sampler, logits, sequence, step);
  const Token proposed = proposal.tokens[i];
  const RowVector<double>& q = proposal.probabilities[i];
  RowVector<double> p = sampler.probabilities(logits, sequence.tokens);
  const auto place = static_cast<std::uint64_t>(sampler.drawn());
  sampler.seek(sampler.drawn() + 1);
  const Random verdicts(Seed{config.seed}, stream_of_verdicts(sampler.stream()));
  if (verdicts.uniform(place) * q[proposed] < p[proposed]) return proposed;
  const RowVector<double> rest = (p - q).cwiseMax(0.0);
  if (rest.sum() > 0) p = rest;  // nothing is left only where rounding alone parts p from q
  return at_share(p, Random(Seed{config.seed}, sampler.stream()).uniform(place));
}

}  // namespace detail

/// Proposes what came after the latest tokens the last time they stood in the text: for summaries, edits,
/// code and answers from a context, which repeat what is there (Saxena 2023, "Prompt lookup decoding").
struct PromptLookup {
  Index longest = 3;   ///< tokens that must match, at best
  Index shortest = 1;  ///< and at least

  /// @param drawn  is of no concern here
  void propose(std::span<const Token> tokens, Index count, Index /*drawn*/, Proposal& proposal) const {
    const Index size = std::ssize(tokens);
    for (Index n = (std::min)(longest, size - 1); n >= (std::max)(shortest, Index{1}); --n)
      for (Index begin = size - n - 1; begin >= 0; --begin) {  // the latest occurrence first
        if (!std::equal(tokens.end() - n, tokens.end(), tokens.begin() + begin)) continue;
        const Index next = begin + n;
        const auto found = tokens.subspan(static_cast<std::size_t>(next),
                                          static_cast<std::size_t>((std::min)(count, size - next)));
        proposal.tokens.assign(found.begin(), found.end());
        return;
      }
  }
};

/// Proposes what a smaller model with the same vocabulary would write. Its sampler may differ from the
/// model's: what is written keeps its distribution, only fewer proposals are kept. At temperature 0 it
/// proposes its likeliest tokens, otherwise it draws, from a stream of its own.
template <class S> class DraftModel {
 public:
  /// Model and threads must outlive it.
  DraftModel(const CausalLM<S>& model, Threads& threads, Sampler sampler)
      : sampler_(std::move(sampler)), session_(model, threads) {}

  Index vocabulary() const { return session_.model().config().vocab_size; }

  /// Proposes nothing where the text comes to the end of the draft's own window.
  /// @param drawn  how many of the tokens were generated, as samplers count them
  void propose(std::span<const Token> tokens, Index count, Index drawn, Proposal& proposal) {
    count = (std::min)(count, session_.capacity() - std::ssize(tokens) + 1);  // the last one is not fed
    if (count < 1) return;
    const auto fed = text_.begin() + session_.size();
    const auto differ = std::mismatch(text_.begin(), fed, tokens.begin(), tokens.end() - 1).first;
    session_.truncate(differ - text_.begin());
    text_.assign(tokens.begin(), tokens.end());
    const GenerationConfig& config = sampler_.config();
    const Random random(Seed{config.seed}, detail::stream_of_drafts(sampler_.stream()));
    for (const Index last = drawn + count; drawn < last; ++drawn) {
      session_.feed(std::span<const Token>(text_).subspan(static_cast<std::size_t>(session_.size())));
      sampler_.seek(drawn);
      Token next = 0;
      if (config.temperature == 0) {
        next = sampler_(session_.logits(), text_);
      } else {
        proposal.probabilities.push_back(sampler_.probabilities(session_.logits(), text_));
        next = detail::at_share(proposal.probabilities.back(),
                                random.uniform(static_cast<std::uint64_t>(drawn)));
      }
      proposal.tokens.push_back(next);
      text_.push_back(next);
    }
  }

 private:
  Sampler sampler_;
  Session<S> session_;
  std::vector<Token> text_;  // begins with what the session was fed
};

struct SpeculativeOptions {
  Index draft_tokens = 4;  ///< proposed at a time, at most; 0: plain decoding
};

/// How well the proposals did.
struct SpeculativeCounts {
  Index passes = 0;    ///< of the model, each for the token behind its last proposal at least
  Index proposed = 0;  ///< tokens
  Index accepted = 0;  ///< of them
  Index written = 0;   ///< new tokens in all

  double acceptance_rate() const {
    return proposed ? static_cast<double>(accepted) / static_cast<double>(proposed) : 0;
  }
  double tokens_per_pass() const {
    return passes ? static_cast<double>(written) / static_cast<double>(passes) : 0;
  }
};

struct SpeculativeGeneration {
  Generation generation;
  SpeculativeCounts counts;
};

namespace detail {

/// @throws InputError  for a proposal that is too long, of tokens that are none, or of unlikely probabilities
inline void check_proposal(const Proposal& proposal, Index count, const ModelConfig& model) {
  if (std::ssize(proposal.tokens) > count)
    fail(InputError(concat(proposal.tokens.size(), " tokens proposed, ", count, " asked for")));
  if (!proposal.tokens.empty()) check_tokens(proposal.tokens, model);
  if (proposal.probabilities.empty()) return;
  if (proposal.probabilities.size() != proposal.tokens.size())
    fail(InputError(concat("probabilities of ", proposal.probabilities.size(), " tokens for ",
                           proposal.tokens.size(), " proposed")));
  for (std::size_t i = 0; i < proposal.tokens.size(); ++i) {
    const RowVector<double>& q = proposal.probabilities[i];
    if (q.size() != model.vocab_size)
      fail(InputError(
          concat("probabilities of ", q.size(), " tokens for a vocabulary of ", model.vocab_size)));
    if (!(q[proposal.tokens[i]] > 0))
      fail(InputError(
          concat("token ", proposal.tokens[i], " was proposed at probability ", q[proposal.tokens[i]])));
  }
}

}  // namespace detail

/// As generate(session, …), with somebody who proposes: a PromptLookup, a DraftModel, or anything with
/// `propose(tokens, count, drawn, proposal)`. Afterwards the session's cache holds all but the last token, as
/// there, but its logits() are out of date.
/// @throws InputError, WindowError  before any work is done; InputError for a proposal of another vocabulary
template <class S, class Drafter, class OnToken>
SpeculativeGeneration generate_speculative(Session<S>& session, Sampler& sampler, Drafter& drafter,
                                           std::span<const Token> prompt, OnToken&& on_token,
                                           SpeculativeOptions options = {},
                                           std::span<const Token> history = {}) {
  const GenerationConfig& config = sampler.config();
  const ModelConfig& model = session.model().config();
  check_tokens(prompt, model);
  const Index most = most_new_tokens(config, session.size() + std::ssize(prompt), session.capacity());
  if (options.draft_tokens < 0)
    fail(ConfigError("draft_tokens", concat(options.draft_tokens, " is negative")));
  if constexpr (requires { drafter.vocabulary(); })
    if (drafter.vocabulary() != model.vocab_size)
      fail(InputError(concat("the draft's vocabulary of ", drafter.vocabulary(),
                             " tokens is not the model's, of ", model.vocab_size)));
  SpeculativeGeneration out;
  std::vector<Token>& tokens = out.generation.tokens;
  out.generation.most_new_tokens = most;
  tokens.reserve(history.size() + prompt.size() + static_cast<std::size_t>(most));
  tokens.assign(history.begin(), history.end());
  tokens.insert(tokens.end(), prompt.begin(), prompt.end());
  out.generation.prompt_size = std::ssize(tokens);
  if (prompt.size() > 1) session.feed(prompt.first(prompt.size() - 1));

  const Index before = session.size() + 1 - std::ssize(tokens);  // tokens in the cache that are no history
  const auto tell_token = [&](Token token) { return detail::tell(on_token, 0, token); };
  Matrix<S> logits(options.draft_tokens + 1, model.vocab_size);
  std::vector<Token> fed;
  Proposal proposal;
  struct Cut {  // what was proposed for nothing leaves the cache, whatever the callback throws
    ~Cut() { session.truncate(before + std::ssize(tokens) - 1); }
    Session<S>& session;
    const Index before;
    const std::vector<Token>& tokens;
  };
  for (bool goes_on = true; goes_on;) {
    const Cut cut{session, before, tokens};
    const bool is_free = !detail::forced(config, out.counts.written, most);
    const Index count = is_free ? (std::min)(options.draft_tokens, most - out.counts.written - 1) : 0;
    proposal.clear();
    if (count > 0) drafter.propose(tokens, count, sampler.drawn(), proposal);
    detail::check_proposal(proposal, count, model);
    fed.assign(1, tokens.back());
    fed.insert(fed.end(), proposal.tokens.begin(), proposal.tokens.end());
    session.feed(fed, logits.topRows(std::ssize(fed)));
    ++out.counts.passes;
    out.counts.proposed += std::ssize(proposal.tokens);
    bool accepted = true;
    for (std::size_t i = 0; goes_on && accepted; ++i) {
      const auto row = logits.row(static_cast<Index>(i));
      const Index step = out.counts.written++;
      const Token token = detail::judge(sampler, row, out.generation, step, proposal, i);
      accepted = i < proposal.tokens.size() && token == proposal.tokens[i];
      out.counts.accepted += accepted;
      goes_on = detail::append(out.generation, config, row, token, step, tell_token);
    }
  }
  return out;
}

/// The same in a session made for it.
/// @throws InputError, ConfigError, WindowError  before any work is done
template <class S, class Drafter, class OnToken>
SpeculativeGeneration generate_speculative(const CausalLM<S>& model, Drafter& drafter,
                                           std::span<const Token> prompt, const GenerationConfig& config,
                                           Threads& threads, OnToken&& on_token,
                                           SpeculativeOptions options = {}) {
  detail::check_config(config, model.config());
  if (config.num_beams > 1) fail(ConfigError("num_beams", "beam search takes no proposals"));
  if (config.num_return_sequences > 1)
    fail(ConfigError("num_return_sequences", "proposals are for one sequence at a time"));
  check_tokens(prompt, model.config());
  const Index length = std::ssize(prompt);
  const Index capacity = length + most_new_tokens(config, length, model.config().max_positions);
  Session<S> session(model, threads, {.capacity = capacity});
  Sampler sampler(config);
  return generate_speculative(session, sampler, drafter, prompt, on_token, options);
}

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
