#include "support/skip.hpp"
#define DOCTEST_CONFIG_IMPLEMENT
#include <fstream>
#include <set>
#include <utility>

#include <doctest/doctest.h>

namespace {

/// What was skipped: test case and reason, each once.
std::set<std::pair<std::string, std::string>>& skipped() {
  static std::set<std::pair<std::string, std::string>> notes;
  return notes;
}

}  // namespace

void support::note_skipped(const std::string& reason) {
  skipped().emplace(doctest::getContextOptions()->currentTest->m_name, reason);
}

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int failed = context.run();
  std::ofstream file(argv[0] + std::string(".skipped"));
  for (const auto& [test_case, reason] : skipped()) file << test_case << '\t' << reason << '\n';
  return failed;
}
