#include <eigenformer/core/threads.hpp>

#include <atomic>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace core_threads {

namespace ef = eigenformer;
using ef::Index;

namespace {

/// How often each task of a call ran; -1 in front if two tasks had the same worker at one time.
std::vector<int> runs(ef::Threads& threads, Index tasks) {
  std::vector<std::atomic<int>> counts(static_cast<std::size_t>(tasks));
  std::vector<std::atomic<bool>> at_work(static_cast<std::size_t>(threads.count()));
  std::atomic<bool> shared{false};
  threads.parallel_for(tasks, [&](Index task, int worker) {
    if (at_work.at(static_cast<std::size_t>(worker)).exchange(true)) shared = true;
    ++counts[static_cast<std::size_t>(task)];
    at_work[static_cast<std::size_t>(worker)] = false;
  });
  std::vector<int> out(counts.begin(), counts.end());
  if (shared) out.insert(out.begin(), -1);
  return out;
}

std::vector<int> once(Index tasks) { return std::vector<int>(static_cast<std::size_t>(tasks), 1); }

}  // namespace

TEST_CASE("every task runs once, by a worker that has no other at the time") {
  for (const int count : {1, 2, 3, 5}) {
    ef::Threads threads(count);
    CHECK(threads.count() == count);
    for (int repeat = 0; repeat < 200; ++repeat)
      for (const Index tasks : {0, 1, 2, 3, 7, 40}) CHECK(runs(threads, tasks) == once(tasks));
  }
}

TEST_CASE("work goes on after the workers have fallen asleep") {
  ef::Threads threads(3);
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(runs(threads, 20) == once(20));
  }
}

TEST_CASE("an exception of a task reaches the caller, and the pool works on") {
  for (const int count : {1, 2, 4}) {
    ef::Threads threads(count);
    for (int repeat = 0; repeat < 50; ++repeat) {
      CHECK_THROWS_WITH_AS(threads.parallel_for(8,
                                                [](Index task, int) {
                                                  if (task % 3 == 1) throw ef::InputError("a task failed");
                                                }),
                           "a task failed", ef::InputError);
      CHECK(runs(threads, 9) == once(9));
    }
  }
}

TEST_CASE("a task may split its own work with the same threads") {
  ef::Threads threads(3);
  std::atomic<Index> sum{0};
  threads.parallel_for(6, [&](Index outer, int) {
    threads.parallel_for(10, [&](Index inner, int) { sum += 100 * outer + inner; });
  });
  CHECK(sum == 100 * 10 * 15 + 6 * 45);
}

TEST_CASE("several threads may use one pool at a time") {
  ef::Threads threads(2);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 200; ++repeat) {
        std::vector<int> counts(13);  // each task has a place of its own
        threads.parallel_for(13, [&](Index task, int) { ++counts[static_cast<std::size_t>(task)]; });
        wrong += counts != std::vector<int>(13, 1);
      }
    });
  for (auto& caller : callers) caller.join();
  CHECK(wrong == 0);
}

TEST_CASE("the caller's job system gets the tasks and its exceptions pass through") {
  Index asked = 0;
  ef::Threads threads(4, [&](Index n, const std::function<void(Index, int)>& body) {
    asked += n;
    for (Index task = n; task-- > 0;) body(task, static_cast<int>(task % 4));
  });
  CHECK(runs(threads, 11) == once(11));
  CHECK(asked == 11);
  CHECK_THROWS_AS(threads.parallel_for(5, [](Index, int) { throw ef::InputError("no"); }), ef::InputError);
}

TEST_CASE("a count below one and an empty job system are refused") {
  CHECK_THROWS_WITH_AS(ef::Threads(0), "threads: must be at least 1, is 0", ef::ConfigError);
  CHECK_THROWS_WITH_AS(ef::Threads(-3), "threads: must be at least 1, is -3", ef::ConfigError);
  CHECK_THROWS_AS(ef::Threads(0, [](Index, const std::function<void(Index, int)>&) {}), ef::ConfigError);
  CHECK_THROWS_AS(ef::Threads(2, ef::Threads::Executor()), ef::ConfigError);
}

TEST_CASE("slices cover the range without overlap, in whole grains but for the last") {
  for (const int count : {1, 2, 3, 5}) {
    ef::Threads threads(count);
    for (const Index grain : {1, 4, 100})
      for (const Index n : {0, 1, 3, 4, 5, 99, 100, 101, 1000}) {
        std::vector<std::atomic<int>> covered(static_cast<std::size_t>(n));
        std::atomic<int> crooked{0};
        threads.slices(n, grain, [&](Index begin, Index end) {
          crooked += begin % grain != 0 || (end % grain != 0 && end != n) || begin >= end;
          for (Index i = begin; i < end; ++i) ++covered[static_cast<std::size_t>(i)];
        });
        CHECK(crooked == 0);
        CHECK(std::vector<int>(covered.begin(), covered.end()) == once(n));
      }
  }
}

}  // namespace core_threads
