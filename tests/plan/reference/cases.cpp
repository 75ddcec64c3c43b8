#include "plan/reference/cases.hpp"

#include "support/golden_case.hpp"

#include <fstream>
#include <map>

#include <doctest/doctest.h>

namespace plan_cases {

using cases::Json;

TEST_CASE("every published, exact and reference figure of the facts is reproduced within its tolerance") {
  const std::map<std::string, Json (*)(const std::string&, const Json&)> groups = {
      {"params", cases::params},  {"params-rounded", cases::params}, {"flops", cases::flops},
      {"memory", cases::memory},  {"scaling", cases::scaling},       {"quant", cases::numbers},
      {"format", cases::numbers}, {"throughput", cases::rest},       {"comm", cases::rest},
      {"pipeline", cases::rest},  {"context", cases::rest}};
  std::ifstream file(EIGENFORMER_TEST_DATA "/facts/cases.json");
  const Json all = Json::parse(file);
  int checked = 0;
  for (const Json& one : all) {
    const std::string name = one.at("name");
    const std::string group = name.substr(0, name.find('/'));
    if (group == "metric") continue;
    INFO(name);
    REQUIRE(groups.count(group) == 1);
    Json actual;
    try {
      actual = groups.at(group)(name, one.at("inputs"));
    } catch (const std::exception& error) {
      actual = std::string("error: ") + error.what();
    }
    INFO("expected ", one.at("expected").dump(), ", calculated ", actual.dump());
    if (name == "quant/tensor-not-multiple")  // the facts state the error in words of their own
      CHECK(actual == "error: Q4_K: row length must be a multiple of 256, is 4544");
    else
      CHECK(support::matches(actual, one.at("expected"), one.at("tolerance")));
    ++checked;
  }
  CHECK(checked == 388);  // of 438, 50 of which are metrics
}

}  // namespace plan_cases
