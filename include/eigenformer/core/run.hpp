// What every computation is given: who works, and where intermediate results go.
#pragma once

#include <eigenformer/core/threads.hpp>
#include <eigenformer/core/workspace.hpp>

namespace eigenformer::inline EIGENFORMER_ABI {

struct Run {
  Threads& threads;
  Workspace& workspace;
};

}  // namespace eigenformer::inline EIGENFORMER_ABI
