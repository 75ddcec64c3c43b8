// Threads and scratch memory of a test's own.
#pragma once

#include <eigenformer/core/run.hpp>

namespace support {

struct Machine {
  eigenformer::Threads threads;
  eigenformer::Workspace workspace;
  eigenformer::Run run{threads, workspace};
  explicit Machine(int count = 1) : threads(count) {}
};

}  // namespace support
