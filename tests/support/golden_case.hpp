// Whether an answer is the expected one of tests/data/facts/cases.json, within the tolerance stated there.
#pragma once

#include <cmath>

#include <nlohmann/json.hpp>

namespace support {

using Json = nlohmann::json;

inline bool close(double actual, double expected, const Json& tolerance) {
  if (tolerance.is_string()) return actual == expected;
  if (tolerance.contains("rel"))
    return std::abs(actual - expected) <= tolerance["rel"].get<double>() * std::abs(expected);
  return std::abs(actual - expected) <= tolerance.at("abs").get<double>();
}

inline bool matches(const Json& actual, const Json& expected, const Json& tolerance) {
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

}  // namespace support
