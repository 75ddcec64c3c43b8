// What every computation is given: who works, and where intermediate results go.
#pragma once

#include <eigenformer/core/threads.hpp>
#include <eigenformer/core/workspace.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

struct Run {
  Threads& threads;
  Workspace& workspace;
};

/// f(run) on the calling thread alone, with scratch memory of its own.
template <class F> auto alone(F&& f) {
  Threads threads(1);
  Workspace workspace;
  Run run{threads, workspace};
  return f(run);
}

}  // namespace eigenformer::inline EIGENFORMER_ABI
