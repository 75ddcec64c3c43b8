#include <eigenformer/core/function_ref.hpp>

#include <string>
#include <utility>

#include <doctest/doctest.h>

namespace ef = eigenformer;

namespace {

int twice(int x) { return 2 * x; }

struct Counter {
  int calls = 0;
  int operator()(int x) { return ++calls * x; }
};

int call(ef::FunctionRef<int(int)> f, int x) { return f(x); }

}  // namespace

TEST_CASE("a reference to a function calls functions, lambdas and objects, and refers to them") {
  CHECK(call(twice, 4) == 8);
  int sum = 0;
  CHECK(call([&](int x) { return sum += x; }, 3) == 3);
  CHECK(sum == 3);
  Counter counter;
  const ef::FunctionRef<int(int)> counting(counter);
  CHECK(counting(5) == 5);
  CHECK(counting(5) == 10);
  CHECK(counter.calls == 2);
  const Counter* const same = &counter;
  CHECK(same->calls == 2);
}

TEST_CASE("a reference to a function passes arguments on without copies, and converts what comes back") {
  struct Heavy {
    explicit Heavy(int* counted) : copies(counted) {}
    Heavy(const Heavy& other) : copies(other.copies) { ++*copies; }
    Heavy(Heavy&& other) noexcept : copies(other.copies) {}
    int* copies;
  };
  int copies = 0;
  const auto take = [](Heavy&& heavy, const std::string& text) {
    const Heavy own(std::move(heavy));
    return static_cast<short>(text.size());
  };
  const ef::FunctionRef<long(Heavy&&, const std::string&)> f(take);
  CHECK(f(Heavy(&copies), "four") == 4L);
  CHECK(copies == 0);
  static_assert(!std::is_constructible_v<ef::FunctionRef<int(int)>, std::string>);
}
