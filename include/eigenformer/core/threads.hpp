// How work is split: over nobody but the caller, over a small pool of our own, or over the caller's job
// system.
//
// Tasks are numbered, and every result is the same whoever runs which task; so the number of threads never
// shows in the numbers. A pool exists where a caller made one: no default ever starts a thread.
#pragma once

#include <eigenformer/core/error.hpp>
#include <eigenformer/core/types.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace eigenformer {
inline namespace EIGENFORMER_ABI {

namespace detail {

/// Tells the processor that this thread only waits.
inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Workers that claim numbered tasks from one counter. They spin briefly after a batch, as the next product
/// of a model follows within microseconds, and sleep after that. A batch ends when its tasks are done: a
/// worker that is still waking up is not waited for.
class Pool {
 public:
  using Body = void (*)(void* context, Index task, int worker);

  Pool(int workers, std::chrono::nanoseconds spin) : spin_(spin) {
    for (int worker = 1; worker <= workers; ++worker) threads_.emplace_back([this, worker] { work(worker); });
  }
  ~Pool() {
    stopping_.store(true);
    announce();
    for (auto& thread : threads_) thread.join();
  }

  /// Runs body for tasks 0 … tasks − 1; the caller takes part as worker 0. False if a batch is already under
  /// way.
  bool run(Index tasks, Body body, void* context) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    body_ = body;
    context_ = context;
    pending_.store(tasks, std::memory_order_relaxed);
    unclaimed_.store(tasks, std::memory_order_release);  // from here on a task can be claimed
    announce();
    claim(0);
    const auto done = [this] { return pending_.load(std::memory_order_acquire) <= 0; };
    if (!spin_until(done))
      while (!done()) std::this_thread::yield();
    const std::exception_ptr error = std::exchange(error_, nullptr);
    busy_.clear(std::memory_order_release);
    if (error) std::rethrow_exception(error);
    return true;
  }

 private:
  /// Whether done() has come to hold within the time for which a thread spins.
  template <class Done> bool spin_until(Done done) const {
    if (done()) return true;
    if (spin_ <= std::chrono::nanoseconds::zero()) return false;
    const auto end = std::chrono::steady_clock::now() + spin_;
    do {
      for (int pauses = 0; pauses < 8; ++pauses) {
        pause();
        if (done()) return true;
      }
    } while (std::chrono::steady_clock::now() < end);
    return false;
  }

  void announce() {
    batch_.fetch_add(1, std::memory_order_release);
    batch_.notify_all();
  }

  void work(int worker) {
    for (std::uint32_t seen = 0;;) {
      spin_until([&] { return batch_.load(std::memory_order_acquire) != seen; });
      batch_.wait(seen, std::memory_order_acquire);
      seen = batch_.load(std::memory_order_acquire);
      if (stopping_.load()) return;
      claim(worker);
    }
  }

  /// A claimed task keeps its batch alive, so body_ and context_ may be read after the claim, never before
  /// it.
  void claim(int worker) {
    for (Index left; (left = unclaimed_.fetch_sub(1, std::memory_order_acq_rel)) > 0;) {
      const auto keep = [this] {
        if (!failed_.test_and_set()) {
          error_ = std::current_exception();
          failed_.clear();
        }
      };
      attempt_all([&] { body_(context_, left - 1, worker); }, keep);
      pending_.fetch_sub(1, std::memory_order_acq_rel);
    }
  }

  std::chrono::nanoseconds spin_;
  std::vector<std::thread> threads_;
  std::atomic<std::uint32_t> batch_{0};  // counts batches; workers wait for it to change
  std::atomic<Index> unclaimed_{0};      // below 1: nothing to claim
  std::atomic<Index> pending_{0};        // tasks not yet done
  std::atomic<bool> stopping_{false};
  std::atomic_flag busy_, failed_;
  Body body_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
};

}  // namespace detail

/// Splits work. Not copied: pass it by reference. Calls from several threads at once are safe (all but one of
/// them then do their work alone).
class Threads {
 public:
  /// Runs body(task, worker) for tasks 0 … n − 1 in any order, worker in [0, count); returns when all are
  /// done.
  using Executor = std::function<void(Index n, const std::function<void(Index task, int worker)>& body)>;

  /// For how long a thread of the pool waits awake for more work before it sleeps.
  static constexpr std::chrono::microseconds default_spin{100};

  /// `count` threads, the caller's included: 1 starts none. A `spin` of 0 sleeps at once, which spares the
  /// processor and costs speed.
  /// @throws ConfigError  for a count below 1
  explicit Threads(int count = 1, std::chrono::nanoseconds spin = default_spin) : count_(count) {
    if (count < 1) fail(ConfigError("threads", concat("must be at least 1, is ", count)));
    if (count > 1) pool_ = std::make_unique<detail::Pool>(count - 1, spin);
  }

  /// Work goes to the caller's job system, at most `count` tasks at a time.
  /// @throws ConfigError  for a count below 1 or an empty executor
  Threads(int count, Executor executor) : count_(count), executor_(std::move(executor)) {
    if (count < 1) fail(ConfigError("threads", concat("must be at least 1, is ", count)));
    if (!executor_) fail(ConfigError("executor", "is empty"));
  }

  int count() const { return count_; }

  /// body(task, worker) for every task in [0, tasks), each once. No two tasks run with the same worker at a
  /// time, so scratch memory may be kept per worker. An exception of a task reaches the caller.
  template <class Body> void parallel_for(Index tasks, Body&& body) {
    if (tasks > 1 && count_ > 1) {
      if (executor_) return executor_(tasks, [&body](Index task, int worker) { body(task, worker); });
      const auto call = [](void* context, Index task, int worker) {
        (*static_cast<std::remove_reference_t<Body>*>(context))(task, worker);
      };
      if (pool_->run(tasks, call, const_cast<void*>(static_cast<const void*>(&body)))) return;
    }
    for (Index task = 0; task < tasks; ++task) body(task, 0);
  }

  /// body(begin, end) over slices of [0, n), each a multiple of `grain` long but for the last.
  template <class Body> void slices(Index n, Index grain, Body&& body) {
    const Index grains = (n + grain - 1) / grain;
    const Index parts = (std::min)(grains, Index{count_});
    if (parts <= 1) return n > 0 ? body(Index{0}, n) : void();
    parallel_for(parts, [&](Index part, int) {
      const Index begin = grains * part / parts * grain;
      const Index end = (std::min)(n, grains * (part + 1) / parts * grain);
      body(begin, end);
    });
  }

 private:
  int count_;
  std::unique_ptr<detail::Pool> pool_;
  Executor executor_;
};

}  // namespace EIGENFORMER_ABI
}  // namespace eigenformer
