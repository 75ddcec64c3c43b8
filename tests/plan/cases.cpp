#include "cases.hpp"

#include <cmath>
#include <fstream>
#include <map>

#include <doctest/doctest.h>

using cases::Json;

namespace {

bool close(double actual, double expected, const Json& tolerance) {
  if (tolerance.is_string()) return actual == expected;
  if (tolerance.contains("rel"))
    return std::abs(actual - expected) <= tolerance["rel"].get<double>() * std::abs(expected);
  return std::abs(actual - expected) <= tolerance.at("abs").get<double>();
}

bool matches(const Json& actual, const Json& expected, const Json& tolerance) {
  if (expected.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      const Json& own = tolerance.is_object() && tolerance.contains(key) ? tolerance[key] : tolerance;
      if (!actual.contains(key) || !matches(actual[key], value, own)) return false;
    }
    return true;
  }
  if (expected.is_array()) {
    if (!actual.is_array() || actual.size() != expected.size()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!matches(actual[i], expected[i], tolerance)) return false;
    }
    return true;
  }
  if (expected.is_string()) return actual == expected;
  return actual.is_number() && close(actual.get<double>(), expected.get<double>(), tolerance);
}

}  // namespace

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
      CHECK(matches(actual, one.at("expected"), one.at("tolerance")));
    ++checked;
  }
  CHECK(checked > 300);
}
