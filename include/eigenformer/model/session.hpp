// What changes while a model runs: one conversation's cache, its next logits, and the scratch memory of its
// steps.
//
// The model is const and shared; a session belongs to one thread at a time. After the first step of a given
// number of tokens, a step allocates nothing.
#pragma once

#include <eigenformer/core/compiled.hpp>
#include <eigenformer/model/causal_lm.hpp>
#include <eigenformer/model/seq2seq.hpp>

#include <optional>
#include <span>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

struct SessionOptions {
  Index capacity = 0;  ///< tokens that the cache has room for; 0: the model's whole context window
  Index chunk = 512;   ///< tokens of a prompt that are computed at a time: bounds the scratch memory
  /// Of cached keys and values. None: the scalar's own; f16 beside float takes half the memory.
  /// A source's stay as the model has read them.
  std::optional<Format> cache_format{};
  /// Products of floats and doubles go to Eigen's own expressions (Run::eigen_products).
  bool eigen_products = false;
};

template <class S> class Session;

/// Feeds several sessions of one model in one pass, tokens[i] to sessions[i]: the weights pass through memory
/// once for all of them. Each gets the results that it would get alone, to the bit.
/// @throws InputError   for lists of different lengths, sessions of different models, a session given twice,
///                      or as Session::feed
/// @throws WindowError  as Session::feed, before any work is done
template <class S>
void feed_together(std::span<Session<S>* const> sessions, std::span<const std::span<const Token>> tokens);

/// The same with threads, scratch memory and chunk of the caller's, where the other takes those of the first
/// session. `logits`, where wanted, become those after every token, [tokens of all sessions, vocab_size].
/// @throws InputError  also for logits of another size
template <class S>
void feed_together(Run& run, Index chunk, std::span<Session<S>* const> sessions,
                   std::span<const std::span<const Token>> tokens, Out<S>* logits = nullptr);

template <class S> class Session {
 public:
  using Scalar = S;

  /// Model and threads must outlive the session.
  /// @throws ConfigError  for a negative capacity, a chunk below 1, or a cache format other than the scalar's
  /// own, or f16 beside float
  /// @throws WindowError  for a capacity beyond the context window
  Session(const CausalLM<S>& model, Threads& threads, SessionOptions options = {})
      : Session(model, threads, options, nullptr) {}

  /// A target for a source that the model has read: model.read({source}, run).front(). Its first token is the
  /// config's decoder_start_token, and the caller's to feed.
  /// @throws InputError  for a source that another kind of model has read
  Session(const Seq2Seq<S>& model, Threads& threads, std::shared_ptr<const KeyValues<S>> source,
          SessionOptions options = {})
      : Session(static_cast<const LanguageModel<S>&>(model), threads, options, std::move(source)) {
    if (!source_ || !source_->fits(model.config()))
      fail(InputError("a session of this model needs a source that the model has read"));
  }

  const LanguageModel<S>& model() const { return *model_; }
  Index size() const { return cache_.size(); }
  Index capacity() const { return options_.capacity; }
  const KeyValues<S>& cache() const { return cache_; }
  const KeyValues<S>* source() const { return source_.get(); }  ///< null for a causal model

  /// Adds tokens to the sequence; logits() are then those after the last of them.
  /// @throws InputError   for no tokens, or one outside the vocabulary
  /// @throws WindowError  if they exceed the capacity; found before any work is done
  void feed(std::span<const Token> tokens) {
    Session* const self = this;
    feed_together<S>({&self, 1}, {&tokens, 1});
  }

  /// The same, with the logits after every one of the tokens, [tokens, vocab_size].
  /// @throws InputError  also for logits of another size
  void feed(std::span<const Token> tokens, Out<S> logits) {
    Session* const self = this;
    Run run{*threads_, workspace_, false, options_.eigen_products};
    feed_together<S>(run, options_.chunk, {&self, 1}, {&tokens, 1}, &logits);
  }

  /// Logits [vocab_size] after the last token fed; zeros before the first.
  const RowVector<S>& logits() const { return logits_; }

  /// A second session that goes on from here; what both have in common is stored once.
  Session fork() const { return Session(*this, cache_.fork()); }

  /// The same with the first `size` tokens alone, and room for `capacity`. Its logits() are out of date
  /// unless `size` is all.
  /// @throws InputError   for a size that is negative, or beyond this session's
  /// @throws WindowError  for a capacity below that size or beyond the context window
  Session fork(Index size, Index capacity) const {
    if (size < 0 || size > this->size())
      fail(InputError(concat("a session of ", this->size(), " tokens has no first ", size)));
    check_window(capacity, model_->config());
    if (capacity < size)
      fail(WindowError(capacity, size, concat("a capacity of ", capacity, " for ", size, " tokens")));
    Session other(*this, cache_.fork(size, capacity));
    other.options_.capacity = capacity;
    return other;
  }

  /// Forgets all tokens from `size` on. logits() are then out of date until the next feed.
  void truncate(Index size) { cache_.truncate(size); }

  /// The most scratch memory that a step has taken so far, in bytes.
  std::size_t workspace_bytes() const { return workspace_.high_water(); }

  template <class T>
  friend void feed_together(std::span<Session<T>* const> sessions,
                            std::span<const std::span<const Token>> tokens);
  template <class T>
  friend void feed_together(Run& run, Index chunk, std::span<Session<T>* const> sessions,
                            std::span<const std::span<const Token>> tokens, Out<T>* logits);

 private:
  Session(const LanguageModel<S>& model, Threads& threads, SessionOptions options,
          std::shared_ptr<const KeyValues<S>> source)
      : model_(&model),
        threads_(&threads),
        options_(checked(options, model.config())),
        source_(std::move(source)),
        cache_(model.config(), options_.capacity, options_.cache_format.value_or(own_format<S>)),
        logits_(RowVector<S>::Zero(model.config().vocab_size)) {}

  Session(const Session& other, KeyValues<S> cache)
      : model_(other.model_),
        threads_(other.threads_),
        options_(other.options_),
        source_(other.source_),
        cache_(std::move(cache)),
        logits_(other.logits_) {}

  static SessionOptions checked(SessionOptions options, const ModelConfig& config) {
    if (options.capacity < 0)
      fail(ConfigError("capacity", concat("must not be negative, is ", options.capacity)));
    if (options.chunk < 1) fail(ConfigError("chunk", concat("must be at least 1, is ", options.chunk)));
    if (options.capacity == 0) options.capacity = config.max_positions;
    check_window(options.capacity, config);
    return options;
  }

  void check(std::span<const Token> tokens) const {
    check_tokens(tokens, model_->config());
    const Index length = size() + static_cast<Index>(tokens.size());
    check_window(length, model_->config());
    if (length > capacity())
      fail(WindowError(capacity(), length,
                       concat(length, " tokens exceed the session's capacity of ", capacity())));
  }

  const LanguageModel<S>* model_;
  Threads* threads_;
  SessionOptions options_;
  std::shared_ptr<const KeyValues<S>> source_;
  KeyValues<S> cache_;
  RowVector<S> logits_;
  Workspace workspace_;
};

template <class S>
void feed_together(std::span<Session<S>* const> sessions, std::span<const std::span<const Token>> tokens) {
  if (sessions.empty()) fail(InputError("no session to feed"));
  Session<S>& lead = *sessions[0];
  Run run{*lead.threads_, lead.workspace_, false, lead.options_.eigen_products};
  feed_together<S>(run, lead.options_.chunk, sessions, tokens);
}

template <class S>
void feed_together(Run& run, Index chunk, std::span<Session<S>* const> sessions,
                   std::span<const std::span<const Token>> tokens, Out<S>* logits) {
  if (sessions.empty() || sessions.size() != tokens.size())
    fail(InputError(concat(sessions.size(), " sessions, but ", tokens.size(), " lists of tokens")));
  if (chunk < 1) fail(ConfigError("chunk", concat("must be at least 1, is ", chunk)));
  const LanguageModel<S>& model = *sessions[0]->model_;
  const Index d_model = model.config().d_model, vocabulary = model.config().vocab_size;
  Index all = 0;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    if (sessions[i]->model_ != &model)
      fail(InputError("sessions of different models cannot be fed together"));
    for (std::size_t j = 0; j < i; ++j)
      if (sessions[j] == sessions[i]) fail(InputError(concat("session ", i, " is session ", j, " again")));
    sessions[i]->check(tokens[i]);
    all += static_cast<Index>(tokens[i].size());
  }
  if (logits && (logits->rows() != all || logits->cols() != vocabulary))
    fail(InputError(
        concat("logits [", logits->rows(), ", ", logits->cols(), "] for [", all, ", ", vocabulary, "]")));
  const Workspace::Frame frame(run.workspace);
  const auto n = static_cast<Index>(sessions.size());
  auto* const inputs = run.workspace.template take<SequenceInput<S>>(n);
  Session<S>** const fed = run.workspace.template take<Session<S>*>(n);  // whose tokens are in this pass
  Index* const done = run.workspace.template take<Index>(n);
  std::fill(done, done + n, Index{0});

  for (Index begin = 0, first = 0; begin < n;) {  // all sequences before `begin`, all rows before `first` are
    Index rows = 0, parts = 0;                    // finished
    for (Index s = begin; s < n && rows < chunk; ++s, ++parts) {
      const auto rest = tokens[static_cast<std::size_t>(s)].subspan(static_cast<std::size_t>(done[s]));
      const Index take = (std::min)(static_cast<Index>(rest.size()), chunk - rows);
      fed[parts] = sessions[static_cast<std::size_t>(s)];
      inputs[parts] = {
          rest.first(static_cast<std::size_t>(take)), &fed[parts]->cache_, {}, fed[parts]->source()};
      done[s] += take;
      rows += take;
    }
    const Workspace::Frame pass(run.workspace);
    auto x = run.workspace.template matrix<S>(rows, d_model);
    model.hidden(run, {inputs, static_cast<std::size_t>(parts)}, x);
    auto last = run.workspace.template matrix<S>(parts, d_model);  // of sequences that end here
    Index* const rows_of_last = run.workspace.template take<Index>(parts);
    Index ended = 0;
    for (Index i = 0, row = 0; i < parts; ++i) {
      row += inputs[i].rows();
      fed[i]->cache_.advance(inputs[i].rows());
      const auto s = static_cast<std::size_t>(begin + ended);
      if (done[s] < static_cast<Index>(tokens[s].size())) continue;  // goes on in the next pass
      rows_of_last[ended] = row - 1;
      last.row(ended++) = x.row(row - 1);
    }
    begin += ended;
    const Stack<S>& decoder = model.parameters().decoder;
    if (logits) {
      finish<S>(decoder, model.config(), run, x);
      model.logits(run, x, logits->middleRows(first, rows));
      for (Index i = 0; i < ended; ++i) fed[i]->logits_ = logits->row(first + rows_of_last[i]);
    } else if (ended > 0) {
      auto y = run.workspace.template matrix<S>(ended, vocabulary);
      finish<S>(decoder, model.config(), run, last.topRows(ended));
      model.logits(run, last.topRows(ended), y);
      for (Index i = 0; i < ended; ++i) fed[i]->logits_ = y.row(i);
    }
    first += rows;
  }
}

EIGENFORMER_ONCE(model, void feed_together<float>(std::span<Session<float>* const>,
                                                  std::span<const std::span<const Token>>));
EIGENFORMER_ONCE(model, void feed_together<double>(std::span<Session<double>* const>,
                                                   std::span<const std::span<const Token>>));
EIGENFORMER_ONCE(model, void feed_together<float>(Run&, Index, std::span<Session<float>* const>,
                                                  std::span<const std::span<const Token>>, Out<float>*));
EIGENFORMER_ONCE(model, void feed_together<double>(Run&, Index, std::span<Session<double>* const>,
                                                   std::span<const std::span<const Token>>, Out<double>*));

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
