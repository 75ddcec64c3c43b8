// Many sequences decoded in one step: requests join and leave between steps (continuous batching; Yu et al.
// 2022, "Orca", §4.1), and the weights pass through memory once for all that run.
//
//   ef::Batch<float> batch(model, threads);
//   const ef::Index id = batch.add(prompt, {.max_new_tokens = 64, .seed = 7}, [](ef::Token t) { … });
//   while (batch.step())
//     for (const ef::BatchResult& result : batch.take_finished()) …
//
// A step computes one token of every sequence that writes, and with what is left of its budget the prompts of
// those that have just come, so that a long prompt never holds up the others. Each sequence gets what it gets
// alone, to the bit. A prefix that another sequence has in its cache is not computed again.
#pragma once

#include <eigenformer/generate/generate.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct BatchOptions {
  Index sequences = 16;         ///< that run at a time; others wait for their turn
  Index tokens_per_step = 256;  ///< computed in one step at most; more than `sequences`
  Index shared_prefix = 16;     ///< a common beginning of so many tokens is worth sharing; 0: share nothing
  Index kept = 1;               ///< ended sequences whose caches stay for those that begin alike
  std::optional<Format> cache_format{};  ///< of each sequence's session: see SessionOptions
};

/// How a sequence of a batch ended.
struct BatchResult {
  Index id = 0;
  Generation generation;       ///< prompt and new tokens, as far as they came
  std::exception_ptr error{};  ///< of its sampler or callback, where it ended by Finish::error
};

/// Belongs to one thread at a time, and starts none. Between sequences that come or go, a step allocates
/// nothing.
template <class S> class Batch {
 public:
  /// Takes each new token, its end token too; false ends the sequence there. It may call add() and cancel().
  using OnToken = std::function<bool(Token)>;

  /// Model and threads must outlive the batch.
  /// @throws ConfigError  for options below their least values, or a cache format as Session
  Batch(const CausalLM<S>& model, Threads& threads, BatchOptions options = {})
      : model_(&model), threads_(&threads), options_(options) {
    const auto require = [](bool holds, const char* field, Index value, const char* rule) {
      if (!holds) fail(ConfigError(field, concat(value, " ", rule)));
    };
    require(options.sequences >= 1, "sequences", options.sequences, "is not at least 1");
    require(options.tokens_per_step > options.sequences, "tokens_per_step", options.tokens_per_step,
            "is not more than sequences: prompts would wait for ever");
    require(options.shared_prefix >= 0, "shared_prefix", options.shared_prefix, "is negative");
    require(options.kept >= 0, "kept", options.kept, "is negative");
    check_cache_format<S>(options.cache_format.value_or(own_format<S>));
  }

  /// Asks for a continuation of `prompt`, which begins with one of the next steps. Returns its number,
  /// counted from 0. Of several with one seed, give each a sampler of its own stream.
  /// @throws InputError, ConfigError, WindowError  for what the model cannot do; the batch is as before
  template <class F> Index add(std::vector<Token> prompt, Sampler sampler, F&& on_token) {
    const GenerationConfig& config = sampler.config();
    detail::check_config(config, model_->config());
    if (config.num_beams > 1) fail(ConfigError("num_beams", "a batch does not search: see generate_beams"));
    if (config.num_return_sequences > 1)
      fail(ConfigError("num_return_sequences", "add the prompt as often, with a stream each"));
    check_tokens(prompt, model_->config());
    const Index most = most_new_tokens(config, std::ssize(prompt), model_->config().max_positions);
    auto sequence = std::make_unique<Sequence>(next_, std::move(sampler));
    sequence->on_token = [call = std::forward<F>(on_token)](Token token) mutable {
      return detail::tell(call, 0, token);
    };
    Generation& generation = sequence->generation;
    generation.prompt_size = std::ssize(prompt);
    generation.most_new_tokens = most;
    generation.tokens = std::move(prompt);
    generation.tokens.reserve(generation.tokens.size() + static_cast<std::size_t>(most));
    if (sequence->sampler.config().log_probabilities)
      generation.log_probabilities.reserve(static_cast<std::size_t>(most));
    waiting_.push_back(std::move(sequence));
    return next_++;
  }
  template <class F> Index add(std::vector<Token> prompt, const GenerationConfig& config, F&& on_token) {
    return add(std::move(prompt), Sampler(config), std::forward<F>(on_token));
  }
  Index add(std::vector<Token> prompt, const GenerationConfig& config) {
    return add(std::move(prompt), config, [](Token) {});
  }

  /// Ends a sequence with the next step, as Finish::cancelled. False if it has ended already.
  bool cancel(Index id) {
    for (auto* const sequences : {&running_, &waiting_})
      for (auto& sequence : *sequences)
        if (sequence->id == id && !sequence->ended) return sequence->cancelled = true;
    return false;
  }

  /// Computes up to tokens_per_step tokens, and draws one for each sequence whose prompt is read. Returns
  /// whether there is more to do. What goes wrong in one sequence's sampler or callback ends that sequence.
  /// @throws std::bad_alloc  after which the batch can only be destroyed
  bool step();

  /// Steps until there is nothing to do.
  void run() {
    while (step()) {
    }
  }

  /// The sequences that have ended since the last call, in the order in which they did.
  std::vector<BatchResult> take_finished() { return std::exchange(finished_, {}); }

  Index running() const { return std::ssize(running_); }
  Index waiting() const { return std::ssize(waiting_); }

  /// Tokens that went through the model so far: without those that a shared prefix saved.
  Index computed() const { return computed_; }

 private:
  struct Sequence {
    Sequence(Index number, Sampler with) : id(number), sampler(std::move(with)) {}

    Index id;
    Sampler sampler;
    OnToken on_token;
    Generation generation;
    std::exception_ptr error;
    std::optional<Session<S>> session;  // from its turn on
    Index step = 0;                     // new tokens so far
    bool cancelled = false, ended = false;

    /// Tokens that are still to be fed.
    Index pending() const { return std::ssize(generation.tokens) - session->size(); }
  };
  using Sequences = std::deque<std::unique_ptr<Sequence>>;

  /// A cache from which a prompt may go on.
  struct Donor {
    Sequence* sequence = nullptr;
    Index ready = 0;   // tokens in common that are computed
    Index coming = 0;  // and that will be
  };

  /// The donor with most in common. The last token of a prompt is always computed: its logits are wanted.
  Donor donor(const Sequence& sequence) const;

  /// Gives those who wait their turn, unless what they share with another is being computed just now.
  void admit();

  /// Writers first, a token each; then prompts in the order in which they came.
  void schedule();

  /// Draws the next token of a sequence whose logits are there.
  void advance(Sequence& s);

  /// Takes out of a list who has ended or was cancelled.
  void end_those(Sequences& sequences);

  /// Its result goes to the caller; its cache stays for others where there is room.
  void report(std::unique_ptr<Sequence> sequence);

  /// A kept sequence was of use: it goes last.
  void refresh(const Sequence* used);

  const CausalLM<S>* model_;
  Threads* threads_;
  BatchOptions options_;
  Sequences waiting_, running_, kept_;
  std::vector<BatchResult> finished_;
  Index next_ = 0, computed_ = 0;
  Workspace workspace_;
  std::vector<Session<S>*> sessions_;           // fed in this step,
  std::vector<std::span<const Token>> tokens_;  // with these tokens,
  Index rows_ = 0;                              // so many in all
};

template <class S> bool Batch<S>::step() {
  end_those(waiting_);
  end_those(running_);
  admit();
  sessions_.clear();
  tokens_.clear();
  schedule();
  if (sessions_.empty()) return !waiting_.empty();
  Run run{*threads_, workspace_};
  feed_together<S>(run, options_.tokens_per_step, sessions_, tokens_);
  computed_ += rows_;
  for (auto& sequence : running_)
    if (sequence->pending() == 0) advance(*sequence);
  end_those(running_);
  return !running_.empty() || !waiting_.empty();
}

template <class S> typename Batch<S>::Donor Batch<S>::donor(const Sequence& sequence) const {
  const std::vector<Token>& prompt = sequence.generation.tokens;
  Donor best;
  if (options_.shared_prefix == 0) return best;
  for (const auto* const sequences : {&running_, &kept_})
    for (const auto& other : *sequences) {
      const std::vector<Token>& tokens = other->generation.tokens;
      const auto differ = std::mismatch(prompt.begin(), prompt.end() - 1, tokens.begin(), tokens.end());
      const Index common = differ.first - prompt.begin();
      const Index computed = other->session->size();
      const bool reads = sequences == &running_ && other->step == 0;
      const Index coming = reads ? common : (std::min)(common, computed);
      if (coming > best.coming) best = {other.get(), (std::min)(common, computed), coming};
    }
  return best;
}

template <class S> void Batch<S>::admit() {
  for (std::size_t i = 0; i < waiting_.size() && running() < options_.sequences;) {
    Sequence& sequence = *waiting_[i];
    const Donor from = donor(sequence);
    if (from.coming >= options_.shared_prefix && from.coming > from.ready) {
      ++i;
      continue;
    }
    const Index capacity = sequence.generation.prompt_size + sequence.generation.most_new_tokens;
    if (from.sequence && from.ready >= options_.shared_prefix) {
      sequence.session.emplace(from.sequence->session->fork(from.ready, capacity));
      refresh(from.sequence);
    } else {
      sequence.session.emplace(*model_, *threads_,
                               SessionOptions{.capacity = capacity, .cache_format = options_.cache_format});
    }
    running_.push_back(std::move(waiting_[i]));
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

template <class S> void Batch<S>::schedule() {
  rows_ = 0;
  const auto feed = [&](Sequence& sequence, Index count) {
    sessions_.push_back(&*sequence.session);
    const auto all = std::span<const Token>(sequence.generation.tokens);
    tokens_.push_back(
        all.subspan(static_cast<std::size_t>(sequence.session->size()), static_cast<std::size_t>(count)));
    rows_ += count;
  };
  for (auto& sequence : running_)
    if (sequence->step > 0) feed(*sequence, 1);
  for (auto& sequence : running_)
    if (sequence->step == 0 && rows_ < options_.tokens_per_step)
      feed(*sequence, (std::min)(sequence->pending(), options_.tokens_per_step - rows_));
}

template <class S> void Batch<S>::advance(Sequence& s) {
  const auto draw = [&s] {
    const auto& logits = s.session->logits();
    const Token token = detail::draw(s.sampler, logits, s.generation, s.step);
    s.ended = !detail::append(s.generation, s.sampler.config(), logits, token, s.step, s.on_token);
    ++s.step;
  };
  detail::attempt_all(draw, [&s] {
    s.generation.finish = Finish::error;
    s.error = std::current_exception();
    s.ended = true;
  });
}

template <class S> void Batch<S>::end_those(Sequences& sequences) {
  for (std::size_t i = 0; i < sequences.size();) {
    Sequence& sequence = *sequences[i];
    if (!sequence.ended && !sequence.cancelled) {
      ++i;
      continue;
    }
    if (!sequence.ended) sequence.generation.finish = Finish::cancelled;
    report(std::move(sequences[i]));
    sequences.erase(sequences.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

template <class S> void Batch<S>::report(std::unique_ptr<Sequence> sequence) {
  finished_.push_back({sequence->id, sequence->generation, sequence->error});
  if (!sequence->session || options_.shared_prefix == 0) return;
  sequence->on_token = nullptr;
  kept_.push_back(std::move(sequence));
  while (std::ssize(kept_) > options_.kept) kept_.pop_front();  // the one that was least lately of use
}

template <class S> void Batch<S>::refresh(const Sequence* used) {
  const auto at = std::find_if(kept_.begin(), kept_.end(), [&](auto& kept) { return kept.get() == used; });
  if (at != kept_.end()) std::rotate(at, at + 1, kept_.end());
}

EIGENFORMER_ONCE(generate, class Batch<float>);
EIGENFORMER_ONCE(generate, class Batch<double>);

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
