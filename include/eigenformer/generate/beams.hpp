// Beam search: the likeliest continuations, found by following several at a time.
//
// Ranking, length penalty and stopping are those of Hugging Face transformers 4.46 (BeamSearchScorer); the
// length penalty is Wu et al. 2016's without its constant. Beams share the cache of what they have in common.
#pragma once

#include <eigenformer/generate/generate.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// A beam that may go on in one more token.
struct Continuation {
  double sum = 0;  ///< of the scores of all new tokens
  std::size_t beam = 0;
  Token token = 0;
};

/// Whether x stands before y: by their sums, then by beam and token.
inline bool ranks_before(const Continuation& x, const Continuation& y) {
  if (x.sum != y.sum) return x.sum > y.sum;
  return x.beam != y.beam ? x.beam < y.beam : x.token < y.token;
}

/// The hypotheses of one prompt: those that are followed, and the best of those that have ended.
class BeamRow {
 public:
  struct Beam {
    std::vector<Token> tokens;
    double sum = 0;
  };

  /// @param most  new tokens: see most_new_tokens()
  BeamRow(const GenerationConfig& config, std::vector<Token> prompt, Index most)
      : config_(config), prompt_size_(prompt.size()), most_(most) {
    beams_.push_back({std::move(prompt), 0});
  }

  const std::vector<Beam>& beams() const { return beams_; }
  Index most_new_tokens() const { return most_; }
  bool done() const { return done_; }

  /// Goes on with the best continuations, ranked, of this step. Returns the beam that each of the new beams
  /// came from.
  std::vector<std::size_t> advance(std::span<const Continuation> ranked) {
    const auto width = static_cast<std::size_t>(config_.num_beams);
    const std::size_t length = beams_[0].tokens.size() - prompt_size_ + 1;  // new tokens after this step
    std::vector<Beam> next;
    std::vector<std::size_t> parents;
    for (std::size_t rank = 0; rank < ranked.size() && next.size() < width; ++rank) {
      const Continuation& c = ranked[rank];
      const bool ends = is_end_token(config_.end_tokens, c.token);
      if (ends && rank >= width) continue;
      Beam beam{beams_[c.beam].tokens, c.sum};
      beam.tokens.push_back(c.token);
      if (ends) {
        finish(std::move(beam), Finish::end_token);
      } else {
        next.push_back(std::move(beam));
        parents.push_back(c.beam);
      }
    }
    beams_ = std::move(next);
    done_ = beams_.empty() || content(ranked.front().sum, length);
    if (!done_ && length == static_cast<std::size_t>(most_)) {
      for (Beam& beam : beams_) finish(std::move(beam), Finish::length);
      done_ = true;
    }
    return parents;
  }

  /// The best hypotheses, best first; of equal scores the one that ended later.
  std::vector<Generation> results() && {
    std::reverse(finished_.begin(), finished_.end());
    std::stable_sort(finished_.begin(), finished_.end(),
                     [](const Generation& x, const Generation& y) { return x.score > y.score; });
    finished_.resize((std::min)(finished_.size(), static_cast<std::size_t>(config_.num_return_sequences)));
    return std::move(finished_);
  }

 private:
  double penalized(double sum, std::size_t length) const {
    return sum / std::pow(static_cast<double>(length), config_.length_penalty);
  }

  /// Keeps a hypothesis if it is among the num_beams best.
  void finish(Beam beam, Finish why) {
    const double score = penalized(beam.sum, beam.tokens.size() - prompt_size_);
    const bool full = finished_.size() == static_cast<std::size_t>(config_.num_beams);
    const auto worst =
        std::min_element(finished_.begin(), finished_.end(),
                         [](const Generation& x, const Generation& y) { return x.score < y.score; });
    if (full && score <= worst->score) return;
    if (full) finished_.erase(worst);
    finished_.push_back({std::move(beam.tokens), static_cast<Index>(prompt_size_), why, {}, score, most_});
  }

  /// Whether to look no further, `best` being the greatest sum of this step's continuations.
  bool content(double best, std::size_t length) const {
    if (finished_.size() < static_cast<std::size_t>(config_.num_beams)) return false;
    double worst = std::numeric_limits<double>::infinity();
    for (const Generation& each : finished_) worst = (std::min)(worst, each.score);
    switch (config_.early_stopping) {
      case EarlyStopping::yes: return true;
      case EarlyStopping::no: return worst >= penalized(best, length);
      case EarlyStopping::never:  // sums fall as they grow longer, but a positive penalty lifts long ones
        return worst >=
               penalized(best, config_.length_penalty > 0 ? static_cast<std::size_t>(most_) : length);
    }
    return true;
  }

  const GenerationConfig& config_;
  std::size_t prompt_size_;
  Index most_;
  std::vector<Beam> beams_;
  std::vector<Generation> finished_;
  bool done_ = false;
};

/// Scores of the next token of one hypothesis: ln softmax of the logits, as the config's steps change them.
class BeamScores {
 public:
  explicit BeamScores(const GenerationConfig& config) : config_(config), chain_(logits_chain(config)) {}

  /// Adds to `found` the `count` best continuations of beam `number` of a row, and those as good as the last
  /// of them.
  /// @throws InputError  for logits that are NaN or +infinity
  template <class S>
  void collect(const RowVector<S>& logits, const BeamRow& row, std::size_t number, Index step,
               std::size_t count, std::vector<Continuation>& found) {
    const BeamRow::Beam& beam = row.beams()[number];
    constexpr double never = -std::numeric_limits<double>::infinity();
    scores_ = logits.template cast<double>();
    look_at_scores();
    candidates_.weigh(1);
    scores_.array() -= candidates_.log_sum();
    for (LogitsStep& change : chain_) change(beam.tokens, scores_);
    if (step < config_.min_new_tokens) ban(scores_, config_.end_tokens);
    const auto force = [&](Token token) {
      scores_.setConstant(never);
      scores_[token] = 0;
    };
    if (config_.forced_bos && step == 0) force(*config_.forced_bos);
    if (config_.forced_eos && step + 1 == row.most_new_tokens()) force(*config_.forced_eos);
    if ((scores_.array() == never).all()) return;  // this hypothesis cannot go on
    look_at_scores();
    for (const Token token : candidates_.largest(static_cast<Index>(count)))
      found.push_back({beam.sum + scores_[token], number, token});
  }

 private:
  /// @throws InputError  for NaN and +infinity, naming the position
  void look_at_scores() { candidates_.assign({scores_.data(), static_cast<std::size_t>(scores_.size())}); }

  const GenerationConfig& config_;
  LogitsChain chain_;
  RowVector<double> scores_;
  Candidates<double> candidates_;
};

/// The sessions of the new beams: a session goes on as the last of its children, the others are forks of it.
template <class S>
std::vector<Session<S>> descend(std::vector<Session<S>> sessions, const std::vector<std::size_t>& parents) {
  std::vector<std::size_t> children(sessions.size(), 0);
  for (const std::size_t parent : parents) ++children[parent];
  std::vector<Session<S>> next;
  next.reserve(parents.size());
  for (const std::size_t parent : parents)
    next.push_back(--children[parent] ? sessions[parent].fork() : std::move(sessions[parent]));
  return next;
}

inline void check_beams(const GenerationConfig& config) {
  validate(config);
  const auto off = [](bool is_off, const char* field) {
    require(is_off, field, "a value other than its default", "has no meaning: beam search does not sample");
  };
  off(config.temperature == 0 || config.temperature == 1, "temperature");
  off(config.top_k == 0, "top_k");
  off(config.top_p == 1, "top_p");
  off(config.min_p == 0, "min_p");
  off(config.typical_p == 1, "typical_p");
  off(config.epsilon_cutoff == 0, "epsilon_cutoff");
  off(config.eta_cutoff == 0, "eta_cutoff");
  require(config.stop_texts.empty(), "stop_texts", "a text", "cannot end a beam; end_tokens can");
  require(!config.log_probabilities, "log_probabilities", "true", "is not kept by a beam search; see score");
  require(config.num_return_sequences <= config.num_beams, "num_return_sequences",
          config.num_return_sequences, "is more than num_beams");
}

}  // namespace detail

/// Continues each prompt of a CausalLM, or writes a target for each source of a Seq2Seq, by beam search over
/// num_beams hypotheses. Of each there is a list of the num_return_sequences best, best first, with
/// score = (sum of ln p of the new tokens) / (their number)^length_penalty. Fewer come where a small
/// vocabulary or bans leave no more hypotheses. A prompt's results do not depend on the others.
///
/// Penalties, n-grams, biases and bans act on ln p of each hypothesis. 2·num_beams continuations are ranked
/// in each step (more with several end tokens); one that ends is kept if its rank is below num_beams.
/// @throws ConfigError  for settings of sampling, stop texts or log_probabilities, which beams do not have
/// @throws InputError, ConfigError, WindowError  before any work is done
template <class Model>
std::vector<std::vector<Generation>> generate_beams(const Model& model, const TokenBatch& prompts,
                                                    const GenerationConfig& config, Threads& threads) {
  detail::check_beams(config);
  auto started = detail::begin(model, prompts, config, threads);
  using S = typename decltype(started)::value_type::Scalar;
  std::vector<std::vector<Session<S>>> sessions(prompts.size());  // of each prompt one a beam
  std::vector<detail::BeamRow> rows;
  for (auto& beginning : detail::beginnings(model, prompts)) {
    sessions[rows.size()].push_back(std::move(started[rows.size()]));
    const Index length = std::ssize(beginning);
    rows.emplace_back(config, std::move(beginning),
                      most_new_tokens(config, length, model.config().max_positions));
  }
  detail::BeamScores scores(config);
  const auto listed =
      static_cast<std::size_t>(config.num_beams) * (std::max)(std::size_t{2}, 1 + config.end_tokens.size());
  std::vector<detail::Continuation> found;
  std::vector<Session<S>*> going;
  std::vector<std::span<const Token>> latest;
  Workspace workspace;  // of all steps, where a new fork would begin without any
  Run run{threads, workspace};
  for (Index step = 0;; ++step) {  // until every row is done, at its most new tokens at the latest
    going.clear();
    latest.clear();
    for (std::size_t r = 0; r < rows.size(); ++r) {
      detail::BeamRow& row = rows[r];
      if (row.done()) continue;
      found.clear();
      for (std::size_t b = 0; b < row.beams().size(); ++b)
        scores.collect(sessions[r][b].logits(), row, b, step, listed, found);
      if (found.empty()) fail(InputError(concat("no token is possible in step ", step, " of prompt ", r)));
      const auto end = found.begin() + static_cast<std::ptrdiff_t>((std::min)(listed, found.size()));
      std::partial_sort(found.begin(), end, found.end(), detail::ranks_before);
      const auto parents = row.advance({found.begin(), end});
      if (row.done()) {
        sessions[r].clear();
        continue;
      }
      sessions[r] = detail::descend(std::move(sessions[r]), parents);
      for (std::size_t b = 0; b < row.beams().size(); ++b) {
        going.push_back(&sessions[r][b]);
        latest.push_back(std::span<const Token>(row.beams()[b].tokens).last(1));
      }
    }
    if (going.empty()) break;
    feed_together<S>(run, SessionOptions{}.chunk, going, latest);
  }
  std::vector<std::vector<Generation>> results;
  for (auto& row : rows) results.push_back(std::move(row).results());
  return results;
}

EIGENFORMER_ONCE(generate, std::vector<std::vector<Generation>> generate_beams<CausalLM<float>>(
                               const CausalLM<float>&, const TokenBatch&, const GenerationConfig&, Threads&));
EIGENFORMER_ONCE(generate,
                 std::vector<std::vector<Generation>> generate_beams<CausalLM<double>>(
                     const CausalLM<double>&, const TokenBatch&, const GenerationConfig&, Threads&));
EIGENFORMER_ONCE(generate, std::vector<std::vector<Generation>> generate_beams<Seq2Seq<float>>(
                               const Seq2Seq<float>&, const TokenBatch&, const GenerationConfig&, Threads&));
EIGENFORMER_ONCE(generate, std::vector<std::vector<Generation>> generate_beams<Seq2Seq<double>>(
                               const Seq2Seq<double>&, const TokenBatch&, const GenerationConfig&, Threads&));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
