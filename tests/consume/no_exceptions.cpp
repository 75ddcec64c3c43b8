// A host without exceptions: a failure calls its handler; where that returns, the sentence is on stderr and the program
// aborts.
#include <eigenformer/plan.hpp>
#include <eigenformer/train.hpp>

#include <cstdlib>
#include <string_view>

namespace ef = eigenformer;

int main(int argc, char**) {
  ef::Threads two(2);
  int sum[2] = {};
  two.parallel_for(2, [&](ef::Index task, int) { sum[task] = 1; });
  if (sum[0] + sum[1] != 2 || ef::plan::catalog().empty()) return 1;
  if (argc == 1) {
    ef::failure_handler = [](const ef::Error& error) {
      std::_Exit(std::string_view(error.what()) == "threads: must be at least 1, is 0" ? 0 : 2);
    };
  }
  ef::Threads none(0);
  return 3;
}
